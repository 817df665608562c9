"""The role as it runs: a real server on a real port, pushes that are durable, live events, a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api import app
from api.push import MOST_BYTES
from api.services import Services
from config.errors import ConfigError
from config.quality import Flag
from config.samples import MICROSECOND, SampleBatch, now_us
from config.settings import Settings
from storage.errors import StreamFull, TooSlow, Unavailable
from storage.stream import Stream
from tests.api.conftest import OTHER, USCC, World, assert_problem
from tests.conftest import NatsAddress
from tests.waiting import until

pytestmark = pytest.mark.servers


@dataclass
class Role:
    """The role at work."""

    url: str
    stop: asyncio.Event
    task: asyncio.Task[None]


@contextlib.asynccontextmanager
async def running(settings: Settings, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Role]:
    caplog.set_level("INFO", "api")
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(settings, stop))

    def address() -> str | None:
        found = re.search(r"listening on (http://\S+)", caplog.text)
        return found and found[1]

    async def ready() -> bool:
        if task.done():
            task.result()
        async with httpx.AsyncClient() as client:
            with contextlib.suppress(httpx.TransportError):
                return (await client.get(f"{address()}/readyz")).status_code == 200
        return False

    await until(address, what="the address is told")
    await until(ready, seconds=30, what="the role is ready")
    role = Role(address() or "", stop, task)
    try:
        yield role
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)


def reading(**changes: Any) -> dict[str, Any]:
    good = {"meter": "M-1", "quantity": "active_power", "time": "2026-01-02T00:00:00Z", "value": 1.5}
    return {**good, **changes}


async def samples(stream: Stream, lane: str, count: int) -> list[SampleBatch]:
    """What lies in a lane."""
    found = (await stream.lanes())[lane]
    held: list[bytes] = []

    async def arrived() -> bool:
        await found.ask()
        held.extend(message.data for message in found.take(2**20))
        return len(held) >= count

    await until(arrived, what=f"{count} messages in the lane {lane}")
    return [SampleBatch.from_bytes(data) for data in held]


async def test_a_push_is_in_the_stream_when_it_is_answered(world: World) -> None:
    now = now_us() // MICROSECOND
    fresh = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 60))
    body = {"readings": [reading(time=fresh), reading(value="x"), reading(time=fresh, uscc=USCC, unit="W", value=2000)]}
    answer = await world.post("/v1/readings", "enterprise", json=body)
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 2,
        "refused": 1,
        "rows": [{"row": 2, "reason": "value: expected `float`, got `str`"}],
    }
    lines = gzip.compress("\n".join(json.dumps(reading(uscc=uscc)) for uscc in (USCC, OTHER)).encode())
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    answer = await world.post("/v1/readings", content=lines, headers=headers)
    assert answer.json() == {"accepted": 2, "refused": 0, "rows": []}
    (live,) = await samples(world.services.stream, "live", 1)
    power = world.point("E-1", "active_power")
    assert (live.point.tolist(), live.value.tolist()) == ([power, power], [1.5, 2.0])
    assert set(live.flags.tolist()) == {Flag.SENDER_CLOCK}
    backfill = await samples(world.services.stream, "backfill", 2)
    assert {int(batch.point[0]) for batch in backfill} == {power, world.point("E-1", "active_power", OTHER)}
    metrics = (await world.client.get("/metrics")).text
    assert 'wanjia_push_rows_total{verdict="accepted"} 4.0' in metrics
    assert 'wanjia_stream_backlog_messages{lane="backfill"} 2.0' in metrics
    assert "wanjia_quarantine_messages 0.0" in metrics
    await world.services.stream.quarantine(USCC, b"?", "not JSON", "meters.x")
    assert "wanjia_quarantine_messages 1.0" in (await world.client.get("/metrics")).text


async def test_pushes_that_are_refused(world: World) -> None:
    none = await world.post("/v1/readings", "enterprise", json={"readings": [reading(uscc=OTHER)]})
    body = assert_problem(none, 422, "no-reading-accepted")
    assert (body["accepted"], body["refused"]) == (0, 1)
    assert f"this key pushes for {USCC} only" in body["rows"][0]["reason"]
    assert_problem(await world.post("/v1/readings", "regulator", json={"readings": []}), 403, "forbidden")
    assert_problem(await world.post("/v1/readings", content=b"{"), 415, "unsupported-media-type")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert_problem(await world.post("/v1/readings", content=b"{}", headers=form), 415, "unsupported-media-type")
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    assert_problem(await world.post("/v1/readings", content=b"{", headers=json_type), 400, "unreadable-body")
    bomb = gzip.compress(bytes(MOST_BYTES * 4))
    packed = {**json_type, "Content-Encoding": "gzip"}
    assert_problem(await world.post("/v1/readings", content=bomb, headers=packed), 413, "body-too-large")
    assert (await world.post("/v1/readings", json={"readings": []})).json() == {"accepted": 0, "refused": 0, "rows": []}
    assert_problem(await world.client.post("/v1/readings", json={"readings": []}), 401, "key-needed")


async def test_a_stream_that_takes_nothing_is_said_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full by its own limit, and, by injected errors, away; a query cut by the time limit."""
    await world.services.stream.close()
    small = Services(world.db, None)
    nothing_there = await world.post("/v1/readings", json={"readings": [reading(uscc=USCC)]})
    assert_problem(nothing_there, 503, "unavailable")
    assert nothing_there.headers["retry-after"] == "5"

    async def full(*_: object) -> None:
        raise StreamFull("the stream is full")

    monkeypatch.setattr(Stream, "publish", full)
    refused = await world.post("/v1/readings", json={"readings": [reading(uscc=USCC)]})
    assert_problem(refused, 503, "stream-full")
    assert refused.headers["retry-after"] == "60"
    with pytest.raises(Unavailable):
        _ = small.stream

    async def slow(*_: object, **__: object) -> None:
        raise TooSlow("cut")

    monkeypatch.setattr("storage.views.profiles", slow)
    assert_problem(await world.get("/v1/profiles"), 504, "query-timeout")


async def test_a_statement_that_runs_too_long_is_cut(world: World) -> None:
    async def long() -> None:
        async with world.db.transaction() as conn:
            await conn.execute("set local statement_timeout = 50")
            await conn.execute("select pg_sleep(5)")

    with pytest.raises(TooSlow):
        await long()


async def test_a_full_stream_refuses_and_holds_what_it_took(world: World, nats: NatsAddress) -> None:
    await world.services.stream.close()
    tiny = await Stream.connect(nats.url, 100_000)
    await tiny.lanes()
    world.services._stream = tiny
    try:
        answers = []
        for _ in range(40):
            pushed = [reading(uscc=USCC, time=f"2026-01-02T00:{n // 60:02}:{n % 60:02}Z") for n in range(500)]
            answers.append(await world.post("/v1/readings", json={"readings": pushed}))
            if answers[-1].status_code != 202:
                break
        assert_problem(answers[-1], 503, "stream-full")
        assert len(answers) > 1
        assert (await tiny.backlog())["backfill"] == len(answers) - 1
    finally:
        await tiny.close()


async def test_signing_in(world: World) -> None:
    wrong = await world.client.post("/v1/session", json={"key": "wanjia_wrong"})
    assert_problem(wrong, 401, "key-needed")
    assert wrong.headers["www-authenticate"] == "Bearer"
    signed = await world.client.post("/v1/session", json={"key": world.keys["enterprise"]})
    assert signed.json() == {"name": "enterprise", "role": "enterprise", "scope": USCC}
    cookie = signed.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert (await world.client.get("/v1/session")).json()["name"] == "enterprise"
    bearer = {"Authorization": f"Bearer {world.keys['regulator']}"}
    assert (await world.client.get("/v1/session", headers=bearer)).json()["name"] == "regulator"
    assert (await world.client.delete("/v1/session")).status_code == 204
    assert_problem(await world.client.get("/v1/session"), 401, "key-needed")


async def events(client: httpx.AsyncClient, url: str, key: str, heard: list[tuple[str, Any]]) -> None:
    """Listen until the server ends it."""
    headers = {"X-API-Key": key}
    async with client.stream("GET", f"{url}/v1/stream", headers=headers, timeout=None) as response:
        heard.append(("open", response.headers["content-type"]))
        event = ""
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                heard.append((event, json.loads(value)))


async def test_the_role_serves_listens_and_stops(
    world: World, role_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(role_settings, caplog) as role, httpx.AsyncClient() as client:
        heard: dict[str, list[tuple[str, Any]]] = {"admin": [], "regulator": []}
        listening = [
            asyncio.create_task(events(client, role.url, world.keys[name], told)) for name, told in heard.items()
        ]
        await until(lambda: all(heard.values()), what="both listen")
        batch = SampleBatch.from_rows([(world.point("E-1", "active_power"), now_us(), 5.0)])

        async def told() -> bool:
            await world.services.stream.notify(f"events.readings.{USCC}", batch.to_bytes(), {"Lane": "live"})
            await world.services.stream.notify(f"events.alerts.{OTHER}", b'{"id": 1}')
            await asyncio.sleep(0.1)
            names = [{name for name, _ in told} for told in heard.values()]
            return {"readings", "alert"} <= names[0] and "alert" in names[1]

        await until(told, what="events arrive")
        assert {name for name, _ in heard["admin"]} == {"open", "readings", "alert"}
        assert {name for name, _ in heard["regulator"]} == {"open", "alert"}
        readings = next(data for name, data in heard["admin"] if name == "readings")
        assert readings["uscc"] == USCC
        assert readings["items"][0]["value"] == 5.0
        one = await client.get(f"{role.url}/v1/metering-points/{USCC}/E-1", headers={"X-API-Key": world.keys["admin"]})
        assert one.json()["last"]["value"] == 5.0
        began = time.monotonic()
        role.stop.set()
        await asyncio.wait_for(role.task, 10)
        assert time.monotonic() - began < 5
        await asyncio.wait_for(asyncio.gather(*listening), 5)


async def test_ten_megabytes_get_a_clear_answer(
    world: World, role_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"X-API-Key": world.keys["admin"], "Content-Type": "application/json"}
    async with running(role_settings, caplog) as role, httpx.AsyncClient(timeout=30) as client:
        large = await client.post(f"{role.url}/v1/readings", content=bytes(10 * 2**20), headers=headers)
        assert "8 MiB" in assert_problem(large, 413, "body-too-large")["detail"]

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(160):
                yield bytes(2**16)

        chunked = await client.post(f"{role.url}/v1/readings", content=pieces(), headers=headers)
        assert_problem(chunked, 413, "body-too-large")
        busy = role_settings.model_copy(update={"http": role.url.removeprefix("http://")})
        with pytest.raises(ConfigError, match=r"WANJIA_HTTP: cannot listen on 127\.0\.0\.1:\d+: .*another host:port"):
            await app.run(busy, asyncio.Event())


async def test_an_address_of_another_machine_is_refused(role_settings: Settings) -> None:
    elsewhere = role_settings.model_copy(update={"http": "192.0.2.1:8000"})
    with pytest.raises(ConfigError, match="an address of this machine"):
        await app.run(elsewhere, asyncio.Event())


async def test_it_starts_before_its_servers(role_settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """Alive and saying what it lacks while the database is down; it stops all the same."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    lost = role_settings.model_copy(update={"database_url": f"postgresql://x@127.0.0.1:{port}/x"})
    stop = asyncio.Event()
    caplog.set_level("INFO", "api")
    task = asyncio.create_task(app.run(lost, stop))
    await until(lambda: "tried again" in caplog.text, what="the outage is said")
    found = re.search(r"listening on (http://\S+)", caplog.text)
    assert found
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{found[1]}/healthz")).status_code == 200
        assert (await client.get(f"{found[1]}/readyz")).status_code == 503
    stop.set()
    await asyncio.wait_for(task, 10)
    assert caplog.text.count("tried again") == 1
