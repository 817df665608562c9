"""When devices are polled: a timer wheel, wall-clock aligned slots, and back-off. No task or future per device."""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

SLOT_S = 0.01
"""Resolution of the wheel."""
SPREAD_S = 60.0
"""Polls of one slot are spread over this time at most: a register read long after the boundary of an interval would
make its energy an interpolation."""
LONGEST_BACKOFF_S = 60.0

FIRST_BACKOFF_S = 5.0

_GOLDEN = (math.sqrt(5) - 1) / 2
_SLOTS = 4096


def phase(connection: int, cadence_s: float) -> float:
    """Seconds after its slot at which a connection is polled, the same for ever.

    Multiples of the golden ratio spread consecutive ids evenly, however many there are.
    """
    return connection * _GOLDEN % 1 * min(cadence_s, SPREAD_S)


def next_slot(now: float, cadence_s: float, offset_s: float) -> float:
    """The first slot after `now`: k x cadence + offset, both in seconds of the wall clock since 1970 UTC."""
    return (math.floor((now - offset_s) / cadence_s + 1e-9) + 1) * cadence_s + offset_s


def tolerance(cadence_s: float) -> float:
    """A poll begun more seconds after its slot than this is not on time."""
    return max(1.0, cadence_s / 10)


def backoff(failures: int, first_s: float) -> float:
    """Seconds to wait after so many failures in a row: doubling, capped, jittered by a fifth; there is no last try."""
    return min(LONGEST_BACKOFF_S, first_s * 2.0 ** min(failures - 1, 16)) * random.uniform(0.8, 1.2)


@dataclass(slots=True)
class Counts:
    """What happened since the start."""

    polls: int = 0
    """Polls planned for a slot and begun."""
    on_time: int = 0
    """Of those, begun in time."""
    failed: int = 0
    """Polls that gave nothing, those out of turn too."""
    blocks: int = 0
    """Blocks read."""
    bad_replies: int = 0
    late_s: float = 0.0
    """The longest delay of a poll after its slot."""

    def begun(self, slot: float, cadence_s: float) -> None:
        delay = time.time() - slot
        self.polls += 1
        self.on_time += delay <= tolerance(cadence_s)
        self.late_s = max(self.late_s, delay)

    def passed_over(self, slot: float, following: float, cadence_s: float) -> None:
        """Slots between two that were polled count as polls that were not on time."""
        self.polls += max(0, round((following - slot) / cadence_s) - 1)


class Wheel:
    """Calls things at their time, to 10 ms, by one timer of the event loop.

    Adding is an append to the list of a slot; what lies more than a turn (41 s) ahead is carried on when its slot
    comes. Times are the loop's (monotonic): a step of the wall clock never stalls or floods the wheel.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots: list[list[tuple[float, Callable[[], None]]]] = [[] for _ in range(_SLOTS)]
        self._turned = int(self._loop.time() / SLOT_S)
        self._timer = self._loop.call_later(SLOT_S, self._turn)
        self.longest_stall_s = 0.0
        """The longest the event loop kept the wheel from turning."""

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call after so many seconds, at the earliest with the next turn."""
        when = self._loop.time() + seconds
        self._slots[max(math.ceil(when / SLOT_S), self._turned + 1) % _SLOTS].append((when, call))

    def stop(self) -> None:
        self._timer.cancel()

    def _turn(self) -> None:
        now = self._loop.time()
        present = int(now / SLOT_S)
        self.longest_stall_s = max(self.longest_stall_s, (present - self._turned) * SLOT_S)
        self._timer = self._loop.call_at((present + 1) * SLOT_S, self._turn)
        for number in range(max(self._turned + 1, present - _SLOTS + 1), present + 1):
            self._turned = number
            due, self._slots[number % _SLOTS] = self._slots[number % _SLOTS], []
            for entry in due:
                if entry[0] > now:
                    self._slots[number % _SLOTS].append(entry)
                else:
                    self._call(entry[1])

    @staticmethod
    def _call(call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # supervisor: one broken device must not stop the clock of all others
            log.exception("a timed call failed")
