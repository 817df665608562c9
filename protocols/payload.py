"""JSON messages to readings, by a payload mapping. Pure; no sockets.

A quantity whose place is missing or null is absent from the result; a message with no value at all, or with anything
that is not what the mapping says, is refused as a whole (BadPayload), so that it can be looked at in quarantine.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.numbers import NUMBER
from config.payload import PayloadMapping, Time, Value
from config.quality import Flag
from config.quantities import to_canonical
from config.samples import MICROSECOND, Flags, Instants, Values
from protocols.errors import BadPayload

MAX_BYTES = 1_000_000
"""Below the 1 MiB that a NATS server takes by default, so that even one byte more can be kept in quarantine."""
_FARTHEST = 1 << 62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Decoded:
    """The readings of a message, arrays of one length; `quantities[quantity[i]]` is what reading i measures."""

    quantities: tuple[str, ...]
    quantity: NDArray[np.intp]
    time: Instants
    value: Values
    """Canonical units, the meter's own side."""
    flags: Flags


def decode(mapping: PayloadMapping, payload: bytes, received_us: int) -> Decoded:
    """The readings in a message. Raises BadPayload with the reason."""
    if len(payload) > MAX_BYTES:
        raise BadPayload(f"{len(payload)} bytes; a message may have {MAX_BYTES}")
    try:
        document = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadPayload(f"not JSON: {error}") from None
    except RecursionError:
        raise BadPayload("not JSON that can be read: nested too deeply") from None
    return _reader(mapping).read(document, received_us)


@lru_cache(maxsize=512)
def _reader(mapping: PayloadMapping) -> "_Reader":
    return _Reader(mapping)


class _Pointer:
    """A compiled JSON pointer."""

    def __init__(self, text: str) -> None:
        self.text = text
        steps = [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]
        self._steps = [(step, int(step) if re.fullmatch(r"0|[1-9][0-9]*", step) else None) for step in steps]

    def find(self, node: Any) -> Any:
        """What stands there; _ABSENT when nothing does."""
        for key, index in self._steps:
            if type(node) is dict:
                node = node.get(key, _ABSENT)
                if node is _ABSENT:
                    return _ABSENT
            elif type(node) is list and index is not None and index < len(node):
                node = node[index]
            else:
                return _ABSENT
        return node


class _Reader:
    """A compiled mapping."""

    def __init__(self, mapping: PayloadMapping) -> None:
        self._quantities = mapping.quantities
        self._array = _Pointer(mapping.readings) if mapping.readings is not None else None
        self._clock = _Clock(mapping.time, mapping.text_numbers) if mapping.time else None
        self._fields = [_Field(value, mapping) for value in mapping.values]

    def read(self, document: Any, received_us: int) -> Decoded:
        quantities: list[int] = []
        times: list[int] = []
        values: list[float] = []
        flags: list[int] = []
        stamp, flag = received_us, int(Flag.NONE)
        if self._clock is not None and self._clock.common:
            stamp, flag = self._clock.read(document)
        for element in self._elements(document):
            if self._clock is not None and not self._clock.common:
                stamp, flag = self._clock.read(element)
            for field in self._fields:
                value = field.read(element)
                if value is not None:
                    quantities.append(field.index)
                    times.append(stamp)
                    values.append(value)
                    flags.append(flag)
        if not values:
            raise BadPayload(f"no value at any of {', '.join(field.place.text for field in self._fields[:5])} …")
        return self._columns(quantities, times, values, flags)

    def _columns(self, quantities: list[int], times: list[int], values: list[float], flags: list[int]) -> Decoded:
        time, flag = np.array(times, np.int64), np.array(flags, np.int16)
        if self._array is not None:
            flag[time < time.max()] |= Flag.BACKFILL
        return Decoded(self._quantities, np.array(quantities, np.intp), time, np.array(values, np.float64), flag)

    def _elements(self, document: Any) -> Iterator[Any]:
        if self._array is None:
            yield document
            return
        found = self._array.find(document)
        if type(found) is not list:
            raise BadPayload(f"no array of readings at {self._array.text!r}")
        yield from found


class _Field:
    """A compiled value of a mapping."""

    def __init__(self, value: Value, mapping: PayloadMapping) -> None:
        self.index = mapping.quantities.index(value.quantity)
        self.place = _Pointer(value.pointer)
        self._quantity = value.quantity
        self._text = mapping.text_numbers
        self._scale = value.canonical_scale
        self._unit = _Pointer(value.unit_pointer) if value.unit_pointer is not None else None
        self._spellings = mapping.units
        self._where = [(_Pointer(pointer), text) for pointer, text in value.where.items()]

    def read(self, node: Any) -> float | None:
        """The value in the canonical unit; None: not there."""
        for place, text in self._where:
            if place.find(node) != text:
                return None
        found = self.place.find(node)
        if found is _ABSENT or found is None:
            return None
        result = _number(found, self._text, self.place.text) * self._scale
        if self._unit is not None:
            result *= self._factor(self._unit.find(node))
        if not math.isfinite(result):
            raise BadPayload(f"{found!r} at {self.place.text!r} is no finite number")
        return result

    def _factor(self, unit: Any) -> float:
        if type(unit) is not str:
            raise BadPayload(f"no unit of {self._quantity} at {self._unit and self._unit.text!r}")
        try:
            return to_canonical(self._quantity, self._spellings.get(unit, unit))
        except KeyError as error:
            raise BadPayload(error.args[0]) from None


class _Clock:
    """A compiled time of a mapping."""

    def __init__(self, time: Time, text_numbers: bool) -> None:
        self.common = time.common
        self._place = _Pointer(time.pointer)
        self._ticks = {"epoch_s": MICROSECOND, "epoch_ms": 1000}.get(time.format)
        self._zone = time.declared
        self._text = text_numbers

    def read(self, node: Any) -> tuple[int, int]:
        """Microseconds since the epoch, and flags."""
        found = self._place.find(node)
        if found is _ABSENT or found is None:
            raise BadPayload(f"no time at {self._place.text!r}")
        if self._ticks is None:
            return self._iso(found)
        number = _number(found, self._text, self._place.text)
        if not abs(number) * self._ticks < _FARTHEST:
            raise BadPayload(f"time {found!r} at {self._place.text!r} is out of range")
        return round(number * self._ticks), int(Flag.SENDER_CLOCK)

    def _iso(self, found: Any) -> tuple[int, int]:
        try:
            when = datetime.fromisoformat(found)
        except (TypeError, ValueError):
            raise BadPayload(f"time {found!r} at {self._place.text!r} is not ISO 8601") from None
        if len(found) <= len("2026-01-01"):
            raise BadPayload(f"time {found!r} at {self._place.text!r} is a date without a time")
        flags = Flag.SENDER_CLOCK
        if when.tzinfo is None:
            if self._zone is None:
                raise BadPayload(f"time {found!r} at {self._place.text!r} has no zone and the mapping declares none")
            when, flags = when.replace(tzinfo=self._zone), flags | Flag.DECLARED_ZONE
        return (when - _EPOCH) // timedelta(microseconds=1), int(flags)


def _number(found: Any, text_allowed: bool, place: str) -> float:
    kind = type(found)
    if kind is float:
        return float(found)
    try:
        if kind is int or (kind is str and text_allowed and NUMBER.fullmatch(found)):
            return float(found)
    except OverflowError:
        raise BadPayload(f"the number at {place!r} is out of range") from None
    shown = repr(found)[:60]
    hint = "; set text_numbers in the mapping if numbers come as text" if kind is str and not text_allowed else ""
    raise BadPayload(f"{shown} at {place!r} is no number{hint}")
