"""Messages as MQTT devices send them: the opposite of protocols/payload.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from config.payload import PayloadMapping, Time
from config.quantities import QUANTITIES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Reading = tuple[int, Mapping[str, float]]
"""(microseconds since the epoch, values by quantity in canonical units)."""


def compose(mapping: PayloadMapping, readings: Sequence[Reading]) -> Iterator[bytes]:
    """Messages that the mapping reads as these readings: one with all of them where it takes an array, else one each.
    Times are whole milliseconds at least."""
    if mapping.readings is None:
        for reading in readings:
            yield msgspec.json.encode(_object(mapping, *reading))
        return
    document: dict[str, Any] = {}
    elements = [one for at, values in readings for one in _elements(mapping, at, values)]
    _put(document, mapping.readings, elements)
    yield msgspec.json.encode(document)


def _object(mapping: PayloadMapping, at: int, values: Mapping[str, float]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for entry in mapping.values:
        if entry.quantity in values:
            _put(document, entry.pointer, _number(values[entry.quantity] / entry.canonical_scale))
    if mapping.time is not None:
        _put(document, mapping.time.pointer, _stamp(mapping.time, at))
    return document


def _elements(mapping: PayloadMapping, at: int, values: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """One element of the array for each value."""
    for entry in mapping.values:
        if entry.quantity not in values:
            continue
        number = _number(values[entry.quantity] / entry.canonical_scale)
        element: dict[str, Any] = {}
        _put(element, entry.pointer, str(number) if mapping.text_numbers else number)
        for pointer, text in entry.where.items():
            _put(element, pointer, text)
        if entry.unit_pointer is not None:
            _put(element, entry.unit_pointer, QUANTITIES[entry.quantity].unit)
        if mapping.time is not None:
            _put(element, mapping.time.pointer, _stamp(mapping.time, at))
        yield element


def _number(value: float) -> float:
    """Devices print decimals; this takes off what binary fractions leave behind them."""
    return round(value, 6)


def _stamp(time: Time, at: int) -> Any:
    if time.format == "iso":
        when = (_EPOCH + timedelta(microseconds=at)).astimezone(time.declared or UTC)
        return (when.replace(tzinfo=None) if time.declared else when).isoformat()
    return at // 1000 if time.format == "epoch_ms" else at / 1e6


def _put(document: dict[str, Any], pointer: str, value: Any) -> None:
    """Set what stands at a JSON pointer; objects on the way are made."""
    *way, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    for step in way:
        document = document.setdefault(step, {})
    document[last] = value
