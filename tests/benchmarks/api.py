"""What a year of a metering point costs over HTTP, and beside FastAPI's own way of answering.

    python -m tests.benchmarks.api [DATABASE_URL NATS_URL]

Without addresses it runs on embedded servers of its own. A year of quarter hours of POINTS metering points is stored in
order of time, so that a point's rows lie scattered. REQUESTS requests go over loopback to the API role in a process of
its own. The answer's bytes are then made from the same columns by our route and by a route with a response model, in
turns.
"""

import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.types import Message

from api import series
from api.consumption import Buckets, buckets
from api.models import Consumption
from api.series import QUALITY, Times
from api.times import local
from config.samples import MICROSECOND, now_us
from storage import access, embedded, intervals, registry
from storage.changes import later_readings
from storage.database import Database
from storage.intervals import IntervalColumns, Ranges
from storage.points import Point, load_points
from tests.benchmarks.ingest_sql import fresh
from tests.homes import temporary_home
from tests.waiting import until

POINTS, REQUESTS, ROUNDS = 24, 72, 7
MOST_MS, LEAST_RATIO = 150.0, 20.0
USCC, ZONE = "91110000600037341L", "Asia/Shanghai"
START = 1_735_660_800 * MICROSECOND  # 2025-01-01T00:00+08:00
QUARTER, DAYS = 900 * MICROSECOND, 365
QUERY = "interval=15m&from=2025-01-01T00:00:00%2B08:00&to=2026-01-01T00:00:00%2B08:00"
HEAD: dict[str, Any] = {
    "metering_point": "E-0", "quantity": "active_energy_import", "unit": "kWh", "interval": "15m", "zone": ZONE,
    "as_of": local(START, ZONE),
}  # fmt: skip


class Bucket(BaseModel):
    """A row of the answer as a model, the way FastAPI's documentation shows."""

    start: datetime
    value: float | None
    quality: str
    expected: int
    received: int
    estimated: int


class Rows(BaseModel):
    metering_point: str
    quantity: str
    unit: str
    interval: str
    zone: str
    items: list[Bucket]


def registry_text() -> str:
    head = f"enterprises:\n- uscc: {USCC}\n  name: Works\n  region: '110105'\n  metering_points:\n"
    points = "".join(f"  - {{code: E-{n}, name: E, carrier: electricity}}\n" for n in range(POINTS))
    meters = "".join(
        f"  - {{code: M-{n}, profile: chint-dtsu666, at: E-{n}, from: 2025-01-01T00:00:00+08:00, driver: modbus-tcp, "
        f"address: 10.0.0.{n}:502, unit: 1, every: 60s}}\n"
        for n in range(POINTS)
    )
    return f"{head}{points}  meters:\n{meters}"


async def fill(db: Database) -> dict[str, Point]:
    """Meters and a year of intervals, a few of them missing; the counting point of each metering point."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "registry.yaml"
        file.write_text(registry_text(), "utf-8")
        await registry.apply(db, file, actor="bench")
    table = await load_points(db)
    points = {code: table.points[ids["active_energy_import"]] for (_, code), ids in table.by_metering_point.items()}
    chosen = np.random.default_rng(1)
    for day in range(DAYS):
        await _store_day(db, np.array([point.id for point in points.values()], np.int32), day, chosen)
    await db.pool.execute("vacuum analyze metered_interval")
    return points


async def _store_day(db: Database, points: Any, day: int, chosen: np.random.Generator) -> None:
    start = START + day * 96 * QUARTER
    point, at = np.repeat(points, 96), np.tile(start + np.arange(96) * QUARTER, len(points))
    there = chosen.random(len(point)) > 0.005
    point, at = point[there], at[there]
    full = np.ones(len(point), np.int32)
    value = np.round(chosen.random(len(point)) * 100, 3)
    quality = chosen.choice(3, len(point), p=(0.97, 0.01, 0.02)).astype(np.int16)
    received = full * 15 - (chosen.random(len(point)) > 0.9)
    columns = IntervalColumns(point, at, full * 900, value, quality, quality * 0, full * 15, received)
    async with db.transaction() as conn:
        whole = np.full(len(points), start)
        await intervals.replace(conn, columns, Ranges(points, whole, whole + 96 * QUARTER), later_readings())


@asynccontextmanager
async def role(database_url: str, nats_url: str) -> AsyncIterator[str]:
    """The API role as a process; its address."""
    environment = {**os.environ, "WANJIA_DATABASE_URL": database_url, "WANJIA_NATS_URL": nats_url}
    environment["WANJIA_HTTP"] = "127.0.0.1:0"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wanjia", "api", env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr
    try:
        address = None
        while address is None:
            line = (await process.stderr.readline()).decode()
            if not line:
                raise RuntimeError("the API role has ended")
            address = re.search(r"listening on (http://\S+)", line)
        yield address[1]
    finally:
        process.terminate()
        await process.communicate()


async def requests(address: str, key: str, accept_encoding: str) -> list[float]:
    """Milliseconds of each request, of one metering point after the other."""
    headers = {"X-API-Key": key, "Accept-Encoding": accept_encoding}
    taken = []
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
        await until(lambda: _ready(client), seconds=30, what="the API role is ready")
        for number in range(REQUESTS):
            start = time.perf_counter()
            answer = await client.get(f"/v1/metering-points/{USCC}/E-{number % POINTS}/consumption?{QUERY}")
            taken.append((time.perf_counter() - start) * 1000)
            if answer.status_code != 200 or len(answer.json()["value"]) != DAYS * 96:
                raise RuntimeError(answer.text[:500])
    return taken


async def _ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


def routes(columns: Buckets, at: Any) -> FastAPI:
    """The same columns answered in three ways."""
    app = FastAPI()
    words = np.array(QUALITY, object)

    @app.get("/ours", response_model=Consumption)
    async def ours() -> Any:
        return series.answer("application/json", HEAD, {"start": Times(at), **series.bucket_columns(columns)}, ZONE)

    @app.get("/rows", response_model=Rows)
    async def rows() -> Any:
        names = ("start", "value", "quality", "expected", "received", "estimated")
        return {**HEAD, "items": [dict(zip(names, row, strict=True)) for row in zip(*lists(), strict=True)]}

    @app.get("/columns", response_model=Consumption)
    async def columnar() -> Any:
        names = ("start", "value", "quality", "expected", "received", "estimated")
        return {**HEAD, **dict(zip(names, lists(), strict=True))}

    def lists() -> list[list[Any]]:
        values = [None if value != value else value for value in columns.value.tolist()]
        counts = [column.tolist() for column in (columns.expected, columns.received, columns.estimated)]
        return [[local(one, ZONE) for one in at.tolist()], values, words[columns.quality].tolist(), *counts]

    return app


async def answer_ms(app: Callable[..., Awaitable[None]], path: str) -> float:
    """Milliseconds from the request to the last byte, without a network."""
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": path, "query_string": b"", "headers": []}
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    start = time.perf_counter()
    await app(scope, receive, send)
    taken = (time.perf_counter() - start) * 1000
    if sent[0]["status"] != 200:
        raise RuntimeError(f"{path} answered {sent[0]['status']}")
    return taken


async def compare(db: Database, point: Point) -> dict[str, float]:
    """Median milliseconds of each way to answer, in turns."""
    at = START + np.arange(DAYS * 96 + 1) * QUARTER
    async with db.connection() as conn:
        stored = await intervals.series(conn, np.array([point.id], np.int32), "15m", START, int(at[-1]))
    app = routes(buckets(point, stored, at, now_us()), at[:-1])
    laps: dict[str, list[float]] = {"/ours": [], "/rows": [], "/columns": []}
    for _ in range(ROUNDS):
        for path, taken in laps.items():
            taken.append(await answer_ms(app, path))
    return {path: statistics.median(taken) for path, taken in laps.items()}


async def measure(server_url: str, nats_url: str) -> bool:
    async with fresh(server_url) as db:
        name = await db.pool.fetchval("select current_database()")
        database_url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
        points = await fill(db)
        key = await access.create(db, "bench", "admin", actor="bench")
        async with role(database_url, nats_url) as address:
            plain = await requests(address, key, "identity")
            packed = await requests(address, key, "gzip")
        ways = await compare(db, next(iter(points.values())))
    return report(plain, packed, ways)


def report(plain: list[float], packed: list[float], ways: dict[str, float]) -> bool:
    good = True
    print(f"a year of quarter hours (35,040) of one of {POINTS} points, {REQUESTS} requests over loopback")
    for name, taken in (("as JSON", plain), ("as JSON, gzip", packed)):
        p50, p95 = np.percentile(taken, (50, 95))
        print(f"  {name:<14} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   (p95 at most {MOST_MS:.0f} ms)")
        good = good and (name != "as JSON" or p95 <= MOST_MS)
    print("the answer from the same columns in memory")
    names = {"/ours": "ready bytes", "/rows": "response_model of rows", "/columns": "response_model of columns"}
    for path, name in names.items():
        print(f"  {name:<26} {ways[path]:7.1f} ms   {ways[path] / ways['/ours']:5.1f} x")
    ratio = ways["/rows"] / ways["/ours"]
    print(f"ready bytes are {ratio:.1f} x as fast as FastAPI's default (at least {LEAST_RATIO:.0f} x)")
    return good and ratio >= LEAST_RATIO


def main(*addresses: str) -> bool:
    if addresses:
        return asyncio.run(measure(*addresses))
    with (
        temporary_home() as home,
        embedded.postgres(home) as postgres,
        embedded.nats(home, "127.0.0.1:0") as nats,
    ):
        return asyncio.run(measure(postgres.url, nats.url))


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
