"""What one number rests on: intervals with their versions, readings, meters, verdicts and edits of a point."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from config.profile import Profile
from storage.columns import instant
from storage.queries import SQL
from storage.registry_state import read_profiles

if TYPE_CHECKING:
    from storage.database import Database

Row = dict[str, Any]
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
class Lineage:
    intervals: list[Interval]
    readings: list[Row]
    """Around both boundaries, in order of time."""
    segments: list[Row]
    verdicts: list[Row]
    edits: list[Row]
    profiles: dict[str, Profile]
    """Those of the meters, by name."""


async def lineage(db: Database, point: int, start: int, past: int, at: int) -> Lineage:
    """Of what was shown at the instant `at` of [start, past); microseconds. Raises TooMany."""
    span, moment = (instant(start), instant(past)), instant(at)
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        rows = await conn.fetch(SQL["lineage_intervals"], point, *span, moment, MOST * MOST_VERSIONS + 1)
        found = _intervals([dict(row) for row in rows], moment)
        if len(found) > MOST or len(rows) > MOST * MOST_VERSIONS:
            raise TooMany
        readings = await conn.fetch(SQL["lineage_readings"], point, list(span), BRACKET, moment)
        segments = [dict(row) for row in await conn.fetch(SQL["lineage_segments"], point, *span)]
        verdicts = [dict(row) for row in await conn.fetch(SQL["lineage_verdicts"], point, *span)]
        edits = await conn.fetch(SQL["lineage_edits"], point, *span, moment)
        bodies = await read_profiles(conn)
    used = {row["profile"] for row in segments} & set(bodies)
    return Lineage(
        found, [dict(row) for row in readings], segments,
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
