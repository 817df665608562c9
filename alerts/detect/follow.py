"""How a change goes on: whether it still stands, what it turns out to be, and what days would have been without it."""

from __future__ import annotations

import math

import numpy as np

from alerts.detect import even
from alerts.detect.causes import fits
from alerts.detect.change import NAMED, TENFOLD, Change
from alerts.detect.incident import GAINS, Cause, named
from alerts.detect.memory import HOURS, Array, Memory, day_gain
from alerts.detect.past import Past

LONGEST = 75
"""Days after which a change is what the series is like now."""
GONE = 0.4
"""Share of a change below which a day counts as normal again."""
NORMAL, UNSTEADY = 2, 0.35
"""Normal days in a row that end a change, and the usual error of an hour from which on it takes one more."""
SETTLES = 8
"""Days in which the class may still change."""


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
    if not change.normal and not change.judge(memory, row):
        return True
    needed = 1 if change.cause is Cause.WEEKEND else NORMAL if change.usual < UNSTEADY else NORMAL + 1
    return change.normal >= needed


def _back(memory: Memory, change: Change, weekday: Array, row: int, expected: Array) -> bool | None:
    """Whether the day is as expected; None when it cannot tell."""
    actual = np.where(np.isnan(memory.raw[row]), expected, memory.raw[row])
    more = (actual - expected) / memory.mean[row]
    if change.cause is Cause.CLOCK:
        shifted = np.abs(actual - np.roll(expected, int(change.size))).mean()
        return bool(np.abs(actual - expected).mean() < shifted)
    if change.cause is Cause.PATTERN and change.hours is not None:
        total = actual.sum()
        usual = expected * (total / (expected.sum() + 1e-9))
        return bool(np.abs(actual - usual).sum() < np.abs(actual - change.hours * (total / HOURS)).sum())
    if change.cause is Cause.NIGHT and change.hours is not None:
        return bool(np.median(more[change.hours]) < GONE * change.size)
    if change.cause is Cause.WEEKEND:
        return bool(np.sort(more)[-6] < GONE * change.size) if weekday[row] >= 5 else None
    return day_gain(memory, row, expected) / change.size < GONE


def _refit(memory: Memory, past: Past, weekday: Array, change: Change, row: int) -> None:
    if row - change.told > SETTLES or row - change.start < 2 or change.cause is Cause.PATTERN:
        return
    if change.by == "even7":
        _rename(memory, change, row)
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
        change.name()
    if change.cause is not before:
        change.told = row


def _rename(memory: Memory, change: Change, row: int) -> None:
    """Of a factor that all loads share: name it by all its days; memory had them without the factor so far."""
    size = even.size(memory, change.start + 1, row) + change.size
    cause, own = named(size)
    if abs(size - own) <= NAMED:
        change.told = change.told if cause is change.cause else row
        change.cause, change.size = cause, own


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
    memory.peak[row] /= max(change.factor(), 1.0)
