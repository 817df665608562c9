"""What the whole path from the stream to committed readings costs against a raw binary COPY of the same rows.

    python -m tests.benchmarks.ingest [DATABASE_URL NATS_URL]

Without addresses it runs on embedded servers of its own. Everything is measured in one run, in turns, medians of
ROUNDS; a round is what a backlog of `MINUTES` minutes of 1,000 points takes, in messages of 500 samples.
"""

import asyncio
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from collector.ingest import Ingest
from config.samples import MICROSECOND, SampleBatch, now_us
from storage import embedded
from storage.columns import Layout, copy_in
from storage.database import Connection, Database
from storage.exclusive import exclusive
from storage.stream import Stream
from tests.benchmarks.ingest_sql import fresh
from tests.collector.seed import USCC, seed
from tests.homes import temporary_home

POINTS, MINUTES, ROUNDS, MESSAGE, TRANSACTION = 1_000, 200, 3, 500, 50_000
START = 1_767_225_600 * MICROSECOND  # 2026-01-01T00:00Z
MINUTE = 60 * MICROSECOND
REQUIRED = {"readings": 0.6, "all re-sent": 0.5, "with intervals and rollups": 0.3}

RAW = """
create table raw (like reading including all) partition by range (time);
create table raw_2026_01 partition of raw for values from ('2026-01-01') to ('2026-02-01');
"""
ROW = Layout(point_id="int4", flags="int2", time="timestamptz", value="float8", received="timestamptz")

Laps = dict[str, list[float]]


@contextmanager
def lap(laps: Laps, name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    laps[name].append(time.perf_counter() - start)


def minutes(points: list[int], number: int) -> SampleBatch:
    """The `number`-th MINUTES minutes of 1-minute readings, as they arrive: by time."""
    minute = np.repeat(np.arange(MINUTES) + number * MINUTES, len(points))
    point = np.tile(np.array(points, np.int32), MINUTES)
    value = (point * 10 + minute * 0.25).astype(np.float64)
    return SampleBatch(point, START + minute * MINUTE, value, np.zeros(len(point), np.int16), now_us())


def parts(batch: SampleBatch, size: int) -> Iterator[SampleBatch]:
    for start in range(0, len(batch), size):
        cut = slice(start, start + size)
        yield SampleBatch(batch.point[cut], batch.time[cut], batch.value[cut], batch.flags[cut], batch.received)


async def copy_raw(conn: Connection, batch: SampleBatch) -> None:
    for part in parts(batch, TRANSACTION):
        async with conn.transaction():
            received = np.full(len(part), part.received)
            await copy_in(conn, "raw", ROW, part.point, part.flags, part.time, part.value, received)


async def fill(stream: Stream, batch: SampleBatch) -> None:
    """A backlog, as collectors leave it."""
    messages = list(parts(batch, MESSAGE))
    for start in range(0, len(messages), 50):
        await asyncio.gather(*(stream.publish(USCC, message) for message in messages[start : start + 50]))


async def drain(ingest: Ingest, stream: Stream, laps: Laps, name: str) -> None:
    """Ingest the whole backlog; the lap is from the first request to the last acknowledgement, without the half second
    that ingest then waits for more."""
    stop = asyncio.Event()
    with lap(laps, name):
        task = asyncio.create_task(ingest.run(stop))
        while any((await stream.backlog()).values()):  # noqa: ASYNC110 (the server is asked: nothing to wait on)
            await asyncio.sleep(0.02)
    stop.set()
    await task


async def measure(database_url: str, nats_url: str) -> Laps:
    """Seconds per round of each thing measured."""
    laps: Laps = defaultdict(list)
    stream = await Stream.connect(nats_url)
    async with fresh(database_url) as db, exclusive(db, "ingest", asyncio.Event()) as conn:
        assert conn is not None
        await conn.execute(RAW)
        instants, registers = await _points(db)
        ingest = Ingest(db, stream, conn, await stream.lanes(), 1826)
        for number in range(ROUNDS):
            for name, points, resent in (
                ("readings", instants, False),
                ("all re-sent", instants, True),
                ("with intervals and rollups", registers, False),
            ):
                batch = minutes(points, number)
                if not resent:
                    with lap(laps, "raw COPY"):
                        await copy_raw(conn, batch)
                await fill(stream, batch)
                await drain(ingest, stream, laps, name)
        assert await conn.fetchval("select count(*) from reading") == 2 * ROUNDS * POINTS * MINUTES
    await stream.close()
    return laps


async def _points(db: Database) -> tuple[list[int], list[int]]:
    instants = await seed(db, POINTS, "active_power", uscc=USCC)
    registers = await seed(db, POINTS, "active_energy_import", uscc=f"{USCC[:-1]}X")
    async with db.transaction() as conn:  # one enterprise sends them all
        await conn.execute("update metering_point set code = 'R' || code where enterprise_id = 2")
        await conn.execute("update metering_point set enterprise_id = 1")
    return instants, registers


def report(laps: Laps) -> bool:
    """Print the figures; whether they are what is required."""
    raw = statistics.median(laps["raw COPY"])
    good = True
    for name, seconds in laps.items():
        ratio = raw / statistics.median(seconds)
        needed = REQUIRED.get(name, 0.0)
        good &= ratio >= needed
        rate = POINTS * MINUTES / statistics.median(seconds)
        print(f"{name:28} {rate:9.0f} rows/s  {ratio:5.2f} of raw COPY" + (f"  (required {needed})" if needed else ""))
    return good


def main(*addresses: str) -> bool:
    if addresses:
        return report(asyncio.run(measure(*addresses)))
    with (
        temporary_home() as home,
        embedded.postgres(home) as postgres,
        embedded.nats(home, "127.0.0.1:0") as nats,
    ):
        return report(asyncio.run(measure(postgres.url, nats.url)))


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
