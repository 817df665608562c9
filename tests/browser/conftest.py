"""The console in a real Chromium, over the real API, ingest and watch in one loop, with two enterprises' readings."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from alerts import watch
from api.app import create_app
from api.services import Services
from collector import ingest
from config.samples import MICROSECOND, SampleBatch
from config.settings import Settings
from storage import access, publication, registry
from storage.database import Database
from storage.points import load_points
from storage.stream import Stream
from tests.conftest import NatsAddress
from tests.waiting import until

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WORKS, DAIRY = "91110000600037341L", "91350100M000100Y43"
CADENCE = 300
KEPT = ("active_energy_import", "active_power")
DAY = 86_400
REGISTRY = """\
defaults: {{expected_from: {since}}}
enterprises:
  - uscc: 91110000600037341L
    name: 北京示例工厂
    region: "110105"
    industry: C31
    metering_points:
      - {{code: E-1, name: 总进线, carrier: electricity, boundary: true, quantities: [{kept}]}}
      - {{code: E-2, name: 二车间, carrier: electricity, level: 2, parent: E-1, quantities: [{kept}]}}
      - {{code: V-1, name: 其他, carrier: electricity, level: 2, formula: {{E-1: 1, E-2: -0.5}}}}
    meters:
      - {{code: M-1, profile: chint-dtsu666, at: E-1, from: {since}, ct: 100,
         driver: modbus-tcp, address: 10.0.0.5:502, unit: 1, every: 300s}}
      - {{code: M-2, profile: chint-dtsu666, at: E-2, from: {since},
         driver: modbus-tcp, address: 10.0.0.5:502, unit: 2, every: 300s}}
  - uscc: 91350100M000100Y43
    name: 福州示例乳品厂
    region: "350102"
    industry: C14
    metering_points:
      - {{code: E-1, name: 总进线, carrier: electricity, boundary: true, quantities: [{kept}]}}
    meters:
      - {{code: M-1, profile: chint-dtsu666, at: E-1, from: {since}, ct: 10,
         driver: modbus-tcp, address: 10.0.1.5:502, unit: 1, every: 300s}}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("browser") and CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="NO CHROMIUM: the console is not tested; apt-get install chromium"))


@dataclass
class Console:
    """A signed-in page, and what is behind it."""

    address: str
    key: str
    db: Database
    browser: Browser
    midnight: int
    """Start of today in the enterprises' zone, seconds since 1970."""
    problems: list[str] = field(default_factory=list)
    """What must not happen: console errors, exceptions, requests to other origins."""

    @asynccontextmanager
    async def page(self, locale: str = "zh-CN", width: int = 1366, height: int = 768) -> AsyncIterator[Page]:
        """A page of a fresh profile; its browser is in another zone than the enterprises."""
        context = await self.browser.new_context(
            locale=locale, viewport={"width": width, "height": height}, timezone_id="America/New_York"
        )
        context.set_default_timeout(15_000)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text, message.location["url"]))
        page.on("request", lambda request: self._asked(request.url))
        yield page
        await context.close()

    @asynccontextmanager
    async def signed_in(self, path: str = "/", **about: str | int) -> AsyncIterator[Page]:
        async with self.page(**about) as page:  # type: ignore[arg-type]
            await page.goto(f"{self.address}/#key={self.key}")
            await page.wait_for_selector(".live[data-state=live]")
            if path != "/":
                await page.goto(f"{self.address}/#{path}")
            yield page

    async def push(self, meter: str, quantity: str, value: float, uscc: str = WORKS) -> None:
        """A reading of now, as a device would push it."""
        row = {"uscc": uscc, "meter": meter, "quantity": quantity, "value": value, "time": iso(time.time())}
        async with httpx.AsyncClient(base_url=self.address, headers={"X-API-Key": self.key}) as client:
            answer = await client.post("/v1/readings", json={"readings": [row]})
            assert answer.status_code == 202, answer.text

    async def post(self, path: str, body: dict[str, object]) -> None:
        """Done by somebody else at the same time."""
        async with httpx.AsyncClient(base_url=self.address, headers={"X-API-Key": self.key}) as client:
            answer = await client.post(path, json=body)
            assert answer.status_code == 200, answer.text

    def _said(self, kind: str, text: str, url: str) -> None:
        """Being told that nobody is signed in is part of signing in."""
        if kind in ("error", "warning") and not (url.endswith("/v1/session") and "401" in text):
            self.problems.append(f"{kind}: {text} {url}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "blob:", "about:")):
            self.problems.append(f"asked {url}")


@pytest.fixture
async def console(
    database: Database, stream: Stream, postgres_url: str, nats: NatsAddress, tmp_path: Path
) -> AsyncIterator[Console]:
    """Fails a test whose page did what it must not."""
    name = await database.pool.fetchval("select current_database()")
    url = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    settings = Settings(database_url=url, nats_url=nats.url, home=tmp_path)
    midnight = int(time.time() + 8 * 3600) // DAY * DAY - 8 * 3600
    file = tmp_path / "registry.yaml"
    file.write_text(REGISTRY.format(since=iso(midnight - 3 * DAY), kept=", ".join(KEPT)), "utf-8")
    await registry.apply(database, file, actor="test")
    await publication.publish(database, stream.registry)
    key = await access.create(database, "班长", "operator", actor="test")

    async with _role(lambda stop: ingest.run(settings, stop)):
        await _history(database, stream, midnight)
        async with _role(lambda stop: watch.run(settings, stop)), _serving(settings) as address:
            await until(lambda: _count(database, "alert"), seconds=20, what="an alert about the silent meter")
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                made = Console(address, key, database, browser, midnight)
                yield made
                await browser.close()
            assert made.problems == []


@asynccontextmanager
async def _role(run: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.ensure_future(run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[str]:
    assert settings.database_url
    assert settings.nats_url
    services = Services()
    config = uvicorn.Config(
        create_app(services), port=0, lifespan="off", log_level="warning", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    working = asyncio.create_task(services.run(settings.database_url, settings.nats_url))
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started and len(services.points.points), what="the API")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        services.hub.close()
        server.should_exit = True
        await serving
        working.cancel()
        await asyncio.wait((working,))
        await services.close()


async def _history(db: Database, stream: Stream, midnight: int) -> None:
    """E-1 of the works: from 06:00 the day before yesterday until now, with a hole yesterday from 10:00 to 11:30.
    E-2: the same, but silent for two hours now. The dairy: today only. Registers of the E-1 rise by 0.05 a reading."""
    points = (await load_points(db)).by_metering_point
    now = int(time.time())
    spans = {
        (WORKS, "E-1"): (midnight - 2 * DAY + 6 * 3600, now),
        (WORKS, "E-2"): (midnight - 2 * DAY + 6 * 3600, now - 7200),
        (DAIRY, "E-1"): (midnight - CADENCE, now),
    }
    stored = 0
    for (uscc, code), (since, until_) in spans.items():
        times = np.arange(since, until_, CADENCE)
        hole = (times > midnight - DAY + 10 * 3600) & (times < midnight - DAY + 11 * 3600 + 1800)
        times = times[~hole] if (uscc, code) == (WORKS, "E-1") else times
        register, power = 1000 + (times - since) / CADENCE * 0.05, 0.6 + 0.2 * np.sin(times / DAY * 2 * np.pi)
        for quantity, values in zip(KEPT, (register, power), strict=True):
            count = len(times)
            batch = SampleBatch(
                np.full(count, points[uscc, code][quantity], np.int32),
                times.astype(np.int64) * MICROSECOND,
                np.asarray(values, np.float64),
                np.zeros(count, np.int16),
                until_ * MICROSECOND,  # a silent meter is not one whose readings take long to arrive
            )
            await stream.publish(uscc, batch, "live")
            stored += count

    async def all_stored() -> bool:
        return await _count(db, "reading") == stored

    await until(all_stored, seconds=30, what=f"{stored} readings stored")


async def _count(db: Database, table: str) -> int:
    return int(await db.pool.fetchval(f"select count(*) from {table}"))  # noqa: S608


def iso(seconds: float) -> str:
    """An instant on the enterprises' clocks."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds + 8 * 3600)) + "+08:00"
