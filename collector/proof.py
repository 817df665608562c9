"""The proof that no energy is lost, doubled or invented: per point and day, intervals against registers.

The stored intervals of a day must add up to what the registers counted over them. Three things stand between the two,
each named: energy that is known but in no interval's value (`open`: in doubt, or before the first and after the last
boundary that readings enclose), energy that the estimate of a gap puts on another of its days (`allocated`: over all
of the gap it must be nothing), and what people set or had estimated in place of it (`edited`). The rest is the
`difference`: there must be none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.allocation import EVENLY
from collector.boundary import Knots
from collector.conservation import Flow
from collector.pairs import Array, Pairs
from collector.terms import Terms
from config.quality import Method
from config.samples import MICROSECOND
from storage.intervals import IntervalColumns, Ranges

_BY_PEOPLE = (Method.SET, Method.LIKE_DAY_FREE)


@dataclass(frozen=True, slots=True)
class Balance:
    """One row a place, in the canonical unit after CT and PT: the words of the module's docstring."""

    register: Array
    open: Array
    allocated: Array
    edited: Array
    intervals: Array
    difference: Array
    """Zero within what rounding explains, and falls of a register by one digit."""


def balance(
    stored: IntervalColumns, becomes: IntervalColumns, knots: Knots, ranges: Ranges, days: Ranges, terms: Terms
) -> Balance:
    """Of the intervals that start in `days`, one for each of `ranges` (sorted by point), which hold them.

    `becomes`: all intervals that follow from the readings in `ranges`, on which `knots` rest; `stored` is sorted too.
    """
    count, flow = len(days), Flow(knots, terms)
    rows = _Rows(becomes, ranges, days)
    bounds = (terms.ceil(terms.ranks(days.point)[0], at - 1) for at in (days.start, days.past))
    register = flow.between(np.arange(count), *bounds)
    plain, edited = rows.valued & ~rows.edited, rows.valued & rows.edited
    shown, replaced = (_flowed(flow, rows, which & rows.inside, count) for which in (plain, edited))
    moved = rows.sums(plain & rows.inside) - shown
    alike = rows.count(plain & rows.inside & (becomes.method == Method.LIKE_DAY)) > 0
    allocated = np.where(alike, moved, 0.0)
    mine = _Rows(stored, ranges, days)
    found = mine.sums(mine.valued & mine.inside)
    set_by_people = rows.sums(edited & rows.inside) - replaced
    difference = found - (shown + replaced) - allocated - set_by_people + _unkept(flow, rows, plain, knots, count)
    slack = flow.slack(count)
    difference = np.where(np.abs(difference) <= slack, 0.0, difference)
    hidden = register + allocated + set_by_people + difference - found
    hidden = np.where(np.abs(hidden) <= slack, 0.0, hidden)
    return Balance(register, hidden, allocated, set_by_people, found, difference)


class _Rows:
    """Intervals with the place of their point, and which of them lie in its day."""

    def __init__(self, intervals: IntervalColumns, ranges: Ranges, days: Ranges) -> None:
        self.place = np.searchsorted(ranges.point, intervals.point)
        self.start = intervals.start
        self.end = intervals.start + intervals.seconds.astype(np.int64) * MICROSECOND
        self.value = intervals.consumption
        self.valued = ~np.isnan(intervals.consumption)
        self.edited = np.isin(intervals.method, _BY_PEOPLE)
        self.inside = (self.start >= days.start[self.place]) & (self.start < days.past[self.place])
        self._count = len(days)

    def sums(self, which: NDArray[np.bool_]) -> Array:
        return np.bincount(self.place[which], self.value[which], self._count)

    def count(self, which: NDArray[np.bool_]) -> Array:
        return np.bincount(self.place[which], minlength=self._count)


def _flowed(flow: Flow, rows: _Rows, which: NDArray[np.bool_], count: int) -> Array:
    """What the registers counted over these intervals; those that follow one another are one stretch."""
    place, start, end = rows.place[which], rows.start[which], rows.end[which]
    begins = np.ones(len(place), np.bool_)
    begins[1:] = (np.diff(place) != 0) | (start[1:] != end[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(place))[: len(first)] - 1
    return np.bincount(place[first], flow.between(place[first], start[first], end[last]), count)


def _unkept(flow: Flow, rows: _Rows, plain: NDArray[np.bool_], knots: Knots, count: int) -> Array:
    """By how much the intervals over gaps do not have the energy of these, per place."""
    found = np.zeros(count)
    for where, inside in _gaps(rows, knots):
        if plain[inside].all() and inside.stop > inside.start:
            bounds = rows.start[inside][:1], rows.end[inside][-1:]
            known = float(flow.between(np.array([where]), *bounds)[0])
            found[where] += float(rows.value[inside].sum()) - known
    return found


def _gaps(rows: _Rows, knots: Knots) -> Iterator[tuple[int, slice]]:
    """Places, and the intervals that lie in long gaps or reach into them; those of gaps that share one together."""
    before = np.flatnonzero((np.diff(knots.time) > EVENLY) & (np.diff(knots.place) == 0))
    place = knots.place[before]
    first = Pairs(rows.place, rows.end).find(place, knots.time[before], "right")
    past = Pairs(rows.place, rows.start).find(place, knots.time[before + 1], "left")
    held: tuple[int, slice] | None = None
    for where, low, high in zip(place.tolist(), first.tolist(), past.tolist(), strict=True):
        if held and held[0] == where and low < held[1].stop:
            held = where, slice(held[1].start, high)
            continue
        if held:
            yield held
        held = where, slice(low, high)
    if held:
        yield held
