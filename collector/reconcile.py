"""The reconciler: proves stored days against the readings they rest on, keeps the proofs, and has healed what differs.

It looks at a portion of points at a time, all of it as of one instant, and computes for no more than a moment between
two waits, so that ingest, in whose process it works at night, goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from collector.pairs import Array
from collector.proof import balance
from collector.recompute import Computed, computed
from collector.terms import Terms
from collector.window import Touched
from config.samples import MICROSECOND
from storage import intervals, proofs
from storage.changes import Cause
from storage.database import Connection, Database
from storage.intervals import Difference, IntervalColumns, Ranges
from storage.points import PointTable, load_points
from storage.proofs import Proof

log = logging.getLogger(__name__)

AT_ONCE = 30_000
"""Readings, as many as the schedule lets expect, that are looked at together."""
NAMED = 5
"""Points named in one message."""
ACTOR = "reconciler"
_DAY = 86_400 * MICROSECOND
_AROUND = 40
"""Readings fetched around a day, beside its own."""
_ASSUMED = 60 * MICROSECOND
"""Between readings of a point without schedule."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Proofs of a portion, and the points that could not be judged: something of them waits to be computed again."""

    proofs: list[Proof]
    waiting: list[int]


async def verify(
    db: Database, table: PointTable, points: Iterable[int], day: date, kept_from: int
) -> AsyncIterator[Verified]:
    """Prove one day of register points, each by its zone's clock; keep the proofs and have healed what differs.

    A day of which readings are gone (they are kept since `kept_from`) cannot be proved and is left out. When the
    registry is no longer that of `table`, the rest is judged by the new one. Raises StorageError.
    """
    for zone, mine in _by_zone(table, points).items():
        start, past = bounds(day, zone)
        if start < kept_from:
            continue
        terms = Terms(table.points[point] for point in mine)
        queue = list(_portions(mine, terms, start))
        while queue:
            portion = queue.pop(0)
            seen = await _look(db, portion, terms, table.revision, start, past)
            if seen is None:
                table = await load_points(db)
                terms = Terms(table.points[point] for point in mine)
                queue.insert(0, portion)
                continue
            if len(seen.done.later) and len(portion) > 1:
                middle = len(portion) // 2
                queue[:0] = [portion[:middle], portion[middle:]]
                continue
            proved = _judge(seen, day, terms)
            await _keep(db, seen, proved, table, terms)
            yield Verified(proved, sorted(seen.waiting))


def bounds(day: date, zone: str) -> tuple[int, int]:
    """Midnight before and after, in microseconds."""
    where = ZoneInfo(zone)
    first, last = (datetime(one.year, one.month, one.day, tzinfo=where) for one in (day, day + timedelta(days=1)))
    return int(first.timestamp()) * MICROSECOND, int(last.timestamp()) * MICROSECOND


def _by_zone(table: PointTable, points: Iterable[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for point in sorted(points):
        if table.points[point].register:
            found.setdefault(table.points[point].zone, []).append(point)
    return found


def _portions(points: list[int], terms: Terms, start: int) -> Iterator[list[int]]:
    """Points with about AT_ONCE readings of a day together."""
    rank, _ = terms.ranks(np.array(points))
    cadence = terms.cadence[terms.era(rank, np.full(len(points), start))]
    readings = _AROUND + _DAY // np.where(cadence > 0, cadence, _ASSUMED)
    portion = np.cumsum(readings) // AT_ONCE
    for number in np.unique(portion).tolist():
        yield [points[index] for index in np.flatnonzero(portion == number).tolist()]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One day of a portion of points, as of one instant."""

    days: Ranges
    done: Computed
    stored: IntervalColumns
    rollups: list[Difference]
    waiting: frozenset[int]

    @property
    def becomes(self) -> IntervalColumns:
        """What the day's intervals should be."""
        found = self.done.intervals
        return found[np.flatnonzero((found.start >= self.days.start[0]) & (found.start < self.days.past[0]))]

    def wrong(self) -> tuple[Array, Array]:
        """(point, start) of intervals that are not as they should be; those that are wrong stand there twice."""
        becomes = self.becomes
        gone, new = intervals.differences(self.stored, becomes)
        return (
            np.concatenate((self.stored.point[gone], becomes.point[new])),
            np.concatenate((self.stored.start[gone], becomes.start[new])),
        )


async def _look(db: Database, portion: list[int], terms: Terms, revision: int, start: int, past: int) -> _Seen | None:
    """None: the registry has another revision."""
    ids = np.array(portion, np.int32)
    first, last = (np.full(len(ids), at, np.int64) for at in (start, past))
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        if await conn.fetchval(db.sql["registry_revision"]) != revision:
            return None
        done = await computed(conn, Touched(ids, first, last, None), terms)
        await asyncio.sleep(0)
        stored = await intervals.series(conn, ids, "15m", start, past)
        assert isinstance(stored, IntervalColumns)
        rollups = await intervals.prove(conn, ids, start, past)
        return _Seen(Ranges(ids, first, last), done, stored, rollups, await proofs.pending(conn, ids))


def _judge(seen: _Seen, day: date, terms: Terms) -> list[Proof]:
    """Of the points of which anything is stored or known, and nothing waits to be computed."""
    sums = balance(seen.stored, seen.done.intervals, seen.done.knots, seen.done.ranges, seen.days, terms)
    ids = seen.days.point
    wrong = np.zeros(len(ids), np.int64)
    keys = np.unique(np.stack(seen.wrong()), axis=1)
    np.add.at(wrong, np.searchsorted(ids, keys[0]), 1)
    rollups = np.zeros(len(ids), np.int64)
    np.add.at(rollups, np.searchsorted(ids, np.array([one.point for one in seen.rollups], np.int32)), 1)
    there = np.isin(ids, seen.stored.point) | (wrong > 0) | (rollups > 0) | (sums.register != 0)
    sound = (sums.difference == 0) & (wrong == 0) & (rollups == 0)
    columns = (
        sums.register, sums.open, sums.allocated, sums.edited, sums.intervals, sums.difference, wrong, rollups, sound,
    )  # fmt: skip
    rows = zip(ids.tolist(), there.tolist(), *(column.tolist() for column in columns), strict=True)
    return [Proof(point, day, *row) for point, known, *row in rows if known and point not in seen.waiting]


async def _keep(db: Database, seen: _Seen, proved: list[Proof], table: PointTable, terms: Terms) -> None:
    """Keep the proofs, say what is newly wrong, and have it made right: intervals by ingest, rollups at once."""
    unsound = [one for one in proved if not one.sound]
    async with db.transaction() as conn:
        known = await proofs.unsound_among(conn, unsound)
        await proofs.put(conn, proved)
        await _mark(conn, seen, {one.point for one in unsound}, terms)
    points = {one.point for one in unsound}
    await proofs.roll_up_again(db, [one for one in seen.rollups if one.point in points], terms.zones)
    if new := [one for one in unsound if one.point not in known]:
        log.error("%s", _told(new, table))


async def _mark(conn: Connection, seen: _Seen, points: set[int], terms: Terms) -> None:
    """Have ingest compute wrong intervals again."""
    point, start = seen.wrong()
    here = np.isin(point, list(points))
    if here.any():
        owner, index = np.unique(point[here], return_inverse=True)
        first, last = np.full(len(owner), np.iinfo(np.int64).max), np.zeros(len(owner), np.int64)
        np.minimum.at(first, index, start[here])
        np.maximum.at(last, index, start[here])
        past = terms.ceil(terms.ranks(owner)[0], last)
        cause = Cause(ACTOR, "stored intervals were not what follows from the readings")
        await intervals.mark_dirty(conn, Ranges(owner, first, past), await cause.number(conn))


def _told(wrong: list[Proof], table: PointTable) -> str:
    places = []
    for one in wrong[:NAMED]:
        point = table.points[one.point]
        places.append(
            f"{point.uscc}/{point.metering_point} {point.quantity} (difference {one.difference:g}, "
            f"{one.intervals_wrong} intervals, {one.rollups_wrong} rollups)"
        )
    more = f" and {len(wrong) - NAMED} points more" if len(wrong) > NAMED else ""
    what = "do not add up to what the registers counted, or are not what follows from the readings"
    return f"stored data of {wrong[0].day} {what}; they are made again: {', '.join(places)}{more}"
