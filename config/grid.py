"""How long the intervals of a point are: a quarter of an hour, or the point's cadence where that is longer.

A point keeps the lengths it had: only what is still to come can get another one (storage: table `grid`). So intervals
never overlap and none is left out, whatever becomes known later about how often the past was read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from config.samples import MICROSECOND

QUARTER_S = 900
_DAY_S = 86_400
_NEVER = 2**62

Grid = tuple[tuple[int, int], ...]
"""(from when on, microseconds; seconds of an interval), sorted; before the first it is a quarter of an hour. Every
border is a boundary of the intervals on both sides."""
Due = Sequence[tuple[int, int | None]]
"""A schedule: (from when on, microseconds; seconds between expected readings or None), sorted."""


def interval_length(cadence_s: int | None) -> int:
    """Seconds of an interval: a quarter of an hour, or the cadence where that is longer, rounded up to part a day."""
    length = max(QUARTER_S, min(cadence_s or 0, _DAY_S))
    while _DAY_S % length:
        length += 1
    return length


def first_grid(schedule: Due) -> Grid:
    """Of a new point. Intervals before the schedule are as long as in the beginning of it."""
    length = interval_length(next((cadence_s for _, cadence_s in schedule if cadence_s), None))
    return next_grid(((0, length),) if length != QUARTER_S else (), schedule, 0)


def next_grid(grid: Grid, schedule: Due, now: int) -> Grid:
    """The grid with what the schedule says from `now` on. A change waits for the next boundary of both lengths; while
    no readings are expected the length stays."""
    found = list(grid)
    for (start, cadence_s), (past, _) in pairwise([*schedule, (_NEVER, None)]):
        if past <= now or cadence_s is None:
            continue
        at = max(start, now)
        found = [border for border in found if border[0] <= at]
        had, length = (found[-1][1] if found else QUARTER_S), interval_length(cadence_s)
        if length != had:
            step = math.lcm(length, had) * MICROSECOND
            found.append((-(-at // step) * step, length))
    return tuple(found)


def on_boundary(grid: Grid, at: int) -> bool:
    """Whether an interval begins, or ends, at an instant."""
    return boundary_before(grid, at) == at


def boundary_before(grid: Grid, at: int) -> int:
    """Where the interval that holds an instant begins."""
    return at - at % _length(grid, at)


def boundary_after(grid: Grid, at: int) -> int:
    """Where intervals up to an instant end."""
    return at + -at % _length(grid, at)


def _length(grid: Grid, at: int) -> int:
    """Microseconds of the interval that holds an instant."""
    return next((seconds for start, seconds in reversed(grid) if start <= at), QUARTER_S) * MICROSECOND
