"""Gaps in the database: allocated as they are in memory, again when days around them become known, with a version."""

import json

import numpy as np
import pytest

from collector import recompute
from collector.terms import Terms
from config.quality import Method
from config.samples import SampleBatch
from storage import intervals, readings
from storage.database import Database
from storage.points import load_points
from tests.collector.registerworld import HOUR, START, World
from tests.collector.registerworld import point as register
from tests.collector.seed import seed

pytestmark = pytest.mark.servers

DAYS = 9
Rows = list[tuple[int, float]]
"""hours since START, register"""
Found = list[tuple[int, float, int, int]]
"""start, consumption, quality, method"""


def hourly(absent: set[int]) -> Rows:
    """Of a work that runs from 8 to 16 o'clock in Shanghai."""
    flows = np.where((np.arange(DAYS * 24) + 8) % 24 // 8 == 1, 5.0, 1.0)
    register = np.round(np.concatenate(([100.0], 100 + np.cumsum(flows))), 2)
    return [(hour, float(register[hour])) for hour in range(DAYS * 24 + 1) if hour not in absent]


class Store:
    """One hourly point in the database."""

    def __init__(self, db: Database, point: int, terms: Terms) -> None:
        self.db, self.point, self.terms = db, point, terms

    async def take(self, rows: Rows) -> None:
        time = START + np.array([hour for hour, _ in rows]) * HOUR
        ids, flags = np.full(len(rows), self.point, np.int32), np.zeros(len(rows), np.int16)
        new = SampleBatch(ids, time, np.array([value for _, value in rows]), flags, START)
        async with self.db.transaction() as conn:
            await recompute.recompute(conn, (await readings.store(conn, new)).new, self.terms)

    async def settle(self) -> int:
        """Work off the queue; in how many transactions."""
        for number in range(100):
            async with self.db.transaction() as conn:
                if not await recompute.work_off(conn, self.terms, 0):
                    return number
        raise AssertionError("the queue does not end")

    async def found(self) -> Found:
        async with self.db.connection() as conn:
            rows = await intervals.series(conn, np.array([self.point], np.int32), "15m", START, START + 99 * 24 * HOUR)
        assert isinstance(rows, intervals.IntervalColumns)
        columns = (rows.start, rows.consumption, rows.quality, rows.method)
        return list(zip(*(column.tolist() for column in columns), strict=True))


async def store(db: Database) -> Store:
    [point] = await seed(db, cadence_s=3600)
    async with db.transaction() as conn:
        await conn.execute("insert into grid (point_id, valid_from, seconds) values ($1, '1970-01-01Z', 3600)", point)
    return Store(db, point, Terms((await load_points(db)).points.values()))


@pytest.mark.parametrize("seed_", range(3))
async def test_any_order_leaves_the_same_intervals(database: Database, seed_: int) -> None:
    there = await store(database)
    rows = hourly({*range(60, 70), *range(100, 130), 131, 132, 133})
    world = World(register(schedule=((0, 3600),), id=there.point))
    await world.take((there.point, START + hour * HOUR, value) for hour, value in rows)
    order = np.random.default_rng(seed_).permutation(len(rows)) if seed_ else np.arange(len(rows))
    for some in np.array_split(order, 9):
        await there.take(sorted(rows[one] for one in some.tolist()))
    await there.settle()
    assert await there.found() == [(start, *row[1:4]) for (_, start), row in sorted(world.intervals.items())]
    async with database.connection() as conn:
        rows_ = await conn.fetch("select evidence::text from verdict where kind = 'gap' order by from_time")
    evidence = [json.loads(row["evidence"]) for row in rows_]
    assert evidence == [gap.evidence for _, gap in sorted(world.gaps.items())]
    assert len(evidence) == 3


async def test_a_gap_is_allocated_again_when_the_day_is_over_and_what_was_shown_is_kept(database: Database) -> None:
    there = await store(database)
    rows = hourly(set(range(10, 14)))
    await there.take([row for row in rows if row[0] < 20])
    await there.settle()
    before = await there.found()
    assert {row[3] for row in before if 9 <= (row[0] - START) // HOUR < 14} == {Method.LINEAR}

    for row in rows:
        if 20 <= row[0] <= 40:  # midnight in Shanghai, when the whole day from 16 to 40 is known
            await there.take([row])
            assert await there.settle() == (row[0] == 40)
    gap = [row for row in await there.found() if 9 <= (row[0] - START) // HOUR < 14]
    assert {row[3] for row in gap} == {Method.LIKE_DAY}
    async with database.connection() as conn:
        versions = await conn.fetch(
            "select v.start, v.method, c.actor from interval_version v join change c on c.id = v.change_id"
        )
    assert {(row["method"], row["actor"]) for row in versions} == {(int(Method.LINEAR), "ingest")}
    assert {row["start"].timestamp() * 1e6 for row in versions} == {row[0] for row in gap}


async def test_gaps_beyond_the_bound_are_queued(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    there = await store(database)
    rows = hourly({*range(60, 70), *range(100, 130)})
    monkeypatch.setattr(recompute, "HOLES", 1)
    await there.take(rows)
    methods = [method for *_, method in await there.found()]
    assert {Method.LINEAR, Method.LIKE_DAY} <= set(methods)
    assert await there.settle()
    assert {method for *_, method in await there.found()} == {Method.REGISTER, Method.LIKE_DAY}
