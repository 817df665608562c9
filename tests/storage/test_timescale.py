"""What only TimescaleDB does, and that it makes no difference to the numbers."""

import numpy as np
import pytest

from config.samples import MICROSECOND, SampleBatch
from storage import intervals, readings
from storage.changes import later_readings
from storage.database import Connection, Database
from storage.intervals import IntervalColumns, Ranges
from storage.partitions import keep_readings
from tests.storage.registry import a_point

pytestmark = [pytest.mark.servers, pytest.mark.timescale]

MINUTE = 60 * MICROSECOND
QUARTER = 15 * MINUTE
DAY = 96 * QUARTER
T0 = 1_767_225_600 * MICROSECOND  # 2026-01-01T00:00Z


def history(points: range, start: int, count: int, step: int) -> SampleBatch:
    point = np.repeat(np.array(points, np.int32), count)
    time = np.tile(start + np.arange(count) * step, len(points))
    return SampleBatch(point, time, point + time / DAY, np.zeros(len(point), np.int16), T0)


def energy(points: range, start: int, count: int, seed: int) -> IntervalColumns:
    """Consecutive quarters; some without a value, some estimated."""
    rng = np.random.default_rng(seed)
    size = len(points) * count
    quality = rng.choice(np.array([0, 0, 0, 1, 2, 3], np.int16), size)
    consumption = np.where(quality == 3, np.nan, rng.random(size) * 100)
    return IntervalColumns(
        np.repeat(np.array(points, np.int32), count),
        np.tile(start + np.arange(count) * QUARTER, len(points)),
        np.full(size, 900, np.int32),
        consumption,
        quality,
        (quality == 2).astype(np.int16),
        np.full(size, 15, np.int32),
        rng.integers(0, 16, size, np.int32),
    )


def whole(part: IntervalColumns) -> Ranges:
    points = np.unique(part.point)
    start, past = part.start.min(), part.start.max() + QUARTER
    return Ranges(points, np.full(len(points), start), np.full(len(points), past))


async def to_columnstore(conn: Connection, table: str) -> int:
    """Convert every chunk now, as the policy's job does with old ones."""
    done = await conn.fetch(
        "select compress_chunk(c, if_not_compressed => true) from show_chunks($1::regclass) c", table
    )
    return len(done)


async def test_hypertables_and_policies(timescale: Database) -> None:
    async with timescale.connection() as conn:
        tables = await conn.fetch(
            "select hypertable_name, compression_enabled from timescaledb_information.hypertables order by 1"
        )
        assert [tuple(row) for row in tables] == [("metered_interval", True), ("reading", True)]
        settings = await conn.fetch(
            "select attname, segmentby_column_index, orderby_column_index "
            "from timescaledb_information.compression_settings order by hypertable_name, 1"
        )
        assert [tuple(row) for row in settings] == [
            ("point_id", 1, None),
            ("start", None, 1),
            ("point_id", 1, None),
            ("time", None, 1),
        ]
        await keep_readings(conn, 100)
        await keep_readings(conn, 200)
        jobs = await conn.fetch(
            "select proc_name, hypertable_name, config->>'drop_after' as drop_after from timescaledb_information.jobs "
            "where hypertable_schema = 'public' order by 1, 2"
        )
        assert [tuple(row) for row in jobs] == [
            ("policy_compression", "metered_interval", None),
            ("policy_compression", "reading", None),
            ("policy_retention", "reading", "200 days"),
        ]


async def test_late_readings_into_the_columnstore(timescale: Database) -> None:
    async with timescale.connection() as conn:
        old = history(range(1, 4), T0, 3000, 5 * MINUTE)
        await readings.store(conn, old)
        assert await to_columnstore(conn, "reading") > 1
        assert len((await readings.series(conn, 2, T0, T0 + 30 * DAY)).time) == 3000

        again = await readings.store(conn, old)
        assert (len(again.new), again.repeats, again.conflicts) == (0, 9000, 0)
        late = history(range(2, 6), T0 + MINUTE, 100, 5 * MINUTE)
        stored = await readings.store(conn, late)
        assert (len(stored.new), stored.repeats) == (400, 0)
        other = SampleBatch(old.point[:5], old.time[:5], old.value[:5] + 1, old.flags[:5], T0)
        clash = await readings.store(conn, other)
        assert (len(clash.new), clash.repeats, clash.conflicts) == (0, 0, 5)

        found = await readings.series(conn, 2, T0, T0 + 30 * DAY)
        assert len(found) == 3100
        assert (np.diff(found.time) > 0).all()
        np.testing.assert_array_equal(found.value, 2 + found.time / DAY)
        near = await readings.around(conn, np.array([2], np.int32), T0 + np.array([0]), T0 + np.array([0]), 1, 2)
        assert ((near.time - T0) // MINUTE).tolist() == [0, 1, 5]


async def test_intervals_in_the_columnstore_are_replaced(timescale: Database) -> None:
    async with timescale.connection() as conn:
        point = await a_point(conn)
        before = energy(range(point, point + 1), T0, 5000, seed=1)
        zones = {point: "Asia/Shanghai"}
        await intervals.roll_up(conn, await intervals.replace(conn, before, whole(before), later_readings()), zones)
        assert await to_columnstore(conn, "metered_interval") > 1
        assert len(await intervals.replace(conn, before, whole(before), later_readings())) == 0

        after = energy(range(point, point + 1), T0 + 7 * QUARTER, 50, seed=2)
        changed = await intervals.replace(conn, after, whole(after), later_readings())
        assert len(changed) == 50
        await intervals.roll_up(conn, changed, zones)
        gone = energy(range(point, point + 1), T0, 0, seed=3)
        span = Ranges(np.array([point], np.int32), np.array([T0 + DAY]), np.array([T0 + 2 * DAY]))
        changed = await intervals.replace(conn, gone, span, later_readings())
        assert len(changed) == 96
        await intervals.roll_up(conn, changed, zones)

        points = np.array([point], np.int32)
        found = await intervals.series(conn, points, "15m", T0, T0 + 100 * DAY)
        assert len(found) == 5000 - 96
        np.testing.assert_array_equal(found.consumption[7:57], after.consumption)
        assert await intervals.prove(conn, points, T0 - DAY, T0 + 100 * DAY) == []


async def test_retention_drops_old_readings_only(timescale: Database) -> None:
    async with timescale.connection() as conn:
        now = int(await conn.fetchval("select extract(epoch from now()) * 1000000"))
        await readings.store(conn, history(range(1, 3), now - 300 * DAY, 100, 2 * DAY))
        part = energy(range(1, 2), now // QUARTER * QUARTER - 300 * DAY, 100, seed=1)
        await intervals.replace(conn, part, whole(part), later_readings())
        await keep_readings(conn, 150)
        job = await conn.fetchval(
            "select job_id from timescaledb_information.jobs where proc_name = 'policy_retention'"
        )
        await conn.execute("call run_job($1)", job)
        left = await readings.series(conn, 1, now - 400 * DAY, now)
        assert 15 < len(left) < 30
        assert left.time.min() > now - 160 * DAY
        assert len(await intervals.series(conn, np.array([1], np.int32), "15m", now - 400 * DAY, now)) == 100


async def test_rollups_are_those_of_plain_postgres(database: Database, timescale: Database) -> None:
    zones = {1: "Asia/Shanghai", 2: "Europe/Berlin", 3: "Asia/Kathmandu"}
    both = []
    for db in (database, timescale):
        async with db.transaction() as conn:
            for seed, start in enumerate((T0, T0 + 80 * DAY, T0 + 40 * DAY, T0 + 3 * DAY)):
                part = energy(range(1, 4), start, 96 * 10, seed)
                await intervals.roll_up(conn, await intervals.replace(conn, part, whole(part), later_readings()), zones)
            hours = await conn.fetch("select * from rollup_hour order by point_id, start")
            days = await conn.fetch("select * from rollup_day order by point_id, start")
            both.append((hours, days))
    (hours, days), on_timescale = both
    assert len(hours) > 1000
    assert len(days) > 90
    assert (hours, days) == on_timescale
