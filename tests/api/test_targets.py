"""Targets over HTTP: set, changed, tested by the role watch, and the log of what was delivered."""

import asyncio
import contextlib
from typing import Any

import httpx
import pytest

from alerts import notify
from config.samples import now_us
from tests.alerts.receivers import Receiver, receiver
from tests.api.conftest import USCC, World, assert_problem

pytestmark = pytest.mark.servers
SECRET = "a secret of 24 characters"


async def put(world: World, name: str, role: str = "operator", **body: Any) -> httpx.Response:
    headers = {"X-API-Key": world.keys[role]}
    return await world.client.put(f"/v1/targets/{name}", headers=headers, json=body)


async def made(world: World, hook: Receiver) -> None:
    response = await put(world, "duty", kind="webhook", address=hook.url, secret=SECRET, enterprise=USCC)
    assert response.status_code == 200, response.text


async def test_a_target_is_set_changed_in_part_and_disabled(world: World) -> None:
    async with receiver() as hook:
        await made(world, hook)
        changed = (await put(world, "duty", digest="daily 08:00", language="en", enterprise="")).json()
        host = hook.url.removesuffix("/hook")
    assert changed == {
        "name": "duty",
        "kind": "webhook",
        "address": f"{host}/***",
        "signed": True,
        "min_severity": "warning",
        "enterprise": None,
        "language": "en",
        "digest": "daily 08:00",
        "zone": "Asia/Shanghai",
        "escalations_only": False,
        "enabled": True,
    }
    assert (await world.ok("/v1/targets"))["items"] == [changed]
    disabled = await world.post("/v1/targets/duty/disable", "operator")
    assert disabled.json() == {**changed, "enabled": False}
    assert_problem(await world.post("/v1/targets/night/disable"), 404, "not-found")
    assert_problem(await world.post("/v1/targets/duty/test"), 404, "not-found")


async def test_what_cannot_be_used_is_named(world: World) -> None:
    assert_problem(await put(world, "duty", address="https://x"), 422, "invalid-body", "kind")
    assert_problem(await put(world, "duty", kind="pigeon"), 422, "invalid-body", "kind")
    body = {"kind": "webhook", "address": "x", "secret": "short", "digest": "daily", "zone": "x", "enterprise": "y"}
    problem = assert_problem(await put(world, "duty", **body), 422, "invalid-body")
    fields = {error["field"] for error in problem["errors"]}
    assert fields == {"address", "secret", "digest", "zone", "enterprise"}
    assert (await world.ok("/v1/targets"))["items"] == []


async def test_only_staff_has_to_do_with_targets(world: World) -> None:
    for role in ("enterprise", "regulator"):
        assert_problem(await put(world, "duty", role), 403, "forbidden")
        for path in ("targets", "notifications"):
            assert_problem(await world.get(f"/v1/{path}", role), 403, "forbidden")
        for path in ("disable", "test"):
            assert_problem(await world.post(f"/v1/targets/duty/{path}", role), 403, "forbidden")


async def test_a_test_takes_the_way_of_alerts_and_says_what_became_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "LOOK_S", 0.05)
    notifier = asyncio.create_task(notify.run(world.db, None, now_us))
    async with receiver() as hook:
        await made(world, hook)
        good = await world.post("/v1/targets/duty/test", "operator")
        assert good.json() == {"state": "sent", "error": ""}
        hook.status = 500
        bad = await world.post("/v1/targets/duty/test", "operator")
        assert bad.json() == {"state": "given_up", "error": "answered 500 X"}
    notifier.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await notifier
    assert hook.bodies[0]["zh"] == "测试通知：duty 能收到告警。"
    log = (await world.ok("/v1/notifications?target=duty"))["items"]
    assert [(item["state"], item["test"], item["attempts"], item["count"]) for item in log] == [
        ("given_up", True, 1, 0),
        ("sent", True, 1, 0),
    ]
    assert [item["id"] for item in (await world.ok("/v1/notifications?state=sent"))["items"]] == [log[1]["id"]]
    page = await world.ok("/v1/notifications?limit=1")
    assert (await world.ok(f"/v1/notifications?limit=1&after={page['next']}"))["items"] == [log[1]]
    assert_problem(await world.get("/v1/notifications?after=x"), 400, "invalid-parameter", "after")


async def test_a_test_without_a_watch_is_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.targets.PATIENCE_S", 0.1)
    async with receiver() as hook:
        await made(world, hook)
        assert (await world.post("/v1/targets/duty/test")).json() == {"state": "waiting", "error": ""}
