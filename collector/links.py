"""One supervised link per address. Several units share it behind a gateway; the fault domain is the unit.

A device is always in exactly one place: waiting in the wheel for its slot, in the queue of its link, or being polled.
So a poll that takes long never piles up behind itself, and a device whose link was down is polled when it is back.

What goes wrong            whose fault    then
no connection              the link's     back-off of 1 to 60 s without end; its devices keep their place in the queue
no reply, reset, garbage   the unit's     the link is rebuilt at once for the others; the unit alone backs off
refused registers          the profile's  found by halves, set aside for an hour, then tried again
other exceptions           the block's    the rest of the poll goes on
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Generator

from collector.devices import Device, Reading
from collector.poll import Counts, Wheel, backoff
from config.samples import now_us
from protocols.driver import Answer, Connect, Line
from protocols.errors import BadReply, ConnectFailed, ProtocolError, Refused, Silent
from protocols.plan import NOTHING, Block, Known, search

log = logging.getLogger(__name__)

CONNECT_S = 3.0
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.5, 3.0
"""For a reply. A link that always answers fast is soon given up on: its dead units cost the others little."""
WAIT_FACTOR, FADING = 4.0, 0.99
"""The wait is so many times the slowest reply of late; "of late" fades by this factor with each reply."""
BELIEVED_S = 3600.0
"""How long a refusal is believed: a meter that is just starting may refuse what it has."""
TELL_AFTER = 2
"""Failed polls in a row before a device is reported: a single lost poll is no news."""

Take = Callable[[Device, Reading, bytes, bytes, int], None]
"""(device, reading, its point ids, registers, instant of the reply in us)."""


class Link:
    """Polls the devices at one address, one request at a time."""

    __slots__ = (
        "_asked_at",
        "_attempt",
        "_block",
        "_connect",
        "_counts",
        "_device",
        "_done",
        "_found",
        "_got",
        "_line",
        "_loop",
        "_next",
        "_queue",
        "_readings",
        "_refusals",
        "_resting",
        "_search",
        "_slowest_s",
        "_take",
        "_watched",
        "_wheel",
        "address",
        "devices",
    )

    def __init__(
        self, address: str, connect: Connect, wheel: Wheel, counts: Counts, take: Take, done: Callable[[Device], None]
    ) -> None:
        self.address = address
        self.devices = 0
        """How many are reached by it."""
        self._loop = asyncio.get_running_loop()
        self._connect, self._wheel, self._counts, self._take, self._done = connect, wheel, counts, take, done
        self._queue: deque[Device] = deque()
        self._line: Line | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._resting = False
        self._refusals = 0  # attempts to connect in a row that failed
        self._slowest_s: float | None = None
        self._device: Device | None = None  # being polled
        self._readings: tuple[tuple[Reading, bytes], ...] = ()  # what its poll consists of
        self._next = 0  # the reading asked for
        self._got = 0  # blocks the poll gave
        self._found = NOTHING  # what the poll taught about the device
        self._search: Generator[Block, bool, Known] | None = None
        self._block: Block | None = None  # asked for, not answered
        self._asked_at = 0.0
        self._watched = False

    @property
    def connected(self) -> bool:
        return self._line is not None

    def poll(self, device: Device) -> None:
        """Poll the device when its turn comes; `done` is called afterwards, whatever came of it."""
        self._queue.append(device)
        self._pump()

    def close(self) -> None:
        """Nothing is reached by it any more."""
        self._queue.clear()
        self._device = self._block = self._search = None
        if self._attempt:
            self._attempt.cancel()
        self._drop_line()

    # the line

    def _pump(self) -> None:
        """Begin what can begin now."""
        while self._queue and self._device is None and self._attempt is None and not self._resting:
            if self._line is None:
                self._attempt = asyncio.create_task(self._open())
            elif not (device := self._queue.popleft()).gone:
                self._begin(device)

    async def _open(self) -> None:
        try:
            self._line = await self._connect(self.address, self, CONNECT_S)
            if self._refusals:
                log.info("link %s is back", self.address)
            self._refusals = 0
        except ConnectFailed as error:
            self._refusals += 1
            if self._refusals == 1:
                log.warning("link %s is down, retried without end: %s", self.address, error)
            self._resting = True
            self._wheel.after(backoff(self._refusals, 1.0), self._rested)
        finally:
            self._attempt = None
        self._pump()

    def _rested(self) -> None:
        self._resting = False
        self._pump()

    def _drop_line(self) -> None:
        if self._line:
            self._line.close()
        self._line = None

    def lost(self, reason: ProtocolError) -> None:
        """The line is over. Between polls that is no fault: many devices close a link that is idle for long."""
        self._line = None
        if self._device:
            self._skip(reason)

    # a poll

    def _begin(self, device: Device) -> None:
        if device.slot:
            self._counts.begun(device.slot, device.connection.cadence_s)
        if device.believed_until < time.time():
            device.learn(NOTHING)
        first = device.first
        self._device, self._next, self._got, self._found = device, 0, 0, NOTHING
        self._readings = device.readings[first:] + device.readings[:first] if first else device.readings
        self._ask(device, self._readings[0][0].block)

    def _ask(self, device: Device, block: Block) -> None:
        assert self._line is not None
        self._block, self._asked_at = block, self._loop.time()
        self._line.request(device.connection.unit, block)
        if not self._watched:
            self._watched = True
            self._wheel.after(self._wait_s(), self._watch)

    def answered(self, answer: Answer) -> None:
        device, block = self._device, self._block
        if device is None or block is None:  # closed meanwhile
            return
        self._block = None
        took = self._loop.time() - self._asked_at
        self._slowest_s = took if self._slowest_s is None else max(took, self._slowest_s * FADING)
        if self._search:
            self._answered_search(device, block, answer)
        elif isinstance(answer, bytes):
            reading, columns = self._readings[self._next]
            self._keep(device, reading, columns, answer)
            self._go_on(device, None)
        elif isinstance(answer, Refused):
            self._search = search(block)
            self._continue_search(device, None)
        else:
            self._counts.bad_replies += 1
            self._go_on(device, answer)

    def _keep(self, device: Device, reading: Reading, columns: bytes, registers: bytes) -> None:
        self._got += 1
        self._counts.blocks += 1
        if not device.gone:
            self._take(device, reading, columns, registers, now_us())

    def _go_on(self, device: Device, reason: ProtocolError | None) -> None:
        self._next += 1
        if self._next < len(self._readings) and not device.gone:
            self._ask(device, self._readings[self._next][0].block)
        else:
            self._finish(device, reason)

    def _finish(self, device: Device, reason: ProtocolError | None) -> None:
        """The poll is over; `reason`: why the last block of it gave nothing."""
        self._device = self._search = None
        if self._next >= len(self._readings):
            device.refused = device.known.refused | self._found.refused
        if self._got:
            if self._found != NOTHING:  # where everything is refused, something else is wrong
                _learn(device, self._found)
            if device.failures >= TELL_AFTER:
                log.info("%s answers again", device)
            device.failures = 0
        else:
            device.failures += 1
            self._counts.failed += 1
            if device.failures == TELL_AFTER:
                log.warning("%s gives nothing, asked again without end: %s", device, reason)
        self._done(device)
        self._pump()

    # no reply

    def _wait_s(self) -> float:
        if self._slowest_s is None:
            return LONGEST_WAIT_S
        return min(LONGEST_WAIT_S, max(SHORTEST_WAIT_S, WAIT_FACTOR * self._slowest_s))

    def _watch(self) -> None:
        """Look whether the reply is overdue; one look is under way per link, however many requests there are."""
        self._watched = False
        if self._block is None or self._device is None:
            return
        left = self._asked_at + self._wait_s() - self._loop.time()
        if left > 0:
            self._watched = True
            self._wheel.after(left, self._watch)
            return
        reason = Silent(f"no reply within {self._wait_s():.1f} s")
        if not self._device.failures and self._slowest_s is not None:  # it used to answer: perhaps the link got slower
            self._slowest_s = min(2 * self._slowest_s, LONGEST_WAIT_S)
        self._drop_line()
        self._skip(reason)

    def _skip(self, reason: ProtocolError) -> None:
        """The block asked for cost the line. The poll ends, and the next one begins with the block after it: a block
        that is never answered must not hide those behind it."""
        device = self._device
        assert device is not None
        self._block = None
        device.first = (device.first + self._next + 1) % len(self._readings)
        self._finish(device, reason)

    # refusals

    def _answered_search(self, device: Device, block: Block, answer: Answer) -> None:
        if isinstance(answer, bytes):
            reading = Reading.of(block)
            self._keep(device, reading, device.columns(reading), answer)
        if isinstance(answer, BadReply):
            self._search = None
            self._go_on(device, answer)
        else:
            self._continue_search(device, isinstance(answer, bytes))

    def _continue_search(self, device: Device, answered: bool | None) -> None:
        assert self._search is not None
        try:
            block = next(self._search) if answered is None else self._search.send(answered)
        except StopIteration as found:
            self._search = None
            self._found |= found.value
            self._go_on(device, Refused("it has none of the registers; is the profile right?"))
        else:
            self._ask(device, block)


def _learn(device: Device, found: Known) -> None:
    """Remember what the device refuses; say so the first time."""
    device.learn(device.known | found)
    device.believed_until = time.time() + BELIEVED_S
    news = found.refused - device.told
    if news:
        device.told |= news
        log.warning("%s has no %s; set aside, tried again every hour", device, ", ".join(sorted(news)))
