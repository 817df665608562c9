"""What storing costs against a raw binary COPY of the same rows; no stream, no energy engine.

    python -m tests.benchmarks.ingest_sql postgresql://postgres@127.0.0.1:5432/postgres

makes a database of its own on that server, prints medians and ratios, and drops the database.
"""

import asyncio
import statistics
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import asyncpg
import numpy as np

from config.samples import MICROSECOND, SampleBatch
from storage import intervals, readings
from storage.changes import later_readings
from storage.columns import Layout, copy_in
from storage.database import Connection, Database
from storage.intervals import IntervalColumns, Ranges
from storage.migrate import migrate

POINTS, MINUTES, ROUNDS = 1000, 50, 9
T0 = 1_767_225_600 * MICROSECOND  # 2026-01-01T00:00Z
MINUTE = 60 * MICROSECOND
QUARTER = 15 * MINUTE
YEAR = 35_040

RAW = """
create table raw (like reading including all) partition by range (time);
create table raw_2026_01 partition of raw for values from ('2026-01-01') to ('2026-02-01');
"""
ROW = Layout(point_id="int4", flags="int2", time="timestamptz", value="float8", received="timestamptz")


class Laps:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name].append(time.perf_counter() - start)

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])


def minutes(number: int) -> SampleBatch:
    """The `number`-th 50 minutes of 1-minute readings of 1,000 points, as they arrive: by time."""
    instants = T0 + (np.arange(MINUTES) + number * MINUTES) * MINUTE
    point = np.tile(np.arange(1, POINTS + 1, dtype=np.int32), MINUTES)
    value = point.astype(np.float64) + number * MINUTES + np.repeat(np.arange(MINUTES), POINTS)
    return SampleBatch(point, np.repeat(instants, POINTS), value, np.zeros(len(point), np.int16), T0)


def quarters(start: int, count: int, points: int = POINTS) -> IntervalColumns:
    """Intervals from the quarter `start` on."""
    size = points * count
    return IntervalColumns(
        np.repeat(np.arange(1, points + 1, dtype=np.int32), count),
        np.tile(T0 + (start + np.arange(count)) * QUARTER, points),
        np.full(size, 900, np.int32),
        np.tile(15.0 + np.arange(start, start + count), points),
        np.zeros(size, np.int16),
        np.zeros(size, np.int16),
        np.full(size, 15, np.int32),
        np.full(size, 15, np.int32),
    )


async def copy_raw(conn: Connection, batch: SampleBatch) -> None:
    async with conn.transaction():
        received = np.full(len(batch), batch.received)
        await copy_in(conn, "raw", ROW, batch.point, batch.flags, batch.time, batch.value, received)


async def with_intervals(conn: Connection, batch: SampleBatch, zones: dict[int, str]) -> None:
    """A transaction of ingest, with ready-made intervals in place of the energy engine."""
    async with conn.transaction():
        await readings.store(conn, batch)
        points = np.arange(1, POINTS + 1, dtype=np.int32)
        first, last = (np.full(POINTS, edge) for edge in (batch.time.min(), batch.time.max()))
        await readings.around(conn, points, first, last, 8, 8)
        begin = (first - MINUTE - T0) // QUARTER
        past = (last - T0) // QUARTER
        made = quarters(int(begin[0]), int(past[0] - begin[0]))
        changed = await intervals.replace(
            conn, made, Ranges(points, T0 + begin * QUARTER, T0 + past * QUARTER), later_readings()
        )
        await intervals.roll_up(conn, changed, zones)


async def ingest(conn: Connection) -> Laps:
    """Each round on new rows; what is compared takes turns in going first."""
    laps = Laps()
    zones = dict.fromkeys(range(1, POINTS + 1), "Asia/Shanghai")
    for number in range(ROUNDS):
        batch = minutes(number)

        async def raw(batch: SampleBatch = batch) -> None:
            with laps.lap("raw COPY"):
                await copy_raw(conn, batch)

        async def stored(batch: SampleBatch = batch, number: int = number) -> None:
            if number % 3:
                with laps.lap("store"):
                    await readings.store(conn, batch)
            else:
                with laps.lap("store, intervals, rollups"):
                    await with_intervals(conn, batch, zones)

        for step in (raw, stored) if number % 2 else (stored, raw):
            await step()
        with laps.lap("all re-sent"):
            again = await readings.store(conn, batch)
        assert again.repeats == len(batch)
    return laps


async def year(conn: Connection, points: int = 50) -> Laps:
    """A year of quarters inserted by time, so that rows of one point lie scattered; then read point by point."""
    laps = Laps()
    step = 1000
    for start in range(0, YEAR, step):
        part = quarters(start, min(step, YEAR - start), points)
        order = np.argsort(part.start, kind="stable")
        part = IntervalColumns(*(getattr(part, name)[order] for name in IntervalColumns.__slots__))
        ids = np.arange(1, points + 1, dtype=np.int32)
        edges = (np.full(points, T0 + quarter * QUARTER) for quarter in (start, start + step))
        await intervals.replace(conn, part, Ranges(ids, *edges), later_readings())
    for point in range(1, points + 1):
        with laps.lap("year of one point"):
            found = await intervals.series(conn, np.array([point], np.int32), "15m", T0, T0 + YEAR * QUARTER)
        assert len(found) == YEAR
    return laps


@asynccontextmanager
async def fresh(server_url: str) -> AsyncIterator[Database]:
    """A migrated database that is dropped afterwards."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(server_url)
    await admin.execute(f"create database {name}")
    db = await Database.connect(urlsplit(server_url)._replace(path=f"/{name}").geturl(), role="bench", timeout_s=300)
    await migrate(db)
    yield db
    await db.close()
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


async def main(server_url: str) -> None:
    async with fresh(server_url) as db, db.connection() as conn:
        await conn.execute(RAW)
        laps = await ingest(conn)
        raw = laps.median("raw COPY")
        for name in laps.seconds:
            seconds = laps.median(name)
            rate = POINTS * MINUTES / seconds
            print(f"{name:28} {seconds * 1e3:6.0f} ms  {rate:9.0f} rows/s  {raw / seconds:5.2f} of raw COPY")
    async with fresh(server_url) as db, db.connection() as conn:
        seconds_each = (await year(conn)).seconds["year of one point"]
        p95 = statistics.quantiles(seconds_each, n=20)[-1]
        print(f"{'a year of one point':28} {statistics.median(seconds_each) * 1e3:6.0f} ms  p95 {p95 * 1e3:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
