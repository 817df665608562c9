"""Webhooks: a real HTTP server, the real queue; only time is moved by hand."""

import asyncio
import contextlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import lifecycle, notify
from config.errors import ConfigError
from storage import notifications
from storage.notifications import Item
from tests.alerts.world import DAY, HOUR, MINUTE, SECOND, START, World
from tests.waiting import until

SECRET = "a secret of 24 characters"


@dataclass
class Receiver:
    """A webhook's server: what came, and how it answers."""

    url: str = ""
    status: int = 204
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    endless: bool = False
    """Answers a byte at a time, for ever."""

    open: int = 0
    """Connections."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            await self._answer(reader, writer)
        except ConnectionError:  # the sender has waited long enough
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        writer.write(b"HTTP/1.1 204 X\r\nA: " if self.endless else b"")
        while self.endless and not writer.is_closing():
            writer.write(b"a")
            await asyncio.sleep(0.02)
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    async with server:
        found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        yield found
        found.endless = False
        await until(lambda: not found.open, what="the receiver has closed its connections")


async def told(world: World) -> None:
    """One look of the notifier."""
    await notify.group(world.db, world.clock())
    async with httpx.AsyncClient(timeout=5) as client:
        await notify.deliver(world.db, client, world.clock)


async def silence(world: World) -> None:
    """Meter 1 falls silent and raises a gap alert."""
    await world.poll(world.points(1), START + 5 * MINUTE)
    world.clock.now = START + 10 * MINUTE
    await world.watch.cycle()


@pytest.mark.servers
async def test_a_notification_is_signed_and_tried_until_it_arrives(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        await notifications.set_webhook(world.db, "duty", hook.url, SECRET)
        hook.status = 503
        await silence(world)
        await told(world)
        assert hook.requests == [], "others may join the group first"
        world.clock.now += notify.WAIT
        await told(world)
        assert len(hook.requests) == 1
        await told(world)
        assert len(hook.requests) == 1, "not again before the back-off"
        first = (await notifications.log(world.db))[0]
        assert (first["state"], first["attempts"], first["last_error"]) == ("waiting", 1, "answered 503 X")
        hook.status = 204
        world.clock.now += 5 * SECOND
        await told(world)
        assert (await notifications.log(world.db))[0]["state"] == "sent"
    headers, body = hook.requests[1]
    assert body == hook.requests[0][1]
    timestamp, _, mac = headers["wanjia-signature"].removeprefix("t=").partition(",v1=")
    assert hmac.compare_digest(mac, hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, sha256).hexdigest())
    assert headers["wanjia-notification"] == str(first["id"])
    told_of = hook.bodies[1]
    assert told_of["count"] == 1
    assert told_of["alerts"][0]["rule"] == "gap"
    assert told_of["zh"].startswith("【发生】计量点 E-1")
    assert told_of["en"].startswith("[opened] Metering point E-1")


@pytest.mark.servers
async def test_it_is_given_up_after_a_day_and_the_reason_is_kept(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        dead = hook.url
        await notifications.set_webhook(world.db, "duty", hook.url, SECRET)
    async with world.watching():
        await notifications.set_webhook(world.db, "duty", dead, SECRET)
        await silence(world)
        world.clock.now += notify.WAIT
        attempts = 0
        while world.clock.now < START + DAY + HOUR:
            await told(world)
            world.clock.now += 15 * MINUTE
            attempts += 1
        final = (await notifications.log(world.db))[0]
    assert final["state"] == "given_up"
    assert final["last_error"].startswith("ConnectError")
    assert 90 <= final["attempts"] <= attempts


@pytest.mark.servers
async def test_a_webhook_that_never_ends_its_answer_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "TIMEOUT_S", 0.3)
    await world.register()
    async with receiver() as slow, receiver() as hook, world.watching():
        await notifications.set_webhook(world.db, "slow", slow.url, SECRET)
        await notifications.set_webhook(world.db, "duty", hook.url, SECRET)
        slow.endless = True
        await silence(world)
        world.clock.now += notify.WAIT
        await asyncio.wait_for(told(world), 3)
        slow.endless = False
        log = {row["webhook"]: row for row in await notifications.log(world.db)}
    assert (log["duty"]["state"], log["slow"]["state"]) == ("sent", "waiting")
    assert log["slow"]["last_error"] == "no answer within 0.3 s"


@pytest.mark.servers
async def test_no_password_of_a_broker_is_told(world: World) -> None:
    await world.register()
    await world.db.pool.execute("update connection set address = 'mqtt://me:hush@broker:1883/a/#'")
    async with receiver() as hook, world.watching():
        await notifications.set_webhook(world.db, "duty", hook.url, SECRET)
        await world.poll(world.points(1), START + 5 * MINUTE)
        world.clock.now = START + 30 * MINUTE
        await world.watch.cycle()
        world.clock.now += notify.WAIT
        await told(world)
    assert hook.bodies[0]["alerts"][0]["evidence"]["address"] == "mqtt://me:***@broker:1883/a/#"
    assert b"me:***@" in hook.requests[0][1]
    assert b"hush" not in hook.requests[0][1]


@pytest.mark.servers
async def test_who_was_not_told_of_the_opening_is_not_told_of_the_end(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        await notifications.set_webhook(world.db, "duty", hook.url, SECRET)
        await notifications.set_webhook(world.db, "only the worst", hook.url, SECRET, "critical")
        await silence(world)
        await world.poll(world.points(1), world.clock.now + MINUTE)
        await world.watch.cycle()
        world.clock.now += HOUR
        await told(world)
    assert await world.alerts() == [("gap:E-1", "resolved")]
    assert hook.requests == []


@pytest.mark.servers
async def test_the_offline_alert_is_told_and_its_end_and_nothing_of_the_gap_it_took_over(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        await notifications.set_webhook(world.db, "duty", hook.url, SECRET)
        await silence(world)
        world.clock.now += notify.WAIT
        await told(world)
        world.clock.now = START + 30 * MINUTE
        await world.watch.cycle()
        world.clock.now += notify.WAIT
        await told(world)
        await world.poll(world.points(1), world.clock.now + MINUTE)
        await world.watch.cycle()
        world.clock.now += lifecycle.FLAP + notify.WAIT
        await told(world)
    events = [(group["event"], group["rule"]) for body in hook.bodies for group in body["groups"]]
    assert events == [("opened", "gap"), ("opened", "offline"), ("resolved", "offline")]


@pytest.mark.servers
async def test_a_webhook_that_cannot_be_used_is_refused_with_all_its_faults(world: World) -> None:
    with pytest.raises(ConfigError) as raised:
        await notifications.set_webhook(world.db, "duty", "duty.example.org", "short", "loud")
    assert [fault.where for fault in raised.value.faults] == [
        "webhook duty url",
        "webhook duty secret",
        "webhook duty min_severity",
    ]
    await notifications.set_webhook(world.db, "duty", "https://duty.example.org/hook", SECRET)
    assert "secret" not in (await notifications.webhooks(world.db))[0]
    assert await notifications.disable_webhook(world.db, "duty")
    assert not await notifications.disable_webhook(world.db, "night")


def items(count: int, per_gateway: int, gateways: int) -> list[Item]:
    """Alerts of meters behind gateways, `gateways` to an enterprise."""
    return [
        Item(
            n,
            n,
            "opened",
            "offline",
            "critical",
            f"U{n // per_gateway // gateways}",
            "企业",
            f"10.0.{n // per_gateway}:502",
        )
        for n in range(count)
    ]


def test_grouping_gets_coarser_the_more_a_webhook_was_told() -> None:
    some = items(60, 20, 2)
    assert [len(group) for group in notify.bundles(some, 0)] == [20, 20, 20]
    assert [len(group) for group in notify.bundles(some, 10)] == [40, 20]
    assert [len(group) for group in notify.bundles(some, 13)] == [60]


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 30), st.integers(1, 5)), min_size=1, max_size=60))
def test_however_much_happens_an_hour_has_at_most_twenty(storms: list[tuple[int, int, int]]) -> None:
    """A minute apart, each storm as it would be grouped at its time."""
    sent: list[int] = []
    everything: list[Item] = []
    waiting: list[Item] = []
    for minute, storm in enumerate(storms):
        waiting += items(*storm)
        ready = len(sent) < notify.BUDGET or minute * MINUTE - sent[-1] * MINUTE >= notify.DIGEST
        if ready:
            groups = notify.bundles(waiting, len(sent))
            sent += [minute] * len(groups)
            everything += [item for group in groups for item in group]
            waiting = []
    assert len(sent) <= 20
    assert len(everything) + len(waiting) == sum(count for count, _, _ in storms)
