"""What the schedule says should be there, so that absence shows: readings and intervals owed per bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from config.samples import MICROSECOND, Instants
from storage.points import Point

Counts = NDArray[np.int64]

QUARTER = 900 * MICROSECOND
FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class Window:
    """[start, past) in which a reading is expected every `cadence` microseconds, from `start` on."""

    start: int
    past: int
    cadence: int

    @property
    def length(self) -> int:
        """Microseconds of an interval: a quarter of an hour, or the cadence where that is longer."""
        return max(QUARTER, self.cadence)

    def closed(self, now: int) -> tuple[int, int]:
        """First start and last end of the intervals that lie wholly inside and must have come by `now`."""
        horizon = min(self.past, now - max(3 * self.cadence, 60 * MICROSECOND))
        return -(-self.start // self.length) * self.length, horizon // self.length * self.length


@dataclass(frozen=True, slots=True)
class Owed:
    """Per bucket: the readings that should have come, and the microseconds that intervals should cover."""

    readings: Counts
    covered: Counts


def windows(point: Point) -> Iterator[Window]:
    """Where readings of a point are expected."""
    for (start, cadence_s), (past, _) in pairwise([*point.schedule, (FOREVER, None)]):
        if cadence_s is not None:
            yield Window(start, past, cadence_s * MICROSECOND)


def owed(point: Point, edges: Instants, now: int) -> Owed:
    """What the buckets between `edges` should hold by `now`. An interval that is not over is not owed yet."""
    readings = np.zeros(len(edges) - 1, np.int64)
    covered = np.zeros(len(edges) - 1, np.int64)
    for window in windows(point):
        first, last = window.closed(now)
        if first >= last:
            continue
        bounded = np.clip(edges, first, last)
        covered += np.diff(bounded)
        readings += np.diff(-((window.start - bounded) // window.cadence))
    return Owed(readings, covered)


def longest_interval(points: Iterable[Point], start: int, past: int) -> int:
    """Microseconds of the longest interval any of the points has in [start, past)."""
    found = (
        window.length for point in points for window in windows(point) if window.start < past and start < window.past
    )
    return max(found, default=QUARTER)


def cadence(point: Point, now: int) -> int | None:
    """Microseconds between expected readings now; None when none are expected."""
    return next((window.cadence for window in windows(point) if window.start <= now < window.past), None)
