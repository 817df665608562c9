"""By when the next reading of every point must have come. Pure arrays: an event costs what its batch holds, asking
who is overdue is one comparison over all points.

Deadlines are in our time, readings in the source's: how far a device's clock or delivery lags behind ours is learned
from each live reading and granted, so a late clock is not taken for silence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.expected import Slots, Windows
from config.samples import MICROSECOND, Instants, SampleBatch
from storage.gaps import FOREVER

NEVER = 0
"""Last reading of a point that has none."""
MAX_LAG = 86_400 * MICROSECOND


@dataclass(frozen=True, slots=True)
class Ranges:
    """Times of points to look at in the reading table, both ends included."""

    slot: Slots
    start: Instants
    end: Instants

    def __len__(self) -> int:
        return len(self.slot)


class Deadlines:
    """State of all points: last reading, lag, whether they are silent, and what must be looked at."""

    def __init__(self, windows: Windows, now: int) -> None:
        count = len(windows)
        self.windows = windows
        self.last = np.full(count, NEVER, np.int64)
        self.lag = np.zeros(count, np.int64)
        self.floor = np.zeros(count, np.int64)
        """Not overdue before this: who never reported, or was not listened to, gets time to speak."""
        self.since = np.full(count, FOREVER, np.int64)
        """When the first reading missing in the gap that lasts was due; FOREVER: none lasts."""
        self.holed = np.zeros(count, bool)
        """The point may have gaps with both ends known: late readings can fill them."""
        self.row = np.full(count, -1, np.int64)
        self.cadence = np.zeros(count, np.int64)
        self.grace = windows.shortest_grace()
        """Readings no further apart than this hold no gap."""
        self._deadline = np.full(count, FOREVER, np.int64)
        self._dirty_from = np.full(count, FOREVER, np.int64)
        self._dirty_to = np.full(count, -1, np.int64)
        self._later_from = np.full(count, FOREVER, np.int64)
        self._later_to = np.full(count, -1, np.int64)
        self._slot = np.full(int(windows.point.max(initial=0)) + 2, -1, np.int64)
        self._slot[windows.point] = np.arange(count)
        self._next_due = FOREVER
        # Nobody is overdue before this. Readings only put deadlines off, so it stays true without a look at all points.
        self.held = False
        """Nobody is found overdue: readings are under way that are not stored yet."""
        self.next_change = 0
        self.advance(now)

    def __len__(self) -> int:
        return len(self.windows)

    def slots(self, point: NDArray[np.integer]) -> Slots:
        """Slots of point ids; -1 for points not known."""
        known = (point >= 0) & (point < len(self._slot) - 1)
        return self._slot[np.where(known, point, -1)]

    def advance(self, now: int) -> Slots:
        """Go to the windows that hold `now`; the slots whose window changed (mark them: their gaps may end)."""
        row = self.windows.at(now)
        changed = np.flatnonzero(row != self.row)
        self.row = row
        held = row >= 0
        self.cadence = np.zeros(len(self), np.int64)
        self.cadence[held] = self.windows.cadence[row[held]]
        self.next_change = self.windows.next_change(now)
        self.reckon(changed)
        return changed

    def heard(self, batch: SampleBatch, *, live: bool) -> None:
        """Take readings just stored into account; holes, returns and late fills are marked to be looked at."""
        slot = self.slots(batch.point)
        known = slot >= 0
        order = np.lexsort((batch.time[known], slot[known]))
        slot, time = slot[known][order], batch.time[known][order]
        if not len(slot):
            return
        opens = np.concatenate(([True], slot[1:] != slot[:-1]))
        before = self.last[slot]
        previous = np.where(opens, before, np.maximum(before, np.roll(time, 1)))
        fresh, silent = time > before, self.since[slot] < FOREVER
        hole = fresh & (silent | (time - previous > self.grace[slot]))
        late = ~fresh & (self.holed[slot] | silent)
        self.mark(slot[hole], previous[hole], time[hole])
        self.mark(slot[late], time[late], time[late])
        newest = np.concatenate((opens[1:], [True])) & fresh
        self.spoke(slot[newest], time[newest], batch.received if live else None)

    def spoke(self, slot: Slots, time: Instants, received: int | Instants | None) -> None:
        """The last reading of each slot (each at most once). `received`: when it came, None if that tells nothing."""
        self.last[slot] = np.maximum(self.last[slot], time)
        if received is not None:
            self.lag[slot] = np.clip(received - time, 0, MAX_LAG)
        self.reckon(slot)

    def give_time(self, slot: Slots, now: int) -> None:
        """Let these slots speak for a cadence and a grace from now on before they are overdue."""
        self.floor[slot] = now + self.cadence[slot] + self.windows.gap.at(slot, self.cadence[slot])
        self.reckon(slot)

    def mark(self, slot: Slots, start: Instants, end: Instants) -> None:
        """Have these times of these points looked at; what is marked for one point becomes one range."""
        np.minimum.at(self._dirty_from, slot, start)
        np.maximum.at(self._dirty_to, slot, end)

    def take_marked(self) -> Ranges:
        """What is to be looked at; it is marked no longer."""
        slot = np.flatnonzero(self._dirty_to >= 0)
        ranges = Ranges(slot, self._dirty_from[slot], self._dirty_to[slot])
        self._dirty_from[slot] = FOREVER
        self._dirty_to[slot] = -1
        return ranges

    def put_off(self, slot: Slots, start: Instants, end: Instants) -> None:
        """Have these times looked at after `resume`."""
        np.minimum.at(self._later_from, slot, start)
        np.maximum.at(self._later_to, slot, end)

    def resume(self) -> None:
        """What was put off is to be looked at."""
        slot = np.flatnonzero(self._later_to >= 0)
        self.mark(slot, self._later_from[slot], self._later_to[slot])
        self._later_from[slot] = FOREVER
        self._later_to[slot] = -1

    @property
    def waiting(self) -> bool:
        """Whether a look is put off."""
        return bool((self._later_to >= 0).any())

    @property
    def marked(self) -> bool:
        return bool((self._dirty_to >= 0).any())

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Points with a gap that lasts."""
        return self.since < FOREVER

    def certain(self, slot: Slots, now: int) -> Instants:
        """Up to when a slot without newer readings has really missed them: now if it is overdue or silent already;
        while it may still speak, only up to the beginning of its window."""
        row, silent = self.row[slot], self.since[slot] < FOREVER
        until = np.full(len(slot), now, np.int64)
        waiting = (row >= 0) & ((self._deadline[slot] > now) | (self.held & ~silent))
        waiting &= ~(silent & (self.last[slot] < self.since[slot]))
        until[waiting] = self.windows.start[row[waiting]]
        return until

    def reckon(self, slot: Slots) -> None:
        """Deadlines anew, after `last`, `lag`, `floor` or the window of these slots has changed."""
        row = self.row[slot]
        self._deadline[slot[row < 0]] = FOREVER
        slot, row = slot[row >= 0], row[row >= 0]
        cadence = self.windows.cadence[row]
        due = np.maximum(self.last[slot] + cadence, self.windows.start[row])
        deadline = np.maximum(due + self.windows.gap.at(slot, cadence) + self.lag[slot] + 1, self.floor[slot])
        self._deadline[slot] = deadline
        self._next_due = min(self._next_due, int(deadline.min(initial=FOREVER)))

    @property
    def next_due(self) -> int:
        """Nobody becomes overdue before this."""
        return self._next_due

    def owing(self, slot: Slots, now: int) -> NDArray[np.bool_]:
        """Whether slots, each within a window, are silent or late for a reading, by however little."""
        due = np.maximum(self.last[slot] + self.cadence[slot], self.windows.start[self.row[slot]]) + self.lag[slot]
        late: NDArray[np.bool_] = np.maximum(due, self.floor[slot]) < now
        return self.silent[slot] | late

    def overdue(self, now: int) -> Slots:
        """Points overdue by more than the grace that are not known to be silent, when some have become so since the
        last time."""
        if self.held or now < self._next_due:
            return np.empty(0, np.int64)
        speaking = self.since == FOREVER
        due = speaking & (self._deadline <= now)
        self._next_due = int(self._deadline[speaking & ~due].min(initial=FOREVER))
        return np.flatnonzero(due)
