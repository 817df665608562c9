"""What the register engine says of readings, at rest: replaced by difference, as intervals are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.samples import Points
from storage.columns import Array, instant
from storage.gaps import Page, local
from storage.intervals import Ranges
from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Database

GAP = "gap"
"""A verdict on what flowed between two readings far apart: where its energy went, and why."""
ESTIMATE = "estimate"
"""Likewise on an edit `estimate`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """On the readings of a point in [first, last], both included; instants in microseconds.

    `base`: the last good reading before them; `told`: the reading that told.
    """

    point: int
    kind: str
    base: int
    first: int
    last: int
    told: int
    evidence: dict[str, Any]

    @property
    def key(self) -> tuple[int, int, str]:
        return self.point, self.first, self.kind


@dataclass(frozen=True, slots=True)
class Days:
    """Where measured intervals changed, one row a point: start of the first and of the last, in microseconds; local day
    (since 1970) of the first start and of the last end; whether there was something before."""

    point: Array
    first: Array
    last: Array
    day: Array
    reached: Array
    altered: Array


async def gaps_around(conn: Connection, days: Days, before: int, after: int) -> Ranges:
    """The gaps that were allocated otherwise if these days count: so many microseconds `before` and `after` a gap do,
    what follows it only once its day is over (`until` in the evidence: the first day that did not count yet)."""
    columns = (getattr(days, name).tolist() for name in Days.__slots__)
    rows = await conn.fetch(SQL["verdicts_gaps_around"], *columns, before, after)
    return Ranges(
        np.array([row["point_id"] for row in rows], np.int32),
        np.array([row["first"] for row in rows], np.int64),
        np.array([row["past"] for row in rows], np.int64),
    )


async def replace(conn: Connection, ranges: Ranges, found: Iterable[Verdict]) -> None:
    """Make `found` all the verdicts that begin in the ranges. One that stands already keeps its id and when it was
    detected, also while it grows: a `held` is detected when the doubt begins, whatever comes after its first
    reading."""
    if not len(ranges):
        return
    spans = ranges.point.tolist(), ranges.start.tolist(), ranges.past.tolist()
    rows = await conn.fetch(SQL["verdicts_within"], *spans, instant(ranges.start.min()), instant(ranges.past.max()))
    stored = {(row["point"], row["first"], row["kind"]): dict(row) for row in rows}
    wanted = {one.key: asdict(one) for one in found}
    if gone := [row["id"] for key, row in stored.items() if key not in wanted]:
        await conn.execute(SQL["verdicts_delete"], gone)
    if new := [one for key, one in wanted.items() if key not in stored or _differ(stored[key], one)]:
        await conn.execute(SQL["verdicts_put"], msgspec.json.encode(new).decode())


async def held(conn: Connection, point: Points) -> NDArray[np.bool_]:
    """Which of these points have readings of which is not yet told what to make of them."""
    rows = await conn.fetch(SQL["verdicts_held"], point.tolist())
    return np.isin(point, [row["point_id"] for row in rows])


def _differ(row: dict[str, Any], one: dict[str, Any]) -> bool:
    return {**row, "evidence": msgspec.json.decode(row["evidence"])} != {**one, "id": row["id"]}


async def page(
    db: Database,
    *,
    enterprise: str | None,
    region: str | None,
    metering_point: int | None = None,
    kind: str | None = None,
    limit: int,
    after: str | None,
) -> Page:
    """Verdicts, newest first; `metering_point`: only of this one, by its row id."""
    below = None if after is None else int(after)
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["verdict_page"], enterprise, region, metering_point, kind, below, None, limit + 1)
    return Page([_item(row) for row in rows[:limit]], str(rows[limit - 1]["id"]) if len(rows) > limit else None)


@dataclass(frozen=True, slots=True)
class About:
    """The readings that a verdict is about, and the one after them (None: there is none)."""

    point_id: int
    kind: str
    first: int
    last: int
    next: int | None


async def about(db: Database, verdict: int, *, enterprise: str | None, region: str | None) -> About | None:
    """None if there is no such verdict (or none in this enterprise or region)."""
    async with db.connection() as conn:
        if await conn.fetchrow(SQL["verdict_page"], enterprise, region, None, None, None, verdict, 1) is None:
            return None
        row = await conn.fetchrow(SQL["verdict_readings"], verdict)
    return None if row is None else About(**row)


def _item(row: Record) -> dict[str, Any]:
    zone = ZoneInfo(row["zone"])
    instants = {
        "from": "from_time",
        "to": "to_time",
        "base": "base_time",
        "told": "told_time",
        "detected_at": "detected_at",
    }
    return {
        **{name: row[name] for name in ("id", "uscc", "enterprise", "metering_point", "quantity", "kind")},
        **{name: local(row[column], zone) for name, column in instants.items()},
        "evidence": msgspec.json.decode(row["evidence"]),
    }
