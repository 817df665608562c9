"""Whatever a registry holds, written as a file it reads back equal."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.registry import load
from config.registry_models import DRIVERS, Enterprise
from config.registry_text import to_yaml
from tests.examples import examples

LETTERS = st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" '\"#:,{}[]&*!|>%@-~")
PRINTABLE = st.text(LETTERS, max_size=20)
NAMES = st.text(LETTERS, min_size=1, max_size=20)
CODES = st.from_regex(r"\A[A-Za-z0-9_-]{1,12}\Z")
FACTORS = st.floats(1e-3, 1e5)
START = datetime(2020, 1, 1, tzinfo=UTC)


@st.composite
def installation_lists(draw: st.DrawFn, codes: list[str]) -> list[dict[str, Any]]:
    """Stays of one meter, one after the other, each at a metering point of its own."""
    edges = sorted(draw(st.sets(st.integers(0, 10**9), max_size=2 * min(len(codes), 3))))
    places = draw(st.permutations(codes))
    instants = [START + timedelta(microseconds=edge * 1000) for edge in edges]
    found: list[dict[str, Any]] = []
    for at, start, end in zip(places, instants[::2], instants[1::2], strict=False):
        place: dict[str, Any] = {"at": at, "from": start, "to": end, "ct": draw(FACTORS), "pt": draw(FACTORS)}
        place["initial"] = {"active_energy_import": draw(FACTORS)}
        if end - start > timedelta(seconds=1):
            place["ratios"] = [{"from": start + (end - start) / 2, "ct": draw(FACTORS)}]
        found.append(place)
    if draw(st.booleans()) and found:
        del found[-1]["to"]
    return found


@st.composite
def connections(draw: st.DrawFn, number: int) -> dict[str, Any]:
    name = draw(st.sampled_from([None, *DRIVERS]))
    if name is None:
        return {}
    address = DRIVERS[name].example.replace("10.0.0", f"10.0.{number}")
    keys = {"driver": name, "address": address, "mapping": "flat" if DRIVERS[name].needs == "mapping" else ""}
    every = draw(st.sampled_from(["7s", "60s", "90s", "15m", "24h"]))
    since = draw(st.none() | st.integers(0, 10**9).map(lambda edge: START + timedelta(milliseconds=edge)))
    return {**keys, "every": every, "enabled": draw(st.booleans()), "expected_from": since}


@st.composite
def enterprises(draw: st.DrawFn) -> Enterprise:
    codes = draw(st.lists(CODES, min_size=1, max_size=4, unique=True))
    points: list[dict[str, Any]] = [
        {"code": code, "name": draw(NAMES), "carrier": "electricity", "level": min(index + 1, 3)}
        for index, code in enumerate(codes)
    ]
    for above, point in pairwise(points[:3]):
        point["parent"] = above["code"]
    meters: list[dict[str, Any]] = []
    for number, code in enumerate(draw(st.lists(CODES, max_size=3, unique=True))):
        own = codes[number::3]
        meter: dict[str, Any] = {
            "code": code,
            "profile": "chint-dtsu666",
            "maker": draw(PRINTABLE),
            "range": draw(PRINTABLE),
        }
        meter["verified_until"] = draw(st.none() | st.dates(date(2000, 1, 1)))
        meter["verified_on"] = draw(st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)))
        meter["verification_months"] = draw(st.none() | st.integers(1, 240))
        meter["category"] = draw(st.sampled_from([None, "electricity_meter"]))
        meter["installations"] = draw(installation_lists(own))
        meters.append({**meter, **draw(connections(number))})
    zone = draw(st.sampled_from(["Asia/Shanghai", "Asia/Kathmandu", "UTC"]))
    head = {"uscc": "91110000600037341L", "name": draw(NAMES), "region": "110105", "zone": zone}
    until = st.none() | st.dates(date(2000, 1, 1))
    lists = {
        "staff": [{"name": draw(NAMES), "duty": draw(PRINTABLE), "certified_until": draw(until)}],
        "equipment": [{"name": draw(NAMES), "carrier": "raw_coal", "at": draw(st.sampled_from([None, *codes]))}],
        "stock": [{"year": 2025, "carrier": "raw_coal", "opening": draw(FACTORS), "closing": draw(FACTORS)}],
    }
    return Enterprise.model_validate({**head, **lists, "metering_points": points, "meters": meters})


@settings(max_examples=examples(60))
@given(enterprises())
def test_a_written_registry_reads_back_equal(enterprise: Enterprise) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registry.yaml"
        path.write_text(to_yaml([enterprise]), "utf-8")
        assert load(path).enterprises == [enterprise]
