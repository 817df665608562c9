"""Whether all of a series' loads, the low and the high alike, became the same part of what they were.

A fault of a meter multiplies every reading. Business, weather and absence change some hours more than others. So the
hours of some days are set in order of their load, beside those of four earlier weeks: where all the steps of both
orders lie one factor apart, whatever the hours, the meter is to blame. It needs no calendar and little of the noise of
a household reaches it.
"""

from __future__ import annotations

import numpy as np

from alerts.detect.memory import WEEK, Array, Memory, median

STEPS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
"""Quantiles that are compared."""
BEFORE = 4 * WEEK
"""Days compared with."""
LITTLE = 0.01
"""Mean hourly loads below which a load is none."""


def factors(memory: Memory, window: Array, since: Array) -> Array:
    """Natural logarithm of the factor between each step of the window's hours and of the weeks' before row `since`:
    (row, step); the rows of `window` are those of its days."""
    now = _steps(memory, window)
    then = _steps(memory, since[:, None] - np.arange(BEFORE, 0, -1))
    little = LITTLE * memory.mean[np.maximum(since - 1, 0)][:, None]
    found: Array = np.log((now + little) / (then + little))
    return found


def _steps(memory: Memory, days: Array) -> Array:
    hours = memory.normal[np.maximum(days, 0)].reshape(len(days), -1)
    hours.sort(axis=1)
    steps: Array = hours[:, (STEPS * hours.shape[1]).astype(np.int64)]
    return steps


def shared(factor: Array, doubt: float) -> Array:
    """What of the factors' median is left when `doubt` times their spread, less one at either end, is taken off."""
    ordered = np.sort(factor, axis=1)
    middle, spread = median(ordered, axis=1), ordered[:, -2] - ordered[:, 1]
    left: Array = np.sign(middle) * np.maximum(np.abs(middle) - doubt * spread, 0)
    return left


def size(memory: Memory, first: int, past: int, since: int | None = None) -> float:
    """Natural logarithm of the factor of the days [first, past) against the weeks before them, or row `since`."""
    since = first if since is None else since
    return float(median(factors(memory, np.arange(first, past)[None], np.array([since])), axis=1)[0])


def spread(memory: Memory, first: int, past: int) -> float:
    """How far the factors of the days [first, past) lie apart, one at either end left out."""
    ordered = np.sort(factors(memory, np.arange(first, past)[None], np.array([first]))[0])
    return float(ordered[-2] - ordered[1])
