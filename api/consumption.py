"""Consumption per bucket: what is stored, summed, beside what should be there."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from api.buckets import FIXED, Interval
from api.expected import Owed, owed
from config.quality import Quality
from config.samples import MICROSECOND, Instants, Values
from storage.intervals import IntervalColumns, RollupColumns
from storage.points import Point

Counts = NDArray[np.int64]
Stored = IntervalColumns | RollupColumns
Table = Literal["15m", "hour", "day"]
"""Where rows are stored."""

SIGNS = {"import": 1.0, "generation": 1.0, "export": -1.0, "internal": 1.0}
"""How a metering point counts in its enterprise's consumption."""


@dataclass(slots=True)
class Buckets:
    """One value per bucket; NaN means there is none. `quality` holds codes of config.quality.Quality."""

    value: Values
    quality: NDArray[np.int64]
    expected: Counts
    received: Counts
    estimated: Counts

    @classmethod
    def empty(cls, count: int) -> Buckets:
        """Buckets of nothing, to add to."""
        zeros = [np.zeros(count, np.int64) for _ in range(4)]
        return cls(np.full(count, np.nan), *zeros)

    def add(self, other: Buckets, sign: float) -> None:
        """Sum values and counts; quality is the worse of the two."""
        both = np.nan_to_num(self.value) + sign * np.nan_to_num(other.value)
        self.value = np.where(np.isnan(self.value) & np.isnan(other.value), np.nan, both)
        self.quality = np.maximum(self.quality, other.quality)
        self.expected += other.expected
        self.received += other.received
        self.estimated += other.estimated


def source(interval: Interval, step: int) -> Table:
    """The table whose rows add up to such buckets; `step` in seconds for fixed intervals."""
    if interval not in FIXED:
        return "day"
    return "hour" if step % 3600 == 0 else "15m"


def rows_of(rows: Stored, point: int) -> Stored:
    """The rows of one of the points."""
    bounds = np.array((point, point + 1), rows.point.dtype)  # of another type all of the column would be converted
    first, past = np.searchsorted(rows.point, bounds)
    return type(rows)(*(getattr(rows, column.name)[first:past] for column in fields(rows)))


def buckets(point: Point, rows: Stored, edges: Instants, now: int) -> Buckets:
    """Rows of one point, which start between the edges, as buckets.

    A row belongs to the bucket it starts in. A bucket is missing (but has the sum of what is there) when its rows
    cover less than what is owed by `now`.
    """
    should = owed(point, edges, now)
    if len(rows) == len(edges) - 1 and np.array_equal(rows.start, edges[:-1]):
        found = _each(rows)
    else:
        found = summed(rows, edges)
    return completed(*found, should)


def _each(rows: Stored) -> tuple[Buckets, Counts, Counts]:
    """Every row is a bucket of its own."""
    found = Buckets(
        rows.consumption,
        rows.quality.astype(np.int64),
        rows.expected.astype(np.int64),
        rows.received.astype(np.int64),
        rows.estimated.astype(np.int64),
    )
    return found, np.ones(len(rows), np.int64), rows.seconds.astype(np.int64)


def summed(rows: Stored, edges: Instants) -> tuple[Buckets, Counts, Counts]:
    """Rows added up by the bucket they start in; how many rows and how many seconds are in each."""
    count = len(edges) - 1
    place = np.searchsorted(edges, rows.start, "right") - 1

    def total(column: NDArray[np.generic]) -> NDArray[np.float64]:
        return np.bincount(place, column.astype(np.float64), count).astype(np.float64, copy=False)

    valued = ~np.isnan(rows.consumption)
    value = total(np.where(valued, rows.consumption, 0.0))
    value[total(valued) == 0] = np.nan
    quality = np.zeros(count, np.int64)
    np.maximum.at(quality, place, rows.quality.astype(np.int64))
    numbers = [total(column).astype(np.int64) for column in (rows.expected, rows.received, rows.estimated)]
    present = np.bincount(place, minlength=count)
    return Buckets(value, quality, *numbers), present, total(rows.seconds).astype(np.int64)


def completed(found: Buckets, present: Counts, seconds: Counts, should: Owed) -> Buckets:
    """Mark what lacks something that is owed."""
    missing = (present == 0) | (seconds * MICROSECOND < should.covered)
    found.quality[missing] = Quality.MISSING
    found.expected = np.maximum(found.expected, should.readings)
    return found
