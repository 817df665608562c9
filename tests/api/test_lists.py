"""Lists, overview, quality, gaps and alerts in lists over HTTP, and who sees what of them."""

from typing import Any

import pytest

from config.samples import MICROSECOND, now_us
from storage.columns import instant
from tests.api.conftest import OTHER, START, USCC, World, assert_problem

pytestmark = pytest.mark.servers

LISTS = (
    "enterprises", "metering-points", "meters", "quality?by=metering_point", "gaps", "alerts?state=all",
    "alerts?sort=materiality", "suppressions",
)  # fmt: skip
_ALERT = """
insert into alert (key, rule, severity, enterprise_id, metering_point_id, onset, zh, en)
select 'gap:' || m.id, 'gap', 'warning', e.id, m.id, now(), '缺数', 'missing'
from metering_point m join enterprise e on e.id = m.enterprise_id where m.code = 'E-1' order by e.uscc desc
"""
_SUPPRESSION = """
insert into suppression (kind, enterprise_id, from_time, to_time, reason, actor)
select 'maintenance', id, now(), now() + interval '1 hour', 'planned', 'ops' from enterprise order by uscc desc
"""
_GAP = """
insert into gap (point_id, from_time, to_time, cadence_s, missing)
select id, $1, $2, 60, 5 from point
where quantity = 'active_energy_import' and metering_point_id in (select id from metering_point where code = 'E-1')
"""


async def filled(world: World) -> None:
    await world.db.pool.execute(_ALERT)
    await world.db.pool.execute(_SUPPRESSION)
    await world.db.pool.execute(_GAP, instant(START), instant(START + 300 * MICROSECOND))


def owners(items: list[dict[str, Any]]) -> set[str]:
    return {item.get("uscc") or item["key"].split("/")[0] for item in items}


async def test_everybody_sees_their_own(world: World) -> None:
    await filled(world)
    for name in LISTS:
        for role, expected in (("admin", {USCC, OTHER}), ("operator", {USCC, OTHER}), ("enterprise", {USCC})):
            assert owners((await world.ok(f"/v1/{name}", role))["items"]) == expected, (name, role)
        assert owners((await world.ok(f"/v1/{name}", "regulator"))["items"]) == {OTHER}, name
    for name in ("metering-points", "meters", "gaps", "alerts", "suppressions", "quality"):
        assert (await world.ok(f"/v1/{name}?enterprise={OTHER}", "enterprise"))["items"] == []
    overview = await world.ok("/v1/overview", "enterprise")
    assert (overview["enterprises"], overview["metering_points"], overview["open_alerts"]) == (1, 4, 1)


async def test_every_page_once(world: World) -> None:
    await filled(world)
    for name in LISTS:
        whole = (await world.ok(f"/v1/{name}"))["items"]
        paged: list[dict[str, Any]] = []
        after = ""
        while True:
            separator = "&" if "?" in name else "?"
            page = await world.ok(f"/v1/{name}{separator}limit=1{after}")
            paged += page["items"]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert [item.get("id", item) for item in paged] == [item.get("id", item) for item in whole], name
        assert len(whole) > 1


async def test_limits_and_cursors_are_checked(world: World) -> None:
    for name in LISTS:
        path = f"/v1/{name}{'&' if '?' in name else '?'}"
        assert_problem(await world.get(f"{path}limit=501"), 400, "invalid-parameter", "limit")
        assert_problem(await world.get(f"{path}limit=many"), 400, "invalid-parameter", "limit")
        for cursor in ("x", "é", "WyJhIl0", "bnVsbA", "99999999999999999999"):
            assert_problem(await world.get(f"{path}after={cursor}"), 400, "invalid-parameter", "after")
    assert_problem(await world.get("/v1/quality?by=hour"), 400, "invalid-parameter", "by")
    assert_problem(await world.get("/v1/alerts?state=closed"), 400, "invalid-parameter", "state")
    assert_problem(await world.get("/v1/alerts?sort=oldest"), 400, "invalid-parameter", "sort")
    assert_problem(await world.get("/v1/alerts?severity=loud"), 400, "invalid-parameter", "severity")
    assert_problem(await world.get("/v1/gaps?state=x"), 400, "invalid-parameter", "state")
    assert_problem(await world.get("/v1/metering-points?carrier=x"), 400, "invalid-parameter", "carrier")


async def test_metering_points(world: World) -> None:
    now = now_us() // MICROSECOND * MICROSECOND
    power, energy = world.point("E-1", "active_power"), world.point("E-1")
    await world.readings([(power, now - 30 * MICROSECOND, 5.5), (energy, now - 30 * MICROSECOND, 100.0)])
    await world.readings([(world.point("E-3"), now - 3600 * MICROSECOND, 1.0)])
    found = {item["id"]: item for item in (await world.ok(f"/v1/metering-points?enterprise={USCC}"))["items"]}
    first = found[f"{USCC}/E-1"]
    assert first["last"] | {"time": ""} == {
        "time": "",
        "quantity": "active_power",
        "value": 5.5,
        "multiplier": first["last"]["multiplier"],
    }
    assert first["last"]["time"].endswith("+08:00")
    kept = ("uscc", "code", "name", "carrier", "unit", "level", "direction", "boundary", "parent", "meter", "cadence_s")
    assert [first[name] for name in kept] == [
        USCC, "E-1", "Main incomer", "electricity", "kWh", 1, "import", True, None, "M-1", 60,
    ]  # fmt: skip
    assert [first["online"], found[f"{USCC}/E-3"]["online"], found[f"{USCC}/G-1"]["online"]] == [True, False, False]
    assert found[f"{USCC}/E-3"]["last"]["quantity"] == "active_energy_import"
    assert found[f"{USCC}/E-3"]["parent"] == "E-1"
    assert found[f"{USCC}/G-1"]["unit"] == "Nm3"
    one = await world.ok(f"/v1/metering-points/{USCC}/E-1")
    assert {point["quantity"]: point["last_value"] for point in one["points"]}["active_power"] == 5.5
    (installation,) = one["installations"]
    assert installation == {"meter": "M-1", "from": "2026-01-01T00:00:00+08:00", "to": None, "ct": 100.0, "pt": 1.0}
    assert [item["code"] for item in (await world.ok("/v1/metering-points?q=HALL"))["items"]] == ["E-3"]
    assert [item["code"] for item in (await world.ok("/v1/metering-points?carrier=natural_gas"))["items"]] == ["G-1"]
    meters = {item["code"]: item for item in (await world.ok(f"/v1/meters?enterprise={USCC}"))["items"]}
    assert [meters["M-1"][name] for name in ("online", "metering_point", "driver", "profile")] == [
        True, "E-1", "modbus-tcp", "chint-dtsu666",
    ]  # fmt: skip
    overview = await world.ok("/v1/overview")
    assert [overview[name] for name in ("meters", "online", "offline", "online_rate")] == [5, 1, 4, 0.2]
    assert overview["backlog"] == {"live": 0, "meters": 0, "backfill": 0}


async def test_gaps_carriers_profiles(world: World) -> None:
    await filled(world)
    (gap,) = (await world.ok("/v1/gaps?state=open", "enterprise"))["items"]
    for name in ("id", "opened_at", "due"):
        del gap[name]
    assert gap == {
        "uscc": USCC,
        "enterprise": "Beijing Works",
        "metering_point": "E-1",
        "name": "Main incomer",
        "gaps": 1,
        "metering_points": 1,
        "quantities": ["active_energy_import"],
        "zone": "Asia/Shanghai",
        "evidence": {},
        "group": None,
        "owner": "enterprise",
        "closed_at": None,
        "closed_by": "",
        "from": "2026-01-01T00:00:00+08:00",
        "to": "2026-01-01T00:05:00+08:00",
        "cause": "silent",
        "state": "open",
        "assignee": "",
        "overdue": False,
        "missing": 5,
    }
    carriers = {item["code"]: item for item in (await world.ok("/v1/carriers", "regulator"))["items"]}
    assert carriers["electricity"]["unit"] == "kWh"
    assert {item["name"] for item in (await world.ok("/v1/profiles"))["items"]} == {"chint-dtsu666", "generic-gas"}


async def test_a_changed_registry_is_taken_up(world: World) -> None:
    await world.db.pool.execute("update enterprise set zone = 'Asia/Urumqi'")
    await world.services._look_at_revision()
    assert {point.zone for point in world.services.points.points.values()} == {"Asia/Urumqi"}
