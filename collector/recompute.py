"""From new readings to the intervals and rollups they touch, within the caller's transaction.

One transaction looks at a bounded number of readings; what is beyond that is queued as dirty ranges, which are worked
off between live readings, in portions as bounded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from collector.allocation import allocate, days_around, holes, merged, over, reach
from collector.boundary import Knots
from collector.energy import metered
from collector.estimates import filled, unknown, wanted
from collector.evidence import Told
from collector.likeday import AFTER, BEFORE
from collector.overlay import overlaid
from collector.pairs import Array
from collector.terms import Terms
from collector.window import Touched, window
from config.samples import MICROSECOND, SampleBatch
from storage import verdicts
from storage.changes import Cause, later_readings
from storage.database import Connection
from storage.intervals import Changed, IntervalColumns, Ranges, mark_dirty, replace, roll_up, take_dirty, within
from storage.readings import around
from storage.verdicts import Verdict

READINGS = 200_000
"""Readings, as many as the schedule lets expect, that one transaction looks at; bounds time and memory."""
APART = 64
"""New readings of a point further apart than so many expected ones are looked at without all in between."""
ROUNDS = 16
"""Stretches of one point that one transaction looks at."""
POINTS = 4_096
"""Points looked at together."""
HOLES = 256
"""Gaps that one transaction compares with the weeks around them; the others are queued, spread evenly until then."""
DIRTY_RANGES = 200
_ASSUMED = 60 * MICROSECOND
"""Between readings of a point without schedule."""


async def recompute(conn: Connection, new: SampleBatch, terms: Terms) -> None:
    """Make the intervals and rollups right again after these readings (sorted by point and time) were stored."""
    known = terms.ranks(new.point)[1]
    point, time = new.point[known], new.time[known]
    stretches = _stretches(point, time, time, terms)
    cheapest = np.argsort(stretches.readings, kind="stable")
    fits = np.empty(len(stretches), np.bool_)
    fits[cheapest] = np.cumsum(stretches.readings[cheapest]) <= READINGS
    fits &= stretches.turn < ROUNDS
    await _queue(conn, stretches[~fits])
    await _compute(conn, _rounds(stretches[fits], (point, time)), terms, later_readings())


async def put_off(conn: Connection, new: SampleBatch, terms: Terms) -> None:
    """Have `work_off` do what `recompute` does at once."""
    known = terms.ranks(new.point)[1]
    await _queue(conn, _stretches(new.point[known], new.time[known], new.time[known], terms))


async def work_off(conn: Connection, terms: Terms, kept_from: int, portion: int = READINGS) -> bool:
    """Compute some of the queued dirty ranges again, if there are any, looking at about `portion` readings; the rest of
    long ones is queued again.

    What lies before `kept_from` stays as it is: its readings are gone.
    """
    queued, change = await take_dirty(conn, min(DIRTY_RANGES, portion))
    order = np.lexsort((queued.start, queued.point))
    order = order[(queued.past[order] > kept_from) & terms.ranks(queued.point[order])[1]]
    point, start, past = queued.point[order], np.maximum(queued.start[order], kept_from), queued.past[order]
    rank = terms.ranks(point)[0]
    span = _apart(rank, start, terms) * (portion // max(len(order), 1))
    until = np.minimum(past, terms.ceil(rank, start + span))
    rest = past > until
    if rest.any():
        await mark_dirty(conn, Ranges(point[rest], until[rest], past[rest]), change)
    cause = later_readings() if change is None else Cause("", "", change)
    await _compute(conn, _rounds(_stretches(point, start, until, terms), None), terms, cause)
    return len(queued.point) > 0


async def postpone(conn: Connection) -> None:
    """Put the dirty range whose turn it is behind all others."""
    await mark_dirty(conn, *await take_dirty(conn, 1))


@dataclass(frozen=True, slots=True)
class Computed:
    """`intervals` are all there are in the ranges, `verdicts` all that begin in them."""

    intervals: IntervalColumns
    ranges: Ranges
    verdicts: list[Verdict]
    allocated: int
    """Gaps that were compared with the weeks around them."""
    later: Ranges
    """Gaps that were too many for that, spread evenly."""
    knots: Knots
    """The registers it rests on; places are those of the ranges."""


async def computed(conn: Connection, touched: Touched, terms: Terms, most: int = HOLES) -> Computed:
    """What follows from the stored readings for all that is touched."""
    held = await verdicts.held(conn, touched.point)
    readings, ranges = await window(partial(around, conn), touched, held, terms)
    energy = metered(readings, ranges, terms)
    energy = dataclasses.replace(energy, intervals=overlaid(energy.intervals, readings, ranges, terms))
    found, edits = holes(energy, ranges, terms), wanted(ranges, terms)
    now, later = found[:most], found[most:]
    intervals, told = energy.intervals, [*map(_verdict, energy.verdicts)]
    if now or edits:
        stored = await within(conn, reach([*now, *unknown(edits, ranges)]))
        known = merged(stored, intervals, ranges)
        intervals, gaps = allocate(intervals, now, known, terms)
        intervals, estimates = filled(intervals, edits, readings, ranges, known, terms)
        told += [*gaps, *estimates]
    return Computed(intervals, ranges, list(_begun_within(told, ranges)), len(now), over(later), energy.knots)


async def _compute(conn: Connection, rounds: Iterator[Touched], terms: Terms, cause: Cause) -> None:
    parts: list[Changed] = []
    left = HOLES
    for touched in rounds:
        done = await computed(conn, touched, terms, left)
        parts.append(await replace(conn, done.intervals, done.ranges, cause))
        await verdicts.replace(conn, done.ranges, done.verdicts)
        await _again(conn, done.later, cause)
        left -= done.allocated
    if parts:
        changed = Changed.of(parts)
        await roll_up(conn, changed, terms.zones)
        await _again(conn, await verdicts.gaps_around(conn, days_around(changed, terms), BEFORE, AFTER), cause)


async def _again(conn: Connection, gaps: Ranges, cause: Cause) -> None:
    """Have these gaps allocated again."""
    if len(gaps):
        await mark_dirty(conn, gaps, await cause.number(conn))


def _verdict(told: Told) -> Verdict:
    return Verdict(told.point, told.kind.value, told.base, told.first, told.last, told.told, told.evidence)


def _begun_within(found: list[Verdict], ranges: Ranges) -> Iterator[Verdict]:
    """The verdicts for which the ranges are responsible; what surrounds them may not be seen as a whole."""
    for one in found:
        place = np.searchsorted(ranges.point, one.point)
        if ranges.start[place] <= one.first < ranges.past[place]:
            yield one


@dataclass(frozen=True, slots=True)
class _Stretches:
    """What is new or dirty of points and lies close together, sorted by point and time."""

    point: Array
    first: Array
    last: Array
    readings: Array
    """How many to expect in it."""
    turn: Array
    """Number among those of its point."""

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, which: Array) -> _Stretches:
        return _Stretches(
            self.point[which], self.first[which], self.last[which], self.readings[which], self.turn[which]
        )


def _stretches(point: Array, first: Array, last: Array, terms: Terms) -> _Stretches:
    """Of instants or ranges, given sorted by point and start."""
    if not len(point):
        return _Stretches(point, first, last, first, first)
    apart = _apart(terms.ranks(point)[0], first, terms)
    begins = np.ones(len(point), np.bool_)
    begins[1:] = (np.diff(point) != 0) | (first[1:] - last[:-1] > APART * apart[1:])
    starts = np.flatnonzero(begins)
    owner, since, until = point[starts], first[starts], np.maximum.reduceat(last, starts)
    given = np.diff(np.append(starts, len(point)))
    readings = np.maximum((until - since) // apart[starts], given)
    return _Stretches(owner, since, until, readings, np.arange(len(starts)) - np.searchsorted(owner, owner))


def _apart(rank: Array, time: Array, terms: Terms) -> Array:
    """Microseconds between readings, as far as one knows."""
    cadence = terms.cadence[terms.era(rank, time)]
    return np.where(cadence > 0, cadence, _ASSUMED)


async def _queue(conn: Connection, stretches: _Stretches) -> None:
    """Each point's as one dirty range."""
    if len(stretches):
        point, index = np.unique(stretches.point, return_index=True)
        past = np.maximum.reduceat(stretches.last, index) + 1
        await mark_dirty(conn, Ranges(point, stretches.first[index], past), None)


def _rounds(stretches: _Stretches, new: tuple[Array, Array] | None) -> Iterator[Touched]:
    """One stretch of each point at a time."""
    for turn in np.unique(stretches.turn).tolist():
        mine = stretches[stretches.turn == turn]
        for chunk in range(0, len(mine), POINTS):
            part = slice(chunk, chunk + POINTS)
            yield Touched(mine.point[part], mine.first[part], mine.last[part], new)
