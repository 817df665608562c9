"""Metered intervals and their hour and day rollups at rest, and the queue of ranges to be computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from config.quality import Quality
from config.samples import MICROSECOND, Instants, Points, Values
from storage import keys
from storage.columns import Array, Layout, copy_in, copy_out, instant
from storage.partitions import make_room
from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.changes import Cause
    from storage.database import Connection

Counts: TypeAlias = NDArray[np.int32]
Codes: TypeAlias = NDArray[np.int16]

_INTERVAL = Layout(
    point_id="int4", start="timestamptz", seconds="int4", consumption="float8?", quality="int2", method="int2",
    expected="int4", received="int4",
)  # fmt: skip
_ROLLUP = Layout(
    point_id="int4", start="timestamptz", seconds="int4", consumption="float8?", quality="int2", intervals="int2",
    expected="int4", received="int4", estimated="int2", edited="int2",
)  # fmt: skip
_HOUR = 3600 * MICROSECOND


@dataclass(frozen=True, slots=True)
class Ranges:
    """[start, past) of points, not overlapping within a point."""

    point: Points
    start: Instants
    past: Instants

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, which: slice) -> Ranges:
        return Ranges(self.point[which], self.start[which], self.past[which])


@dataclass(frozen=True, slots=True)
class IntervalColumns:
    """Intervals sorted by point and start; consumption NaN means there is none (NULL in the table)."""

    point: Points
    start: Instants
    seconds: Counts
    consumption: Values
    quality: Codes
    method: Codes
    expected: Counts
    received: Counts

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, which: slice | NDArray[np.intp]) -> IntervalColumns:
        return IntervalColumns(*(column[which] for column in _columns(self)))

    @property
    def intervals(self) -> Codes:
        """As in RollupColumns: 1 where there is a value."""
        return np.asarray(~np.isnan(self.consumption), np.int16)

    @property
    def estimated(self) -> Codes:
        return np.asarray(self.quality == Quality.ESTIMATED, np.int16)

    @property
    def edited(self) -> Codes:
        return np.asarray(self.quality == Quality.EDITED, np.int16)


@dataclass(frozen=True, slots=True)
class RollupColumns:
    """Hours or days, sorted by point and start.

    `seconds`: how much of it has a value; `quality`: the worst of its intervals; `intervals`, `estimated`, `edited`:
    how many of its intervals have a value, an estimated or an edited one.
    """

    point: Points
    start: Instants
    seconds: Counts
    consumption: Values
    quality: Codes
    intervals: Codes
    expected: Counts
    received: Counts
    estimated: Codes
    edited: Codes

    def __len__(self) -> int:
        return len(self.point)


@dataclass(frozen=True, slots=True)
class Changed:
    """Starts of intervals that were stored, changed or removed, sorted."""

    point: Points
    start: Instants
    measured: NDArray[np.bool_]
    """What is there now, or was before, is measured."""
    altered: NDArray[np.bool_]
    """Something was there before."""

    def __len__(self) -> int:
        return len(self.point)

    @classmethod
    def of(cls, parts: Sequence[Changed]) -> Changed:
        """One after the other, no longer sorted."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    @classmethod
    def at(cls, starts: Sequence[tuple[int, int]]) -> Changed:
        """(point, start) of which nothing else is known."""
        table = np.array(sorted(starts), np.int64).reshape(-1, 2)
        unknown = np.zeros(len(table), np.bool_)
        return cls(table[:, 0].astype(np.int32), table[:, 1], unknown, unknown)


@dataclass(frozen=True, slots=True)
class Difference:
    """A rollup row that is not the sum of its intervals. `stored` and `proper` are JSON; None: there is no row."""

    rollup: Literal["hour", "day"]
    point: int
    start: int
    stored: str | None
    proper: str


async def replace(conn: Connection, intervals: IntervalColumns, ranges: Ranges, cause: Cause) -> Changed:
    """Make `intervals`, which must lie in `ranges`, all the intervals that overlap them.

    Only differences are written: computing the same again changes nothing. What was shown before is kept as a version
    that `cause` replaced.
    """
    if not len(ranges):
        return _changed(intervals, intervals)
    stored = await within(conn, ranges)
    gone, new = differences(stored, intervals)
    if gone.any() or new.any():
        await conn.execute(SQL["shown_now"])
    if gone.any():
        old = stored.point[gone].tolist(), stored.start[gone].tolist()
        await conn.execute(SQL["intervals_supersede"], *old, await cause.number(conn))
    if new.any():
        await make_room(conn, "metered_interval", intervals.start[new])
        await copy_in(conn, "metered_interval", _INTERVAL, *(column[new] for column in _columns(intervals)))
    return _changed(stored[np.flatnonzero(gone)], intervals[np.flatnonzero(new)])


async def within(conn: Connection, ranges: Ranges) -> IntervalColumns:
    """The intervals that overlap these ranges, of which there is at least one; in no order."""
    bounds = instant(ranges.start.min()), instant(ranges.past.max())
    return IntervalColumns(
        *await copy_out(conn, SQL["intervals_within"], _INTERVAL, ranges.point, ranges.start, ranges.past, *bounds)
    )


def _changed(gone: IntervalColumns, new: IntervalColumns) -> Changed:
    point, start = np.concatenate((gone.point, new.point)), np.concatenate((gone.start, new.start))
    order = keys.order(point, start)
    first = np.flatnonzero(keys.firsts(point[order], start[order]))
    if not len(first):
        nothing = np.empty(0, np.bool_)
        return Changed(point, start, nothing, nothing)
    measured = np.concatenate((gone.quality, new.quality))[order] == Quality.MEASURED
    altered = order < len(gone)
    return Changed(
        point[order][first], start[order][first],
        np.logical_or.reduceat(measured, first), np.logical_or.reduceat(altered, first),
    )  # fmt: skip


def differences(stored: IntervalColumns, wanted: IntervalColumns) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which stored intervals must go and which wanted ones be written; one that differs is both."""
    place, known = keys.find(wanted.point, wanted.start, stored.point, stored.start)
    same = known.copy()
    for had, wants in zip(_columns(stored), _columns(wanted), strict=True):
        old, new = had[place[known]], wants[known]
        same[known] &= (old == new) | (np.isnan(old) & np.isnan(new))
    kept = np.zeros(len(stored), np.bool_)
    kept[place[same]] = True
    return ~kept, ~same


async def roll_up(conn: Connection, changed: Changed, zone_of_point: Mapping[int, str]) -> None:
    """Make the hours and days that hold the changed intervals again; those left without interval go.

    `zone_of_point`: the IANA zone whose midnights bound the days of a point.
    """
    if not len(changed):
        return
    point, hour = _distinct(changed.point, changed.start // _HOUR * _HOUR)
    empty = await conn.fetch(SQL["roll_up_hours"], point.tolist(), hour.tolist())
    await _delete(conn, SQL["empty_hours"], empty)
    zones = np.array([zone_of_point[point] for point in changed.point.tolist()])
    for zone in np.unique(zones).tolist():
        there = zones == zone
        point, start = changed.point[there], changed.start[there]
        empty = await conn.fetch(SQL["roll_up_days"], point.tolist(), start.tolist(), zone)
        await _delete(conn, SQL["empty_days"], empty)


async def rezone(conn: Connection, usccs: Sequence[str]) -> None:
    """Make all days of these enterprises again, in the zones they have now.

    Ingest waits until the transaction ends and then finds the registry revised: what it rolled up in the meantime in
    the old zone is never committed.
    """
    if usccs:
        await conn.execute(SQL["rezone_lock"])
        await conn.execute(SQL["rezone_forget"], usccs)
        await conn.execute(SQL["rezone_days"], usccs)


async def _delete(conn: Connection, query: str, rows: list[Record]) -> None:
    if rows:
        await conn.execute(query, [row["point_id"] for row in rows], [row["start"] for row in rows])


async def series(
    conn: Connection, points: Points, interval: Literal["15m", "hour", "day"], start: int, past: int
) -> IntervalColumns | RollupColumns:
    """Rows of these points that start in [start, past)."""
    layout = _INTERVAL if interval == "15m" else _ROLLUP
    columns = await copy_out(conn, SQL[f"intervals_{interval}"], layout, points, instant(start), instant(past))
    order = keys.order(columns[0], columns[1])
    ordered = [column[order] for column in columns]
    return IntervalColumns(*ordered) if interval == "15m" else RollupColumns(*ordered)


async def series_at(
    conn: Connection, points: Points, interval: Literal["15m", "hour", "day"], start: int, past: int, at: int
) -> IntervalColumns | RollupColumns:
    """As `series`, what was shown at the instant `at`, by the calendar of today."""
    layout = _INTERVAL if interval == "15m" else _ROLLUP
    bounds = points, instant(start), instant(past), instant(at)
    columns = await copy_out(conn, SQL[f"intervals_at_{interval}"], layout, *bounds)
    order = keys.order(columns[0], columns[1])
    ordered = [column[order] for column in columns]
    return IntervalColumns(*ordered) if interval == "15m" else RollupColumns(*ordered)


async def prove(conn: Connection, points: Points, start: int, past: int) -> list[Difference]:
    """Compare the rollups that start in [start, past) with their intervals, row for row; empty when all is well."""
    found: list[Difference] = []
    for rollup in ("hour", "day"):
        rows = await conn.fetch(SQL[f"rollup_{rollup}_differences"], points.tolist(), start, past)
        found += [Difference(rollup, row["point_id"], row["start"], row["stored"], row["proper"]) for row in rows]
    return found


async def mark_dirty(conn: Connection, ranges: Ranges, change: int | None) -> None:
    """Have ingest compute the intervals of these ranges again, because of this change; None: readings came."""
    columns = (ranges.point.tolist(), ranges.start.tolist(), ranges.past.tolist())
    await conn.execute(SQL["dirty_add"], *columns, change)


async def take_dirty(conn: Connection, limit: int) -> tuple[Ranges, int | None]:
    """Take the oldest ranges of one change off the queue, and which it is; they are back on it if the transaction
    fails. They may overlap."""
    rows = await conn.fetch(SQL["dirty_take"], limit)
    ranges = Ranges(
        np.array([row["point_id"] for row in rows], np.int32),
        np.array([row["first"] for row in rows], np.int64),
        np.array([row["past"] for row in rows], np.int64),
    )
    return ranges, rows[0]["change_id"] if rows else None


def _distinct(point: Array, start: Array) -> tuple[Array, Array]:
    order = keys.order(point, start)
    point, start = point[order], start[order]
    first = keys.firsts(point, start)
    return point[first], start[first]


def _columns(intervals: IntervalColumns) -> tuple[Array, ...]:
    return (
        intervals.point, intervals.start, intervals.seconds, intervals.consumption, intervals.quality,
        intervals.method, intervals.expected, intervals.received,
    )  # fmt: skip
