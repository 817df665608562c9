"""The calendar of answers: which buckets a span has, in the enterprise's zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import numpy as np

from api.problems import Problem
from api.times import local
from config.samples import MICROSECOND, Instants

Interval = Literal["15m", "1h", "1d", "1mo", "1y"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)
"""From short to long."""
MOST = 400_000
"""Buckets (times series) in one answer."""
FIXED = {"15m": 900, "1h": 3600}
"""Seconds of the intervals that are the same everywhere; the others follow the calendar."""
SPANS = {"15m": 1, "1h": 7, "1d": 31, "1mo": 366, "1y": 1827}
"""Days that an answer covers when `from` is not given."""
_SHORTEST = {"1d": 82_800, "1mo": 28 * 86_400, "1y": 365 * 86_400}


def edges(
    interval: Interval, start: int, past: int, zone: str, *, step: int | None = None, series: int = 1
) -> Instants:
    """Starts of all buckets that overlap [start, past), and the end of the last one.

    `step`: seconds of a fixed interval that replace those of `interval`. Raises Problem for more than MOST.
    """
    seconds = step or FIXED.get(interval) or _SHORTEST[interval]
    count = ((past - start) // (seconds * MICROSECOND) + 2) * max(series, 1)
    if count > MOST + 2 * max(series, 1):
        detail = f"about {count} buckets; one answer holds {MOST}: shorten the span or lengthen the interval"
        raise Problem("span-too-long", detail, errors=[("from", "too long before `to` for this interval")])
    if step or interval in FIXED:
        width = seconds * MICROSECOND
        first, last = start // width, -(-past // width)
        return np.arange(first, last + 1, dtype=np.int64) * width
    return _calendar(interval, start, past, ZoneInfo(zone))


def word(step: int) -> str:
    """Seconds as an answer's `interval` names them; `24h` is UTC's day, `1d` the zone's."""
    for seconds, letter in ((3600, "h"), (60, "m")):
        if step % seconds == 0:
            return f"{step // seconds}{letter}"
    return f"{step}s"


def _calendar(interval: Interval, start: int, past: int, zone: ZoneInfo) -> Instants:
    day = _floor(interval, local(start, zone.key).date())
    found = [midnight(day, zone)]
    while found[-1] < past:
        day = _next(interval, day)
        found.append(midnight(day, zone))
    return np.array(found, np.int64)


def _floor(interval: Interval, day: date) -> date:
    if interval == "1y":
        return day.replace(month=1, day=1)
    return day.replace(day=1) if interval == "1mo" else day


def _next(interval: Interval, day: date) -> date:
    if interval == "1y":
        return day.replace(year=day.year + 1)
    if interval == "1mo":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=1)


def midnight(day: date, zone: ZoneInfo) -> int:
    """When a day begins; at 01:00 where the clock is put forward at midnight."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * MICROSECOND
