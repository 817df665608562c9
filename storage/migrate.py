"""Bring a database to the schema of this program: numbered files, each applied once, remembered by checksum."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from config.errors import ConfigError, Fault
from storage.queries import FOLDER, SQL

if TYPE_CHECKING:
    from storage.database import Connection, Database, Engine

MIGRATIONS = FOLDER / "migrations"

_FILE = re.compile(r"(\d{4})_\w+(?:\.(postgres|timescale))?\.sql")
_LOCK = 0x57414E4A
"""Advisory lock: one process migrates, the others wait for it."""
_CANNOT = (asyncpg.SyntaxOrAccessError, asyncpg.FeatureNotSupportedError, asyncpg.InvalidParameterValueError)
"""A server that lacks something, or a right on it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; `engine` None means both."""

    number: int
    name: str
    engine: str | None
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(engine: Engine | None = None, folder: Path = MIGRATIONS) -> list[Migration]:
    """The files for this engine (None: for any), by number."""
    found = []
    for file in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise ValueError(f"{file.name}: a migration is named NNNN_name.sql or NNNN_name.<engine>.sql")
        if engine is None or match[2] in (None, engine):
            found.append(Migration(int(match[1]), file.name, match[2], file.read_text("utf-8")))
    return found


async def migrate(db: Database, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing, all of it or nothing, and return the names of the files applied.

    Raises ConfigError if the database is newer than this program or was made by other files than these.
    """
    async with db.transaction() as conn:
        await conn.execute("set local statement_timeout = 0")
        await conn.execute(SQL["migration_lock"], _LOCK)
        with _able(db.engine):
            await conn.execute(SQL["migration_table"])
        missing = await _missing(conn, db.engine, folder)
        for migration in missing:
            with _able(db.engine, migration.name):
                await conn.execute(migration.text)
            await conn.execute(SQL["migration_done"], migration.number, migration.name, migration.checksum)
    return [migration.name for migration in missing]


async def pending(db: Database) -> list[str]:
    """Names of the migrations this database lacks; empty when its schema is current."""
    async with db.connection() as conn:
        return [migration.name for migration in await _missing(conn, db.engine, MIGRATIONS)]


async def refuse_older(db: Database) -> None:
    """Raise ConfigError if this database lacks migrations: no role can work on it."""
    missing = await pending(db)
    if missing:
        raise _fault(f"lacks {', '.join(missing)}", "run `wanjia migrate`")


async def refuse_newer(conn: Connection, folder: Path = MIGRATIONS) -> None:
    """Raise ConfigError if a newer program has migrated this database."""
    known = max(migration.number for migration in migrations(folder=folder))
    newer = [name for number, (name, _) in (await _applied(conn)).items() if number > known]
    if newer:
        raise _fault(f"has {', '.join(newer)}, which this program does not know", "install the newer Wanjia")


@contextmanager
def _able(engine: Engine, name: str = "its first table") -> Iterator[None]:
    try:
        yield
    except _CANNOT as error:
        fix = "grant the user of WANJIA_DATABASE_URL the right to create tables and extensions in this database"
        if engine == "timescale":
            fix += ", have TimescaleDB 2.18 or newer under its own licence, or take a server without it"
        raise _fault(f"cannot be made ({name}): {error}", fix) from error


async def _missing(conn: Connection, engine: Engine, folder: Path) -> list[Migration]:
    await refuse_newer(conn, folder)
    applied = await _applied(conn)
    missing = []
    for migration in migrations(engine, folder):
        if migration.number not in applied:
            missing.append(migration)
        elif applied[migration.number] != (migration.name, migration.checksum):
            raise _fault(
                f"was made with another {applied[migration.number][0]} than this program's {migration.name}",
                "restore the file; an applied migration is never changed, a new one is added",
            )
    return missing


async def _applied(conn: Connection) -> dict[int, tuple[str, str]]:
    if not await conn.fetchval(SQL["migration_table_exists"]):
        return {}
    rows = await conn.fetch(SQL["migrations_applied"])
    return {row["number"]: (row["name"], row["checksum"]) for row in rows}


def _fault(what: str, fix: str) -> ConfigError:
    return ConfigError([Fault("database schema", what, fix)])
