"""What targets are to be told of alerts, and what became of it. Instants are int64 microseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection, Database

Event = Literal["opened", "reopened", "reminded", "escalated", "assigned", "resolved"]
State = Literal["waiting", "sent", "given_up"]
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Pressure:
    """A target with something to tell: since when, how many notifications it got in the last hour, the latest."""

    target: int
    digest: str
    zone: str
    oldest: int
    sent: int
    latest: int


@dataclass(frozen=True, slots=True)
class Item:
    """What happened to an alert, and what it can be grouped by; the address is without password."""

    id: int
    alert: int
    event: str
    rule: str
    severity: str
    uscc: str
    enterprise: str
    address: str


@dataclass(frozen=True, slots=True)
class Due:
    """A notification to be sent now. `body` as it was stored: JSON."""

    id: int
    attempts: int
    body: bytes
    target: str
    kind: str
    address: str
    secret: str
    language: str
    test: bool
    created: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of a notification so far."""

    state: State
    attempts: int
    error: str


@dataclass(frozen=True, slots=True)
class Log:
    """A page of the delivery log."""

    items: list[dict[str, Any]]
    next: int | None


async def tell(conn: Connection, alerts: Sequence[int], event: Event, now: int) -> None:
    """Whom these alerts concern is to be told what happened, in place of what they were not told yet."""
    if alerts:
        await conn.execute(SQL["notification_drop"], alerts, None)
        await conn.execute(SQL["notification_tell"], alerts, event, now)


async def assigned(conn: Connection, alert: int, name: str, now: int) -> None:
    """Somebody is to deal with an alert: the target of this name is told, if there is one, whatever else it is told."""
    await conn.execute(SQL["notification_assigned"], alert, name, now)


async def resolved(conn: Connection, alerts: Sequence[int], due: int, *, tell: bool) -> None:
    """These alerts ended: nothing else is to be told of them; who was told of them is told so when `due`, unless not
    `tell`."""
    if alerts:
        await conn.execute(SQL["notification_drop"], alerts, None)
    if alerts and tell:
        await conn.execute(SQL["notification_resolved"], alerts, due)


async def reopened(conn: Connection, alerts: Sequence[int], now: int) -> None:
    """These alerts are back. Who has not been told of their end knows enough."""
    if alerts:
        await conn.execute(SQL["notification_drop"], alerts, "resolved")
        await conn.execute(SQL["notification_reopened"], alerts, now)


async def pressure(conn: Connection, now: int) -> list[Pressure]:
    return [Pressure(*row) for row in await conn.fetch(SQL["notification_pressure"], now)]


async def untold(conn: Connection, target: int, now: int) -> list[Item]:
    """What a target is to be told by now, locked until the transaction ends."""
    return [Item(*row) for row in await conn.fetch(SQL["notification_untold"], target, now)]


async def put(conn: Connection, target: int, items: Sequence[Item], body: dict[str, Any], now: int) -> None:
    """One notification that tells of all these items."""
    number = await insert(conn, target, body, now)
    await conn.execute(SQL["notification_take"], number, [item.id for item in items])


async def insert(conn: Connection, target: int, body: dict[str, Any], now: int, *, test: bool = False) -> int:
    """A notification to be sent; its id."""
    text = msgspec.json.encode(body).decode()
    number: int = await conn.fetchval(SQL["notification_insert"], target, text, now, test)
    return number


async def due(db: Database, now: int, limit: int) -> list[Due]:
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["notification_due"], now, limit)
    return [Due(row[0], row[1], row[2].encode(), *tuple(row)[3:]) for row in rows]


async def sent(db: Database, notification: int, now: int) -> None:
    async with db.connection() as conn:
        await conn.execute(SQL["notification_sent"], notification, now)


async def failed(db: Database, notification: int, reason: str, again: int | None) -> None:
    """It could not be delivered; `again` None: it is given up."""
    async with db.connection() as conn:
        await conn.execute(SQL["notification_failed"], notification, reason, again)


async def fate(db: Database, notification: int, patience_s: float) -> Fate:
    """What has become of a notification; waits for the first attempt, but no longer than that."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while True:
        async with db.connection() as conn:
            row = await conn.fetchrow(SQL["notification_one"], notification)
        assert row is not None, "notifications are not deleted"
        if row["attempts"] or row["state"] != "waiting" or loop.time() > deadline:
            return Fate(*row)
        await asyncio.sleep(POLL_S)


async def log(
    db: Database, *, target: str | None = None, state: State | None = None, limit: int = 100, after: int | None = None
) -> Log:
    """The latest notifications and what became of them, newest first."""
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["notification_page"], target, state, after, limit + 1)
    return Log([_item(dict(row)) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None)


def _item(row: dict[str, Any]) -> dict[str, Any]:
    body = msgspec.json.decode(row.pop("body"))
    instants = {name: _iso(row[name]) for name in ("created", "sent")}
    again = _iso(row.pop("next_attempt")) if row["state"] == "waiting" else None
    return {
        **row,
        **instants,
        "next_attempt": again,
        **{name: body[name] for name in ("severity", "count", "zh", "en")},
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="seconds")
