"""Verdicts in the database are those the engine tells of all readings, whatever the order in which they came."""

import numpy as np
import pytest

from collector import recompute
from collector.energy import metered
from collector.terms import Terms
from config.samples import MICROSECOND, Instants, SampleBatch, Values
from storage import readings
from storage.database import Connection, Database
from storage.intervals import Ranges, mark_dirty
from storage.points import load_points
from storage.readings import ReadingColumns
from tests.collector.registerworld import HOUR, MINUTE, START
from tests.collector.seed import seed

pytestmark = pytest.mark.servers

Row = tuple[str, int, int, int, int]
"""kind and, in minutes: first, last, before, told"""


def faulty(count: int = 600) -> tuple[Instants, Values]:
    """A minute's register with a bad reading, a digit back, a reset and, last, a fall that is not to be told yet."""
    value = np.round(np.cumsum(np.full(count, 0.25)), 2) + 100
    value[100] = 0.0
    value[200] = value[199] - 0.01
    value[300:] -= value[300] - 0.25
    value[count - 2 :] = 0.0
    return START + np.arange(count) * MINUTE, value


async def take(conn: Connection, terms: Terms, point: int, time: Instants, value: Values) -> None:
    flags = np.zeros(len(time), np.int16)
    new = SampleBatch(np.full(len(time), point, np.int32), time, value, flags, int(time[0]))
    await recompute.recompute(conn, (await readings.store(conn, new)).new, terms)


async def stored(conn: Connection) -> list[Row]:
    rows = await conn.fetch(
        "select kind, from_time, to_time, base_time, told_time from verdict order by point_id, from_time, kind"
    )
    return [(row[0], *(round(at.timestamp() - START // 10**6) // 60 for at in list(row)[1:])) for row in rows]


@pytest.mark.parametrize("seed_", range(4))
async def test_any_order_leaves_the_verdicts_of_the_whole(database: Database, seed_: int) -> None:
    [point] = await seed(database)
    terms = Terms((await load_points(database)).points.values())
    time, value = faulty()
    order = np.random.default_rng(seed_).permutation(len(time)) if seed_ > 1 else np.arange(len(time))
    step = 1 if seed_ == 0 else 37
    async with database.transaction() as conn:
        for start in range(0, len(time), step):
            some = np.sort(order[start : start + step])
            await take(conn, terms, point, time[some], value[some])
        whole = ReadingColumns(np.full(len(time), point, np.int32), time, value, np.zeros(len(time), np.int16))
        ranges = Ranges(np.array([point]), np.array([START]), np.array([START + 10 * HOUR]))
        proper = sorted(metered(whole, ranges, terms).verdicts, key=lambda one: one.first)
        assert await stored(conn) == [
            (one.kind.value, *((at - START) // MINUTE for at in (one.first, one.last, one.base, one.told)))
            for one in proper
        ]
        assert [one.kind.value for one in proper] == ["transient", "jitter", "reset", "held"]


async def test_what_stands_keeps_its_id_and_when_it_was_detected(database: Database) -> None:
    [point] = await seed(database)
    terms = Terms((await load_points(database)).points.values())
    time, value = faulty()
    async with database.transaction() as conn:
        await take(conn, terms, point, time[:-1], value[:-1])
    async with database.transaction() as conn:
        before = await conn.fetch("select id, detected_at, to_time from verdict order by id")
        await take(conn, terms, point, time[-1:], value[-1:])
        after = await conn.fetch("select id, detected_at, to_time from verdict order by id")
    assert [tuple(row)[:2] for row in after] == [tuple(row)[:2] for row in before]
    assert (after[:-1], after[-1]["to_time"] > before[-1]["to_time"]) == (before[:-1], True)


async def test_computing_again_changes_nothing(database: Database) -> None:
    [point] = await seed(database)
    terms = Terms((await load_points(database)).points.values())
    time, value = faulty()
    async with database.transaction() as conn:
        await take(conn, terms, point, time, value)
    tables = ("metered_interval", "rollup_hour", "rollup_day", "verdict", "interval_version", "change")
    kept = "select (select array_agg(t order by t::text)::text from {} t)"
    async with database.transaction() as conn:
        before = [await conn.fetchval(kept.format(table)) for table in tables]
        await mark_dirty(conn, Ranges(np.array([point]), time[:1], time[-1:] + 1), None)
        while await recompute.work_off(conn, terms, 0):
            pass
        assert [await conn.fetchval(kept.format(table)) for table in tables] == before


async def test_readings_that_come_in_time_leave_no_versions(database: Database) -> None:
    [point] = await seed(database)
    terms = Terms((await load_points(database)).points.values())
    time = START + 37 * MICROSECOND + np.arange(180) * MINUTE
    value = np.floor(np.arange(180) / 7) / 10  # it mostly stands still
    for minute in range(180):
        async with database.transaction() as conn:
            await take(conn, terms, point, time[minute : minute + 1], value[minute : minute + 1])
    async with database.connection() as conn:
        assert await conn.fetchval("select count(*) from metered_interval") == 10
        assert await conn.fetchval("select count(*) from interval_version") == 0
        assert await conn.fetchval("select count(*) from change") == 0
