"""How the energy of a gap was likely spread over it: as on the like days around.

Every slot of a gap is compared with the same time of the clock on the complete days around it. A day counts the more
the nearer it is, the more its kind (weekday, Saturday, Sunday) and its course are those of the gap's own day of the
week, and the liker it was to the hours just before and after the gap and to its total. What it had in the slots just
before and after counts too, the more the less the time of the clock matters there. Then every slot gets the same
quantile of what its like days had, the one by which the sum is the energy that is known: where the days differ, that
errs least. Over several days the energy leans to that end of the gap where the days beside it had more than is usual
for their day of the week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.pairs import Array
from config.clocks import local
from config.samples import MICROSECOND

DAY = 86_400 * MICROSECOND
BEFORE, AFTER = 56 * DAY, 28 * DAY
"""How far before and after a gap like days are looked for."""

# What makes a day like another. The weight of a day is e to the minus distance; differences count in their own means.
# Chosen on real meters, each half of them judging what the other chose: half or double of any changes the error by at
# most a few percent (tests/benchmarks/estimate.py measures it).
_NEAR = 24
"""Days for one unit of distance."""
_COURSE, _SHOULDER, _TOTAL = 1.3, 4.0, 0.6
_FADE = 0.25
"""Days from a shoulder at which it counts for less by e."""
_HOURS = 2 * 3600 * MICROSECOND
"""How long a shoulder is."""
_KINDS = -np.log([[1.0, 0.2, 0.2], [0.2, 1.0, 0.55], [0.2, 0.55, 1.0]])
"""Weekday, Saturday, Sunday."""
_SAME_WEEKDAY = np.log(2.5)
_CLOCK = 6.0
"""Distance of neighbouring slots that differ as much from one another as one does from day to day."""
_MOVED = 100.0
"""So many times as much: they have nothing in common."""
_CLOSE = 3600 * MICROSECOND
"""The longest slots whose neighbours count for them."""
_BESIDE = 3
"""How many days before a gap, and after it, say whether more than usual flowed."""
_LASTING = 0.8
"""The part of that which is left a day later."""
_LEVELS = 1 / 3, 3.0
"""The least and the most of what is usual."""
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""
_HALVINGS = 16


@dataclass(frozen=True, slots=True)
class Gap:
    """Slots that follow one another: their starts, the share of each that lies in the gap, and the energy of all (NaN
    where it is not known)."""

    start: Array
    share: Array
    energy: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The energy of a gap in each of its slots, and on how many days that rests."""

    energy: Array
    days: int


def spread(start: Array, consumption: Array, gap: Gap, length: int, zone: str) -> Spread | None:
    """Of a gap in which energy flowed, or nobody knows how much; None where no day around is like it.

    `start`, `consumption`: measured intervals of `length` microseconds around the gap.
    """
    days = _Days(start, consumption, gap, length, zone)
    if not len(days):
        return None
    if np.isnan(gap.energy):
        return Spread(_mean(days, gap), len(days))
    found = _quantile(days, gap) * np.sqrt(days.levels())[days.block]
    total = float(found.sum())
    return Spread(found * (gap.energy / total), len(days)) if total > 0 else None


class _Days:
    """The complete days around a gap: rows that begin at the time of the clock at which the gap does."""

    def __init__(self, start: Array, consumption: Array, gap: Gap, length: int, zone: str) -> None:
        slot = local(np.concatenate((gap.start, start)), zone) // length
        first, per_day = int(slot[0]), DAY // length
        slots, around = np.split(slot - first, [len(gap.start)])
        low = int(min(around.min(initial=0), 0)) // per_day - 1
        high = int(max(around.max(initial=0), slots[-1])) // per_day + 1
        self._dense = np.full((high - low + 2) * per_day, np.nan)
        self._dense[around - low * per_day] = consumption
        self.block, self.column = slots // per_day, slots % per_day
        """Which day of the gap a slot lies in, and where in it."""
        self._gap, self._begin, self._per_day = gap, np.arange(1, high - low + 1) * per_day, per_day
        self.value = self._taken(np.arange(min(len(slots), per_day)))
        complete = ~np.isnan(self.value).any(1)
        self.day = np.arange(low + 1, high + 1)[complete]
        """From the first day of the gap to each."""
        self.value, self._begin = self.value[complete], self._begin[complete]
        self._weekday = (first + np.arange(per_day)) // per_day + _EPOCH_WEEKDAY
        self._origin = -low * per_day
        self._shoulder = max(_HOURS // length, 1)

    def __len__(self) -> int:
        return len(self.day)

    def _taken(self, columns: Array) -> Array:
        taken: Array = self._dense[self._begin[:, None] + columns]
        return taken

    def weights(self) -> Array:
        """Of each day (axis 1) and column (axis 2) for each day of the gap (axis 0)."""
        blocks = np.arange(self.block[-1] + 1)
        apart = self.day - blocks[:, None]
        distance = np.abs(apart) / _NEAR - np.where(apart % 7 == 0, _SAME_WEEKDAY, 0.0)
        distance += _COURSE * self._courses(apart)
        if len(blocks) == 1:
            distance += _TOTAL * _relative(np.abs(self.value @ self._gap.share - self._gap.energy))
        kinds = _KINDS[self._kinds(blocks)[:, None], self._kinds(self.day)]
        distance = distance[:, :, None] + kinds[:, :, : self.value.shape[1]]
        column, past = np.arange(self.value.shape[1]), int(self.column[-1]) + 1
        before = self._shoulders(0, np.arange(-self._shoulder, 0))
        after = self._shoulders(int(blocks[-1]), np.arange(past, past + self._shoulder))
        distance[0] += np.outer(before, self._faded(column + 0.5))
        distance[-1] += np.outer(after, self._faded(np.abs(past - column - 0.5)))
        weights: Array = np.exp(distance.min(1, keepdims=True) - distance)
        return weights

    def pooled(self) -> tuple[Array, Array]:
        """What the days had in each slot and in those beside it (axis 0), with their weights as `weights` has them."""
        weights = self.weights()
        if DAY // self._per_day > _CLOSE:
            return self.value, weights
        columns = np.arange(self.value.shape[1])
        beside = [self._taken(columns - 1), self._taken(columns + 1)]
        known = [~np.isnan(one) for one in beside]
        values = [self.value, *(np.where(there, one, self.value) for there, one in zip(known, beside, strict=True))]
        counts = [np.exp(-_CLOCK * self._moved(one)) for one in values]
        parts = [weights, *(weights * there * count for there, count in zip(known, counts[1:], strict=True))]
        return np.concatenate(values), np.concatenate(parts, 1)

    def _moved(self, other: Array) -> Array:
        """How far what the days had in each column lies from the other, by how far it lies apart from day to day."""
        by_day = np.abs(self.value - np.median(self.value, 0)).mean(0)
        apart = np.abs(np.sort(other, 0) - np.sort(self.value, 0)).mean(0)
        most = np.where(apart > 0, _MOVED, 0.0)
        moved: Array = np.divide(apart, by_day, out=most, where=by_day > apart / _MOVED)
        return moved

    def levels(self) -> Array:
        """Of each day of the gap: what likely flowed by what is usual, as far as the days beside the gap tell."""
        last = int(self.block[-1])
        if last == 0:
            return np.ones(1)
        total, same = self.value.sum(1), (self.day[:, None] - self.day) % 7 == 0
        usual = same @ total / same.sum(1)
        level = np.divide(total, usual, out=np.ones(len(total)), where=usual > 0)
        before = level[(self.day < 0) & (self.day >= -_BESIDE)]
        after = level[(self.day > last) & (self.day <= last + _BESIDE)]
        distance = np.arange(last + 1) + 0.5
        levels = np.ones(last + 1)
        for beside, apart in ((before, distance), (after, distance[::-1])):
            levels += (beside.mean() - 1 if len(beside) else 0.0) * _LASTING**apart
        return np.clip(levels, *_LEVELS)

    def _kinds(self, day: Array) -> Array:
        kinds: Array = np.clip((day[:, None] + self._weekday) % 7 - 4, 0, 2)
        return kinds

    def _faded(self, slots: Array) -> Array:
        faded: Array = _SHOULDER * np.exp(-slots / (_FADE * self._per_day))
        return faded

    def _courses(self, apart: Array) -> Array:
        """How each day differs from those of the gap's own day of the week."""
        between = np.abs(self.value[:, None] - self.value).mean(2)
        found = np.zeros(apart.shape)
        for block in range(min(len(apart), 7)):
            same = apart[block] % 7 == 0
            if same.sum() > 1:
                found[block::7] = _relative(between[:, same].sum(1) / (same.sum() - same))
        return found

    def _shoulders(self, block: int, columns: Array) -> Array:
        """How each day differs from the gap's in these columns."""
        here = self._dense[self._origin + block * self._per_day + columns]
        apart = np.abs(self._taken(columns) - here)
        known = ~np.isnan(apart)
        count = known.sum(1)
        mean = np.where(known, apart, 0.0).sum(1) / np.maximum(count, 1)
        return _relative(np.where(count > 0, mean, np.nan))


def _relative(difference: Array) -> Array:
    """In its own mean; 1 where unknown."""
    known = difference[~np.isnan(difference)]
    mean = float(known.mean()) if len(known) else 0.0
    if mean == 0:
        return np.zeros(len(difference))
    return np.where(np.isnan(difference), 1.0, difference / mean)


def _mean(days: _Days, gap: Gap) -> Array:
    """What is to be expected of each slot."""
    weight = days.weights()
    mean: Array = (weight * days.value).sum(1) / weight.sum(1)
    found: Array = mean[days.block, days.column] * gap.share
    return found


def _quantile(days: _Days, gap: Gap) -> Array:
    """For each slot the quantile of its days, the same for all, by which their sum comes nearest to the energy."""
    value, weight = days.pooled()
    order = np.argsort(value, 0, kind="stable")
    value, weight = np.take_along_axis(value, order, 0), np.take_along_axis(weight, order[None], 1)
    position = (np.cumsum(weight, 1) - weight / 2) / weight.sum(1, keepdims=True)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = _at(middle, value, position)[days.block, days.column] * gap.share
        low, high = (middle, high) if found.sum() < gap.energy else (low, middle)
    return found


def _at(level: float, value: Array, position: Array) -> Array:
    """Between the values (sorted) on either side of `level`."""
    above = (position < level).sum(1)
    high, low = np.minimum(above, len(value) - 1), np.maximum(above - 1, 0)
    block, column = np.ogrid[: position.shape[0], : position.shape[2]]
    at_low, at_high = position[block, low, column], position[block, high, column]
    part = np.clip((level - at_low) / np.where(at_high > at_low, at_high - at_low, 1.0), 0.0, 1.0)
    between: Array = value[low, column] + part * (value[high, column] - value[low, column])
    return between
