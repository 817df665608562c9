"""Pushed readings, from bytes to verdicts: pure, no server."""

import contextlib
import gzip
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import push
from api.problems import Problem
from api.push import Refused, Row, rows, unpack
from api.times import parse
from api.verdicts import judge
from config.quality import Flag
from storage.points import Device, Point, PointTable, Segment

NOW = parse("2026-06-01T00:00:00Z")
SINCE = parse("2026-01-01T00:00:00Z")
SEGMENT = Segment(SINCE, None, 1, 100.0, None, 0.01, None, None, None)
POINT = Point(7, "U", 1, 1, "E-1", "electricity", "active_energy_import", True, "Asia/Shanghai", (SEGMENT,), ())
TABLE = PointTable(
    {7: POINT},
    {("U", "M-1"): Device("U", "M-1", 1, "http", "", 60, ((SINCE, None, {"active_energy_import": 7}),))},
    {("U", "E-1"): {"active_energy_import": 7}},
)
GOOD = {"meter": "M-1", "quantity": "active_energy_import", "time": "2026-05-31T23:59:00Z", "value": 1.5}


def verdict(**changes: object) -> str:
    """Why a row is refused; empty: it is not."""
    row = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    judged = judge(rows(json.dumps({"readings": [row]}).encode(), "application/json"), TABLE, NOW, "U")
    return judged.refused[0].reason if judged.refused else ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"uscc": "U"}, ""),
        ({"meter": None, "metering_point": "E-1"}, ""),
        ({"uscc": "V"}, "uscc: this key pushes for U only"),
        ({"meter": "M-9"}, "meter: U has no meter 'M-9'"),
        ({"meter": None}, "meter: give either meter or metering_point"),
        ({"metering_point": "E-1"}, "meter: give either meter or metering_point"),
        ({"meter": None, "metering_point": "E-9"}, "metering_point: U has no metering point 'E-9' with a meter"),
        ({"quantity": "active_power"}, "quantity: active_power is not kept of M-1"),
        ({"quantity": "joy"}, "quantity: unknown 'joy'; see GET /v1/quantities"),
        ({"unit": "MWh"}, ""),
        ({"unit": "m3"}, "unit: unit 'm3' does not measure active_energy_import"),
        ({"value": math.nan}, "value: is not a finite number"),
        ({"value": math.inf}, "value: is not a finite number"),
        ({"value": -math.inf}, "value: is not a finite number"),
        ({"value": 10**400}, "value: number out of range"),
        ({"value": "1.5"}, "value: expected `float`, got `str`"),
        ({"value": None}, "object missing required field `value`"),
        ({"time": "2026-05-31T23:59:00"}, "time: '2026-05-31T23:59:00' has no offset"),
        ({"time": "noon"}, "time: 'noon' is not an ISO 8601 time"),
        ({"time": "2026-06-01T00:05:01Z"}, "is more than 5 minutes in the future"),
        ({"time": "2026-06-01T00:04:59Z"}, ""),
        ({"time": "1999-12-31T23:59:59Z"}, "is before 2000"),
        ({"time": "2025-12-31T00:00:00Z"}, "meter: M-1 was not installed anywhere at"),
        ({"time": 5}, "time: expected `str`, got `int`"),
        ({"colour": "red"}, "object contains unknown field `colour`"),
    ],
)
def test_verdicts(changes: dict[str, object], reason: str) -> None:
    found = verdict(**changes).replace("Object", "object")
    assert reason in found
    assert bool(found) == bool(reason)


def test_an_admin_must_say_whose_it_is() -> None:
    judged = judge([Row("active_energy_import", "2026-05-31T00:00:00Z", 1.0, meter="M-1")], TABLE, NOW, None)
    assert judged.refused == [Refused(1, "uscc: missing; say whose meter it is")]


def test_units_become_the_quantitys_own_and_lanes_follow_the_age() -> None:
    old, new = ("2026-05-31T12:00:00Z", "2026-05-31T23:30:00Z")
    pushed = [Row("active_energy_import", time, 2.0, meter="M-1", unit="MWh") for time in (old, new)]
    live, backfill = judge(pushed, TABLE, NOW, "U").batches(NOW)
    for time, (uscc, batch, _) in ((new, live), (old, backfill)):
        assert (uscc, batch.value.tolist(), batch.time.tolist()) == ("U", [2000.0], [parse(time)])
    assert (live[2], backfill[2]) == ("live", "backfill")
    assert live[1].flags.tolist() == [Flag.SENDER_CLOCK]
    assert backfill[1].flags.tolist() == [Flag.SENDER_CLOCK | Flag.BACKFILL]


def test_what_would_be_dropped_for_its_age_is_refused() -> None:
    pushed = [Row("active_energy_import", f"2026-03-{day:02}T00:00:00Z", 1.0, meter="M-1") for day in (1, 2)]
    judged = judge(pushed, TABLE, NOW, "U", kept_from=parse("2026-03-02T00:00:00Z"))
    (refused,) = judged.refused
    assert (judged.accepted, refused.row) == (1, 1)
    assert "before what is kept of readings (WANJIA_RETENTION_DAYS)" in refused.reason


@pytest.mark.parametrize("text", ["1_000", "nan", "inf", "0x10", "\u0661", "high", ""])
def test_a_cell_that_is_no_plain_number_is_refused(text: str) -> None:
    table = f"meter,quantity,time,value\nM-1,active_energy_import,2026-05-31T23:59:00Z,{text}\n"
    judged = judge(rows(table.encode(), "text/csv"), TABLE, NOW, "U")
    assert judged.refused == [Refused(1, "value: is not a finite number")]


def test_the_three_forms_say_the_same() -> None:
    expected = [Row("active_power", "2026-01-01T00:00:00Z", 1.5, meter="M-1"), Row("volume", "x", -2.0, meter="M-2")]
    objects = [
        {"meter": "M-1", "quantity": "active_power", "time": "2026-01-01T00:00:00Z", "value": 1.5},
        {"meter": "M-2", "quantity": "volume", "time": "x", "value": -2},
    ]
    assert rows(json.dumps({"readings": objects}).encode(), "application/json") == expected
    lines = "\n".join(json.dumps(one) for one in objects) + "\r\n\n"
    assert rows(lines.encode(), "application/x-ndjson") == expected
    table = "\ufeffquantity,time, value,meter\r\nactive_power,2026-01-01T00:00:00Z,1.5,M-1\r\nvolume,x,-2,M-2\r\n\r\n"
    assert rows(table.encode(), "text/csv") == expected


def test_a_bad_row_does_not_hurt_the_others() -> None:
    body = b'{"readings": [{"quantity":"a","time":"t","value":1}, 5, {"quantity":"a","time":"t","value":NaN}]}'
    good, wrong, nan = rows(body, "application/json")
    assert good == Row("a", "t", 1.0)
    assert wrong == Refused(2, "Expected `object`, got `int`")
    assert isinstance(nan, Row)
    assert math.isnan(nan.value)
    lines = rows(b'{"quantity":"a","time":"t","value":Infinity}\nnot json\n', "application/x-ndjson")
    assert isinstance(lines[0], Row)
    assert isinstance(lines[1], Refused)
    cells = rows(b"quantity,time,value\na,t,high\na,t\n", "text/csv")
    assert isinstance(cells[0], Row)
    assert math.isnan(cells[0].value)
    assert cells[1] == Refused(2, "2 cells under 3 columns")


@pytest.mark.parametrize(
    ("body", "media", "kind"),
    [
        (b"{", "application/json", "unreadable-body"),
        (b"\xff\xfe", "application/json", "unreadable-body"),
        (b"[" * 100_000, "application/json", "invalid-body"),
        (b"[]", "application/json", "invalid-body"),
        (b"[NaN]", "application/json", "invalid-body"),
        (b"{}", "application/json", "invalid-body"),
        (b'{"readings": 5}', "application/json", "invalid-body"),
        (b'{"readings":[' + b"0," * 50_000 + b"0]}", "application/json", "body-too-large"),
        (b'{"readings":[' + b"NaN," * 50_000 + b"0]}", "application/json", "body-too-large"),
        (b"{}\n" * 50_001, "application/x-ndjson", "body-too-large"),
        (b"quantity,time,value\n" + b"a,b,1\n" * 50_001, "text/csv", "body-too-large"),
        (b"quantity,time\n", "text/csv", "invalid-body"),
        (b"quantity,time,value,colour\n", "text/csv", "invalid-body"),
        (b"quantity,time,value,value\n", "text/csv", "invalid-body"),
        (b"quantity,time,value\n\xff,b,1\n", "text/csv", "unreadable-body"),
        (b'quantity,time,value\n"' + b"a" * 200_000 + b'",b,1\n', "text/csv", "unreadable-body"),
        (b"", "text/csv", "invalid-body"),
        (b"", "text/html", "unsupported-media-type"),
        (b"", "", "unsupported-media-type"),
    ],
)
def test_unusable_bodies(body: bytes, media: str, kind: str) -> None:
    with pytest.raises(Problem) as caught:
        rows(body, media)
    assert caught.value.kind == kind


def test_unpacking_is_bounded() -> None:
    assert unpack(gzip.compress(b"hello"), "gzip") == b"hello"
    assert unpack(b"hello", "identity") == b"hello"
    assert unpack(gzip.compress(b"hel") + gzip.compress(b"lo"), "gzip") == b"hello"
    bomb = gzip.compress(bytes(push.MOST_BYTES + 1))
    assert len(bomb) < 10_000
    for body, encoding, kind in (
        (bomb, "gzip", "body-too-large"),
        (gzip.compress(bytes(push.MOST_BYTES)) + gzip.compress(b"1"), "gzip", "body-too-large"),
        (gzip.compress(b"hello") + b"rest", "gzip", "unreadable-body"),
        (b"hello", "gzip", "unreadable-body"),
        (gzip.compress(b"hello")[:-4], "gzip", "unreadable-body"),
        (b"hello", "br", "unsupported-media-type"),
    ):
        with pytest.raises(Problem) as caught:
            unpack(body, encoding)
        assert caught.value.kind == kind


@given(st.binary(max_size=200), st.sampled_from(push.FORMS))
def test_no_body_breaks_the_service(body: bytes, media: str) -> None:
    with contextlib.suppress(Problem):
        judge(rows(body, media), TABLE, NOW, "U")


_JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=3)


@given(st.lists(st.dictionaries(st.sampled_from([*GOOD, "uscc", "unit"]), _JSON | st.sampled_from([*GOOD.values()]))))
def test_no_row_breaks_the_service(readings: list[dict[str, object]]) -> None:
    judged = judge(rows(json.dumps({"readings": readings}).encode(), "application/json"), TABLE, NOW, "U")
    assert judged.accepted + len(judged.refused) == len(readings)
