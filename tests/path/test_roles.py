"""Roles on a database they cannot work on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from alerts import watch
from api import app
from collector import ingest
from config.errors import ConfigError
from config.settings import Settings, load
from tests.conftest import NatsAddress

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("role", [ingest.run, watch.run, app.run])
async def test_a_role_refuses_an_unmigrated_database(
    role: Callable[[Settings, asyncio.Event], Awaitable[None]], database_url: str, nats: NatsAddress, tmp_path: Path
) -> None:
    variables = {"WANJIA_DATABASE_URL": database_url, "WANJIA_NATS_URL": nats.url, "WANJIA_HTTP": "127.0.0.1:0"}
    with pytest.raises(ConfigError, match=r"0001_registry.*run `wanjia migrate`"):
        await asyncio.wait_for(role(load(variables, tmp_path / "none.toml"), asyncio.Event()), 30)
