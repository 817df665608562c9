"""What people may see: every question of the API goes through here with the one who asks, and is bounded by it.

Admin and operator see all, an enterprise its own, a regulator the enterprises of its region (a GB/T 2260 prefix).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
import numpy as np

from config.calorific import CalorificValue
from config.samples import Points
from storage import alerts as alert_rows
from storage import edits as edit_rows
from storage import gaps as gap_rows
from storage import history, intervals, moments, quality, readings
from storage import ledger as gap_ledger
from storage import lineage as lineage_rows
from storage import proofs as proof_rows
from storage import suppressions as suppression_rows
from storage import verdicts as verdict_rows
from storage.access import Principal
from storage.alerts import Chosen, Cursor, Listed, Sort
from storage.columns import instant
from storage.gaps import Page
from storage.queries import SQL

if TYPE_CHECKING:
    from config.workdays import RepairClock
    from storage.database import Database
    from storage.edits import State as EditState
    from storage.edits import Touched
    from storage.history import ReadingHours
    from storage.intervals import IntervalColumns, RollupColumns
    from storage.ledger import Asked as AskedGaps
    from storage.lineage import Ground, Lineage
    from storage.points import PointTable
    from storage.quality import Counted, Daily
    from storage.readings import ReadingColumns
    from storage.suppressions import Kind
    from storage.verdicts import About

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sight:
    """The bounds of what somebody sees; None: no bound."""

    uscc: str | None = None
    region: str | None = None

    @classmethod
    def of(cls, who: Principal) -> Sight:
        if who.role == "enterprise":
            return cls(uscc=who.scope)
        return cls(region=who.scope) if who.role == "regulator" else cls()

    def sees(self, uscc: str, region: str) -> bool:
        """Whether an enterprise of this region lies within."""
        return self.uscc in (None, uscc) and region.startswith(self.region or "")


async def enterprises(
    db: Database, sight: Sight, *, uscc: str | None = None, above: str | None = None, limit: int | None = None
) -> list[Row]:
    """Enterprises by code; `uscc`: only this one. One enterprise's own key with another's code sees nothing."""
    return await _rows(db, "view_enterprises", sight, uscc, above, limit)


async def metering_points(
    db: Database,
    sight: Sight,
    *,
    enterprise: str | None = None,
    carrier: str | None = None,
    text: str | None = None,
    code: str | None = None,
    boundary: bool | None = None,
    above: tuple[str, str] | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Metering points by (enterprise, code); `text`: part of code or name."""
    bounds = above or (None, None)
    bounded = (enterprise, carrier, text, code, boundary, *bounds, limit)
    rows = await _rows(db, "view_metering_points", sight, *bounded)
    return [{**row, "formula": row["formula"] and msgspec.json.decode(row["formula"])} for row in rows]


async def installations(db: Database, sight: Sight, metering_point: int) -> list[Row]:
    """Meters of a metering point over time, with their ratios."""
    return await _rows(db, "view_installations", sight, metering_point)


async def meters(
    db: Database,
    sight: Sight,
    *,
    enterprise: str | None = None,
    above: tuple[str, str] | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Meters by (enterprise, code)."""
    return await _rows(db, "view_meters", sight, enterprise, *(above or (None, None)), limit)


async def instruments(
    db: Database,
    sight: Sight,
    at: datetime,
    *,
    enterprise: str | None = None,
    carrier: str | None = None,
    level: int | None = None,
    state: str | None = None,
    due_within: int | None = None,
    above: tuple[str, str] | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Meters as instruments by (enterprise, code), where they stood at an instant; `due_within`: those whose
    verification ends so many days from then, or has ended."""
    bounds = above or (None, None)
    asked = (at, enterprise, carrier, level, state, due_within, *bounds, limit)
    return await _rows(db, "view_instruments", sight, *asked)


async def to_be_measured(db: Database, sight: Sight, enterprise: str) -> list[Row]:
    """Metering points where a meter is demanded, by level and code."""
    return await _rows(db, "view_to_be_measured", sight, enterprise)


async def gaps(
    db: Database,
    sight: Sight,
    asked: AskedGaps,
    clock: RepairClock,
    now: datetime,
    *,
    coming: Sequence[str],
    limit: int,
    after: str | None,
) -> Page:
    """Gaps, newest first. `coming`: enterprises whose history is coming in. Raises ValueError for a bad cursor."""
    return await gap_ledger.page(db, sight, asked, clock, now, coming=coming, limit=limit, after=after)


async def alerts(db: Database, sight: Sight, chosen: Chosen, *, sort: Sort, limit: int, after: Cursor | None) -> Listed:
    """Alerts, newest first or those with most at stake."""
    if not _within(sight, chosen.enterprise):
        return Listed([], None)
    seen = replace(chosen, enterprise=sight.uscc or chosen.enterprise, region=sight.region)
    return await alert_rows.page(db, seen, sort=sort, limit=limit, after=after)


async def alert(db: Database, sight: Sight, number: int) -> Row | None:
    """One alert with its trail."""
    return await alert_rows.get(db, number, enterprise=sight.uscc, region=sight.region)


async def alerts_now(db: Database, ids: Sequence[int]) -> list[Row]:
    """These alerts as lists and events show them."""
    async with db.connection() as conn:
        return await alert_rows.items(conn, ids)


async def suppressions(
    db: Database,
    sight: Sight,
    *,
    enterprise: str | None,
    kind: Kind | None,
    current: bool,
    limit: int,
    after: str | None,
) -> Page:
    """Maintenance windows and exceptions, newest first. Raises ValueError for a bad cursor."""
    if not _within(sight, enterprise):
        return Page([], None)
    return await suppression_rows.page(
        db,
        enterprise=sight.uscc or enterprise,
        region=sight.region,
        kind=kind,
        current=current,
        limit=limit,
        after=after,
    )


async def edits(
    db: Database,
    sight: Sight,
    *,
    enterprise: str | None = None,
    metering_point: int | None = None,
    state: EditState | None = None,
    limit: int,
    after: str | None,
) -> Page:
    """Edits, newest first."""
    if not _within(sight, enterprise):
        return Page([], None)
    return await edit_rows.page(
        db, enterprise=sight.uscc or enterprise, region=sight.region, metering_point=metering_point, state=state,
        limit=limit, after=after,
    )  # fmt: skip


async def edit(db: Database, sight: Sight, number: int) -> tuple[Row, Touched] | None:
    """One edit and what it touches."""
    return await edit_rows.get(db, number, enterprise=sight.uscc, region=sight.region)


async def verdicts(
    db: Database,
    sight: Sight,
    *,
    enterprise: str | None = None,
    metering_point: int | None = None,
    kind: str | None = None,
    limit: int,
    after: str | None,
) -> Page:
    """Verdicts, newest first."""
    if not _within(sight, enterprise):
        return Page([], None)
    return await verdict_rows.page(
        db, enterprise=sight.uscc or enterprise, region=sight.region, metering_point=metering_point, kind=kind,
        limit=limit, after=after,
    )  # fmt: skip


async def verdict(db: Database, sight: Sight, number: int) -> About | None:
    """What a verdict is about."""
    return await verdict_rows.about(db, number, enterprise=sight.uscc, region=sight.region)


async def profiles(db: Database) -> list[Row]:
    """The profiles in use, as they were when applied."""
    async with db.connection() as conn:
        rows = await conn.fetch(db.sql["view_profiles"])
    return [{"name": row["name"], "body": msgspec.json.decode(row["body"])} for row in rows]


async def regions(db: Database) -> dict[str, str]:
    """The region of every enterprise, for those who decide by `Sight.sees`."""
    async with db.connection() as conn:
        return {row["uscc"]: row["region"] for row in await conn.fetch(db.sql["view_regions"])}


async def calorific_values(db: Database) -> dict[str, tuple[CalorificValue, ...]]:
    """The measured values of every enterprise that has some."""
    async with db.connection() as conn:
        rows = await conn.fetch(db.sql["view_calorific_values"])
    return {row["uscc"]: tuple(map(CalorificValue.model_validate, msgspec.json.decode(row[1]))) for row in rows}


async def watched_until(db: Database) -> datetime | None:
    """Up to when readings were received that the watch has looked at."""
    async with db.connection() as conn:
        until = await gap_rows.watched_until(conn)
    return None if until is None else instant(until)


async def open_alerts(db: Database) -> int:
    """How many alerts are open or acknowledged, for the service's own metrics."""
    async with db.connection() as conn:
        return int(await conn.fetchval(db.sql["view_open_alerts"]))


async def proofs(db: Database, point: int, first: date, last: date) -> list[Row]:
    """Of a point, both days included; see storage.proofs.Proof."""
    async with db.connection() as conn:
        return await proof_rows.days(conn, [point], first, last)


async def lineage(db: Database, point: int, start: int, past: int, at: int) -> Lineage:
    """What a point's consumption in [start, past) rests on, as shown at an instant. Raises lineage.TooMany."""
    return await lineage_rows.lineage(db, point, start, past, at)


async def ground(db: Database, point: int, start: int, past: int, at: int) -> Ground:
    """What a point's consumption in [start, past) rests on beside its intervals, as known at an instant."""
    return await lineage_rows.ground(db, point, start, past, at)


async def gaps_within(
    db: Database, uscc: str, metering_point: str | None, meters: Sequence[str], start: int, past: int
) -> list[Row]:
    """Gaps of a metering point, or (None) of where these meters stand, that reach into [start, past)."""
    return await lineage_rows.gaps(db, uscc, metering_point, meters, (instant(start), instant(past)))


async def unproven_days(db: Database) -> int:
    return await proof_rows.unsound_count(db)


async def conflict_count(db: Database, most: int) -> int:
    """How many readings were set aside because they differ from a stored one, counted up to `most`."""
    async with db.connection() as conn:
        return int(await conn.fetchval(db.sql["view_conflict_count"], most))


# Columns. Their points were found through the functions above.


async def consumption(
    db: Database, points: Points, source: Literal["15m", "hour", "day"], start: int, past: int, at: int | None = None
) -> IntervalColumns | RollupColumns:
    """Intervals or rollups that start in [start, past), as shown at the instant `at`; None: as they are now."""
    if at is not None:
        return await moments.series(db, points, source, start, past, at)
    async with db.connection() as conn:
        return await intervals.series(conn, points, source, start, past)


async def present(db: Database) -> int:
    """The latest instant as of which can be answered."""
    return await moments.present(db)


async def revision(db: Database) -> int:
    """Of the registry, as it is now."""
    async with db.connection() as conn:
        return int(await conn.fetchval(SQL["registry_revision"]))


async def points_at(db: Database, table: PointTable, at: int) -> PointTable:
    """The points there were at an instant, with readings expected as they were then."""
    return await moments.points_at(db, table, at)


async def shown(db: Database, touched: Touched, at: int | None) -> IntervalColumns:
    """The intervals that an edit touches, as they were shown at an instant; None: now."""
    points, span = np.array([touched.point], np.int32), (touched.start, touched.past)
    async with db.connection() as conn:
        if at is None:
            found = await intervals.series(conn, points, "15m", *span)
        else:
            found = await intervals.series_at(conn, points, "15m", *span, at)
    assert isinstance(found, intervals.IntervalColumns)
    return found


async def reading_series(db: Database, point: int, start: int, past: int) -> ReadingColumns:
    """Readings of a point in [start, past)."""
    async with db.connection() as conn:
        return await readings.series(conn, point, start, past)


async def reading_hours(db: Database, point: int, start: int, past: int) -> ReadingHours:
    """Readings of a point in [start, past) by the hour."""
    async with db.connection() as conn:
        return await history.reading_hours(conn, np.array([point], np.int32), start, past)


async def latest(db: Database) -> ReadingColumns:
    """The last reading of every point."""
    async with db.connection() as conn:
        return await readings.latest(conn)


async def daily(db: Database, what: Counted, points: Points, start: int, past: int, zone: str) -> Daily:
    """Readings by point and day of [start, past), midnights of the zone: the late, conflicting or doubtful ones."""
    async with db.connection() as conn:
        return await quality.daily(conn, what, points, start, past, zone)


async def measured_hours(db: Database, points: Points, start: int, past: int, zone: str) -> dict[int, int]:
    """Hours in [start, past), midnights of the zone, that were measured from end to end, by point."""
    async with db.connection() as conn:
        return await quality.measured_hours(conn, points, start, past, zone)


async def proved(db: Database, points: Points, first: date, last: date) -> dict[int, tuple[int, float, float]]:
    """(days proved, what registers counted, what intervals add up to) of these days, both included, by point."""
    async with db.connection() as conn:
        return await quality.proved(conn, points, first, last)


async def _rows(db: Database, query: str, sight: Sight, *arguments: object) -> list[Row]:
    async with db.connection() as conn:
        return [dict(row) for row in await conn.fetch(db.sql[query], sight.uscc, sight.region, *arguments)]


def _within(sight: Sight, enterprise: str | None) -> bool:
    return sight.uscc is None or enterprise in (None, sight.uscc)
