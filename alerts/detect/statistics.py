"""How far the last days lie outside of anything the weeks before showed: one number a day for each kind of change.

Each compares a window of days with the same weekdays of up to four earlier weeks, hour by hour, and keeps the distance
to the *nearest* of those weeks, less a part of how far they lie apart; it is 0 when the window lies among them. So
what was seen before, on any of these weeks, says nothing again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.detect import even
from alerts.detect.memory import HOURS, WEEK, Array, Memory, median

WEEKS = 4
"""Earlier weeks compared with."""
ENOUGH = 3
"""Of which so many must be known."""
SEEN = 0.65
"""Share of the days of a window that must have been measured."""
APART = 0.25
"""Share of the earlier weeks' own spread that is taken off."""
BINS = 8
"""Parts of a day in which a factor is looked for."""
NIGHT = np.array([20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7])
DAYTIME = slice(9, 19)


@dataclass(frozen=True, slots=True)
class Sign:
    """One statistic: over how many days, from how much on it tells, and how many times its own past it must exceed."""

    days: int
    floor: float
    margin: float


SIGNS = {
    "gain1": Sign(1, 1.6, 1.3),
    "gain3": Sign(3, 0.34, 1.3),
    "gain7": Sign(7, 0.17, 1.3),
    "gain14": Sign(14, 0.16, 1.3),
    "night3": Sign(3, 0.14, 1.4),
    "night7": Sign(7, 0.14, 1.4),
    "weekend": Sign(6, 0.20, 1.4),
    "clock": Sign(7, 0.30, 1.25),
    "drift": Sign(14, 0.14, 1.5),
    "shape": Sign(10, 0.3, 1.5),
    "even7": Sign(7, 0.1, 1.0),
    "even14": Sign(14, 0.1, 1.0),
}


def statistics(memory: Memory, rows: Array, weekday: Array) -> dict[str, Array]:
    """Every statistic of these days (rows of memory); `weekday` of each row, Monday 0."""
    found = {f"gain{days}": _gain(memory, rows, days, -(-days // WEEK)) for days in (1, 3, 7, 14)}
    found["drift"] = _gain(memory, rows, 14, 4)
    found["night3"] = _night(_added(memory, _window(rows, 3), rows))
    found["night7"] = _night(_added(memory, _window(rows, 7), rows))
    found["weekend"] = _weekend(memory, rows, weekday)
    found["clock"] = _clock(memory, rows)
    found["shape"] = _shape(memory, rows)
    found["even7"] = _even(memory, rows, 7, 7, doubt=2.0)
    found["even14"] = _even(memory, rows, 14, 35, doubt=1.5)
    return found


def _window(rows: Array, days: int) -> Array:
    return rows[:, None] - np.arange(days - 1, -1, -1)


def _earlier(memory: Memory, window: Array, nearest: int = 1) -> tuple[Array, Array]:
    """(the window's days in each of the earlier weeks: row, week, day; which of these weeks are known)"""
    shift = (nearest + np.arange(WEEKS)) * WEEK
    rows = window[:, None, :] - shift[None, :, None]
    known = rows[:, :, 0] >= 0
    rows = np.maximum(rows, 0)
    known &= memory.seen[rows].mean(axis=2) >= SEEN
    return rows, known


def _beyond(change: Array, known: Array, told: Array) -> Array:
    """Of changes against each earlier week (row, week, part): the least, where all have one sign."""
    most = np.where(known[:, :, None], change, -np.inf).max(axis=1)
    least = np.where(known[:, :, None], change, np.inf).min(axis=1)
    with np.errstate(invalid="ignore"):
        spread = APART * (most - least)
        beyond = np.where(least > 0, np.maximum(least - spread, 0), np.where(most < 0, np.minimum(most + spread, 0), 0))
    beyond[(known.sum(axis=1) < ENOUGH) | ~told] = 0
    return beyond


def _middle(change: Array) -> Array:
    middle: Array = median(change, axis=2) if change.shape[2] > 3 else change.mean(axis=2)
    return middle


def _parts(hours: Array) -> Array:
    parts: Array = hours.reshape(*hours.shape[:-1], BINS, -1).sum(axis=-1)
    return parts


def _gain(memory: Memory, rows: Array, days: int, nearest: int) -> Array:
    """Natural logarithm of the factor that three quarters of the day's consumption exceed."""
    window = _window(rows, days)
    earlier, known = _earlier(memory, np.maximum(window, 0), nearest)
    told = (window[:, 0] >= 0) & (memory.seen[np.maximum(window, 0)].mean(axis=1) >= SEEN)
    little = 0.02 * (HOURS // BINS) * memory.mean[rows]
    now = _parts(memory.normal[np.maximum(window, 0)])
    then = _parts(memory.normal[earlier])
    change = np.log(now + little[:, None, None])[:, None] - np.log(then + little[:, None, None, None])
    beyond = _beyond(_middle(change), known, told)
    weight = now.mean(axis=1) + then.mean(axis=(1, 2))
    return _quarter(beyond, weight)


def _quarter(beyond: Array, weight: Array) -> Array:
    """The value that three quarters of the weight lie beyond, towards one side; 0 if there is none."""
    order = np.argsort(beyond, axis=1)
    value = np.take_along_axis(beyond, order, 1)
    share = np.cumsum(np.take_along_axis(weight, order, 1), axis=1)
    total = share[:, -1:]
    low = np.take_along_axis(value, (share < 0.25 * total).sum(axis=1, keepdims=True), 1)[:, 0]
    high = np.take_along_axis(value, np.minimum((share < 0.75 * total).sum(axis=1, keepdims=True), BINS - 1), 1)[:, 0]
    return np.where(low > 0, low, np.where(high < 0, high, 0.0))


def _added(memory: Memory, window: Array, rows: Array) -> Array:
    """Consumption of each hour beyond that of the earlier weeks, in mean hourly loads."""
    inside = np.maximum(window, 0)
    earlier, known = _earlier(memory, inside)
    told = (window[:, 0] >= 0) & (memory.seen[inside].mean(axis=1) >= SEEN)
    change = _middle(memory.normal[inside][:, None] - memory.normal[earlier])
    return _beyond(change, known, told) / memory.mean[rows][:, None]


def _night(added: Array) -> Array:
    """What at least four hours of the night have more, less twice what the day has."""
    night = np.sort(added[:, NIGHT], axis=1)[:, -4]
    more: Array = np.maximum(night - 2 * np.abs(median(added[:, DAYTIME], axis=1)), 0)
    return more


def _weekend(memory: Memory, rows: Array, weekday: Array) -> Array:
    """On Tuesdays: what at least six hours of the last weekend had more, less twice what the days around it had."""
    found = np.zeros(len(rows))
    tuesdays = np.flatnonzero(weekday == 1)
    if len(tuesdays):
        at = rows[tuesdays]
        weekend = _added(memory, at[:, None] - np.array([3, 2]), at)
        around = _added(memory, at[:, None] - np.array([5, 4, 1, 0]), at)
        found[tuesdays] = np.maximum(np.sort(weekend, axis=1)[:, -6] - 2 * np.abs(median(around, axis=1)), 0)
    return found


def _clock(memory: Memory, rows: Array) -> Array:
    """How much nearer the median day of a week is to an earlier one an hour off than to one in time; > 0: late."""
    window = _window(rows, WEEK)
    inside = np.maximum(window, 0)
    earlier, known = _earlier(memory, inside)
    now, then = median(memory.normal[inside], axis=1), median(memory.normal[earlier], axis=2)
    now = now / (now.mean(axis=1, keepdims=True) + 1e-12)
    then = then / (then.mean(axis=2, keepdims=True) + 1e-12)
    away = {
        late: np.where(known, np.abs(now[:, None] - np.roll(then, late, axis=2)).mean(axis=2), np.inf).min(axis=1)
        for late in (-1, 0, 1)
    }
    told = (window[:, 0] >= 0) & (memory.seen[inside].mean(axis=1) >= SEEN) & (known.sum(axis=1) >= ENOUGH)
    best = np.minimum(away[1], away[-1])
    with np.errstate(invalid="ignore"):
        nearer = np.where(told, np.maximum(away[0] - best, 0) / (best + 0.01), 0.0)
    return np.where(away[1] <= away[-1], nearer, -nearer)


def _shape(memory: Memory, rows: Array) -> Array:
    """How far the median day of the last ten is from the nearest of earlier weeks, in mean hourly loads, less how far
    these are from each other."""
    days = SIGNS["shape"].days
    inside = np.maximum(_window(rows, days), 0)
    earlier, known = _earlier(memory, inside, nearest=2)
    now, then = median(memory.normal[inside], axis=1), median(memory.normal[earlier], axis=2)
    now = now / (now.mean(axis=1, keepdims=True) + 1e-12)
    then = then / (then.mean(axis=2, keepdims=True) + 1e-12)
    away = np.abs(now[:, None] - then).mean(axis=2)
    apart = np.abs(then - median(then, axis=1)[:, None]).mean(axis=2)
    told = (memory.seen[inside].mean(axis=1) >= SEEN) & known.all(axis=1)
    beyond: Array = np.where(told, np.maximum(away.min(axis=1) - apart.max(axis=1), 0.0), 0.0)
    return beyond


def _even(memory: Memory, rows: Array, days: int, apart: int, *, doubt: float) -> Array:
    """The factor that the last days share with the four weeks that ended `apart` days ago."""
    window, since = _window(rows, days), rows + 1 - apart
    told = (since >= even.BEFORE) & (memory.seen[np.maximum(window, 0)].mean(axis=1) >= SEEN)
    found = np.zeros(len(rows))
    if told.any():
        found[told] = even.shared(even.factors(memory, window[told], since[told]), doubt)
    return found


def errors(memory: Memory, rows: Array) -> Array:
    """How far each hour of these days is from the median of its like-days, in mean hourly loads; NaN of young ones."""
    like = rows[:, None] - np.arange(1, 6) * WEEK
    expected = median(memory.normal[np.where(like >= 0, like, rows[:, None])], axis=1)
    error = np.abs(memory.normal[rows] - expected) / memory.mean[rows][:, None]
    return np.where(rows[:, None] >= 2 * WEEK, error, np.nan)
