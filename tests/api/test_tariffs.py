"""Tariff periods: the parts add up to the whole, in every zone, on days of 23, 24 and 25 hours; over HTTP."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.buckets import Interval, edges, midnight
from api.consumption import buckets
from api.tariffs import clock, split
from api.times import LATEST, local, parse
from config.quality import Quality
from config.samples import MICROSECOND
from config.tariffs import PERIODS, Tariff, tariff, tariffs
from storage.intervals import IntervalColumns
from storage.points import Point
from tests.api.conftest import USCC, World, assert_problem
from tests.examples import examples

ZONES = ["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo"]
HOUR, DAY = 3600 * MICROSECOND, 86_400 * MICROSECOND
PLAN = """
[[tariff]]
name = "odd"
region = ["99"]
edition = "E"
valid_from = 2000-01-01
source = "S"
verified = false

[[tariff.rule]]
days = ["weekend"]
valley = ["00:00-24:00"]

[[tariff.rule]]
months = [7]
sharp = ["11:20-12:00"]
peak = ["01:30-02:30", "10:00-11:20"]
valley = ["23:00-24:00", "00:00-01:30"]

[[tariff.rule]]
peak = ["02:15-03:00", "10:00-12:00"]
valley = ["23:00-24:00", "00:00-01:30"]
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Tariff]:
    """A plan with odd minutes, day types and seasons for region 99, beside the shipped ones."""
    file: Path = tmp_path_factory.mktemp("plans") / "tariffs.toml"
    file.write_text(PLAN, "utf-8")
    return tariffs(file)


def point(zone: str, cadence_s: int = 60, since: int = 0) -> Point:
    return Point(
        1, "U", 1, 1, "E-1", "electricity", "active_energy_import", True, zone, (), ((since, cadence_s),)
    )  # fmt: skip


def intervals(start: int, values: list[int], seconds: int = 900) -> IntervalColumns:
    count = len(values)
    ones = np.ones(count, np.int32)
    return IntervalColumns(
        ones, start + np.arange(count) * seconds * MICROSECOND, ones * seconds, np.array(values, float),
        np.zeros(count, np.int16), np.zeros(count, np.int16), ones * 15, ones * 15,
    )  # fmt: skip


@settings(max_examples=examples(200))
@given(
    st.sampled_from(ZONES),
    st.sampled_from([900, 1800, 3600, 86_400]),
    st.sampled_from(["15m", "1h", "1d", "1mo"]),
    st.integers(0, 730),
    st.lists(st.integers(0, 1000), min_size=1, max_size=200),
)
def test_the_parts_add_up_to_the_whole(
    known: Sequence[Tariff], zone: str, seconds: int, interval: Interval, days: int, values: list[int]
) -> None:
    start = parse("2017-09-01T00:00:00Z") + days * DAY
    rows = intervals(start, values, seconds)
    past = start + len(values) * seconds * MICROSECOND
    step = max(seconds, {"15m": 900, "1h": 3600}[interval]) if interval in ("15m", "1h") else None
    at = edges(interval, start, past, zone, step=step)
    owner = point(zone, 60 if seconds == 900 else seconds, start)
    now = past + DAY
    whole = buckets(owner, rows, at, now)
    parts = split(owner, rows, at, now, clock(known, "99", zone, int(at[0]), int(at[-1]) + DAY, LATEST))
    assert set(parts) <= set(PERIODS)
    total = np.sum([np.nan_to_num(one.value) for one in parts.values()], axis=0)
    assert total == pytest.approx(np.nan_to_num(whole.value), rel=1e-12)
    assert (np.sum([one.received for one in parts.values()], axis=0) == whole.received).all()
    worst = np.max([one.quality for one in parts.values()], axis=0)
    assert ((worst == Quality.MISSING) <= (whole.quality == Quality.MISSING)).all()
    if seconds == 900 and interval != "15m":
        assert ((worst == Quality.MISSING) == (whole.quality == Quality.MISSING)).all()


@given(st.sampled_from(ZONES), st.integers(0, 900))
def test_the_period_is_that_the_clock_shows(known: Sequence[Tariff], zone: str, days: int) -> None:
    start = parse("2017-09-01T00:00:00Z") + days * DAY
    found = clock(known, "99", zone, start, start + 3 * DAY, LATEST)
    assert (np.diff(found.since) > 0).all()
    assert (np.diff(found.code) != 0).all()
    for instant in range(start, start + 3 * DAY, 5 * 60 * MICROSECOND):
        shown = local(instant, zone)
        rule = tariff(known, "99", shown.date()).day(shown.date())
        minute = shown.hour * 60 + shown.minute
        proper = [period for since, period in rule.clock() if since <= minute][-1]
        assert PERIODS[found.code[np.searchsorted(found.since, instant, "right") - 1]] == proper


def test_days_of_23_24_and_25_hours(known: Sequence[Tariff]) -> None:
    """The clock skips 02:00 to 03:00 in spring and shows it twice in autumn; both days here are Sundays elsewhere."""
    zone = ZoneInfo("America/New_York")
    hours = {}
    for day in (date(2026, 3, 8), date(2026, 11, 1), date(2026, 6, 1)):
        start, past = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        rows = intervals(start, [1] * ((past - start) // (900 * MICROSECOND)))
        at = np.array([start, past])
        parts = split(
            point(zone.key, 60, start), rows, at, past + DAY, clock(known, "44", zone.key, start, past, LATEST)
        )
        hours[day] = {period: found.value[0] / 4 for period, found in parts.items()}
    assert hours[date(2026, 3, 8)] == {"peak": 7, "flat": 9, "valley": 7}
    assert hours[date(2026, 11, 1)] == {"peak": 7, "flat": 9, "valley": 9}
    assert hours[date(2026, 6, 1)] == {"peak": 7, "flat": 9, "valley": 8}


def test_an_interval_across_a_border_is_shared_out_and_estimated(known: Sequence[Tariff]) -> None:
    start = parse("2026-07-01T11:00:00+08:00")
    rows = intervals(start, [30, 30, 30, 30])
    at = np.array([start, start + HOUR])
    parts = split(
        point("Asia/Shanghai", 60, start),
        rows,
        at,
        start + DAY,
        clock(known, "99", "Asia/Shanghai", start, start + HOUR, LATEST),
    )
    assert {period: found.value.tolist() for period, found in parts.items()} == {"sharp": [80.0], "peak": [40.0]}
    assert [found.quality.tolist() for found in parts.values()] == [[Quality.ESTIMATED], [Quality.ESTIMATED]]
    assert [found.estimated.tolist() for found in parts.values()] == [[1], [1]]
    assert [found.expected.tolist() for found in parts.values()] == [[40], [20]]


def test_only_the_period_that_lacks_something_is_missing(known: Sequence[Tariff]) -> None:
    start = parse("2026-01-05T00:00:00+08:00")
    rows = intervals(start, [1] * 32)
    at = np.array([start, start + DAY])
    parts = split(
        point("Asia/Shanghai", 60, start),
        rows,
        at,
        start + 2 * DAY,
        clock(known, "44", "Asia/Shanghai", start, start + DAY, LATEST),
    )
    words = {period: (found.value.tolist()[0], Quality(int(found.quality[0])).word) for period, found in parts.items()}
    assert words["valley"] == (32.0, "measured")
    assert words["peak"][1] == words["flat"][1] == "missing"
    assert np.isnan(words["peak"][0])


@pytest.mark.servers
async def test_tariff_periods_over_http(world: World) -> None:
    await world.intervals(world.point("E-1"), dict.fromkeys(range(4 * 96), (1.0, Quality.MEASURED)))
    path = f"/v1/metering-points/{USCC}/E-1/consumption?group_by=tariff"
    span = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-03T00:00:00%2B08:00"
    problem = assert_problem(await world.get(f"{path}&{span}"), 422, "no-tariff", "group_by")
    assert "region 110105 on 2026-01-01" in problem["detail"]
    await world.db.pool.execute("update enterprise set region = '440300' where uscc = $1", USCC)
    days = await world.ok(f"{path}&interval=1d&{span}")
    assert {one["key"]: (one["zh"], one["en"], one["value"]) for one in days["series"]} == {
        "peak": ("峰", "peak", [28.0, 28.0]),
        "flat": ("平", "flat", [36.0, 36.0]),
        "valley": ("谷", "valley", [32.0, 32.0]),
    }
    assert days["start"] == ["2026-01-01T00:00:00+08:00", "2026-01-02T00:00:00+08:00"]
    assert all(one["quality"] == ["measured"] * 2 for one in days["series"])
    assert sum(one["expected"][0] for one in days["series"]) == 1440
    (plan,) = days["tariffs"]
    assert (plan["name"], plan["region"], plan["verified"]) == ("guangdong-2021", ["44"], False)
    hours = await world.ok(f"{path}&interval=1h&{span}")
    valley = next(one for one in hours["series"] if one["key"] == "valley")
    assert valley["value"][:10] == [4.0] * 8 + [None] * 2
    assert set(valley["quality"]) == {"measured"}
    kgce = await world.ok(f"{path}&interval=1mo&unit=kgce&{span}")
    assert next(one for one in kgce["series"] if one["key"] == "peak")["value"] == pytest.approx([112 * 0.1229])
    assert kgce["factors"][0]["value"] == 0.1229
    csv = await world.get(f"{path}&interval=1d&{span}", headers={"Accept": "text/csv"})
    lines = csv.text.splitlines()
    assert lines[0] == "key,zh,en,start,value,quality,expected,received,estimated"
    assert lines[1] == "peak,峰,peak,2026-01-01T00:00:00+08:00,28.0,measured,420,420,0"
