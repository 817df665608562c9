"""What a series has been like: its whole local days as hours, and what is to be expected of a day."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

HOURS = 24
WEEK = 7
KEEP = 168
"""Days kept."""
LIKE = 5 * WEEK
"""Like-days are those of the same weekday in the last five weeks that are known."""
REACH = 10 * WEEK
UNLIKE, JUST_LIKE = 0.15, 0.3
"""Of a holiday: how far it is at least from what was expected, as a share of it, and at most from a day of another
kind, as a share of that distance and of that day."""
HOLIDAYS = 5
"""Days in a row that may be so."""
PATCHED = 6
"""Hours of a day that may be missing and still let it count as seen."""


def median(values: Array, axis: int = 0) -> Array:
    """np.median of few values without NaN, several times as fast."""
    count = values.shape[axis]
    ordered = np.sort(values, axis=axis)
    middle = np.take(ordered, (count - 1) // 2, axis=axis)
    found: Array = middle if count % 2 else (middle + np.take(ordered, count // 2, axis=axis)) / 2
    return found


class Memory:
    """Rows are days, the last one the newest. What was missing or faulty is replaced by what was to be expected, so
    that later days compare with the normal ones; `seen` marks days that were measured."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        """Intervals of a day."""
        self.raw = np.empty((0, HOURS))
        """Energy of each hour as measured, NaN where a part is missing."""
        self.native = np.empty((0, slots))
        self.normal = np.empty((0, HOURS))
        self.seen = np.empty(0, np.bool_)
        self.mean = np.empty(0)
        """Of an hour, over four weeks."""
        self.peak = np.empty(0)
        """The highest interval, as an hour's energy."""
        self.still = np.empty(0)
        """Hours of the longest run of intervals without consumption."""
        self.ordinary = np.empty(0, np.bool_)
        """Whether the day was much like its like-days."""
        self.holiday = np.empty(0)
        """How many days in a row were like days of another kind."""

    def __len__(self) -> int:
        return len(self.raw)

    def add(self, native: Array) -> None:
        """Days as intervals, in order."""
        count = len(native)
        raw = native.reshape(count, HOURS, -1).sum(axis=2)
        self.raw = np.concatenate([self.raw, raw])
        self.native = np.concatenate([self.native, native])
        self.normal = np.concatenate([self.normal, np.zeros((count, HOURS))])
        self.seen = np.concatenate([self.seen, np.zeros(count, np.bool_)])
        for name in ("mean", "peak", "still", "holiday", "ordinary"):
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros(count, column.dtype)]))

    def drop(self, count: int) -> None:
        """Forget the oldest days."""
        for name in ("raw", "native", "normal", "seen", "mean", "peak", "still", "holiday", "ordinary"):
            setattr(self, name, getattr(self, name)[count:])

    def expected(self, row: int, before: int) -> Array:
        """The median of the like-days before row `before`: consumption of each hour; what is there, of a young one."""
        rows = np.arange(row - WEEK, max(row - REACH - 1, -1), -WEEK)
        rows = rows[rows < before][:5]
        if len(rows) < 2:
            rows = np.arange(max(before - WEEK, 0), before)
        if not len(rows):
            known = self.raw[row][~np.isnan(self.raw[row])]
            return np.full(HOURS, known.mean() if len(known) else 0.0)
        return median(self.normal[rows])

    def take(self, row: int) -> None:
        """The day as measured; hours that are missing as expected."""
        raw = self.raw[row]
        missing = np.isnan(raw)
        count = int(missing.sum())
        expected = self.expected(row, row)
        hours = np.where(missing, expected, raw) if count else raw
        self.holiday[row] = 0
        if self._another(row, hours, expected):
            self.holiday[row] = self.holiday[row - 1] + 1
            if self.holiday[row] <= HOLIDAYS and not self.holiday[row - WEEK]:
                hours = expected
        self.put(row, hours, seen=count <= PATCHED)
        native = self.native[row]
        known = native[~np.isnan(native)]
        self.peak[row] = known.max() * (self.slots // HOURS) if len(known) else 0.0

    def _another(self, row: int, hours: Array, expected: Array) -> bool:
        """Whether the day falls short of its like-days, but is just like another of the last four weeks: a holiday."""
        unlike = float(np.abs(hours - expected).sum())
        self.ordinary[row] = unlike <= UNLIKE * float(expected.sum()) + 1e-9
        if row < WEEK or self.ordinary[row] or hours.sum() > expected.sum():
            return False
        since = max(row - 4 * WEEK, 0)
        others = self.normal[since:row][self.ordinary[since:row]]
        apart = np.abs(others - hours).sum(axis=1)
        alike = (apart < JUST_LIKE * unlike) & (apart < JUST_LIKE * others.sum(axis=1) + 0.02 * expected.sum())
        return bool(alike.any())

    def put(self, row: int, hours: Array, *, seen: bool) -> None:
        """What the day was, or would have been without a fault."""
        self.normal[row] = hours
        self.seen[row] = seen
        recent = self.normal[max(row - 27, 0) : row + 1]
        self.mean[row] = recent.sum() / recent.size + 1e-9


def day_gain(memory: Memory, row: int, expected: Array) -> float:
    """Natural logarithm of the factor of a day, beyond what is expected: the median of its parts."""
    raw = memory.raw[row]
    actual = np.where(np.isnan(raw), expected, raw).reshape(8, -1).sum(axis=1)
    little = 0.09 * memory.mean[row]
    return float(median(np.log((actual + little) / (expected.reshape(8, -1).sum(axis=1) + little))))
