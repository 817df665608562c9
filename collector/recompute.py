"""From new readings to the intervals and rollups they touch, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from collector.energy import metered
from collector.pairs import Array
from collector.terms import Terms
from collector.window import Touched, window
from config.samples import MICROSECOND, SampleBatch
from storage.database import Connection
from storage.intervals import Changed, Ranges, mark_dirty, replace, roll_up, take_dirty
from storage.readings import around

DAY = 86_400 * MICROSECOND
APART = 2 * DAY
"""New readings of a point further apart than this are looked at one after the other, not with all in between."""
ROUNDS = 16
POINTS = 4_096
"""Points looked at together; bounds memory."""
DIRTY_RANGES = 20
DIRTY_SPAN = 7 * DAY
"""A dirty range is worked off in pieces this long, so that live readings do not wait for it."""

_NOTHING = np.empty(0, np.int64)


async def recompute(conn: Connection, new: SampleBatch, terms: Terms) -> None:
    """Make the intervals and rollups right again after these readings (sorted by point and time) were stored."""
    known = terms.ranks(new.point)[1]
    if known.any():
        await _compute(conn, _touched(new.point[known], new.time[known], new.time[known], new=True), terms)


async def work_off(conn: Connection, terms: Terms, kept_from: int) -> bool:
    """Compute some of the queued dirty ranges again, if there are any; the rest of long ones is queued again.

    What lies before `kept_from` stays as it is: its readings are gone.
    """
    queued = await take_dirty(conn, DIRTY_RANGES)
    order = np.lexsort((queued.start, queued.point))
    order = order[queued.past[order] > kept_from]
    point, start, past = queued.point[order], np.maximum(queued.start[order], kept_from), queued.past[order]
    until = np.minimum(past, start + DIRTY_SPAN)
    rest = past > until
    if rest.any():
        await mark_dirty(conn, Ranges(point[rest], until[rest], past[rest]), "the rest of a long range")
    known = terms.ranks(point)[1]
    await _compute(conn, _touched(point[known], start[known], until[known], new=False), terms)
    return len(queued.point) > 0


async def _compute(conn: Connection, rounds: Iterator[Touched], terms: Terms) -> None:
    changed: list[Changed] = []
    for touched in rounds:
        readings, ranges = await window(partial(around, conn), touched, terms)
        changed.append(await replace(conn, metered(readings, ranges, terms).intervals, ranges))
    if changed:
        await roll_up(
            conn,
            Changed(np.concatenate([part.point for part in changed]), np.concatenate([part.start for part in changed])),
            terms.zones,
        )


def _touched(point: Array, first: Array, last: Array, *, new: bool) -> Iterator[Touched]:
    """Stretches of each point (given sorted by point and start) that lie close together, one per point at a time."""
    if not len(point):
        return
    readings = (point, first) if new else (_NOTHING, _NOTHING)
    begins = np.ones(len(point), np.bool_)
    begins[1:] = (np.diff(point) != 0) | (first[1:] - last[:-1] > APART)
    starts = np.flatnonzero(begins)
    owner, since, until = point[starts], first[starts], np.maximum.reduceat(last, starts)
    turn = np.arange(len(starts)) - np.searchsorted(owner, owner)
    for number in range(min(int(turn.max()) + 1, ROUNDS)):
        mine = turn == number if number < ROUNDS - 1 else turn >= number
        points, index = np.unique(owner[mine], return_index=True)
        late = np.maximum.reduceat(until[mine], index)
        for chunk in range(0, len(points), POINTS):
            part = slice(chunk, chunk + POINTS)
            yield Touched(points[part], since[mine][index][part], late[part], readings)
