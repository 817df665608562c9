"""A change that lasts for days: what it is, when it began, whether it still stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from alerts.detect.causes import Fit, fits
from alerts.detect.incident import GAINS, Cause, named
from alerts.detect.memory import Array, Memory
from alerts.detect.past import Past
from alerts.detect.statistics import SIGNS

LONGEST = 75
"""Days after which a change is what the series is like now."""
GONE = 0.4
"""Share of a change below which a day counts as normal again."""
SETTLES = 8
"""Days in which the class may still change."""
AGREE = 0.7
"""Share of the days that an hour's shift must suit."""
DRIFT_REST = 0.15
"""Share of the growth that a drift may leave unexplained."""
TENFOLD = 1.45
"""Logarithm of a factor from which on it is a matter of scale, whatever else would fit."""
CLEAR = {
    Cause.LEVEL: (0.5, 0.8), Cause.NIGHT: (0.7, 0.4), Cause.WEEKEND: (0.65, 0.4), Cause.CLOCK: (0.82, 0.2),
}  # fmt: skip
"""How much a fit may leave unexplained, and must explain."""
LASTS = {Cause.SCALE: 1, Cause.WEEKEND: 1, Cause.DRIFT: 1}
"""Days that a change must last before it is told,"""
LASTING = 5
"""by default;"""
PLAIN = 4.0
"""unless it explains as many usual errors."""


@dataclass(slots=True)
class Change:
    """From row `start` on; `normal`: days in a row that were as expected."""

    cause: Cause
    start: int
    told: int
    size: float
    hours: Array | None = None
    normal: int = 0
    by: str = ""
    fit: Fit | None = None
    sure: bool = False
    """Whether it is told."""

    def judge(self, row: int) -> None:
        """Tell it when it has lasted long enough."""
        plain = self.fit is not None and self.fit.explained >= PLAIN
        if not self.sure and (plain or row - self.start + 1 - self.normal >= LASTS.get(self.cause, LASTING)):
            self.sure, self.told = True, row

    def factor(self) -> float:
        """By which readings are too high while it lasts."""
        return math.exp(self.size) if self.cause in GAINS else 1.0


def begun(memory: Memory, past: Past, weekday: Array, row: int, signs: list[str], clear: int) -> Change | None:
    """The change that explains these signs of a day best; None if none does well enough. `clear`: no earlier row
    belongs to it."""
    sign = max(signs, key=lambda name: abs(past.value(name, row)) / past.needed(name, row))
    value = past.value(sign, row)
    if sign == "drift":
        slow = _slowly(memory, row, value)
        if slow is None:
            return None
        if slow[0]:
            return Change(Cause.DRIFT, slow[1], row, value, by=sign)
        start = max(slow[1], clear)
    else:
        start = _onset(memory, row, sign, value, clear)
    gain = sign.startswith("gain") or sign == "drift"
    if gain and sign != "gain1" and (weekday[max(start, row - 3) : row + 1] >= 5).all():
        return None  # a weekend, or a change that began with one: Monday tells
    whole = start + 1 if gain and row - start >= 2 else start
    found = fits(memory, np.arange(max(whole, row - 13), row + 1), start, weekday[max(whole, row - 13) : row + 1],
                 past.usual(row - 14))  # fmt: skip
    fit = _best(found, sign, value)
    if fit is None or fit.rest > CLEAR[fit.cause][0] or fit.explained < CLEAR[fit.cause][1]:
        return None
    if fit.cause is Cause.CLOCK and (sign != "clock" or not _agreed(memory, row, fit.size)):
        return None
    size = fit.size
    if fit.cause is Cause.LEVEL and gain and (size * value <= 0 or abs(size) < abs(value)):
        size = value
    if fit.cause is Cause.WEEKEND and weekday[start] < 5:
        start = row - int(weekday[row] - 5) % 7
    change = Change(fit.cause, start, row, size, fit.hours, by=sign, fit=fit)
    if fit.cause is Cause.LEVEL:
        _name(change, size)
    return change


def _slowly(memory: Memory, row: int, value: float) -> tuple[bool, int] | None:
    """Whether the factor grew slowly over the last six weeks, or at once, and the first day of it; None: neither."""
    days = np.arange(row - 41, row + 1)
    gains = np.array([gain(memory, int(day), memory.expected(int(day), row - 41)) for day in days]) * math.copysign(
        1, value
    )
    weeks = np.median(gains.reshape(6, 7), axis=1)
    time = np.arange(6) + 0.5
    ramps = [
        (float(((weeks - np.maximum(time - at, 0) * s) ** 2).sum()), at, s)
        for at in (0, 1, 2)
        for s in [float((weeks * np.maximum(time - at, 0)).sum() / (np.maximum(time - at, 0) ** 2).sum())]
    ]
    steps = [(float(((weeks - np.where(time > at, weeks[at:].mean(), 0)) ** 2).sum()), at) for at in range(0, 6)]
    whole = float((weeks**2).sum())
    ramp, step = min(ramps), min(steps)
    best = min(ramp[0], step[0])
    if best > DRIFT_REST * whole:
        return None
    if ramp[0] < step[0] and ramp[2] > 0:
        return True, int(days[0]) + 7 * ramp[1]
    return False, int(days[0]) + 7 * step[1]


def _onset(memory: Memory, row: int, sign: str, value: float, clear: int) -> int:
    if sign == "weekend":
        return row - 3
    if not sign.startswith("gain"):
        return row - (SIGNS[sign].days - 1 if sign == "clock" else SIGNS[sign].days // 2)
    start, misses = row, 0
    for day in range(row, max(row - 14, clear - 1, 0), -1):
        if gain(memory, day, memory.expected(day, max(row - 14, 14))) / value > 0.5:
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


def gain(memory: Memory, row: int, expected: Array) -> float:
    """Natural logarithm of the factor of a day: the median of its parts."""
    actual = np.where(np.isnan(memory.raw[row]), expected, memory.raw[row]).reshape(8, -1).sum(axis=1)
    little = 0.09 * memory.mean[row]
    return float(np.median(np.log((actual + little) / (expected.reshape(8, -1).sum(axis=1) + little))))


def _name(change: Change, size: float) -> None:
    """Of a factor: the class, and the class's own factor if it is near."""
    change.cause, own = named(size)
    change.size = own if abs(own - size) < 0.1 else size


def follow(memory: Memory, past: Past, weekday: Array, change: Change, row: int) -> bool:
    """Another day of the change; whether it is over. Puts into memory what the day would have been without it."""
    expected = memory.expected(row, row)
    if np.isnan(memory.raw[row]).all():
        memory.put(row, expected, seen=False)
        return False
    back = _back(memory, change, weekday, row, expected)
    if back is not None:
        change.normal = change.normal + 1 if back else 0
        if not change.normal:
            _refit(memory, past, weekday, change, row)
    if not change.normal:
        change.judge(row)
    correct(memory, change, weekday, row)
    return change.normal >= (1 if change.cause is Cause.WEEKEND else 2)


def _back(memory: Memory, change: Change, weekday: Array, row: int, expected: Array) -> bool | None:
    """Whether the day is as expected; None when it cannot tell."""
    actual = np.where(np.isnan(memory.raw[row]), expected, memory.raw[row])
    more = (actual - expected) / memory.mean[row]
    if change.cause is Cause.CLOCK:
        shifted = np.abs(actual - np.roll(expected, int(change.size))).mean()
        return bool(np.abs(actual - expected).mean() < shifted)
    if change.cause is Cause.NIGHT and change.hours is not None:
        return bool(np.median(more[change.hours]) < GONE * change.size)
    if change.cause is Cause.WEEKEND:
        return bool(np.sort(more)[-6] < GONE * change.size) if weekday[row] >= 5 else None
    return gain(memory, row, expected) / change.size < GONE


def _refit(memory: Memory, past: Past, weekday: Array, change: Change, row: int) -> None:
    if change.cause is Cause.DRIFT or row - change.told > SETTLES or row - change.start < 2:
        return
    rows = np.arange(change.start + 1, row + 1)
    found = fits(memory, rows, change.start, weekday[rows], past.usual(change.start))
    level = found[Cause.LEVEL]
    if change.cause is Cause.SCALE or abs(level.size) > TENFOLD:
        fit = level
    elif change.cause is Cause.WEEKEND and row - change.start < 7:
        return
    else:
        fit = min(found.values(), key=lambda one: one.rest)
    if fit.cause is Cause.LEVEL and abs(fit.size) < 0.12:
        return
    before = change.cause
    change.cause, change.size, change.hours, change.fit = fit.cause, fit.size, fit.hours, fit
    if fit.cause is Cause.LEVEL:
        _name(change, fit.size)
    if change.cause is not before:
        change.told = row


def correct(memory: Memory, change: Change, weekday: Array, row: int) -> None:
    """Put into memory what the day would have been without the change."""
    expected = memory.expected(row, min(change.start, row))
    raw = memory.raw[row]
    if change.cause in GAINS and row > change.start:
        hours = raw / math.exp(change.size)
    elif change.cause is Cause.CLOCK:
        hours = np.roll(raw, -int(change.size))
    elif change.cause is Cause.WEEKEND and weekday[row] < 5:
        hours = raw
    else:
        hours = expected
    memory.put(row, np.where(np.isnan(hours), expected, hours), seen=True)
    memory.peak[row] = min(memory.peak[row], memory.peak[row - 1])
