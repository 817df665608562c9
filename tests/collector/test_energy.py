"""Registers to intervals: cases by hand, real faults from the field, and what must hold whatever the readings."""

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.energy import metered
from collector.registers import Kind
from collector.terms import Terms, eras
from config.grid import first_grid
from config.quality import Method, Quality
from config.samples import MICROSECOND
from storage.intervals import Ranges
from storage.points import Segment
from storage.readings import ReadingColumns
from tests.collector.registerworld import HOUR, MINUTE, QUARTER, START, World, point, segment
from tests.examples import examples

M, E, S = int(Quality.MEASURED), int(Quality.ESTIMATED), int(Quality.SUSPECT)
NONE = math.nan


async def book(
    values: Sequence[float | None],
    *segments: Segment,
    every: int = 15,
    offset: int = 0,
    cadence_s: int = 900,
) -> list[tuple[int, float, int]]:
    """(minute, consumption, quality) from readings `every` minutes; None: missing."""
    world = World(point(*segments, schedule=((0, cadence_s),)))
    await world.take(
        (1, START + (offset + number * every) * MINUTE, value)
        for number, value in enumerate(values)
        if value is not None
    )
    return world.rows()


def same(found: Sequence[tuple[int, float, int]], wanted: Sequence[tuple[int, float, int]]) -> None:
    assert [(row[0], row[2]) for row in found] == [(row[0], row[2]) for row in wanted]
    assert [row[1] for row in found] == pytest.approx([row[1] for row in wanted], nan_ok=True)


class TestBoundaries:
    async def test_readings_on_the_boundaries(self) -> None:
        same(await book([0, 1, 3, 6]), [(0, 1, M), (15, 2, M), (30, 3, M)])

    async def test_registers_between_readings_are_interpolated(self) -> None:
        same(await book([0, 3, 9], offset=5), [(15, 1 + 4, M)])

    async def test_the_multiplier(self) -> None:
        same(await book([0, 1, 3], segment(4000.0)), [(0, 4000, M), (15, 8000, M)])

    async def test_an_interval_is_open_until_a_reading_at_or_after_its_end(self) -> None:
        same(await book([0, 1, 2], every=10), [(0, 1.5, M)])

    async def test_one_reading_is_no_interval(self) -> None:
        assert await book([5]) == []

    async def test_a_slow_meter_has_long_intervals(self) -> None:
        same(await book([0, 5, 11], every=60, cadence_s=3600), [(0, 5, M), (60, 6, M)])

    async def test_counts_of_expected_and_received(self) -> None:
        world = World(point(schedule=((0, 60),)))
        await world.take((1, START + n * MINUTE, float(n)) for n in range(46) if n not in (3, 4, 20))
        counted = {key[1]: row[4:] for key, row in world.intervals.items()}
        assert counted == {START: (15, 13), START + QUARTER: (15, 14), START + 2 * QUARTER: (15, 15)}


class TestGaps:
    async def test_energy_over_a_gap_is_conserved_and_said_to_be_estimated(self) -> None:
        found = await book([0, 1, None, None, None, 9, 10], offset=5)
        same(found, [(15, 1 / 3 + 4 / 3, E), (30, 2, E), (45, 2, E), (60, 2, E), (75, 2 * 2 / 3 - 1 / 3 + 1 / 3, E)])
        assert sum(row[1] for row in found) == pytest.approx((9 + 2 / 3) - (2 / 3))

    async def test_one_missing_reading_is_no_gap(self) -> None:
        same(await book([0, None, 2, 3]), [(0, 1, M), (15, 1, M), (30, 1, M)])

    async def test_the_method_is_said(self) -> None:
        world = World(point(schedule=((0, 900),)))
        await world.take([(1, START, 0.0), (1, START + QUARTER, 1.0), (1, START + 5 * QUARTER, 5.0)])
        assert [row[3] for _, row in sorted(world.intervals.items())] == [Method.REGISTER, *[Method.LINEAR] * 4]


class TestRegisters:
    async def test_roll_over(self) -> None:
        same(await book([990, 995, 3, 8, 12], segment(modulus=1000.0)), [(0, 5, M), (15, 8, M), (30, 5, M), (45, 4, M)])

    async def test_roll_over_within_an_interval(self) -> None:
        found = await book([990, 995, 3, 8, 12], segment(2.0, modulus=1000.0), offset=5)
        same(found, [(15, 2 * 7, M), (30, 2 * 6, M), (45, 2 * (5 / 3 + 8 / 3), M)])

    async def test_a_fall_is_held_until_it_is_told(self) -> None:
        same(await book([100, 101, 0]), [(0, 1, M), (15, NONE, S)])
        same(await book([100, 101, 0, 0]), [(0, 1, M), (15, NONE, S), (30, NONE, S)])

    async def test_a_fall_that_comes_back_was_a_bad_reading(self) -> None:
        same(await book([100, 101, 0, 103, 104]), [(0, 1, M), (15, 1, M), (30, 1, M), (45, 1, M)])

    async def test_a_fall_that_stays_and_grows_is_a_reset(self) -> None:
        """What flowed from the last reading before to the first after is unknown: no row."""
        same(await book([100, 101, 0, 1, 2]), [(0, 1, M), (30, 1, M), (45, 1, M)])

    async def test_a_reset_within_an_interval_leaves_the_known_part_and_doubt(self) -> None:
        same(await book([100, 101, 0, 1, 2], offset=5), [(15, 1 / 3, S), (30, 2 / 3, S), (45, 1, M)])

    async def test_a_high_fall_is_no_roll_over(self) -> None:
        same(await book([500, 505, 0, 5, 9], segment(modulus=1000.0)), [(0, 5, M), (30, 5, M), (45, 4, M)])

    async def test_a_jump_that_returns_was_a_bad_reading_even_without_a_limit(self) -> None:
        wanted = [(0, 1, M), (15, 1, M), (30, 1, M), (45, 1, M)]
        same(await book([100, 101, 1901, 103, 104]), wanted)
        same(await book([100, 101, 1901, 103, 104], segment(limit=100.0)), wanted)

    async def test_a_jump_above_the_nameplate_is_held_and_never_booked(self) -> None:
        limited = segment(limit=100.0)
        same(await book([100, 101, 1901], limited), [(0, 1, M), (15, NONE, S)])
        same(await book([100, 101, *range(1901, 1907)], limited), [(0, 1, M), *[(15 * n, 1, M) for n in range(2, 7)]])

    async def test_one_digit_less_is_no_reset_and_no_energy(self) -> None:
        found = await book([215.6] * 7 + [215.7] + [215.6] * 9, segment(resolution=0.1))
        assert [row[2] for row in found] == [M] * 16
        assert sum(row[1] for row in found) == 0

    async def test_float_noise_is_no_reset(self) -> None:
        found = await book([2781.0, 2781.7489, 2781.748898, 2782.0, 2783.0], segment(resolution=0.01))
        assert [row[2] for row in found] == [M] * 4
        assert sum(row[1] for row in found) == pytest.approx(2.0)

    async def test_a_signed_register_overflows_to_negative(self) -> None:
        found = await book([2147480, 2147483, -2147481.296, -2147478.296], segment(modulus=2**32 / 1000))
        assert [row[1] for row in found] == pytest.approx([3, 3.0, 3], abs=1e-6)

    def test_a_reading_above_what_the_nameplate_allows_counts_as_received_but_not_as_a_register(self) -> None:
        values = np.array([1.0, 2.0, 900.0, 4.0, 5.0])
        readings = ReadingColumns(
            np.ones(5, np.int32), START + np.arange(5) * QUARTER, values, np.zeros(5, np.int16)
        )  # fmt: skip
        ranges = Ranges(np.array([1]), np.array([START]), np.array([START + 4 * QUARTER]))
        terms = Terms([point(segment(limit=40.0), schedule=((0, 900),))])
        found = metered(readings, ranges, terms).intervals
        assert found.consumption.tolist() == [1.0, 1.0, 1.0, 1.0]
        assert found.received.tolist() == [1, 1, 1, 1]

    def test_verdicts_name_point_and_instant(self) -> None:
        values = np.array([1.0, 2.0, 0.0, 3.0])
        readings = ReadingColumns(
            np.full(4, 7, np.int32), START + np.arange(4) * QUARTER, values, np.zeros(4, np.int16)
        )
        ranges = Ranges(np.array([7]), np.array([START]), np.array([START + QUARTER]))
        [verdict] = metered(readings, ranges, Terms([point(id=7)])).verdicts
        assert (verdict.point, verdict.first, verdict.kind) == (7, START + 2 * QUARTER, Kind.TRANSIENT)


class TestSegments:
    CHANGE = START + 20 * MINUTE

    async def test_an_exchange_with_both_registers_noted_loses_nothing(self) -> None:
        found = await book(
            [100, 101, 5, 6],
            segment(1.0, valid_to=self.CHANGE, final=101.5),
            segment(3.0, valid_from=self.CHANGE, meter_id=2, initial=4.0),
        )
        same(found, [(0, 1, M), (15, 0.5 + 3, M), (30, 3, M)])

    async def test_an_exchange_without_them_leaves_out_what_nobody_knows(self) -> None:
        meters = segment(1.0, valid_to=self.CHANGE), segment(3.0, valid_from=self.CHANGE, meter_id=2)
        same(await book([100, 101, 5, 6], *meters), [(0, 1, M), (30, 3, M)])
        found = await book([100, 103, 5, 8], *meters, offset=1)
        same(found, [(15, 3 / 15, S), (30, 9 * 14 / 15, S)])

    async def test_another_ratio_of_the_same_meter_applies_from_its_instant(self) -> None:
        ratios = segment(1.0, valid_to=self.CHANGE), segment(10.0, valid_from=self.CHANGE)
        same(await book([100, 103, 106, 109], *ratios), [(0, 3, M), (15, 1 + 20, M), (30, 30, M)])

    async def test_the_register_at_installation_is_the_first_reading(self) -> None:
        installed = segment(valid_from=START - 30 * MINUTE, initial=97.0)
        same(await book([100, 103], installed), [(-30, 1.5, M), (-15, 1.5, M), (0, 3, M)])

    async def test_readings_outside_any_installation_book_nothing(self) -> None:
        assert await book([1, 2, 3], segment(valid_from=START + HOUR)) == []


class TestLengths:
    def test_a_new_cadence_counts_from_the_next_interval(self) -> None:
        schedule = ((START, 3600), (START + 20 * MINUTE, 60), (START + 90 * MINUTE, 3600), (START + 181 * MINUTE, 5))
        found = eras(first_grid(schedule), schedule)
        assert [((era.start - START) // MINUTE, era.length_s, era.cadence_s) for era in found[1:]] == [
            (0, 3600, 3600), (60, 900, 60), (90, 900, 3600), (120, 3600, 3600), (240, 900, 5),
        ]  # fmt: skip

    async def test_the_interval_in_which_the_cadence_changes_is_there(self) -> None:
        world = World(point(schedule=((START, 60), (START + 7 * MINUTE, 10))))
        await world.take((1, START + n * 5 * MINUTE, float(n)) for n in range(10))
        assert world.rows() == [(0, 3.0, M), (15, 3.0, M), (30, 3.0, M)]

    async def test_intervals_go_over_from_one_length_to_the_other(self) -> None:
        world = World(point(schedule=((START, 3600), (START + 20 * MINUTE, 900))))
        await world.take((1, START + n * 15 * MINUTE, float(n)) for n in range(10))
        assert [row[:2] for row in world.rows()] == [(0, 4.0), (60, 1.0), (75, 1.0), (90, 1.0), (105, 1.0), (120, 1.0)]


def history(seed: int) -> tuple[World, list[tuple[int, int, float]]]:
    """A point with its readings, with or without faults of all kinds, and a world to take them."""
    chance = random.Random(seed)
    modulus, limit = chance.choice([None, 100.0]), chance.choice([None, 400.0])
    cadence_s = chance.choice([60, 300, 900, 1800])
    faults = chance.choice([0, 0.02, 0.1, 0.4])
    register, time = chance.uniform(0, 50), START + chance.randrange(0, QUARTER)
    rows = []
    frozen, backwards, shown = 0, 1, register
    for _ in range(chance.randrange(1, 120)):
        time += cadence_s * MICROSECOND * chance.choice([1, 1, 1, 1, 1, 1, 3, 40])
        if chance.random() < faults / 4:
            frozen, backwards = chance.choice([(30, 1), (0, -1), (0, 1)])
        frozen -= 1
        register += backwards * round(chance.expovariate(1), 2) * (chance.random() < 0.7)
        if chance.random() < faults / 3:
            register = chance.uniform(0, 2)
        if frozen <= 0:
            shown = round(register % modulus if modulus else register, 2)
        if chance.random() < faults:
            bad = chance.choice([0.0, -shown, shown + chance.choice([500, -20, -0.01, 0.01]), chance.uniform(0, 100)])
            rows.append((1, time, bad))
        else:
            rows.append((1, time, shown))
    change = chance.choice(rows)[1] // MINUTE * MINUTE
    segments = chance.choice(
        [
            (segment(2.0, modulus=modulus, limit=limit),),
            (segment(2.0, modulus=modulus, valid_to=change), segment(3.0, modulus=modulus, valid_from=change)),
            (
                segment(2.0, modulus=modulus, valid_to=change, final=chance.choice([None, 60.0])),
                segment(3.0, valid_from=change, meter_id=2, initial=chance.choice([None, 0.0])),
            ),
        ]
    )
    return World(point(*segments, schedule=((0, cadence_s),))), rows


@settings(max_examples=examples(120))
@example(115501)  # stands still for days after a fault
@example(20494)  # stands still with the wrong sign
@given(st.integers(0, 2**32))
async def test_order_and_batches_do_not_matter_and_computing_again_changes_nothing(seed: int) -> None:
    whole, rows = history(seed)
    await whole.take(rows)
    pieces = World(*whole.terms.points)
    chance = random.Random(seed)
    rest = rows if chance.random() < 0.5 else chance.sample(rows, len(rows))
    while rest:
        size = chance.choice([1, 1, 2, 5, 30])
        await pieces.take(rest[:size])
        rest = rest[size:]
    assert repr(sorted(pieces.intervals.items())) == repr(sorted(whole.intervals.items()))
    await pieces.again()
    assert pieces.changed == 0


@settings(max_examples=examples(150))
@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 10_000)), min_size=2, max_size=60),
    st.sampled_from([60, 900, 3600]),
    st.sampled_from([1.0, 60.0, 12_000.0]),
    st.booleans(),
)
async def test_energy_is_conserved(
    steps: list[tuple[int, int]], cadence_s: int, multiplier: float, rolls: bool
) -> None:
    """Whatever the gaps: the intervals add up to what the register counted between the first and the last boundary."""
    modulus = 1e6 if rolls else None
    world = World(point(segment(multiplier, modulus=modulus, limit=1e9), schedule=((0, cadence_s),)))
    time, register = START, 999_000.0
    times, registers = [time], [register]
    for seconds, digits in steps:
        time, register = time + seconds * MICROSECOND, register + digits / 100
        times.append(time)
        registers.append(register)
    await world.take(
        (1, when, value % modulus if modulus else value) for when, value in zip(times, registers, strict=True)
    )
    found = sorted(world.intervals.items())
    if not found or any(row[2] == S for _, row in found):  # a roll-over that its last reading leaves in doubt
        return
    bounds = [found[0][0][1], found[-1][0][1] + found[-1][1][0] * MICROSECOND]
    first, last = np.interp(bounds, times, registers)
    assert math.fsum(row[1] for _, row in found) == pytest.approx((last - first) * multiplier, rel=1e-9, abs=1e-4)
    assert len(found) == (bounds[1] - bounds[0]) // (found[0][1][0] * MICROSECOND)


def test_many_points_are_computed_as_each_alone() -> None:
    chance = np.random.default_rng(1)
    points, count = 50, 1000  # more than are computed together
    terms = Terms([point(segment(2.0, modulus=1e4, limit=5e3), id=n) for n in range(1, points + 1)])
    values = (np.cumsum(chance.random((points, count)) * 20, 1) + 9_000 * chance.random((points, 1))) % 1e4
    values[chance.random(values.shape) < 0.01] = 0
    time = START + np.arange(count) * MINUTE
    ids = np.arange(1, points + 1, dtype=np.int32)

    def compute(which: slice) -> list[tuple[float, ...]]:
        mine = ids[which]
        readings = ReadingColumns(
            np.repeat(mine, count).astype(np.int32), np.tile(time, len(mine)), values[which].ravel(),
            np.zeros(count * len(mine), np.int16),
        )  # fmt: skip
        span = np.full(len(mine), START), np.full(len(mine), START + count * MINUTE)
        found = metered(readings, Ranges(mine, *span), terms).intervals
        return list(zip(found.point, found.start, found.consumption.round(9), found.quality, strict=True))

    assert repr(compute(slice(0, points))) == repr([row for n in range(points) for row in compute(slice(n, n + 1))])
