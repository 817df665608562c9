"""How long the nightly proof of a day takes: `python -m tests.benchmarks.proof [--points N] [--seconds CADENCE …]`.

Registers read every 15 minutes, and every minute, for a day and three hours, with intervals and rollups as ingest makes
them; then the day of all points is proved as at night. Printed are the seconds it takes, how long other work of the
process waits meanwhile, and the peak memory.
"""

import argparse
import asyncio
import resource
import time
from datetime import date

import numpy as np

from collector import recompute
from collector.reconcile import verify
from collector.terms import Terms
from config.samples import MICROSECOND, SampleBatch
from storage import readings
from storage.database import Database
from storage.points import load_points
from tests.benchmarks.watch import servers
from tests.collector.seed import seed

ALLOWED_S = 60.0
DAY = date(2026, 1, 2)
MIDNIGHT = 1_767_225_600 * MICROSECOND + 16 * 3600 * MICROSECOND
"""When DAY begins in Shanghai."""
AT_ONCE = 200_000
"""Readings stored in one transaction."""


async def measure(points: int, cadence_s: int) -> tuple[float, int, int, float]:
    """Seconds, points proved, points that do not add up, p99 of how long the event loop was held (seconds)."""
    async with servers() as (db, _, _):
        await db.pool.execute("set statement_timeout = 0")
        ids = await seed(db, points, cadence_s=cadence_s, multiplier=40.0)
        await _fill(db, ids, cadence_s)
        await db.pool.execute("analyze")
        table = await load_points(db)
        held: list[float] = []
        watching = asyncio.create_task(_watch_loop(held))
        began, proved, unsound = time.perf_counter(), 0, 0
        async for part in verify(db, table, ids, DAY, 0):
            proved += len(part.proofs)
            unsound += sum(not one.sound for one in part.proofs)
        took = time.perf_counter() - began
        watching.cancel()
        return took, proved, unsound, float(np.percentile(held, 99))


async def _watch_loop(held: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        held.append(time.perf_counter() - before)


async def _fill(db: Database, ids: list[int], cadence_s: int) -> None:
    """A day and three hours of readings with all that follows from them."""
    terms = Terms((await load_points(db)).points.values())
    number = np.arange(27 * 3600 // cadence_s)
    times = MIDNIGHT + number * cadence_s * MICROSECOND
    some = max(AT_ONCE // len(number), 1)
    for first in range(0, len(ids), some):
        part = np.array(ids[first : first + some], np.int32)
        point, time_ = np.repeat(part, len(number)), np.tile(times, len(part))
        value = 1000.0 + point % 97 + np.tile(np.round(number * cadence_s * 0.003, 2), len(part))
        batch = SampleBatch(point, time_, value, np.zeros(len(point), np.int16), int(times[-1]))
        async with db.transaction() as conn:
            await recompute.recompute(conn, (await readings.store(conn, batch)).new, terms)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, nargs="+", default=[900, 60])
    given = parser.parse_args()
    slow = False
    for cadence_s in given.seconds:
        took, proved, unsound, held = asyncio.run(measure(given.points, cadence_s))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{proved} points × 1 day of readings every {cadence_s} s: {took:.1f} s (allowed: {ALLOWED_S:.0f} s at "
            f"900 s), {unsound} do not add up, others waited {held * 1000:.0f} ms (p99), peak memory {peak:.0f} MiB"
        )
        slow |= unsound > 0 or (cadence_s == 900 and took > ALLOWED_S)
    return int(slow)


if __name__ == "__main__":
    raise SystemExit(main())
