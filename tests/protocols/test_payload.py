"""Messages: what mappings find in them, and what is refused with which reason."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.payload import PayloadMapping, mappings
from config.quality import Flag
from protocols.errors import BadPayload, BadReply
from protocols.payload import MAX_BYTES, decode

RECEIVED = 1_795_306_501_000_000
MAPPINGS = mappings()
Reading = tuple[str, int, float, int]


def mapping(**given: Any) -> PayloadMapping:
    values = [{"quantity": "active_power", "pointer": "/p", "unit": "W"}]
    return PayloadMapping.model_validate({"name": "m", "source": "made up for a test", "values": values, **given})


def readings(how: PayloadMapping, message: Any) -> list[Reading]:
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    found = decode(how, payload, RECEIVED)
    names = [found.quantities[index] for index in found.quantity.tolist()]
    return list(zip(names, found.time.tolist(), found.value.tolist(), found.flags.tolist(), strict=True))


def refusal(how: PayloadMapping, message: Any) -> str:
    with pytest.raises(BadPayload) as caught:
        readings(how, message)
    return str(caught.value)


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize("how", MAPPINGS.values(), ids=MAPPINGS.keys())
def test_every_shipped_mapping_reads_its_example(how: PayloadMapping) -> None:
    assert how.example, f"mapping {how.name} has no example: add a message and what is in it"
    for example in how.example:
        found = readings(how, example.payload.encode())
        for (quantity, time, value, flags), one in zip(found, example.expect, strict=True):
            assert (quantity, flags) == (one.quantity, int(one.flag))
            assert time == (us(one.time.isoformat()) if one.time else RECEIVED)
            assert value == pytest.approx(one.value)


def test_without_a_time_the_receipt_counts() -> None:
    assert readings(mapping(), {"p": 1500}) == [("active_power", RECEIVED, 1.5, 0)]


@pytest.mark.parametrize(
    ("form", "zone", "value", "expected", "flags"),
    [
        ("epoch_s", None, 1795306500, "2026-11-22T00:15:00+00:00", Flag.SENDER_CLOCK),
        ("epoch_s", None, 1795306500.25, "2026-11-22T00:15:00.25+00:00", Flag.SENDER_CLOCK),
        ("epoch_ms", None, 1795306500250, "2026-11-22T00:15:00.25+00:00", Flag.SENDER_CLOCK),
        ("iso", None, "2026-11-22T08:15:00+08:00", "2026-11-22T00:15:00+00:00", Flag.SENDER_CLOCK),
        ("iso", None, "2026-11-22T00:15:00Z", "2026-11-22T00:15:00+00:00", Flag.SENDER_CLOCK),
        ("iso", "Asia/Shanghai", "2026-11-22T00:15:00Z", "2026-11-22T00:15:00+00:00", Flag.SENDER_CLOCK),
        (
            "iso",
            "Asia/Shanghai",
            "2026-11-22 08:15:00",
            "2026-11-22T00:15:00+00:00",
            Flag.SENDER_CLOCK | Flag.DECLARED_ZONE,
        ),
        (
            "iso",
            "Europe/Berlin",
            "2026-07-01T12:00:00",
            "2026-07-01T10:00:00+00:00",
            Flag.SENDER_CLOCK | Flag.DECLARED_ZONE,
        ),
        ("iso", None, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999+00:00", Flag.SENDER_CLOCK),
    ],
)
def test_times(form: str, zone: str | None, value: Any, expected: str, flags: Flag) -> None:
    how = mapping(time={"pointer": "/t", "format": form, "zone": zone})
    assert readings(how, {"p": 1, "t": value}) == [("active_power", us(expected), 0.001, flags)]


@pytest.mark.parametrize(
    ("form", "value", "reason"),
    [
        ("iso", "2026-11-22T08:15:00", "has no zone and the mapping declares none"),
        ("iso", "2026-11-22", "date without a time"),
        ("iso", "yesterday", "is not ISO 8601"),
        ("iso", 1795306500, "is not ISO 8601"),
        ("iso", None, "no time at '/t'"),
        ("epoch_s", "1795306500", "is no number"),
        ("epoch_s", True, "is no number"),
        ("epoch_s", 1e300, "out of range"),
        ("epoch_ms", 10**400, "not JSON|out of range"),
    ],
)
def test_times_that_are_none(form: str, value: Any, reason: str) -> None:
    text = refusal(mapping(time={"pointer": "/t", "format": form}), {"p": 1, "t": value})
    assert re.search(reason, text), text


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "not JSON"),
        (b"12.5 kWh", "not JSON"),
        (b'{"p": NaN}', "not JSON"),
        (b'{"p": Infinity}', "not JSON"),
        (b'{"p": 1e999}', "not JSON|finite"),
        (b'{"p": 1' + b"0" * 400 + b"}", "not JSON|range|finite"),
        (b'{"p": "\xff"}', "not JSON"),
        (b"[" * 500_000, "nested too deeply"),
        (b'{"p":' * 100_000, "nested too deeply"),
        (b" " * (MAX_BYTES + 1), "bytes; a message may have"),
        ({"q": 1}, "no value at any of /p"),
        ({"p": None}, "no value at any of /p"),
        ([1, 2], "no value at any of /p"),
        (5, "no value at any of /p"),
        ({"p": "1.5"}, "is no number; set text_numbers"),
        ({"p": True}, "True at '/p' is no number"),
        ({"p": {"v": 1}}, "is no number"),
        ({"p": [1]}, "is no number"),
    ],
)
def test_messages_that_are_refused(message: Any, reason: str) -> None:
    text = refusal(mapping(), message)
    assert re.search(reason, text), text


def test_bad_payloads_are_bad_replies() -> None:
    assert issubclass(BadPayload, BadReply)


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", " 1", "0x10", "", "１２", "1e999", "--1", "1,5"])
def test_texts_that_are_no_numbers(text: str) -> None:
    assert "number" in refusal(mapping(text_numbers=True), {"p": text})


@pytest.mark.parametrize(("text", "expected"), [("1500", 1.5), ("-1.5e3", -1.5), ("+0.5", 0.0005), (".5", 0.0005)])
def test_numbers_as_text_where_the_mapping_says_so(text: str, expected: float) -> None:
    assert readings(mapping(text_numbers=True), {"p": text})[0][2] == pytest.approx(expected)


def test_pointers_follow_rfc_6901() -> None:
    values = [
        {"quantity": name, "pointer": pointer, "unit": unit}
        for name, pointer, unit in (
            ("active_power", "/a~1b", "kW"),
            ("voltage_a", "/m~0n/1/v", "V"),
            ("voltage_b", "/", "V"),
            ("voltage_c", "/m~0n/01/v", "V"),
            ("current_a", "/m~0n/9/v", "A"),
        )
    ]
    message = {"a/b": 1, "m~n": [{"v": 2}, {"v": 3}], "": 4}
    found = [(quantity, value) for quantity, _, value, _ in readings(mapping(values=values), message)]
    assert found == [("active_power", 1), ("voltage_a", 3), ("voltage_b", 4)]


def test_units_come_from_the_message_in_several_spellings() -> None:
    values = [{"quantity": "volume", "pointer": "/v", "unit_pointer": "/u", "scale": 10}]
    how = mapping(values=values, units={"m³": "m3"})
    assert readings(how, {"v": 2, "u": "m³"})[0][2] == 20
    assert readings(how, {"v": 2, "u": "L"})[0][2] == pytest.approx(0.02)
    assert "'gal' does not measure volume" in refusal(how, {"v": 2, "u": "gal"})
    assert "no unit of volume" in refusal(how, {"v": 2})


def test_all_but_the_newest_of_an_array_are_back_filled() -> None:
    how = mapping(readings="/d", time={"pointer": "/t", "format": "epoch_s"})
    found = readings(how, {"d": [{"p": 1, "t": 30}, {"p": 2, "t": 10}, {"p": 3, "t": 30}, {"t": 5}]})
    back, new = int(Flag.SENDER_CLOCK | Flag.BACKFILL), int(Flag.SENDER_CLOCK)
    assert [(time // 1_000_000, flags) for _, time, _, flags in found] == [(30, new), (10, back), (30, new)]
    assert "no array of readings at '/d'" in refusal(how, {"d": {"p": 1}})
    assert "no value" in refusal(how, {"d": []})


def test_one_time_may_hold_for_a_whole_array() -> None:
    values = [{"quantity": "active_power", "pointer": "/v", "unit": "kW", "where": {"/n": "P"}}]
    how = mapping(readings="", values=values, time={"pointer": "/0/t", "format": "epoch_s", "common": True})
    assert readings(how, [{"t": 7, "n": "X", "v": 1}, {"n": "P", "v": 2}, 5]) == [
        ("active_power", 7_000_000, 2.0, Flag.SENDER_CLOCK)
    ]


def test_a_changed_mapping_of_the_same_name_is_used() -> None:
    assert readings(mapping(), {"p": 1})[0][2] == 0.001
    changed = mapping(values=[{"quantity": "active_power", "pointer": "/p", "unit": "kW"}])
    assert readings(changed, {"p": 1})[0][2] == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["ts", "active_power", "data", "x"]), inner),
    max_leaves=20,
)


@given(JSON, st.sampled_from(list(MAPPINGS)))
def test_any_json_is_read_or_refused(message: Any, name: str) -> None:
    try:
        found = decode(MAPPINGS[name], json.dumps(message).encode(), RECEIVED)
    except BadPayload:
        return
    assert len(found.time) == len(found.value) == len(found.flags) == len(found.quantity) > 0


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    try:
        decode(MAPPINGS["flat"], payload, RECEIVED)
    except BadPayload:
        return


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # naive bounds
def test_iso_times_are_exact_to_the_microsecond(when: datetime) -> None:
    how = mapping(time={"pointer": "/t", "format": "iso"})
    (_, time, _, _) = readings(how, {"p": 1, "t": when.isoformat()})[0]
    assert datetime.fromtimestamp(time // 1_000_000, UTC).replace(microsecond=time % 1_000_000) == when
