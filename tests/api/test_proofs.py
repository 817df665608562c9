"""Proofs of days over HTTP, and in the metrics."""

from datetime import date

from storage import proofs
from storage.proofs import Proof
from tests.api.conftest import USCC, World, assert_problem

PROOF = f"/v1/metering-points/{USCC}/E-1/proof"


async def prove(world: World, day: int, difference: float) -> None:
    point = world.point("E-1")
    found = Proof(
        point, date(2026, 1, day), 100.0, 1.0, 2.0, 3.0, 104.0 + difference, difference, 0, 0, difference == 0
    )
    async with world.db.transaction() as conn:
        await proofs.put(conn, [found])


async def test_the_figures_of_each_day(world: World) -> None:
    for day, difference in ((1, 0.0), (2, 5.0), (3, 0.0)):
        await prove(world, day, difference)
    found = await world.ok(f"{PROOF}?from=2026-01-02T00:00:00%2B08:00&to=2026-01-04T00:00:00%2B08:00", "enterprise")
    assert (found["quantity"], found["unit"], found["zone"]) == ("active_energy_import", "kWh", "Asia/Shanghai")
    assert [(one["day"], one["sound"]) for one in found["days"]] == [("2026-01-02", False), ("2026-01-03", True)]
    first = found["days"][0]
    assert first.pop("checked").endswith("+08:00")
    assert first == {
        "day": "2026-01-02", "register": 100.0, "open": 1.0, "allocated": 2.0, "edited": 3.0, "intervals": 109.0,
        "difference": 5.0, "intervals_wrong": 0, "rollups_wrong": 0, "sound": False, "stale": False,
    }  # fmt: skip
    assert "wanjia_unproven_days 1.0" in (await world.client.get("/metrics")).text


async def test_what_cannot_be_answered(world: World) -> None:
    assert_problem(await world.get(f"{PROOF}?from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"), 400, "span-too-long")
    assert_problem(await world.get(f"{PROOF}?quantity=voltage_a"), 400, "invalid-parameter", "quantity")
    assert_problem(await world.get(PROOF, "regulator"), 404, "not-found")
