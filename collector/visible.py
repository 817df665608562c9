"""What of a meter's consumption was measured, and when it was known: what an anomaly detector may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from collector.arrivals import Arrivals
from collector.evidence import Told
from collector.pairs import Array
from config.quality import Quality
from config.samples import MICROSECOND
from storage.intervals import IntervalColumns


@dataclass(frozen=True, slots=True)
class Visible:
    """Intervals of one meter without a break. `value` is NaN where nothing was measured; instants are microseconds."""

    meter: int
    step_s: int
    start: Array
    value: Array
    known: Array
    """When the last reading had arrived on which it or an earlier one rests."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An incident that was detected; of one that lasts, `end` is the end of the last interval. `evidence` as JSON."""

    rule: str
    start: int
    end: int
    detected: int
    severity: str
    evidence: str


Detect = Callable[[Iterable[Visible], Iterable[str]], Iterable[list[Alarm]]]
"""Of meters in their time zones, in the same order."""


def visible(part: Arrivals, intervals: IntervalColumns, verdicts: list[Told]) -> Iterator[Visible]:
    """Of each meter. Where the engine booked nothing or an estimate, what the registers showed at the time."""
    for meter in np.unique(intervals.point).tolist():
        mine = slice(*np.searchsorted(part.meter, (meter, meter + 1)).tolist())
        rows = slice(*np.searchsorted(intervals.point, (meter, meter + 1)).tolist())
        told = [verdict for verdict in verdicts if verdict.point == meter]
        yield _visible(meter, part[mine], _Rows(intervals, rows), told)


class _Rows:
    """The intervals of one meter on a grid without a break."""

    def __init__(self, intervals: IntervalColumns, rows: slice) -> None:
        start, seconds = intervals.start[rows], intervals.seconds[rows]
        self.step = int(seconds[-1]) * MICROSECOND
        self.start = np.arange(int(start[0]), int(start[-1]) + 1, self.step)
        self.value = np.full(len(self.start), np.nan)
        good = (intervals.quality[rows] == Quality.MEASURED) & (seconds * MICROSECOND == self.step)
        place = (start[good] - self.start[0]) // self.step
        self.value[place] = intervals.consumption[rows][good]


def _visible(meter: int, read: Arrivals, rows: _Rows, verdicts: list[Told]) -> Visible:
    end = rows.start + rows.step
    rise = _register(read, end, rows.step) - _register(read, rows.start, rows.step)
    value = np.where(np.isnan(rows.value) & (rise >= 0), rise, rows.value)
    arrived = np.maximum.accumulate(read.arrived)
    known = arrived[np.minimum(np.searchsorted(read.time, end), len(read) - 1)]
    for verdict in verdicts:
        first, past = np.searchsorted(rows.start, (verdict.base - rows.step, verdict.last + rows.step))
        known[first:past] = np.maximum(
            known[first:past], arrived[min(int(np.searchsorted(read.time, verdict.told)), len(read) - 1)]
        )
    return Visible(meter, rows.step // MICROSECOND, rows.start, value, np.maximum.accumulate(known))


def _register(read: Arrivals, instants: Array, step: int) -> Array:
    """The register at each instant, between readings at most two steps apart; NaN elsewhere."""
    after = np.clip(np.searchsorted(read.time, instants), 0, len(read) - 1)
    exact = read.time[after] == instants
    before = np.where(exact, after, np.maximum(after - 1, 0))
    inside = (read.time[before] <= instants) & (read.time[after] >= instants)
    close = read.time[after] - read.time[before] <= 2 * step
    register = np.interp(instants.astype(np.float64), read.time.astype(np.float64), read.value)
    return np.where(inside & close, register, np.nan)
