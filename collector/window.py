"""Which intervals a change can touch, and the readings needed to compute them.

Normally that is: from the interval of the reading before the new ones to the interval of the reading after them. Where
steps nearby are doubtful, a new reading can change verdicts; then the window grows until on both sides there are enough
steps in good order that nothing beyond can matter (collector/registers.py). A register that is never in good order for
so long is looked at only so far: where its doubt lasts longer than HOPELESS readings, everything is held.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.pairs import Array, among, search
from collector.registers import LOOK, PATIENCE, SETTLED, doubtful
from collector.terms import Terms
from storage.intervals import Ranges
from storage.readings import ReadingColumns

Around = Callable[[Array, Array, Array, int, int], Awaitable[ReadingColumns]]
"""storage.readings.around: (points, first, last, before, after)"""

CONTEXT = LOOK + 2
"""Readings fetched before and after; enough unless a step among them is doubtful."""
_WIDEN = 8
_FAR = 512
"""Readings on either side to which a change can reach: more than HOPELESS, which bounds a verdict's reach."""
_MOST = 2 * _FAR
"""Readings fetched on either side at most; enough to see of all within _FAR whether their doubt is hopeless."""
_REACH = 2 * SETTLED
"""Readings before a change up to which verdicts can differ because of it; as many in good order must precede them."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Register points whose readings in [first, last] (microseconds, both included) are new or to be looked at anew.

    Sorted by point, no point twice; `new` are the readings that were not there before, sorted by point and time; None
    if that can be any of them.
    """

    point: Array
    first: Array
    last: Array
    new: tuple[Array, Array] | None

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, which: Array | slice) -> Touched:
        return Touched(self.point[which], self.first[which], self.last[which], self.new)


async def window(
    around: Around, touched: Touched, held: NDArray[np.bool_], terms: Terms
) -> tuple[ReadingColumns, Ranges]:
    """The readings and the ranges for energy.metered. `held`: points of whose latest readings it was not told so far
    what to make of them; the fall that is in doubt may lie further back than is usually looked."""
    rank, _ = terms.ranks(touched.point)
    since, until = _usual(touched, rank, terms)
    parts: list[ReadingColumns] = []
    ranges: list[tuple[Array, Array, Array]] = []
    context = CONTEXT
    while len(touched):
        readings = await around(touched.point, since, until, context, context)
        needs = _Needs(readings, touched, since, until, context, terms)
        if context <= PATIENCE:
            needs.settled &= needs.all_before | ~(held | needs.negative)
        start, past = terms.floor(rank, needs.lower), terms.ceil(rank, needs.upper)
        done = needs.settled & (start >= since) & (past <= until)
        parts.append(_of(readings, touched.point[done]))
        ranges.append((touched.point[done], start[done], past[done]))
        since, until = np.minimum(since, start)[~done], np.maximum(until, past)[~done]
        if not needs.settled.all():
            context = min(context * _WIDEN, _MOST)
        touched, held, rank = touched[~done], held[~done], rank[~done]
    return _merge(parts, ranges)


def _usual(touched: Touched, rank: Array, terms: Terms) -> tuple[Array, Array]:
    """From the interval in which the reading before is expected, to the end of that of the last new one."""
    ahead = terms.cadence[terms.era(rank, touched.first)] * 3 // 2
    return terms.floor(rank, np.maximum(touched.first - ahead, 0)), terms.ceil(rank, touched.last)


def _of(readings: ReadingColumns, points: Array) -> ReadingColumns:
    kept = np.isin(readings.point, points)
    return readings if kept.all() else readings[kept]


def _merge(parts: list[ReadingColumns], ranges: list[tuple[Array, Array, Array]]) -> tuple[ReadingColumns, Ranges]:
    parts = [part for part in parts if len(part)] or parts[:1]
    if len(parts) == 1:
        readings = parts[0]
    else:
        columns = [
            np.concatenate([getattr(part, name) for part in parts]) for name in ("point", "time", "value", "flags")
        ]
        order = np.argsort(columns[0], kind="stable")
        readings = ReadingColumns(*(column[order] for column in columns))
    point, start, past = (np.concatenate(column) for column in zip(*ranges, strict=True))
    order = np.argsort(point)
    return readings, Ranges(point[order], start[order], past[order])


class _Needs:
    """What the window found so far says about how far the change reaches: instants `lower` and `upper` of each point,
    and whether that is `settled` or more context is needed."""

    def __init__(
        self, readings: ReadingColumns, touched: Touched, since: Array, until: Array, context: int, terms: Terms
    ) -> None:
        self._touched, self._terms, self._full = touched, terms, context >= _MOST
        kept, segment = terms.usable(readings)
        self._place = np.searchsorted(touched.point, readings.point)
        places = self._place[kept]
        self._time = readings.time[kept]
        self._edges = np.searchsorted(places, np.arange(len(touched) + 1))
        self._first = search(places, self._time, np.arange(len(touched)), touched.first, "left")
        self._past = search(places, self._time, np.arange(len(touched)), touched.last, "right")
        self.all_before = _fewer(self._place, readings.time < since[self._place], len(touched), context)
        self._all_after = _fewer(self._place, readings.time > until[self._place], len(touched), context)
        self.negative = np.append(readings.value[kept], 0.0)[self._edges[:-1]] < 0
        """They may be such as show the count with the wrong sign; whether they do is told where that began."""
        self._simple()
        steps = self._doubtful(places, readings.value[kept], segment)
        if terms.rulings and terms.rulings.on(terms.ranks(touched.point)[0]).any():
            steps = np.union1d(steps, self._without_rulings(readings, kept))
        for at in np.unique(places[steps]).tolist():
            self._widen(at, steps[places[steps] == at])
        self._notes(segment)

    def _simple(self) -> None:
        """From the reading before to the reading after."""
        time = np.append(self._time, 0)
        begin, end = self._edges[:-1], self._edges[1:]
        has_before, has_after = self._first > begin, self._past < end
        self.lower = np.where(has_before, time[self._first - 1], self._touched.first)
        self.upper = np.where(has_after, time[np.minimum(self._past, len(time) - 1)], self._touched.last)
        self.settled = (has_before | self.all_before) & (has_after | self._all_after) | self._full

    def _doubtful(self, places: Array, value: Array, segment: Array) -> Array:
        """Doubtful steps, as indices of usable readings: those that are, and those that were before the change."""
        steps = doubtful(self._terms.series(self._time, value, segment))
        if self._touched.new is None:
            is_new = (self._touched.first[places] <= self._time) & (self._time <= self._touched.last[places])
        else:
            is_new = among(*self._touched.new, self._touched.point[places], self._time)
        if not is_new.any():
            return steps
        old = np.flatnonzero(~is_new)
        earlier = doubtful(self._terms.series(self._time[old], value[old], segment[old]))
        return np.unique(np.concatenate([steps, *(np.arange(old[step], old[step + 1]) for step in earlier.tolist())]))

    def _without_rulings(self, readings: ReadingColumns, kept: Array) -> Array:
        """Steps that were doubtful before people ruled about them, as indices of usable readings."""
        rows, segment = self._terms.usable(readings, ruled=False)
        series = self._terms.series(readings.time[rows], readings.value[rows], segment, ruled=False)
        found: list[Array] = [np.empty(0, np.int64)]
        for step in doubtful(series).tolist():
            place = self._place[rows[step]]
            low = max(int(np.searchsorted(kept, rows[step], "right")) - 1, int(self._edges[place]))
            high = min(int(np.searchsorted(kept, rows[step + 1], "left")), int(self._edges[place + 1]) - 1)
            found.append(np.arange(low, high))
        return np.concatenate(found)

    def _widen(self, at: int, steps: Array) -> None:
        """The nearest readings on either side beyond which the change cannot matter."""
        begin, end = int(self._edges[at]), int(self._edges[at + 1])
        lower = self._before(begin, int(self._first[at]) - _REACH, steps)
        upper = self._after(at, int(self._past[at]) + SETTLED, steps)
        if lower is None and self.all_before[at]:
            lower = begin
        if upper is None and self._all_after[at]:
            upper = end - 1
        if self._full:
            lower = max(begin, int(self._first[at]) - _FAR, lower or 0)
            upper = min(end - 1, int(self._past[at]) + _FAR, end if upper is None else upper)
        self.settled[at] = lower is not None and upper is not None
        if lower is not None:
            self.lower[at] = min(self.lower[at], self._time[lower])
        if upper is not None:
            self.upper[at] = max(self.upper[at], self._time[upper])

    def _notes(self, segment: Array) -> None:
        """Beyond the first (or last) reading of all, the register noted at installation (or removal) is the next."""
        rank, _ = self._terms.ranks(self._touched.point)
        for at in np.flatnonzero(self._terms.bordered[rank]).tolist():
            begin, end = int(self._edges[at]), int(self._edges[at + 1])
            if begin == end:
                continue
            first, last = (self._terms.segments[segment[index]] for index in (begin, end - 1))
            if self.all_before[at] and first.initial is not None and self.lower[at] <= self._time[begin]:
                self.lower[at] = min(self.lower[at], first.valid_from)
            if self._all_after[at] and last.valid_to is not None and self.upper[at] >= self._time[end - 1]:
                self.upper[at] = max(self.upper[at], last.valid_to)

    def _before(self, begin: int, latest: int, steps: Array) -> int | None:
        """The last reading not after `latest` that _REACH steps in good order lead to."""
        for doubt in steps[::-1].tolist():
            if doubt < latest:
                if latest - doubt - 1 >= _REACH:
                    return latest
                latest = doubt
        return latest if latest - begin >= _REACH else None

    def _after(self, at: int, earliest: int, steps: Array) -> int | None:
        """The first reading not before `earliest` that SETTLED steps in good order lead to, and after which no doubt
        begins in its interval: the whole interval is computed."""
        rank, _ = self._terms.ranks(self._touched.point[at : at + 1])
        end = int(self._edges[at + 1])
        for doubt in steps.tolist():
            if doubt + 1 > earliest - SETTLED:
                if doubt >= earliest and self._time[doubt] >= self._terms.ceil(rank, self._time[[earliest]])[0]:
                    break
                earliest = doubt + 1 + SETTLED
            if earliest >= end:
                return None
        return earliest if earliest < end else None


def _fewer(place: Array, outside: Array, count: int, context: int) -> Array:
    """Points of which fewer readings than asked for lie outside: there are no more."""
    return np.bincount(place[outside], minlength=count) < context
