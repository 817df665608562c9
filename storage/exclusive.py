"""One active process per role: a session lock of the database, held on the connection that also does the work.

When that connection breaks the lock is free, and nothing more can be written on it: the lock is its own fence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from zlib import crc32

from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection, Database

LOOK_S = 1.0
"""Between two tries of a standby."""
_SPACE = 0x57414E52
"""First half of the lock's number, so that roles never meet the locks of others."""


def lock(role: str) -> tuple[int, int]:
    """The lock's number."""
    return _SPACE, crc32(role.encode()) & 0x7FFFFFFF


@asynccontextmanager
async def exclusive(db: Database, role: str, stop: asyncio.Event) -> AsyncIterator[Connection | None]:
    """A connection that holds the lock of the role, waited for as a standby; None when `stop` came first."""
    async with db.connection() as conn:
        while not await conn.fetchval(SQL["exclusive_try"], *lock(role)):
            try:
                await asyncio.wait_for(stop.wait(), LOOK_S)
            except TimeoutError:
                continue
            yield None
            return
        yield conn  # given back to the pool, a connection loses its locks
