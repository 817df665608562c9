"""Where the known energy of a gap goes: evenly over up to two hours, in a longer one as on the like days around it.

Like days may become known, or others, after a gap was allocated. So that the result depends on the stored readings
alone, a gap is allocated again when measured intervals in its reach change. What follows a gap counts only once its
local day is over; otherwise every new reading would change the gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta

import numpy as np

from collector.boundary import Knots
from collector.energy import Energy
from collector.likeday import AFTER, BEFORE, DAY, Gap, Spread, spread
from collector.pairs import Array, Pairs, search
from collector.terms import Terms
from config.clocks import local
from config.quality import Method, Quality
from config.samples import MICROSECOND
from storage.intervals import Changed, IntervalColumns, Ranges
from storage.verdicts import GAP, Days, Verdict

EVENLY = 2 * 3600 * MICROSECOND
"""Of a gap up to so long the energy is spread evenly."""
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Hole:
    """Between two good readings of one register, too far apart; `energy` flowed meanwhile (NaN: not known)."""

    point: int
    start: int
    end: int
    energy: float


def holes(energy: Energy, ranges: Ranges, terms: Terms) -> list[Hole]:
    """Those over which intervals of these ranges were spread evenly, though they are longer than that serves."""
    linear = np.flatnonzero(energy.intervals.method == Method.LINEAR)
    if not len(linear):
        return []
    knots = energy.knots
    before = np.flatnonzero((np.diff(knots.time) > EVENLY) & (np.diff(knots.place) == 0) & (np.diff(knots.run) == 0))
    point, start, end = ranges.point[knots.place[before]], knots.time[before], knots.time[before + 1]
    era = terms.era(terms.ranks(point)[0], start)
    found = (terms.cadence[era] > 0) & (end - start > np.maximum(2 * terms.cadence[era], terms.length[era]))
    points, starts = energy.intervals.point[linear], energy.intervals.start[linear]
    last = search(points, starts, point, end, "left") - 1
    seconds = energy.intervals.seconds[linear].astype(np.int64)
    found &= (last >= 0) & (points[last] == point) & (starts[last] + seconds[last] * MICROSECOND > start)
    flowed = _flowed(knots, before, terms)
    found &= flowed > 0
    columns = (column[found].tolist() for column in (point, start, end, flowed))
    return [Hole(*row) for row in zip(*columns, strict=True)]


def _flowed(knots: Knots, before: Array, terms: Terms) -> Array:
    """Between these knots and those after them."""
    after = before + 1
    turns = knots.wraps[after] - knots.wraps[before]
    rise = knots.value[after] - knots.value[before] + np.where(turns == 0, 0.0, turns * knots.modulus[after])
    flowed: Array = rise * terms.multiplier[knots.segment[after]]
    return flowed


def over(found: Sequence[Hole]) -> Ranges:
    """The holes as ranges."""
    columns = np.array([(hole.point, hole.start, hole.end) for hole in found], np.int64).reshape(-1, 3)
    return Ranges(columns[:, 0].astype(np.int32), columns[:, 1], columns[:, 2])


def reach(found: Sequence[Hole]) -> Ranges:
    """Where the days lie that these holes are compared with."""
    wide: list[Hole] = []
    for hole in sorted(found, key=lambda one: (one.point, one.start)):
        start, end = hole.start - BEFORE, hole.end + AFTER
        if wide and wide[-1].point == hole.point and start <= wide[-1].end:
            wide[-1] = replace(wide[-1], end=max(end, wide[-1].end))
        else:
            wide.append(replace(hole, start=start, end=end))
    return over(wide)


def merged(stored: IntervalColumns, intervals: IntervalColumns, ranges: Ranges) -> IntervalColumns:
    """What is known once these intervals are all there are in the ranges, sorted."""
    place = np.minimum(np.searchsorted(ranges.point, stored.point), len(ranges) - 1)
    within = (ranges.point[place] == stored.point) & (ranges.start[place] <= stored.start)
    rest = stored[np.flatnonzero(~(within & (stored.start < ranges.past[place])))]
    known = IntervalColumns(
        *(np.concatenate([getattr(part, field.name) for part in (rest, intervals)]) for field in fields(rest))
    )
    return known[np.lexsort((known.start, known.point))]


def allocate(
    intervals: IntervalColumns, found: Sequence[Hole], known: IntervalColumns, terms: Terms
) -> tuple[IntervalColumns, list[Verdict]]:
    """The intervals with the energy of these holes as like days had it, and a verdict on each hole.

    `known`: the intervals in reach of the holes, sorted. Every hole keeps its energy; one without like days stays as
    it was.
    """
    changed = replace(intervals, consumption=intervals.consumption.copy(), method=intervals.method.copy())
    pairs, verdicts = Pairs(changed.point, changed.start), []
    for one in likened(found, known, terms):
        if one.like is not None:
            ends = np.array([one.slots[0], one.hole.end])
            rows = slice(*pairs.find(np.repeat(one.hole.point, 2), ends, "left").tolist())
            _move(changed, rows, one.hole, one.slots, one.like.energy)
        verdicts.append(one.verdict(GAP, Method.LINEAR if one.like is None else Method.LIKE_DAY))
    return changed, verdicts


@dataclass(frozen=True, slots=True)
class Likened:
    """A hole, the starts of the intervals that lie in it or reach into it, and what like days say of them (None: there
    are no such days, or the length of intervals changes in the hole)."""

    hole: Hole
    slots: Array
    like: Spread | None
    until: int
    """The last local day (since 1970) that had begun when what is known after the hole ended: that counts so far."""

    def verdict(self, kind: str, method: Method) -> Verdict:
        """Where the energy went, on how many days that rests, and the first day that did not count yet."""
        hole = self.hole
        evidence = {
            "energy": None if math.isnan(hole.energy) else hole.energy,
            "method": method.name.lower(),
            "days": 0 if self.like is None else self.like.days,
            "until": (_EPOCH + timedelta(days=self.until)).isoformat(),
        }
        return Verdict(hole.point, kind, hole.start, hole.start, hole.end, hole.end, evidence)


def likened(found: Sequence[Hole], known: IntervalColumns, terms: Terms) -> Iterator[Likened]:
    """Each hole compared with the measured ones of the intervals in its reach."""
    measured = known[np.flatnonzero(known.quality == Quality.MEASURED)]
    pairs = Pairs(measured.point, measured.start)
    columns = np.array([(hole.point, hole.start - BEFORE, hole.end + AFTER) for hole in found]).reshape(-1, 3).T
    low, high = (pairs.find(columns[0], at, "left").tolist() for at in columns[1:])
    for hole, rows in zip(found, map(slice, low, high), strict=True):
        near, zone = measured[rows], terms.zones[hole.point]
        end = near.start + near.seconds.astype(np.int64) * MICROSECOND
        until = int(local(np.array([max(hole.end, int(end.max(initial=0)))]), zone)[0]) // DAY
        counts = (end <= hole.start) | ((near.start >= hole.end) & (local(end, zone) <= until * DAY))
        slots, length = _slots(hole, terms)
        yield Likened(hole, slots, _like(near[np.flatnonzero(counts)], hole, slots, length, zone), until)


def _slots(hole: Hole, terms: Terms) -> tuple[Array, int]:
    """Starts of its intervals and their length: 0 if that changes in the hole."""
    rank = np.repeat(terms.ranks(np.array([hole.point]))[0], 2)
    length, other = terms.length[terms.era(rank, np.array([hole.start, hole.end - 1]))].tolist()
    return np.arange(hole.start // length * length, hole.end, length), length if length == other else 0


def _like(near: IntervalColumns, hole: Hole, slots: Array, length: int, zone: str) -> Spread | None:
    if not length:
        return None
    near = near[np.flatnonzero(near.seconds == length // MICROSECOND)]
    share = (np.minimum(slots + length, hole.end) - np.maximum(slots, hole.start)) / length
    return spread(near.start, near.consumption, Gap(slots, share, hole.energy), length, zone)


def _move(intervals: IntervalColumns, rows: slice, hole: Hole, slots: Array, energy: Array) -> None:
    """Put the hole's energy, so far spread evenly, where it likely flowed; what is held or set stays so."""
    length = int(slots[1] - slots[0])
    start = intervals.start[rows]
    like = energy[(start - slots[0]) // length]
    inside = np.minimum(start + length, hole.end) - np.maximum(start, hole.start)
    evenly = hole.energy * inside / (hole.end - hole.start)
    before = intervals.consumption[rows]
    rest = np.where(inside == length, before * 0.0, np.maximum(before - evenly, 0.0))
    quality = intervals.quality[rows]
    intervals.consumption[rows] = np.where(quality == Quality.EDITED, before, rest + like)
    intervals.method[rows] = np.where(quality == Quality.ESTIMATED, Method.LIKE_DAY, intervals.method[rows])


def days_around(changed: Changed, terms: Terms) -> Days:
    """Of each point of which measured intervals changed."""
    rows = np.flatnonzero(changed.measured)
    rows = rows[np.lexsort((changed.start[rows], changed.point[rows]))]
    point, start = changed.point[rows], changed.start[rows]
    points, begin = np.unique(point, return_index=True)
    last = np.searchsorted(point, points, "right") - 1
    end = terms.ceil(terms.ranks(points)[0], start[last])
    day, reached = np.empty(len(points), np.int64), np.empty(len(points), np.int64)
    zones = np.array([terms.zones[one] for one in points.tolist()])
    for zone in np.unique(zones).tolist():
        mine = zones == zone
        day[mine], reached[mine] = local(start[begin][mine], zone) // DAY, local(end[mine], zone) // DAY
    altered = np.logical_or.reduceat(changed.altered[rows], begin) if len(rows) else np.empty(0, np.bool_)
    return Days(points, start[begin], start[last], day, reached, altered)
