"""What ingest must know of register points, as flat arrays: segments, interval lengths, cadences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from collector.pairs import Array
from collector.registers import Ruling, Series
from collector.rulings import Rulings
from config.grid import QUARTER_S, Grid
from config.samples import MICROSECOND
from storage.points import Point, Segment
from storage.readings import ReadingColumns

FOREVER = np.iinfo(np.int64).max
_SECOND_BITS = 34
"""Seconds since 1970 fit until the year 2514; look-up keys are (rank, second) in one number."""


@dataclass(frozen=True, slots=True)
class Era:
    """From when on a point's intervals are how long, and how far apart its readings are expected (0: none are)."""

    start: int
    length_s: int
    cadence_s: int


@lru_cache(maxsize=1024)
def eras(grid: Grid, schedule: tuple[tuple[int, int | None], ...]) -> tuple[Era, ...]:
    """Both begin at boundaries of intervals: a new cadence counts from the first interval that lies wholly in it."""
    lengths = ((0, QUARTER_S), *grid)
    cadences = [(0, 0)]
    for at, cadence_s in schedule:
        step = _in_force(lengths, at) * MICROSECOND
        cadences.append((-(-at // step) * step, cadence_s or 0))
    starts = sorted({start for start, _ in (*lengths, *cadences)})
    return tuple(Era(start, _in_force(lengths, start), _in_force(cadences, start)) for start in starts)


def _in_force(rows: Sequence[tuple[int, int]], at: int) -> int:
    return next(value for start, value in reversed(rows) if start <= at)


class Terms:
    """Look-ups for arrays of register points. `rank` is a point's place among them, sorted by id."""

    def __init__(self, points: Iterable[Point]) -> None:
        self.points = sorted((point for point in points if point.register), key=lambda point: point.id)
        self.ids = np.array([point.id for point in self.points], np.int32)
        self.zones = {point.id: point.zone for point in self.points}
        segments = [(rank, segment) for rank, point in enumerate(self.points) for segment in point.segments]
        self._segment_key = _keys([(rank, segment.valid_from) for rank, segment in segments])
        self._segment_rank = np.array([rank for rank, _ in segments], np.int64)
        self.segments: list[Segment] = [segment for _, segment in segments]
        self.until = _column(self.segments, lambda s: FOREVER if s.valid_to is None else s.valid_to, np.int64)
        self.multiplier = _column(self.segments, lambda s: s.multiplier)
        self.modulus = _column(self.segments, lambda s: np.nan if s.modulus is None else s.modulus)
        self.resolution = _column(self.segments, lambda s: s.resolution)
        self.limit = _column(self.segments, lambda s: np.inf if s.limit_per_hour is None else s.limit_per_hour)
        self.rulings = Rulings(self.points)
        self.bordered = np.array([_bordered(point) for point in self.points], np.bool_)
        """Points that have borders to look at: several segments, or registers noted at installation or removal."""
        spans = [(rank, era) for rank, point in enumerate(self.points) for era in eras(point.grid, point.schedule)]
        self._era_key = _keys([(rank, era.start) for rank, era in spans])
        self.era_start = np.array([era.start for _, era in spans], np.int64)
        self.length = np.array([era.length_s for _, era in spans], np.int64) * MICROSECOND
        self.cadence = np.array([era.cadence_s for _, era in spans], np.int64) * MICROSECOND

    def ranks(self, points: Array) -> tuple[Array, Array]:
        """(rank, known) of point ids; rank is arbitrary where the point is not a register known here."""
        if not len(self.ids):
            return np.zeros(len(points), np.int64), np.zeros(len(points), np.bool_)
        rank = np.minimum(np.searchsorted(self.ids, points), len(self.ids) - 1)
        return rank, self.ids[rank] == points

    def segment(self, rank: Array, time: Array) -> Array:
        """Index of the segment in force, -1 where there is none."""
        index: Array = np.searchsorted(self._segment_key, _key(rank, time), "right") - 1
        if not len(self._segment_rank):
            return index
        inside = (index >= 0) & (self._segment_rank[index] == rank) & (time < self.until[index])
        return np.where(inside, index, -1)

    def era(self, rank: Array, time: Array) -> Array:
        """Index of the era in force; every point has one from 1970 on."""
        index: Array = np.searchsorted(self._era_key, _key(rank, time), "right") - 1
        return index

    def usable(self, readings: ReadingColumns, *, ruled: bool = True) -> tuple[Array, Array]:
        """Readings from which energy may be booked: their indices, and the segment of each. Not `ruled`: as if people
        had left out none."""
        rank = self.ranks(readings.point)[0]
        segment = self.segment(rank, readings.time)
        good = segment >= 0
        if ruled and self.rulings:
            good &= ~self.rulings.excluded(rank, readings.time)
        rows = np.flatnonzero(good)
        return rows, segment[rows]

    def series(self, time: Array, value: Array, segment: Array, *, ruled: bool = True) -> Series:
        """Readings to be judged; sorted by segment (which is of one point only) and time. Not `ruled`: as if people had
        ruled about none."""
        begins, modulus, ruling = np.diff(segment, prepend=-1) != 0, self.modulus[segment], None
        if ruled and self.rulings:
            ruling = self.rulings.of(self._segment_rank[segment], time, segment, modulus)
            begins |= ruling != Ruling.NONE
        return Series(np.cumsum(begins), time, value, modulus, self.resolution[segment], self.limit[segment], ruling)

    def floor(self, rank: Array, time: Array) -> Array:
        """Start of the interval that holds each instant."""
        length = self.length[self.era(rank, time)]
        return time // length * length

    def ceil(self, rank: Array, time: Array) -> Array:
        """End of the interval that holds each instant."""
        length = self.length[self.era(rank, time)]
        return (time // length + 1) * length


def _bordered(point: Point) -> bool:
    return len(point.segments) > 1 or any(
        segment.initial is not None or segment.final is not None for segment in point.segments
    )


def _key(rank: Array, time: Array) -> Array:
    key: Array = (rank << _SECOND_BITS) + time // MICROSECOND
    return key


def _keys(pairs: list[tuple[int, int]]) -> Array:
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return _key(table[:, 0], table[:, 1])


def _column(segments: list[Segment], value: Callable[[Segment], float], kind: type = np.float64) -> Array:
    return np.array([value(segment) for segment in segments], kind)
