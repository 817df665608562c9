"""What inspecting closed data costs the watch: `python -m tests.benchmarks.inspections [--points N] [--days N]`.

A quarter of the points each are energy, reactive energy, power and a voltage of one metering point, read every 15
minutes; days of them are stored. Every inspection, those that are off by default too, is run once as the watch runs it.
Printed is what each takes, this process's time and all time, and the share of one core that all of them take in a day.
"""

import argparse
import asyncio
import time

from alerts.inspect import Inspected, Inspections
from alerts.rules import INSPECTED, INSPECTIONS
from config.rules import Setting, rules
from config.samples import MICROSECOND, now_us
from storage import thresholds
from storage.database import Database
from storage.points import load_points
from tests.alerts.world import DAY, World
from tests.benchmarks.watch import ENTERPRISES, servers

QUANTITIES = ("active_energy_import", "reactive_energy_import", "active_power", "voltage_a")
HISTORY = 40
"""Days of which there are daily sums."""
_ROOM = """
select make_room(t, array_agg(distinct date_trunc('month', now() - d * interval '1 day')::date))
from unnest(array['reading', 'metered_interval']) t, generate_series(0, $1::integer + 1) d group by t
"""
_READINGS = """
insert into reading (point_id, flags, time, value, received)
select p.id, 0, t, case when p.id % 4 in (1, 2) then extract(epoch from t) / 900 else 4 + random() end, t
from point p, generate_series(date_trunc('day', now()) - $1 * interval '1 day', now(), interval '15 min') t
"""
_INTERVALS = """
insert into metered_interval (point_id, seconds, start, consumption, expected, received, quality, method)
select p.id, 900, t, 1 + random(), 1, 1, 0, 0
from point p, generate_series(date_trunc('day', now()) - $1 * interval '1 day', now(), interval '15 min') t
where p.id % 4 in (1, 2)
"""
_DAYS = """
insert into rollup_day
    (point_id, seconds, start, consumption, expected, received, quality, intervals, estimated, edited)
select
    p.id, 86400, date_trunc('day', now(), 'Asia/Shanghai') - d * interval '1 day', 140 + random(), 96, 96, 0, 96, 0, 0
from point p, generate_series(1, $1) d where p.id % 4 in (1, 2)
"""


_HOURS = """
insert into rollup_hour
    (point_id, seconds, start, consumption, expected, received, quality, intervals, estimated, edited)
select p.id, 3600, t, 5 + 4 * sin(extract(epoch from t) / 13750) + random(), 4, 4, 0, 4, 0, 0
from point p, generate_series(date_trunc('day', now()) - interval '113 days', now(), interval '1 hour') t
where p.id % (4 * $1) = 1
"""
PART = 20
"""Hours are there, for the detector, of every so-manieth metering point; its times are multiplied."""


async def measure(points: int, days: int) -> dict[str, tuple[float, float, int]]:
    """By rule: seconds of this process, seconds in all, findings."""
    async with servers() as (db, stream, _):
        world = World(db, stream, quantities=QUANTITIES)
        since = now_us() - HISTORY * DAY
        await world.register(points // len(QUANTITIES), cadence_s=900, enterprises=ENTERPRISES, since=since)
        await db.pool.execute("set statement_timeout = 0")
        await db.pool.execute(_ROOM, days)
        for query, argument in ((_READINGS, days), (_INTERVALS, days), (_DAYS, HISTORY)):
            await db.pool.execute(query, argument)
        await db.pool.execute(_HOURS, PART)
        await db.pool.execute("analyze")
        await _enable(db)
        table = await load_points(db)
        found: dict[str, tuple[float, float, int]] = {}
        for name, rule in INSPECTIONS.items():
            delivered: list[Inspected] = []
            cpu, began = time.process_time(), time.perf_counter()
            await Inspections(db, [rule], delivered.append).turn(table, now_us())
            times = PART if name == "detection" else 1
            took = (time.process_time() - cpu) * times, (time.perf_counter() - began) * times
            found[name] = (*took, sum(len(one.findings) for one in delivered))
        return found


async def _enable(db: Database) -> None:
    settings = [Setting(name, "default", {"enabled": True}) for name in INSPECTED if name != "quota"]
    settings.append(Setting("quota", "default", {"monthly": 1e6}))
    async with db.transaction() as conn:
        await thresholds.put(conn, settings, "bench")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=4)
    given = parser.parse_args()
    found = asyncio.run(measure(given.points, given.days))
    times = {name: 24 if rules()[INSPECTIONS[name].rules[0]].period == "hour" else 1 for name in found}
    for name, (own, whole, count) in found.items():
        print(f"{name:20} {own:6.2f} s here, {whole:6.2f} s in all, {count} findings, {times[name]} × a day")
    share = sum(own * times[name] for name, (own, _, _) in found.items()) / (DAY / MICROSECOND)
    print(f"{given.points} points: {share:.2%} of a core")


if __name__ == "__main__":
    main()
