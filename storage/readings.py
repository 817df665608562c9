"""Readings at rest: stored once, never overwritten, read back as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import numpy as np
from numpy.typing import NDArray

from config.samples import MICROSECOND, Flags, Instants, Points, SampleBatch, Values
from storage import keys
from storage.columns import Array, Layout, copy_in, copy_out, instant
from storage.errors import RowsRefused
from storage.partitions import make_room
from storage.quality import PROMPT_S
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection

_STORED = Layout(point_id="int4", flags="int2", time="timestamptz", value="float8", received="timestamptz")
_READ = Layout(point_id="int4", time="timestamptz", value="float8", flags="int2")
_FOUND = Layout(point_id="int4", time="timestamptz", value="float8")


@dataclass(frozen=True, slots=True)
class ReadingColumns:
    """Stored readings, sorted by point and time."""

    point: Points
    time: Instants
    value: Values
    flags: Flags

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, which: slice | NDArray[np.bool_]) -> ReadingColumns:
        return ReadingColumns(self.point[which], self.time[which], self.value[which], self.flags[which])


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: `new` rows are stored now (sorted by point and time), of which some came `late`; repeats
    were there with the same value, conflicts with another one: the first stays, the other is kept in reading_conflict.
    `conflicting`: the point of each conflict."""

    new: SampleBatch
    late: NDArray[np.bool_]
    repeats: int
    conflicting: Points

    @property
    def conflicts(self) -> int:
        return len(self.conflicting)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Readings to store, sorted by point, time and arrival."""

    point: Points
    flags: Flags
    time: Instants
    value: Values
    received: Instants

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, which: NDArray[np.bool_]) -> _Rows:
        if which.all():
            return self
        return _Rows(self.point[which], self.flags[which], self.time[which], self.value[which], self.received[which])

    @property
    def arrays(self) -> tuple[Points, Flags, Instants, Values, Instants]:
        return self.point, self.flags, self.time, self.value, self.received


async def store(conn: Connection, batch: SampleBatch, received: Instants | None = None) -> Stored:
    """Store what is not stored yet, in the transaction of the caller, who is the only writer of readings.

    `received`: when each row was received, where that differs within the batch. Raises RowsRefused for NaN or infinity.
    """
    if not np.isfinite(batch.value).all():
        raise RowsRefused("a reading's value is not a finite number")
    rows = _sorted(batch, np.full(len(batch), batch.received) if received is None else received)
    first = keys.firsts(rows.point, rows.time)
    distinct, doubled = rows[first], rows[~first]
    firsts = rows.value[np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))][~first]
    differs = doubled.value != firsts
    new, repeats, clashing = await _store_distinct(conn, distinct)
    conflicts = [part for part in (doubled[differs], clashing) if len(part)]
    for part in conflicts:
        await conn.execute(SQL["reading_conflicts"], *(array.tolist() for array in part.arrays))
    return Stored(
        SampleBatch(new.point, new.time, new.value, new.flags, batch.received),
        new.received - new.time > PROMPT_S * MICROSECOND,
        repeats + int((~differs).sum()),
        np.concatenate([doubled.point[differs], clashing.point]),
    )


async def _store_distinct(conn: Connection, rows: _Rows) -> tuple[_Rows, int, _Rows]:
    """Store rows of distinct keys; returns what was new, the number of repeats, and the rows in conflict.

    Rows are nearly always new, so they are copied at once; only when that fails is it looked up which are.
    """
    nothing = np.zeros(len(rows), np.bool_)
    if not len(rows):
        return rows, 0, rows
    await make_room(conn, "reading", rows.time)
    try:
        async with conn.transaction():
            await copy_in(conn, "reading", _STORED, *rows.arrays)
        return rows, 0, rows[nothing]
    except asyncpg.UniqueViolationError:
        point, time, value = await _stored_among(conn, rows)
    place, known = keys.find(rows.point, rows.time, point, time)
    differs = known & (value[place] != rows.value)
    new = rows[~known]
    if len(new):
        await copy_in(conn, "reading", _STORED, *new.arrays)
    return new, int((known & ~differs).sum()), rows[differs]


async def _stored_among(conn: Connection, rows: _Rows) -> tuple[Points, Instants, Values]:
    """Stored readings, all with the key of one of `rows` among them.

    Scanning the stretch of each point is eight times as fast as looking up every key, unless much more is stored there
    than is asked for.
    """
    starts = np.flatnonzero(np.diff(rows.point, prepend=rows.point[0] - 1))
    ends = np.append(starts[1:], len(rows)) - 1
    most = 2 * len(rows) + 1000
    stretches = rows.point[starts], rows.time[starts], rows.time[ends]
    bounds = instant(rows.time.min()), instant(rows.time.max())
    point, time, value = await copy_out(conn, SQL["readings_near"], _FOUND, *stretches, most, *bounds)
    if len(point) == most:
        point, time, value = await copy_out(conn, SQL["readings_at"], _FOUND, rows.point, rows.time)
    return point, time, value


async def around(
    conn: Connection, points: Points, first: Instants, last: Instants, before: int, after: int
) -> ReadingColumns:
    """For each point its readings in [first, last], the `before` ones before that and the `after` ones after it."""
    if not len(points):
        return ReadingColumns(points, first, np.empty(0), np.empty(0, np.int16))
    least, most = instant(first.min()), instant(last.max())
    columns = await copy_out(conn, SQL["readings_around"], _READ, points, first, last, before, after, least, most)
    return _by_point_and_time(columns)


async def series(conn: Connection, point: int, start: int, end: int) -> ReadingColumns:
    """Readings of one point in [start, end)."""
    return ReadingColumns(*await copy_out(conn, SQL["readings_series"], _READ, point, instant(start), instant(end)))


async def extent(conn: Connection, point: int, start: int, end: int, most: int) -> tuple[int, int, int]:
    """(how many readings a point has in [start, end), counted up to `most`; the first; the last of them)."""
    row = await conn.fetchrow(SQL["readings_extent"], point, instant(start), instant(end), most)
    assert row
    return row["count"], row["first"] or start, row["last"] or start


async def latest(conn: Connection, points: Points | None = None) -> ReadingColumns:
    """The last reading of each of these points, or of all, where there is one."""
    return _by_point_and_time(await copy_out(conn, SQL["readings_latest"], _READ, points))


def _by_point_and_time(columns: list[Array]) -> ReadingColumns:
    point, time, value, flags = columns
    order = keys.order(point, time)
    return ReadingColumns(point[order], time[order], value[order], flags[order])


def _sorted(batch: SampleBatch, received: Instants) -> _Rows:
    order = keys.order(batch.point, batch.time)
    return _Rows(batch.point[order], batch.flags[order], batch.time[order], batch.value[order], received[order])
