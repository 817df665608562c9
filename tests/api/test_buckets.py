"""The calendar of answers, what is owed, and sums into buckets."""

from datetime import date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.buckets import MOST, Interval, edges, word
from api.consumption import Buckets, buckets
from api.expected import cadence, longest_interval, owed
from api.problems import Problem
from api.times import EARLIEST, LATEST, local, parse
from config.carriers import carriers, main_quantity
from config.grid import first_grid, interval_length
from config.quality import Quality
from config.samples import MICROSECOND
from storage.intervals import IntervalColumns
from storage.points import Point

INTERVALS: tuple[Interval, ...] = get_args(Interval)
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe"]
HOUR, DAY = 3600 * MICROSECOND, 86_400 * MICROSECOND
START = parse("2026-01-01T00:00:00+08:00")


def point(*schedule: tuple[int, int | None]) -> Point:
    return Point(
        1, "U", 1, 1, "E-1", "electricity", "active_energy_import", True, "Asia/Shanghai", (), schedule,
        first_grid(schedule),
    )  # fmt: skip


@given(st.sampled_from(INTERVALS), st.integers(EARLIEST, LATEST), st.integers(1, 300 * DAY), st.sampled_from(ZONES))
def test_buckets_cover_the_span_and_no_more(interval: Interval, start: int, length: int, zone: str) -> None:
    found = edges(interval, start, start + length, zone)
    assert (np.diff(found) > 0).all()
    assert found[0] <= start < found[1]
    assert found[-2] < start + length <= found[-1]
    if interval in ("1d", "1mo", "1y"):
        days = [local(int(edge), zone).date() for edge in found]
        assert all(local(int(edge) - 1, zone).date() < day for edge, day in zip(found, days, strict=True))
        assert interval == "1d" or all(day.day == 1 for day in days)
        assert interval != "1y" or all(day.month == 1 for day in days)


def test_days_have_23_24_and_25_hours() -> None:
    zone = ZoneInfo("Europe/Berlin")

    def hours(day: date) -> float:
        start = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * MICROSECOND
        return float(np.diff(edges("1d", start, start + 1, zone.key))[0] / HOUR)

    assert [hours(day) for day in (date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25))] == [23, 24, 25]


def test_too_many_buckets_are_refused() -> None:
    assert len(edges("15m", START, START + MOST * 900 * MICROSECOND, "UTC")) == MOST + 1
    with pytest.raises(Problem) as caught:
        edges("15m", START, START + (MOST + 2) * 900 * MICROSECOND, "UTC")
    assert caught.value.kind == "span-too-long"
    with pytest.raises(Problem):
        edges("15m", START, START + 365 * DAY, "UTC", series=12)
    with pytest.raises(Problem):
        edges("1d", EARLIEST, LATEST, "UTC", series=20)


def test_words() -> None:
    assert [word(step) for step in (900, 1800, 3600, 86_400, 1000)] == ["15m", "30m", "1h", "24h", "1000s"]


def test_what_is_owed_follows_the_schedule() -> None:
    at = START + np.arange(9) * 900 * MICROSECOND
    steps: tuple[tuple[int, int | None], ...] = ((1200, 60), (3600, 300), (5400, None))
    known = point(*((START + second * MICROSECOND, cadence_s) for second, cadence_s in steps))
    found = owed(known, at, START + DAY)
    assert found.readings.tolist() == [0, 0, 15, 15, 3, 3, 0, 0]
    assert (found.covered // (900 * MICROSECOND)).tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    early = owed(known, at, START + 3700 * MICROSECOND)
    assert early.readings.tolist() == [0, 0, 15, 0, 0, 0, 0, 0]
    assert owed(point(), at, START + DAY).readings.tolist() == [0] * 8


@given(st.integers(1, 7200), st.integers(0, 10_000))
def test_owed_readings_do_not_depend_on_the_buckets(cadence_s: int, since: int) -> None:
    known = point((START + since * MICROSECOND, cadence_s))
    now = START + 3 * DAY
    fine = owed(known, START + np.arange(97) * 900 * MICROSECOND, now).readings
    whole = owed(known, np.array([START, START + DAY]), now).readings
    assert fine.sum() == whole[0]
    assert (fine >= 0).all()


@pytest.mark.parametrize("cadence_s", [1500, 2400, 3000])
def test_cadences_that_do_not_part_a_day_miss_nothing(cadence_s: int) -> None:
    known = point((START - DAY, cadence_s))
    length = longest_interval([known], START, START + DAY)
    assert length == interval_length(cadence_s) * MICROSECOND
    begin = -(-START // DAY) * DAY
    at = np.arange(begin, begin + DAY + 1, length)
    count = len(at) - 1
    zeros, ones = np.zeros(count, np.int16), np.ones(count, np.int32)
    seconds = np.full(count, length // MICROSECOND, np.int32)
    rows = IntervalColumns(ones, at[:-1], seconds, np.ones(count), zeros, zeros, ones, ones)
    assert (buckets(known, rows, at, begin + 3 * DAY).quality == Quality.MEASURED).all()


def test_longest_interval_and_cadence_are_those_in_force() -> None:
    known = point((START, 60), (START + DAY, 3600), (START + 2 * DAY, None))
    assert longest_interval([known], START, START + HOUR) == 900 * MICROSECOND
    assert longest_interval([known], START, START + DAY + 1) == HOUR
    assert longest_interval([], START, START + DAY) == 900 * MICROSECOND
    assert [cadence(known, START + days * DAY) for days in (0, 1, 2)] == [60 * MICROSECOND, HOUR, None]


def intervals(start: int, values: list[float], qualities: list[int]) -> IntervalColumns:
    count = len(values)
    ones = np.ones(count, np.int32)
    return IntervalColumns(
        ones, start + np.arange(count) * 900 * MICROSECOND, ones * 900, np.array(values), np.array(qualities, np.int16),
        np.zeros(count, np.int16), ones * 15, ones * 15,
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 1000), st.sampled_from([0, 1, 2])), min_size=96, max_size=96))
def test_no_kilowatt_hour_is_lost_between_intervals(parts: list[tuple[int, int]]) -> None:
    rows = intervals(START, [float(value) for value, _ in parts], [quality for _, quality in parts])
    now = START + 3 * DAY
    for interval in ("15m", "1h", "1d"):
        at = edges(interval, START, START + DAY, "Asia/Shanghai")
        found = buckets(point((START, 60)), rows, at, now)
        assert found.value.sum() == rows.consumption.sum()
        assert found.estimated.sum() == rows.estimated.sum()
        assert found.received.sum() == found.expected.sum() == 1440
        assert found.quality.max() == max(quality for _, quality in parts)


def test_sums_with_signs() -> None:
    total = Buckets.empty(3)
    zeros = np.zeros(3, np.int64)
    total.add(Buckets(np.array([1.0, np.nan, 2.0]), zeros + Quality.MEASURED, zeros + 1, zeros + 1, zeros), 1.0)
    total.add(Buckets(np.array([3.0, np.nan, np.nan]), zeros + Quality.MISSING, zeros + 1, zeros, zeros + 2), -1.0)
    assert [None if np.isnan(value) else value for value in total.value] == [-2.0, None, 2.0]
    assert total.quality.tolist() == [Quality.MISSING] * 3
    assert (total.expected.tolist(), total.received.tolist()) == ([2, 2, 2], [1, 1, 1])


def test_the_register_that_counts() -> None:
    electricity = carriers()["electricity"]
    both = {"active_energy_import": 1, "active_energy_export": 2, "active_power": 3}
    assert main_quantity(electricity, "import", both) == "active_energy_import"
    assert main_quantity(electricity, "export", both) == "active_energy_export"
    assert main_quantity(electricity, "export", {"active_energy_import": 1}) == "active_energy_import"
    assert main_quantity(electricity, "import", {"active_power": 3}) is None
