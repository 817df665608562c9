"""Readings are stored exactly once, on both engines."""

import asyncpg
import numpy as np
import pytest

from config.samples import MICROSECOND, SampleBatch
from storage import readings
from storage.database import Connection, Database
from storage.errors import RowsRefused
from storage.partitions import keep_readings, make_room
from storage.readings import ReadingColumns
from tests.storage.registry import a_point

pytestmark = pytest.mark.servers

MINUTE = 60 * MICROSECOND
DAY = 1440 * MINUTE
T0 = 1_767_225_600 * MICROSECOND  # 2026-01-01T00:00Z


def batch(*rows: tuple[int, int, float]) -> SampleBatch:
    """Rows of (point, minute, value)."""
    return SampleBatch.from_rows([(point, T0 + minute * MINUTE, value) for point, minute, value in rows], received=T0)


def grid(points: int, minutes: range, seed: int = 1) -> SampleBatch:
    """A reading of every point in every minute, in a shuffled order."""
    point = np.repeat(np.arange(1, points + 1, dtype=np.int32), len(minutes))
    time = T0 + np.tile(np.array(minutes), points) * MINUTE
    shuffled = np.random.default_rng(seed).permutation(len(point))
    value = point * 1000.0 + time / MICROSECOND
    return SampleBatch(point[shuffled], time[shuffled], value[shuffled], np.zeros(len(point), np.int16), T0 + 5 * DAY)


def rows(columns: ReadingColumns | SampleBatch) -> list[tuple[int, float, float]]:
    minutes = (columns.time - T0) / MINUTE
    return list(zip(columns.point.tolist(), minutes.tolist(), columns.value.tolist(), strict=True))


async def everything(conn: Connection) -> list[tuple[int, float, float]]:
    points = await conn.fetch("select distinct point_id from reading order by 1")
    found = []
    for row in points:
        found += rows(await readings.series(conn, row["point_id"], T0 - 400 * DAY, T0 + 400 * DAY))
    return found


async def conflicts(conn: Connection) -> list[tuple[int, float]]:
    found = await conn.fetch("select point_id, value from reading_conflict order by point_id, time, value")
    return [(row["point_id"], row["value"]) for row in found]


async def test_new_readings(engine: Database) -> None:
    async with engine.transaction() as conn:
        stored = await readings.store(conn, batch((2, 1, 5.5), (1, 9, -3.25), (1, 0, 7.0)))
        assert rows(stored.new) == [(1, 0, 7.0), (1, 9, -3.25), (2, 1, 5.5)] == await everything(conn)
        assert (stored.repeats, stored.conflicts) == (0, 0)
        row = await conn.fetchrow("select *, stored > received as later from reading where point_id = 2")
        assert row is not None
        assert (row["received"].timestamp(), row["later"]) == (T0 / MICROSECOND, True)


async def test_nothing_to_store(engine: Database) -> None:
    async with engine.transaction() as conn:
        stored = await readings.store(conn, SampleBatch.empty())
        assert (len(stored.new), stored.repeats, stored.conflicts) == (0, 0, 0)


async def test_each_row_has_its_own_time_of_receipt(engine: Database) -> None:
    async with engine.transaction() as conn:
        await readings.store(conn, batch((2, 0, 1.0), (1, 0, 2.0)), np.array([T0 + 2 * MINUTE, T0 + 1 * MINUTE]))
        found = await conn.fetch("select received from reading order by point_id")
        assert [row["received"].minute for row in found] == [1, 2]


async def test_repeats_and_conflicts_within_a_batch(engine: Database) -> None:
    async with engine.transaction() as conn:
        stored = await readings.store(
            conn, batch((1, 0, 5.0), (2, 0, 1.0), (1, 0, 6.0), (1, 0, 5.0), (2, 0, 1.0), (1, 0, 4.0), (1, 0, 6.0))
        )
        assert rows(stored.new) == [(1, 0, 5.0), (2, 0, 1.0)]
        assert (stored.repeats, stored.conflicts) == (2, 3)
        assert await conflicts(conn) == [(1, 4.0), (1, 6.0)]


async def test_sent_again(engine: Database) -> None:
    async with engine.transaction() as conn:
        await readings.store(conn, grid(20, range(60)))
        before = await everything(conn)
        again = await readings.store(conn, grid(20, range(60), seed=2))
        assert (len(again.new), again.repeats, again.conflicts) == (0, 1200, 0)
        assert await everything(conn) == before


async def test_partly_sent_before(engine: Database) -> None:
    async with engine.transaction() as conn:
        await readings.store(conn, grid(3, range(10, 20)))
        more = await readings.store(conn, grid(4, range(0, 30, 2)))
        assert (len(more.new), more.repeats, more.conflicts) == (3 * 10 + 15, 3 * 5, 0)
        assert len(await everything(conn)) == 3 * 20 + 15


async def test_another_value_for_the_same_time(engine: Database) -> None:
    async with engine.transaction() as conn:
        await readings.store(conn, batch((1, 0, 5.0), (1, 1, 6.0)))
        for new in (1, 0):
            stored = await readings.store(conn, batch((1, 0, 50.0), (1, 1, 6.0), (1, 2, 7.0)))
            assert (len(stored.new), stored.repeats, stored.conflicts) == (new, 2 - new, 1)
        assert rows(await readings.series(conn, 1, T0, T0 + DAY)) == [(1, 0, 5.0), (1, 1, 6.0), (1, 2, 7.0)]
        assert await conflicts(conn) == [(1, 50.0)]


async def test_few_repeats_among_very_many_stored(engine: Database) -> None:
    """Where much more is stored than is asked for, keys are looked up one by one."""
    async with engine.transaction() as conn:
        await readings.store(conn, grid(1, range(4000)))
        stored = await readings.store(conn, batch((1, 0, 5.0), (1, 3999, 6.0), (1, 4000, 7.0)))
        assert (rows(stored.new), stored.repeats, stored.conflicts) == ([(1, 4000, 7.0)], 0, 2)


async def test_not_a_number_is_refused(engine: Database) -> None:
    async with engine.transaction() as conn:
        for value in (np.nan, np.inf, -np.inf):
            with pytest.raises(RowsRefused, match="not a finite number"):
                await readings.store(conn, batch((1, 0, 1.0), (1, 1, value)))
        assert await everything(conn) == []


async def test_any_month(engine: Database) -> None:
    first, last = 946_684_800 * MICROSECOND, 2_000_000_000 * MICROSECOND
    async with engine.transaction() as conn:
        stored = await readings.store(conn, SampleBatch.from_rows([(1, last, 2.0), (1, first, 1.0)]))
        assert stored.new.time.tolist() == [first, last]


async def test_a_rolled_back_month_is_made_again(engine: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await _fail_after_storing(engine)
    async with engine.transaction() as conn:
        await readings.store(conn, batch((1, 0, 1.0)))
        assert len(await everything(conn)) == 1


async def _fail_after_storing(db: Database) -> None:
    async with db.transaction() as conn:
        await readings.store(conn, batch((1, 0, 1.0)))
        raise ZeroDivisionError


async def test_around(engine: Database) -> None:
    async with engine.transaction() as conn:
        await readings.store(conn, grid(3, range(0, 100, 10)))
        await readings.store(conn, batch((4, -50_000, 1.0), (4, 90_000, 2.0)))
        found = await readings.around(
            conn,
            np.array([4, 2, 1, 9], np.int32),
            T0 + np.array([0, 35, 40, 0]) * MINUTE,
            T0 + np.array([10, 35, 60, 10]) * MINUTE,
            before=1,
            after=2,
        )
        assert [(point, minute) for point, minute, _ in rows(found)] == [
            *((1, minute) for minute in (30, 40, 50, 60, 70, 80)),
            *((2, minute) for minute in (30, 40, 50)),
            *((4, minute) for minute in (-50_000, 90_000)),
        ]
        nothing = np.empty(0, np.int64)
        assert len(await readings.around(conn, np.empty(0, np.int32), nothing, nothing, before=1, after=1)) == 0


async def test_series_is_half_open(engine: Database) -> None:
    async with engine.transaction() as conn:
        await readings.store(conn, grid(2, range(10)))
        found = await readings.series(conn, 2, T0 + 3 * MINUTE, T0 + 6 * MINUTE)
        assert [(point, minute) for point, minute, _ in rows(found)] == [(2, 3), (2, 4), (2, 5)]
        assert found.flags.tolist() == [0, 0, 0]


async def test_latest(engine: Database) -> None:
    async with engine.transaction() as conn:
        point = await a_point(conn)
        await readings.store(conn, batch((point, -90_000, 1.0), (point, 5, 2.0), (point + 1, 3, 4.0)))
        assert rows(await readings.latest(conn)) == [(point, 5, 2.0)]
        asked = np.array([point + 1, point + 7], np.int32)
        assert rows(await readings.latest(conn, asked)) == [(point + 1, 3, 4.0)]


async def test_old_months_are_dropped(database: Database) -> None:
    async with database.transaction() as conn:
        now = int((await conn.fetchval("select extract(epoch from now())")) * MICROSECOND)
        times = [now - days * DAY for days in (0, 20, 100, 200, 4000)]
        await readings.store(conn, SampleBatch.from_rows([(1, time, 1.0) for time in times]))
        await keep_readings(conn, 150)
        kept = await readings.series(conn, 1, now - 5000 * DAY, now + DAY)
        assert kept.time.tolist() == sorted(times[:3])
        await readings.store(conn, SampleBatch.from_rows([(1, times[4], 1.0)]))


async def test_partitions_are_months_in_utc(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.execute("set local timezone = 'Asia/Shanghai'")
        await make_room(conn, "reading", np.array([T0, T0 - 1]))
        await make_room(conn, "reading", np.array([T0, T0 + 40 * DAY]))
        bounds = await conn.fetch(
            "select relname, pg_get_expr(relpartbound, oid) as bound from pg_class "
            "where relispartition and relkind = 'r' order by relname"
        )
        assert [row["relname"] for row in bounds] == ["reading_2025_12", "reading_2026_01", "reading_2026_02"]
        assert "'2026-01-01 08:00:00+08'" in bounds[1]["bound"]
        await conn.execute("set local timezone = 'UTC'")


async def test_two_writers_are_noticed(database: Database) -> None:
    """The second one, who should not exist, fails and changes nothing."""
    async with database.transaction() as first, database.connection() as second:
        await make_room(second, "reading", np.array([T0]))
        await readings.store(first, batch((1, 0, 1.0)))
        await second.execute("set lock_timeout = '100ms'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await readings.store(second, batch((1, 0, 1.0)))
        await second.execute("reset lock_timeout")
