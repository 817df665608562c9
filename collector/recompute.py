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

from collector.energy import Energy, metered
from collector.evidence import Told
from collector.overlay import overlaid
from collector.pairs import Array
from collector.terms import Terms
from collector.window import Touched, window
from config.samples import MICROSECOND, SampleBatch
from storage import verdicts
from storage.changes import Cause, later_readings
from storage.database import Connection
from storage.intervals import Changed, Ranges, mark_dirty, replace, roll_up, take_dirty
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


async def computed(conn: Connection, touched: Touched, terms: Terms) -> tuple[Energy, Ranges]:
    """The intervals that what is touched can concern, and the ranges that they are all of."""
    readings, ranges = await window(partial(around, conn), touched, terms)
    energy = metered(readings, ranges, terms)
    return dataclasses.replace(energy, intervals=overlaid(energy.intervals, readings, ranges, terms)), ranges


async def _compute(conn: Connection, rounds: Iterator[Touched], terms: Terms, cause: Cause) -> None:
    changed: list[Changed] = []
    for touched in rounds:
        energy, ranges = await computed(conn, touched, terms)
        changed.append(await replace(conn, energy.intervals, ranges, cause))
        await verdicts.replace(conn, ranges, _begun_within(energy.verdicts, ranges))
    if changed:
        await roll_up(
            conn,
            Changed(np.concatenate([part.point for part in changed]), np.concatenate([part.start for part in changed])),
            terms.zones,
        )


def _begun_within(told: list[Told], ranges: Ranges) -> Iterator[Verdict]:
    """The verdicts for which the ranges are responsible; what surrounds them may not be seen as a whole."""
    for one in told:
        place = np.searchsorted(ranges.point, one.point)
        if ranges.start[place] <= one.first < ranges.past[place]:
            yield Verdict(one.point, one.kind.value, one.base, one.first, one.last, one.told, one.evidence)


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
