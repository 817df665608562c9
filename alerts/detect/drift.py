"""A factor that grows slowly over weeks; a slow fall is what seasons and business do.

It stands beside other changes: memory follows it, so it hides none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from alerts.detect import even
from alerts.detect.memory import WEEK, Array, Memory, day_gain, median

WEEKS = 6
LONGEST = 75
"""Days after which it is what the series is like now."""
UNEXPLAINED = 0.15
"""Share of the growth that a ramp, or a step, may leave unexplained."""
SEASON = 0.37
"""Logarithm of a factor that a season reaches in six weeks, but no meter by drifting."""
REST, EXPLAINED = 0.75, 0.8
"""What one factor may leave of the last week's change, and must explain of it, in usual errors."""
GONE = 0.4
"""Share of a drift below which a day counts as normal again."""


@dataclass(slots=True)
class Drift:
    """From row `start` on; `size`: natural logarithm of the factor it has reached."""

    start: int
    told: int
    size: float
    normal: int = 0

    def follow(self, memory: Memory, row: int) -> bool:
        """Another day; whether it is over. Then memory is what it would have been without it."""
        gain = day_gain(memory, row, memory.expected(row, self.start))
        self.normal = self.normal + 1 if gain / self.size < GONE else 0
        if not self.normal and abs(gain) > abs(self.size):
            self.size += 0.2 * (gain - self.size)
        if self.normal < 2:
            return False
        end = row - self.normal + 1
        days = np.arange(self.start, end)
        ramp = self.size * (days - self.start + 1) / len(days)
        memory.normal[days] /= np.exp(ramp)[:, None]
        return True


def like_weeks(memory: Memory, row: int) -> Array:
    """Natural logarithms of the factors of the last six weeks, by like-days before them."""
    first = row - WEEKS * WEEK + 1
    gains = [day_gain(memory, day, memory.expected(day, first)) for day in range(first, row + 1)]
    return median(np.array(gains).reshape(WEEKS, WEEK), axis=1)


def even_weeks(memory: Memory, row: int) -> Array:
    """The same as all loads share them, by the four weeks before."""
    days = np.arange(row - WEEKS * WEEK + 1, row + 1)
    return median(even.factors(memory, days.reshape(WEEKS, WEEK), np.full(WEEKS, days[0])), axis=1)


def slowly(weeks: Array) -> tuple[bool, int] | None:
    """Whether the factor of six weeks changed slowly, or at once, and in which week it began; None: neither."""
    weeks = weeks * math.copysign(1, weeks[-1])
    ramp = min(_ramp(weeks, begin) for begin in range(3))
    step = min(_step(weeks, begin) for begin in range(1, WEEKS))
    if min(ramp, step)[0] > UNEXPLAINED * float((weeks**2).sum()) or weeks[-1] > SEASON:
        return None
    slow = ramp[0] < step[0]
    return slow, (ramp if slow else step)[1]


def _ramp(weeks: Array, begin: int) -> tuple[float, int]:
    """What a straight rise from week `begin` on leaves (sum of squares); inf of a fall."""
    time = np.maximum(np.arange(WEEKS) + 0.5 - begin, 0)
    slope = float((weeks * time).sum() / (time**2).sum())
    return (float(((weeks - slope * time) ** 2).sum()) if slope > 0 else math.inf), begin


def _step(weeks: Array, begin: int) -> tuple[float, int]:
    level = np.where(np.arange(WEEKS) >= begin, weeks[begin:].mean(), 0.0)
    return float(((weeks - level) ** 2).sum()), begin
