"""Webhooks, what they are to be told, and what became of it. Instants are int64 microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import msgspec

from config.errors import ConfigError, Fault
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection, Database


Event = Literal["opened", "reopened", "reminded", "escalated", "resolved"]


@dataclass(frozen=True, slots=True)
class Pressure:
    """A webhook with something to tell: since when, how many notifications it got in the last hour, the latest."""

    webhook: int
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
    """A notification to be sent now."""

    id: int
    attempts: int
    body: bytes
    url: str
    secret: str
    created: int


async def tell(conn: Connection, alerts: Sequence[int], event: Event, now: int) -> None:
    """Whom these alerts concern is to be told what happened to them."""
    if alerts:
        await conn.execute(SQL["notification_tell"], alerts, event, now)


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


async def untold(conn: Connection, webhook: int, now: int) -> list[Item]:
    """What a webhook is to be told by now, locked until the transaction ends."""
    return [Item(*row) for row in await conn.fetch(SQL["notification_untold"], webhook, now)]


async def put(conn: Connection, webhook: int, items: Sequence[Item], body: dict[str, Any], now: int) -> int:
    """One notification that tells of all these items; its id."""
    number: int = await conn.fetchval(SQL["notification_insert"], webhook, msgspec.json.encode(body).decode(), now)
    await conn.execute(SQL["notification_take"], number, [item.id for item in items])
    return number


async def due(db: Database, now: int, limit: int) -> list[Due]:
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["notification_due"], now, limit)
    return [Due(r["id"], r["attempts"], r["body"].encode(), r["url"], r["secret"], r["created"]) for r in rows]


async def sent(db: Database, notification: int, now: int) -> None:
    async with db.connection() as conn:
        await conn.execute(SQL["notification_sent"], notification, now)


async def failed(db: Database, notification: int, reason: str, again: int | None) -> None:
    """It could not be delivered; `again` None: it is given up."""
    async with db.connection() as conn:
        await conn.execute(SQL["notification_failed"], notification, reason, again)


async def log(db: Database, limit: int = 100) -> list[dict[str, Any]]:
    """The latest notifications and what became of them."""
    async with db.connection() as conn:
        rows = [dict(row) for row in await conn.fetch(SQL["notification_log"], limit)]
    return [{**row, "body": msgspec.json.decode(row["body"])} for row in rows]


async def set_webhook(db: Database, name: str, url: str, secret: str, min_severity: str = "warning") -> None:
    """Add or change a webhook. Raises ConfigError naming what cannot be used."""
    faults = []
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        faults.append(Fault(f"webhook {name} url", f"{url!r} is not an address", "give it as https://host/path"))
    if len(secret) < 16:
        faults.append(Fault(f"webhook {name} secret", "is too short to sign with", "give at least 16 characters"))
    if min_severity not in ("info", "warning", "critical"):
        fault = Fault(f"webhook {name} min_severity", f"{min_severity!r} is none", "use info, warning or critical")
        faults.append(fault)
    if faults:
        raise ConfigError(faults)
    async with db.connection() as conn:
        await conn.execute(SQL["webhook_set"], name, url, secret, min_severity)


async def webhooks(db: Database) -> list[dict[str, Any]]:
    """All webhooks, without their secrets."""
    async with db.connection() as conn:
        return [dict(row) for row in await conn.fetch(SQL["webhook_list"])]


async def disable_webhook(db: Database, name: str) -> bool:
    """Tell it nothing more; False if there is none of this name."""
    async with db.connection() as conn:
        return await conn.fetchval(SQL["webhook_disable"], name) is not None
