"""Virtual metering points over HTTP: sums, differences and shares that are null where a part is not known."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from api.times import parse
from config.quality import Quality
from config.samples import MICROSECOND, now_us
from storage import registry
from tests.api.conftest import OTHER, START, USCC, World, assert_problem

pytestmark = pytest.mark.servers

MEASURED = Quality.MEASURED
VIRTUAL = """\
enterprises:
  - uscc: 91110000600037341L
    name: Beijing Works
    region: "110105"
    industry: C31
    metering_points:
      - {code: E-1, name: Main incomer, carrier: electricity, boundary: true}
      - {code: E-2, name: Grid feed, carrier: electricity, direction: export, boundary: true}
      - {code: E-3, name: Hall 3, carrier: electricity, level: 2, parent: E-1}
      - {code: E-9, name: Never metered, carrier: electricity, level: 2}
      - {code: G-1, name: Gas, carrier: natural_gas}
      - {code: V-SUM, name: Net, carrier: electricity, level: 2, formula: {E-1: 1, E-2: -1}}
      - {code: V-REST, name: Rest, carrier: electricity, level: 2, parent: E-1, formula: {V-SUM: 1, E-3: -0.5}}
      - {code: V-LATER, name: Later, carrier: electricity, level: 2, formula: {E-1: 1, E-9: 1}}
      - {code: V-NONE, name: None, carrier: electricity, level: 2, formula: {E-9: 1}}
      - {code: V-GAS, name: Kiln's share, carrier: natural_gas, level: 2, formula: {G-1: 0.4}, boundary: MARK}
"""
HOUR = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-01T01:00:00%2B08:00"
DAY = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-02T00:00:00%2B08:00"


@pytest.fixture
async def plant(world: World, tmp_path: Path) -> World:
    """The world with virtual metering points."""
    file = tmp_path / "virtual.yaml"
    text = VIRTUAL.replace("name: Gas, carrier: natural_gas", "name: Gas, carrier: natural_gas, boundary: false")
    file.write_text(text.replace("MARK", "true"), "utf-8")
    await registry.apply(world.db, file, actor="test")
    await world.services.reload()
    return world


def at(code: str) -> str:
    return f"/v1/metering-points/{USCC}/{code}/consumption"


async def test_a_virtual_metering_point_is_the_sum_of_shares(plant: World) -> None:
    """Its quality is the worst of its parts', counts and estimated intervals add up."""
    await plant.intervals(plant.point("E-1"), dict.fromkeys(range(96), (10.0, MEASURED)))
    fed = dict.fromkeys(range(96), (3.0, MEASURED)) | {1: (3.0, Quality.ESTIMATED), 2: (None, Quality.SUSPECT)}
    await plant.intervals(plant.point("E-2", "active_energy_export"), fed)
    await plant.intervals(plant.point("E-3"), dict.fromkeys(range(96), (4.0, MEASURED)))
    found = await plant.ok(f"{at('V-SUM')}?interval=15m&{HOUR}")
    assert found["value"] == [7.0, 7.0, None, 7.0]
    assert found["quality"] == ["measured", "estimated", "suspect", "measured"]
    assert (found["expected"], found["received"], found["estimated"]) == ([30] * 4, [30] * 4, [0, 1, 0, 0])
    assert (found["quantity"], found["unit"]) == ("active_energy_import", "kWh")
    rest = await plant.ok(f"{at('V-REST')}?interval=1h&{DAY}")
    assert rest["value"] == [None] + [20.0] * 23
    assert rest["quality"] == ["missing"] + ["measured"] * 23
    assert rest["expected"] == [180] * 24


async def test_what_lacks_a_part_is_null_not_a_part_of_it(plant: World) -> None:
    await plant.intervals(plant.point("E-1"), dict.fromkeys(range(96), (10.0, MEASURED)))
    lacking = {number: (3.0, MEASURED) for number in range(96) if number != 50}
    await plant.intervals(plant.point("E-2", "active_energy_export"), lacking)
    hours = await plant.ok(f"{at('V-SUM')}?interval=1h&{DAY}")
    assert [hour for hour, value in enumerate(hours["value"]) if value is None] == [12]
    day = await plant.ok(f"{at('V-SUM')}?interval=1d&{DAY}")
    assert (day["value"], day["quality"], day["received"]) == ([None], ["missing"], [2865])


async def test_a_part_that_never_had_a_meter_is_missing(plant: World) -> None:
    await plant.intervals(plant.point("E-1"), dict.fromkeys(range(96), (10.0, MEASURED)))
    found = await plant.ok(f"{at('V-LATER')}?interval=1d&{DAY}")
    assert (found["value"], found["quality"], found["expected"]) == ([None], ["missing"], [1440])
    assert_problem(await plant.get(f"{at('V-NONE')}?{DAY}"), 404, "not-found")


async def test_parts_that_do_not_reach_equally_far_have_no_sum(plant: World) -> None:
    """In the day that still runs, what is owed is there, but one part is a quarter of an hour ahead."""
    zone = ZoneInfo("Asia/Shanghai")
    now = now_us()
    midnight = parse(f"{datetime.now(zone):%Y-%m-%d}T00:00:00+08:00")
    quarters = max((now - midnight) // 900_000_000, 1)
    await plant.intervals(plant.point("E-1"), dict.fromkeys(range(quarters), (10.0, MEASURED)), start=midnight)
    export = plant.point("E-2", "active_energy_export")
    await plant.intervals(export, dict.fromkeys(range(quarters), (3.0, MEASURED)), start=midnight)
    assert (await plant.ok(f"{at('V-SUM')}?interval=1d"))["value"][-1] == 7.0 * quarters
    await plant.intervals(plant.point("E-1"), {quarters: (10.0, MEASURED)}, start=midnight)
    today = await plant.ok(f"{at('V-SUM')}?interval=1d")
    assert (today["value"][-1], today["quality"][-1]) == (None, "missing")


async def test_units_and_tariffs_are_those_of_the_parts(plant: World) -> None:
    await plant.intervals(plant.point("E-1"), dict.fromkeys(range(96), (10.0, MEASURED)))
    await plant.intervals(plant.point("E-2", "active_energy_export"), dict.fromkeys(range(96), (3.0, MEASURED)))
    found = await plant.ok(f"{at('V-SUM')}?interval=1d&unit=kgce&{DAY}")
    assert found["value"] == [pytest.approx(672 * 0.1229)]
    assert found["unit"] == "kgce"
    assert [factor["carrier"] for factor in found["factors"]] == ["electricity"]
    await plant.db.pool.execute("update enterprise set region = '440106' where uscc = $1", USCC)
    split = await plant.ok(f"{at('V-SUM')}?interval=1d&group_by=tariff&{DAY}")
    sums = {part["key"]: part["value"][0] for part in split["series"]}
    assert sum(value for value in sums.values() if value) == pytest.approx(672)
    assert len(sums) > 2


async def test_a_virtual_boundary_metering_point_counts_for_the_enterprise(plant: World) -> None:
    await plant.intervals(
        plant.point("G-1", "normal_volume"), dict.fromkeys(range(24), (5.0, MEASURED)), seconds=3600, received=1
    )
    path = f"/v1/enterprises/{USCC}/consumption?carrier=natural_gas&interval=1d&{DAY}"
    (gas,) = (await plant.ok(path))["series"]
    assert gas["value"] == [48.0]
    (by_point,) = (await plant.ok(f"{path}&group_by=metering_point"))["series"]
    assert by_point["key"] == f"{USCC}/V-GAS"


async def test_lists_show_the_formula(plant: World) -> None:
    items = {item["code"]: item for item in (await plant.ok(f"/v1/metering-points?enterprise={USCC}"))["items"]}
    assert {code: item["formula"] for code, item in items.items() if item["virtual"]} == {
        "V-SUM": {"E-1": 1.0, "E-2": -1.0},
        "V-REST": {"V-SUM": 1.0, "E-3": -0.5},
        "V-LATER": {"E-1": 1.0, "E-9": 1.0},
        "V-NONE": {"E-9": 1.0},
        "V-GAS": {"G-1": 0.4},
    }
    one = await plant.ok(f"/v1/metering-points/{USCC}/V-SUM")
    assert (one["unit"], one["points"], one["installations"], one["last"]) == ("kWh", [], [], None)
    assert not one["online"]
    await plant.readings([(plant.point(code), now_us(), 1.0) for code in ("E-1", "E-2")])
    assert (await plant.ok(f"/v1/metering-points/{USCC}/V-SUM"))["online"]
    assert not (await plant.ok(f"/v1/metering-points/{USCC}/V-REST"))["online"]
    problem = await plant.get(f"{at('V-SUM')}?quantity=active_energy_import")
    assert_problem(problem, 400, "invalid-parameter", "quantity")
    assert_problem(await plant.get(at("V-SUM"), "regulator"), 404, "not-found")
    assert (OTHER, "V-SUM") not in plant.services.points.formulas


async def test_a_virtual_metering_point_has_an_allowance(plant: World) -> None:
    days = 86_400 * MICROSECOND
    past = START + (now_us() - START - 3 * 3600 * MICROSECOND) // days * days
    quarters = range(96 * 40)
    await plant.intervals(plant.point("E-1"), dict.fromkeys(quarters, (10.0, MEASURED)), start=past - 40 * days)
    export = plant.point("E-2", "active_energy_export")
    await plant.intervals(export, dict.fromkeys(quarters, (3.0, MEASURED)), start=past - 40 * days)
    asked = {"scope": f"point:{USCC}/V-SUM", "thresholds": {"monthly": 100}, "days": 35}
    found = (await plant.post("/v1/rules/quota/dry-run", json=asked)).json()
    assert {one["metering_point"] for one in found["findings"]} == {"V-SUM"}
    over = next(one for one in found["findings"] if one["ended"])
    assert (over["amount"] + 100) % 672 == pytest.approx(0), "whole days of 96 quarters, 10 in and 3 out each"
