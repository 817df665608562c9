"""How soon a late reading is in every rollup: `python -m tests.benchmarks.late [--rate N] [--late N]`.

POINTS registers send readings through the stream to the real ingest, `rate` a second, at the pace of the clock.
Meanwhile late readings of other points come twice a second by the backfill lane, each of a minute a year ago that a day
still lacks. Measured is for each how long it takes from its publication until the day, the last that is rolled up, has
counted it.
"""

import argparse
import asyncio
import time

import numpy as np

from collector import recompute
from collector.ingest import Ingest
from collector.terms import Terms
from config.quality import Flag
from config.samples import MICROSECOND, SampleBatch, now_us
from storage import readings
from storage.columns import instant
from storage.database import Database
from storage.exclusive import exclusive
from storage.points import load_points
from storage.stream import Stream
from tests.benchmarks.watch import servers
from tests.collector.seed import USCC, seed

ALLOWED_S = 60.0
POINTS, MESSAGE = 10_000, 500
MINUTE = 60 * MICROSECOND
DAY = 1440 * MINUTE
LATE = 600
"""The minute of the day that is lacking."""
_COUNTED = "select received = 1440 from rollup_day where point_id = $1 and start = $2"


async def measure(rate: int, late: int) -> tuple[list[float], float]:
    """Seconds until each late reading was counted; live readings stored a second meanwhile."""
    async with servers() as (db, stream, _), exclusive(db, "ingest", asyncio.Event()) as conn:
        assert conn is not None
        ids = await seed(db, POINTS + late, cadence_s=60)
        midnight = (now_us() - 365 * DAY) // DAY * DAY - 8 * 60 * MINUTE
        await _past(db, ids[:late], midnight)
        await db.pool.execute("vacuum analyze")
        ingest, stop = Ingest(db, stream, conn, await stream.lanes(), 1826), asyncio.Event()
        running, sending = asyncio.create_task(ingest.run(stop)), asyncio.create_task(_live(stream, ids[late:], rate))
        began, before = time.perf_counter(), await db.pool.fetchval("select count(*) from reading")
        waiting = []
        for point in ids[:late]:
            await asyncio.sleep(0.5)
            waiting.append(asyncio.create_task(_one(db, stream, point, midnight)))
        took = await asyncio.gather(*waiting)
        stored = await db.pool.fetchval("select count(*) from reading") - before
        live = stored / (time.perf_counter() - began)
        sending.cancel()
        stop.set()
        await running
        return took, live


async def _past(db: Database, ids: list[int], midnight: int) -> None:
    """The day of a year ago, but for one minute."""
    terms = Terms((await load_points(db)).points.values())
    minute = np.delete(np.arange(1440 + 30), LATE)
    for first in range(0, len(ids), 100):
        part = np.array(ids[first : first + 100], np.int32)
        point, number = np.repeat(part, len(minute)), np.tile(minute, len(part))
        value, flags = np.array(number * 0.25, np.float64), np.full(len(point), Flag.BACKFILL, np.int16)
        batch = SampleBatch(point, midnight + number * MINUTE, value, flags, now_us())
        async with db.transaction() as conn:
            await recompute.recompute(conn, (await readings.store(conn, batch)).new, terms)


async def _live(stream: Stream, ids: list[int], rate: int) -> None:
    """Readings of now, one point after the other, so many a second."""
    points, began, sent = np.array(ids, np.int32), time.time(), 0
    while True:
        await asyncio.sleep(max(0.0, began + sent / rate - time.time()))
        part = points[np.arange(sent, sent + MESSAGE) % len(points)]
        now = now_us()
        values = np.full(MESSAGE, 1000.0 + (now / MICROSECOND - began) * 0.01)
        flags = np.zeros(MESSAGE, np.int16)
        await stream.publish(USCC, SampleBatch(part, np.full(MESSAGE, now), values, flags, now))
        sent += MESSAGE


async def _one(db: Database, stream: Stream, point: int, midnight: int) -> float:
    began = time.perf_counter()
    flags = np.array([Flag.BACKFILL], np.int16)
    time_, value = np.array([midnight + LATE * MINUTE]), np.array([LATE * 0.25])
    await stream.publish(USCC, SampleBatch(np.array([point], np.int32), time_, value, flags, now_us()), lane="backfill")
    while not await db.pool.fetchval(_COUNTED, point, instant(midnight)):  # noqa: ASYNC110 (the database is asked)
        await asyncio.sleep(0.02)
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--late", type=int, default=120)
    given = parser.parse_args()
    took, live = asyncio.run(measure(given.rate, given.late))
    half, most = np.percentile(took, (50, 99))
    print(
        f"{len(took)} readings of a year ago beside {live:.0f} live readings/s: in every rollup after {half:.2f} s "
        f"(median), {most:.2f} s (p99; allowed: {ALLOWED_S:.0f} s), {max(took):.2f} s at most"
    )
    return int(most > ALLOWED_S)


if __name__ == "__main__":
    raise SystemExit(main())
