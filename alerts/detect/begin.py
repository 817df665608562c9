"""How a change begins that lasts for days: since when, and which kind explains it best."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from alerts.detect import even
from alerts.detect.causes import Fit, fits, total_gain
from alerts.detect.change import NAMED, TENFOLD, Change
from alerts.detect.incident import Cause, named
from alerts.detect.memory import WEEK, Array, Memory, day_gain
from alerts.detect.past import Past
from alerts.detect.statistics import SIGNS

AGREE = 0.7
"""Share of the days that an hour's shift must suit."""
SEASON = 0.3
"""Logarithm of a factor up to which a change in the week before is the season's."""
NEARER_BY, MOST = 0.6, 0.6
"""How near most days must be to their common shape, as a share of how far from the expected one, and how many."""
REGULAR = 0.3
"""Usual error of an hour up to which days have a shape that can become another."""
SHARED = 5
"""Days that a factor which all loads share must last,"""
ALREADY, STEADY = 0.5, 0.2
"""the share of it that the week before may have had, and how far both halves of its days may differ (logarithm)."""


def begun(
    memory: Memory, past: Past, weekday: Array, row: int, signs: list[str], clear: int, since: int | None = None
) -> Change | None:
    """The change that explains these signs of a day best; None if none does well enough. `clear`: no earlier row
    belongs to it. `since`: where it began, if that is known."""
    sign = max(signs, key=lambda name: abs(past.value(name, row)) / past.needed(name, row))
    value = past.value(sign, row)
    start = _onset(memory, row, sign, value, clear) if since is None else max(since, clear)
    gain = sign.startswith("gain") or sign == "drift"
    if gain and sign != "gain1" and (weekday[max(start, row - 3) : row + 1] >= 5).all():
        return None  # a weekend, or a change that began with one: Monday tells
    whole = start + 1 if gain and row - start >= 2 else start
    found = fits(memory, np.arange(max(whole, row - 13), row + 1), start, weekday[max(whole, row - 13) : row + 1],
                 past.hourly(row - 14))  # fmt: skip
    fit = _best(found, sign, value)
    if fit is None or (fit.cause is Cause.LEVEL and fit.size * value <= 0):
        return None
    if fit.cause is Cause.WEEKEND and weekday[start] < 5:
        start = row - int(weekday[row] - 5) % 7
    change = Change(fit.cause, start, row, fit.size, fit, sign, past.usual(row - 14), _bias(memory, start), fit.hours)
    if not change.clear() or (fit.cause is Cause.CLOCK and (sign != "clock" or not _agreed(memory, row, fit.size))):
        return None
    if fit.cause is Cause.LEVEL:
        change.name()
    return change


def evenly(memory: Memory, past: Past, weekday: Array, row: int, clear: int) -> Change | None:
    """The factor that all loads share since some day of the last two weeks, if it is one that a fault makes."""
    value = past.value("even7", row)
    first = max(row - 2 * WEEK + 1, clear, even.BEFORE + WEEK)
    gains = np.array([day_gain(memory, day, memory.expected(day, first)) for day in range(first, row + 1)])
    if row - first < SHARED:
        return None
    start = first + _parted(gains * math.copysign(1, value), abs(value) / 2)
    if row - start < SHARED:
        return None
    size = even.size(memory, start + 1, row + 1)
    cause, own = named(size)
    if abs(size - own) > NAMED or size * value <= 0 or not _at_once(memory, start, row, size):
        return None
    rows = np.arange(start + 1, row + 1)
    fit = replace(fits(memory, rows, start, weekday[rows], past.hourly(row - 14))[Cause.LEVEL], size=size)
    return Change(cause, start, row, own, fit, "even7", past.usual(row - 14), 0.0, sure=True)


def reshaped(memory: Memory, past: Past, weekday: Array, row: int, clear: int) -> Change | None:
    """Another shape that most of the last days share."""
    start, usual = max(row - SIGNS["shape"].days + 1, clear), past.usual(row - 14)
    if row - start < SHARED or usual > REGULAR:
        return None
    rows = np.arange(start, row + 1)
    day, expected = (
        _shapes(days) for days in (memory.normal[rows], [memory.expected(int(one), start) for one in rows])
    )
    shape = np.median(day, axis=0)
    nearer = np.abs(day - shape).sum(axis=1) < NEARER_BY * np.abs(day - expected).sum(axis=1)
    if nearer.mean() < MOST:
        return None
    rows = rows[int(np.argmax(nearer)) :]
    start = int(rows[0])
    fit = fits(memory, rows, start, weekday[rows], past.hourly(row - 14))[Cause.LEVEL]
    return Change(Cause.PATTERN, start, row, past.value("shape", row), fit, "shape", usual, 0.0, hours=shape, sure=True)


def _shapes(days: Array | list[Array]) -> Array:
    """Each day's hours, in its mean hourly loads."""
    hours = np.asarray(days)
    shapes: Array = hours / (hours.mean(axis=1, keepdims=True) + 1e-12)
    return shapes


def _parted(gains: Array, half: float) -> int:
    """From which day on the sum of what lies above half of a change is greatest (CUSUM)."""
    return int(np.argmax(np.cumsum((gains - half)[::-1])[::-1]))


def _at_once(memory: Memory, start: int, row: int, size: float) -> bool:
    """Whether the factor was not there the week before and has stayed the same: weather comes and goes."""
    middle = (start + row + 2) // 2
    already = even.size(memory, start - WEEK, start)
    first, second = (even.size(memory, since, past, start) for since, past in ((start + 1, middle), (middle, row + 1)))
    return abs(already) < ALREADY * abs(size) and abs(first - second) < STEADY


def _onset(memory: Memory, row: int, sign: str, value: float, clear: int) -> int:
    if sign == "weekend":
        return row - 3
    if not sign.startswith("gain"):
        return row - (SIGNS[sign].days - 1 if sign == "clock" else SIGNS[sign].days // 2)
    start, misses = row, 0
    for day in range(row, max(row - 14, clear - 1, 0), -1):
        if day_gain(memory, day, memory.expected(day, max(row - 14, 14))) / value > 0.5:
            start, misses = day, 0
        elif (misses := misses + 1) > 1:
            break
    return start


def _best(found: dict[Cause, Fit], sign: str, value: float) -> Fit | None:
    level = found[Cause.LEVEL]
    if sign == "weekend":
        return found.get(Cause.WEEKEND)
    if sign.startswith("gain") and abs(level.size) > TENFOLD and level.size * value > 0:
        return level
    return min(found.values(), key=lambda fit: fit.rest)


def _agreed(memory: Memory, row: int, late: float) -> bool:
    """Whether most of the week's days look nearer to the like-days an hour off."""
    days = np.arange(row - 6, row + 1)
    days = days[memory.seen[days]]
    expected = np.array([memory.expected(int(day), row - 6) for day in days])
    actual = memory.normal[days]
    shifted = np.abs(actual - np.roll(expected, int(late), axis=1)).mean(axis=1)
    return bool((shifted < np.abs(actual - expected).mean(axis=1)).mean() >= AGREE)


def _bias(memory: Memory, start: int) -> float:
    """How far the week before was already from what its like-days let expect (logarithm): a season's part."""
    days = np.arange(max(start - WEEK, 0), start)
    if not len(days):
        return 0.0
    expected = np.array([memory.expected(int(day), start - WEEK) for day in days])
    bias = total_gain(memory.normal[days], expected, float(memory.mean[start - 1]))
    return bias if abs(bias) < SEASON else 0.0
