"""A gap's energy goes where like days had theirs, and all of it."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.likeday import DAY, Gap, spread
from collector.pairs import Array
from config.clocks import local
from config.samples import MICROSECOND

HOUR = 3600 * MICROSECOND
MONDAY = 4 * DAY  # 1970-01-05, a Monday


def starts(first: int, count: int, length: int = HOUR) -> Array:
    return first + np.arange(count) * length


def around(start: Array, values: Array, first: int, past: int) -> tuple[Array, Array, Gap]:
    """All but the slots [first, past), and what is known of those."""
    outside = np.r_[0:first, past : len(start)]
    gap = Gap(start[first:past], np.ones(past - first), float(values[first:past].sum()))
    return start[outside], values[outside], gap


def factory(start: Array, zone: str = "UTC") -> Array:
    """Works from 8 to 17 on weekdays, one hour on Saturdays, by the zone's clock."""
    shown = local(start, zone)
    hour, weekday = shown // HOUR % 24, (shown // DAY + 3) % 7
    works = (weekday < 5) & (hour >= 8) & (hour < 17) | (weekday == 5) & (hour == 9)
    return np.where(works, 90.0, 2.0)


@pytest.mark.parametrize(("day", "days"), [(14, 1), (18, 3), (14, 7), (17, 10)])
def test_what_repeats_every_week_is_found_again(day: int, days: int) -> None:
    start = starts(MONDAY, 42 * 24)
    values = factory(start)
    first, past = day * 24 + 5, (day + days) * 24 + 5
    found = spread(*around(start, values, first, past), HOUR, "UTC")
    assert found is not None
    assert found.energy == pytest.approx(values[first:past], rel=0.02, abs=0.5)


def test_days_follow_the_clock_of_the_zone() -> None:
    zone = "Europe/Berlin"
    change = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()) * MICROSECOND
    start = starts(change - 20 * DAY, 28 * 24)
    values = factory(start, zone)
    first = 20 * 24 - 12
    found = spread(*around(start, values, first, first + 48), HOUR, zone)
    assert found is not None
    assert found.energy == pytest.approx(values[first : first + 48], rel=0.02, abs=0.5)


def test_a_holiday_does_not_speak_for_its_weekday() -> None:
    start = starts(MONDAY, 28 * 24)
    values = factory(start)
    values[7 * 24 : 8 * 24] = 2.0
    found = spread(*around(start, values, 14 * 24, 15 * 24), HOUR, "UTC")
    assert found is not None
    assert found.energy == pytest.approx(values[14 * 24 : 15 * 24], rel=0.05, abs=1.0)


def test_the_hours_beside_the_gap_tell_which_days_are_like_it() -> None:
    start = starts(MONDAY, 28 * 24)
    day = np.arange(28 * 24) // 24
    early = day % 2 == 0  # every other day works early
    values = np.where(np.isin(np.arange(28 * 24) % 24, (4, 5, 6, 7)) == early, 40.0, 10.0)
    first = 14 * 24 + 2
    known, consumption, gap = around(start, values, first, first + 4)
    found = spread(known, consumption, gap, HOUR, "UTC")
    assert found is not None
    assert found.energy == pytest.approx(values[first : first + 4], rel=0.2)


def test_over_days_the_energy_leans_to_the_end_where_more_than_usual_flowed() -> None:
    start = starts(MONDAY, 28 * 24)
    values = np.full(28 * 24, 10.0)
    values[11 * 24 : 15 * 24] = 20.0
    known, consumption, gap = around(start, values, 14 * 24, 18 * 24)
    found = spread(known, consumption, gap, HOUR, "UTC")
    assert found is not None
    by_day = found.energy.reshape(4, 24).sum(1)
    assert (np.diff(by_day) < 0).all()
    assert by_day[0] > 1.2 * by_day[3]


def test_where_the_clock_does_not_matter_the_slots_beside_steady_what_is_found() -> None:
    start = starts(MONDAY, 28 * 24)

    def unrest(course: Array) -> float:
        """How far what is found is from the course, which all days have but for chance."""
        found = []
        for seed in range(8):
            values = np.tile(course, 28) * np.random.default_rng(seed).uniform(1, 2, 28 * 24)
            one = spread(*around(start, values, 14 * 24, 15 * 24), HOUR, "UTC")
            assert one is not None
            found.append(float(np.std(one.energy / course)))
        return float(np.mean(found))

    clockwork = np.where(np.arange(24) % 2, 1.0, 3.0)
    assert unrest(np.ones(24)) < 0.9 * unrest(clockwork)


def test_only_the_share_of_a_slot_that_lies_in_the_gap_gets_energy() -> None:
    start = starts(MONDAY, 21 * 24)
    known, consumption, gap = around(start, np.ones(21 * 24), 200, 206)
    gap = Gap(gap.start, np.array([0.25, 1, 1, 1, 1, 0.5]), 4.75)
    found = spread(known, consumption, gap, HOUR, "UTC")
    assert found is not None
    assert found.energy == pytest.approx(gap.share)
    assert found.days == 20


def test_days_as_intervals() -> None:
    start = starts(MONDAY, 28, DAY)
    values = np.where((start // DAY + 3) % 7 < 5, 100.0, 10.0)
    found = spread(*around(start, values, 15, 20), DAY, "UTC")
    assert found is not None
    assert found.energy == pytest.approx(values[15:20], rel=0.02)


def test_nothing_is_like_a_gap_in_what_is_hardly_known() -> None:
    gap = Gap(starts(MONDAY, 24), np.ones(24), 7.0)
    assert spread(starts(MONDAY - 10 * HOUR, 10), np.ones(10), gap, HOUR, "UTC") is None
    assert spread(starts(MONDAY, 0), np.ones(0), gap, HOUR, "UTC") is None
    assert spread(starts(MONDAY - DAY, 24), np.zeros(24), gap, HOUR, "UTC") is None


@given(
    seed=st.integers(0, 2**32 - 1),
    share_known=st.sampled_from((0.3, 0.9, 1.0)),
    share_zero=st.sampled_from((0.0, 0.5, 0.95)),
    first=st.integers(0, 4 * 24 - 1),
    slots=st.integers(1, 60),
    energy=st.floats(1e-3, 1e9),
    zone=st.sampled_from(("Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe")),
)
def test_no_energy_is_lost_or_invented(
    seed: int, share_known: float, share_zero: float, first: int, slots: int, energy: float, zone: str
) -> None:
    start, chance = starts(MONDAY, 4 * 24), np.random.default_rng(seed)
    values = np.where(chance.random(len(start)) < share_zero, 0.0, 10.0 ** chance.uniform(-6, 6, len(start)))
    near = chance.random(len(start)) < share_known
    near &= (start < start[first]) | (start >= start[first] + slots * HOUR)
    gap = Gap(starts(int(start[first]), slots), np.ones(slots), energy)
    found = spread(start[near], values[near], gap, HOUR, zone)
    if found is not None:
        assert (found.energy >= 0).all()
        assert found.energy.sum() == pytest.approx(energy, rel=1e-12)
