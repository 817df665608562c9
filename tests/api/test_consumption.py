"""Consumption over HTTP: values, quality, absence, calendars, forms."""

import io
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from config.quality import Quality
from config.samples import MICROSECOND
from tests.api.conftest import OTHER, START, USCC, World, assert_problem

pytestmark = pytest.mark.servers

MEASURED = Quality.MEASURED

E1 = f"/v1/metering-points/{USCC}/E-1/consumption"
JANUARY_1 = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-02T00:00:00%2B08:00"


async def test_every_bucket_is_there_and_absence_is_not_zero(world: World) -> None:
    await world.intervals(
        world.point("E-1"),
        {
            0: (1.5, MEASURED),
            1: (2.0, Quality.ESTIMATED),
            3: (None, Quality.SUSPECT),
            5: (0.0, MEASURED),
        },
    )
    found = await world.ok(f"{E1}?interval=15m&from=2026-01-01T00:00:00%2B08:00&to=2026-01-01T01:45:00%2B08:00")
    assert found["value"] == [1.5, 2.0, None, None, None, 0.0, None]
    assert found["quality"] == ["measured", "estimated", "missing", "suspect", "missing", "measured", "missing"]
    assert found["expected"] == [15] * 7
    assert found["received"] == [15, 15, 0, 15, 0, 15, 0]
    assert found["estimated"] == [0, 1, 0, 0, 0, 0, 0]
    assert found["start"][:2] == ["2026-01-01T00:00:00+08:00", "2026-01-01T00:15:00+08:00"]
    assert {name: found[name] for name in ("metering_point", "quantity", "unit", "interval", "zone")} == {
        "metering_point": f"{USCC}/E-1",
        "quantity": "active_energy_import",
        "unit": "kWh",
        "interval": "15m",
        "zone": "Asia/Shanghai",
    }


async def test_hours_and_days_are_sums_and_say_what_is_missing(world: World) -> None:
    values = {number: (1.0, MEASURED) for number in range(96) if number != 5}
    await world.intervals(world.point("E-1"), values)
    hours = await world.ok(f"{E1}?interval=1h&{JANUARY_1}")
    assert hours["value"] == [4.0, 3.0] + [4.0] * 22
    assert hours["quality"] == ["measured", "missing"] + ["measured"] * 22
    assert hours["expected"] == [60] * 24
    assert hours["received"][:3] == [60, 45, 60]
    days = await world.ok(f"{E1}?interval=1d&from=2026-01-01T10:00:00%2B08:00&to=2026-01-02T10:00:00%2B08:00")
    assert days["start"] == ["2026-01-01T00:00:00+08:00", "2026-01-02T00:00:00+08:00"]
    assert days["value"] == [95.0, None]
    assert days["quality"] == ["missing", "missing"]
    assert days["expected"] == [1440, 1440]
    assert days["received"] == [1425, 0]


async def test_months_and_years_are_the_zones(world: World) -> None:
    point = world.point("E-1")
    quarters = {day * 96 + number: (1.0, MEASURED) for day in (0, 30, 31) for number in range(96)}
    await world.intervals(point, quarters)
    span = "from=2026-01-15T00:00:00%2B08:00&to=2026-02-15T00:00:00%2B08:00"
    months = await world.ok(f"{E1}?interval=1mo&{span}")
    assert months["start"] == ["2026-01-01T00:00:00+08:00", "2026-02-01T00:00:00+08:00"]
    assert months["value"] == [192.0, 96.0]
    years = await world.ok(f"{E1}?interval=1y&{span}")
    assert years["start"] == ["2026-01-01T00:00:00+08:00"]
    assert years["value"] == [288.0]


async def test_days_where_the_clock_changes(world: World) -> None:
    await world.db.pool.execute("update enterprise set zone = 'Europe/Berlin' where uscc = $1", USCC)
    await world.services.reload()
    point = world.point("E-1")
    quarters = dict.fromkeys(range(96 * 400), (1.0, MEASURED))
    await world.intervals(point, quarters)
    spring = await world.ok(f"{E1}?interval=1d&from=2026-03-28T00:00:00%2B01:00&to=2026-03-31T00:00:00%2B02:00")
    assert spring["start"] == ["2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]
    assert spring["value"] == [96.0, 92.0, 96.0]
    assert spring["expected"] == [1440, 1380, 1440]
    autumn = await world.ok(f"{E1}?interval=1d&from=2026-10-25T00:00:00%2B02:00&to=2026-10-26T00:00:00%2B01:00")
    assert autumn["value"] == [100.0]
    hours = await world.ok(f"{E1}?interval=1h&from=2026-10-25T00:00:00%2B02:00&to=2026-10-26T00:00:00%2B01:00")
    assert len(hours["value"]) == 25
    assert hours["start"][2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


async def test_what_is_not_over_yet_is_not_owed(world: World) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    span = f"from={tomorrow:%Y-%m-%dT%H:00:00Z}&to={tomorrow + timedelta(hours=2):%Y-%m-%dT%H:00:00Z}"
    found = await world.ok(f"{E1}?interval=1h&{span}")
    assert found["expected"] == [0, 0]
    assert found["value"] == [None, None]


async def test_a_point_read_seldom_has_its_own_interval(world: World) -> None:
    await world.intervals(
        world.point("G-1", "normal_volume"),
        {0: (7.0, MEASURED), 1: (8.0, MEASURED)},
        seconds=3600,
        received=1,
    )
    found = await world.ok(f"/v1/metering-points/{USCC}/G-1/consumption?interval=15m&{JANUARY_1}")
    assert found["interval"] == "1h"
    assert found["unit"] == "Nm3"
    assert found["value"][:3] == [7.0, 8.0, None]
    assert found["expected"][:3] == [1, 1, 1]


async def test_an_enterprise_is_the_signed_sum_of_its_boundary(world: World) -> None:
    await world.intervals(world.point("E-1"), dict.fromkeys(range(96), (10.0, MEASURED)))
    await world.intervals(
        world.point("E-2", "active_energy_export"), dict.fromkeys(range(96), (3.0, Quality.ESTIMATED))
    )
    await world.intervals(world.point("E-3"), dict.fromkeys(range(96), (100.0, MEASURED)))
    path = f"/v1/enterprises/{USCC}/consumption"
    found = await world.ok(f"{path}?carrier=electricity&interval=1h&{JANUARY_1}")
    (series,) = found["series"]
    assert series["key"] == "electricity"
    assert series["unit"] == "kWh"
    assert series["value"] == [28.0] * 24
    assert series["quality"] == ["estimated"] * 24
    assert series["expected"] == [120] * 24
    points = await world.ok(f"{path}?carrier=electricity&interval=1d&group_by=metering_point&{JANUARY_1}")
    assert [(one["key"], one["en"], one["value"]) for one in points["series"]] == [
        (f"{USCC}/E-1", "Main incomer", [960.0]),
        (f"{USCC}/E-2", "Grid feed", [-288.0]),
    ]
    carriers = await world.ok(f"{path}?{JANUARY_1}")
    assert [(one["key"], one["value"]) for one in carriers["series"]] == [
        ("electricity", [672.0]),
        ("natural_gas", [None]),
    ]


async def test_csv_and_arrow_hold_the_same(world: World) -> None:
    await world.intervals(world.point("E-1"), {0: (1.25, MEASURED)})
    short = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-01T00:30:00%2B08:00"
    csv = await world.get(f"{E1}?{short}", headers={"Accept": "text/csv"})
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.text.splitlines() == [
        "start,value,quality,expected,received,estimated",
        "2026-01-01T00:00:00+08:00,1.25,measured,15,15,0",
        "2026-01-01T00:15:00+08:00,,missing,15,0,0",
    ]
    arrow = await world.get(f"{E1}?{short}", headers={"Accept": "application/vnd.apache.arrow.stream"})
    table = pa.ipc.open_stream(io.BytesIO(arrow.content)).read_all()
    assert table.column("value").to_pylist() == [1.25, None]
    assert table.column("quality").to_pylist() == ["measured", "missing"]
    assert table.schema.field("start").type == pa.timestamp("us", "Asia/Shanghai")
    assert table.schema.metadata[b"unit"] == b'"kWh"'
    whole = await world.get(f"/v1/enterprises/{USCC}/consumption?{JANUARY_1}", headers={"Accept": "text/csv"})
    assert whole.text.splitlines()[1].startswith(
        "electricity,电力,electricity,electricity,kWh,2026-01-01T00:00:00+08:00,"
    )


async def test_readings_are_the_meters_own(world: World) -> None:
    point = world.point("E-1", "active_power")
    await world.readings([(point, START + 500_000, 1.5), (point, START + 60 * MICROSECOND, 2.5)])
    found = await world.ok(f"/v1/metering-points/{USCC}/E-1/readings?quantity=active_power&{JANUARY_1}")
    assert found == {
        "quantity": "active_power",
        "unit": "kW",
        "multiplier": found["multiplier"],
        "time": ["2026-01-01T00:00:00.500+08:00", "2026-01-01T00:01:00.000+08:00"],
        "value": [1.5, 2.5],
        "flags": [0, 0],
    }
    assert found["multiplier"] in (1.0, 100.0)


BAD = [
    ("from=2026-01-01T00:00:00", "time-without-offset", "from"),
    ("from=2026-01-01", "time-without-offset", "from"),
    ("to=yesterday", "invalid-parameter", "to"),
    ("from=%00", "invalid-parameter", "from"),
    ("from=0001-01-01T00:00:00Z", "invalid-parameter", "from"),
    ("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "invalid-parameter", "from"),
    ("from=2010-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "span-too-long", "from"),
    ("interval=5m", "invalid-parameter", "interval"),
    ("quantity=volume", "invalid-parameter", "quantity"),
    ("form=2026-01-01T00:00:00Z", "unknown-parameter", "form"),
]


async def test_a_bad_parameter_is_named(world: World) -> None:
    for query, kind, field in BAD:
        assert_problem(await world.get(f"{E1}?{query}"), 400, kind, field)
    assert_problem(await world.get(f"/v1/metering-points/{USCC}/%00/consumption"), 400, "invalid-parameter")


async def test_an_unescaped_plus_is_understood(world: World) -> None:
    found = await world.ok(f"{E1}?from=2026-01-01T00:00:00+08:00&to=2026-01-01T00:15:00+08:00")
    assert found["start"] == ["2026-01-01T00:00:00+08:00"]


async def test_a_year_of_quarters_fits(world: World) -> None:
    found = await world.ok(f"{E1}?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z")
    assert len(found["start"]) == len(found["value"]) == 35_040


async def test_an_unacceptable_form_is_refused(world: World) -> None:
    assert_problem(await world.get(E1, headers={"Accept": "image/png"}), 406, "not-acceptable")
    assert (await world.get(E1, headers={"Accept": "image/png, */*;q=0.1"})).status_code == 200


async def test_what_is_not_there_or_not_to_be_seen_is_not_found(world: World) -> None:
    assert_problem(await world.get(f"/v1/metering-points/{USCC}/E-9/consumption"), 404, "not-found")
    assert_problem(await world.get(f"/v1/metering-points/{OTHER}/E-1/consumption", "enterprise"), 404, "not-found")
    assert_problem(await world.get(f"/v1/enterprises/{OTHER}/consumption", "enterprise"), 404, "not-found")
    assert_problem(await world.get(E1, "regulator"), 404, "not-found")
    assert (await world.get(f"/v1/metering-points/{OTHER}/E-1/consumption", "regulator")).status_code == 200
    assert_problem(
        await world.get(f"/v1/enterprises/{USCC}/consumption?carrier=steem"), 400, "invalid-parameter", "carrier"
    )
