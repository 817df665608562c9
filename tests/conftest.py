"""Real servers for tests: one embedded pair per pytest process, a fresh database or empty streams per test.

WANJIA_TEST_DATABASE_URL (a superuser's) and WANJIA_TEST_NATS_URL (with WANJIA_TEST_MQTT_PORT) replace the embedded
ones.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from storage import embedded
from tests.examples import register_profiles
from tests.homes import temporary_home

if TYPE_CHECKING:
    from storage.database import Database
    from storage.stream import Stream


@dataclass(frozen=True)
class NatsAddress:
    """Where the stream of a test session is."""

    url: str
    mqtt_port: int


register_profiles()

GROUPS = {"timescale": "timescale", "slow": "heavy", "browser": "heavy"}
"""By marker: tests that share one process of pytest-xdist, as there is one such server, or as they need a core."""


SERVERS = {"postgres_url", "nats"}
"""The fixtures that start a server: whatever test needs one is marked so."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")
        for marker, group in GROUPS.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def _home() -> Iterator[Path]:
    with temporary_home() as home:
        yield home


@pytest.fixture(scope="session")
def postgres_url(_home: Path) -> Iterator[str]:
    """A PostgreSQL server, as superuser."""
    if url := os.environ.get("WANJIA_TEST_DATABASE_URL"):
        yield url
        return
    with embedded.postgres(_home) as lease:
        yield lease.url


@pytest.fixture(scope="session")
def nats(_home: Path) -> Iterator[NatsAddress]:
    """A NATS server with JetStream and MQTT."""
    if url := os.environ.get("WANJIA_TEST_NATS_URL"):
        yield NatsAddress(url, int(os.environ.get("WANJIA_TEST_MQTT_PORT", "1883")))
        return
    with embedded.nats(_home, "127.0.0.1:0") as lease:
        assert lease.state.mqtt_port
        yield NatsAddress(lease.url, lease.state.mqtt_port)


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A fresh, empty database."""
    with _database(postgres_url, "template0") as url:
        yield url


@pytest.fixture(scope="session")
def _migrated(postgres_url: str) -> Iterator[str]:
    """Name of a migrated database to clone. Nobody may be connected to it while it is cloned."""
    with _database(postgres_url, "template0") as url:
        _in_own_loop(lambda: _migrate(url))
        yield urlsplit(url).path[1:]


@pytest.fixture
async def database(postgres_url: str, _migrated: str) -> AsyncIterator["Database"]:
    """A connection pool to a fresh, migrated database."""
    from storage.database import Database

    with _database(postgres_url, _migrated) as url:
        connected = await Database.connect(url, role="test")
        yield connected
        await connected.close()


@pytest.fixture
async def stream(nats: NatsAddress) -> AsyncIterator["Stream"]:
    """A connected Stream, everything in it empty."""
    from storage.stream import Stream

    await _empty(nats.url)
    connected = await Stream.connect(nats.url)
    await connected.lanes()  # as ingest does it: NATS' own stream may have another capacity from an earlier test
    yield connected
    await connected.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a registry file."""

    def to_file(text: str) -> Path:
        path = tmp_path / "registry.yaml"
        path.write_text(text, "utf-8")
        return path

    return to_file


@contextmanager
def _database(server_url: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    _in_own_loop(execute)


async def _migrate(url: str) -> None:
    from storage.database import Database
    from storage.migrate import migrate

    database = await Database.connect(url, role="migrate")
    await migrate(database)
    await database.close()


async def _empty(url: str) -> None:
    """Delete every stream and bucket; those of NATS' MQTT stay, without what devices have sent."""
    import nats

    connection = await nats.connect(url)
    jetstream = connection.jetstream()
    for info in await jetstream.streams_info():
        if info.config.name and not info.config.name.startswith("$MQTT"):
            await jetstream.delete_stream(info.config.name)
        elif info.config.name == "$MQTT_msgs":
            await jetstream.purge_stream("$MQTT_msgs")
    await connection.close()


def _in_own_loop(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine beside the loop that the test may be running in."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(make())).result()
