"""Registers to numbers: all devices that gave the same block at once, or one.

A decoder is compiled once per block (byte positions, scales, sentinels); decoding is then a few numpy calls however
many devices there are. What a meter marks as "no value" is absent (NaN and invalid), never 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config.profile import Register
from protocols.plan import Block

Words = NDArray[np.uint16]
Raw = NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Values of `Decoder.quantities` (columns) of each device (rows)."""

    values: NDArray[np.float64]
    """Canonical units, the meter's own side; NaN where not valid."""
    valid: NDArray[np.bool_]


class _Reading(Protocol):
    """Turns raw unsigned integers (devices x registers) into numbers and says which of them are none."""

    def __call__(self, raw: Raw) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]: ...


class Decoder:
    """Decodes the replies to one block."""

    def __init__(self, block: Block) -> None:
        self.quantities = tuple(register.quantity for register in block.registers)
        self._count = block.count
        kinds = [(register.type, register.bits is not None) for register in block.registers]
        self._groups = [
            _Group(block, [index for index, other in enumerate(kinds) if other == kind])
            for kind in dict.fromkeys(kinds)
        ]
        self._scale = np.array([register.canonical_scale for register in block.registers])
        offset = np.array([register.canonical_offset for register in block.registers])
        self._offset = offset if offset.any() else None

    def decode(self, image: Words) -> Decoded:
        """Decode an image of shape (devices, block.count), native uint16 or big-endian `>u2` as off the wire."""
        if image.ndim != 2 or image.shape[1] != self._count or image.dtype.itemsize != 2:
            raise ValueError(f"image of shape {image.shape} {image.dtype} for a block of {self._count} registers")
        wire = np.ascontiguousarray(image, ">u2").view(np.uint8)
        values = np.empty((len(image), len(self.quantities)))
        with np.errstate(all="ignore"):  # a sentinel may overflow on its way to being absent
            bad = [(group.columns, group.read(wire, values)) for group in self._groups]
            values *= self._scale
            if self._offset is not None:
                values += self._offset
            valid = np.isfinite(values)
        for columns, absent in bad:
            if absent is not None:
                valid[:, columns] &= ~absent
        values[~valid] = np.nan
        return Decoded(values, valid)


class _Group:
    """The registers of a block that share a type."""

    def __init__(self, block: Block, members: Sequence[int]) -> None:
        registers = [block.registers[index] for index in members]
        kind = registers[0].type
        self.columns: slice | list[int] = slice(None) if len(members) == len(block.registers) else list(members)
        self._width = 8 if kind == "bcd48" else registers[0].words * 2
        self._size = registers[0].words * 2
        self._index = np.concatenate([_little_endian_bytes(register, block.address) for register in registers])
        self._reading = _reading(registers)
        self._sentinels = _Sentinels(registers, self._width) if any(r.patterns for r in registers) else None

    def read(self, wire: NDArray[np.uint8], values: NDArray[np.float64]) -> NDArray[np.bool_] | None:
        """Write the group's columns of `values`; returns where they mean "no value"."""
        raw = self._gather(wire)
        values[:, self.columns], absent = self._reading(raw)
        if self._sentinels is not None:
            marked = self._sentinels.match(raw)
            absent = marked if absent is None else absent | marked
        return absent

    def _gather(self, wire: NDArray[np.uint8]) -> Raw:
        raw = wire.take(self._index, axis=1)
        if self._width != self._size:
            padded = np.zeros((len(wire), len(self._index) // self._size, self._width), np.uint8)
            padded[:, :, : self._size] = raw.reshape(len(wire), -1, self._size)
            raw = padded.reshape(len(wire), -1)
        return raw.view(f"<u{self._width}")


class _Sentinels:
    """Raw patterns that mean "no value", one row per pattern, padded with the register's first."""

    def __init__(self, registers: Sequence[Register], width: int) -> None:
        most = max(len(register.patterns) for register in registers)
        self._have = np.array([bool(register.patterns) for register in registers])
        padded = [(register.patterns + register.patterns[:1] * most or (0,) * most)[:most] for register in registers]
        self._rows = np.array(padded, f"u{width}").T

    def match(self, raw: Raw) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = raw == self._rows[0]
        for row in self._rows[1:]:
            found |= raw == row
        found &= self._have
        return found


def _little_endian_bytes(register: Register, start: int) -> NDArray[np.intp]:
    """Positions in the reply's bytes of a register's bytes, least significant first."""
    words = np.arange(register.words)
    if register.order in ("ABCD", "BADC"):
        words = words[::-1]
    inside = (1, 0) if register.order in ("ABCD", "CDAB") else (0, 1)
    first = 2 * (register.address - start)
    return np.array([first + 2 * word + byte for word in words for byte in inside], np.intp)


def _reading(registers: Sequence[Register]) -> _Reading:
    kind = registers[0].type
    if kind.startswith("bcd"):
        return lambda raw: _bcd(raw, registers[0].words * 4)
    if registers[0].bits is not None:
        return _bit_fields(registers)
    native = np.dtype({"u": "<u", "i": "<i", "f": "<f"}[kind[0]] + str(registers[0].words * 2))
    return lambda raw: (raw.view(native).astype(np.float64), None)


def _bit_fields(registers: Sequence[Register]) -> _Reading:
    fields = [register.bits for register in registers if register.bits is not None]
    shift = np.array([low for low, _ in fields], np.uint64)
    mask = np.array([(1 << high - low + 1) - 1 for low, high in fields], np.uint64)
    return lambda raw: (((raw.astype(np.uint64) >> shift) & mask).astype(np.float64), None)


def _bcd(raw: Raw, digits: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Packed decimal digits, and where a nibble is no digit."""
    rest = raw.astype(np.uint64)
    values = np.zeros(raw.shape)
    bad = np.zeros(raw.shape, np.bool_)
    for digit in range(digits):
        nibble = (rest >> np.uint64(4 * digit)) & np.uint64(15)
        bad |= nibble > 9
        values += nibble * 10.0**digit
    return values, bad
