"""The period of a report and the same one a year before."""

import pytest

from api.problems import Problem
from api.review.scope import Scope
from api.services import Services
from api.times import iso, parse
from storage.views import Sight

NOW = parse("2026-06-01T00:00:00+08:00")


def scope(start: str, past: str) -> Scope:
    return Scope.of(Services(), Sight(), {"uscc": "X", "zone": "Asia/Shanghai"}, start, past, NOW)


def test_whole_days_of_the_zone_are_reviewed() -> None:
    found = scope("2026-01-01T12:00:00+08:00", "2026-01-02T20:00:00Z")
    assert [day.isoformat() for day in found.dates] == ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
    assert found.at(found.start) == "2026-01-01T00:00:00+08:00"


@pytest.mark.parametrize(
    ("start", "past", "before"),
    [
        ("2026-01-01", "2026-04-01", ("2025-01-01", "2025-04-01")),
        ("2024-02-29", "2024-03-01", ("2023-02-28", "2023-03-01")),
        ("2025-02-01", "2025-03-01", ("2024-02-01", "2024-03-01")),  # the leap day belongs to the month before
    ],
)
def test_the_same_days_of_the_year_before(start: str, past: str, before: tuple[str, str]) -> None:
    found = scope(f"{start}T00:00:00+08:00", f"{past}T00:00:00+08:00").year_before()
    assert bytes(iso(found, "Asia/Shanghai", b"", b" ")).decode().split() == [f"{day}T00:00:00+08:00" for day in before]


def test_no_more_than_400_days() -> None:
    with pytest.raises(Problem, match="at most 400 days"):
        scope("2025-01-01T00:00:00+08:00", "2026-02-06T00:00:00+08:00")
