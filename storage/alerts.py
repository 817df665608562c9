"""Alerts: opened, updated and ended by watch, listed and acknowledged by people. Instants in arguments are int64
microseconds; functions that take a connection run in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from storage.gaps import Page, local
from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Database

State = Literal["open", "acknowledged", "resolved", "dismissed", "live", "all"]
_STATES: dict[str, list[str] | None] = {"live": ["open", "acknowledged"], "all": None}


@dataclass(frozen=True, slots=True)
class Running:
    """An episode that is not over."""

    id: int
    key: str
    rule: str
    onset: int
    updated: int


async def running(conn: Connection, rules: Sequence[str]) -> list[Running]:
    return [Running(*row) for row in await conn.fetch(SQL["alert_running"], rules)]


async def open_new(conn: Connection, rows: Sequence[dict[str, Any]], now: int) -> dict[str, int]:
    """Insert alerts (columns of the table); the ids by key of those whose episode was not running already."""
    if not rows:
        return {}
    return {row["key"]: row["id"] for row in await conn.fetch(SQL["alert_open"], _json(rows), now)}


async def update(conn: Connection, rows: Sequence[dict[str, Any]], now: int) -> None:
    """New texts and evidence of running alerts: rows of id, zh, en, evidence."""
    if rows:
        await conn.execute(SQL["alert_update"], _json(rows), now)


async def end(conn: Connection, rows: Sequence[dict[str, Any]], now: int) -> None:
    """The episodes are over: rows of id, ended and, if they change, zh, en, evidence."""
    if rows:
        await conn.execute(SQL["alert_end"], _json(rows), now)


async def record(conn: Connection, events: Sequence[tuple[int, str, str]], now: int, actor: str) -> None:
    """Add (alert id, action, note) to the trail."""
    if events:
        ids, actions, notes = zip(*events, strict=True)
        await conn.execute(SQL["alert_record"], now, actor, ids, actions, notes)


async def items(conn: Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Alerts as the API and the stream show them."""
    return [_item(row) for row in await conn.fetch(SQL["alert_items"], ids)]


async def page(
    db: Database,
    *,
    enterprise: str | None = None,
    region: str | None = None,
    state: State = "live",
    rule: str | None = None,
    limit: int = 100,
    after: str | None = None,
) -> Page:
    """Alerts, newest first. `region`: a prefix; `live`: open or acknowledged. Raises ValueError for a bad cursor."""
    states = _STATES.get(state, [state])
    below = None if after is None else int(after)
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["alert_page"], enterprise, region, states, rule, below, limit + 1)
    found = [_item(row) for row in rows[:limit]]
    return Page(found, str(found[-1]["id"]) if len(rows) > limit else None)


async def get(
    db: Database, alert: int, *, enterprise: str | None = None, region: str | None = None
) -> dict[str, Any] | None:
    """One alert with its trail `events`; None if there is none (or none in this enterprise or region)."""
    async with db.connection() as conn:
        row = await conn.fetchrow(SQL["alert_one"], alert, enterprise, region)
        if row is None:
            return None
        events = await conn.fetch(SQL["alert_events"], alert)
    zone = ZoneInfo(row["zone"])
    trail = [
        {"at": local(e["at"], zone), "actor": e["actor"], "action": e["action"], "note": e["note"]} for e in events
    ]
    return {**_item(row), "events": trail}


async def acknowledge(db: Database, alert: int, *, actor: str, note: str = "") -> bool:
    """Somebody has seen it. False if it was not open (or does not exist)."""
    async with db.transaction() as conn:
        if await conn.fetchval(SQL["alert_acknowledge"], alert) is None:
            return False
        await conn.execute(SQL["alert_acknowledged"], alert, actor, note)
    return True


def _item(row: Record) -> dict[str, Any]:
    zone = ZoneInfo(row["zone"])
    plain = ("id", "rule", "severity", "uscc", "enterprise", "metering_point", "meter", "state", "zh", "en")
    instants = ("onset", "ended", "opened_at", "updated_at")
    return {
        **{name: row[name] for name in plain},
        **{name: local(row[name], zone) for name in instants},
        "evidence": msgspec.json.decode(row["evidence"]),
    }


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
