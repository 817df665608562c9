"""What people do with gaps: accept a loss, assign, comment; every act is in the trail with who did it and why.

Each function tells whether there is such a gap within what its actor may see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.queries import SQL

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.alert_actions import By
    from storage.database import Connection, Database


class CannotAccept(Exception):
    """Nothing was done: the gap is not open, or lasts, so that nobody knows yet what is lost."""


async def accept(db: Database, gap: int, by: By, reason: str) -> bool:
    """The loss is known and accepted; the gap still closes if its readings come. Raises CannotAccept."""
    async with db.transaction() as conn:
        found = await _claim(conn, gap, by)
        if found is None:
            return False
        if found["state"] != "open":
            raise CannotAccept(f"gap {gap} is {found['state']}; only an open one can be accepted")
        if found["to_time"] is None:
            raise CannotAccept(f"gap {gap} still lasts; it can be accepted when readings have come again")
        await conn.execute(SQL["gap_accept"], gap)
        await _record(conn, gap, by, "accepted", reason)
    return True


async def assign(db: Database, gap: int, by: By, assignee: str, note: str) -> bool:
    """It is for `assignee` (empty: nobody) to deal with."""
    async with db.transaction() as conn:
        if await _claim(conn, gap, by) is None:
            return False
        await conn.execute(SQL["gap_assign"], gap, assignee)
        await _record(conn, gap, by, "assigned", f"{assignee or '–'}{': ' if note else ''}{note}")
    return True


async def comment(db: Database, gap: int, by: By, note: str) -> bool:
    """Something worth knowing."""
    async with db.transaction() as conn:
        if await _claim(conn, gap, by) is None:
            return False
        await _record(conn, gap, by, "commented", note)
    return True


async def trail(db: Database, gap: int) -> list[dict[str, Any]]:
    """What was done with a gap, oldest first: at, actor, action, note."""
    async with db.connection() as conn:
        return [dict(row) for row in await conn.fetch(SQL["gap_events"], gap)]


async def _claim(conn: Connection, gap: int, by: By) -> Record | None:
    """Lock the gap; it stays as it is until the transaction ends."""
    return await conn.fetchrow(SQL["gap_claim"], gap, by.sight.uscc, by.sight.region)


async def _record(conn: Connection, gap: int, by: By, action: str, note: str) -> None:
    await conn.execute(SQL["gap_record"], gap, by.actor, action, note)
