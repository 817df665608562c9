"""The detector on made-up series: what it tells of each fault, and what it must not tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.detect import Cause, Detector, Incident
from collector.pairs import Array

DAY = 86_400_000_000
START = 1_767_571_200_000_000
"""Monday 2026-01-05, midnight UTC."""
DAYS = 140


def works(days: int = DAYS, seed: int = 1, step_s: int = 3600) -> Array:
    """A works on weekdays from 7 to 19 h, a third of it on Saturdays, with noise; consumption of each interval."""
    chance = np.random.default_rng(seed)
    per = 3600 // step_s
    hour = np.arange(days * 24 * per) // per % 24
    weekday = np.arange(days * 24 * per) // (24 * per) % 7
    load = 20 + np.where((hour >= 7) & (hour < 19), np.choose(np.maximum(weekday - 4, 0), [80, 27, 0]), 0)
    daily = np.repeat(chance.normal(1, 0.03, days), 24 * per)
    return load * daily * chance.normal(1, 0.05, len(load)) / per


def household(days: int = DAYS, seed: int = 1) -> Array:
    """A base load and, mostly in the evening, whatever happens: no day is much like another."""
    chance = np.random.default_rng(seed)
    usual = np.where(np.arange(days * 24) % 24 >= 16, 0.6, 0.2)
    return 0.2 + chance.gamma(0.8, usual)


def told(value: Array, step_s: int = 3600, zone: str = "UTC") -> list[Incident]:
    detector = Detector(step_s, zone)
    detector.feed(START + np.arange(len(value)) * step_s * 1_000_000, value)
    return detector.incidents


def span(first: float, last: float) -> slice:
    """Hours of the days [first, last)."""
    return slice(round(first * 24), round(last * 24))


def only(value: Array, cause: Cause, first: float, last: float, slack: float = 1.0) -> Incident:
    """The one incident told, which is this."""
    incidents = told(value)
    assert [one.cause for one in incidents] == [cause]
    assert (incidents[0].start - START) / DAY == pytest.approx(first, abs=slack)
    assert incidents[0].end is not None
    assert (incidents[0].end - START) / DAY == pytest.approx(last, abs=slack)
    return incidents[0]


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_told_of_a_usual_year(seed: int) -> None:
    assert told(works(seed=seed)) == []


@pytest.mark.parametrize(
    ("factor", "cause", "lasts"),
    [(2.0, Cause.RATIO, 20), (0.5, Cause.RATIO, 20), (1.5, Cause.RATIO, 20), (2 / 3, Cause.LOST_PHASE, 15),
     (1.3, Cause.LEVEL, 30), (10.0, Cause.SCALE, 3), (0.1, Cause.SCALE, 3)],
)  # fmt: skip
def test_a_factor_is_named_by_its_size(factor: float, cause: Cause, lasts: int) -> None:
    value = works()
    value[span(70.4, 70.4 + lasts)] *= factor
    incident = only(value, cause, 70.4, 70.4 + lasts)
    assert np.exp(incident.size) == pytest.approx(factor, rel=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_a_phase_that_a_household_loses(seed: int) -> None:
    value = household(seed=seed)
    value[span(70.4, 90)] *= 2 / 3
    only(value, Cause.LOST_PHASE, 70.4, 90, slack=3)


def test_people_on_holiday_are_no_lost_phase() -> None:
    value = household()
    value[span(70.4, 84)] = np.minimum(value[span(70.4, 84)], 0.3)
    assert not {one.cause for one in told(value)} & {Cause.LOST_PHASE, Cause.RATIO, Cause.LEVEL}


def test_a_register_that_catches_up_was_frozen() -> None:
    value = works()
    part = value[span(64.25, 65.5)]
    part[-1], part[:-1] = part.sum(), 0
    only(value, Cause.FROZEN, 64.25, 65.5, slack=0.05)


def test_a_standstill_that_brings_nothing_later_is_zero() -> None:
    value = works()
    value[span(64.25, 66.5)] = 0
    only(value, Cause.ZERO, 64.25, 66.5, slack=0.05)


def test_a_spike() -> None:
    value = works()
    value[span(64.5, 64.58)] *= 8
    only(value, Cause.SPIKE, 64.5, 64.58, slack=0.05)


def test_load_at_night() -> None:
    value = works()
    hour = np.arange(len(value)) % 24
    value[span(63, 75)] += np.where((hour < 5) | (hour >= 22), 40, 0)[span(63, 75)]
    only(value, Cause.NIGHT, 63, 75, slack=2)


def test_load_at_weekends() -> None:
    value = works()
    index = np.arange(len(value))
    weekend = (index // 24 % 7 >= 5) & (index % 24 >= 7) & (index % 24 < 19)
    value[span(63, 84)] += np.where(weekend, 60, 0)[span(63, 84)]
    only(value, Cause.WEEKEND, 68, 89, slack=2)


def test_days_of_another_shape() -> None:
    value = works()
    value[span(63, 84)] = np.roll(value, 9)[span(63, 84)]
    only(value, Cause.PATTERN, 63, 84, slack=3)


def test_a_shape_that_changes_with_the_level_is_business() -> None:
    value = works()
    value[span(91, DAYS)] = np.minimum(value[span(91, DAYS)], 45)
    assert Cause.PATTERN not in [one.cause for one in told(value)]


@pytest.mark.parametrize("late", [-1, 1])
def test_a_clock_an_hour_off(late: int) -> None:
    value = works()
    value[span(40, 58)] = np.roll(value, late)[span(40, 58)]
    assert only(value, Cause.CLOCK, 40, 58, slack=4).size == late


def test_a_source_may_follow_daylight_saving_though_its_zone_does_not() -> None:
    value = works()
    change = span(83 + 1 / 24, DAYS)  # 2026-03-29
    value[change] = np.roll(value, -1)[change]
    assert told(value) == []


def test_a_slow_drift() -> None:
    value = works()
    value[span(60, 110)] *= np.repeat(np.linspace(1, 1.4, 50), 24)
    assert Cause.DRIFT in [one.cause for one in told(value[span(0, 110)])]


def test_a_slow_fall_is_no_drift_of_a_meter() -> None:
    value = works()
    value[span(60, 110)] *= np.repeat(np.linspace(1, 0.7, 50), 24)
    assert Cause.DRIFT not in [one.cause for one in told(value[span(0, 110)])]


def test_nothing_is_told_in_the_first_four_weeks() -> None:
    value = works()
    value[span(14, 20)] *= 2
    value[span(22, 23)] = 0
    value[span(24, 40)] *= 2
    assert [(one.cause, one.start) for one in told(value)] == [(Cause.RATIO, START + 29 * DAY)]


def test_a_holiday_is_like_a_sunday() -> None:
    value = works()
    value[span(70, 71)] = value[span(69, 70)]
    assert told(value) == []


def test_missing_data_are_no_fault() -> None:
    value = works()
    value[span(60, 63)] = np.nan
    value[span(80.2, 80.4)] = np.nan
    assert told(value) == []


def test_what_stands_has_no_end_yet() -> None:
    value = works()
    value[span(130, 140)] *= 2
    assert [(one.cause, one.end) for one in told(value)] == [(Cause.RATIO, None)]


def test_a_local_day_has_the_hours_of_its_zone() -> None:
    """London's clocks go forward on 2026-03-29; a works that follows them changes nothing."""
    value = works()
    change = span(83 + 1 / 24, DAYS)
    value[change] = np.roll(value, -1)[change]
    assert told(value, zone="Europe/London") == []


def test_a_step_must_divide_the_hour() -> None:
    with pytest.raises(ValueError, match="do not divide an hour"):
        Detector(7200, "UTC")


@given(st.lists(st.integers(1, 24 * 40), min_size=1, max_size=12), st.integers(0, 5))
@settings(max_examples=15)
def test_fed_in_parts_it_says_the_same(parts: list[int], seed: int) -> None:
    value = works(seed=seed)
    chance = np.random.default_rng(seed)
    for factor in (2.0, 0.0, 1.3):
        first = float(chance.uniform(36, 120))
        value[span(first, first + chance.uniform(1, 20))] *= factor
    value[span(100, 101)] = np.nan
    start = START + np.arange(len(value)) * 3_600_000_000
    detector, at = Detector(3600, "UTC"), 0
    for size in [*parts, len(value)]:
        detector.feed(start[at : at + size], value[at : at + size])
        at += size
    assert detector.incidents == told(value)


def test_what_was_told_does_not_depend_on_what_comes_later() -> None:
    value = works()
    value[span(60, 80)] *= 1.5
    value[span(100, 102)] = 0
    whole = told(value)
    for past in (66, 90, 101):
        known = START + past * DAY
        before = [(one.cause, one.start, one.detected_at) for one in whole if one.detected_at < known]
        part = [(one.cause, one.start, one.detected_at) for one in told(value[span(0, past)])]
        assert [one for one in part if one[2] < known] == before
