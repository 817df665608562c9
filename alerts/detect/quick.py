"""What shows within hours: a register that stands still, a spike, a factor of ten."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from alerts.detect.incident import Cause
from alerts.detect.memory import HOURS, WEEK, Array, Memory

LEAST_STILL = 3
"""Hours without consumption."""
LONGER = 1.5
"""Times the longest standstill of the weeks before."""
HIGHEST = 2.0
"""Times the highest interval of the weeks before: a spike."""
HIGHER, FAR = 1.25, 3.0
"""or times it and times the most that the hour has seen lately."""
AGAIN = 3.0
"""Of a spike a third is remembered: one that comes again must exceed two thirds of it."""
UP, DOWN = 1.25, -1.2
"""Natural logarithms of an hour beyond the highest, below the lowest of the days before, an hour either side."""
UP_HOURS, DOWN_HOURS = 8, 12
"""Of which so many in a row may be a matter of scale,"""
SCALE = 1.5
"""if together they are that far off (natural logarithm)."""
MULTIPLE = 3.0
"""Times the highest, or the lowest, day of the weeks before."""
FARTHEST = 2.9
"""Logarithm beyond which it is no matter of ten."""
MATTERS = 4
"""and as many mean hourly loads."""
SETTLES, THRICE = 4, 3.0
"""Hours after a spike that must have passed, and not bring as many times as much as expected."""
AWHILE = 6
"""Hours: a spike is shorter."""
AROUND = (np.arange(HOURS) + np.array([[-1], [0], [1]])) % HOURS
"""Each hour, and one either side."""
RECENT = 160
"""Days in which a standstill or a peak is remembered."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Found on a day, from `start` on, days from the beginning of row 0; `end` None: it lasts."""

    cause: Cause
    row: int
    start: float
    end: float | None
    size: float = 0.0


def bounds(memory: Memory, row: int) -> tuple[Array, Array]:
    """The lowest and highest each hour has been, one hour either side: like-days of five weeks, and the last week."""
    rows = row - np.concatenate([np.arange(1, WEEK + 1), np.arange(2, 6) * WEEK])
    days = memory.normal[rows[rows >= 0]]
    low, high = days.min(axis=0), days.max(axis=0)
    return low[AROUND].min(axis=0), high[AROUND].max(axis=0)


def burst(memory: Memory, row: int, factor: float | None = None) -> Burst | None:
    """The burst that this day shows, which yesterday did not. `factor`: of a change that stands."""
    scale = max(factor or 1.0, 1.0)
    low, high = bounds(memory, row)
    two = np.concatenate([memory.native[row - 1], memory.native[row]])
    return (
        _still(memory, row, two, low)
        or _spike(memory, row, two, high, scale)
        or (None if factor else _scaled(memory, row, low, high) or _totalled(memory, row))
    )


def _runs(mask: Array) -> list[tuple[int, int]]:
    """[begin, past) of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(begin), int(past)) for begin, past in edges.reshape(-1, 2)]


def _still(memory: Memory, row: int, two: Array, low: Array) -> Burst | None:
    """A standstill that reaches this day, in hours that never were without consumption."""
    slots, each = memory.slots, memory.slots // HOURS
    zero = two == 0
    if not zero[slots:].any():
        memory.still[row] = 0.0
        return None
    begin, past = max((run for run in _runs(zero) if run[1] > slots), key=lambda run: run[1] - run[0])
    length = (past - begin) / each
    if begin == 0:
        length = max(length, memory.still[row - 1] + (past - slots) / each)
    memory.still[row] = length
    longest = float(memory.still[max(row - RECENT, 0) : max(row - 1, 0)].max(initial=0.0))
    if length < LEAST_STILL or length <= LONGER * longest:
        return None
    least = float(np.tile(np.repeat(low, each), 2)[begin:past].sum()) / each
    likely = float(np.tile(np.repeat(memory.expected(row, row), each), 2)[begin:past].sum()) / each
    if least <= 0.12 * likely or likely <= 0.08 * memory.mean[row]:
        return None
    since = row - 1 + begin / slots
    if past == len(two):
        return Burst(Cause.ZERO, row, since, None)
    if caught_up(memory, row, float(two[past]), likely, past % slots):
        return Burst(Cause.FROZEN, row, since, row - 1 + (past + 1) / slots)
    return Burst(Cause.ZERO, row, since, row - 1 + past / slots)


def caught_up(memory: Memory, row: int, value: float, likely: float, slot: int) -> bool:
    """Whether the first interval after a standstill brings much of what was likely to flow meanwhile."""
    each = memory.slots // HOURS
    return value > 0.4 * likely and value > 2.5 * float(memory.expected(row, row)[slot // each]) / each


def _spike(memory: Memory, row: int, two: Array, high: Array, scale: float) -> Burst | None:
    slots, each = memory.slots, memory.slots // HOURS
    most = float(memory.peak[max(row - RECENT, 0) : row - 1].max(initial=0.0)) * max(scale, 1.0)
    with np.errstate(invalid="ignore"):
        above = two * each > HIGHEST * most
        above |= (two * each > HIGHER * most) & (two * each > FAR * np.tile(np.repeat(high, each), 2))
    if not above.any() or most <= 0:
        return None
    wait = SETTLES * each
    runs = [run for run in _runs(above) if slots - wait < run[1] <= len(two) - wait]
    if not runs:
        return None
    begin, past = runs[-1]
    if (past - begin) >= AWHILE * each:
        return None
    stood = 0
    while begin - stood > 0 and two[begin - stood - 1] == 0:
        stood += 1
    if stood >= LEAST_STILL * each:
        return Burst(Cause.FROZEN, row, row - 1 + (begin - stood) / slots, row - 1 + past / slots)
    hours = np.concatenate([_log(memory, row - 1, high, scale), _log(memory, row, high, scale)]) > UP
    around = [run for run in _runs(hours) if run[0] <= begin // each < run[1]]
    after = -(-past // each)
    expected = np.concatenate([memory.expected(row - 1, row - 1), memory.expected(row, row)])
    raw = np.concatenate([memory.raw[row - 1], memory.raw[row]]) / scale
    still_high = np.nansum(raw[after:]) > THRICE * np.sum(expected[after:]) + memory.mean[row]
    if still_high or (around and around[0][1] - around[0][0] >= AWHILE):
        return None
    return Burst(Cause.SPIKE, row, row - 1 + begin / slots, row - 1 + past / slots)


def _log(memory: Memory, row: int, than: Array, scale: float = 1.0) -> Array:
    little = 0.03 * memory.mean[row]
    logarithm: Array = np.log((memory.raw[row] / scale + little) / (than + little))
    return logarithm


def _scaled(memory: Memory, row: int, low: Array, high: Array) -> Burst | None:
    for than, need, sign, beyond in ((high, UP_HOURS, 1, UP), (low, DOWN_HOURS, -1, DOWN)):
        hours = np.concatenate([_log(memory, row - 1, than), _log(memory, row, than)])
        off = sign * hours > sign * beyond
        if not off[HOURS:].any():
            continue
        runs = [run for run in _runs(off) if run[1] > HOURS and run[1] - run[0] >= need]
        if runs:
            begin, past = runs[-1]
            raw = np.concatenate([memory.raw[row - 1], memory.raw[row]])[begin:past]
            expected = np.concatenate([memory.expected(row - 1, row - 1), memory.expected(row, row - 1)])[begin:past]
            size = float(np.log((raw.sum() + 1e-9) / (expected.sum() + 1e-9)))
            if sign * size >= SCALE and abs(raw.sum() - expected.sum()) >= MATTERS * memory.mean[row]:
                return Burst(Cause.SCALE, row, row - 1 + begin / HOURS, None, size)
    return None


def _totalled(memory: Memory, row: int) -> Burst | None:
    """A matter of scale that hours alone do not show: 24 hours that bring a multiple, or a fraction, of what any day
    of the weeks before brought."""
    two = np.concatenate([memory.normal[row - 1], memory.raw[row]])
    days, usual = memory.normal[max(row - RECENT, 0) : row - 1].sum(axis=1), HOURS * memory.mean[row]
    for past in range(HOURS + AWHILE, 2 * HOURS + 1, AWHILE):
        total = float(two[past - HOURS : past].sum())
        if usual / 2 < total < 2 * usual:
            continue
        sign = 1 if total > MULTIPLE * days.max() else -1 if total < days.min() / MULTIPLE else 0
        if sign:
            expected = np.concatenate([memory.expected(row - 1, row - 1), memory.expected(row, row)])
            size = math.log((total + 1e-9) / (float(expected[past - HOURS : past].sum()) + 1e-9))
            if sign * size >= SCALE and abs(size) < FARTHEST:
                off = sign * np.log((two + 1e-9) / (expected + 1e-9))[past - HOURS :] > 1
                return Burst(Cause.SCALE, row, row - 1 + (past - HOURS + int(np.argmax(off))) / HOURS, None, size)
    return None


def scaled_back(memory: Memory, row: int, before: int, size: float) -> float | None:
    """Where a matter of scale ended on this day: after the last hour that is far off, if a while after it is not."""
    expected, sign = memory.expected(row, before), math.copysign(1, size)
    little = 0.03 * memory.mean[row]
    off = np.flatnonzero(np.log((memory.raw[row] + little) / (expected + little)) * sign > 0.8)
    after = int(off[-1]) + 1 if len(off) else 0
    rest, likely = float(np.nansum(memory.raw[row][after:])) + little, float(expected[after:].sum()) + little
    over = after <= HOURS - AWHILE and math.log(rest / likely) * sign < 0.8
    return row + after / HOURS if over else None
