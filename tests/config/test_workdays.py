"""When a repair is due, by the calendar."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.workdays import SHIPPED, Calendar, RepairClock, calendar, load

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEKENDS = RepairClock(3, Calendar())
OWN = """\
[[year]]
year = 2026
source = "the works' calendar"
verified = true
off = [{ first = 2026-03-10, last = 2026-03-12 }]
worked = [2026-03-14]
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-02T09:00", "2026-03-06T00:00"),  # Monday: Tuesday, Wednesday, Thursday
        ("2026-03-06T23:59", "2026-03-12T00:00"),  # Friday: Monday, Tuesday, Wednesday
        ("2026-03-07T00:00", "2026-03-12T00:00"),  # Saturday: the same
        ("2026-03-08T12:00", "2026-03-12T00:00"),  # Sunday: the same
    ],
)
def test_three_working_days(start: str, end: str) -> None:
    assert WEEKENDS.due(at(start)) == at(end)


def test_holidays_do_not_count_and_weekends_worked_instead_do() -> None:
    clock = RepairClock(3, calendar())
    assert clock.due(at("2026-09-30T09:00")) == at("2026-10-11T00:00")  # 8, 9 and the worked Saturday 10 October
    assert clock.due(at("2026-02-13T09:00")) == at("2026-02-26T00:00")  # the worked Saturday 14, then 24, 25


def test_an_own_year_stands_in_place_of_the_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "holidays.toml"
    file.write_text(OWN)
    clock = RepairClock(2, calendar(file))
    assert clock.due(at("2026-03-09T09:00")) == at("2026-03-15T00:00")
    assert clock.due(at("2026-09-30T09:00")) == at("2026-10-03T00:00")
    assert RepairClock(1, calendar(file)).due(at("2025-09-30T09:00")) == at("2025-10-10T00:00")


def test_shipped_years_say_how_sure_they_are() -> None:
    years = load(SHIPPED)
    assert list(years) == [2025, 2026]
    assert all(one.verified is False and "memory" in one.source for one in years.values())


def test_faults_are_named(tmp_path: Path) -> None:
    file = tmp_path / "holidays.toml"
    file.write_text(OWN.replace("2026-03-14", "2026-03-13").replace("last = 2026-03-12", "last = 2026-03-09"))
    with pytest.raises(ConfigError, match="end before that"):
        load(file)
    file.write_text(OWN.replace("2026-03-14", "2026-03-13"))
    with pytest.raises(ConfigError, match="2026-03-13 is no weekend day"):
        load(file)
    file.write_text(OWN + OWN)
    with pytest.raises(ConfigError, match="2026 is there twice"):
        load(file)


@given(st.integers(0, 30_000), st.integers(1, 30))
def test_so_many_weekdays_lie_between(day: int, days: int) -> None:
    start = datetime(2000, 1, 1, 12, tzinfo=SHANGHAI) + timedelta(days=day)
    end = RepairClock(days, Calendar()).due(start)
    between = (start.date() + timedelta(days=n) for n in range(1, (end.date() - start.date()).days))
    assert sum(one.weekday() < 5 for one in between) == days


@given(st.integers(0, 3_000), st.integers(1, 9))
def test_what_is_overdue_began_on_or_before_a_day(day: int, days: int) -> None:
    clock = RepairClock(days, calendar())
    now = datetime(2024, 1, 1, 12, tzinfo=SHANGHAI) + timedelta(days=day)
    last = clock.overdue_by(now)

    def overdue(one: date) -> bool:
        return clock.due(datetime(one.year, one.month, one.day, 23, tzinfo=SHANGHAI)) <= now

    assert overdue(last)
    assert not overdue(last + timedelta(days=1))
