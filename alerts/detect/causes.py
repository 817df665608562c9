"""Which kind of change explains the last days best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alerts.detect.incident import Cause
from alerts.detect.memory import HOURS, Array, Memory

LATE = np.array([19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7, 8])


@dataclass(frozen=True, slots=True)
class Fit:
    """`rest`: the share of the change that this kind leaves unexplained; where the fault lies, `left`: the same there,
    `explained`: what it explains there, in usual errors of the expectation. Cause LEVEL stands for all factors."""

    cause: Cause
    rest: float
    left: float
    explained: float
    size: float
    days: int
    hours: Array | None = None
    """Which hours have the load of a night."""


_Kind = tuple[Cause, Array, float, Array]
"""Cause, what it leaves of each hour, size, which hours of which days it concerns."""


def fits(memory: Memory, rows: Array, before: int, weekday: Array, usual: Array) -> dict[Cause, Fit]:
    """Each kind of change fitted to these days, by cause; what is expected rests on days before row `before`.
    `usual`: the error of an expected hour, by hour, in mean hourly loads."""
    expected = np.array([memory.expected(int(row), before) for row in rows])
    actual = np.where(np.isnan(memory.raw[rows]), expected, memory.raw[rows])
    mean = float(memory.mean[max(before - 1, 0)])
    change = np.abs(actual - expected)
    error = np.broadcast_to(usual * mean, change.shape)
    found: dict[Cause, Fit] = {}
    for cause, left, size, where in _kinds(actual, expected, mean, weekday):
        left = np.abs(left)
        rest = float(left.sum() / (change.sum() + 1e-9))
        if cause not in found or rest < found[cause].rest:
            there, remains = change[where].sum() + 1e-9, left[where].sum()
            explained = float((there - remains) / (error[where].sum() + 1e-9))
            hours = where[0] if cause is Cause.NIGHT else None
            found[cause] = Fit(cause, rest, float(remains / there), explained, size, len(rows), hours)
    return found


def _kinds(actual: Array, expected: Array, mean: float, weekday: Array) -> Iterator[_Kind]:
    change, everywhere = actual - expected, np.ones(actual.shape, np.bool_)
    gain = total_gain(actual, expected, mean)
    yield Cause.LEVEL, actual - math.exp(gain) * expected, gain, everywhere
    usual = np.median(change, axis=0)
    top = float(np.sort(usual[LATE])[-3])
    if top > 0:
        hours = np.zeros(HOURS, np.bool_)
        hours[LATE] = usual[LATE] > 0.4 * top
        load = float(np.median(change[:, hours]))
        yield Cause.NIGHT, change - load * hours, load / mean, everywhere & hours
    weekend = weekday >= 5
    if weekend.sum() >= 2 and not weekend.all():
        load_by_hour = _weekend(np.median(change[weekend], axis=0))
        size = float(np.sort(load_by_hour)[-6]) / mean
        yield Cause.WEEKEND, change - weekend[:, None] * load_by_hour, size, weekend[:, None] & (load_by_hour != 0)
    if len(actual) >= 2:
        for late in (-1, 1):
            yield Cause.CLOCK, actual - np.roll(expected, late, axis=1), float(late), everywhere


def total_gain(actual: Array, expected: Array, mean: float) -> float:
    """Natural logarithm of the factor between the days' totals: the median of the days."""
    little = 0.01 * mean * HOURS
    return float(np.median(np.log((actual.sum(axis=1) + little) / (expected.sum(axis=1) + little))))


def _weekend(usual: Array) -> Array:
    """The same load in all hours that have much of it."""
    many = np.abs(usual) > 0.4 * np.abs(usual).max()
    return np.where(many, np.median(usual[many]), 0.0) if many.any() else np.zeros(HOURS)
