"""Reviews over HTTP: made, frozen, signed by a second person, printed, packed."""

import hashlib
import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from openpyxl import load_workbook

from config.quality import Quality
from storage.columns import instant
from tests.api.conftest import OTHER, START, USCC, World, assert_problem

pytestmark = pytest.mark.servers

FIRST, LAST = "2026-01-01T00:00:00%2B08:00", "2026-01-04T00:00:00%2B08:00"
PERIOD = {"enterprise": USCC, "from": "2026-01-01T00:00:00+08:00", "to": "2026-01-04T00:00:00+08:00"}
PREVIEW = f"/v1/enterprises/{USCC}/review?from={FIRST}&to={LAST}"
DAY = 96
DAY_BEFORE_LAST = -365 * DAY
"""Number of the interval at the start of 2025."""


async def metered(world: World) -> None:
    """Three days of 1 kWh a quarter of an hour at E-1, 6 quarters of them estimated, and half of that a year before."""
    values = {n: (1.0, Quality.ESTIMATED if n < 6 else Quality.MEASURED) for n in range(3 * DAY)}
    await world.intervals(world.point("E-1"), values)
    before = {DAY_BEFORE_LAST + n: (0.5, Quality.MEASURED) for n in range(3 * DAY)}
    await world.intervals(world.point("E-1"), before)
    await world.intervals(world.point("E-3"), dict.fromkeys(range(3 * DAY), (0.75, Quality.MEASURED)))


async def made(world: World, role: str = "operator") -> dict[str, Any]:
    answer = await world.post("/v1/reviews", role, json=PERIOD)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_report_says_what_the_other_answers_say(world: World) -> None:
    await metered(world)
    report = await world.ok(PREVIEW)
    electricity = report["consumption"]["carriers"][0]
    asked = f"from={FIRST}&to={LAST}&interval=1d"
    for unit, name in (("native", "value"), ("tce", "tce"), ("tco2", "tco2")):
        answer = await world.ok(f"/v1/enterprises/{USCC}/consumption?carrier=electricity&{asked}&unit={unit}")
        assert electricity[name] == pytest.approx(sum(answer["series"][0]["value"]))
        if unit != "native":
            assert answer["factors"][0] in report["consumption"]["factors"]
    assert (electricity["value"], electricity["value_before"], electricity["change"]) == (288.0, 144.0, 100.0)
    assert electricity["daily"] == [96.0, 96.0, 96.0]
    assert electricity["quality"] == "missing"  # nothing ever came of E-2, which feeds the grid
    (balance,) = report["balance"]
    assert (balance["own"], balance["children"], balance["difference"], balance["loss"]) == (288.0, 216.0, 72.0, 0.25)
    quality = (await world.ok(f"/v1/quality?by=metering_point&enterprise={USCC}&from={FIRST}&to={LAST}"))["items"]
    assert [one["completeness"] for one in report["quality"]["points"]] == [one["completeness"] for one in quality]
    assert len(report["quality"]["days"]) == 3
    equipping = await world.ok(f"/v1/enterprises/{USCC}/equipping")
    assert report["equipping"]["verification"] == equipping["verification"]
    assert [row["code"] for row in report["instruments"]] == ["GM-1", "M-1", "M-2", "M-3"]
    assert report["period"]["first_day"] == "2026-01-01"
    assert report["period"]["last_day"] == "2026-01-03"


async def test_allowances_and_thresholds_are_told(world: World) -> None:
    await metered(world)
    scope = f"point:{USCC}/E-1"
    put = "insert into threshold (rule, scope, body) values ('quota', $1, $2), ('gap', 'enterprise:' || $3, '{}')"
    await world.db.pool.execute(put, scope, json.dumps({"monthly": 200.0, "annual": 100_000.0}), OTHER)
    report = await world.ok(PREVIEW)
    assert [(row["code"], row["from"][:10], row["allowed"], row["used"], row["share"]) for row in report["quotas"]] == [
        ("E-1", "2026-01-01", 200.0, 288.0, 1.44),
        ("E-1", "2026-01-01", 100_000.0, 288.0, 0.00288),
    ]
    known = {rule["rule"]: rule for rule in report["rules"]}
    assert known["quota"]["set"] == [{"scope": scope, "thresholds": {"monthly": 200.0, "annual": 100_000.0}}]
    assert known["gap"]["set"] == []  # it is another enterprise's


async def test_edits_of_the_period_are_told_also_undone_ones(world: World) -> None:
    await metered(world)
    wish = {"action": "set", "reason": "表计停用", "amount": 10.0}
    ends = {"from": "2026-01-02T00:00:00+08:00", "to": "2026-01-02T01:00:00+08:00"}
    later = {"from": "2026-02-02T00:00:00+08:00", "to": "2026-02-02T01:00:00+08:00"}
    for span in (ends, later):
        done = await world.post(f"/v1/metering-points/{USCC}/E-1/edits", "operator", json={**wish, **span})
        assert done.status_code == 201, done.text
    first = (await world.ok("/v1/edits"))["items"][-1]["id"]
    await world.post(f"/v1/edits/{first}/undo", "admin", json={"reason": "填错"})
    (edit,) = (await world.ok(PREVIEW))["edits"]
    assert (edit["metering_point"], edit["action"], edit["amount"], edit["from"]) == ("E-1", "set", 10.0, ends["from"])
    assert (edit["actor"], edit["undone_by"], edit["undo_reason"]) == ("operator", "admin", "填错")
    review = await made(world)
    assert (await world.get(f"/v1/reviews/{review['id']}/report.pdf")).content.startswith(b"%PDF-")
    packed = await world.get(f"/v1/reviews/{review['id']}/evidence.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as pack:
        assert [one["id"] for one in json.loads(pack.read("edits.json"))] == [first]


async def test_the_evidence_pack_has_the_numbers_behind_each_alert(world: World) -> None:
    await metered(world)
    number = await world.alert("night", START, None, size=1.5)
    review = await made(world)
    packed = await world.get(f"/v1/reviews/{review['id']}/evidence.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as pack:
        [found] = json.loads(pack.read("alerts.json"))["items"]
    assert (found["id"], found["evidence"], found["onset"]) == (number, {"size": 1.5}, "2026-01-01T00:00:00+08:00")


async def test_a_report_says_when_history_was_not_looked_at_yet(world: World) -> None:
    await metered(world)
    assert (await world.get(PREVIEW)).json()["alerts"]["uninspected_since"] is None
    await world.db.pool.execute("insert into uninspected (since) values ($1)", instant(START) + timedelta(days=1))
    review = await made(world)
    report = (await world.get(f"/v1/reviews/{review['id']}/report.json")).json()
    assert report["alerts"]["uninspected_since"] == "2026-01-02T00:00:00+08:00"
    assert (await world.get(f"/v1/reviews/{review['id']}/report.pdf")).content.startswith(b"%PDF-")


async def test_a_period_is_asked_for_and_bounded(world: World) -> None:
    assert_problem(await world.get(f"/v1/enterprises/{USCC}/review?to={LAST}"), 400, "invalid-parameter", "from")
    long = f"/v1/enterprises/{USCC}/review?from=2025-01-01T00:00:00%2B08:00&to={LAST}"
    assert (await world.get(long)).status_code == 200
    too_long = f"/v1/enterprises/{USCC}/review?from=2024-01-01T00:00:00%2B08:00&to={LAST}"
    assert_problem(await world.get(too_long), 400, "span-too-long", "from")
    future = f"/v1/enterprises/{USCC}/review?from=2090-01-01T00:00:00Z&to=2090-01-03T00:00:00Z"
    assert_problem(await world.get(future), 400, "invalid-parameter", "from")
    assert_problem(await world.get(PREVIEW, "regulator"), 404, "not-found")


async def test_a_period_that_is_not_over_is_seen_but_not_frozen(world: World) -> None:
    today = datetime.now(ZoneInfo("Asia/Shanghai")).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = {"enterprise": USCC, "from": today.isoformat(), "to": (today + timedelta(hours=1)).isoformat()}
    refused = await world.post("/v1/reviews", "operator", json=begun)
    assert_problem(refused, 400, "invalid-parameter", "to")
    assert f"lasts until {(today + timedelta(days=1)).isoformat()}" in refused.json()["detail"]
    span = urlencode({"from": begun["from"], "to": begun["to"]})
    assert (await world.get(f"/v1/enterprises/{USCC}/review?{span}")).status_code == 200
    over = {**begun, "from": (today - timedelta(days=1)).isoformat(), "to": begun["from"]}
    assert (await world.post("/v1/reviews", "operator", json=over)).status_code == 201


async def test_a_second_person_signs_and_nothing_changes_afterwards(world: World) -> None:
    await metered(world)
    review = await made(world)
    assert (review["state"], review["made_by"], review["decided_by"]) == ("made", "operator", None)
    frozen = (await world.get(f"/v1/reviews/{review['id']}/report.json")).content
    assert hashlib.sha256(frozen).hexdigest() == review["hash"]
    own = await world.post(f"/v1/reviews/{review['id']}/sign", "operator", json={})
    assert_problem(own, 403, "forbidden")
    for role in ("enterprise", "regulator"):
        assert_problem(await world.post("/v1/reviews", role, json=PERIOD), 403, "forbidden")
    answer = await world.post(f"/v1/reviews/{review['id']}/sign", json={"note": "核对无误"})
    signed = answer.json()
    assert (signed["state"], signed["decided_by"], signed["reason"]) == ("signed", "admin", "核对无误")
    again = await world.post(f"/v1/reviews/{review['id']}/reject", json={"reason": "too late"})
    assert_problem(again, 409, "conflict")
    await world.intervals(world.point("E-1"), dict.fromkeys(range(DAY), (9.0, Quality.MEASURED)))
    assert (await world.get(f"/v1/reviews/{review['id']}/report.json")).content == frozen
    then = f"as_of={review['as_of'].replace('+', '%2B')}"
    asked = f"/v1/enterprises/{USCC}/consumption?carrier=electricity&from={FIRST}&to={LAST}&{then}"
    told = json.loads(frozen)["consumption"]["carriers"][0]["value"]
    assert sum((await world.ok(asked))["series"][0]["value"]) == told == 288.0
    for change in ("update review set report = '{}'", "update review set state = 'made'", "delete from review"):
        with pytest.raises(asyncpg.RaiseError, match="stands as it was"):
            await world.db.pool.execute(change)
    trail = await world.db.pool.fetch("select actor, action, after from audit where kind = 'review' order by id")
    assert [(row["actor"], row["action"]) for row in trail] == [("operator", "create"), ("admin", "sign")]
    assert json.loads(trail[1]["after"])["hash"] == review["hash"]


async def test_a_rejection_needs_a_reason(world: World) -> None:
    review = await made(world)
    path = f"/v1/reviews/{review['id']}/reject"
    assert_problem(await world.post(path, json={"reason": " "}), 422, "invalid-body", "reason")
    answer = (await world.post(path, json={"reason": "E-2 没有数据"})).json()
    assert (answer["state"], answer["reason"]) == ("rejected", "E-2 没有数据")


async def test_who_sees_which_reviews(world: World) -> None:
    first, second = await made(world), await made(world)
    await world.post(f"/v1/reviews/{first['id']}/sign", json={})
    assert [one["id"] for one in (await world.ok("/v1/reviews"))["items"]] == [second["id"], first["id"]]
    page = await world.ok("/v1/reviews?limit=1")
    assert [one["id"] for one in (await world.ok(f"/v1/reviews?after={page['next']}"))["items"]] == [first["id"]]
    assert [one["id"] for one in (await world.ok("/v1/reviews?state=made"))["items"]] == [second["id"]]
    assert [one["id"] for one in (await world.ok("/v1/reviews", "enterprise"))["items"]] == [first["id"]]
    assert (await world.ok("/v1/reviews", "regulator"))["items"] == []
    assert (await world.ok(f"/v1/reviews?enterprise={OTHER}"))["items"] == []
    for role, number in (("enterprise", second["id"]), ("regulator", first["id"]), ("admin", 10**9)):
        for part in ("", "/report.json", "/report.pdf", "/report.xlsx", "/evidence.zip"):
            assert_problem(await world.get(f"/v1/reviews/{number}{part}", role), 404, "not-found")
    assert_problem(await world.get("/v1/reviews?after=x"), 400, "invalid-parameter", "after")


async def test_pdf_tables_and_evidence(world: World) -> None:
    await metered(world)
    review = await made(world)
    await world.post(f"/v1/reviews/{review['id']}/sign", json={})
    printed = await world.get(f"/v1/reviews/{review['id']}/report.pdf")
    assert printed.headers["content-type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF-")
    assert printed.content == (await world.get(f"/v1/reviews/{review['id']}/report.pdf")).content
    assert b"NotoSansCJKsc" in printed.content
    book = load_workbook(io.BytesIO((await world.get(f"/v1/reviews/{review['id']}/report.xlsx")).content))
    assert book.sheetnames == [f"B.{number}" for number in range(1, 11)]
    assert [row[7] for row in book["B.4"].iter_rows(min_row=3, values_only=True)] == ["GM-1", "M-1", "M-2"]
    packed = await world.get(f"/v1/reviews/{review['id']}/evidence.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as pack:
        manifest = json.loads(pack.read("manifest.json"))
        assert manifest["review"]["decided_by"] == "admin"
        assert manifest["sha256"]["report.json"] == review["hash"]
        assert set(pack.namelist()) == {*manifest["sha256"], "manifest.json"}
        for name, digest in manifest["sha256"].items():
            assert hashlib.sha256(pack.read(name)).hexdigest() == digest
        assert pack.read("report.pdf") == printed.content
        factors = json.loads(pack.read("factors.json"))
        assert "gap" in [rule["rule"] for rule in json.loads(pack.read("rules.json"))]
    assert {"edition", "source", "verified"} <= factors[0].keys()


async def test_the_registry_fills_the_tables(world: World) -> None:
    put = "update enterprise set staff = $1, stock = $2 where uscc = $3"
    staff = [{"name": "王工", "position": "计量员", "duty": "", "certificate": "Z-1", "certified_until": None}]
    amounts = {"opening": 10, "purchased": 100, "consumed": 95, "sold": 0, "closing": 14}
    stock = [{"year": 2025, "carrier": "raw_coal", **amounts}]
    await world.db.pool.execute(put, json.dumps(staff), json.dumps(stock), USCC)
    review = await made(world)
    book = load_workbook(io.BytesIO((await world.get(f"/v1/reviews/{review['id']}/report.xlsx")).content))
    assert [row[1] for row in book["B.1"].iter_rows(min_row=3, values_only=True)] == ["王工"]
    (line,) = book["B.10"].iter_rows(min_row=3, values_only=True)
    assert line == (1, 2025, "原煤", "t", 10, 100, 95, 0, 14, 1)
    assert book["B.2"]["A3"].value == "登记簿中没有登记。"


async def test_a_report_about_nothing_can_be_printed_in_bounded_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await world.post("/v1/reviews", json={**PERIOD, "enterprise": OTHER})
    path = f"/v1/reviews/{answer.json()['id']}/report.pdf"
    printed = (await world.get(path)).content
    assert b"NotoSansCJKsc" in printed
    assert b"Libertinus" not in printed  # a font of its own would mean that a sign lacks in ours
    monkeypatch.setattr("api.review.pdf.RENDER_S", 0.01)
    assert_problem(await world.get(path), 504, "query-timeout")
