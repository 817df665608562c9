"""Registers at the boundaries of intervals, between the good readings on either side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.pairs import Array, Pairs, Side, among
from collector.terms import Terms
from storage.intervals import Ranges


@dataclass(frozen=True, slots=True)
class Knots:
    """Registers that hold, sorted by point and time: between two of one run it is known what flowed."""

    place: Array
    """Which of the points asked for."""
    time: Array
    value: Array
    run: Array
    wraps: Array
    modulus: Array
    segment: Array


@dataclass(frozen=True, slots=True)
class Grid:
    """The closed intervals to be found: place of the point, start, end, era."""

    place: Array
    start: Array
    end: Array
    era: Array

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, part: slice) -> Grid:
        return Grid(self.place[part], self.start[part], self.end[part], self.era[part])

    def alone(self) -> NDArray[np.bool_]:
        """Which of them do not begin where the one before ends."""
        alone = np.ones(len(self), np.bool_)
        alone[1:] = (self.place[1:] != self.place[:-1]) | (self.start[1:] != self.end[:-1])
        return alone


@dataclass(frozen=True, slots=True)
class Boundary:
    """Registers at boundaries: the knots on either side, how far they are apart (0: a knot lies on it)."""

    before: Array
    after: Array
    known: Array
    register: Array
    gap: Array


class Registers:
    """Where they stand at any boundary."""

    def __init__(self, knots: Knots) -> None:
        self.knots, self._pairs = knots, Pairs(knots.place, knots.time)
        self._twice = np.flatnonzero((np.diff(knots.time) == 0) & (np.diff(knots.place) == 0))

    def at_both_ends(self, grid: Grid) -> tuple[Boundary, Boundary]:
        """At the starts and at the ends. Nearly every start is the end before, with the same register."""
        end = self._at(grid.place, grid.end, "left")
        alone = grid.alone()
        if len(self._twice):
            twice = self.knots.place[self._twice], self.knots.time[self._twice]
            alone |= among(*twice, grid.place, grid.start)
        own = self._at(grid.place[alone], grid.start[alone], "right")
        begin = (_at_starts(getattr(end, name), alone, getattr(own, name)) for name in Boundary.__slots__)
        return Boundary(*begin), end

    def _at(self, place: Array, time: Array, side: Side) -> Boundary:
        """Where two meters' registers fall on an instant, `side` left takes the earlier one's."""
        knots = self.knots
        found = self._pairs.find(place, time, side)
        count = max(len(knots.time) - 1, 0)
        before, after = np.clip(found - 1, 0, count), np.minimum(found, count)
        on = after if side == "left" else before
        exact = (knots.time[on] == time) & (knots.place[on] == place)
        before, after = np.where(exact, on, before), np.where(exact, on, after)
        since, until, register = knots.time[before], knots.time[after], knots.value[before]
        known = (knots.place[before] == place) & (knots.place[after] == place) & (since <= time) & (time <= until)
        known &= knots.run[before] == knots.run[after]
        gap = until - since
        rise = knots.value[after] - register + self._turns(before, after, after)
        register += (time - since) / np.maximum(gap, 1) * rise
        return Boundary(before, after, known, register, gap)

    def between(self, begin: Boundary, end: Boundary) -> tuple[NDArray[np.bool_], Array]:
        """Whether a register counted without a break from one to the other, and how much."""
        run = self.knots.run
        whole = begin.known & end.known & (run[begin.before] == run[end.before])
        return whole, end.register - begin.register + self._turns(begin.before, end.before, end.after)

    def _turns(self, first: Array, last: Array, after: Array) -> Array | float:
        """What roll-overs between two knots hide; the modulus is that of the knot `after`."""
        turns = self.knots.wraps[last] - self.knots.wraps[first]
        return np.where(turns == 0, 0.0, turns * self.knots.modulus[after]) if turns.any() else 0.0


def grid_of(ranges: Ranges, rank: Array, closed: Array, terms: Terms) -> Grid:
    """Intervals that start in the ranges and have ended by the instant `closed` of their point."""
    first = terms.era(rank, ranges.start)
    final = terms.era(rank, np.maximum(ranges.past - 1, ranges.start))
    place, start, past, era = np.arange(len(ranges.point)), ranges.start, np.minimum(ranges.past, closed), first
    if (first != final).any():  # a range over several eras is one stretch for each
        place = np.repeat(place, final - first + 1)
        era = np.concatenate([np.arange(one, other + 1) for one, other in zip(first, final, strict=True)])
        start = np.maximum(ranges.start[place], terms.era_start[era])
        after = terms.era_start[np.minimum(era + 1, len(terms.era_start) - 1)]
        past = np.where(era < final[place], np.minimum(past[place], after), past[place])
    length = terms.length[era]
    start = -(-start // length) * length
    count = np.maximum((past - start) // length, 0)
    stretch = np.repeat(np.arange(len(count)), count)
    index = np.arange(len(stretch)) - np.repeat(np.cumsum(count) - count, count)
    start = start[stretch] + index * length[stretch]
    return Grid(place[stretch], start, start + length[stretch], era[stretch])


def counted(readings: Pairs, grid: Grid) -> Array:
    """How many of the readings lie in [start, end) of each interval."""
    alone = grid.alone()
    up_to_end = readings.find(grid.place, grid.end, "left")
    own = readings.find(grid.place[alone], grid.start[alone], "left")
    count: Array = up_to_end - _at_starts(up_to_end, alone, own)
    return count


def _at_starts(at_ends: Array, alone: Array, own: Array) -> Array:
    """What holds at the starts: what does at the end before, but `own` where they are alone."""
    at_starts = np.empty_like(at_ends)
    at_starts[1:] = at_ends[:-1]
    at_starts[alone] = own
    return at_starts
