"""The same storage tests on both engines. TimescaleDB runs where WANJIA_TEST_TIMESCALE_URL names a server for tests."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from storage.database import Database
from storage.migrate import migrate

_EMPTY = """
do $$ declare thing record; begin
    for thing in
        select format('drop table %s cascade', oid::regclass) as statement from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
          and not exists (select from pg_depend d where d.objid = pg_class.oid and d.deptype = 'e')
        union all
        select format('drop routine %s cascade', oid::regprocedure) from pg_proc
        where pronamespace = 'public'::regnamespace
          and not exists (select from pg_depend d where d.objid = pg_proc.oid and d.deptype = 'e')
    loop
        execute thing.statement;
    end loop;
end $$
"""


@contextlib.asynccontextmanager
async def _alone(url: str) -> AsyncIterator[None]:
    """There is one such server: tests of another process wait."""
    name = f"wanjia-timescale-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    with Path(tempfile.gettempdir(), name).open("w") as lock:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            await asyncio.sleep(0.05)
        yield


@pytest.fixture
async def timescale() -> AsyncIterator[Database]:
    """A migrated, otherwise empty TimescaleDB; everything in its schema `public` is dropped first."""
    url = os.environ.get("WANJIA_TEST_TIMESCALE_URL")
    if not url:
        pytest.skip("NOT TESTED ON TIMESCALEDB: set WANJIA_TEST_TIMESCALE_URL to a server whose data may be dropped")
    async with _alone(url):
        conn = await asyncpg.connect(url)
        # A server with one session for all may still have what an earlier connection left: a transaction, statements.
        await conn.execute("rollback")
        await conn.execute("deallocate all")
        await conn.execute(_EMPTY)
        await conn.close()
        db = await Database.connect(url, role="test", pool_size=1)
        assert db.engine == "timescale"
        await migrate(db)
        yield db
        await db.close()


@pytest.fixture(params=["postgres", pytest.param("timescale", marks=pytest.mark.timescale)])
def engine(request: pytest.FixtureRequest) -> Database:
    """A migrated, empty database of either engine."""
    database: Database = request.getfixturevalue("database" if request.param == "postgres" else "timescale")
    return database
