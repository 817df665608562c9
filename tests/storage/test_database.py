"""Connecting, errors in our words, and the named queries."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from config.errors import ConfigError
from storage.database import Database
from storage.errors import RowsRefused, Unavailable
from storage.queries import SQL, load
from tests.waiting import until

pytestmark = pytest.mark.servers


async def test_every_named_query_is_valid(engine: Database) -> None:
    assert engine.sql is SQL
    async with engine.connection() as conn:
        for name, query in SQL.items():
            try:
                await conn.prepare(query)
            except asyncpg.PostgresError as error:
                pytest.fail(f"{name}: {error}")


def test_a_name_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- name: one\nselect 1;\n\n-- name: two\n-- why\nselect 2;\n")
    assert load(tmp_path) == {"one": "select 1", "two": "-- why\nselect 2"}
    (tmp_path / "b.sql").write_text("-- name: two\nselect 3")
    with pytest.raises(ValueError, match=r"b\.sql: there is already a query named two"):
        load(tmp_path)


async def test_server_is_down() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        await Database.connect("postgresql://someone@127.0.0.1:1/nothing", role="test")


async def test_what_waiting_cannot_mend(database_url: str) -> None:
    parts = urlsplit(database_url)
    port = parts.port
    for url, message in (
        (parts._replace(path="/no_such_database").geturl(), "no_such_database.*create the database"),
        (f"postgresql://nobody_here:wrong@127.0.0.1:{port}/postgres", "nobody_here.*correct user and password"),
        ("mysql://somewhere/else", "postgresql://user:password@host:port/database"),
        ("postgresql://someone@127.0.0.1:port/x", "postgresql://user:password@host:port/database"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            await Database.connect(url, role="test")
        assert "WANJIA_DATABASE_URL" in str(caught.value)
        assert "wrong" not in str(caught.value)


async def test_role_is_seen_and_statements_end(database_url: str) -> None:
    db = await Database.connect(database_url, role="api", timeout_s=0.2)
    async with db.connection() as conn:
        assert await conn.fetchval("select current_setting('application_name')") == "wanjia api"
    with pytest.raises(Unavailable, match="longer than the time limit"):
        async with db.connection() as conn:
            await conn.execute("select pg_sleep(5)")
    await db.close()


async def test_the_server_notices_a_host_that_is_gone(database: Database) -> None:
    async with database.connection() as conn:
        settings = "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count"
        idle, interval, count = [int(await conn.fetchval(f"show {name}")) for name in settings]
    assert idle + interval * count <= 20


async def test_a_server_that_falls_silent_is_given_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy that stops passing anything on, as a host without power does."""
    monkeypatch.setattr("storage.database.SPARE_S", 0.3)
    parts, passing, pipes = urlsplit(database_url), asyncio.Event(), list[asyncio.Task[None]]()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await passing.wait()
                writer.write(data)
        finally:
            writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(parts.hostname, parts.port)
        pipes.append(asyncio.create_task(pipe(reader, inner_writer)))
        pipes.append(asyncio.create_task(pipe(inner_reader, writer)))

    async def ask() -> None:
        async with db.transaction() as conn:
            passing.clear()
            await conn.fetchval("select 1")

    passing.set()
    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = parts.netloc.rpartition("@")[0]
    url = parts._replace(netloc=f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}").geturl()
    db = await Database.connect(url, role="test", timeout_s=0.2, pool_size=1)
    with pytest.raises(Unavailable, match="has not answered in time"):
        await asyncio.wait_for(ask(), 10)
    passing.set()
    async with db.connection() as conn:
        assert await conn.fetchval("select 1") == 1
    await db.close()
    server.close()
    for task in pipes:
        task.cancel()
    await asyncio.gather(*pipes, return_exceptions=True)
    await asyncio.sleep(0)


async def test_a_cut_connection_is_replaced(database: Database) -> None:
    async def cut() -> None:
        async with database.transaction() as conn, database.connection() as other:
            await other.execute("select pg_terminate_backend($1)", conn.get_server_pid())
            await until(conn.is_closed, what="the cut is noticed")
            await conn.execute("select 1")

    with pytest.raises(Unavailable, match="connection to the database is gone"):
        await cut()
    async with database.connection() as conn:
        assert await conn.fetchval("select 1") == 1


@pytest.mark.parametrize(
    ("state", "kind", "message"),
    [
        ("53100", Unavailable, "disk is full"),
        ("53300", Unavailable, "cannot do this now"),
        ("57P03", Unavailable, "cannot do this now"),
        ("40P01", Unavailable, "cannot do this now"),
        ("22003", RowsRefused, "refuses these rows"),
        ("23514", RowsRefused, "refuses these rows"),
        ("42P01", asyncpg.UndefinedTableError, "told"),
    ],
)
async def test_errors_by_what_to_do_next(database: Database, state: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        async with database.connection() as conn:
            await conn.execute(f"do $$ begin raise exception 'told' using errcode = '{state}'; end $$")


async def test_errors_of_others_pass(database: Database) -> None:
    with pytest.raises(ConnectionResetError):
        async with database.transaction():
            raise ConnectionResetError("another server")


async def test_transaction_is_all_or_nothing(database: Database) -> None:
    async def give_up() -> None:
        async with database.transaction() as conn:
            await conn.execute("create table half (x integer)")
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await give_up()
    async with database.connection() as conn:
        assert await conn.fetchval("select to_regclass('half')") is None
