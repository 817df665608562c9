"""Edits over HTTP: what they change, their undo, who may, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from api.times import local
from collector.foresight import foreseeing_edits
from config.samples import MICROSECOND
from storage.points import load_points
from tests.api.conftest import OTHER, START, USCC, World, assert_problem
from tests.api.ingesting import come, ingest

pytestmark = pytest.mark.servers

MINUTE = 60 * MICROSECOND
E1 = f"/v1/metering-points/{USCC}/E-1"
SPAN = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-01T02:00:00%2B08:00"


def at(minute: int) -> str:
    return local(START + minute * MINUTE, "Asia/Shanghai").isoformat()


async def quarters(world: World) -> list[tuple[float | None, str]]:
    found = await world.ok(f"{E1}/consumption?interval=15m&{SPAN}")
    values = [value and round(value, 6) for value in found["value"]]
    return list(zip(values, found["quality"], strict=True))


async def edit(world: World, **wish: Any) -> dict[str, Any]:
    response = await world.post(f"{E1}/edits", json={"reason": "seen on site", **wish})
    assert response.status_code == 201, response.text
    await ingest(world)
    found: dict[str, Any] = await world.ok(f"/v1/edits/{response.json()['id']}")
    return found


def rising(count: int = 121) -> list[float]:
    return [round(100 + 0.1 * minute, 1) for minute in range(count)]


async def test_set_before_after_and_undo(world: World) -> None:
    await come(world, rising())
    before = await quarters(world)
    assert before == [(150.0, "measured")] * 8
    made = await edit(world, action="set", **{"from": at(15), "to": at(45)}, amount=100.0)
    assert (await quarters(world))[:4] == [
        (150.0, "measured"), (50.0, "edited"), (50.0, "edited"), (150.0, "measured"),
    ]  # fmt: skip
    assert (made["before"], made["after"], made["pending"], made["unit"]) == (300.0, 100.0, False, "kWh")
    assert made["intervals"] == {
        "start": [at(15), at(30)],
        "before": [150.0, 150.0],
        "after": [50.0, 50.0],
        "quality_before": ["measured", "measured"],
        "quality_after": ["edited", "edited"],
    }
    response = await world.post(f"/v1/edits/{made['id']}/undo", json={"reason": "a mistake"})
    assert response.status_code == 200, response.text
    await ingest(world)
    assert await quarters(world) == before
    undone = await world.ok(f"/v1/edits/{made['id']}")
    assert (undone["state"], undone["undone_by"], undone["undo_reason"]) == ("undone", "admin", "a mistake")
    assert (undone["before"], undone["after"]) == (300.0, 100.0)
    again = await world.post(f"/v1/edits/{made['id']}/undo", json={"reason": "again"})
    assert_problem(again, 409, "conflict")


async def test_no_undo_where_readings_are_gone(world: World) -> None:
    """It would be said to be undone, and its figures stay."""
    await come(world, rising())
    made = await edit(world, action="set", **{"from": at(15), "to": at(45)}, amount=100.0)
    world.services.retention_days = 1
    assert_problem(await world.post(f"/v1/edits/{made['id']}/undo", json={"reason": "late"}), 409, "conflict")
    assert (await world.ok(f"/v1/edits/{made['id']}"))["state"] == "in_force"


async def test_excluded_readings_and_what_they_did(world: World) -> None:
    values = rising()
    values[20:25] = [900.0] * 5
    await come(world, values)
    await edit(world, action="exclude", **{"from": at(20), "to": at(24)})
    assert [value for value, _ in await quarters(world)] == [pytest.approx(150.0)] * 8
    found = await world.ok(f"{E1}/readings?quantity=active_energy_import&{SPAN}")
    assert found["value"] == values[:-1]  # raw is never changed


async def test_a_verdict_is_overruled(world: World) -> None:
    values = [*rising(60), *(round(0.1 * minute, 1) for minute in range(61))]
    await come(world, values)
    found = (await world.ok(f"{E1}/verdicts"))["items"]
    assert [(one["kind"], one["from"], one["quantity"]) for one in found] == [("reset", at(60), "active_energy_import")]
    assert found[0]["evidence"]["values"] == [0.0]
    assert (await quarters(world))[3] == (140.0, "suspect")
    said = {"action": "rollover", "amount": 200.0, "reason": "it passes 200"}
    response = await world.post(f"/v1/verdicts/{found[0]['id']}/overrule", json=said)
    assert response.status_code == 201, response.text
    await ingest(world)
    assert (await quarters(world))[3] == (9550.0, "measured")
    assert (await world.ok(f"{E1}/verdicts"))["items"] == []
    assert (await world.post("/v1/verdicts/1/overrule", json={"action": "accept", "reason": "?"})).status_code == 404


async def test_what_is_suspect_stands_as_held(world: World) -> None:
    await come(world, [*rising(60), 0.0])
    [held] = (await world.ok("/v1/verdicts?kind=held", "enterprise"))["items"]
    assert (held["uscc"], held["metering_point"], held["from"], held["base"]) == (USCC, "E-1", at(60), at(59))
    assert (await world.ok("/v1/verdicts", "regulator"))["items"] == []


async def test_lists(world: World) -> None:
    await come(world, rising())
    for number in range(3):
        await edit(world, action="exclude", **{"from": at(number), "to": at(number)})
    assert (await world.post("/v1/edits/2/undo", json={"reason": "wrong"})).status_code == 200
    page = await world.ok("/v1/edits?limit=2")
    assert [one["id"] for one in page["items"]] == [3, 2]
    assert [one["id"] for one in (await world.ok(f"/v1/edits?limit=2&after={page['next']}"))["items"]] == [1]
    assert [one["id"] for one in (await world.ok(f"{E1}/edits?state=in_force", "enterprise"))["items"]] == [3, 1]
    assert (await world.ok(f"/v1/edits?enterprise={OTHER}"))["items"] == []
    assert (await world.ok("/v1/edits", "regulator"))["items"] == []
    assert_problem(await world.get("/v1/edits/1", "regulator"), 404, "not-found")
    audit = await world.db.pool.fetch("select action, code from audit where kind = 'edit' order by id")
    assert [tuple(row) for row in audit] == [("create", f"{USCC}/E-1")] * 3 + [("undo", f"{USCC}/E-1")]


@pytest.mark.parametrize("role", ["enterprise", "regulator"])
async def test_only_operators_edit(world: World, role: str) -> None:
    wish = {"action": "exclude", "from": at(0), "to": at(1), "reason": "mine"}
    assert_problem(await world.post(f"{E1}/edits", role, json=wish), 403, "forbidden")


WISHES: list[dict[str, Any]] = [
    {"action": "set", "from": at(15), "to": at(45), "amount": 100.0},
    {"action": "exclude", "from": at(20), "to": at(24)},
    {"action": "accept", "from": at(50), "to": at(60)},
    {"action": "rollover", "from": at(60), "amount": 200.0},
    {"action": "reset", "from": at(40)},
    {"action": "estimate", "from": at(120), "to": at(135)},
]


async def test_a_preview_is_what_the_edit_then_does(world: World) -> None:
    await come(world, [*rising(60), *(round(0.1 * minute, 1) for minute in range(61))])
    table = {"points": (await load_points(world.db)).points}
    async with foreseeing_edits(world.db, world.services.stream, lambda: table["points"]):
        for wish in WISHES:
            response = await world.post(f"{E1}/edits/preview", json=wish)
            assert response.status_code == 200, response.text
            told = response.json()
            made = await edit(world, **wish)
            for name in ("unit", "before", "after", "intervals"):
                assert told[name] == made[name], (wish, name)
            different = zip(made["intervals"]["before"], made["intervals"]["after"], strict=True)
            assert told["changed"] == sum(was != becomes for was, becomes in different), wish
            assert (await world.post(f"/v1/edits/{made['id']}/undo", json={"reason": "only tried"})).status_code == 200
            await ingest(world)
        [reset] = (await world.ok(f"{E1}/verdicts"))["items"]
        path, said = f"/v1/verdicts/{reset['id']}/overrule/preview", {"action": "rollover", "amount": 200.0}
        assert (await world.post(path, json=said)).json()["intervals"]["after"] == [9550.0, 150.0]
        assert_problem(await world.post(path, "enterprise", json=said), 403, "forbidden")
    assert await world.db.pool.fetchval("select count(*) from dirty_range") == 0
    assert await world.db.pool.fetchval("select count(*) from edit where undone_at is null") == 0


async def test_a_preview_refuses_what_the_edit_would_and_needs_ingest(world: World) -> None:
    await come(world, rising())
    path = f"{E1}/edits/preview"
    wish = {"action": "set", "from": at(0), "to": at(15)}
    assert_problem(await world.post(path, json=wish), 422, "invalid-body", "amount")
    assert_problem(await world.post(path, "regulator", json=wish), 403, "forbidden")
    problem = assert_problem(await world.post(path, json={**wish, "amount": 1}), 503, "unavailable")
    assert "ingest" in problem["detail"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"action": "exclude", "from": at(0)}, "to"),
    ({"action": "exclude", "from": at(1), "to": at(0)}, "to"),
    ({"action": "exclude", "from": at(300), "to": at(301)}, "from"),
    ({"action": "exclude", "from": at(0), "to": at(1), "amount": 1}, "amount"),
    ({"action": "reset", "from": at(300)}, "from"),
    ({"action": "reset", "from": at(-5)}, "from"),
    ({"action": "rollover", "from": at(0), "amount": 200}, "from"),
    ({"action": "rollover", "from": at(5), "amount": -1}, "amount"),
    ({"action": "set", "from": at(0), "to": at(15)}, "amount"),
    ({"action": "set", "from": at(0), "to": at(15), "amount": -1}, "amount"),
    ({"action": "set", "from": at(0), "to": at(20), "amount": 1}, "to"),
    ({"action": "set", "from": at(15), "to": at(15), "amount": 1}, "to"),
    ({"action": "set", "from": "2010-01-01T00:00:00Z", "to": at(0), "amount": 1}, "from"),
    ({"action": "set", "from": at(0), "to": "2099-01-01T00:00:00Z", "amount": 1}, "to"),
    ({"action": "estimate", "from": at(0), "to": at(15), "amount": 1}, "amount"),
    ({"action": "estimate", "from": at(0), "to": at(20)}, "to"),
    ({"action": "exclude", "from": at(0), "to": at(1), "reason": " "}, "reason"),
    ({"action": "exclude", "from": at(0), "to": at(1), "quantity": "voltage_a"}, "quantity"),
    ({"action": "exclude", "from": "2026-01-01T00:00:00", "to": at(1)}, "from"),
    ({"action": "wish", "from": at(0), "to": at(1)}, "action"),
]


async def test_refusals(world: World) -> None:
    await come(world, rising())
    for wish, field in REFUSED:
        response = await world.post(f"{E1}/edits", json={"reason": "seen on site", **wish})
        assert response.status_code in (400, 422), (wish, response.text)
        assert field in [error["field"] for error in response.json()["errors"]], wish
    assert await world.db.pool.fetchval("select count(*) from edit") == 0
    assert await world.db.pool.fetchval("select count(*) from dirty_range") == 0


async def test_the_same_twice_is_refused(world: World) -> None:
    await come(world, rising())
    wish = {"action": "set", "from": at(15), "to": at(45), "amount": 1, "reason": "seen"}
    assert (await world.post(f"{E1}/edits", json=wish)).status_code == 201
    over = await world.post(f"{E1}/edits", json={**wish, "from": at(30), "to": at(60)})
    assert_problem(over, 422, "invalid-body", "from")
    beside = await world.post(f"{E1}/edits", json={**wish, "from": at(45), "to": at(60)})
    assert beside.status_code == 201
