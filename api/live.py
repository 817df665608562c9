"""What is happening now: the last reading of every point, and those who listen on /v1/stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from api.problems import Problem
from api.times import local
from config.samples import MICROSECOND, SampleBatch, now_us
from storage.points import Point, PointTable
from storage.readings import ReadingColumns
from storage.views import Sight

MOST_LISTENERS = 200
HELD = 64
"""Messages held for a listener; one that is further behind is cut, and connects again."""


class Latest:
    """The last reading of every point by source time, and how far ingest is behind."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, float]] = {}
        self.received: int | None = None
        """When the newest live readings that ingest has stored were received."""
        self.seen: int | None = None
        """When we heard of them."""

    def load(self, columns: ReadingColumns) -> None:
        """Take what the database has; what was heard of since stays."""
        for point, instant, value in zip(
            columns.point.tolist(), columns.time.tolist(), columns.value.tolist(), strict=True
        ):
            self._learn(point, instant, value)

    def take(self, batch: SampleBatch, *, live: bool) -> None:
        """Readings that ingest has just stored."""
        for point, instant, value in zip(batch.point.tolist(), batch.time.tolist(), batch.value.tolist(), strict=True):
            self._learn(point, instant, value)
        if live:
            self.received, self.seen = batch.received, now_us()

    def get(self, point: int) -> tuple[int, float] | None:
        """(time, value) of the last reading."""
        return self._last.get(point)

    def lag_s(self, waiting: int) -> float | None:
        """Seconds from receipt to storage: of the last readings, or of those still waiting if that is longer."""
        if self.received is None or self.seen is None:
            return None
        until = now_us() if waiting else self.seen
        return round(max(until - self.received, 0) / MICROSECOND, 3)

    def _learn(self, point: int, instant: int, value: float) -> None:
        known = self._last.get(point)
        if known is None or instant >= known[0]:
            self._last[point] = (instant, value)


def multiplier(point: Point, instant: int) -> float:
    """What turns a reading of that time into the primary value: CT x PT where the meter gives secondary values."""
    for segment in point.segments:
        if segment.valid_from <= instant and (segment.valid_to is None or instant < segment.valid_to):
            return segment.multiplier
    return 1.0


@dataclass(eq=False, slots=True)
class Listener:
    """One open /v1/stream: messages are (event, data); None ends it."""

    sight: Sight
    queue: asyncio.Queue[tuple[str, str] | None] = field(default_factory=lambda: asyncio.Queue(HELD + 1))

    def tell(self, message: tuple[str, str]) -> bool:
        """False when the listener is too far behind; it is told to end."""
        if self.queue.qsize() >= HELD:
            self.queue.put_nowait(None)
            return False
        self.queue.put_nowait(message)
        return True


class Hub:
    """Spreads events to listeners: readings gathered per enterprise, at most one message a second; alerts at once."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._gathered: dict[str, dict[int, tuple[int, float]]] = {}
        self._closed = False
        self.regions: dict[str, str] = {}
        """Region of every enterprise."""

    def refuse_when_full(self) -> None:
        """Raises Problem when no listener can be taken."""
        if self._closed or len(self._listeners) >= MOST_LISTENERS:
            raise Problem(
                "too-many-requests", f"{len(self._listeners)} streams are open", headers={"Retry-After": "30"}
            )

    @contextmanager
    def listener(self, sight: Sight) -> Iterator[Listener]:
        """A place among the listeners."""
        listener = Listener(sight)
        if self._closed:
            listener.queue.put_nowait(None)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def __len__(self) -> int:
        return len(self._listeners)

    def gather(self, uscc: str, batch: SampleBatch) -> None:
        """Readings to be told with the next `flush`; of each point the last."""
        if not self._listeners:
            return
        gathered = self._gathered.setdefault(uscc, {})
        for point, instant, value in zip(batch.point.tolist(), batch.time.tolist(), batch.value.tolist(), strict=True):
            if point not in gathered or instant >= gathered[point][0]:
                gathered[point] = (instant, value)

    def flush(self, table: PointTable) -> None:
        """Tell what was gathered."""
        gathered, self._gathered = self._gathered, {}
        for uscc, readings in gathered.items():
            items = [
                _item(table.points[point], *reading) for point, reading in readings.items() if point in table.points
            ]
            if items:
                self._tell(uscc, "readings", msgspec.json.encode({"uscc": uscc, "items": items}).decode())

    def alert(self, uscc: str, data: bytes) -> None:
        """Tell of an alert that changed."""
        self._tell(uscc, "alert", data.decode())

    def close(self) -> None:
        """End every listener; new ones are refused."""
        self._closed = True
        for listener in self._listeners:
            while not listener.queue.empty():
                listener.queue.get_nowait()
            listener.queue.put_nowait(None)

    def _tell(self, uscc: str, event: str, data: str) -> None:
        region = self.regions.get(uscc, "")
        for listener in list(self._listeners):
            if listener.sight.sees(uscc, region) and not listener.tell((event, data)):
                self._listeners.discard(listener)


def _item(point: Point, instant: int, value: float) -> dict[str, Any]:
    return {
        "metering_point": point.metering_point,
        "quantity": point.quantity,
        "time": local(instant, point.zone).isoformat(),
        "value": value,
        "multiplier": multiplier(point, instant),
    }


async def every(seconds: float) -> AsyncIterator[None]:
    """Ticks that do not drift."""
    due = time.monotonic()
    while True:
        due = max(due + seconds, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
        yield
