"""The lineage of one number, down to the registers on the wire."""

import numpy as np
import pytest

from config.encode import encode
from config.profilefiles import one
from config.quality import Quality
from config.samples import MICROSECOND
from storage import edits, verdicts
from storage.edits import Wish
from storage.intervals import Ranges
from storage.verdicts import Verdict
from tests.api.conftest import START, USCC, World, assert_problem

MINUTE = 60 * MICROSECOND
E1 = f"/v1/metering-points/{USCC}/E-1/explain"
HOUR = "start=2026-01-01T00:00:00%2B08:00&end=2026-01-01T01:00:00%2B08:00"


async def test_a_measured_number(world: World) -> None:
    point = world.point("E-1")
    await world.readings([(point, START + minute * MINUTE, 100.0 + minute / 60) for minute in range(-1, 62)])
    await world.intervals(point, dict.fromkeys(range(4), (25.0, Quality.MEASURED)))
    found = await world.ok(f"{E1}?{HOUR}", "enterprise")
    assert (found["value"], found["unit"], found["quality"]) == (100.0, "kWh", "measured")
    [part] = found["parts"]
    assert [(row["value"], row["method"], row["earlier"]) for row in part["intervals"]] == [(25.0, "register", [])] * 4
    [segment] = part["segments"]
    assert (segment["meter"], segment["ct"], segment["pt"], segment["multiplier"]) == ("M-1", 100, 1, 100)
    profile, source = one("chint-dtsu666"), segment["source"]
    register = profile.register("active_energy_import")
    assert (source["kind"], source["name"], source["verified"]) == ("profile", profile.name, profile.verified)
    assert (source["entry"]["address"], source["entry"]["type"]) == (register.address, register.type)
    ends = part["readings"]
    shown = [ends[side][end]["value"] for side in ("start", "end") for end in ("before", "after")]
    assert shown == [100, 100, 101, 101]
    assert ends["end"]["before"]["words"] == [f"0x{word:04X}" for word in encode(register, 101.0)[0].tolist()]
    assert found["sentences"]["en"] == [
        "100 kWh from 2026-01-01 00:00 to 2026-01-01 01:00 (measured).",
        "Meter M-1, multiplier 100 (CT 100 × PT 1).",
        "Register around the start: 100 kWh (2026-01-01 00:00).",
        "Register around the end: 101 kWh (2026-01-01 01:00).",
    ]
    assert found["sentences"]["zh"][0] == "2026-01-01 00:00 至 2026-01-01 01:00 共 100 kWh（实测）。"


async def test_what_was_changed_by_whom_and_why(world: World) -> None:
    point = world.point("E-1")
    await world.intervals(point, {0: (25.0, Quality.MEASURED)})
    before = (await world.ok(f"{E1}?{HOUR}"))["as_of"]
    await world.readings([(point, START + minute * MINUTE, 100.0) for minute in (0, 5, 10, 15)])
    wish = Wish("set", START, START + 15 * MINUTE, 30.0, "read at the substation")
    await edits.add(world.db, point, wish, "wang")
    await world.intervals(point, {0: (30.0, Quality.EDITED)})
    verdict = Verdict(point, "transient", START, START + 5 * MINUTE, START + 5 * MINUTE, START + 10 * MINUTE, {"a": 1})
    async with world.db.transaction() as conn:
        hour = Ranges(np.array([point], np.int32), np.array([START]), np.array([START + 60 * MINUTE]))
        await verdicts.replace(conn, hour, [verdict])
    found = await world.ok(f"{E1}?{HOUR}")
    [part] = found["parts"]
    [interval] = part["intervals"]
    assert (interval["value"], interval["quality"]) == (30.0, "edited")
    [earlier] = interval["earlier"]
    assert (earlier["value"], earlier["until"], earlier["change"]["actor"]) == (25.0, interval["since"], "ingest")
    assert [(one["action"], one["actor"]) for one in part["edits"]] == [("set", "wang")]
    assert [(one["kind"], one["evidence"]) for one in part["verdicts"]] == [("transient", {"a": 1})]
    said = found["sentences"]["en"]
    assert "wang set the consumption (2026-01-01 00:00 – 2026-01-01 00:15): read at the substation." in said
    assert "2026-01-01 00:05: a bad reading, left out." in said
    assert any(one.startswith("Changed 1 ×, last at ") for one in said)
    then = await world.ok(f"{E1}?{HOUR}&as_of={before.replace('+', '%2B')}")
    assert [(row["value"], row["earlier"]) for row in then["parts"][0]["intervals"]] == [(25.0, [])]
    assert then["parts"][0]["edits"] == []


async def test_a_derived_unit_names_its_factor(world: World) -> None:
    await world.intervals(world.point("E-1"), {0: (25.0, Quality.MEASURED)})
    found = await world.ok(f"{E1}?{HOUR}&unit=kgce")
    assert found["value"] == pytest.approx(25.0 * 0.1229)
    assert found["sentences"]["en"][-1].startswith("Factor: ")
    assert len(found["factors"]) == 1


@pytest.mark.parametrize(
    ("asked", "kind", "field"),
    [
        ("start=2026-01-01T00:00:00Z&end=2026-01-01T00:00:00Z", "invalid-parameter", "end"),
        ("start=2026-01-01T00:07:00Z&end=2026-01-01T00:15:00Z", "invalid-parameter", "start"),
        ("start=2026-01-01T00:00:00&end=2026-01-01T00:15:00Z", "time-without-offset", "start"),
        ("start=2024-01-01T00:00:00Z&end=2026-01-01T00:15:00Z", "span-too-long", "end"),
        ("start=2026-01-01T00:00:00Z&end=2026-01-06T00:00:00Z", "span-too-long", "end"),
    ],
)
async def test_what_cannot_be_told(world: World, asked: str, kind: str, field: str) -> None:
    await world.intervals(world.point("E-1"), dict.fromkeys(range(32, 32 + 401), (1.0, Quality.MEASURED)))
    assert_problem(await world.get(f"{E1}?{asked}"), 400, kind, field)


async def test_what_one_may_not_see(world: World) -> None:
    assert_problem(await world.get(f"{E1}?{HOUR}", "regulator"), 404, "not-found")
