"""Answers given while ingest writes without pause are the same when they are asked for again."""

import asyncio
import random
from urllib.parse import quote

import httpx
import numpy as np
import pytest

from api.app import create_app
from api.services import Services
from collector.ingest import run
from config.samples import MICROSECOND, SampleBatch
from config.settings import Settings
from storage import access
from storage.database import Database
from storage.embedded import servers
from storage.migrate import migrate
from storage.stream import Stream
from tests.collector.seed import USCC, seed
from tests.homes import temporary_home

pytestmark = [pytest.mark.servers, pytest.mark.slow]

START = 1_767_225_600 * MICROSECOND  # 2026-01-01T00:00Z
MINUTE = 60 * MICROSECOND
SPAN = "from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z"
QUESTIONS = [
    f"/v1/metering-points/{USCC}/E-1/consumption?interval=15m&{SPAN}",
    f"/v1/metering-points/{USCC}/E-2/consumption?interval=1h&{SPAN}",
    f"/v1/enterprises/{USCC}/consumption?interval=1d&{SPAN}",
]


async def send(stream: Stream, points: list[int], done: asyncio.Event) -> None:
    """Two days of readings in no order, so that most change what is shown."""
    minutes = list(range(2 * 1440))
    random.Random(1).shuffle(minutes)
    for minute in minutes:
        if done.is_set():
            return
        rows = [(point, START + minute * MINUTE, minute * 0.5 + point) for point in points]
        await stream.publish(USCC, SampleBatch.from_rows(rows), "live")
        await asyncio.sleep(0.002)


async def ask(client: httpx.AsyncClient, path: str) -> tuple[str, bytes]:
    response = await client.get(path)
    assert response.status_code == 200, response.text
    return response.headers["Wanjia-As-Of"], response.content


async def test_answers_under_load_can_be_asked_for_again() -> None:
    with temporary_home() as home:
        settings = Settings(home=home, mqtt="127.0.0.1:0")
        with servers(settings) as addresses:
            db = await Database.connect(addresses.database_url, role="api")
            await migrate(db)
            points = await seed(db, 2)
            key = await access.create(db, "me", "admin", actor="test")
            stream = await Stream.connect(addresses.nats_url)
            services = Services(db, stream)
            await services.reload()
            stop, done = asyncio.Event(), asyncio.Event()
            role = asyncio.create_task(run(settings, stop))
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://wanjia", headers={"X-API-Key": key}
            ) as client:
                sending = asyncio.create_task(send(stream, points, done))
                kept: list[tuple[str, str, bytes]] = []
                while len({body for *_, body in kept}) < 36:
                    kept += [(path, *await ask(client, path)) for path in QUESTIONS]
                done.set()
                await sending
                for path, as_of, body in kept:
                    assert await ask(client, f"{path}&as_of={quote(as_of)}") == (as_of, body)
            versions = await db.pool.fetchval("select count(*) from interval_version")
            stop.set()
            await asyncio.wait_for(role, 10)
            await stream.close()
            await db.close()
    assert versions > 10
    assert np.unique([as_of for _, as_of, _ in kept]).size > 10
