"""What people may do with alerts over HTTP, and the trail it leaves."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage import access
from tests.api.conftest import OTHER, USCC, World, assert_problem
from tests.waiting import until

pytestmark = pytest.mark.servers

_ALERTS = """
insert into alert (key, rule, severity, enterprise_id, metering_point_id, onset, ended, amount, money, zh, en, evidence)
select
    'gap:' || n, 'gap', 'warning', m.enterprise_id, m.id, '2026-01-01T00:00:00Z', null, 10, 6.5, '缺数', 'missing',
    '{"quantities": ["active_energy_import", "voltage_a"]}'
from metering_point m join enterprise e on e.id = m.enterprise_id, generate_series(1, $2::integer) n
where m.code = 'E-1' and e.uscc = $1
"""


async def opened(world: World, count: int = 1, uscc: str = USCC) -> list[int]:
    """Ids of new open alerts, in order."""
    await world.db.pool.execute(_ALERTS.replace("'gap:' ||", f"'gap:{uscc}' ||"), uscc, count)
    rows = await world.db.pool.fetch(
        "select a.id from alert a join enterprise e on e.id = enterprise_id where uscc = $1", uscc
    )
    return sorted(row["id"] for row in rows)


async def act(world: World, alert: int, what: str, role: str = "operator", **body: Any) -> Any:
    """The alert after a good answer."""
    response = await world.post(f"/v1/alerts/{alert}/{what}", role, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_whole_life_of_an_alert_is_in_its_trail(world: World) -> None:
    (alert,) = await opened(world)
    await act(world, alert, "acknowledge", "enterprise", note="on my way")
    await act(world, alert, "comment", "enterprise", note="fuse blown")
    await act(world, alert, "assign", assignee="enterprise", note="please")
    assert [item["id"] for item in (await world.ok("/v1/alerts?assignee=enterprise"))["items"]] == [alert]
    assert (await world.ok("/v1/alerts?assignee="))["items"] == []
    await act(world, alert, "assign", assignee="")
    await act(world, alert, "resolve", note="fuse replaced")
    done = await act(world, alert, "dismiss", reason="was a test of the fuse")
    assert (done["state"], done["assignee"]) == ("dismissed", "")
    assert [(event["actor"], event["action"], event["note"]) for event in done["events"]] == [
        ("enterprise", "acknowledged", "on my way"),
        ("enterprise", "commented", "fuse blown"),
        ("operator", "assigned", "enterprise: please"),
        ("operator", "assigned", "–"),
        ("operator", "resolved", "fuse replaced"),
        ("operator", "dismissed", "was a test of the fuse"),
    ]
    assert done["excerpt"] == {
        "metering_point": f"{USCC}/E-1",
        "quantity": "active_energy_import",
        "from": "2025-12-18T08:00:00+08:00",
        "to": done["excerpt"]["to"],
    }
    assert [done[name] for name in ("amount", "unit", "money", "reopened")] == [10, "kWh", 6.5, 0]


async def test_who_looks_on_is_told(world: World) -> None:
    (alert,) = await opened(world)
    first = asyncio.ensure_future(anext(aiter(world.services.stream.events("events.alerts.>"))))

    async def heard() -> bool:
        await act(world, alert, "comment", note="x")
        return first.done()

    await until(heard, what="an event")
    told = json.loads(first.result().data)
    assert (told["id"], told["uscc"]) == (alert, USCC)
    assert "events" not in told


async def test_who_may_do_what(world: World) -> None:
    (mine,), (theirs,) = await opened(world), await opened(world, uscc=OTHER)
    bodies: dict[str, Any] = {
        "acknowledge": {},
        "comment": {"note": "x"},
        "assign": {"assignee": "operator"},
        "resolve": {},
        "dismiss": {"reason": "x"},
        "reopen": {"reason": "x"},
    }
    for what, body in bodies.items():
        assert_problem(await world.post(f"/v1/alerts/{theirs}/{what}", "regulator", json=body), 403, "forbidden")
        hidden = await world.post(f"/v1/alerts/{theirs}/{what}", "enterprise", json=body)
        refused = what in ("assign", "resolve", "dismiss", "reopen")
        assert_problem(hidden, *((403, "forbidden") if refused else (404, "not-found")))
        assert_problem(await world.post(f"/v1/alerts/999/{what}", "operator", json=body), 404, "not-found")
    for role in ("enterprise", "regulator"):
        assert_problem(await world.post("/v1/suppressions", role, json=window()), 403, "forbidden")
    assert_problem(await world.get(f"/v1/alerts/{mine}", "regulator"), 404, "not-found")
    assert (await world.ok(f"/v1/alerts/{theirs}", "regulator"))["state"] == "open"


async def test_what_an_alert_is_in_no_state_for(world: World) -> None:
    (alert,) = await opened(world)
    path = f"/v1/alerts/{alert}"
    assert_problem(await world.post(f"{path}/comment", json={"note": ""}), 422, "invalid-body", "note")
    assert_problem(await world.post(f"{path}/acknowledge", json={"note": 5}), 422, "invalid-body", "note")
    assert_problem(await world.post(f"{path}/dismiss", json={}), 422, "invalid-body", "reason")
    blank = assert_problem(await world.post(f"{path}/dismiss", json={"reason": " \n"}), 422, "invalid-body", "reason")
    assert blank["detail"] == "reason: is empty; write something"
    naive = await world.post(f"{path}/dismiss", json={"reason": "x", "except_until": "2099-01-01T00:00:00"})
    assert_problem(naive, 422, "invalid-body", "except_until")
    long = await world.post(f"{path}/dismiss", json={"reason": "x", "except_until": "2099-01-01T00:00:00Z"})
    assert_problem(long, 422, "invalid-body", "except_until")
    for name in ("nobody", "regulator"):
        assert_problem(await world.post(f"{path}/assign", json={"assignee": name}), 422, "invalid-body", "assignee")
    await access.create(world.db, "fuzhou", "enterprise", OTHER, actor="test")
    assert_problem(await world.post(f"{path}/assign", json={"assignee": "fuzhou"}), 422, "invalid-body", "assignee")
    await act(world, alert, "dismiss", reason="x")
    for what in ("acknowledge", "resolve", "dismiss"):
        body = assert_problem(await world.post(f"{path}/{what}", json={"reason": "x"}), 409, "conflict")
        assert f"alert {alert} is dismissed; only one that is" in body["detail"]
    assert_problem(await world.get("/v1/alerts/0"), 400, "invalid-parameter", "id")


async def test_many_are_acknowledged_or_none(world: World) -> None:
    ids = await opened(world, 3)
    (theirs,) = await opened(world, uscc=OTHER)
    await act(world, ids[1], "acknowledge")
    wrong = {"ids": [*ids, theirs], "note": "all seen"}
    body = assert_problem(
        await world.post("/v1/alerts/acknowledge", "enterprise", json=wrong), 409, "conflict", "ids.1"
    )
    assert [error["field"] for error in body["errors"]] == ["ids.1", "ids.3"]
    assert "is acknowledged" in body["errors"][0]["message"]
    assert body["errors"][1]["message"] == f"no alert {theirs}"
    assert len((await world.ok("/v1/alerts?state=open", "enterprise"))["items"]) == 2
    done = await world.post("/v1/alerts/acknowledge", "enterprise", json={"ids": [ids[0], ids[2]], "note": "all seen"})
    assert done.json() == {"acknowledged": [ids[0], ids[2]]}
    assert (await world.ok("/v1/alerts?state=open", "enterprise"))["items"] == []
    assert (await world.ok(f"/v1/alerts/{ids[2]}"))["events"][-1]["note"] == "all seen"
    assert_problem(await world.post("/v1/alerts/acknowledge", json={"ids": []}), 422, "invalid-body", "ids")


def window(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    whole = {"enterprise": USCC, "from": now.isoformat(), "to": (now + timedelta(hours=2)).isoformat()}
    return {**whole, "reason": "transformer overhaul", **changes}


async def test_maintenance_windows(world: World) -> None:
    made = await world.post("/v1/suppressions", "operator", json=window(metering_point="E-1"))
    assert made.status_code == 201, made.text
    (item,) = (await world.ok("/v1/suppressions", "enterprise"))["items"]
    assert [item[name] for name in ("id", "kind", "uscc", "metering_point", "address", "reason", "actor")] == [
        made.json()["id"], "maintenance", USCC, "E-1", "", "transformer overhaul", "operator",
    ]  # fmt: skip
    assert item["to"].endswith("+08:00")
    unknown = {"enterprise": "nobody", "metering_point": "E-9", "address": "10.0.0.9:502"}
    for field, value in {**unknown, "to": "2099-01-01T00:00:00Z"}.items():
        assert_problem(await world.post("/v1/suppressions", json=window(**{field: value})), 422, "invalid-body", field)
    assert_problem(await world.post("/v1/suppressions", json=window(to=window()["from"])), 422, "invalid-body", "to")
    path = f"/v1/suppressions/{item['id']}/revoke"
    assert (await world.post(path, "operator", json={"reason": "put off"})).status_code == 204
    assert_problem(await world.post(path, "operator", json={"reason": "put off"}), 404, "not-found")
    assert (await world.ok("/v1/suppressions"))["items"] == []
    (past,) = (await world.ok("/v1/suppressions?current=false&kind=maintenance"))["items"]
    assert past["revoked_by"] == "operator"


async def test_a_dismissal_with_an_exception_is_listed_and_audited(world: World) -> None:
    (alert,) = await opened(world)
    end = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    done = await act(world, alert, "dismiss", reason="night shift until spring", except_until=end)
    (item,) = (await world.ok("/v1/suppressions?kind=exception"))["items"]
    assert (item["rule"], item["metering_point"], item["reason"]) == ("gap", "E-1", "night shift until spring")
    assert f"exception {item['id']} until" in done["events"][-1]["note"]
    (audit,) = await world.db.pool.fetch("select actor, action, code from audit where kind = 'suppression'")
    assert tuple(audit) == ("operator", "create", str(item["id"]))


async def test_a_mistaken_dismissal_is_taken_back(world: World) -> None:
    first, second, over = await opened(world, 3)
    await act(world, first, "acknowledge")
    end = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    await act(world, first, "dismiss", reason="a test", except_until=end)
    back = await act(world, first, "reopen", reason="it was no test")
    assert (back["state"], back["events"][-1]["action"]) == ("acknowledged", "reinstated")
    assert (await world.ok("/v1/suppressions"))["items"] == []
    [was] = (await world.ok("/v1/suppressions?current=false"))["items"]
    assert was["revoked_by"] == "operator"
    await act(world, second, "resolve")
    assert (await act(world, second, "reopen", reason="the wrong one"))["state"] == "open"
    await act(world, over, "dismiss", reason="x")
    await world.db.pool.execute("update alert set ended = now() where id = $1", over)
    assert (await act(world, over, "reopen", reason="it was true"))["state"] == "resolved"
    refused = assert_problem(await world.post(f"/v1/alerts/{over}/reopen", json={"reason": "x"}), 409, "conflict")
    assert "its cause is over" in refused["detail"]
    assert_problem(await world.post(f"/v1/alerts/{second}/reopen", json={"reason": "x"}), 409, "conflict")
    assert_problem(await world.post(f"/v1/alerts/{first}/reopen", "enterprise", json={"reason": "x"}), 403, "forbidden")


async def test_many_are_dismissed_for_one_reason_or_none(world: World) -> None:
    ids = await opened(world, 3)
    end = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    wrong = {"ids": [ids[0], 999], "reason": "x"}
    assert_problem(await world.post("/v1/alerts/dismiss", json=wrong), 409, "conflict", "ids.1")
    assert len((await world.ok("/v1/alerts?state=open"))["items"]) == 3
    body = {"ids": ids, "reason": "a drill", "except_until": end}
    assert_problem(await world.post("/v1/alerts/dismiss", "enterprise", json=body), 403, "forbidden")
    assert (await world.post("/v1/alerts/dismiss", "operator", json=body)).json() == {"dismissed": ids}
    assert [one["state"] for one in (await world.ok("/v1/alerts?state=all"))["items"]] == ["dismissed"] * 3
    assert len((await world.ok("/v1/suppressions"))["items"]) == 3


async def test_alerts_of_a_carrier(world: World) -> None:
    ids = await opened(world, 2)
    assert len((await world.ok("/v1/alerts?carrier=electricity"))["items"]) == len(ids)
    assert (await world.ok("/v1/alerts?carrier=steam"))["items"] == []
    assert_problem(await world.get("/v1/alerts?carrier=stem"), 400, "invalid-parameter", "carrier")


async def test_prices_say_where_they_are_from(world: World) -> None:
    prices = {item["carrier"]: item for item in (await world.ok("/v1/prices", "enterprise"))["items"]}
    assert prices["electricity"]["unit"] == "CNY/kWh"
    assert prices["electricity"]["verified"] is False
