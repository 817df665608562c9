"""Webhooks, what they are to be told, and what became of it. Instants are int64 microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from config.addresses import masked
from config.errors import ConfigError, Fault
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Pressure:
    """A webhook with something to tell: since when, how many notifications it got in the last hour, the latest."""

    webhook: int
    oldest: int
    sent: int
    latest: int


@dataclass(frozen=True, slots=True)
class Item:
    """An alert that opened or was resolved, and what it can be grouped by; the address without its password."""

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


async def opened(conn: Connection, alerts: Sequence[int], now: int) -> None:
    """Webhooks are to be told of these alerts."""
    if alerts:
        await conn.execute(SQL["notification_opened"], alerts, now)


async def resolved(conn: Connection, alerts: Sequence[int], now: int, *, tell: bool) -> None:
    """These alerts ended. Who was told of the opening is told of the end too, unless not `tell`."""
    if alerts:
        await conn.execute(SQL["notification_resolved"], alerts, now, tell)


async def pressure(conn: Connection, now: int) -> list[Pressure]:
    return [Pressure(*row) for row in await conn.fetch(SQL["notification_pressure"], now)]


async def untold(conn: Connection, webhook: int) -> list[Item]:
    """What a webhook is to be told, locked until the transaction ends."""
    rows = await conn.fetch(SQL["notification_untold"], webhook)
    return [replace(item, address=masked(item.address)) for item in (Item(*row) for row in rows)]


async def put(conn: Connection, webhook: int, items: Sequence[Item], body: dict[str, Any], now: int) -> int:
    """One notification that tells of all these items; its id."""
    number: int = await conn.fetchval(SQL["notification_insert"], webhook, msgspec.json.encode(body).decode(), now)
    ids, events = [item.alert for item in items], [item.event for item in items]
    await conn.execute(SQL["notification_take"], webhook, number, ids, events)
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
