"""Sums over many metering points: levels, directions, regions, and the balance of a tree."""

from pathlib import Path

import pytest

from config.quality import Quality
from storage import registry
from tests.api.conftest import OTHER, USCC, World, assert_problem

pytestmark = pytest.mark.servers

MEASURED = Quality.MEASURED
DAY = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-02T00:00:00%2B08:00"
ENTERPRISE = f"/v1/enterprises/{USCC}"
FUZHOU = """\
enterprises:
  - uscc: 91350100M000100Y43
    name: Fuzhou Works
    region: "350102"
    industry: C14
    metering_points:
      - {code: E-1, name: Incomer, carrier: electricity, boundary: true}
      - {code: PV, name: Roof, carrier: electricity, level: 2, direction: generation, parent: E-1}
      - {code: E-21, name: Hall 1, carrier: electricity, level: 2, parent: E-1}
      - {code: E-22, name: Hall 2, carrier: electricity, level: 2, parent: E-1}
      - {code: W-21, name: Water of hall 2, carrier: water, level: 3, parent: E-22}
      - {code: E-31, name: Line 1, carrier: electricity, level: 3, parent: E-21}
    defaults: {profile: chint-dtsu666, from: 2026-01-01T00:00:00+08:00, expected_from: 2026-01-01T00:00:00+08:00,
               driver: modbus-tcp, address: "10.0.1.5:502", every: 60s}
    meters:
      - {code: M-1, at: E-1, ct: 10}
      - {code: M-2, at: PV, unit: 2}
      - {code: M-3, at: E-21, unit: 3}
      - {code: M-4, at: E-22, unit: 4}
"""


async def day(
    world: World, code: str, value: float, *, quantity: str = "active_energy_import", uscc: str = USCC
) -> None:
    """A day of measured quarters."""
    await world.intervals(world.point(code, quantity, uscc), dict.fromkeys(range(96), (value, MEASURED)))


@pytest.fixture
async def tree(world: World, tmp_path: Path) -> World:
    """The world with a tree of metering points in Fuzhou."""
    (tmp_path / "tree.yaml").write_text(FUZHOU, "utf-8")
    await registry.apply(world.db, tmp_path / "tree.yaml", actor="test")
    await world.services.reload()
    return world


async def test_groups_by_level_and_direction(world: World) -> None:
    await day(world, "E-1", 10.0)
    await day(world, "E-2", 3.0, quantity="active_energy_export")
    await day(world, "E-3", 4.0)
    path = f"{ENTERPRISE}/consumption?carrier=electricity&{DAY}"
    levels = (await world.ok(f"{path}&group_by=level"))["series"]
    assert [(one["key"], one["value"], one["unit"], one["carrier"]) for one in levels] == [
        ("1", [672.0], "kWh", "electricity"),
        ("2", [384.0], "kWh", "electricity"),
    ]
    directions = (await world.ok(f"{path}&group_by=direction"))["series"]
    assert [(one["key"], one["zh"], one["en"], one["value"]) for one in directions] == [
        ("import", "购入", "import", [960.0]),
        ("export", "输出", "export", [-288.0]),
    ]
    problem = await world.get(f"{ENTERPRISE}/consumption?group_by=level&{DAY}")
    assert_problem(problem, 400, "invalid-parameter", "group_by")


async def test_a_region_is_the_sum_of_its_enterprises(world: World) -> None:
    await day(world, "E-1", 10.0)
    await day(world, "E-2", 3.0, quantity="active_energy_export")
    await day(world, "E-1", 1.0, uscc=OTHER)
    fuzhou = await world.ok(f"/v1/regions/3501/consumption?{DAY}")
    assert [(one["key"], one["value"]) for one in fuzhou["series"]] == [("electricity", [96.0])]
    beijing = (await world.ok(f"/v1/regions/11/consumption?carrier=electricity&group_by=enterprise&{DAY}"))["series"]
    assert [(one["key"], one["en"], one["value"]) for one in beijing] == [(USCC, "Beijing Works", [672.0])]
    industry = f"/v1/regions/11/consumption?carrier=electricity&group_by=industry&{DAY}"
    assert [(one["key"], one["value"]) for one in (await world.ok(industry))["series"]] == [("C31", [672.0])]
    assert (await world.ok(f"{industry}&industry=C1"))["series"] == []
    assert len((await world.ok(f"{industry}&industry=C"))["series"]) == 1
    mixed = await world.get(f"/v1/regions/11/consumption?group_by=enterprise&{DAY}")
    assert_problem(mixed, 400, "invalid-parameter", "group_by")
    coal = await world.ok(f"/v1/regions/11/consumption?carrier=electricity&unit=kgce&{DAY}")
    assert coal["series"][0]["value"] == [pytest.approx(672 * 0.1229)]
    assert len(coal["factors"]) == 1


async def test_who_sees_a_region(world: World) -> None:
    await day(world, "E-1", 1.0, uscc=OTHER)
    for code in ("35", "3501", "350102"):
        found = await world.ok(f"/v1/regions/{code}/consumption?{DAY}", "regulator")
        assert found["series"][0]["value"] == [96.0]
    assert_problem(await world.get("/v1/regions/11/consumption", "regulator"), 404, "not-found")
    assert_problem(await world.get("/v1/regions/11/consumption", "enterprise"), 404, "not-found")
    assert (await world.ok("/v1/regions/36/consumption", "operator"))["series"] == []
    for bad in ("3", "350", "35010200", "3x"):
        assert_problem(await world.get(f"/v1/regions/{bad}/consumption"), 400, "invalid-parameter", "code")
    bad_industry = await world.get("/v1/regions/35/consumption?industry=x")
    assert_problem(bad_industry, 400, "invalid-parameter", "industry")


async def test_a_region_with_days_of_several_zones_is_asked_by_the_hour(world: World) -> None:
    await day(world, "E-1", 1.0, uscc=OTHER)
    await world.db.pool.execute("update enterprise set zone = 'Asia/Urumqi', region = '110106' where uscc = $1", OTHER)
    await world.services.reload()
    problem = assert_problem(await world.get(f"/v1/regions/11/consumption?{DAY}"), 400, "invalid-parameter")
    assert "Asia/Shanghai, Asia/Urumqi" in problem["detail"]
    hours = await world.ok(f"/v1/regions/11/consumption?interval=1h&carrier=electricity&{DAY}")
    assert hours["series"][0]["value"][0] == 4.0


async def test_the_balance_of_a_tree(tree: World) -> None:
    """Generation below a metering point comes in beside it; other carriers, and what is deeper, do not count."""
    for code, value in (("E-1", 100.0), ("PV", 20.0), ("E-21", 70.0), ("E-22", 44.0)):
        await day(tree, code, value, uscc=OTHER)
    found = await tree.ok(f"/v1/enterprises/{OTHER}/balance?carrier=electricity&{DAY}")
    top, hall = found["series"]
    assert (top["key"], top["name"], top["unit"]) == (f"{OTHER}/E-1", "Incomer", "kWh")
    assert (top["own"], top["children"], top["difference"]) == ([9600.0], [9024.0], [576.0])
    assert top["loss"] == [pytest.approx(0.06)]
    assert (top["quality"], top["expected"], top["received"]) == (["measured"], [5760], [5760])
    assert (hall["own"], hall["children"], hall["difference"], hall["loss"]) == ([6720.0], [None], [None], [None])
    assert hall["quality"] == ["missing"]


async def test_a_side_with_anything_missing_is_null(tree: World) -> None:
    for code, value in (("E-1", 100.0), ("PV", 0.0), ("E-22", 44.0)):
        await day(tree, code, value, uscc=OTHER)
    holed = {number: (50.0, MEASURED) for number in range(96) if number != 40}
    await tree.intervals(tree.point("E-21", uscc=OTHER), holed)
    top = (await tree.ok(f"/v1/enterprises/{OTHER}/balance?interval=1h&{DAY}"))["series"][0]
    assert [hour for hour, value in enumerate(top["difference"]) if value is None] == [10]
    assert (top["own"][10], top["children"][10], top["loss"][10], top["quality"][10]) == (400.0, None, None, "missing")
    assert top["difference"][9] == pytest.approx(24.0)


async def test_the_balance_as_a_table(tree: World) -> None:
    await day(tree, "E-1", 0.0, uscc=OTHER)
    csv = await tree.get(f"/v1/enterprises/{OTHER}/balance?carrier=electricity&{DAY}", headers={"Accept": "text/csv"})
    head, first, second = csv.text.splitlines()
    assert head == ("key,name,carrier,unit,start,own,children,difference,loss,quality,expected,received,estimated")
    assert first.startswith(f"{OTHER}/E-1,Incomer,electricity,kWh,2026-01-01T00:00:00+08:00,0.0,,,,missing,")
    assert second.startswith(f"{OTHER}/E-21,")
    none = await tree.get(f"/v1/enterprises/{OTHER}/balance?carrier=steam", headers={"Accept": "text/csv"})
    assert none.text.splitlines() == [head]
    assert_problem(await tree.get(f"/v1/enterprises/{OTHER}/balance", "enterprise"), 404, "not-found")
