"""How far a new reading makes ingest look, whatever the register shows."""

import random

import numpy as np
import pytest

from collector.pairs import Array
from collector.registers import HOPELESS
from config.quality import Quality
from storage.readings import ReadingColumns
from tests.collector.registerworld import MINUTE, START, World, point, segment


class Counting(World):
    """Counts the readings it is asked for."""

    read = 0

    async def _around(self, points: Array, first: Array, last: Array, before: int, after: int) -> ReadingColumns:
        found = await super()._around(points, first, last, before, after)
        self.read += len(found)
        return found


def rows(values: list[float]) -> list[tuple[int, int, float]]:
    return [(1, START + n * MINUTE, value) for n, value in enumerate(values)]


def now_and_then(count: int) -> list[float]:
    """Every tenth reading is wrong."""
    return [n - 50.0 * (n % 10 == 9) for n in range(count)]


def chaos(count: int) -> list[float]:
    chance = random.Random(1)
    return [round(chance.uniform(0, 1000), 2) for _ in range(count)]


@pytest.mark.parametrize("show", [now_and_then, chaos])
async def test_a_register_that_jumps_for_ever_is_looked_at_only_so_far(show) -> None:  # type: ignore[no-untyped-def]
    world = Counting(point(segment(modulus=1e6)))
    whole = rows(show(6000))
    await world.take(whole[:-1])
    world.read = 0
    await world.take(whole[-1:])
    assert world.read < 6000


async def test_bad_readings_now_and_then_do_not_hold_the_energy() -> None:
    world = World(point(segment(modulus=1e6)))
    await world.take(rows(now_and_then(3000)))
    found = world.rows()
    assert len(found) == 2999 // 15
    assert all(row[1] == pytest.approx(15.0) for row in found[:-1])


async def test_what_is_never_in_good_order_is_held() -> None:
    good = [float(n) for n in range(100)]
    world = World(point(segment(modulus=1e6)))
    await world.take(rows(good + chaos(1000) + [2000.0 + n for n in range(200)]))
    found = {minute: (value, quality) for minute, value, quality in world.rows()}
    assert found[75] == (15.0, Quality.MEASURED)
    assert found[1215] == (15.0, Quality.MEASURED)
    held = [found[minute] for minute in range(105, 1095, 15)]
    assert all(np.isnan(value) and quality == Quality.SUSPECT for value, quality in held)


async def test_a_short_doubt_is_told() -> None:
    world = World(point(segment(modulus=1e6)))
    await world.take(rows([n * (n < 100 or n > 400 or n % 3 > 0) for n in map(float, range(500))]))
    assert [row[1] for row in world.rows()] == [pytest.approx(15.0)] * 33


@pytest.mark.parametrize("length", [HOPELESS // 2, HOPELESS - 20, HOPELESS + 20, 3 * HOPELESS])
async def test_order_does_not_matter_to_what_is_held(length: int) -> None:
    values = [float(n) for n in range(60)] + chaos(length) + [2000.0 + n for n in range(60)]
    readings = rows(values)
    whole, live, shuffled = (World(point(segment(modulus=1e6))) for _ in range(3))
    await whole.take(readings)
    for start in range(0, len(readings), 7):
        await live.take(readings[start : start + 7])
    random.Random(length).shuffle(readings)
    for start in range(0, len(readings), 50):
        await shuffled.take(readings[start : start + 50])
    assert repr(sorted(live.intervals.items())) == repr(sorted(whole.intervals.items()))
    assert repr(sorted(shuffled.intervals.items())) == repr(sorted(whole.intervals.items()))


@pytest.mark.parametrize("still", [1, 20, 50, 90])
async def test_a_reset_after_which_nothing_flows_for_long_is_told_when_it_moves(still: int) -> None:
    readings = rows([100.0 + n for n in range(100)] + [3.0] * still + [3.0 + n for n in range(1, 40)])
    whole, live = (World(point(segment(modulus=1e6))) for _ in range(2))
    await whole.take(readings)
    for reading in readings:
        await live.take([reading])
    assert live.rows() == whole.rows()
