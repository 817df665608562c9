"""Instants at which all that is shown is known: an answer as of one can be given again, to the last bit.

What a transaction writes is dated by its begin, but seen only when it is committed. So an instant must lie before the
begin of the transaction that is still under way. There is one writer of intervals at a time, ingest, and `shown` says
when it last wrote; what is read in the snapshot in which that is not later than the instant is what was shown then.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from config.samples import Points
from storage import intervals
from storage.columns import instant
from storage.exclusive import lock
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Database
    from storage.intervals import IntervalColumns, RollupColumns
    from storage.points import PointTable


async def present(db: Database) -> int:
    """The latest such instant, by the database's clock: now, or just before ingest began the transaction it is in."""
    async with db.connection() as conn:
        return int(await conn.fetchval(SQL["present"], *lock("ingest")))


async def series(
    db: Database, points: Points, source: Literal["15m", "hour", "day"], start: int, past: int, at: int
) -> IntervalColumns | RollupColumns:
    """Intervals or rollups that start in [start, past), as shown at the instant `at`."""
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        if await conn.fetchval(SQL["last_shown"]) <= at:
            return await intervals.series(conn, points, source, start, past)
        return await intervals.series_at(conn, points, source, start, past, at)


async def points_at(db: Database, table: PointTable, at: int) -> PointTable:
    """The point table without the points that came later, and with readings expected as they were at an instant."""
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["schedules_at"], instant(at))
        later = {row["id"] for row in await conn.fetch(SQL["points_since"], instant(at))}
    schedules: dict[int, list[tuple[int, int | None]]] = {}
    for point, valid_from, cadence_s in rows:
        schedules.setdefault(point, []).append((valid_from, cadence_s))
    changed = {
        point: replace(table.points[point], schedule=tuple(schedule))
        for point, schedule in schedules.items()
        if point in table.points
    }
    points = {id: changed.get(id, point) for id, point in table.points.items() if id not in later}
    there = {
        where: {quantity: id for quantity, id in found.items() if id in points}
        for where, found in table.by_metering_point.items()
    }
    return replace(table, points=points, by_metering_point=there)
