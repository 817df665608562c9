"""Columns as bytes, and times as text."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.problems import Problem
from api.series import QUALITY, Columns, Times, Words, accepted, to_csv, to_json
from api.times import EARLIEST, LATEST, NoOffset, iso, local, parse, parse_query

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]
INSTANTS = st.integers(EARLIEST, LATEST - 1)


@given(st.lists(INSTANTS, max_size=20), st.sampled_from(ZONES))
def test_column_of_times_is_what_python_says(instants: list[int], zone: str) -> None:
    found = bytes(iso(np.array(instants, np.int64), zone, b"", b"\n")).decode().split("\n")[:-1]
    expected = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=one) for one in instants]
    assert [datetime.fromisoformat(text) for text in found] == expected
    offsets = [datetime.fromisoformat(text).utcoffset() for text in found]
    assert offsets == [one.astimezone(ZoneInfo(zone)).utcoffset() for one in expected]
    assert len({len(text) for text in found}) <= 1


@given(INSTANTS, st.sampled_from(ZONES))
def test_times_come_back(instant: int, zone: str) -> None:
    assert parse(local(instant, zone).isoformat()) == instant
    assert parse_query(local(instant, zone).isoformat().replace("+", " ")) == instant


def test_offsets_change_to_the_second() -> None:
    change = parse("2026-03-29T01:00:00Z")
    instants = np.array([change - 1_000_000, change], np.int64)
    assert bytes(iso(instants, "Europe/Berlin", b"", b" ")) == b"2026-03-29T01:59:59+01:00 2026-03-29T03:00:00+02:00 "


def test_parts_of_seconds() -> None:
    second = parse("2026-01-01T00:00:00Z")
    pair = iso(np.array([second, second + 5_000]), "UTC", after=b" ")
    assert bytes(pair) == b"2026-01-01T00:00:00.000+00:00 2026-01-01T00:00:00.005+00:00 "
    assert bytes(iso(np.array([second + 7]), "UTC")) == b"2026-01-01T00:00:00.000007+00:00"


def test_times_that_are_none() -> None:
    for text in ("", "now", "2026-13-01T00:00:00Z", "1767225600"):
        with pytest.raises(ValueError, match="not an ISO 8601"):
            parse(text)
    with pytest.raises(NoOffset):
        parse("2026-01-01T00:00:00")


NUMBERS = st.lists(st.floats(width=64) | st.integers(-5, 5).map(float), max_size=30)


@given(NUMBERS)
def test_numbers_survive_and_missing_is_null(numbers: list[float]) -> None:
    column = np.array(numbers, np.float64)
    counts = np.arange(len(numbers)) // 7
    text = to_json({"unit": "kWh"}, {"value": column, "count": counts}, "UTC")
    found = json.loads(text)
    assert found["unit"] == "kWh"
    assert found["count"] == counts.tolist()
    for value, number in zip(found["value"], numbers, strict=True):
        assert value == number if np.isfinite(number) else value is None


def test_an_empty_series() -> None:
    empty = np.empty(0, np.int64)
    columns: Columns = {
        "start": Times(empty),
        "value": np.empty(0),
        "quality": Words(empty, QUALITY),
        "received": empty,
    }
    found = json.loads(to_json({}, columns, "Asia/Shanghai"))
    assert found == {"start": [], "value": [], "quality": [], "received": []}
    assert to_csv(columns, "Asia/Shanghai") == b"start,value,quality,received\r\n"


def test_csv_is_quoted_where_needed() -> None:
    columns: Columns = {"name": Words(np.array([0, 1]), ('a "b", c', "plain")), "value": np.array([1.5, np.nan])}
    assert list(csv.reader(io.StringIO(to_csv(columns, "UTC").decode()))) == [
        ["name", "value"],
        ['a "b", c', "1.5"],
        ["plain", ""],
    ]


def test_accept() -> None:
    assert accepted("*/*") == "application/json"
    assert accepted("text/html, application/json;q=0.9") == "application/json"
    assert accepted("text/csv;q=0.5, application/vnd.apache.arrow.stream") == "application/vnd.apache.arrow.stream"
    assert accepted("application/json;q=0, text/*;q=0.1") == "text/csv"
    for header in ("", "image/png", "text/csv;q=0", "text/csv;q=high"):
        with pytest.raises(Problem):
            accepted(header)
