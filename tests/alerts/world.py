"""A small registry with meters, readings as ingest stores them, and a clock that tests move."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from alerts.policy import Policy
from alerts.watch import Watch
from config.quality import Flag
from config.samples import MICROSECOND, SampleBatch
from config.settings import Settings
from storage import readings
from storage.database import Database
from storage.exclusive import exclusive
from storage.stream import Event, Stream

START = 1_767_225_600 * MICROSECOND
"""2026-01-01T00:00Z."""
SECOND, MINUTE, HOUR, DAY = MICROSECOND, 60 * MICROSECOND, 3600 * MICROSECOND, 86_400 * MICROSECOND
POLICY = Policy.of(Settings())
FLAP = POLICY.patience.flap
USCC = "91110000600037341L"
QUANTITIES = ("active_energy_import", "active_power")

_ENTERPRISES = """
insert into enterprise (uscc, name, region)
select case when e = 1 then $1 else 'USCC-' || e end, '企业' || e, '110105' from generate_series(1, $2::integer) e
"""
_METERING_POINTS = """
insert into metering_point (enterprise_id, code, name, carrier, level, direction, boundary)
select 1 + (m - 1) % $2, 'E-' || m, '进线' || m, 'electricity', 1, 'import', true from generate_series(1, $1::integer) m
"""
_METERS = """
insert into meter (enterprise_id, code)
select 1 + (m - 1) % $2, 'M-' || m from generate_series(1, $1::integer) m
"""
_INSTALLATIONS = """
insert into installation (meter_id, metering_point_id, valid_from)
select m, m, $2 from generate_series(1, $1::integer) m
"""
_CONNECTIONS = """
insert into connection (meter_id, driver, address, unit, cadence_s)
select m, 'modbus-tcp', '10.0.' || m / 250 / 256 || '.' || m / 250 % 256 || ':502', m % 250, $2
from generate_series(1, $1::integer) m
"""
_POINTS = """
insert into point (metering_point_id, quantity)
select m, q from generate_series(1, $1::integer) m cross join unnest($2::text[]) with ordinality x (q, o) order by m, o
"""
_SEGMENTS = """
insert into segment (point_id, valid_from, meter_id, multiplier, resolution)
select id, $1, metering_point_id, 1, 0.01 from point
"""
_GRACE = """insert into threshold (rule, scope, body) values ('gap', 'default', '{"cadences": 3, "seconds": 0}')"""
"""Three readings may be missing, so that tests can tell what is late from what is missing."""
_SCHEDULES = "insert into schedule (point_id, valid_from, cadence_s) select id, $1, $2 from point"


@dataclass
class Clock:
    """The time of the watch under test."""

    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass
class World:
    """Meters 1…n; the points of meter m are `len(quantities)` numbers that follow each other, from 1 on."""

    db: Database
    stream: Stream
    clock: Clock = field(default_factory=Clock)
    quantities: Sequence[str] = QUANTITIES
    watch: Watch = field(init=False)

    async def register(self, meters: int = 1, *, cadence_s: int = 60, enterprises: int = 1, since: int = START) -> None:
        start = _instant(since)
        async with self.db.transaction() as conn:
            await conn.execute(_ENTERPRISES, USCC, enterprises)
            await conn.execute(_METERING_POINTS, meters, enterprises)
            await conn.execute(_METERS, meters, enterprises)
            await conn.execute(_INSTALLATIONS, meters, start)
            await conn.execute(_CONNECTIONS, meters, cadence_s)
            await conn.execute(_POINTS, meters, list(self.quantities))
            await conn.execute(_SEGMENTS, start)
            await conn.execute(_SCHEDULES, start, cadence_s)
            await conn.execute(_GRACE)

    def points(self, *meters: int) -> list[int]:
        width = len(self.quantities)
        return [point for meter in meters for point in range((meter - 1) * width + 1, meter * width + 1)]

    async def read(
        self,
        points: Sequence[int],
        times: Sequence[int],
        *,
        event: bool = True,
        lane: str = "live",
        received: int | None = None,
    ) -> None:
        """Store a reading of each point at each time and tell of it, as ingest does."""
        rows = [(point, time, 1.0) for time in times for point in points]
        flags = int(Flag.BACKFILL) if lane == "backfill" else 0
        batch = SampleBatch.from_rows(rows, received=max(times) if received is None else received, flags=flags)
        async with self.db.transaction() as conn:
            await readings.store(conn, batch)
        if not event:
            return
        if lane == "backfill":
            batch = SampleBatch.from_rows(
                [(point, time, 1.0) for time in (min(times), max(times)) for point in points], received=batch.received
            )
        self._take(batch, lane)

    async def poll(self, points: Sequence[int], until: int, *, cadence: int = MINUTE, event: bool = True) -> None:
        """Readings at every cadence from the clock's now to `until`, the clock ends there."""
        times = list(range(self.clock.now + cadence, until + 1, cadence))
        await self.read(points, times, event=event)
        self.clock.now = until

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[Watch]:
        """An active watch whose cycles the test runs by hand."""
        async with exclusive(self.db, "watch", asyncio.Event()) as conn:
            assert conn is not None
            self.watch = Watch(self.db, self.stream, conn, POLICY, self.clock)
            await self.watch.cycle()
            yield self.watch

    async def gaps(self, state: str = "open") -> list[tuple[int, int, int | None, int]]:
        """(point, minutes from START to its start, to its end or None, missing) of each."""
        rows = await self.db.pool.fetch(
            "select point_id, from_time, to_time, missing from gap where state = $1 order by point_id, from_time", state
        )
        return [(row[0], _minutes(row[1]), None if row[2] is None else _minutes(row[2]), row[3]) for row in rows]

    async def alerts(self) -> list[tuple[str, str]]:
        """(key without the enterprise, state), in the order they were opened."""
        rows = await self.db.pool.fetch("select key, state from alert order by id")
        return [(row["key"].replace(f"{USCC}/", ""), row["state"]) for row in rows]

    async def everything(self) -> list[list[tuple[Any, ...]]]:
        """Gaps, alerts and their trail, to compare before and after."""
        names = ("gap", "alert", "alert_event", "notification_item")
        found = [await self.db.pool.fetch("select * from " + name + " order by 1, 2") for name in names]  # noqa: S608
        return [[tuple(row) for row in rows] for rows in found]

    def _take(self, batch: SampleBatch, lane: str) -> None:
        state = self.watch._state
        assert state is not None
        self.watch._take(state, Event(f"events.readings.{USCC}", batch.to_bytes(), {"Lane": lane}))


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(us / MICROSECOND, UTC)


def _minutes(instant: datetime) -> int:
    return round((instant.timestamp() * MICROSECOND - START) / MINUTE)
