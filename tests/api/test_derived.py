"""Coal equivalent and CO2: derived = Σ native × factor of the day, whatever the buckets; over HTTP with its factors."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.buckets import edges, midnight
from api.consumption import buckets
from api.derived import conversion, on_hours
from api.problems import Problem
from api.services import Services
from api.times import LATEST, local, parse
from config.errors import ConfigError
from config.factors import factor, factors
from config.quality import Quality
from config.samples import MICROSECOND
from storage import registry
from storage.intervals import IntervalColumns
from storage.points import Point
from tests.api.conftest import USCC, World, assert_problem

ZONES = ["Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "Australia/Lord_Howe"]
BORDER = "2026-03-01T00:00:00+08:00"
QUARTER, DAY = 900 * MICROSECOND, 86_400 * MICROSECOND
GAS = f"/v1/metering-points/{USCC}/G-1/consumption"
ELECTRICITY = f"/v1/metering-points/{USCC}/E-1/consumption"


def gas(zone: str) -> Point:
    return Point(1, "U", 1, 1, "G-1", "natural_gas", "normal_volume", True, zone, (), ())


def intervals(start: int, values: list[int]) -> IntervalColumns:
    count = len(values)
    ones = np.ones(count, np.int32)
    return IntervalColumns(
        ones, start + np.arange(count) * QUARTER, ones * 900, np.array(values, float), np.zeros(count, np.int16),
        np.zeros(count, np.int16), ones, ones,
    )  # fmt: skip


@given(st.sampled_from(ZONES), st.lists(st.integers(0, 1000), min_size=1, max_size=300), st.integers(0, 250))
def test_derived_is_the_sum_of_native_times_the_factor_of_the_day(zone: str, values: list[int], before: int) -> None:
    """Around the day the factor of gas changes; the sum over parts is exact in decimals."""
    day = local(parse(BORDER), "Asia/Shanghai").date()
    start = midnight(day, ZoneInfo(zone)) - before * QUARTER
    rows = intervals(start, values)
    past = start + len(values) * QUARTER
    proper = Decimal(0)
    for at, value in zip(rows.start.tolist(), values, strict=True):
        in_force = factor(factors(), "natural_gas", "co2", "combustion", "", local(at, zone).date())
        assert in_force
        proper += value * in_force.scale("tco2")
    change = conversion(factors(), gas(zone), "tco2", "", start, past, LATEST)
    assert change
    derived = change.of(rows)
    for interval in ("15m", "1d", "1mo"):
        at = edges(interval, start, past, zone)
        found = buckets(gas(zone), derived, at, past)
        assert float(np.nansum(found.value)) == pytest.approx(float(proper), rel=1e-12, abs=1e-12)


def test_a_border_lies_at_the_zones_midnight() -> None:
    day = local(parse(BORDER), "Asia/Shanghai").date()
    for zone in ZONES:
        start = midnight(day - timedelta(days=1), ZoneInfo(zone))
        change = conversion(factors(), gas(zone), "tco2", "", start, start + 2 * DAY, LATEST)
        assert change
        assert local(int(change.borders[0]), zone).isoformat().startswith("2026-03-01T00:00:00")
        assert on_hours(change.borders) == (zone in ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe"))
        assert [(one["value"], one["used_to"]) for one in change.used] == [(2.1622, day), (2.154, None)]


def test_a_quantity_of_another_dimension_is_refused() -> None:
    reactive = Point(1, "U", 1, 1, "E-1", "electricity", "reactive_energy_import", True, "Asia/Shanghai", (), ())
    with pytest.raises(Problem, match="reactive_energy_import cannot become kgce") as caught:
        conversion(factors(), reactive, "kgce", "", parse(BORDER), parse(BORDER) + DAY, LATEST)
    assert caught.value.kind == "invalid-parameter"


@pytest.mark.servers
async def test_a_bucket_across_a_border_is_the_sum_of_its_parts(world: World) -> None:
    await world.intervals(
        world.point("G-1", "normal_volume"),
        dict.fromkeys(range(48), (1000.0, Quality.MEASURED)),
        start=parse(BORDER) - DAY,
        seconds=3600,
        received=1,
    )
    span = "from=2026-02-28T00:00:00%2B08:00&to=2026-03-02T00:00:00%2B08:00"
    days = await world.ok(f"{GAS}?interval=1d&unit=tco2&{span}")
    assert days["unit"] == "tCO2"
    assert days["value"] == pytest.approx([24 * 2.1622, 24 * 2.154])
    year = await world.ok(f"{GAS}?interval=1y&unit=tco2&{span}")
    assert year["value"] == pytest.approx([24 * 2.1622 + 24 * 2.154])
    first, second = year["factors"]
    assert (first["value"], first["used_to"]) == (2.1622, "2026-03-01")
    assert {name: second[name] for name in second if name not in ("source", "edition", "published_at")} == {
        "carrier": "natural_gas", "kind": "co2", "basis": "combustion", "region": [], "year": None, "value": 2.154,
        "unit": "kgCO2/Nm3", "valid_from": "2026-03-01", "valid_to": None, "verified": "second-hand",
        "used_from": "2026-03-01", "used_to": None, "provisional": False, "calorific_value": None,
    }  # fmt: skip
    native = await world.ok(f"{GAS}?interval=1d&{span}")
    assert native["value"] == [24_000.0, 24_000.0]
    assert "factors" not in native


@pytest.mark.servers
async def test_a_border_within_an_hour(world: World) -> None:
    """In a zone 5 hours and 45 minutes ahead midnight lies within an hour of UTC."""
    await world.db.pool.execute("update enterprise set zone = 'Asia/Kathmandu' where uscc = $1", USCC)
    await world.services.reload()
    start = parse("2022-12-31T23:00:00+05:45")
    await world.intervals(world.point("E-1"), dict.fromkeys(range(8), (1000.0, Quality.MEASURED)), start=start)
    span = "from=2022-12-31T23:00:00%2B05:45&to=2023-01-01T01:00:00%2B05:45"
    found = await world.ok(f"{ELECTRICITY}?interval=1h&unit=tco2&{span}")
    assert found["start"] == [f"2022-12-31T2{hour}:45:00+05:45" for hour in (2, 3)] + ["2023-01-01T00:45:00+05:45"]
    old, new = 0.5366, 0.5554
    assert found["value"] == pytest.approx([3 * old, old + 3 * new, new])
    assert [(one["year"], one["provisional"]) for one in found["factors"]] == [(2022, False), (2023, False)]
    late = await world.ok(f"{ELECTRICITY}?unit=tco2&from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z")
    assert late["factors"][0]["provisional"] is True


@pytest.mark.servers
async def test_an_enterprise_in_one_unit(world: World) -> None:
    await world.intervals(world.point("E-1"), dict.fromkeys(range(96), (10.0, Quality.MEASURED)))
    await world.intervals(
        world.point("E-2", "active_energy_export"), dict.fromkeys(range(96), (3.0, Quality.ESTIMATED))
    )
    await world.intervals(
        world.point("G-1", "normal_volume"), dict.fromkeys(range(24), (5.0, Quality.MEASURED)), seconds=3600, received=1
    )
    path = f"/v1/enterprises/{USCC}/consumption"
    span = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-02T00:00:00%2B08:00"
    carriers = await world.ok(f"{path}?unit=kgce&{span}")
    values = {one["key"]: one["value"][0] for one in carriers["series"]}
    assert values == pytest.approx({"electricity": 672 * 0.1229, "natural_gas": 120 * 1.33})
    assert {one["unit"] for one in carriers["series"]} == {"kgce"}
    assert [(one["carrier"], one["value"]) for one in carriers["factors"]] == [
        ("electricity", 0.1229),
        ("natural_gas", 1.33),
    ]
    (total,) = (await world.ok(f"{path}?unit=tce_equal&group_by=total&{span}"))["series"]
    assert total["value"] == pytest.approx([(672 * 0.404 + 120 * 1.33) / 1000])
    assert (total["key"], total["unit"], total["quality"]) == ("total", "tce", ["estimated"])
    csv = await world.get(f"{path}?unit=kgce&group_by=total&{span}", headers={"Accept": "text/csv"})
    assert csv.text.splitlines()[1].startswith("total,合计,total,,kgce,2026-01-01T00:00:00+08:00,")
    assert_problem(await world.get(f"{path}?group_by=total&{span}"), 400, "invalid-parameter", "group_by")
    (power,) = (await world.ok(f"{path}?group_by=total&carrier=electricity&{span}"))["series"]
    assert power["value"] == [672.0]


@pytest.mark.servers
async def test_no_factor_is_told_with_carrier_and_kind(world: World) -> None:
    span = "from=2020-12-01T00:00:00%2B08:00&to=2021-02-01T00:00:00%2B08:00&interval=1d"
    body = assert_problem(await world.get(f"{ELECTRICITY}?unit=tco2&{span}"), 422, "no-factor", "unit")
    assert (body["carrier"], body["kind"]) == ("electricity", "co2")
    assert "2020-12-01" in body["detail"]
    assert_problem(await world.get(f"{ELECTRICITY}?unit=tons"), 400, "invalid-parameter", "unit")
    listed = await world.ok("/v1/factors")
    assert {"carrier", "value", "unit", "source", "verified", "valid_from"} <= set(listed["items"][0])


def test_a_faulty_file_of_ones_own_is_told_at_start(tmp_path: Path) -> None:
    file = tmp_path / "factors.toml"
    file.write_text("[[factor]]\ncarrier = 'steem'\n", "utf-8")
    with pytest.raises(ConfigError, match="'steem' is not a carrier"):
        Services(own_factors=file)


async def test_a_measured_calorific_value_goes_before_the_default(world: World, tmp_path: Path) -> None:
    """In metering point, enterprise and region alike; the answer names it, and other enterprises keep the default."""
    text = "\n".join(
        (
            "enterprises:",
            f"- {{uscc: {USCC}, name: Beijing Works, region: '110105', industry: C31, calorific_values: [",
            "  {carrier: natural_gas, from: 2026-01-02, value: 35.9, unit: MJ/Nm3, source: report 17}]}",
        )
    )
    (tmp_path / "measured.yaml").write_text(text, "utf-8")
    await registry.apply(world.db, tmp_path / "measured.yaml", actor="test")
    assert (await registry.plan(world.db, tmp_path / "measured.yaml")).empty
    assert "calorific_values" in await registry.export(world.db)
    await world.services.reload()
    hours = dict.fromkeys(range(48), (100.0, Quality.MEASURED))
    await world.intervals(world.point("G-1", "normal_volume"), hours, seconds=3600, received=1)
    span = "interval=1d&unit=kgce&from=2026-01-01T00:00:00%2B08:00&to=2026-01-03T00:00:00%2B08:00"
    proper = [pytest.approx(2400 * 1.33), pytest.approx(2400 * 35_900 / 29_307)]
    found = await world.ok(f"{GAS}?{span}")
    assert found["value"] == proper
    assert [(one["source"].split(",")[0], one["used_from"]) for one in found["factors"]][1] == (
        "measured: 35.9 MJ/Nm3", "2026-01-02",
    )  # fmt: skip
    for path in (f"/v1/enterprises/{USCC}/consumption", "/v1/regions/11/consumption"):
        (series,) = (await world.ok(f"{path}?carrier=natural_gas&{span}"))["series"]
        assert series["value"] == proper
