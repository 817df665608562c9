"""The API role while its servers are killed and come back: it says so, keeps taking pushes, and recovers by itself."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from config.settings import load
from storage import access, embedded, publication, registry
from storage.database import Database
from storage.embedded.lease import Lease
from storage.migrate import migrate
from storage.stream import Stream
from tests.api.conftest import REGISTRY, assert_problem
from tests.api.test_run import reading, running
from tests.homes import temporary_home
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

BACK_S = 15


async def prepared(postgres: Lease, nats: Lease, folder: Path) -> str:
    """A registry on both servers, and an enterprise's key."""
    file = folder / "registry.yaml"
    file.write_text(REGISTRY, "utf-8")
    db, stream = await Database.connect(postgres.url, role="test"), await Stream.connect(nats.url)
    await migrate(db)
    await registry.apply(db, file, actor="test")
    await publication.publish(db, stream.registry)
    key = await access.create(db, "test", "enterprise", "91110000600037341L", actor="test")
    await db.close()
    await stream.close()
    return key


async def test_servers_are_killed_and_come_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        temporary_home() as home,
        embedded.postgres(home) as postgres,
        embedded.nats(home, "127.0.0.1:0") as nats,
    ):
        key = await prepared(postgres, nats, tmp_path)
        variables = {"WANJIA_DATABASE_URL": postgres.url, "WANJIA_NATS_URL": nats.url, "WANJIA_HTTP": "127.0.0.1:0"}
        settings = load(variables, tmp_path / "none.toml")
        headers = {"X-API-Key": key}
        async with running(settings, caplog) as role, httpx.AsyncClient(base_url=role.url, headers=headers) as client:

            async def listed() -> httpx.Response:
                return await client.get("/v1/enterprises", timeout=30)

            async def pushed() -> httpx.Response:
                return await client.post("/v1/readings", json={"readings": [reading()]}, timeout=30)

            assert (await listed()).status_code == 200
            assert (await pushed()).status_code == 202

            kill(postgres)
            assert (await pushed()).status_code == 202  # needs the stream alone
            await recovers(listed, 200)

            kill(nats)
            assert (await listed()).status_code == 200
            await recovers(pushed, 202)
            began = time.monotonic()
            role.stop.set()
            await asyncio.wait_for(role.task, 10)
            assert time.monotonic() - began < 8


def kill(server: Lease) -> None:
    pid = server.state.pid
    assert pid
    os.kill(pid, signal.SIGKILL)


async def recovers(ask: Callable[[], Awaitable[httpx.Response]], status: int) -> None:
    """The answer is `status` again for a whole second; until then it may only be a problem that says to wait."""
    good: list[float] = []

    async def lasting() -> bool:
        answer = await ask()
        if answer.status_code != status:
            assert_problem(answer, 503, "unavailable")
            good.clear()
            return False
        good.append(time.monotonic())
        return good[-1] - good[0] > 1

    await until(lasting, seconds=BACK_S, what="the server is back")
