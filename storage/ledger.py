"""The gap ledger as the API shows it: one item per metering point and stretch, its quantities together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from storage.gaps import Page, local
from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from config.workdays import RepairClock
    from storage.database import Database
    from storage.views import Sight

Shown = Literal["open", "backfilling", "estimated", "accepted", "closed"]
Cause = Literal["silent", "refused", "rejected", "gateway", "collector", "stream", "planned"]
Owner = Literal["enterprise", "centre"]
_PLAIN = (
    "id",
    "uscc",
    "enterprise",
    "metering_point",
    "name",
    "gaps",
    "metering_points",
    "quantities",
    "cause",
    "state",
)
_MORE = ("owner", "assignee", "closed_by", "missing")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which gaps are asked for; None: any. `number`: the one with this id; `group`: those silenced together with this
    one; `together`: such are one item."""

    number: int | None = None
    enterprise: str | None = None
    metering_point: str | None = None
    state: Shown | None = None
    cause: Cause | None = None
    owner: Owner | None = None
    assignee: str | None = None
    group: int | None = None
    together: bool = False
    overdue: bool = False


async def page(
    db: Database,
    sight: Sight,
    asked: Asked,
    clock: RepairClock,
    now: datetime,
    *,
    coming: Collection[str] = (),
    limit: int = 100,
    after: str | None = None,
) -> Page:
    """Gaps, newest first. `coming`: enterprises whose history is coming in. Raises ValueError for a bad cursor."""
    below = None if after is None else int(after)
    async with db.connection() as conn:
        zones = [row["zone"] for row in await conn.fetch(SQL["ledger_zones"])] if asked.overdue else None
        days = None if zones is None else [clock.overdue_by(now.astimezone(ZoneInfo(zone))) for zone in zones]
        rows = await conn.fetch(
            SQL["ledger_page"], sight.uscc, sight.region, asked.enterprise, asked.metering_point, asked.state,
            asked.cause, asked.owner, asked.assignee, asked.group, asked.together, zones, days, list(coming), below,
            limit + 1, asked.number,
        )  # fmt: skip
    more = rows[limit - 1]["key"] if len(rows) > limit else None
    return Page([_item(row, clock, now) for row in rows[:limit]], None if more is None else str(more))


def _item(row: Record, clock: RepairClock, now: datetime) -> dict[str, Any]:
    zone = ZoneInfo(row["zone"])
    due = clock.due(row["opened_at"].astimezone(zone))
    return {
        **{name: row[name] for name in (*_PLAIN, *_MORE)},
        "from": local(row["from_time"], zone),
        "to": local(row["to_time"], zone),
        "zone": row["zone"],
        "evidence": msgspec.json.decode(row["evidence"]),
        "opened_at": local(row["opened_at"], zone),
        "due": due.isoformat(),
        "overdue": row["state"] in ("open", "backfilling") and due < now,
        "closed_at": local(row["closed_at"], zone),
        "group": row["group_id"],
    }
