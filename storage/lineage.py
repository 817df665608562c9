"""What one number rests on: intervals with their versions, readings, meters, verdicts and edits of a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from config.profile import Profile
from storage.columns import instant
from storage.queries import SQL
from storage.registry_state import read_profiles

if TYPE_CHECKING:
    from storage.database import Connection, Database

Row = dict[str, Any]
Span: TypeAlias = tuple[datetime, datetime]
MOST = 400
"""Intervals of one answer."""
MOST_VERSIONS = 20
"""Rows of an interval, on average, that are looked at."""
BRACKET = 3
"""Readings on either side of a boundary."""


class TooMany(Exception):
    """More than MOST intervals, or a great many versions of them."""


@dataclass(frozen=True, slots=True)
class Interval:
    """As shown, and what was shown before, the newest first: each with since when, until when, and what changed it."""

    start: datetime
    shown: Row | None
    earlier: list[Row]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a stretch of a point's consumption rests on, beside its intervals."""

    readings: list[Row]
    """Around both boundaries, in order of time."""
    segments: list[Row]
    verdicts: list[Row]
    edits: list[Row]
    profiles: dict[str, Profile]
    """Those of the meters, by name."""


@dataclass(frozen=True, slots=True)
class Lineage:
    intervals: list[Interval]
    ground: Ground


async def lineage(db: Database, point: int, start: int, past: int, at: int) -> Lineage:
    """Of what was shown at the instant `at` of [start, past); microseconds. Raises TooMany."""
    span, moment = (instant(start), instant(past)), instant(at)
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        rows = await conn.fetch(SQL["lineage_intervals"], point, *span, moment, MOST * MOST_VERSIONS + 1)
        found = _intervals([dict(row) for row in rows], moment)
        if len(found) > MOST or len(rows) > MOST * MOST_VERSIONS:
            raise TooMany
        return Lineage(found, await _ground(conn, point, span, moment))


async def ground(db: Database, point: int, start: int, past: int, at: int) -> Ground:
    """The same without intervals, of a stretch of any length."""
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        return await _ground(conn, point, (instant(start), instant(past)), instant(at))


async def gaps(db: Database, uscc: str, metering_point: str | None, meters: Sequence[str], span: Span) -> list[Row]:
    """Gaps of an enterprise that reach into a stretch: of a metering point or, where that is None, of where these
    meters stand; those of one metering point with the same range together, at most MOST of them."""
    async with db.connection() as conn:
        return [dict(row) for row in await conn.fetch(SQL["lineage_gaps"], uscc, metering_point, meters, *span, MOST)]


async def _ground(conn: Connection, point: int, span: Span, at: datetime) -> Ground:
    readings = await conn.fetch(SQL["lineage_readings"], point, list(span), BRACKET, at)
    segments = [dict(row) for row in await conn.fetch(SQL["lineage_segments"], point, *span)]
    verdicts = [dict(row) for row in await conn.fetch(SQL["lineage_verdicts"], point, *span)]
    edits = await conn.fetch(SQL["lineage_edits"], point, *span, at)
    bodies = await read_profiles(conn)
    used = {row["profile"] for row in segments} & set(bodies)
    return Ground(
        [dict(row) for row in readings], segments,
        [{**row, "evidence": msgspec.json.decode(row["evidence"])} for row in verdicts],
        [dict(row) for row in edits], {name: Profile.model_validate(bodies[name]) for name in used},
    )  # fmt: skip


def _intervals(rows: list[Row], at: datetime) -> list[Interval]:
    """Rows come by start, the newest first."""
    found: dict[datetime, Interval] = {}
    for row in rows:
        start, until = row.pop("start"), row["until"]
        one = found.setdefault(start, Interval(start, None, []))
        if until is None or until > at:
            found[start] = Interval(start, row, one.earlier)
        else:
            one.earlier.append(row)
    return list(found.values())
