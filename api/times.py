"""Times in and out: ISO 8601 with offset ↔ microseconds since the epoch, one at a time or a whole column."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.clocks import offsets
from config.samples import MICROSECOND, Instants

EARLIEST = 946_684_800 * MICROSECOND
"""2000-01-01T00:00Z; what is older is not taken."""
LATEST = 4_102_444_800 * MICROSECOND
"""2100-01-01T00:00Z."""
DAY = 86_400 * MICROSECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOST_PLUS = re.compile(r"(.*\d) (\d\d:?\d\d)")
_SECONDS = np.array([f":{second:02}" for second in range(60)], "S3")
_MINUTES = np.array([f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440)], "S5")


class NoOffset(ValueError):
    """A time that does not say how far it is from UTC."""


def parse(text: str) -> int:
    """Microseconds since the epoch of an ISO 8601 time with offset. Raises NoOffset, ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an ISO 8601 time like 2026-01-31T08:00:00+08:00") from None
    if moment.tzinfo is None:
        raise NoOffset(f"{text!r} has no offset from UTC; write it like 2026-01-31T08:00:00+08:00 or …Z")
    return microseconds(moment)


def microseconds(moment: datetime) -> int:
    """Since the epoch, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def parse_query(text: str) -> int:
    """`parse` for query strings, where a `+` that was not escaped has become a space."""
    return parse(_LOST_PLUS.sub(r"\1+\2", text))


def local(instant: int, zone: str) -> datetime:
    """An instant as the zone's clock shows it."""
    return (_EPOCH + timedelta(microseconds=int(instant))).astimezone(ZoneInfo(zone))


def iso(instants: Instants, zone: str, before: bytes = b"", after: bytes = b"") -> memoryview:
    """Bytes of ISO 8601 texts with the zone's offset, one behind the other, each between `before` and `after`.

    All are equally long: parts of seconds are given for all or none.
    """
    offset, offset_text = _offsets(instants, zone)
    shown = instants + offset
    day, within = shown // DAY, shown % DAY
    second, part = within // MICROSECOND, within % MICROSECOND
    columns: dict[str, NDArray[np.bytes_] | bytes] = {
        "before": before,
        "day": _days(day),
        "T": b"T",
        "minute": _MINUTES[second // 60],
        "second": _SECONDS[second % 60],
        "part": _parts(part),
        "offset": offset_text,
        "after": after,
    }
    widths = {
        name: column.itemsize if isinstance(column, np.ndarray) else len(column) for name, column in columns.items()
    }
    table = np.empty(len(instants), [(name, f"S{width}") for name, width in widths.items() if width])
    for name in table.dtype.names or ():
        table[name] = columns[name]
    return table.view(np.uint8).data


def _days(day: Instants) -> NDArray[np.bytes_]:
    """`2026-01-31` of days since the epoch."""
    if not len(day):
        return np.empty(0, "S10")
    first, last = int(day.min()), int(day.max())
    names = np.datetime_as_string(np.arange(first, last + 1).astype("M8[D]")).astype("S10")
    found: NDArray[np.bytes_] = names[day - first]
    return found


def _parts(part: Instants) -> NDArray[np.bytes_] | bytes:
    """`.125` of microseconds, or nothing where all seconds are whole."""
    if not part.any():
        return b""
    digits, unit = (3, 1000) if not (part % 1000).any() else (6, 1)
    known, place = np.unique(part // unit, return_inverse=True)
    names = np.array([f".{number:0{digits}}" for number in known.tolist()], f"S{digits + 1}")
    found: NDArray[np.bytes_] = names[place]
    return found


def _offsets(instants: Instants, zone: str) -> tuple[Any, Any]:
    """Offsets in microseconds and as `+08:00`; a single one where the zone's clock was not put in between."""
    if not len(instants):
        return 0, b"+00:00"
    since, offset = offsets(int(instants.min()), int(instants.max()), zone)
    texts = np.array([_offset_text(seconds) for seconds in (offset // MICROSECOND).tolist()], "S6")
    if (offset == offset[0]).all():
        return offset[0], bytes(texts[0])
    place = np.searchsorted(since, instants, "right") - 1
    return offset[place], texts[place]


def _offset_text(seconds: int) -> str:
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
