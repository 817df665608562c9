"""Counts per point and day that quality figures need beside the rollups."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from config.clocks import local
from config.samples import MICROSECOND, Instants, Points
from storage.columns import Array, Layout, copy_out, instant
from storage.queries import SQL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection

PROMPT_S = 900
"""A reading is in time when it is received so many seconds after its own time."""
_DAY = 86_400 * MICROSECOND
_DAYS = 2**20
"""More than there are days since 1970."""
_COUNTED = Layout(point_id="int4", day="int4", count="int4")
_OF_POINT = Layout(point_id="int4", count="int4")

Counted = Literal["late", "conflicts", "doubtful"]


class Daily(NamedTuple):
    """Counts by point and day (since 1970, of the zone asked for); what is not there is 0."""

    point: Array
    day: Array
    many: Array


async def count_late(conn: Connection, point: Points, time: Instants, zone_of_point: Mapping[int, str]) -> None:
    """Add readings that came late to those of their days. Points without zone are none that count."""
    known, place = np.unique(point, return_inverse=True)
    zones = np.array([zone_of_point.get(one, "") for one in known.tolist()], np.str_)
    for zone in np.unique(zones[zones != ""]).tolist():
        mine = (zones == zone)[place]
        days, many = np.unique(place[mine] * _DAYS + local(time[mine], zone) // _DAY, return_counts=True)
        columns = known[days // _DAYS], days % _DAYS, many
        await conn.execute(SQL["late_add"], *(column.tolist() for column in columns))


async def rezone_late(conn: Connection, usccs: Sequence[str]) -> None:
    """Count anew by the days of the zones these enterprises have now."""
    if usccs:
        await conn.execute(SQL["late_forget"], usccs)
        await conn.execute(SQL["late_again"], usccs, PROMPT_S)


async def daily(conn: Connection, what: Counted, points: Points, start: int, past: int, zone: str) -> Daily:
    """Readings of [start, past), midnights of the zone, that came late, are in conflict, or in doubt."""
    bounds = points, instant(start), instant(past), zone
    return Daily(*await copy_out(conn, SQL[f"daily_{what}"], _COUNTED, *bounds))


async def measured_hours(conn: Connection, points: Points, start: int, past: int, zone: str) -> dict[int, int]:
    """Hours in [start, past), midnights of the zone, that were measured from end to end, by point."""
    found = await copy_out(conn, SQL["measured_hours"], _OF_POINT, points, instant(start), instant(past), zone)
    return dict(zip(*(column.tolist() for column in found), strict=True))


async def proved(conn: Connection, points: Points, first: date, last: date) -> dict[int, tuple[int, float, float]]:
    """(days proved, what registers counted, what intervals add up to) of these days, both included, by point."""
    rows = await conn.fetch(SQL["proved_sums"], points.tolist(), first, last)
    return {row["point_id"]: (row["days"], row["register"], row["intervals"]) for row in rows}
