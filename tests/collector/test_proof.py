"""The proof per point and day: it holds whatever the readings, and tells what is lost or invented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.energy import metered
from collector.proof import Balance, balance
from storage.intervals import Ranges
from storage.points import Edit
from storage.readings import ReadingColumns
from tests.collector.registerworld import HOUR, MINUTE, START, World, point, segment
from tests.collector.test_allocation import DAY, MONDAY, QUARTERLY, registers, without
from tests.examples import examples

LONG = Ranges(np.array([1], np.int32), np.array([START - 2 * DAY]), np.array([START + 90 * DAY]))


def prove(world: World, start: int, past: int, lost: float = 0.0) -> Balance:
    """Of point 1; `lost`: what is missing of the stored interval at `start`."""
    keys = np.array(sorted(world.readings), np.int64).reshape(-1, 2)
    values = np.array([world.readings[key] for key in sorted(world.readings)])
    readings = ReadingColumns(keys[:, 0].astype(np.int32), keys[:, 1], values, np.zeros(len(keys), np.int16))
    knots = metered(readings, LONG, world.terms).knots
    becomes = world.within(LONG)
    stored = becomes[np.flatnonzero((becomes.start >= start) & (becomes.start < past))]
    stored.consumption[stored.start == start] -= lost
    return balance(stored, becomes, knots, LONG, Ranges(LONG.point, np.array([start]), np.array([past])), world.terms)


async def test_a_plain_day_adds_up() -> None:
    world = World(point(segment(10.0), schedule=QUARTERLY))
    await world.take(registers(3))
    found = prove(world, MONDAY, MONDAY + DAY)
    assert found.register[0] == found.intervals[0] == pytest.approx((8 * 5 + 16) * 10)
    assert (found.open[0], found.allocated[0], found.edited[0], found.difference[0]) == (0, 0, 0, 0)


async def test_what_is_lost_is_told() -> None:
    world = World(point(segment(10.0), schedule=QUARTERLY))
    await world.take(registers(2))
    assert prove(world, MONDAY, MONDAY + DAY, lost=0.25).difference[0] == pytest.approx(-0.25)


async def test_the_estimate_of_a_gap_over_midnight_moves_energy_between_its_days_and_loses_none() -> None:
    world = World(point(segment(10.0), schedule=QUARTERLY))
    await world.take(without(registers(5), 2 * DAY - 5 * HOUR, 2 * DAY + 8 * HOUR))
    one, two = (prove(world, MONDAY + day * DAY, MONDAY + (day + 1) * DAY) for day in (1, 2))
    assert one.difference[0] == two.difference[0] == 0
    assert one.allocated[0] == pytest.approx(-two.allocated[0])
    assert abs(one.allocated[0]) > 1


async def test_a_gap_that_does_not_keep_its_energy_is_told_on_each_of_its_days() -> None:
    world = World(point(segment(10.0), schedule=QUARTERLY))
    await world.take(without(registers(5), 2 * DAY - 5 * HOUR, 2 * DAY + 8 * HOUR))
    seconds, consumption, quality, method, expected, received = world.intervals[1, MONDAY + 2 * DAY]
    world.intervals[1, MONDAY + 2 * DAY] = (seconds, consumption + 1.0, quality, method, expected, received)
    for day in (1, 2):
        assert prove(world, MONDAY + day * DAY, MONDAY + (day + 1) * DAY).difference[0] == pytest.approx(1.0)


async def test_what_people_set_or_had_estimated_is_named() -> None:
    world = World(point(segment(10.0), schedule=QUARTERLY))
    await world.take(registers(9))
    set_, estimate = Edit(1, "set", MONDAY, MONDAY + HOUR, 99.0), Edit(2, "estimate", MONDAY - DAY, MONDAY, None)
    await world.edit((set_, estimate), MONDAY - DAY, MONDAY + HOUR)
    found = prove(world, MONDAY, MONDAY + DAY)
    assert found.edited[0] == pytest.approx(99.0 - 50.0)
    assert (found.open[0], found.difference[0]) == (0, 0)
    before = prove(world, MONDAY - DAY, MONDAY)
    assert before.edited[0] == before.intervals[0] > 0
    assert (before.register[0], before.open[0], before.difference[0]) == (0, 0, 0)


async def test_what_no_interval_has_yet_is_open() -> None:
    world = World(point(segment(10.0), schedule=QUARTERLY))
    readings = [(0, 0.0), (15, 1.0), (30, 2.0), (45, 3.0), (50, 3.5)]
    await world.take((1, START + minutes * MINUTE, value) for minutes, value in readings)
    found = prove(world, START, START + HOUR)
    assert (found.register[0], found.intervals[0]) == (pytest.approx(35.0), pytest.approx(30.0))
    assert (found.open[0], found.difference[0]) == (pytest.approx(5.0), 0)


steps = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 5, 15, 40, 200, 1000]),
        st.sampled_from(["", "", "", "", "", "reset", "spike", "zero", "back", "jitter", "still"]),
        st.floats(0, 5),
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=examples(150))
@given(steps, st.booleans(), st.integers(0, 14))
async def test_it_holds_whatever_the_readings(rows: list[tuple[int, str, float]], exchanged: bool, offset: int) -> None:
    middle = START + DAY
    segments = (
        (segment(10.0, valid_to=middle, final=5000.0), segment(3.0, valid_from=middle, meter_id=2, initial=7.0))
        if exchanged
        else (segment(10.0, modulus=1000.0, limit=3000.0),)
    )
    world = World(point(*segments))
    time, value, taken = START + offset * MINUTE, 990.0, []
    for minutes, what, rise in rows:
        time += minutes * MINUTE
        value += 0 if what == "still" else rise
        if what == "reset":
            value = 0.0
        shown = {"spike": value + 500, "zero": 0.0, "back": value - rise * 2, "jitter": value - 0.01}.get(what, value)
        taken.append((1, time, round(shown % 1000, 2)))
    await world.take(taken)
    for number in range(int((time - START) // DAY) + 2):
        found = prove(world, START - 8 * HOUR + number * DAY, START - 8 * HOUR + (number + 1) * DAY)
        assert found.difference[0] == 0, found
