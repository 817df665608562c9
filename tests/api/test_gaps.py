"""What people may do with gaps over HTTP, and the trail it leaves."""

from typing import Any

import pytest

from config.samples import MICROSECOND, SampleBatch
from storage import gaps
from storage.columns import instant
from tests.api.conftest import START, USCC, World, assert_problem

pytestmark = pytest.mark.servers

_GAP = """
insert into gap (point_id, from_time, to_time, cadence_s, missing)
values ($1, $2, $3, 60, 5) returning id
"""


async def gap(world: World, *, minutes: int | None = 5) -> int:
    """The id of a new gap of E-1 (USCC), that lasts or lasted so many minutes."""
    end = None if minutes is None else instant(START + minutes * 60 * MICROSECOND)
    number: int = await world.db.pool.fetchval(_GAP, world.point("E-1"), instant(START), end)
    return number


async def act(world: World, number: int, what: str, role: str = "operator", **body: Any) -> Any:
    response = await world.post(f"/v1/gaps/{number}/{what}", role, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_what_is_done_with_a_gap_is_in_its_trail(world: World) -> None:
    number = await gap(world)
    await act(world, number, "comment", "enterprise", note="the meter was exchanged")
    await act(world, number, "assign", assignee="enterprise", note="send the file")
    done = await act(world, number, "accept", reason="nothing was kept")
    assert (done["state"], done["assignee"], done["missing"]) == ("accepted", "enterprise", 5)
    assert [(event["actor"], event["action"], event["note"]) for event in done["events"]] == [
        ("enterprise", "commented", "the meter was exchanged"),
        ("operator", "assigned", "enterprise: send the file"),
        ("operator", "accepted", "nothing was kept"),
    ]
    assert [item["id"] for item in (await world.ok("/v1/gaps?state=accepted"))["items"]] == [number]
    assert (await world.ok("/v1/gaps?state=open"))["items"] == []


async def test_an_accepted_gap_is_still_known_to_the_watch_and_closes_when_readings_come(world: World) -> None:
    number = await gap(world)
    await act(world, number, "accept", reason="nothing was kept")
    async with world.db.transaction() as conn:
        point, _, holed = await gaps.open_points(conn)
        assert (point.tolist(), holed.tolist()) == ([world.point("E-1")], [True])
        await gaps.close(conn, [number], START)
    assert (await world.ok(f"/v1/gaps/{number}"))["state"] == "closed"


async def test_only_an_open_gap_that_is_over_can_be_accepted(world: World) -> None:
    lasting, number = await gap(world, minutes=None), await gap(world)
    path = f"/v1/gaps/{lasting}/accept"
    assert_problem(await world.post(path, "operator", json={"reason": "lost"}), 409, "conflict")
    assert_problem(await world.post(path, "operator", json={"reason": ""}), 422, "invalid-body", "reason")
    await act(world, number, "accept", reason="lost")
    again = await world.post(f"/v1/gaps/{number}/accept", "operator", json={"reason": "lost"})
    assert_problem(again, 409, "conflict")
    assert len((await world.ok(f"/v1/gaps/{number}"))["events"]) == 1


async def test_who_may_do_what(world: World) -> None:
    number = await gap(world)
    for role in ("enterprise", "regulator"):
        for what, body in (("accept", {"reason": "lost"}), ("assign", {"assignee": ""})):
            assert_problem(await world.post(f"/v1/gaps/{number}/{what}", role, json=body), 403, "forbidden")
    assert_problem(await world.get(f"/v1/gaps/{number}", "regulator"), 404, "not-found")
    assert_problem(await world.get(f"/v1/gaps/{number + 1}"), 404, "not-found")
    missing = await world.post(f"/v1/gaps/{number + 1}/comment", "operator", json={"note": "?"})
    assert_problem(missing, 404, "not-found")
    for name in ("nobody", "regulator"):
        answer = await world.post(f"/v1/gaps/{number}/assign", "operator", json={"assignee": name})
        assert_problem(answer, 422, "invalid-body", "assignee")
    assert (await world.ok(f"/v1/gaps/{number}", "enterprise"))["uscc"] == USCC


async def test_an_open_gap_is_overdue_when_its_working_days_are_over(world: World) -> None:
    number = await gap(world)
    assert (await world.ok(f"/v1/gaps/{number}"))["overdue"] is False
    await world.db.pool.execute("update gap set opened_at = '2026-03-06T12:00:00Z'")  # a Friday
    found = await world.ok(f"/v1/gaps/{number}")
    assert (found["opened_at"], found["due"]) == ("2026-03-06T20:00:00+08:00", "2026-03-12T00:00:00+08:00")
    assert found["overdue"] is True
    await act(world, number, "accept", reason="nothing was kept")
    assert (await world.ok(f"/v1/gaps/{number}"))["overdue"] is False


async def test_the_plan_of_a_gap_can_be_carried_out(world: World) -> None:
    number = await gap(world)
    plan = {step["step"]: step for step in (await world.ok(f"/v1/gaps/{number}"))["plan"]}
    assert plan["queue"]["possible"] is False
    (edit,) = plan["estimate"]["edits"]
    path = f"/v1/metering-points/{USCC}/E-1/edits"
    made = await world.post(path, "operator", json={**edit, "reason": "as the plan says"})
    assert made.status_code == 201, made.text
    late = SampleBatch.from_rows([(world.point("E-1"), START, 1.0)])
    await world.services.stream.publish(USCC, late, "backfill")
    found = await world.ok(f"/v1/gaps/{number}")
    assert (found["state"], found["plan"][0]["possible"]) == ("backfilling", True)
    assert [item["id"] for item in (await world.ok("/v1/gaps?state=backfilling"))["items"]] == [number]
    assert (await world.ok("/v1/gaps?state=open"))["items"] == []


async def test_gaps_are_asked_for_by_what_they_are(world: World) -> None:
    first, second = await gap(world), await gap(world)
    await world.db.pool.execute(
        "update gap set evident = 'gateway', scope = 'gateway x', group_id = $1, evidence = '{\"devices\": 2}'", first
    )
    for asked, found in (
        ("cause=gateway", [second, first]),
        ("cause=silent", []),
        ("owner=enterprise", [second, first]),
        ("owner=centre", []),
        ("group=together", [first]),
        (f"group={first}", [second, first]),
        ("metering_point=E-1", [second, first]),
        ("metering_point=E-2", []),
        ("overdue=true", []),
        ("assignee=operator", []),
    ):
        assert [item["id"] for item in (await world.ok(f"/v1/gaps?{asked}"))["items"]] == found, asked
    assert_problem(await world.get("/v1/gaps?group=x"), 400, "invalid-parameter", "group")
