"""The energy of a long gap goes where like days had theirs, whatever the order in which readings came."""

import random
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.pairs import Array
from config.quality import Method, Quality
from storage.points import Edit
from tests.collector.registerworld import HOUR, MINUTE, QUARTER, START, World, point, segment

DAY = 24 * HOUR
MONDAY = START + 4 * DAY  # 2026-01-05T08:00 in Shanghai


def works(hour: Array) -> Array:
    """What flows in each hour since MONDAY: 5 from 8 to 16 by the zone's clock, else 1."""
    return np.where((hour + 8) % 24 // 8 == 1, 5.0, 1.0)


def registers(days: int, step: int = QUARTER, offset: int = 0) -> list[tuple[int, int, float]]:
    """Readings of point 1 every `step`."""
    quarters = np.arange(days * 96 + 2)
    counted = np.concatenate(([0.0], np.cumsum(works(quarters[:-1] // 4) / 4)))
    times = np.arange(0, days * DAY + 1, step) + offset
    values = np.interp(times, quarters * QUARTER, counted)
    return [(1, MONDAY + int(time), float(value)) for time, value in zip(times, values, strict=True)]


def without(rows: Iterable[tuple[int, int, float]], first: int, past: int) -> list[tuple[int, int, float]]:
    """But those after `first` and before `past`, microseconds since MONDAY."""
    return [row for row in rows if not first < row[1] - MONDAY < past]


def found(world: World, first: int, past: int) -> list[tuple[float, int, int]]:
    """(consumption, quality, method) of the intervals in [first, past) since MONDAY."""
    return [
        (row[1], row[2], row[3])
        for (_, start), row in sorted(world.intervals.items())
        if first <= start - MONDAY < past
    ]


QUARTERLY, HOURLY = ((0, 900),), ((0, 3600),)


async def test_a_long_gap_follows_like_days_and_keeps_its_energy() -> None:
    world = World(point(segment(10.0), schedule=QUARTERLY))
    await world.take(without(registers(5), 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR))
    rows = found(world, 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR)
    assert {row[1:] for row in rows} == {(Quality.ESTIMATED, Method.LIKE_DAY)}
    truth = np.repeat(works(np.arange(5, 13)), 4) / 4 * 10
    assert [row[0] for row in rows] == pytest.approx(truth)
    assert sum(row[0] for row in rows) == pytest.approx(truth.sum(), rel=1e-12)
    (gap,) = world.gaps.values()
    assert gap.evidence == {
        "energy": pytest.approx(truth.sum()), "method": "like_day", "days": 4, "until": "2026-01-10",
    }  # fmt: skip


async def test_readings_between_the_boundaries_keep_every_interval_apart() -> None:
    world = World(point(schedule=QUARTERLY))
    rows = without(registers(5, offset=7 * MINUTE), 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR)
    await world.take(rows)
    whole = [row[0] for row in found(world, 0, 5 * DAY)]
    ends = np.interp([MONDAY + QUARTER, MONDAY + 5 * DAY], [row[1] for row in rows], [row[2] for row in rows])
    assert sum(whole) == pytest.approx(ends[1] - ends[0], rel=1e-12)
    edge = found(world, 2 * DAY + 5 * HOUR - QUARTER, 2 * DAY + 5 * HOUR + QUARTER)
    assert [row[0] for row in edge] == pytest.approx([1.25, 1.25])


async def test_up_to_two_hours_are_spread_evenly() -> None:
    world = World(point(schedule=QUARTERLY))
    await world.take(without(registers(5), 2 * DAY - HOUR, 2 * DAY + HOUR))
    assert {row[2] for row in found(world, 2 * DAY - HOUR, 2 * DAY + HOUR)} == {Method.LINEAR}
    assert not world.gaps


async def test_without_like_days_it_stays_even_until_some_are_over() -> None:
    world = World(point(schedule=HOURLY))
    rows = without(registers(3, HOUR), 4 * HOUR, 12 * HOUR)
    today = [row for row in rows if row[1] < MONDAY + DAY]
    await world.take(today)
    even = [row[0] for row in found(world, 4 * HOUR, 12 * HOUR)]
    assert even == pytest.approx([sum(even) / 8] * 8)
    for row in rows[len(today) :]:
        await world.take([row])
    rows_now = found(world, 4 * HOUR, 12 * HOUR)
    assert {row[2] for row in rows_now} == {Method.LIKE_DAY}
    assert [row[0] for row in rows_now] == pytest.approx(works(np.arange(4, 12)))


async def test_new_readings_change_a_gap_at_midnight_only() -> None:
    world = World(point(schedule=HOURLY))
    rows = without(registers(6, HOUR), 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR)
    rng = random.Random(3)
    rows = [(one, time, round(value + rng.random() / 50, 2)) for one, time, value in rows]
    changed = []
    for row in rows:
        before = found(world, 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR)
        await world.take([row])
        if before and before != found(world, 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR):
            changed.append(row[1] - MONDAY)
    midnights = [hour * HOUR for hour in (2 * 24 + 16, 3 * 24 + 16, 4 * 24 + 16, 5 * 24 + 16)]
    assert changed == midnights


async def test_what_arrives_late_replaces_the_estimate() -> None:
    world = World(point(schedule=QUARTERLY))
    rows = registers(5)
    await world.take(without(rows, 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR))
    await world.take([row for row in rows if row[1] - MONDAY > 2 * DAY])
    assert {row[1:] for row in found(world, 0, 5 * DAY)} == {(Quality.MEASURED, Method.REGISTER)}
    assert not world.gaps


async def test_without_a_schedule_nothing_is_absent() -> None:
    world = World(point(schedule=()))
    await world.take(without(registers(5), 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR))
    assert {row[2] for row in found(world, 2 * DAY + 5 * HOUR, 2 * DAY + 13 * HOUR)} == {Method.LINEAR}


async def test_what_is_missing_is_estimated_on_request_until_it_is_known() -> None:
    world = World(point(schedule=HOURLY))
    rows = registers(6, HOUR)
    await world.take(row for row in rows if row[1] - MONDAY <= 4 * DAY + 2 * HOUR)
    first, past = 4 * DAY + 4 * HOUR, 4 * DAY + 12 * HOUR
    await world.edit((Edit(1, "estimate", MONDAY + first, MONDAY + past, None),), MONDAY + first, MONDAY + past)
    free = found(world, 4 * DAY + 2 * HOUR, 6 * DAY)
    assert [row[0] for row in free] == pytest.approx(works(np.arange(4, 12)))
    assert {row[1:] for row in free} == {(Quality.ESTIMATED, Method.LIKE_DAY_FREE)}
    (asked,) = world.gaps.values()
    assert asked.kind == "estimate"
    assert asked.evidence == {"energy": None, "method": "like_day_free", "days": 4, "until": "2026-01-09"}

    await world.take(row for row in rows if row[1] - MONDAY >= 5 * DAY)
    assert {row[2] for row in found(world, first, past)} == {Method.LIKE_DAY}
    await world.take(rows)
    assert {row[1:] for row in found(world, 0, 6 * DAY)} == {(Quality.MEASURED, Method.REGISTER)}


async def test_an_estimate_goes_with_its_edit_and_follows_the_days_around() -> None:
    rows = registers(9, HOUR)
    first, past = MONDAY + 4 * DAY + 4 * HOUR, MONDAY + 4 * DAY + 12 * HOUR
    # the register begins anew during an outage: nobody knows what flowed
    kept = [(one, time, value if time <= first else value + 1000) for one, time, value in rows]
    kept = [row for row in kept if not first < row[1] < past]
    edits = (Edit(1, "reset", past, past, None), Edit(2, "estimate", first, past, None))
    at_once, in_parts = (World(point(schedule=HOURLY)) for _ in range(2))
    await at_once.take(kept)
    missing = dict(at_once.intervals)
    await at_once.edit(edits[:1], past, past)
    assert not found(at_once, first - MONDAY, past - MONDAY)
    await at_once.edit(edits, first, past)
    assert {row[1:] for row in found(at_once, first - MONDAY, past - MONDAY)} == {
        (Quality.ESTIMATED, Method.LIKE_DAY_FREE)
    }
    await in_parts.edit(edits, first, past)
    for start in range(0, len(kept), 40):
        await in_parts.take(kept[start : start + 40])
    assert in_parts.intervals == at_once.intervals
    await at_once.edit((), first, past)
    assert at_once.intervals == missing


@settings(max_examples=15)
@given(
    gaps=st.lists(st.tuples(st.integers(1, 190), st.integers(1, 40)), min_size=1, max_size=3),
    late=st.integers(0, 2),
    batches=st.integers(1, 6),
    offset=st.sampled_from((0, 7 * MINUTE)),
    seed=st.integers(0, 2**32 - 1),
)
async def test_the_order_of_readings_does_not_matter(
    gaps: list[tuple[int, int]], late: int, batches: int, offset: int, seed: int
) -> None:
    chance = random.Random(seed)
    kept = []
    for number, (one, time, value) in enumerate(registers(8, HOUR, offset)):
        if not any(first <= number < first + length for first, length in gaps[late:]):
            kept.append((one, time, value))
    at_once, in_parts = (World(point(schedule=HOURLY)) for _ in range(2))
    await at_once.take(kept)
    parts: list[list[tuple[int, int, float]]] = [[] for _ in range(batches)]
    for row in kept:
        chance.choice(parts).append(row) if chance.random() < 0.3 else parts[0].append(row)
    for part in parts:
        await in_parts.take(part)
    assert in_parts.intervals == at_once.intervals
    assert {key: one.evidence for key, one in in_parts.gaps.items()} == {
        key: one.evidence for key, one in at_once.gaps.items()
    }
    await in_parts.again()
    assert in_parts.changed == 0
    energy = sum(row[1] for row in at_once.intervals.values())
    assert energy <= kept[-1][2] - kept[0][2] + 1e-9
