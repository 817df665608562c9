"""How long intervals are, and that the past keeps its lengths."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.grid import QUARTER_S, Grid, first_grid, interval_length, next_grid
from config.samples import MICROSECOND

HOUR = 3600 * MICROSECOND
CADENCES = st.sampled_from([None, 10, 60, 900, 960, 1000, 1350, 2400, 3000, 3600, 7200, 86_400])


@st.composite
def schedules(draw: st.DrawFn) -> tuple[tuple[int, int | None], ...]:
    starts = sorted(draw(st.sets(st.integers(0, 100 * 3600), max_size=6)))
    return tuple((start * MICROSECOND, draw(CADENCES)) for start in starts)


@pytest.mark.parametrize(
    ("cadence_s", "length"), [(None, 900), (1, 900), (900, 900), (1000, 1080), (1800, 1800), (86_400, 86_400)]
)
def test_a_quarter_or_the_cadence_rounded_up_to_part_a_day(cadence_s: int | None, length: int) -> None:
    assert interval_length(cadence_s) == length


def test_most_points_need_no_grid() -> None:
    assert first_grid(((5 * HOUR, 60), (6 * HOUR, 900), (7 * HOUR, None))) == ()


def test_a_change_waits_for_a_boundary_of_both_and_can_be_taken_back() -> None:
    first = first_grid(((10 * HOUR, 3600),))
    assert first == ((0, 3600),)
    now = 12 * HOUR + 1
    changed = next_grid(first, ((10 * HOUR, 3600), (now, 60)), now)
    assert changed == ((0, 3600), (13 * HOUR, QUARTER_S))
    later = now + HOUR // 2
    assert next_grid(changed, ((10 * HOUR, 3600), (now, 60)), later) == changed
    assert next_grid(changed, ((10 * HOUR, 3600), (now, 60), (later, 3600)), later) == first


def test_what_is_declared_of_the_past_changes_no_length() -> None:
    now = 50 * HOUR
    assert next_grid(((0, 3600),), ((2 * HOUR, 900), (now, 3600)), now) == ((0, 3600),)


@given(schedules(), schedules(), st.integers(0, 100 * 3600), st.integers(0, 100 * 3600))
def test_the_past_stays_and_borders_are_boundaries(
    first: tuple[tuple[int, int | None], ...], second: tuple[tuple[int, int | None], ...], then: int, more: int
) -> None:
    grid, now = first_grid(first), then * MICROSECOND
    changed = next_grid(grid, second, now)
    assert [row for row in changed if row[0] <= now][: len(past(grid, now))] == past(grid, now)
    assert all(row[0] >= now for row in changed[len(past(grid, now)) :])
    for one in (grid, changed):
        borders = [(0, QUARTER_S), *one]
        assert all(before[0] <= after[0] for before, after in pairwise(borders))
        for (_, had), (start, length) in pairwise(borders):
            assert start % (had * MICROSECOND) == start % (length * MICROSECOND) == 0
    assert next_grid(changed, second, now + more * MICROSECOND) == changed


def past(grid: Grid, now: int) -> list[tuple[int, int]]:
    return [row for row in grid if row[0] <= now]
