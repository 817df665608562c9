"""Maintenance windows and exceptions: what happens within is recorded, but neither told nor counted as open.

A maintenance window holds for an enterprise, a gateway address or a metering point; an exception, made when an alert is
dismissed, for one rule and subject. Both have an end, can be revoked, and are audited.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from config.errors import ConfigError, Fault
from storage.gaps import Page, local
from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Database

Kind = Literal["maintenance", "exception"]
LONGEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Window:
    """Planned work: of the whole enterprise, of what is connected at `address`, or of a metering point (its code)."""

    uscc: str
    start: datetime
    past: datetime
    reason: str
    address: str = ""
    metering_point: str | None = None


async def plan(db: Database, window: Window, actor: str) -> int:
    """Announce a maintenance window, also one that has begun; its id. Raises ConfigError naming what is wrong."""
    faults = []
    if not window.start < window.past <= window.start + LONGEST:
        what = f"{window.past.isoformat()} is not within {LONGEST.days} days after from"
        faults.append(Fault("to", what, "give the end of the window"))
    async with db.transaction() as conn:
        place = await conn.fetchrow(SQL["suppression_place"], window.uscc, window.metering_point, window.address)
        if place is None:
            faults.append(Fault("enterprise", f"there is no {window.uscc}", "see GET /v1/enterprises"))
        elif window.metering_point is not None and place["metering_point_id"] is None:
            what = f"{window.uscc} has no {window.metering_point}"
            faults.append(Fault("metering_point", what, "see GET /v1/metering-points"))
        elif window.address and not place["connected"]:
            what = f"nothing of {window.uscc} is connected at {window.address}"
            faults.append(Fault("address", what, "give it as alerts show it"))
        if faults or place is None:
            raise ConfigError(faults)
        number: int = await conn.fetchval(
            SQL["suppression_add"], "maintenance", place["enterprise_id"], window.address, place["metering_point_id"],
            "", window.start, window.past, window.reason, actor,
        )  # fmt: skip
        await conn.execute(SQL["suppression_audit"], number, actor, "create", "")
        await conn.execute(SQL["suppression_gaps"], place["enterprise_id"])
    return number


async def revoke(db: Database, number: int, actor: str, reason: str) -> bool:
    """End a suppression now; what still stands of what it held back will be told. False if none was in force."""
    async with db.transaction() as conn:
        if await conn.fetchval(SQL["suppression_revoke"], number, actor) is None:
            return False
        await conn.execute(SQL["suppression_audit"], number, actor, "revoke", reason)
        enterprise = await conn.fetchval(SQL["suppression_owner"], number)
        await conn.execute(SQL["suppression_gaps"], enterprise)
    return True


async def page(
    db: Database,
    *,
    enterprise: str | None,
    region: str | None,
    kind: Kind | None,
    current: bool,
    limit: int,
    after: str | None,
) -> Page:
    """Suppressions, newest first. `current`: only those in force or to come."""
    below = None if after is None else int(after)
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["suppression_page"], enterprise, region, kind, current, below, limit + 1)
    return Page([_item(row) for row in rows[:limit]], str(rows[limit - 1]["id"]) if len(rows) > limit else None)


def _item(row: Record) -> dict[str, Any]:
    zone = ZoneInfo(row["zone"])
    plain = ("id", "kind", "uscc", "enterprise", "metering_point", "address", "rule", "reason", "actor", "revoked_by")
    return {
        **{name: row[name] for name in plain},
        "from": local(row["from_time"], zone),
        "to": local(row["to_time"], zone),
        "at": local(row["at"], zone),
        "revoked_at": local(row["revoked_at"], zone),
    }
