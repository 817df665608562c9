"""A change that lasts for days: what it is, when it began, whether it still stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from alerts.detect.causes import Fit, fits, total_gain
from alerts.detect.incident import GAINS, Cause, named
from alerts.detect.memory import WEEK, Array, Memory, day_gain
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
TENFOLD = 1.45
"""Logarithm of a factor from which on it is a matter of scale, whatever else would fit."""
CLEAR = {
    Cause.LEVEL: (0.45, 1.0), Cause.NIGHT: (0.32, 1.3), Cause.WEEKEND: (0.32, 1.5), Cause.CLOCK: (0.82, 0.2),
}  # fmt: skip
"""How much a fit may leave unexplained where the fault lies, and must explain there."""
LASTS = {Cause.SCALE: 1, Cause.WEEKEND: 1}
"""Days that a change must last before it is told,"""
LASTING = 5
"""by default,"""
FALLING = 7
"""and of a fall: closures are common;"""
PLAIN = 4.0
"""unless it is a rise that explains as many usual errors."""
NEAR, NEARER = 0.07, 0.4
"""How far a factor may be from one that a fault makes (logarithm), and how much more for each usual error."""
SHAPELESS = 0.45
"""Usual error from which on a day has no shape that an hour's shift would show."""
SURE = 5
"""Days from which on a factor may explain less, the longer it lasts."""
LOAD = 0.1
"""Mean hourly loads that a night or weekend must have more."""
TENTH = 0.6
"""The same of factors of ten."""
SEASON = 0.3
"""Logarithm of a factor up to which a change in the week before is the season's."""
DOUBTED = 10
"""Days after which a change that is not clear is dropped."""


@dataclass(slots=True)
class Change:
    """From row `start` on; `normal`: days in a row that were as expected."""

    cause: Cause
    start: int
    told: int
    size: float
    fit: Fit
    by: str
    usual: float
    """Error of an expected hour before it."""
    bias: float
    """What of the fit's size is the season's."""
    hours: Array | None = None
    normal: int = 0
    sure: bool = False
    """Whether it is told."""

    def judge(self, row: int) -> bool:
        """Tell it when it is clear and has lasted long enough; False when it never became so."""
        if self.sure:
            return True
        lasted = row - self.start + 1 - self.normal
        gain = self.fit.cause is Cause.LEVEL
        plain = gain and self.fit.size > 0 and self.fit.explained >= PLAIN
        needed = LASTS.get(self.cause, FALLING if gain and self.fit.size < 0 else LASTING)
        if self.clear() and (plain or lasted >= needed):
            self.sure, self.told = True, row
        return self.sure or lasted < DOUBTED

    def clear(self) -> bool:
        """Whether the fit explains enough."""
        left, explained = CLEAR[self.fit.cause]
        if self.fit.cause is Cause.LEVEL:
            explained *= min(1.0, math.sqrt(SURE / self.fit.days))
        clear = self.fit.left <= left and self.fit.explained >= explained
        if self.fit.cause in (Cause.NIGHT, Cause.WEEKEND) and abs(self.fit.size) < LOAD:
            return False
        if self.fit.cause is Cause.CLOCK and self.usual > SHAPELESS:
            return False
        return clear and (self.fit.cause is not Cause.LEVEL or self._is_plausible())

    def _is_plausible(self) -> bool:
        """Whether a meter's fault makes such a factor. Falls to any level are common; rises less so."""
        size = self.fit.size - self.bias
        _, own = named(size)
        if abs(own) > TENFOLD:
            return abs(size - own) <= TENTH
        near = abs(size - own) <= NEAR + NEARER * self.usual
        return near or (0 < size < TENFOLD and self.fit.explained >= PLAIN)

    def factor(self) -> float:
        """By which readings are too high while it lasts."""
        return math.exp(self.size) if self.cause in GAINS else 1.0


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
        _name(change)
    return change


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


def _name(change: Change) -> None:
    """Of a factor: the class, and the class's own factor if it is near."""
    size = change.fit.size - change.bias
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
    correct(memory, change, weekday, row)
    if not change.normal and not change.judge(row):
        return True
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
    return day_gain(memory, row, expected) / change.size < GONE


def _refit(memory: Memory, past: Past, weekday: Array, change: Change, row: int) -> None:
    if row - change.told > SETTLES or row - change.start < 2:
        return
    rows = np.arange(change.start + 1, row + 1)
    found = fits(memory, rows, change.start, weekday[rows], past.hourly(change.start))
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
        _name(change)
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
