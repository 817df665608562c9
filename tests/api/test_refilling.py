"""What can be done about a gap, in order, and why not."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.refilling import Facts, plan
from api.times import local, parse
from config.grid import on_boundary
from storage.points import Point
from tests.alerts.world import DAY, HOUR, MINUTE, START

NOW = START + 30 * DAY


def gap(**differs: Any) -> dict[str, Any]:
    ended = {"from": "2026-01-01T10:05:00+08:00", "to": "2026-01-01T12:10:00+08:00", "state": "open"}
    named = {"uscc": "U", "metering_point": "E 1", "quantities": ["active_energy_import", "active_power"]}
    return ended | named | differs


def point(quantity: str, grid: tuple[tuple[int, int], ...] = ()) -> Point:
    register = quantity != "active_power"
    return Point(1, "U", 1, 1, "E 1", "electricity", quantity, register, "Asia/Shanghai", (), (), grid)


def facts(*quantities: str, now: int = NOW, waiting: int = 0, kept_from: int = 0) -> Facts:
    return Facts(
        [point(one) for one in quantities or ("active_energy_import", "active_power")], waiting, now, kept_from
    )


def possible(gap: dict[str, Any], known: Facts) -> list[str]:
    return [step["step"] for step in plan(gap, known) if step["possible"]]


def test_what_is_over_can_be_imported_estimated_or_accepted() -> None:
    steps = plan(gap(), facts())
    assert [step["step"] for step in steps] == ["queue", "history", "import", "estimate", "accept"]
    assert possible(gap(), facts()) == ["import", "estimate", "accept"]
    assert steps[2]["command"] == "wanjia import readings 'U-E 1.csv'"
    assert steps[2]["file"].splitlines()[1] == "U,E 1,active_energy_import,2026-01-01T10:05:00+08:00,"
    bounds = {"from": "2026-01-01T10:00:00+08:00", "to": "2026-01-01T12:15:00+08:00"}
    assert steps[3]["edits"] == [{"action": "estimate", "quantity": "active_energy_import", **bounds}]


def test_why_not_is_said() -> None:
    assert possible(gap(), facts(waiting=3))[0] == "queue"
    assert possible(gap(to=None), facts()) == ["import", "estimate"]
    assert possible(gap(state="estimated"), facts()) == ["import", "accept"]
    assert possible(gap(state="accepted"), facts()) == ["import", "estimate"]
    assert possible(gap(), facts("active_power")) == ["import", "accept"]
    assert possible(gap(), facts(kept_from=NOW)) == ["accept"]
    assert possible(gap(to=None), facts(now=START + 2 * HOUR + 10 * MINUTE)) == ["import"], "no interval is over yet"
    assert plan(gap(state="closed"), facts()) == []
    for step in plan(gap(), facts()):
        assert step["zh"]
        assert step["en"]


@given(st.integers(0, 3 * 24 * 60), st.integers(1, 3 * 24 * 60), st.sampled_from([(), ((0, 3600),)]))
def test_estimates_begin_and_end_with_intervals_and_lie_in_the_past(
    start: int, minutes: int, grid: tuple[tuple[int, int], ...]
) -> None:
    first = START + start * MINUTE
    now = first + minutes * MINUTE
    known = Facts([point("active_energy_import", grid)], 0, now, 0)
    lasting = gap(**{"from": local(first, "UTC").isoformat(), "to": None})
    (step,) = [one for one in plan(lasting, known) if one["step"] == "estimate"]
    for edit in step.get("edits", []):
        since, past = parse(edit["from"]), parse(edit["to"])
        assert on_boundary(grid, since)
        assert on_boundary(grid, past)
        assert since <= first
        assert past <= now
