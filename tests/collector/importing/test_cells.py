"""Texts to instants and numbers: against Python's own datetime and float, and what is refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.importing.cells import Verdicts, instants, numbers, to_utc
from collector.importing.report import Reason
from config.readingsform import TimeForm
from config.samples import MICROSECOND

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(texts: list[str | None], format: str = "iso", zone: str = "") -> list[int | str]:
    verdicts = Verdicts(len(texts))
    time, _ = instants(pa.array(texts, pa.string()), TimeForm(format=format, zone=zone), verdicts)
    reasons = {row: reason.name for reason in Reason for row in np.flatnonzero(verdicts.of(reason)).tolist()}
    return [reasons.get(row, int(time[row]) // MICROSECOND) for row in range(len(texts))]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_iso_with_offsets_of_all_kinds() -> None:
    texts = ["2026-01-31T08:00:00+08:00", " 2026-01-31 08:00Z ", "2026-01-31T08:00:00.123456789+0800", "2026-01-31T08Z"]
    assert read([*texts]) == [
        at("2026-01-31T08:00+08:00"),
        at("2026-01-31T08:00Z"),
        at("2026-01-31T08:00+08:00"),
        "BAD_TIME",
    ]


def test_what_is_no_time_is_never_guessed() -> None:
    assert read(["2026-02-30T08:00:00Z", "x", "", None, "2026-01-31T08:00:00", "2026-01-31T25:00:00Z"]) == [
        "BAD_TIME", "BAD_TIME", "NO_TIME", "NO_TIME", "NO_ZONE", "BAD_TIME"
    ]  # fmt: skip


def test_a_declared_zone_is_for_times_without_offset() -> None:
    texts = ["2026-01-31T08:00:00", "2026-01-31 08:00:00+01:00", "2026-01-31"]
    want = [at("2026-01-31T08:00+08:00"), at("2026-01-31T08:00+01:00"), at("2026-01-31T00:00+08:00")]
    assert read([*texts], zone="Asia/Shanghai") == want


@pytest.mark.parametrize(
    ("format", "text", "want"),
    [
        ("%Y/%m/%d %H:%M", "2026/1/31 8:05", "2026-01-31T08:05+08:00"),
        ("%d.%m.%Y %H:%M:%S %z", "31.01.2026 08:00:07 +0100", "2026-01-31T08:00:07+01:00"),
        ("%Y年%m月%d日 %H时", "2026年1月31日 8时", "2026-01-31T08:00+08:00"),
        ("%Y%m%d%H%M%S", "20260131080009", "2026-01-31T08:00:09+08:00"),
    ],
)
def test_patterns(format: str, text: str, want: str) -> None:
    bad = ["31/02/2026 x", "2026/2/31 8:05", text + "0:0"]
    assert read([text, *bad], format, "Asia/Shanghai") == [at(want), "BAD_TIME", "BAD_TIME", "BAD_TIME"]


def test_epochs() -> None:
    assert read(["1767225600", "1767225600.5", "x", "", "1e300"], "epoch_s") == [
        1767225600, 1767225600, "BAD_TIME", "NO_TIME", "BAD_TIME"
    ]  # fmt: skip
    assert read(["1767225600000"], "epoch_ms") == [1767225600]


def test_clock_changes() -> None:
    texts = ["2026-03-29T02:30:00", "2026-03-29T03:30:00", "2026-10-25T02:30:00", "2026-10-25T03:30:00"]
    assert read([*texts], zone="Europe/Berlin") == [
        "CLOCK_CHANGE", at("2026-03-29T03:30+02:00"), "CLOCK_CHANGE", at("2026-10-25T03:30+01:00")
    ]  # fmt: skip


@given(
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.lists(st.datetimes(datetime(2000, 1, 2), datetime(2060, 1, 1)), min_size=1, max_size=20),  # noqa: DTZ001
)
def test_zones_as_python_knows_them(zone: str, moments: list[datetime]) -> None:
    local = np.array([(one.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) for one in moments])
    found, unclear = to_utc(local, zone)
    for moment, instant, doubt in zip(moments, found.tolist(), unclear.tolist(), strict=True):
        first, second = (moment.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
        assert doubt == (first != second)
        assert doubt or EPOCH + timedelta(microseconds=instant) == first


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_numbers_read_back_the_same(values: list[float]) -> None:
    texts = pa.array([*map(repr, values), "x"], pa.string())
    verdicts = Verdicts(len(texts))
    found = numbers(texts, ".", verdicts)
    assert found[:-1].tolist() == values
    assert verdicts.good.tolist() == [True] * len(values) + [False]


def test_what_is_no_number() -> None:
    verdicts = Verdicts(8)
    found = numbers(pa.array(["1,5", "-", "NaN", "inf", "", None, " 2 ", "1e999"]), ",", verdicts)
    assert found[0] == 1.5
    assert found[6] == 2
    assert verdicts.counts() == {Reason.BAD_VALUE: 1, Reason.NOT_FINITE: 3, Reason.NO_VALUE: 2}


def test_typed_columns() -> None:
    verdicts = Verdicts(2)
    assert numbers(pa.array([1, None], pa.int32()), ".", verdicts)[0] == 1
    assert verdicts.counts() == {Reason.NO_VALUE: 1}
    naive, aware = pa.array([0, 1], pa.timestamp("ns")), pa.array([0, 10**12], pa.timestamp("ms", "Asia/Shanghai"))
    verdicts = Verdicts(2)
    assert instants(aware, TimeForm(), verdicts)[0].tolist() == [0, 10**15]
    instants(naive, TimeForm(), verdicts)
    assert verdicts.counts() == {Reason.NO_ZONE: 2}
