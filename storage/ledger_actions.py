"""What people do with gaps: accept a loss, assign, comment; every act is in the trail with who did it and why.

A gap here is an item of the ledger: all quantities of a metering point that are missing at the same time. Each function
tells whether there is such a gap within what its actor may see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.alert_actions import By
    from storage.database import Connection, Database


class CannotAccept(Exception):
    """Nothing was done: nothing of it is open, or it lasts, so that nobody knows yet what is lost."""


async def accept(db: Database, gap: int, by: By, reason: str) -> bool:
    """The loss is known and accepted; the gap still closes if its readings come. Raises CannotAccept."""
    async with db.transaction() as conn:
        parts = await _claim(conn, gap, by)
        if not parts:
            return False
        missing = [part for part in parts if part["state"] in ("open", "estimated")]
        if not missing:
            raise CannotAccept(f"gap {gap} is {parts[0]['state']} already; only what is missing can be accepted")
        if any(part["to_time"] is None for part in missing):
            raise CannotAccept(f"gap {gap} still lasts; it can be accepted when readings have come again")
        await conn.execute(SQL["ledger_accept"], [part["id"] for part in parts])
        await _record(conn, parts, by, "accepted", reason)
    return True


async def assign(db: Database, gap: int, by: By, assignee: str, note: str) -> bool:
    """It is for `assignee` (empty: nobody) to deal with."""
    async with db.transaction() as conn:
        parts = await _claim(conn, gap, by)
        if parts:
            await conn.execute(SQL["ledger_assign"], [part["id"] for part in parts], assignee)
            await _record(conn, parts, by, "assigned", f"{assignee or '–'}{': ' if note else ''}{note}")
    return bool(parts)


async def comment(db: Database, gap: int, by: By, note: str) -> bool:
    """Something worth knowing."""
    async with db.transaction() as conn:
        parts = await _claim(conn, gap, by)
        if parts:
            await _record(conn, parts, by, "commented", note)
    return bool(parts)


async def trail(db: Database, gap: int) -> list[dict[str, Any]]:
    """What was done with a gap, oldest first: at, actor, action, note."""
    async with db.connection() as conn:
        return [dict(row) for row in await conn.fetch(SQL["ledger_events"], gap)]


async def _claim(conn: Connection, gap: int, by: By) -> list[Record]:
    """Lock the parts of a gap; they stay as they are until the transaction ends."""
    return await conn.fetch(SQL["ledger_claim"], by.sight.uscc, by.sight.region, gap)


async def _record(conn: Connection, parts: list[Record], by: By, action: str, note: str) -> None:
    first: int = min(part["id"] for part in parts)
    await conn.execute(SQL["ledger_record"], first, by.actor, action, note)
