"""Where the known energy of a gap goes: evenly over up to two hours, in a longer one as on the like days around it.

Like days may become known, or others, after a gap was allocated. So that the result depends on the stored readings
alone, a gap is allocated again when measured intervals in its reach change. What follows a gap counts only once its
local day is over; otherwise every new reading would change the gap.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """Between two good readings of one register, too far apart; `energy` flowed meanwhile."""

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
    """Where the days lie that these holes (sorted by point and time) are compared with."""
    wide: list[Hole] = []
    for hole in found:
        start, end = hole.start - BEFORE, hole.end + AFTER
        if wide and wide[-1].point == hole.point and start <= wide[-1].end:
            wide[-1] = replace(wide[-1], end=end)
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

    `known`: the intervals in reach of the holes, sorted; those that are measured are looked at. Every hole keeps its
    energy; one without like days stays as it was.
    """
    measured = known[np.flatnonzero(known.quality == Quality.MEASURED)]
    changed = replace(intervals, consumption=intervals.consumption.copy(), method=intervals.method.copy())
    slots = [_slots(hole, terms) for hole in found]
    around = _rows(measured, found, [hole.start - BEFORE for hole in found], [hole.end + AFTER for hole in found])
    inside = _rows(changed, found, [int(starts[0]) for starts in slots], [hole.end for hole in found])
    verdicts = []
    for hole, starts, near, rows in zip(found, slots, around, inside, strict=True):
        until = _until(measured[near], hole, terms.zones[hole.point])
        like = _like(measured[near], hole, starts, until, terms)
        if like is not None:
            _move(changed, rows, hole, starts, like.energy)
        verdicts.append(_verdict(hole, like, until))
    return changed, verdicts


def _rows(columns: IntervalColumns, found: Sequence[Hole], start: list[int], past: list[int]) -> list[slice]:
    """Of each hole's intervals that start in [start, past)."""
    pairs, point = Pairs(columns.point, columns.start), np.array([hole.point for hole in found])
    ends = (pairs.find(point, np.array(at), "left").tolist() for at in (start, past))
    return [slice(low, high) for low, high in zip(*ends, strict=True)]


def _until(near: IntervalColumns, hole: Hole, zone: str) -> int:
    """The last local day (since 1970) that had begun when the last of what follows the hole ended: what follows counts
    until then."""
    end = near.start + near.seconds.astype(np.int64) * MICROSECOND
    day = local(np.array([max(hole.end, int(end.max(initial=0)))]), zone) // DAY
    return int(day[0])


def _slots(hole: Hole, terms: Terms) -> Array:
    """Starts of the intervals that lie in the hole or reach into it, at least two; where their length changes in the
    hole, as if it did not."""
    rank = terms.ranks(np.array([hole.point]))[0]
    length = int(terms.length[terms.era(rank, np.array([hole.start]))][0])
    return np.arange(hole.start // length * length, hole.end, length)


def _like(near: IntervalColumns, hole: Hole, slots: Array, until: int, terms: Terms) -> Spread | None:
    """None also where the length of intervals changes in the hole."""
    zone, length = terms.zones[hole.point], int(slots[1] - slots[0])
    rank = terms.ranks(np.array([hole.point]))[0]
    if terms.length[terms.era(rank, slots[-1:])] != length:
        return None
    end = near.start + near.seconds.astype(np.int64) * MICROSECOND
    counts = (end <= hole.start) | (local(end, zone) <= until * DAY)
    counts &= near.seconds == length // MICROSECOND
    share = (np.minimum(slots + length, hole.end) - np.maximum(slots, hole.start)) / length
    return spread(near.start[counts], near.consumption[counts], Gap(slots, share, hole.energy), length, zone)


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


def _verdict(hole: Hole, like: Spread | None, until: int) -> Verdict:
    evidence = {
        "energy": hole.energy,
        "method": (Method.LINEAR if like is None else Method.LIKE_DAY).name.lower(),
        "days": 0 if like is None else like.days,
        "until": (_EPOCH + timedelta(days=until)).isoformat(),
    }
    return Verdict(hole.point, GAP, hole.start, hole.start, hole.end, hole.end, evidence)


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
