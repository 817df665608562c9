"""When a repair is due, by the calendar."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.workdays import due

SHANGHAI = ZoneInfo("Asia/Shanghai")


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
    at = datetime.fromisoformat(start).replace(tzinfo=SHANGHAI)
    assert due(at) == datetime.fromisoformat(end).replace(tzinfo=SHANGHAI)


@given(st.integers(0, 30_000), st.integers(1, 30))
def test_so_many_weekdays_lie_between(day: int, days: int) -> None:
    start = datetime(2000, 1, 1, 12, tzinfo=SHANGHAI) + timedelta(days=day)
    end = due(start, days)
    between = (start.date() + timedelta(days=n) for n in range(1, (end.date() - start.date()).days))
    assert sum(one.weekday() < 5 for one in between) == days
