"""Targets are told: a real HTTP server, the real queue; only time is moved by hand."""

import asyncio
import hmac
from dataclasses import replace
from hashlib import sha256

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import channels, notify
from alerts.channels import Channels
from alerts.message import trial
from storage import notifications, targets
from storage.notifications import Item, Pressure
from storage.targets import Target
from tests.alerts.receivers import Receiver, receiver
from tests.alerts.world import DAY, FLAP, HOUR, MINUTE, SECOND, START, World

SECRET = "a secret of 24 characters"


def duty(hook: Receiver) -> Target:
    return Target("duty", "webhook", hook.url, SECRET)


async def told(world: World) -> None:
    """One look of the notifier."""
    await notify.group(world.db, world.clock())
    async with httpx.AsyncClient(timeout=5) as client:
        await notify.deliver(world.db, Channels(client), world.clock)


async def silence(world: World) -> None:
    """Meter 1 falls silent and raises a gap alert."""
    await world.poll(world.points(1), START + 5 * MINUTE)
    world.clock.now = START + 10 * MINUTE
    await world.watch.cycle()


@pytest.mark.servers
async def test_a_notification_is_signed_and_tried_until_it_arrives(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        await targets.put(world.db, duty(hook), "ops")
        hook.status = 503
        await silence(world)
        await told(world)
        assert hook.requests == [], "others may join the group first"
        world.clock.now += notify.WAIT
        await told(world)
        assert len(hook.requests) == 1
        await told(world)
        assert len(hook.requests) == 1, "not again before the back-off"
        first = (await notifications.log(world.db)).items[0]
        assert (first["state"], first["attempts"], first["last_error"]) == ("waiting", 1, "answered 503 X")
        hook.status = 204
        world.clock.now += 5 * SECOND
        await told(world)
        assert (await notifications.log(world.db)).items[0]["state"] == "sent"
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
async def test_nobody_is_told_of_an_end_before_the_beginning_and_failures_wait_behind_others(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        await targets.put(world.db, duty(hook), "ops")
        hook.status = 503
        await silence(world)
        world.clock.now += notify.WAIT
        await told(world)
        await world.read(world.points(1), [world.clock.now])
        await world.watch.cycle()
        world.clock.now += FLAP + notify.WAIT
        await world.db.pool.execute("update notification set next_attempt = next_attempt + interval '1 day'")
        await told(world)
        assert len(hook.requests) == 1, "the end waits for the beginning"
        await targets.test(world.db, "duty", trial("duty", world.clock.now), world.clock.now)
        await world.db.pool.execute("update notification set next_attempt = created")
        first, *_ = await notifications.due(world.db, world.clock.now, 1)
        assert first.test, "it has not failed yet"
        hook.status = 204
        await told(world)
        await told(world)
    assert [body["zh"][:4] for body in hook.bodies[1:]] == ["测试通知", "【发生】", "【恢复】"]


@pytest.mark.servers
async def test_it_is_given_up_after_a_day_and_the_reason_is_kept(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        dead = hook.url
        await targets.put(world.db, duty(hook), "ops")
    async with world.watching():
        await targets.put(world.db, replace(duty(hook), address=dead), "ops")
        await silence(world)
        world.clock.now += notify.WAIT
        attempts = 0
        while world.clock.now < START + DAY + HOUR:
            await told(world)
            world.clock.now += 15 * MINUTE
            attempts += 1
        final = (await notifications.log(world.db)).items[0]
    assert final["state"] == "given_up"
    assert final["last_error"].startswith("ConnectError")
    assert 90 <= final["attempts"] <= attempts


@pytest.mark.servers
async def test_a_webhook_that_never_ends_its_answer_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TIMEOUT_S", 0.3)
    await world.register()
    async with receiver() as slow, receiver() as hook, world.watching():
        await targets.put(world.db, replace(duty(slow), name="slow"), "ops")
        await targets.put(world.db, duty(hook), "ops")
        slow.endless = True
        await silence(world)
        world.clock.now += notify.WAIT
        await asyncio.wait_for(told(world), 3)
        slow.endless = False
        log = {row["target"]: row for row in (await notifications.log(world.db)).items}
    assert (log["duty"]["state"], log["slow"]["state"]) == ("sent", "waiting")
    assert log["slow"]["last_error"] == "no answer within 0.3 s"


@pytest.mark.servers
async def test_no_password_of_a_broker_is_told(world: World) -> None:
    await world.register()
    await world.db.pool.execute("update connection set address = 'mqtt://me:hush@broker:1883/a/#'")
    async with receiver() as hook, world.watching():
        await targets.put(world.db, duty(hook), "ops")
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
        await targets.put(world.db, duty(hook), "ops")
        await targets.put(world.db, replace(duty(hook), name="only the worst", min_severity="critical"), "ops")
        await silence(world)
        await world.poll(world.points(1), world.clock.now + MINUTE)
        await world.watch.cycle()
        world.clock.now += HOUR
        await told(world)
    assert await world.alerts() == [("gap:E-1", "resolved")]
    assert hook.requests == []


@pytest.mark.servers
async def test_of_a_gap_that_goes_on_as_offline_is_told_that_it_became_graver_and_its_end(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        await targets.put(world.db, duty(hook), "ops")
        await silence(world)
        world.clock.now += notify.WAIT
        await told(world)
        world.clock.now = START + 30 * MINUTE
        await world.watch.cycle()
        world.clock.now += notify.WAIT
        await told(world)
        await world.poll(world.points(1), world.clock.now + MINUTE)
        await world.watch.cycle()
        world.clock.now += FLAP + notify.WAIT
        await told(world)
    events = [(group["event"], group["rule"]) for body in hook.bodies for group in body["groups"]]
    assert events == [("opened", "gap"), ("escalated", "offline"), ("resolved", "offline")]


@pytest.mark.servers
async def test_a_digest_gathers_everything_until_its_time(world: World) -> None:
    await world.register(2)
    await world.db.pool.execute("update connection set address = ''")
    async with receiver() as hook, world.watching():
        await targets.put(world.db, replace(duty(hook), digest="daily 17:00"), "ops")
        await silence(world)
        world.clock.now = START + 40 * MINUTE
        await world.watch.cycle()
        await told(world)
        assert hook.bodies == [], "it is 08:40"
        world.clock.now = START + 9 * HOUR
        await world.watch.cycle()
        await told(world)
    (body,) = hook.bodies
    assert [(group["event"], group["rule"]) for group in body["groups"]] == [("escalated", "offline")]
    assert body["count"] == 2, "neither that they opened before nor the gaps that went over into them"


@pytest.mark.servers
async def test_only_alerts_of_its_enterprise(world: World) -> None:
    await world.register(2, enterprises=2)
    async with receiver() as hook, world.watching():
        await targets.put(world.db, replace(duty(hook), enterprise="USCC-2"), "ops")
        await silence(world)
        await world.poll([], START + 40 * MINUTE)
        await world.watch.cycle()
        world.clock.now += notify.WAIT
        await told(world)
    assert [[alert["uscc"] for alert in body["alerts"]] for body in hook.bodies] == [["USCC-2"]]


@pytest.mark.servers
async def test_a_disabled_target_is_told_nothing_that_waited(world: World) -> None:
    await world.register()
    async with receiver() as hook, world.watching():
        await targets.put(world.db, duty(hook), "ops")
        hook.status = 503
        await silence(world)
        world.clock.now += notify.WAIT
        await told(world)
        world.clock.now += HOUR
        await world.watch.cycle()
        assert await targets.disable(world.db, "duty", "ops")
        await targets.put(world.db, duty(hook), "ops")
        await told(world)
    assert len(hook.requests) == 1
    (row,) = (await notifications.log(world.db)).items
    assert (row["state"], row["last_error"]) == ("given_up", "the target was disabled")


def pressure(digest: str, oldest: int, zone: str = "Asia/Shanghai") -> Pressure:
    return Pressure(1, digest, zone, oldest, 0, 0)


@pytest.mark.parametrize(
    ("digest", "zone", "oldest", "now", "due"),
    [
        ("hourly", "Asia/Shanghai", 10 * MINUTE, 59 * MINUTE, False),
        ("hourly", "Asia/Shanghai", 10 * MINUTE, HOUR, True),
        ("hourly", "Asia/Kolkata", 10 * MINUTE, 30 * MINUTE, True),  # 05:40 to 06:00 there
        ("daily 08:00", "Asia/Shanghai", 1, DAY - SECOND, False),  # START is 08:00 there
        ("daily 08:00", "Asia/Shanghai", 1, DAY, True),
        ("daily 07:59", "Asia/Shanghai", 1, DAY - MINUTE, True),
        ("daily 08:01", "Asia/Shanghai", 1, MINUTE, True),
        ("daily 08:00", "UTC", 1, 8 * HOUR, True),
    ],
)
def test_when_a_digest_is_due(digest: str, zone: str, oldest: int, now: int, due: bool) -> None:
    assert notify.ready(pressure(digest, START + oldest, zone), START + now) == due


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
