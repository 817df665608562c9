"""Decoding: every type, order and sentinel; one device and a thousand alike."""

import struct
import timeit
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.encode import encode
from config.profile import Order, Register
from config.profilefiles import profiles
from config.quantities import QUANTITIES
from protocols.decode import Decoder
from protocols.plan import Block, plan

ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")


def register(**given: Any) -> Register:
    return Register.model_validate({"quantity": "volume", "address": 0, "unit": "m3", **given})


def decoder(*registers: Register) -> Decoder:
    address = min(one.address for one in registers)
    end = max(one.end for one in registers)
    return Decoder(Block(3, address, end - address, registers))


def words(text: str) -> "np.ndarray[Any, np.dtype[np.uint16]]":
    return np.frombuffer(bytes.fromhex(text), ">u2").reshape(1, -1)


def value(one: Register, text: str) -> float | None:
    decoded = decoder(one).decode(words(text))
    result = float(decoded.values[0, 0])
    assert decoded.valid[0, 0] == (result == result)
    return result if decoded.valid[0, 0] else None


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("int16", "FFFE", -2),
        ("uint16", "FFFE", 65534),
        ("int32", "FFFF FFFE", -2),
        ("uint32", "0001 0000", 65536),
        ("int64", "FFFF FFFF FFFF FFFE", -2),
        ("uint64", "0000 0001 0000 0000", 2**32),
        ("float32", "4148 0000", 12.5),
        ("float64", "4029 0000 0000 0000", 12.5),
        ("bcd16", "1234", 1234),
        ("bcd32", "1234 5678", 12345678),
        ("bcd48", "1234 5678 9012", 123456789012),
        ("bcd64", "0000 1234 5678 9012", 123456789012),
    ],
)
def test_types(kind: str, text: str, expected: float) -> None:
    assert value(register(type=kind), text) == expected


@pytest.mark.parametrize(
    ("order", "four", "eight"),
    [
        ("ABCD", "4148 0000", "0001 0203 0405 0607"),
        ("CDAB", "0000 4148", "0607 0405 0203 0001"),
        ("BADC", "4841 0000", "0100 0302 0504 0706"),
        ("DCBA", "0000 4841", "0706 0504 0302 0100"),
    ],
)
def test_orders(order: str, four: str, eight: str) -> None:
    assert value(register(type="float32", order=order), four) == 12.5
    assert value(register(type="int64", order=order), eight) == 0x0001020304050607


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int16", "7FFF"),
        ("int16", "8000"),
        ("uint16", "FFFF"),
        ("int32", "7FFF FFFF"),
        ("int32", "8000 0000"),
        ("uint32", "FFFF FFFF"),
        ("int64", "8000 0000 0000 0000"),
        ("uint64", "FFFF FFFF FFFF FFFF"),
        ("float32", "7FC0 0000"),
        ("float32", "FFFF FFFF"),
        ("float32", "7F80 0000"),
        ("float32", "FF80 0001"),
        ("float64", "FFF0 0000 0000 0000"),
        ("bcd32", "FFFF FFFF"),
        ("bcd32", "0000 000A"),
        ("bcd48", "0000 0000 B000"),
    ],
)
def test_what_means_no_value_is_absent_and_never_zero(kind: str, text: str) -> None:
    assert value(register(type=kind), text) is None


def test_own_sentinels_replace_the_usual_ones() -> None:
    one = register(type="uint16", sentinels=[0x7FFF, 0])
    assert value(one, "7FFF") is None
    assert value(one, "0000") is None
    assert value(one, "FFFF") == 65535
    assert value(register(type="uint16", sentinels=[]), "FFFF") == 65535
    assert value(register(type="float32", sentinels=[0xC61C3C00]), "C61C 3C00") is None


def test_scale_offset_and_unit_give_the_canonical_value() -> None:
    assert value(register(type="uint16", unit="L", scale=10), "0064") == pytest.approx(1.0)
    temperature = register(quantity="temperature", unit="degC", type="uint16", scale=0.1, offset=-50)
    assert value(temperature, "01F4") == pytest.approx(0.0)
    assert value(temperature, "FFFF") is None


def test_bit_fields() -> None:
    low = register(type="uint16", bits=[0, 3])
    high = register(quantity="mass", unit="t", type="uint16", bits=[4, 15])
    decoded = decoder(low, high).decode(words("FFF5"))
    assert decoded.values.tolist() == [[5.0, 4095.0]]


def test_one_register_without_value_leaves_its_neighbours() -> None:
    first = register(type="uint16", address=7)
    second = register(quantity="mass", unit="t", type="uint16", address=9, sentinels=[])
    decoded = decoder(first, second).decode(np.array([[0xFFFF, 1, 0xFFFF], [5, 1, 6]], np.uint16))
    assert decoded.valid.tolist() == [[False, True], [True, True]]
    assert decoded.values[1].tolist() == [5.0, 6.0]


def test_native_words_and_wire_bytes_decode_alike() -> None:
    one = register(type="float32", order="CDAB")
    wire = words("0000 4148")
    assert decoder(one).decode(wire).values == decoder(one).decode(wire.astype(np.uint16)).values == 12.5


def test_an_image_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="block of 2 registers"):
        decoder(register(type="float32")).decode(np.zeros((1, 3), np.uint16))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["int16", "uint16", "int32", "uint32", "int64", "float64", "bcd16", "bcd32", "bcd48"]),
            st.sampled_from(ORDERS),
            st.integers(0, 9000),
            st.integers(0, 5),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 5),
)
def test_decode_is_the_inverse_of_encode(fields: list[tuple[str, Order, int, int]], devices: int) -> None:
    registers, address = [], 3
    for (kind, order, _, hole), name in zip(fields, QUANTITIES, strict=False):
        unit = QUANTITIES[name].unit
        registers.append(register(quantity=name, unit=unit, type=kind, order=order, address=address, scale=0.5))
        address = registers[-1].end + hole
    compiled = decoder(*registers)
    image = np.full((devices, registers[-1].end - 3), 0xABCD, np.uint16)
    expected = np.array([[field[2] * 0.5 + device for field in fields] for device in range(devices)])
    for column, one in enumerate(registers):
        image[:, one.address - 3 : one.end - 3] = encode(one, expected[:, column])
    decoded = compiled.decode(image)
    assert decoded.valid.all()
    assert np.allclose(decoded.values, expected)


def test_encoded_counters_roll_over_and_nan_is_the_sentinel() -> None:
    one = register(type="uint32", unit="L", modulus=1000)
    assert encode(one, [0.999, 1.0, 2.5, float("nan")]).tolist() == [[0, 999], [0, 0], [0, 500], [0xFFFF, 0xFFFF]]
    assert encode(register(type="bcd32"), [12345678.0]).tolist() == [[0x1234, 0x5678]]


@given(st.binary(min_size=22, max_size=22))
def test_any_bytes_decode_to_finite_values_or_nothing(content: bytes) -> None:
    registers = (
        register(type="float32", address=0),
        register(quantity="mass", unit="t", type="float64", address=2, scale=1e300),
        register(quantity="heat", unit="GJ", type="bcd48", address=6),
        register(quantity="frequency", unit="Hz", type="int32", address=9),
    )
    decoded = decoder(*registers).decode(np.frombuffer(content, ">u2").reshape(1, -1))
    assert np.isfinite(decoded.values[decoded.valid]).all()
    assert np.isnan(decoded.values[~decoded.valid]).all()
    if decoded.valid[0, 0]:
        assert decoded.values[0, 0] == struct.unpack(">f", content[:4])[0]


@pytest.mark.parametrize("name", ["chint-dtsu666", "schneider-iem3000", "generic-heat"])
def test_a_block_of_a_thousand_devices_costs_less_than_a_microsecond_each(name: str) -> None:
    devices = 1000
    for block in plan(profiles()[name]):
        compiled, image = Decoder(block), np.zeros((devices, block.count), np.uint16)
        best = min(timeit.repeat(partial(compiled.decode, image), number=5, repeat=5))
        assert best / 5 / devices < 1e-6
