"""What inspections of the watch look at, as columns: hours of readings, conflicts, delays; and which history they have
not looked at yet.

Instants are int64 microseconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from config.addresses import masked
from config.samples import Instants, Points, Values
from storage.columns import Layout, copy_out, instant
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection

Counts = NDArray[np.int32]

_HOURS = Layout(point_id="int4", hour="timestamptz", count="int4", mean="float8", low="float8", high="float8")
_PROMPTEST = Layout(point_id="int4", hour="timestamptz", delay="float8")
_COUNTED = Layout(point_id="int4", day="timestamptz", whole="int4", part="int4")


@dataclass(frozen=True, slots=True)
class Site:
    """A metering point with the meter that stands there now."""

    id: int
    code: str
    name: str
    carrier: str
    direction: str
    parent: str
    enterprise_id: int
    uscc: str
    enterprise: str
    zone: str
    meter_id: int | None
    meter: str
    address: str
    verified_until: date | None


@dataclass(frozen=True, slots=True)
class ReadingHours:
    """Readings by hour (UTC) in which there are any."""

    point: Points
    hour: Instants
    count: Counts
    mean: Values
    low: Values
    high: Values


@dataclass(frozen=True, slots=True)
class Promptest:
    """Per point and hour (UTC): the least time from a reading's own time to its receipt, in seconds."""

    point: Points
    hour: Instants
    delay: Values


@dataclass(frozen=True, slots=True)
class DayCounts:
    """Per point and day: how many there are, and how many of them are of the kind asked for."""

    point: Points
    day: Instants
    whole: Counts
    part: Counts


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on readings `first` to `last`; registers `before` them, at `base`, and `after`: the last one kept."""

    point: int
    first: int
    last: int
    base: int
    before: float
    after: float


async def sites(conn: Connection) -> list[Site]:
    rows = [dict(row) for row in await conn.fetch(SQL["history_sites"])]
    return [Site(**{**row, "address": masked(row["address"])}) for row in rows]


async def reading_hours(conn: Connection, points: Points, start: int, past: int) -> ReadingHours:
    """Readings in [start, past)."""
    columns = await copy_out(conn, SQL["history_hours"], _HOURS, points, instant(start), instant(past))
    return ReadingHours(*columns)


async def conflicts(conn: Connection, points: Points, start: int, past: int, zone: str) -> DayCounts:
    """Readings in [start, past) that differ from the stored one of the same time; `whole` equals `part`."""
    columns = await copy_out(conn, SQL["history_conflicts"], _COUNTED, points, instant(start), instant(past), zone)
    return DayCounts(*columns)


async def delays(conn: Connection, points: Points, seconds: Values, start: int, past: int, zone: str) -> DayCounts:
    """Readings in [start, past), but for back-filled ones, and those received later than so many seconds after their
    time."""
    bounds = instant(start), instant(past)
    return DayCounts(*await copy_out(conn, SQL["history_delays"], _COUNTED, points, seconds, *bounds, zone))


async def promptest(conn: Connection, points: Points, start: int, past: int) -> Promptest:
    """Readings in [start, past) whose time the sender set, but for back-filled ones."""
    columns = await copy_out(conn, SQL["history_promptest"], _PROMPTEST, points, instant(start), instant(past))
    return Promptest(*columns)


async def verdicts(conn: Connection, points: Points, kind: str, start: int, past: int) -> list[Judged]:
    """Verdicts of a kind on readings in [start, past), in order of point and time."""
    rows = await conn.fetch(SQL["history_verdicts"], points.tolist(), kind, instant(start), instant(past))
    return [
        Judged(point, first, last, base, evidence["before"], evidence["values"][-1])
        for point, first, last, base, text in rows
        for evidence in [json.loads(text)]
    ]


async def uninspected(conn: Connection) -> int | None:
    """From when on back-filled readings have not been looked at yet; None: all have."""
    since: int | None = await conn.fetchval(SQL["history_uninspected"])
    return since


async def set_uninspected(conn: Connection, since: int | None) -> None:
    """None: all have been looked at; else also those from `since` on have not. Ingest says so as it stores them, and a
    watch that hears of them, as another may just have looked."""
    if since is None:
        await conn.execute(SQL["history_uninspected_drop"])
    else:
        await conn.execute(SQL["history_uninspected_set"], since)
