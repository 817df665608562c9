from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.settings import Settings, load
from storage.database import Database
from storage.stream import Stream
from tests.alerts.world import World
from tests.conftest import NatsAddress


@pytest.fixture
async def world(database: Database, stream: Stream) -> World:
    """An empty registry on real servers."""
    return World(database, stream)


@pytest.fixture
async def database_settings(postgres_url: str, database: Database, nats: NatsAddress, tmp_path: Path) -> Settings:
    """Settings of a role that works on the test's database and stream."""
    name = await database.pool.fetchval("select current_database()")
    url = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    return load({"WANJIA_DATABASE_URL": url, "WANJIA_NATS_URL": nats.url}, tmp_path / "none.toml")
