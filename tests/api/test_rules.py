"""Rules over HTTP: texts, thresholds by scope, and dry runs against what the watch would say."""

from typing import Any

import httpx
import pytest

from alerts.rules import INSPECTED, SILENCE
from api.times import DAY
from config.quality import Quality
from config.samples import MICROSECOND, now_us
from tests.api.conftest import OTHER, START, USCC, World, assert_problem

pytestmark = pytest.mark.servers

BALANCE = "/v1/rules/balance/thresholds"


async def change(world: World, path: str, role: str = "admin", **arguments: Any) -> httpx.Response:
    method = "PUT" if "json" in arguments else "DELETE"
    return await world.client.request(method, path, headers={"X-API-Key": world.keys[role]}, **arguments)


async def test_every_rule_is_told_with_its_thresholds(world: World) -> None:
    items = (await world.ok("/v1/rules", "regulator"))["items"]
    assert {item["name"] for item in items} == {*SILENCE, *INSPECTED}
    gap = next(item for item in items if item["name"] == "gap")
    assert (gap["effective"], gap["settings"]) == ({"cadences": 1, "seconds": 45}, 0)
    assert [(one["key"], one["default"]) for one in gap["thresholds"]] == [("cadences", 1), ("seconds", 45)]
    spike = next(item for item in items if item["name"] == "vee_spike")
    assert (spike["verified"], spike["thresholds"][0]["key"], spike["thresholds"][0]["default"]) == (
        False, "enabled", False,
    )  # fmt: skip


async def test_thresholds_are_set_merged_and_dropped(world: World) -> None:
    here = f"{BALANCE}/point:{USCC}/E-1"
    assert (await change(world, f"{BALANCE}/default", json={"max_loss": 0.5})).status_code == 200
    assert (await change(world, f"{BALANCE}/carrier:electricity", "operator", json={"days": 3})).status_code == 200
    answer = (await change(world, here, json={"max_loss": None, "enabled": False})).json()
    assert answer == {
        "scope": f"point:{USCC}/E-1",
        "set": {"max_loss": None, "enabled": False},
        "effective": {"enabled": False, "min_loss": -0.03, "max_loss": None, "days": 3},
    }
    other = await world.ok(f"{BALANCE}/point:{USCC}/G-1")
    assert (other["set"], other["effective"]["max_loss"], other["effective"]["days"]) == ({}, 0.5, 2)
    assert [item["scope"] for item in (await world.ok(BALANCE))["items"]] == [
        "carrier:electricity", "default", f"point:{USCC}/E-1",
    ]  # fmt: skip
    first = await world.ok(f"{BALANCE}?limit=2")
    assert [item["scope"] for item in (await world.ok(f"{BALANCE}?limit=2&after={first['next']}"))["items"]] == [
        f"point:{USCC}/E-1"
    ]
    assert (await change(world, here)).status_code == 204
    assert_problem(await change(world, here), 404, "not-found")
    assert (await world.ok(here))["effective"]["max_loss"] == 0.5


async def test_everybody_sees_their_own_and_few_may_change(world: World) -> None:
    await change(world, f"{BALANCE}/enterprise:{USCC}", json={"days": 4})
    await change(world, f"{BALANCE}/point:{OTHER}/E-1", json={"days": 5})
    assert [item["scope"] for item in (await world.ok(BALANCE, "enterprise"))["items"]] == [f"enterprise:{USCC}"]
    assert [item["scope"] for item in (await world.ok(BALANCE, "regulator"))["items"]] == [f"point:{OTHER}/E-1"]
    assert_problem(await world.get(f"{BALANCE}/enterprise:{OTHER}", "enterprise"), 404, "not-found")
    for role in ("enterprise", "regulator"):
        assert_problem(await change(world, f"{BALANCE}/enterprise:{USCC}", role, json={"days": 4}), 403, "forbidden")
        assert_problem(await change(world, f"{BALANCE}/enterprise:{USCC}", role), 403, "forbidden")
        assert_problem(await world.post("/v1/rules/balance/dry-run", role, json={}), 403, "forbidden")


async def test_what_is_wrong_is_named(world: World) -> None:
    assert_problem(await change(world, f"{BALANCE}/default", json={"max_los": 1}), 422, "invalid-body", "max_los")
    both = assert_problem(
        await change(world, f"{BALANCE}/default", json={"max_loss": 7, "days": 1.5}), 422, "invalid-body", "days"
    )
    assert "at most 1" in both["detail"]
    assert_problem(await change(world, f"{BALANCE}/default", json={}), 422, "invalid-body")
    assert_problem(await change(world, f"{BALANCE}/default", json={"enabled": 1}), 422, "invalid-body", "enabled")
    assert_problem(await change(world, f"{BALANCE}/planet:mars", json={"days": 1}), 400, "invalid-parameter", "scope")
    assert_problem(await change(world, f"{BALANCE}/point:{USCC}/E-9", json={"days": 1}), 404, "not-found")
    assert_problem(await world.get("/v1/rules/boredom/thresholds"), 404, "not-found")
    assert (await world.ok(BALANCE))["items"] == []


async def test_a_dry_run_says_what_would_have_been_raised_and_writes_nothing(world: World) -> None:
    now = now_us()
    past = START + (now - START - 2 * 3600 * MICROSECOND) // DAY * DAY
    for code, daily in (("E-1", 96.0), ("E-3", 91.2)):
        values = dict.fromkeys(range(96 * 10), (daily / 96, Quality.MEASURED))
        await world.intervals(world.point(code), values, start=past - 10 * DAY)
    path = "/v1/rules/balance/dry-run"
    assert (await world.post(path, json={"days": 10})).json()["count"] == 0
    asked = {"days": 10, "thresholds": {"max_loss": 0.02}, "scope": f"point:{USCC}/E-1"}
    found = (await world.post(path, json=asked)).json()
    assert (found["count"], found["looked_at"]) == (1, 1)
    assert found["by_metering_point"] == [{"uscc": USCC, "metering_point": "E-1", "count": 1}]
    assert [found[name] for name in ("present", "same", "more", "fewer")] == [0, 0, 1, 0]
    assert (found["findings"][0]["ended"], found["findings"][0]["compared"]) == (None, "more")
    assert "5 %" in found["findings"][0]["en"]
    assert (await world.post(path, json={**asked, "scope": f"point:{USCC}/E-3"})).json()["count"] == 0
    off = {"days": 5, "thresholds": {"ratio": 1.5}}
    assert (await world.post("/v1/rules/vee_high/dry-run", json=off)).json()["count"] == 0, "a rule that is off is run"
    assert await world.db.pool.fetchval("select count(*) from alert") == 0
    assert await world.db.pool.fetchval("select count(*) from threshold") == 0


async def test_a_dry_run_is_compared_with_what_is_set(world: World) -> None:
    past = START + (now_us() - START - 2 * 3600 * MICROSECOND) // DAY * DAY
    for code, daily in (("E-1", 96.0), ("E-3", 91.2)):
        values = dict.fromkeys(range(96 * 10), (daily / 96, Quality.MEASURED))
        await world.intervals(world.point(code), values, start=past - 10 * DAY)
    await change(world, f"{BALANCE}/default", json={"max_loss": 0.02})

    async def compared(**limits: float | bool) -> tuple[list[int], list[str]]:
        found = (await world.post("/v1/rules/balance/dry-run", json={"days": 10, "thresholds": limits})).json()
        counts = [found[name] for name in ("count", "present", "same", "more", "fewer")]
        return counts, [one["compared"] for one in found["findings"]]

    assert await compared(max_loss=0.03) == ([1, 1, 1, 0, 0], ["same"])
    assert await compared(max_loss=0.1) == ([0, 1, 0, 0, 1], ["fewer"])
    assert await compared(max_loss=0.02, enabled=False) == ([0, 1, 0, 0, 1], ["fewer"])
    items = (await world.ok("/v1/rules"))["items"]
    balance = next(item for item in items if item["name"] == "balance")
    assert (balance["effective"]["max_loss"], balance["settings"]) == (0.02, 1)


async def test_a_dry_run_of_silence_looks_at_readings(world: World) -> None:
    begin = now_us() // MICROSECOND * MICROSECOND - DAY
    points = world.services.points.by_metering_point[USCC, "E-1"].values()
    minutes = [minute for minute in range(1410) if not 600 <= minute < 604]
    await world.readings([(point, begin + minute * 60 * MICROSECOND, 1.0) for minute in minutes for point in points])
    asked: dict[str, Any] = {"days": 1, "scope": f"point:{USCC}/E-1"}

    async def ends(rule: str, **thresholds: float) -> list[bool]:
        answer = await world.post(f"/v1/rules/{rule}/dry-run", json={**asked, "thresholds": thresholds})
        assert answer.status_code == 200, answer.text
        found = answer.json()["findings"]
        return [one["ended"] is not None for one in found if one["compared"] != "fewer"]

    assert await ends("gap") == [True]
    assert await ends("gap", cadences=6) == []
    assert await ends("offline") == [False]
    assert await ends("offline", seconds=3600) == []
    assert await ends("gap", cadences=6) == []


async def test_a_dry_run_is_bounded(world: World) -> None:
    await world.db.pool.execute("update schedule set cadence_s = 1")
    await world.services.reload()
    asked = {"days": 90, "scope": f"enterprise:{USCC}"}
    problem = assert_problem(await world.post("/v1/rules/gap/dry-run", json=asked), 400, "span-too-long", "days")
    assert "fewer days" in problem["detail"]
    assert_problem(await world.post("/v1/rules/gap/dry-run", json={"days": 91}), 422, "invalid-body", "days")
