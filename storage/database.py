"""The database: a connection pool, what the server is, and its errors in our words."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import asyncpg

from config.errors import ConfigError, Fault
from storage import queries
from storage.errors import RowsRefused, StorageError, TooSlow, Unavailable
from storage.migrate import refuse_newer

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Engine = Literal["postgres", "timescale"]

CONNECT_S = 10
"""Longest wait for one connection to be made."""
SPARE_S = 5
"""How much later than the server this side gives a statement up: only when the server is not there to do it."""
_KEEPALIVE = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""The server ends the session of a host that is gone, and with it its locks, in 20 s instead of 2 h."""

_RETRY = re.compile("08...|40...|53...|57...|58...|25006|55P03")
"""SQLSTATEs that pass by themselves: connection, deadlock, disk full or too many connections, shutdown or cancelled,
I/O error, a standby not yet promoted, a lock not obtained."""
_ROWS = re.compile("22...|23...")
_FIXES = {
    "28000": "correct user and password in it",
    "28P01": "correct user and password in it",
    "3D000": "create the database, or correct its name",
    "42501": "grant the user the right to connect to this database and to create tables in it",
}
"""What to do about refusals that waiting cannot mend, by SQLSTATE."""


@dataclass(slots=True)
class Database:
    """One pool of connections to one database; every role process has one."""

    pool: asyncpg.Pool[asyncpg.Record]
    engine: Engine
    sql: dict[str, str]

    @classmethod
    async def connect(
        cls, url: str, *, role: str, timeout_s: float | None = None, pool_size: int = 5, plan_anew: bool = False
    ) -> Database:
        """Connect as `role` (seen in pg_stat_activity); no statement of it runs longer than `timeout_s` (None: as it
        likes), nor is an answer waited for much longer. `plan_anew`: every query is planned for what it asks; a plan
        kept for any question is a bad one where null stands for "not asked".

        Raises Unavailable while the server is down, ConfigError for what waiting cannot mend: a malformed address, a
        refused login, a missing database, a schema newer than this program.
        """
        settings = {
            "application_name": f"wanjia {role}",
            "statement_timeout": str(int((timeout_s or 0) * 1000)),
            "timezone": "UTC",
            "jit": "off",  # compiling a plan takes longer than any query here
            "plan_cache_mode": "force_custom_plan" if plan_anew else "auto",
            **_KEEPALIVE,
        }
        with _reaching():
            pool = await asyncpg.create_pool(
                url, min_size=1, max_size=pool_size, timeout=CONNECT_S,
                command_timeout=timeout_s and timeout_s + SPARE_S, server_settings=settings,
            )  # fmt: skip
        try:
            async with _acquired(pool) as conn:
                await refuse_newer(conn)
                engine = cast(Engine, await conn.fetchval(queries.SQL["engine"]))
        except StorageError:
            pool.terminate()
            raise
        except ConfigError:
            await pool.close()
            raise
        return cls(pool, engine, queries.SQL)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool, with the database's errors as StorageError."""
        async with _acquired(self.pool) as conn:
            yield conn

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end of the block, rolled back if it raises."""
        async with _acquired(self.pool) as conn, conn.transaction():
            yield conn

    async def close(self) -> None:
        """Close all connections; those still in use after a few seconds are cut."""
        try:
            await asyncio.wait_for(self.pool.close(), 5)
        except TimeoutError:
            self.pool.terminate()


async def limit_statements(conn: Connection, seconds: float) -> None:
    """Until the transaction ends, statements longer than this are TooSlow."""
    await conn.execute(queries.SQL["limit_statements"], str(int(seconds * 1000)))


@asynccontextmanager
async def _acquired(pool: asyncpg.Pool[asyncpg.Record]) -> AsyncIterator[Connection]:
    with _reaching():
        conn = await pool.acquire(timeout=CONNECT_S)
    try:
        with translated(conn):
            yield conn
    finally:
        with _reaching():
            await pool.release(conn)


@contextmanager
def translated(conn: Connection) -> Iterator[None]:
    """Errors of queries on `conn` as StorageError; a mistake in our own query passes unchanged."""
    try:
        yield
    except asyncpg.PostgresError as error:
        known = _in_our_words(error)
        if known is None:
            raise
        raise known from error
    except TimeoutError as error:
        if not _gone(conn):
            conn.terminate()
        raise Unavailable("the database has not answered in time; the connection is given up") from error
    except (asyncpg.InterfaceError, OSError) as error:
        if not _gone(conn):
            raise
        raise Unavailable(f"the connection to the database is gone: {error}") from error
    except asyncpg.InternalClientError as error:  # a rollback on a connection that was cut in the middle of a query
        raise Unavailable(f"the connection to the database is broken: {error}") from error


def _gone(conn: Connection) -> bool:
    try:
        return conn.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken a broken connection back already
        return True


def _in_our_words(error: asyncpg.PostgresError) -> StorageError | None:
    state = error.sqlstate or ""
    if state == "57014":
        return TooSlow("the database cancelled the query: it ran longer than the time limit")
    if state == "53100":
        return Unavailable(f"the database's disk is full ({error}); nothing can be stored until it has room")
    if _RETRY.fullmatch(state):
        return Unavailable(f"the database cannot do this now: {error}")
    if _ROWS.fullmatch(state):
        return RowsRefused(f"the database refuses these rows: {error}")
    return None


@contextmanager
def _reaching() -> Iterator[None]:
    """Errors of getting a connection."""
    try:
        yield
    except asyncpg.PostgresError as error:
        fix = _FIXES.get(error.sqlstate or "")
        if fix is not None:
            raise ConfigError([Fault("WANJIA_DATABASE_URL", str(error), fix)]) from None
        raise _in_our_words(error) or Unavailable(f"the database refuses the connection: {error}") from error
    except ValueError as error:  # asyncpg.ClientConfigurationError is one of them
        form = "give it as postgresql://user:password@host:port/database"
        raise ConfigError([Fault("WANJIA_DATABASE_URL", str(error), form)]) from None
    except (asyncpg.InterfaceError, OSError) as error:
        raise Unavailable(f"the database cannot be reached: {str(error) or 'no answer in time'}") from error
