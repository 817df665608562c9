"""The evidence of an alert, as known when it was found and now."""

import csv
import io

import numpy as np
import pytest

from api.buckets import edges
from api.evidence import Frame, allowance, usual
from api.times import DAY, local
from config.quality import Quality
from config.samples import MICROSECOND
from storage import edits
from storage.columns import instant
from storage.edits import Wish
from tests.api.conftest import START, USCC, World, assert_problem

HOUR = 3600 * MICROSECOND
SHANGHAI = "Asia/Shanghai"


@pytest.mark.servers
async def test_later_corrections_do_not_hide_what_was_found(world: World) -> None:
    point, minute = world.point("E-1"), 60 * MICROSECOND
    await world.intervals(point, {n: (25.0 if n != 40 else 250.0, Quality.MEASURED) for n in range(96)})
    await world.readings([(point, START + n * 15 * minute, 100.0 + n / 4) for n in range(97)])
    onset, ended = START + 10 * HOUR, START + 10 * HOUR + 15 * minute
    number = await world.alert("spike", onset, ended, factor=10.0)
    thresholds = f"/v1/rules/gap/thresholds/point:{USCC}/E-1"
    await world.client.put(thresholds, headers={"X-API-Key": world.keys["operator"]}, json={"cadences": 7})
    await edits.add(world.db, point, Wish("set", onset, ended, 25.0, "a wrong pulse"), "wang")
    await world.intervals(point, {40: (25.0, Quality.EDITED)})
    found = await world.ok(f"/v1/alerts/{number}/evidence", "enterprise")
    series = found["series"]
    assert (found["rule"], series["unit"], series["interval"]) == ("spike", "kWh", "15m")
    assert found["marked"] == {"from": local(onset, SHANGHAI).isoformat(), "to": local(ended, SHANGHAI).isoformat()}
    at = series["start"].index(found["marked"]["from"])
    assert (series["found"]["value"][at], series["found"]["quality"][at]) == (250.0, "measured")
    assert (series["now"]["value"][at], series["now"]["quality"][at], series["changed"]) == (25.0, "edited", True)
    assert series["now"]["received"][at] == 15
    [part] = found["parts"]
    assert part["readings"]["start"]["before"]["value"] == 110.0
    assert part["readings"]["start"]["before"]["words"][0].startswith("0x")
    assert [(one["action"], one["reason"]) for one in part["edits"]] == [("set", "a wrong pulse")]
    assert found["judged_by"]["software"].startswith("wanjia ")
    table = await world.get(f"/v1/alerts/{number}/evidence", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert (rows[at]["found"], rows[at]["value"], rows[at]["quality"]) == ("250.0", "25.0", "edited")
    assert set(rows[0]) >= {"start", "found_quality", "expected", "usual"}


@pytest.mark.servers
async def test_gaps_and_thresholds_as_they_were_and_are(world: World) -> None:
    onset = START + 10 * HOUR
    gap = "insert into gap (point_id, from_time, to_time, missing, cadence_s) values ($1, $2, $3, $4, 60)"
    for quantity, missing in (("active_energy_import", 60), ("active_power", 61)):
        await world.db.pool.execute(gap, world.point("E-1", quantity), instant(onset), instant(onset + HOUR), missing)
    number = await world.alert("gap", onset, None, quantities=["active_power", "active_energy_import"])
    path = f"/v1/rules/gap/thresholds/point:{USCC}/E-1"
    put = await world.client.put(path, headers={"X-API-Key": world.keys["operator"]}, json={"cadences": 7})
    assert put.status_code == 200
    found = await world.ok(f"/v1/alerts/{number}/evidence")
    [missing] = found["gaps"]
    assert (missing["metering_point"], missing["missing"], missing["cause"]) == ("E-1", 61, "silent")
    assert missing["quantities"] == ["active_energy_import", "active_power"]
    assert found["marked"]["to"] is None
    cadences = next(one for one in found["judged_by"]["thresholds"] if one["key"] == "cadences")
    assert (cadences["then"], cadences["now"]) == (1, 7)
    assert found["series"]["quantity"] == "active_energy_import"  # power is no register
    assert found["series"]["interval"] == "1d"  # it has lasted for months


@pytest.mark.servers
async def test_a_balance_is_set_against_those_below(world: World) -> None:
    for code, value in (("E-1", 25.0), ("E-3", 20.0)):
        await world.intervals(world.point(code), dict.fromkeys(range(96 * 4), (value, Quality.MEASURED)))
    number = await world.alert("balance", START + 2 * DAY, START + 4 * DAY)
    series = (await world.ok(f"/v1/alerts/{number}/evidence"))["series"]
    assert (series["interval"], series["reference"]["kind"]) == ("1d", "below")
    at = series["start"].index("2026-01-03T00:00:00+08:00")
    assert (series["now"]["value"][at], series["reference"]["value"][at]) == (2400.0, 1920.0)


@pytest.mark.servers
async def test_power_is_added_up_by_the_hour(world: World) -> None:
    power, minute = world.point("E-1", "active_power"), 60 * MICROSECOND
    await world.intervals(world.point("E-1"), dict.fromkeys(range(96), (25.0, Quality.MEASURED)))
    await world.readings([(power, START + n * 10 * minute, 0.5) for n in range(60)])
    number = await world.alert("power_energy", START, START + 12 * HOUR)
    series = (await world.ok(f"/v1/alerts/{number}/evidence"))["series"]
    assert (series["interval"], series["reference"]["kind"]) == ("1h", "power")
    at = series["start"].index("2026-01-01T00:00:00+08:00")
    assert series["reference"]["value"][at : at + 11] == [50.0] * 10 + [None]  # 0.5 kW x CT 100
    assert series["now"]["value"][at] == 100.0


@pytest.mark.servers
async def test_power_is_added_up_by_days_that_begin_within_an_hour(world: World) -> None:
    await world.db.pool.execute("update enterprise set zone = 'Asia/Kolkata'")
    power, half = world.point("E-1", "active_power"), 30 * 60 * MICROSECOND
    await world.readings([(power, START + n * half, 0.5) for n in range(-48 * 20, 48 * 40)])
    number = await world.alert("power_energy", START + DAY, START + 36 * DAY)
    series = (await world.ok(f"/v1/alerts/{number}/evidence"))["series"]
    assert (series["interval"], series["reference"]["kind"]) == ("1d", "power")
    at = series["start"].index("2026-01-03T00:00:00+05:30")
    assert series["reference"]["value"][at] == 1200.0  # 0.5 kW x CT 100 x 24 h


@pytest.mark.servers
async def test_what_was_still_to_come_is_no_correction(world: World) -> None:
    point = world.point("E-1")
    await world.intervals(point, dict.fromkeys(range(40), (25.0, Quality.MEASURED)))
    number = await world.alert("balance", START, START + DAY)
    await world.db.pool.execute("update point set since = $1", instant(START))
    await world.db.pool.execute("update metered_interval set since = $1", instant(START + 11 * HOUR))
    await world.intervals(point, dict.fromkeys(range(40, 96), (25.0, Quality.MEASURED)))
    path = f"/v1/alerts/{number}/evidence?as_of=2026-01-01T11:00:00%2B08:00"
    series = (await world.ok(path))["series"]
    at = series["start"].index("2026-01-01T00:00:00+08:00")
    assert (series["found"]["value"][at], series["now"]["value"][at]) == (1000.0, 2400.0)
    assert series["changed"] is False


@pytest.mark.servers
async def test_a_verification_that_ends_is_not_of_consumption(world: World) -> None:
    number = await world.alert("verification_due", START, None, meter="M-1")
    found = await world.ok(f"/v1/alerts/{number}/evidence")
    assert found["series"] is None
    assert [segment["meter"] for segment in found["parts"][0]["segments"]] == ["M-1"]


@pytest.mark.servers
async def test_a_gateway_has_gaps_and_no_series(world: World) -> None:
    gap = "insert into gap (point_id, from_time, cadence_s) values ($1, $2, 60)"
    for code in ("E-1", "E-2", "G-1"):
        point = world.services.points.by_metering_point[USCC, code]
        await world.db.pool.execute(gap, next(iter(point.values())), instant(START))
    number = await world.alert("gateway", START, None, None, meters=["M-1", "M-2"])
    found = await world.ok(f"/v1/alerts/{number}/evidence")
    assert (found["series"], found["parts"]) == (None, [])
    assert [one["metering_point"] for one in found["gaps"]] == ["E-1", "E-2"]
    refused = await world.get(f"/v1/alerts/{number}/evidence", headers={"Accept": "text/csv"})
    assert_problem(refused, 406, "not-acceptable")


@pytest.mark.servers
async def test_evidence_is_for_those_who_see_the_alert(world: World) -> None:
    number = await world.alert("gap", START, None)
    assert_problem(await world.get(f"/v1/alerts/{number}/evidence", "regulator"), 404, "not-found")
    early = await world.ok(f"/v1/alerts/{number}/evidence?as_of=2026-01-01T00:00:00%2B08:00")
    assert early["found_at"] == "2026-01-01T00:00:00+08:00"
    assert early["series"]["changed"] is False
    assert_problem(await world.get(f"/v1/alerts/{number}/evidence?as_of=now"), 400, "invalid-parameter", "as_of")


def frame(start: int, past: int) -> Frame:
    return Frame("1h", 3600, edges("1h", start, past, SHANGHAI, step=3600), SHANGHAI)


def test_the_usual_course_is_the_median_of_the_same_hour_of_the_week() -> None:
    before = frame(START - 28 * DAY, START)
    hours = np.arange(28 * 24)
    value = (hours % 168).astype(float) + 1000 * (hours // 168 == 1)  # the second week stood out
    value[(hours % 168 == 5) & (hours // 168 != 1)] = np.nan
    found = usual(value, before, frame(START, START + 8 * DAY))
    assert found[:5].tolist() == [0, 1, 2, 3, 4]
    assert found[5] == 1005.0
    assert found[168:172].tolist() == [0, 1, 2, 3]
    assert np.isnan(usual(np.full(28 * 24, np.nan), before, frame(START, START + HOUR))).all()


def test_an_allowance_is_spread_over_the_days_of_its_month() -> None:
    days = Frame("1d", None, edges("1d", START - DAY, START + 40 * DAY, SHANGHAI), SHANGHAI)
    found = allowance({"period": "monthly", "from": "2026-01-01", "allowed": 310.0}, days).value
    assert np.isnan(found[0])
    assert found[1:32].tolist() == [10.0] * 31
    assert np.isnan(found[32:]).all()
