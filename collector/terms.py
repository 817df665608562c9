"""What ingest must know of register points, as flat arrays: segments, interval lengths, cadences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from collector.pairs import Array
from collector.registers import Series
from config.quality import Flag
from config.samples import MICROSECOND
from storage.points import Point, Segment
from storage.readings import ReadingColumns

FOREVER = np.iinfo(np.int64).max
QUARTER_S = 900
_DAY_S = 86_400
_SECOND_BITS = 34
"""Seconds since 1970 fit until the year 2514; look-up keys are (rank, second) in one number."""


@dataclass(frozen=True, slots=True)
class Era:
    """From when on a point's intervals are how long, and how far apart its readings are expected (0: none are)."""

    start: int
    length_s: int
    cadence_s: int


def interval_length(cadence_s: int | None) -> int:
    """Seconds of an interval: a quarter of an hour, or the cadence where that is longer, rounded up to part a day."""
    length = max(QUARTER_S, min(cadence_s or 0, _DAY_S))
    while _DAY_S % length:
        length += 1
    return length


def eras(schedule: Iterable[tuple[int, int | None]]) -> list[Era]:
    """A change of interval length waits for the next instant that is a boundary of both lengths."""
    found = [Era(0, QUARTER_S, 0)]
    for valid_from, cadence_s in schedule:
        length = interval_length(cadence_s)
        if length == found[-1].length_s:
            start = valid_from
        else:
            step = int(np.lcm(length, found[-1].length_s)) * MICROSECOND
            start = max(-(-valid_from // step) * step, found[-1].start)
        if len(found) == 1:  # intervals before the first schedule are as long as in it
            found = [Era(0, length, 0)]
            start = valid_from
        found.append(Era(start, length, cadence_s or 0))
    return found


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
        self.bordered = np.array([_bordered(point) for point in self.points], np.bool_)
        """Points that have borders to look at: several segments, or registers noted at installation or removal."""
        spans = [(rank, era) for rank, point in enumerate(self.points) for era in eras(point.schedule)]
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

    def usable(self, readings: ReadingColumns) -> tuple[Array, Array]:
        """Readings from which energy may be booked: their indices, and the segment of each."""
        segment = self.segment(self.ranks(readings.point)[0], readings.time)
        rows = np.flatnonzero((segment >= 0) & ((readings.flags & Flag.QUESTIONABLE) == 0))
        return rows, segment[rows]

    def series(self, time: Array, value: Array, segment: Array) -> Series:
        """Readings to be judged; sorted by segment (which is of one point only) and time."""
        group = np.cumsum(np.diff(segment, prepend=-1) != 0)
        return Series(group, time, value, self.modulus[segment], self.resolution[segment], self.limit[segment])

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
