"""What the readings of a cumulative register say: which of them hold, and where it rolled over or began anew.

Pure functions on arrays. A register only grows, so only a step that falls, or rises more than the nameplate allows,
needs judging. A verdict depends on at most LOOK readings on either side of the step, and after SETTLED steps in good
order nothing of what went before matters. So a window of readings gives the same verdicts as the whole series, in
whatever order and batches they arrived.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from collector.pairs import Array

LOOK = 6
"""Readings looked at on either side of a doubtful step; a register that stays low this long was reset."""
SETTLED = LOOK + 1
"""Steps in good order after which no doubt is left from before."""
_HOUR = 3_600e6
_GROWN = 3
"""Readings, growing again, that make a low register a reset (or a high one a limit exceeded)."""
_NEAR = 0.1
"""A roll-over is believed when the increment is less than this part of the modulus, if nothing better is known."""
_BUSY = 10.0
"""… or than the quickest step near by, so many times."""


class Kind(Enum):
    """Verdicts on doubtful steps."""

    TRANSIENT = "transient"
    """Bad readings between good ones (fell and came back, or rose and came back): left out."""
    JITTER = "jitter"
    """One digit less: no energy, no reset."""
    ROLLOVER = "rollover"
    RESET = "reset"
    """Began anew; what flowed since the last reading before is unknown."""
    LIMIT = "limit"
    """Rose more than the nameplate allows and stayed: that energy is not booked."""
    HELD = "held"
    """Not yet to be told; nothing is booked meanwhile."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """On readings [first, last]; `base` is the last good reading before them."""

    kind: Kind
    base: int
    first: int
    last: int


@dataclass(slots=True)
class Series:
    """Readings of registers, sorted by group and time; a group is what one meter counted with one multiplier.

    All arrays have one length; `modulus` is NaN and `limit` (per hour) is inf where unknown.
    """

    group: Array
    time: Array
    value: Array
    modulus: Array
    resolution: Array
    limit: Array

    def __len__(self) -> int:
        return len(self.time)


@dataclass(slots=True)
class Judged:
    """What to make of a Series. Two good readings of the same run can be subtracted, adding the modulus once for each
    wrap between them."""

    good: Array
    value: Array
    """As given, one-digit regressions straightened."""
    run: Array
    wraps: Array
    held: dict[int, int] = field(default_factory=dict)
    """group -> its last good reading, where what follows is held."""
    verdicts: list[Verdict] = field(default_factory=list)


def doubtful(series: Series) -> Array:
    """Indices i where the step from reading i to i + 1 is not in good order."""
    if len(series) < 2:
        return np.empty(0, np.int64)
    step = np.diff(series.value)
    bound = series.limit[1:] * (np.maximum(np.diff(series.time), 1) / _HOUR) + series.resolution[1:] * 1.5
    return np.flatnonzero(((step < 0) | (step > bound)) & (np.diff(series.group) == 0))


def judge(series: Series) -> Judged:
    """Verdicts on every doubtful step, from the first to the last."""
    count = len(series)
    judged = Judged(np.ones(count, np.bool_), series.value, np.zeros(count, np.int32), np.zeros(count, np.int32))
    steps = doubtful(series)
    if len(steps):
        judged.value = series.value.copy()
        settled = 0
        for step in steps.tolist():
            if step >= settled:
                settled = _Doubt(series, judged, step).settle()
    new_group = np.concatenate(([True], np.diff(series.group) != 0)) if count else np.empty(0, np.bool_)
    judged.run = np.cumsum(judged.run + new_group, dtype=np.int32)
    judged.wraps = np.cumsum(judged.wraps, dtype=np.int32)
    return judged


class _Doubt:
    """One doubtful step: from the last good reading `base` to the next. Indices are those of the series."""

    def __init__(self, series: Series, judged: Judged, base: int) -> None:
        self._judged = judged
        self._base = base
        group = series.group[base]
        self._start = int(np.searchsorted(series.group, group, "left"))
        self._end = int(np.searchsorted(series.group, group, "right"))
        self._group = int(group)
        self._time, self._value = series.time, series.value
        self._modulus = float(series.modulus[base])
        self._digit = float(series.resolution[base]) * 1.5
        self._limit = float(series.limit[base]) / _HOUR

    def settle(self) -> int:
        """Write the verdicts; the reading from which all is in good order again."""
        first = self._base + 1
        while True:
            jitter = self._one_digit_less(first)
            for last in range(first + 1, min(first + LOOK, self._end)):
                if self._follows(self._base, last):
                    return self._came_back(first, last, jitter)
                if not self._follows(last - 1, last) or (not jitter and self._one_digit_less(last)):
                    self._leave_out(first, last - 1, Kind.TRANSIENT)
                    first = last
                    break
                if kind := self._told(first, last):
                    return self._stayed(first, last, kind)
            else:
                if self._end - first >= LOOK:
                    return self._stayed(first, first + LOOK - 1, self._lasting(first))
                return self._hold(first, jitter)

    def _rise(self, first: int, last: int) -> float:
        return float(self._value[last] - self._value[first])

    def _one_digit_less(self, index: int) -> bool:
        return 0 > self._rise(self._base, index) >= -self._digit

    def _follows(self, first: int, last: int) -> bool:
        """Whether the register can have gone from one reading to the other without anything happening to it."""
        rise = self._rise(first, last)
        return 0 <= rise <= self._limit * float(self._time[last] - self._time[first]) + self._digit

    def _told(self, first: int, last: int) -> Kind | None:
        """The verdict once readings [first, last], in good order among themselves, tell it."""
        count = last - first + 1
        if self._rise(self._base, first) >= 0:
            return Kind.LIMIT if count >= _GROWN else None
        if self._one_digit_less(first):
            return None
        if self._wrapped(first, last):
            return Kind.ROLLOVER
        if self._spike(first) is not None:
            return Kind.TRANSIENT
        return Kind.RESET if count >= _GROWN and self._rise(first, last) > 0 else None

    def _lasting(self, first: int) -> Kind:
        if self._rise(self._base, first) >= 0:
            return Kind.LIMIT
        return Kind.JITTER if self._one_digit_less(first) else Kind.RESET

    def _wrapped(self, first: int, last: int) -> bool:
        increment = self._rise(self._base, first) + self._modulus
        if not 0 <= increment < self._modulus * _NEAR:  # also: no modulus known
            return False
        elapsed = float(self._time[first] - self._time[self._base])
        if self._limit < np.inf:
            return increment <= self._limit * elapsed + self._digit
        quickest = max(self._rates(first, last), default=0.0)
        return quickest <= 0 or increment <= quickest * elapsed * _BUSY + self._digit * _BUSY

    def _rates(self, first: int, last: int) -> Iterator[float]:
        """How fast the register rose in the steps before and after the doubtful one, per microsecond."""
        before = range(max(self._start, self._base - LOOK), self._base)
        for index in (*before, *range(first, last)):
            if self._judged.good[index] and self._judged.good[index + 1]:
                yield self._rise(index, index + 1) / float(self._time[index + 1] - self._time[index])

    def _spike(self, first: int) -> int | None:
        """The reading before a rise just as large as this fall, not long ago: then what lies between was wrong."""
        fall = -self._rise(self._base, first)
        for index in range(self._base - 1, max(self._start, self._base - LOOK) - 1, -1):
            if not self._judged.good[index] or self._judged.run[index + 1]:
                return None
            if self._follows(index, first):
                return index if self._rise(index, index + 1) >= 0.8 * fall else None
        return None

    def _came_back(self, first: int, last: int, jitter: bool) -> int:
        if jitter:
            self._judged.value[first:last] = self._judged.value[self._base]
            self._judged.verdicts.append(Verdict(Kind.JITTER, self._base, first, last - 1))
        else:
            self._leave_out(first, last - 1, Kind.TRANSIENT)
        return last

    def _stayed(self, first: int, last: int, kind: Kind) -> int:
        """The register goes on from the reading `first`, which is the new base."""
        judged = self._judged
        before = self._spike(first) if kind in (Kind.TRANSIENT, Kind.JITTER) else None
        if kind is Kind.TRANSIENT and before is not None:
            self._leave_out(before + 1, self._base, kind)
            return first
        if kind is Kind.JITTER and before is not None:
            judged.value[before + 1 : first] = judged.value[first]
        elif kind is Kind.ROLLOVER:
            judged.wraps[first] = 1
        elif kind in (Kind.RESET, Kind.LIMIT):
            judged.run[first] = 1
        judged.verdicts.append(Verdict(kind, self._base, first, last))
        return first

    def _hold(self, first: int, jitter: bool) -> int:
        """The readings end before they tell."""
        last = self._end - 1
        if jitter:
            self._judged.value[first : self._end] = self._judged.value[self._base]
            self._judged.verdicts.append(Verdict(Kind.JITTER, self._base, first, last))
        else:
            self._leave_out(first, last, Kind.HELD)
            self._judged.held[self._group] = self._base
        return self._end

    def _leave_out(self, first: int, last: int, kind: Kind) -> None:
        self._judged.good[first : last + 1] = False
        self._judged.verdicts.append(Verdict(kind, self._base, first, last))
