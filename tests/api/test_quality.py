"""Quality figures and indices over HTTP."""

import csv
import io
from datetime import date
from typing import Any

import numpy as np
import pytest

from config.quality import Quality
from config.samples import MICROSECOND, now_us
from storage.columns import instant
from storage.quality import count_late
from tests.api.conftest import OTHER, START, USCC, World, assert_problem
from tests.api.ingesting import come, ingest

pytestmark = pytest.mark.servers

DAY_US = 86_400 * MICROSECOND
FIRST = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-02T00:00:00%2B08:00"
"""The first day."""
TWO = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-03T00:00:00%2B08:00"
JANUARY = "from=2026-01-15T00:00:00%2B08:00&to=2026-01-15T01:00:00%2B08:00"
E = Quality.ESTIMATED
M = Quality.MEASURED


async def items(world: World, query: str, role: str = "admin") -> dict[str, dict[str, Any]]:
    return {item["key"]: item for item in (await world.ok(f"/v1/quality?{query}", role))["items"]}


async def test_every_figure_follows_from_its_counts_by_the_formula_in_the_answer(world: World) -> None:
    point = world.point("E-1")
    values: dict[int, tuple[float | None, Quality]] = {n: (1.0, E if n < 24 else M) for n in range(48)}
    await world.intervals(point, values | {48: (2.0, Quality.EDITED)})
    await world.readings([(point, START + n * MICROSECOND, 1.0) for n in range(4)])
    await world.readings([(point, START + n * MICROSECOND, 2.0) for n in range(3)])
    answer = await world.ok(f"/v1/quality?by=metering_point&enterprise={USCC}&{FIRST}")
    main, *others = answer["items"]
    assert {name: main[name] for name in ("expected", "received", "readings", "judged", "plausible", "conflicts")} == {
        "expected": 1440, "received": 735, "readings": 735, "judged": 738, "plausible": 735, "conflicts": 3,
    }  # fmt: skip
    assert (main["intervals"], main["estimated"], main["edited"]) == (49, 24, 1)
    assert {formula["name"] for formula in answer["formulas"]} >= {"completeness", "timeliness", "plausibility"}
    for formula in answer["formulas"]:
        assert main[formula["name"]] == round(main[formula["numerator"]] / main[formula["denominator"]], 6)
        assert formula["formula_zh"]
        assert formula["formula_en"]
    gas = next(item for item in others if item["name"] == "Gas")
    assert [gas[name] for name in ("expected", "received", "completeness", "timeliness")] == [24, 0, 0.0, None]
    (whole,) = (await world.ok(f"/v1/quality?enterprise={USCC}&{FIRST}"))["items"]
    assert (whole["key"], whole["expected"], whole["received"]) == (USCC, 3 * 1440 + 24, 735)


async def test_estimated_data_never_count_as_complete(world: World) -> None:
    """Two readings a day apart: the energy between is known and allocated, every interval of it has a value."""
    await come(world, [float(n) for n in range(30)])
    await come(world, [2000.0, 2001.0], first=1440 + 10)
    await ingest(world)
    main = (await items(world, f"by=metering_point&enterprise={USCC}&{FIRST}"))[f"{USCC}/E-1"]
    assert (main["intervals"], main["estimated"]) == (96, 95)
    assert (main["expected"], main["received"]) == (1440, 30)
    assert main["completeness"] == round(30 / 1440, 6)
    month = (await world.ok(f"/v1/quality/indices?enterprise={USCC}&month=2026-01"))["items"]
    hours = next(item for item in month if item["name"] == "hourly_completeness")
    assert hours["numerator"] == 0  # no hour is measured from end to end


async def test_more_than_was_due_on_one_day_makes_up_for_nothing_on_another(world: World) -> None:
    await world.intervals(
        world.point("G-1", "normal_volume"), dict.fromkeys(range(24), (1.0, M)), seconds=3600, received=2
    )
    gas = (await items(world, f"by=metering_point&enterprise={USCC}&{TWO}"))[f"{USCC}/G-1"]
    assert (gas["expected"], gas["received"], gas["readings"], gas["completeness"]) == (48, 24, 48, 0.5)


async def test_late_and_doubtful_readings_are_counted_on_their_days(world: World) -> None:
    point = world.point("E-1")
    await come(world, [1.0, 2.0, 900_000.0, *(float(n) for n in range(4, 60))])
    kinds = [row["kind"] for row in await world.db.pool.fetch("select kind from verdict where kind <> 'gap'")]
    assert kinds == ["transient"]
    async with world.db.transaction() as conn:
        times = START + np.array([0, 1, DAY_US])
        await count_late(conn, np.full(3, point, np.int32), times, {point: "Asia/Shanghai"})
        await count_late(conn, np.full(1, point, np.int32), times[:1], {point: "Asia/Shanghai"})
        await count_late(conn, np.full(1, point, np.int32), times[:1], {})
    main = (await items(world, f"by=metering_point&enterprise={USCC}&{FIRST}"))[f"{USCC}/E-1"]
    assert (main["readings"], main["prompt"]) == (45, 42)  # three quarters are closed
    assert (main["judged"], main["plausible"]) == (45, 44)


async def test_days_and_months_apart(world: World) -> None:
    await world.intervals(world.point("E-1"), dict.fromkeys(range(96), (1.0, M)))
    await world.intervals(world.point("E-1", uscc=OTHER), dict.fromkeys(range(96, 192), (1.0, M)))
    answer = await world.ok(f"/v1/quality?each=day&{TWO}")
    assert answer["start"] == ["2026-01-01", "2026-01-02"]
    works, other = answer["items"]
    assert works["columns"]["received"] == [1440, 0]
    assert other["columns"]["completeness"] == [0.0, 1.0]
    assert works["received"] == sum(works["columns"]["received"])
    days = await items(world, f"by=day&{TWO}")
    assert [days[day]["received"] for day in ("2026-01-01", "2026-01-02")] == [1440, 1440]
    month = await world.ok(f"/v1/quality?each=month&by=metering_point&enterprise={OTHER}&{JANUARY}")
    assert month["start"] == ["2026-01"]
    assert month["items"][0]["columns"]["expected"] == [31 * 1440]
    (whole,) = (await world.ok(f"/v1/quality?by=month&enterprise={OTHER}&{JANUARY}"))["items"]
    assert (whole["key"], whole["expected"], whole["completeness"]) == ("2026-01", 31 * 1440, round(1 / 31, 6))


async def test_regions_meters_and_points(world: World) -> None:
    await world.intervals(world.point("E-1"), dict.fromkeys(range(96), (1.0, M)))
    regions = await items(world, f"by=region&{FIRST}")
    assert [(key, item["received"]) for key, item in regions.items()] == [("110105", 1440), ("350102", 0)]
    assert list(await items(world, f"by=region&region=35&{FIRST}")) == ["350102"]
    page = await world.ok(f"/v1/quality?by=region&limit=1&{FIRST}")
    assert list(await items(world, f"by=region&limit=1&after={page['next']}&{FIRST}")) == ["350102"]
    meters = await items(world, f"by=meter&{FIRST}", "enterprise")
    assert {key: item["completeness"] for key, item in meters.items()} == {
        f"{USCC}/GM-1": 0.0, f"{USCC}/M-1": 1.0, f"{USCC}/M-2": 0.0, f"{USCC}/M-3": 0.0,
    }  # fmt: skip
    points = await items(world, f"by=point&{FIRST}", "regulator")
    assert f"{OTHER}/E-1/active_energy_import" in points
    assert len(points) > 1
    paged = await world.ok(f"/v1/quality?by=point&limit=1&{FIRST}", "regulator")
    assert list(await items(world, f"by=point&after={paged['next']}&{FIRST}", "regulator")) == list(points)[1:]
    assert_problem(await world.get(f"/v1/quality?region=11&{FIRST}", "regulator"), 404, "not-found")


async def test_a_meter_has_the_days_it_stood_there(world: World) -> None:
    """From 2 January on another meter stands at E-1."""
    await world.intervals(world.point("E-1"), dict.fromkeys(range(192), (1.0, M)))
    noon = instant(START + DAY_US + DAY_US // 2)
    await world.db.pool.execute(
        "update installation set valid_to = $1 from meter where meter.id = meter_id and code = 'M-1'", noon
    )
    await world.services.reload()
    meters = await items(world, f"by=meter&each=day&enterprise={USCC}&{TWO}")
    assert meters[f"{USCC}/M-1"]["columns"]["received"] == [1440, 0]


async def test_csv_holds_all_items(world: World) -> None:
    answer = await world.get(f"/v1/quality?each=day&limit=1&{TWO}", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["key"], row["day"]) for row in rows] == [
        (uscc, day) for uscc in (USCC, OTHER) for day in ("2026-01-01", "2026-01-02")
    ]
    assert (rows[0]["expected"], rows[0]["completeness"], rows[0]["timeliness"]) == (str(3 * 1440 + 24), "0.0", "")
    assert_problem(await world.get("/v1/quality?by=day&each=month"), 400, "invalid-parameter", "each")
    arrow = await world.get("/v1/quality", headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert_problem(arrow, 406, "not-acceptable")


async def test_spans_are_limited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    century = "from=2000-01-01T00:00:00Z&to=2099-01-01T00:00:00Z"
    assert (await world.get(f"/v1/quality?by=metering_point&{century}")).status_code == 200
    monkeypatch.setattr("api.quality.figures.MOST", 5 * 36_000)
    assert_problem(await world.get(f"/v1/quality?by=metering_point&{century}"), 400, "span-too-long", "from")


INDICES = (
    "data_completeness", "hourly_completeness", "consistency", "start_of_statistics", "acquisition_interval",
    "automatic_collection", "yunnan_complete", "yunnan_accurate",
)  # fmt: skip


async def test_indices(world: World) -> None:
    await world.intervals(world.point("E-1"), dict.fromkeys(range(31 * 96), (1.0, M)))
    await world.db.pool.execute(
        "update meter set verified_until = '2026-06-30' where code = 'M-1'; "
        "update meter set verified_until = '2026-01-30' where code = 'M-2'"
    )
    await world.db.pool.executemany(
        "insert into proof (point_id, day, register, open, allocated, edited, intervals, difference, intervals_wrong, "
        "rollups_wrong, sound) values ($1, $2, 96, 0, 0, 0, $3, 0, 0, 0, true)",
        [(world.point("E-1"), date(2026, 1, day), 96.0) for day in range(1, 32)]
        + [(world.point("E-3"), date(2026, 1, day), 80.0) for day in range(1, 32)]
        + [(world.point("G-1", "normal_volume"), date(2026, 1, 1), 96.0)],
    )
    answer = await world.ok(f"/v1/quality/indices?enterprise={USCC}&month=2026-01")
    found = {item["name"]: item for item in answer["items"]}
    due = 31 * (3 * 1440 + 24)
    assert {name: (found[name]["numerator"], found[name]["denominator"]) for name in INDICES} == {
        "data_completeness": (31 * 1440, due),
        "hourly_completeness": (31 * 24, 31 * 24 * 4),
        "consistency": (1, 2),
        "start_of_statistics": (4, 4),
        "acquisition_interval": (4, 4),
        "automatic_collection": (4, 4),
        "yunnan_complete": (1, 4),
        "yunnan_accurate": (1, 4),
    }
    assert (found["data_completeness"]["demanded"], found["data_completeness"]["meets"]) == (0.9, False)
    assert found["start_of_statistics"]["meets"] is True
    assert found["yunnan_accurate"]["meets"] is None  # what is asked for is not known
    assert found["data_completeness"]["verified"] == "second-hand"
    unknown = found["yunnan_composite"]
    assert (unknown["value"], unknown["formula_zh"], unknown["verified"]) == (None, None, None)
    assert "not seen" in unknown["source"]
    region = {item["name"]: item for item in (await world.ok("/v1/quality/indices?region=35&month=2026-01"))["items"]}
    assert region["data_completeness"]["denominator"] == 31 * 1440


async def test_indices_of_a_month_that_runs_and_of_one_to_come(world: World) -> None:
    answer = await world.ok("/v1/quality/indices", "regulator")
    assert answer["month"] == instant(now_us() + 8 * 3600 * MICROSECOND).date().isoformat()[:7]
    assert_problem(await world.get("/v1/quality/indices?month=2090-01"), 400, "invalid-parameter", "month")
    assert_problem(await world.get("/v1/quality/indices?month=2026-13"), 400, "invalid-parameter", "month")
    assert_problem(await world.get("/v1/quality/indices?region=11&month=2026-01", "regulator"), 404, "not-found")
