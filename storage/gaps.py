"""Gaps: where readings are missing, as rows, and the look into the reading table that finds them.

Instants in arrays are int64 microseconds; FOREVER stands for "not yet". Functions that take a connection run in the
caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.addresses import masked
from config.registry_models import DRIVERS
from config.samples import Instants
from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection

FOREVER = int(np.iinfo(np.int64).max)
"""Later than any instant: an end that is not known."""
CHUNK = 5_000
"""Ranges looked at by one statement: keeps each far below the time limit."""

State = Literal["open", "estimated", "accepted", "closed"]
POLLED = frozenset(name for name, driver in DRIVERS.items() if driver.needs == "profile")
"""Drivers by which a collector asks for readings."""


@dataclass(frozen=True, slots=True)
class Holes:
    """What the reading table says about ranges: readings around each, and pairs far apart within."""

    low: Instants
    """Per range: the last reading before it; 0: none."""
    high: Instants
    """Per range: the first reading after it; FOREVER: none."""
    number: NDArray[np.int64]
    """Per pair: its range."""
    before: Instants
    after: Instants
    """FOREVER: `before` is the last reading of all."""


@dataclass(frozen=True, slots=True)
class OpenGap:
    """A row whose data are still missing. `end` FOREVER: nothing has come since."""

    id: int
    number: int
    start: int
    end: int
    missing: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A gap to be written. `end` FOREVER while it lasts; `cadence` in microseconds."""

    point: int
    start: int
    end: int
    cadence: int
    missing: int


@dataclass(frozen=True, slots=True)
class Known:
    """Gaps as columns; `lead` and `group` FOREVER: none."""

    id: NDArray[np.int64]
    point: NDArray[np.int64]
    start: Instants
    end: Instants
    lead: NDArray[np.int64]
    group: NDArray[np.int64]
    missing: NDArray[np.int64]
    """1; 0: it is closed."""
    scope: list[str]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What speaks for itself of a gap: since when the meter refuses the register (None: it does not), how many of its
    readings were rejected, and why."""

    refused: datetime | None
    readings: int
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is found of gaps: the first gap of each one's item and of its group (FOREVER: none), its cause, the scope
    that comes from and the evidence."""

    lead: list[int]
    group: list[int]
    cause: list[str]
    scope: list[str]
    evidence: list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Place:
    """A metering point as sentences name it."""

    id: int
    code: str
    name: str
    enterprise_id: int
    uscc: str
    enterprise: str
    zone: str
    site: str


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter and where it is connected, without the password. Not `enabled`: no readings are expected of it."""

    id: int
    code: str
    address: str
    enabled: bool
    polled: bool
    """A collector asks it for readings; else it sends them."""


@dataclass(frozen=True, slots=True)
class Page:
    """Items of a list, and the cursor that continues it."""

    items: list[dict[str, Any]]
    next: str | None


async def places(conn: Connection) -> dict[int, Place]:
    return {row["id"]: Place(*row) for row in await conn.fetch(SQL["gap_places"])}


async def meters(conn: Connection) -> dict[int, Meter]:
    rows = await conn.fetch(SQL["gap_meters"])
    return {
        row["id"]: Meter(row["id"], row["code"], masked(row["address"]), row["enabled"], row["driver"] in POLLED)
        for row in rows
    }


async def last_readings(conn: Connection, points: Sequence[int]) -> tuple[NDArray[np.int64], Instants, Instants]:
    """(point, time, received) of the last reading of each point that has one; received FOREVER: a late delivery."""
    rows: list[Record] = []
    for start in range(0, len(points), CHUNK):
        rows += await conn.fetch(SQL["gap_last_readings"], points[start : start + CHUNK])
    table = _table(rows, 3)
    return table[0], table[1], table[2]


async def holes(conn: Connection, points: NDArray[np.int64], start: Instants, end: Instants, least: Instants) -> Holes:
    """Look at ranges of points (both ends included) for readings more than `least` apart."""
    rows: list[Record] = []
    offsets: list[int] = []
    for chunk in _chunks(len(points)):
        found = await conn.fetch(SQL["gap_holes"], *(column[chunk].tolist() for column in (points, start, end, least)))
        rows += found
        offsets += [chunk.start] * len(found)
    table = _table(rows, 5)
    number = table[0] - 1 + np.array(offsets, np.int64)
    low, high = np.zeros(len(points), np.int64), np.full(len(points), FOREVER, np.int64)
    low[number], high[number] = table[1], table[2]
    pair = table[3] != FOREVER
    return Holes(low, high, number[pair], table[3][pair], table[4][pair])


async def open_between(conn: Connection, points: NDArray[np.int64], low: Instants, high: Instants) -> list[OpenGap]:
    """Open gaps of each point between two readings, in order."""
    found: list[OpenGap] = []
    for chunk in _chunks(len(points)):
        ends = [None if value == FOREVER else value for value in high[chunk].tolist()]
        rows = await conn.fetch(SQL["gap_open_between"], points[chunk].tolist(), low[chunk].tolist(), ends)
        found += [OpenGap(r[0], r[1] - 1 + chunk.start, r[2], FOREVER if r[3] is None else r[3], r[4]) for r in rows]
    return found


async def open_points(conn: Connection) -> tuple[NDArray[np.int64], Instants, NDArray[np.bool_]]:
    """Points with open gaps: (point, since when one lasts or FOREVER, whether there are ended ones)."""
    table = _table(await conn.fetch(SQL["gap_open_points"]), 3)
    return table[0], table[1], table[2].astype(bool)


async def filled(conn: Connection) -> tuple[NDArray[np.int64], Instants, Instants]:
    """(point, start, end) of open gaps that hold readings, which came while nobody watched."""
    table = _table(await conn.fetch(SQL["gap_filled"]), 3)
    return table[0], table[1], table[2]


async def insert(conn: Connection, stretches: Sequence[Stretch], now: int) -> list[int]:
    """The ids of the new gaps."""
    if not stretches:
        return []
    rows = await conn.fetch(SQL["gap_insert"], now, [s.point for s in stretches], *_columns(stretches))
    return [row["id"] for row in rows]


async def update(conn: Connection, changed: Sequence[tuple[int, Stretch]]) -> None:
    """Give gaps (by id) the extent of what is still missing."""
    if changed:
        await conn.execute(SQL["gap_update"], [gap for gap, _ in changed], *_columns([s for _, s in changed]))


async def close(conn: Connection, ids: Sequence[int], now: int) -> None:
    """These are filled, or nothing is expected there any more."""
    if ids:
        await conn.execute(SQL["gap_close"], ids, now)


async def unjudged(conn: Connection) -> tuple[NDArray[np.int64], Instants, Instants]:
    """(id, start, end) of gaps that are over and whose cause is to be looked for."""
    table = _table(await conn.fetch(SQL["gap_unjudged"]), 3)
    return table[0], table[1], table[2]


async def around(conn: Connection, stretches: Sequence[tuple[int, int]]) -> Known:
    """All gaps, also closed ones, with some part in one of these stretches, ends included."""
    rows = await conn.fetch(SQL["gap_around"], [since for since, _ in stretches], [until for _, until in stretches])
    number, point, start, end, lead, group, missing = _table(rows, 7)
    return Known(number, point, start, end, lead, group, missing, [row["scope"] for row in rows])


async def grounds(conn: Connection, ids: Sequence[int], at: Instants, now: int) -> list[Grounds | None]:
    """By gap, at an instant of it."""
    rows = await conn.fetch(SQL["gap_grounds"], ids, at.tolist(), now)
    known = {row["id"]: Grounds(row["refused"], row["readings"], row["reasons"]) for row in rows}
    return [known.get(number) for number in ids]


async def judged(conn: Connection, ids: Sequence[int], verdicts: Verdicts) -> None:
    """Write why readings are missing, and which gaps belong together."""
    evidence = [msgspec.json.encode(one).decode() for one in verdicts.evidence]
    groups = [None if group == FOREVER else group for group in verdicts.group]
    await conn.execute(SQL["gap_judged"], ids, verdicts.lead, groups, verdicts.cause, verdicts.scope, evidence)


async def allocated(conn: Connection, *states: State) -> None:
    """Say of gaps in these states that are over whether their energy is known: `estimated`, else `open`."""
    await conn.execute(SQL["gap_allocated"], states)


async def watched_until(conn: Connection) -> int | None:
    """Up to when readings were received that have been looked at; None before the first watch."""
    until: int | None = await conn.fetchval(SQL["watched_until"])
    return until


async def set_watched(conn: Connection, until: int) -> None:
    await conn.execute(SQL["watched_set"], until)


def local(instant: datetime | None, zone: ZoneInfo) -> str | None:
    """ISO 8601 with the zone's offset."""
    return None if instant is None else instant.astimezone(zone).isoformat()


def _columns(stretches: Iterable[Stretch]) -> tuple[list[Any], ...]:
    rows = [(s.start, None if s.end == FOREVER else s.end, s.cadence // 1_000_000, s.missing) for s in stretches]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))


def _table(rows: Sequence[Record], width: int) -> NDArray[np.int64]:
    """The first columns, which are integers; null becomes FOREVER."""
    values = [[FOREVER if value is None else value for value in tuple(row)[:width]] for row in rows]
    return np.array(values, np.int64).reshape(-1, width).T
