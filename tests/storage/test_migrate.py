"""Migrations: once each, all or nothing, and never another text than the one that was applied."""

import asyncio
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.errors import ConfigError
from storage.database import Database
from storage.migrate import MIGRATIONS, migrate, migrations, pending, refuse_older

pytestmark = pytest.mark.servers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


async def connect(url: str) -> Database:
    return await Database.connect(url, role="test")


def test_numbers_are_distinct_per_engine() -> None:
    for engine in ("postgres", "timescale"):
        numbers = [migration.number for migration in migrations(engine)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_misnamed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "5_more.sql").touch()
    with pytest.raises(ValueError, match=r"5_more\.sql: a migration is named"):
        migrations(folder=tmp_path)


async def test_applied_once(database_url: str) -> None:
    db = await connect(database_url)
    names = await pending(db)
    assert "0001_registry.sql" in names
    with pytest.raises(ConfigError, match="run `wanjia migrate`"):
        await refuse_older(db)
    assert await migrate(db) == names
    assert await pending(db) == []
    await refuse_older(db)
    assert await migrate(db) == []
    await db.close()


async def test_two_at_once(database_url: str) -> None:
    both = [await connect(database_url), await connect(database_url)]
    done = await asyncio.gather(*(migrate(db) for db in both))
    assert sorted(map(bool, done)) == [False, True]
    for db in both:
        await db.close()


async def test_all_or_nothing(database_url: str, folder: Path) -> None:
    (folder / "9000_wrong.sql").write_text("create table fine (x integer); select no_such_column;")
    db = await connect(database_url)
    with pytest.raises(ConfigError, match=r"9000_wrong\.sql.*no_such_column"):
        await migrate(db, folder)
    async with db.connection() as conn:
        assert await conn.fetchval("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    await db.close()


async def test_a_right_that_lacks_is_named(database_url: str) -> None:
    db = await connect(database_url)
    async with db.connection() as conn:
        await conn.execute("create role wanjia_guest login password 'guest'")
    parts = urlsplit(database_url)
    guest = await connect(parts._replace(netloc=f"wanjia_guest:guest@{parts.netloc.rpartition('@')[2]}").geturl())
    with pytest.raises(ConfigError, match=r"permission denied.*grant the user of WANJIA_DATABASE_URL"):
        await migrate(guest)
    await guest.close()
    async with db.connection() as conn:
        await conn.execute("drop role wanjia_guest")
    await db.close()


async def test_a_changed_file_is_refused(database: Database, folder: Path) -> None:
    with (folder / "0001_registry.sql").open("a") as file:
        file.write("-- another text\n")
    with pytest.raises(ConfigError, match=r"another 0001_registry\.sql.*never changed"):
        await migrate(database, folder)


async def test_a_newer_database_is_refused(database: Database, database_url: str, folder: Path) -> None:
    (folder / "9000_future.sql").write_text("create table future (x integer);")
    fresh = await connect(database_url)
    assert (await migrate(fresh, folder))[-1] == "9000_future.sql"
    for attempt in (migrate(fresh), pending(fresh), connect(database_url)):
        with pytest.raises(ConfigError, match=r"9000_future\.sql.*install the newer Wanjia"):
            await attempt
    await fresh.close()
