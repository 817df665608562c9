"""Alerts as watch writes them and as they are listed; what people do with them is storage/alert_actions.py. Instants
in arguments are int64 microseconds; functions that take a connection run in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from config.carriers import carriers
from config.quantities import QUANTITIES
from storage.gaps import local
from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Database

Severity = Literal["info", "warning", "critical"]
State = Literal["open", "acknowledged", "resolved", "dismissed", "suppressed", "live", "all"]
_STATES: dict[str, list[str] | None] = {"live": ["open", "acknowledged"], "all": None}
Sort = Literal["newest", "materiality"]
Cursor: TypeAlias = tuple[float, int, int]
"""What the list is sorted by: money and rank of the severity (0 when by age), id."""
AFTER = timedelta(days=1)
"""How much of the series after the end of an episode belongs to the evidence."""
BEFORE = (timedelta(days=1), timedelta(days=14))
"""At least and at most so much before the onset; in between as much as the episode lasts."""


@dataclass(frozen=True, slots=True)
class Running:
    """An episode that is not over."""

    id: int
    key: str
    rule: str
    onset: int
    updated: int
    severity: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a metering point's energy belongs."""

    carrier: str
    direction: str
    region: str
    zone: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which alerts to list; None: any. `region`: a prefix; state `live`: open or acknowledged."""

    enterprise: str | None = None
    region: str | None = None
    state: State = "live"
    rule: str | None = None
    severity: Severity | None = None
    assignee: str | None = None
    carrier: str | None = None


ANY_LIVE = Chosen()


@dataclass(frozen=True, slots=True)
class Listed:
    """Alerts of a list, and the cursor that continues it."""

    items: list[dict[str, Any]]
    next: Cursor | None


async def running(conn: Connection, rules: Sequence[str]) -> list[Running]:
    return [Running(*row) for row in await conn.fetch(SQL["alert_running"], rules)]


async def open_new(conn: Connection, rows: Sequence[dict[str, Any]], now: int) -> dict[str, int]:
    """Insert alerts (columns of the table); the ids by key of those whose episode was not running already."""
    if not rows:
        return {}
    return {row["key"]: row["id"] for row in await conn.fetch(SQL["alert_open"], _json(rows), now)}


async def insert_past(conn: Connection, rows: Sequence[dict[str, Any]], now: int) -> list[int]:
    """Insert alerts that are over; the ids of those that were not known."""
    if not rows:
        return []
    return [row["id"] for row in await conn.fetch(SQL["alert_open"], _json(rows), now)]


async def reopen(conn: Connection, rows: Sequence[dict[str, Any]], now: int, within: int) -> dict[str, tuple[int, str]]:
    """Go on with the alerts whose episode ended no longer than `within` before it came back: (id, state) by key."""
    if not rows:
        return {}
    found = await conn.fetch(SQL["alert_reopen"], _json(rows), now, within)
    return {row["key"]: (row["id"], row["state"]) for row in found}


async def update(conn: Connection, rows: Sequence[dict[str, Any]], now: int) -> dict[int, tuple[str, str]]:
    """New texts, evidence and worth of running alerts: rows of their columns and the id. Those whose severity went up,
    with what it was and is."""
    if not rows:
        return {}
    found = await conn.fetch(SQL["alert_update"], _json(rows), now)
    return {row["id"]: (row["had"], row["severity"]) for row in found if row["raised"]}


async def turn(conn: Connection, rows: Sequence[dict[str, Any]], now: int) -> dict[int, tuple[str, bool]]:
    """Alerts that go on as others: rows of their columns and the id. What rule each was of, and whether its severity
    went up."""
    return {row["id"]: (row["had"], row["raised"]) for row in await conn.fetch(SQL["alert_turn"], _json(rows), now)}


async def end(conn: Connection, rows: Sequence[dict[str, Any]], now: int) -> None:
    """The episodes are over: rows of id, ended and the columns that change."""
    if rows:
        await conn.execute(SQL["alert_end"], _json(rows), now)


async def release(conn: Connection, now: int, lag: Mapping[str, int]) -> list[int]:
    """Alerts whose suppression is over, for as long as their rule lags behind, stand open; their ids."""
    return [row["id"] for row in await conn.fetch(SQL["alert_release"], now, _json(lag))]


async def suppress(
    conn: Connection, now: int, lag: Mapping[str, int], alerts: Sequence[int] | None = None
) -> dict[int, str]:
    """Live alerts (None: all) that began within a suppression count as open no more until they can be released: its
    reason by id."""
    return {row["id"]: row["reason"] for row in await conn.fetch(SQL["alert_suppress"], now, alerts, _json(lag))}


async def remind(conn: Connection, now: int, severity: str, after: int) -> list[int]:
    """Open alerts of a severity that people are to be reminded of."""
    return [row["id"] for row in await conn.fetch(SQL["alert_remind"], now, severity, after)]


async def escalate(conn: Connection, now: int, severity: str, after: int, to: str) -> list[int]:
    """Open alerts of a severity that waited too long for somebody to acknowledge them; they get another one."""
    return [row["id"] for row in await conn.fetch(SQL["alert_escalate"], now, severity, after, to)]


async def record(conn: Connection, events: Sequence[tuple[int, str, str]], now: int, actor: str) -> None:
    """Add (alert id, action, note) to the trail."""
    if events:
        ids, actions, notes = zip(*events, strict=True)
        await conn.execute(SQL["alert_record"], now, actor, ids, actions, notes)


async def places(conn: Connection, metering_points: Sequence[int]) -> dict[int, Place]:
    """Where these metering points' energy belongs, by id."""
    return {row[0]: Place(*row[1:]) for row in await conn.fetch(SQL["alert_places"], metering_points)}


async def usual(conn: Connection, quantities: Mapping[int, str], start: int, past: int) -> dict[int, float]:
    """What metering points use in an hour by this register, in its unit, on average of the days in [start, past)."""
    rows = await conn.fetch(SQL["alert_usual"], list(quantities), list(quantities.values()), start, past)
    return {row["metering_point_id"]: row["per_hour"] for row in rows}


async def items(conn: Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Alerts as the API and the stream show them."""
    return [_item(row) for row in await conn.fetch(SQL["alert_items"], ids)]


async def page(
    db: Database, chosen: Chosen = ANY_LIVE, *, sort: Sort = "newest", limit: int = 100, after: Cursor | None = None
) -> Listed:
    """Alerts, newest first or those with most at stake."""
    c = chosen
    states = _STATES.get(c.state, [c.state])
    filters = (c.enterprise, c.region, states, c.rule, c.severity, c.assignee, c.carrier)
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["alert_page"], *filters, sort, *(after or (None, None, None)), limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return Listed(
        [_item(row) for row in rows[:limit]], None if last is None else (last["worth"], last["weight"], last["id"])
    )


async def get(
    db: Database, alert: int, *, enterprise: str | None = None, region: str | None = None
) -> dict[str, Any] | None:
    """One alert with its trail `events` and the `excerpt` of the series behind it; None if there is none (or none in
    this enterprise or region)."""
    async with db.connection() as conn:
        row = await conn.fetchrow(SQL["alert_one"], alert, enterprise, region)
        if row is None:
            return None
        events = await conn.fetch(SQL["alert_events"], alert)
    zone = ZoneInfo(row["zone"])
    trail = [
        {"at": local(e["at"], zone), "actor": e["actor"], "action": e["action"], "note": e["note"]} for e in events
    ]
    item = _item(row)
    return {**item, "events": trail, "excerpt": _excerpt(row, item["evidence"])}


def _excerpt(row: Record, evidence: dict[str, Any]) -> dict[str, Any] | None:
    """Where the series is that shows it, with what was before and after."""
    if row["metering_point"] is None:
        return None
    zone = ZoneInfo(row["zone"])
    known = evidence.get("quantities") or [None]
    now = datetime.now(UTC)
    ended = row["ended"] or now
    before = min(max(ended - row["onset"], BEFORE[0]), BEFORE[1])
    return {
        "metering_point": f"{row['uscc']}/{row['metering_point']}",
        "quantity": evidence.get("quantity", known[0]),
        "from": local(row["onset"] - before, zone),
        "to": local(min(ended + AFTER, now), zone),
    }


def _item(row: Record) -> dict[str, Any]:
    zone = ZoneInfo(row["zone"])
    plain = (
        "id", "rule", "severity", "uscc", "enterprise", "zone", "metering_point", "carrier", "meter", "state",
        "assignee", "reopened",
    )  # fmt: skip
    worth = ("amount", "tce", "money", "zh", "en")
    instants = ("onset", "ended", "opened_at", "updated_at")
    carrier = row["carrier"]
    return {
        **{name: row[name] for name in plain},
        **{name: local(row[name], zone) for name in instants},
        **{name: row[name] for name in worth},
        "unit": QUANTITIES[carriers()[carrier].quantity].unit if carrier else "",
        "suppression": row["suppression_id"],
        "evidence": msgspec.json.decode(row["evidence"]),
    }


def _json(content: Any) -> str:
    return msgspec.json.encode(content).decode()
