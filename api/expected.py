"""What the schedule says should be there, so that absence shows: readings and intervals owed per bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.grid import QUARTER_S, Grid
from config.samples import MICROSECOND, Instants
from storage.points import Point

Counts = NDArray[np.int64]

QUARTER = QUARTER_S * MICROSECOND
FOREVER = 2**62


class Stretch(NamedTuple):
    """[start, past) in which intervals are so long; all in microseconds."""

    start: int
    past: int
    length: int


@dataclass(frozen=True, slots=True)
class Window:
    """[start, past) in which a reading is expected every `cadence` microseconds, from `start` on."""

    start: int
    past: int
    cadence: int

    def closed(self, now: int, lengths: Iterable[Stretch]) -> Iterator[tuple[int, int]]:
        """First start and last end of the intervals that lie wholly inside and must have come by `now`, for each
        length of interval."""
        horizon = min(self.past, now - max(3 * self.cadence, 60 * MICROSECOND))
        for start, past, length in lengths:
            first = -(-max(self.start, start) // length) * length
            last = min(horizon, past) // length * length
            if first < last:
                yield first, last


@dataclass(frozen=True, slots=True)
class Owed:
    """Per bucket: the readings that should have come, and the microseconds that intervals should cover."""

    readings: Counts
    covered: Counts


def stretches(grid: Grid) -> list[Stretch]:
    """All of time, by the length of intervals."""
    borders = [(0, QUARTER_S), *grid, (FOREVER, QUARTER_S)]
    return [Stretch(start, past, length * MICROSECOND) for (start, length), (past, _) in pairwise(borders)]


def windows(point: Point) -> Iterator[Window]:
    """Where readings of a point are expected."""
    for (start, cadence_s), (past, _) in pairwise([*point.schedule, (FOREVER, None)]):
        if cadence_s is not None:
            yield Window(start, past, cadence_s * MICROSECOND)


def owed(point: Point, edges: Instants, now: int) -> Owed:
    """What the buckets between `edges` should hold by `now`. An interval that is not over is not owed yet."""
    readings = np.zeros(len(edges) - 1, np.int64)
    covered = np.zeros(len(edges) - 1, np.int64)
    lengths = stretches(point.grid)
    for window in windows(point):
        for first, last in window.closed(now, lengths):
            bounded = np.clip(edges, first, last)
            covered += np.diff(bounded)
            readings += np.diff(-((window.start - bounded) // window.cadence))
    return Owed(readings, covered)


def longest_interval(points: Iterable[Point], start: int, past: int) -> int:
    """Microseconds of the longest interval any of the points has in [start, past)."""
    found = (length for grid in {point.grid for point in points} for length in _lengths(grid, start, past))
    return max(found, default=QUARTER)


def _lengths(grid: Grid, start: int, past: int) -> Iterator[int]:
    return (one.length for one in stretches(grid) if one.start < past and start < one.past)


def cadence(point: Point, now: int) -> int | None:
    """Microseconds between expected readings now; None when none are expected."""
    return next((window.cadence for window in windows(point) if window.start <= now < window.past), None)
