"""What the ingest role takes from the registry, and what it does for it, on real servers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from nats import connect
from nats.js.api import KeyValueConfig

from collector import ingest
from config.settings import Settings
from storage import publication, registry
from storage.database import Database
from storage.stream import Stream
from tests.conftest import NatsAddress
from tests.storage.registry import OWN_MAPPING, USCC, meter, text
from tests.waiting import until

pytestmark = pytest.mark.servers


@pytest.fixture
async def role(
    database: Database,
    stream: Stream,
    postgres_url: str,
    nats: NatsAddress,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[None]:
    """Ingest runs."""
    monkeypatch.setattr(publication, "CHECK_S", 0.2)
    name = await database.pool.fetchval("select current_database()")
    url = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    stop = asyncio.Event()
    task = asyncio.create_task(ingest.run(Settings(database_url=url, nats_url=nats.url, home=tmp_path), stop))
    yield
    stop.set()
    await asyncio.wait_for(task, 10)


async def apply(database: Database, folder: Path, content: str) -> None:
    file = folder / "registry.yaml"
    file.write_text(content, "utf-8")
    await registry.apply(database, file, actor="test")


@pytest.mark.usefixtures("role")
async def test_a_mapping_of_the_user_decodes_payloads(database: Database, stream: Stream, tmp_path: Path) -> None:
    (tmp_path / "payloads").mkdir()
    (tmp_path / "payloads" / "own.toml").write_text(OWN_MAPPING, "utf-8")
    pushed = "  - {code: M-1, driver: mqtt, mapping: own, at: E-1, from: 2026-01-01T00:00:00Z, ct: 100}\n"
    await apply(database, tmp_path, text(meters=pushed))
    await stream.publish_raw(f"meters.{USCC}.M-1.data", b'{"a": [123456, 7.5]}')

    async def stored() -> list[tuple[str, float]]:
        query = "select quantity, value from reading join point on point.id = point_id order by quantity"
        return [tuple(row) for row in await database.pool.fetch(query)]

    await until(stored, what="the readings stored")
    assert await stored() == [("active_energy_import", 1234.56), ("active_power", 7.5)]


@pytest.mark.usefixtures("role")
async def test_the_registry_is_kept_published(
    database: Database, stream: Stream, nats: NatsAddress, tmp_path: Path
) -> None:
    async def connections() -> list[str]:
        return await stream.registry.keys("connection.")

    end = datetime.now(UTC) + timedelta(seconds=5)
    await apply(database, tmp_path, text(meters=meter(f", to: '{end.isoformat()}'")))
    await until(connections, what="the connection told without a command")
    await _lose_the_bucket(nats.url)
    await until(connections, what="the lost bucket filled again")
    assert datetime.now(UTC) < end

    async def gone() -> bool:
        return not await connections()

    await until(gone, what="the end of the installation told")
    assert datetime.now(UTC) >= end


async def _lose_the_bucket(url: str) -> None:
    """As when the server came back with an empty disk."""
    client = await connect(url)
    await client.jetstream().delete_key_value("registry")
    await client.jetstream().create_key_value(KeyValueConfig(bucket="registry"))
    await client.close()
