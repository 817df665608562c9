"""A change of cadence: what was stored keeps its length, nothing is lost or counted twice at the border."""

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.pairs import Array
from collector.recompute import recompute, work_off
from collector.terms import Terms
from config.grid import first_grid, next_grid
from config.samples import MICROSECOND, SampleBatch, now_us
from storage import registry
from storage.database import Database
from storage.points import load_points
from storage.readings import store
from tests.collector.registerworld import HOUR, MINUTE, QUARTER, START, World, point
from tests.examples import examples
from tests.storage.registry import meter, text

CADENCES = [10, 60, 900, 1500, 2400, 3600, 7200, 86_400]
DAY = 24 * HOUR
SUMS = """
    select (select sum(consumption) from metered_interval), (select sum(consumption) from rollup_hour),
           (select sum(consumption) from rollup_day)
"""


@settings(max_examples=examples(40))
@given(
    st.lists(st.sampled_from(CADENCES), min_size=2, max_size=4),
    st.lists(st.integers(1, 24 * 60), min_size=3, max_size=3),
    st.integers(0, 2**32),
)
async def test_late_readings_change_no_sum(cadences: list[int], minutes: list[int], seed: int) -> None:
    """A register that counts 1 per minute; whatever `every` is set to and however late readings come."""
    chance = random.Random(seed)
    schedule: tuple[tuple[int, int | None], ...] = ((START, cadences[0]),)
    world, grid, now = World(point(schedule=schedule)), first_grid(schedule), START
    times = range(START, START + 4 * DAY, 20 * MINUTE)
    late = set(chance.sample(times, 12)) - {times[0], times[-1]}
    for cadence_s, minute in [*zip(cadences[1:], minutes, strict=False), (None, 4 * 24 * 60)]:
        past = now + minute * MINUTE
        await world.take((1, at, (at - START) / MINUTE) for at in times if now <= at < past and at not in late)
        now, known = past, dict(world.intervals)
        if cadence_s is not None:
            schedule = (*schedule, (now, cadence_s))
            grid = next_grid(grid, schedule, now)
        declared = ((START - 9 * DAY, 5), *schedule[1:])
        world.terms = Terms([replace(point(schedule=declared), grid=grid)])
        for at in [at for at in late if at < now]:
            await world.take([(1, at, (at - START) / MINUTE)])
        late -= {at for at in late if at < now}
        assert known.keys() <= world.intervals.keys()
        whole(world)


def whole(world: World) -> None:
    """Without hole or overlap, each as much as it is long."""
    found = sorted(world.intervals.items())
    for (one, row), (two, _) in pairwise(found):
        assert one[1] + row[0] * MICROSECOND == two[1]
    assert all(row[1] == pytest.approx(row[0] / 60) for _, row in found)


@pytest.mark.servers
async def test_a_declared_past_leaves_its_intervals_as_they_are(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    start = now_us() // DAY * DAY - 10 * DAY
    times = start + np.arange(5 * 96, dtype=np.int64) * QUARTER

    async def apply(more: str) -> int:
        path.write_text(text(meters=meter(more)))
        await registry.apply(database, path, actor="anna")
        found = (await load_points(database)).points.values()
        return next(one.id for one in found if one.register)

    async def take(at: Array, value: Array) -> None:
        terms = Terms((await load_points(database)).points.values())
        batch = SampleBatch(np.full(len(at), where, np.int32), at, value, np.zeros(len(at), np.int16), now_us())
        async with database.transaction() as conn:
            await recompute(conn, (await store(conn, batch)).new, terms)
            while await work_off(conn, terms, 0):
                pass

    async def sums() -> list[float]:
        async with database.connection() as conn:
            return list(await conn.fetchrow(SUMS) or ())

    where = await apply(", every: 1h")
    await take(times, np.arange(len(times)) * 1.0)
    before = await sums()
    assert before == pytest.approx([47_600.0] * 3)
    await apply(", every: 15m, expected_from: 2026-01-01T00:00:00Z")
    await take(times[100:101] + 5 * MICROSECOND, np.array([100.0]))
    assert await sums() == pytest.approx(before)
    async with database.connection() as conn:
        assert await conn.fetchval("select array_agg(distinct seconds) from metered_interval") == [3600]
