"""What was read and is not yet durable. Bounded: while the stream is away the oldest goes first, counted and said."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from collector.harvest import merged
from collector.poll import backoff
from config.samples import SampleBatch
from storage.errors import RowsRefused, StorageError

log = logging.getLogger(__name__)

SAMPLES_HELD = 2_000_000
"""At 22 bytes each; an hour of 1,000 meters with 30 points at one minute."""
MESSAGE_SAMPLES = 8192
AT_ONCE = 32
"""Messages under way to the stream at a time."""
LONGEST_PAUSE_S = 5.0

Publish = Callable[[str, SampleBatch], Awaitable[None]]


class Outbox:
    """Batches per enterprise on their way to the stream, the oldest first."""

    def __init__(self, publish: Publish, limit: int = SAMPLES_HELD) -> None:
        self._publish = publish
        self._limit = limit
        self._waiting: dict[str, list[SampleBatch]] = {}
        self._filled, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._failures = 0
        self._report_at = 1  # lost samples at which the loss is reported next: first at once, then at each doubling
        self.held = 0
        """Samples not yet durable."""
        self.published = 0
        self.lost = 0
        """Samples dropped because too much was held, or because the stream can never take them."""

    def put(self, uscc: str, batch: SampleBatch) -> None:
        waiting = self._waiting.setdefault(uscc, [])
        waiting.append(batch)
        self.held += len(batch)
        _join_small(waiting)
        while self.held > self._limit and self._waiting:
            self._drop_oldest()
        self._filled.set()
        self._empty.clear()

    async def run(self) -> None:
        """Publish for ever, whatever happens to the stream."""
        while True:
            await self._filled.wait()
            await self.flush()
            if self._failures:
                await asyncio.sleep(min(backoff(self._failures, 0.25), LONGEST_PAUSE_S))

    async def flush(self) -> bool:
        """Publish what is held; whether all of it is durable now."""
        while self._waiting:
            taken = self._take()
            errors = await asyncio.gather(*(self._send(uscc, batch) for uscc, batch in taken))
            failed = next((error for error in errors if error), None)
            if failed:
                self._failures += 1
                if self._failures == 1:
                    log.warning("holding samples in memory until the stream takes them: %s", failed)
                return False
        self._filled.clear()
        self._empty.set()
        if self._failures:
            log.info("the stream takes samples again; %d lost since the start", self.lost)
        self._failures, self._report_at = 0, self.lost + 1
        return True

    async def drain(self, seconds: float) -> None:
        """Give `run` so long to publish what is held."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        if self.held:
            log.error("%d samples are lost: the stream did not take them before the stop", self.held)

    def _take(self) -> list[tuple[str, SampleBatch]]:
        taken = []
        for uscc in list(self._waiting)[:AT_ONCE]:
            taken.append((uscc, self._waiting[uscc].pop(0)))
            if not self._waiting[uscc]:
                del self._waiting[uscc]
        return taken

    async def _send(self, uscc: str, batch: SampleBatch) -> StorageError | None:
        try:
            await self._publish(uscc, batch)
        except RowsRefused as error:
            self._lose(len(batch))
            log.error("lost %d samples of %s: %s", len(batch), uscc, error)
        except StorageError as error:
            self._waiting.setdefault(uscc, []).insert(0, batch)
            return error
        else:
            self.held -= len(batch)
            self.published += len(batch)
        return None

    def _drop_oldest(self) -> None:
        uscc = min(self._waiting, key=lambda name: self._waiting[name][0].received)
        self._lose(len(self._waiting[uscc].pop(0)))
        if not self._waiting[uscc]:
            del self._waiting[uscc]
        if self.lost >= self._report_at:
            self._report_at = 2 * self.lost
            log.error("more than %d samples wait for the stream: %d lost, the oldest first", self._limit, self.lost)

    def _lose(self, samples: int) -> None:
        self.held -= samples
        self.lost += samples


def _join_small(waiting: list[SampleBatch]) -> None:
    """Join the last batches when they are of like size, so that a long outage leaves few."""
    while len(waiting) > 1:
        before, last = len(waiting[-2]), len(waiting[-1])
        if before > 2 * last or before + last > MESSAGE_SAMPLES:
            return
        waiting[-2:] = [merged(waiting[-2:])]
