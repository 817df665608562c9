"""Reads a series day by day and tells what is wrong with it: one incident for each cause."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from alerts.detect import change as lasting
from alerts.detect import quick
from alerts.detect.days import DAY_S, SECOND, Cutter
from alerts.detect.incident import Cause, Incident
from alerts.detect.memory import HOURS, KEEP, WEEK, Array, Memory
from alerts.detect.past import Past
from alerts.detect.statistics import SIGNS, statistics

QUIET = 28
"""Days at the beginning in which nothing is told."""
AT_ONCE = 28
"""Days looked at together."""


@dataclass(slots=True)
class _Burst:
    """A standstill or a matter of scale that lasts; `start`: days from the beginning of row 0."""

    incident: Incident
    start: float
    size: float


class Detector:
    """Of one series; fed with its intervals in order, in as many parts as one likes: the result is the same.

    It looks at whole local days, when they are over. Nothing is told in the first four weeks.
    """

    def __init__(self, step_s: int, zone: str) -> None:
        """Raises ValueError for a step that does not divide an hour."""
        self.incidents: list[Incident] = []
        self._cutter = Cutter(step_s, zone)
        self._memory, self._past = Memory(DAY_S // step_s), Past()
        self._begin, self._known, self._weekday = (np.empty(0, np.int64) for _ in range(3))
        self._next = 0
        self._day = 0
        """Days seen before row 0."""
        self._change: lasting.Change | None = None
        self._incident: Incident | None = None
        self._burst: _Burst | None = None
        self._clear = 0

    def feed(self, start: Array, value: Array, known: Array | None = None) -> None:
        """Intervals: their start (microseconds), consumption (NaN: not measured), and when it was known (default:
        at their end). Brings `incidents` up to date."""
        days = self._cutter.cut(start, value, start if known is None else known)
        if not len(days.number):
            return
        self._memory.add(days.native)
        self._past.add(len(days.number))
        self._begin = np.concatenate([self._begin, days.begin])
        self._known = np.concatenate([self._known, days.known])
        self._weekday = np.concatenate([self._weekday, (days.number + 3) % WEEK])
        while self._next < len(self._memory):
            if self._change is not None or self._burst is not None:
                self._follow(self._next)
                self._next += 1
            else:
                self._look()
        self._forget()

    def _look(self) -> None:
        """Days on which nothing stands, up to the first on which something begins."""
        memory, rows = self._memory, np.arange(self._next, min(self._next + AT_ONCE, len(self._memory)))
        for row in rows.tolist():
            memory.take(row)
        found = statistics(memory, rows, self._weekday[rows])
        early = self._day + rows < QUIET
        for name, value in found.items():
            value[early | (rows - SIGNS[name].days + 1 < self._clear)] = 0.0
        self._past.put(rows, found, self._errors(rows))
        for row in rows.tolist():
            self._next = row + 1
            if self._day + row < QUIET:
                continue
            burst = quick.burst(memory, row)
            if burst is not None:
                self._past.clear(row)
                self._begin_burst(burst)
                return
            signs = self._past.signs(row)
            change = lasting.begun(memory, self._past, self._weekday, row, signs, self._clear) if signs else None
            if change is not None:
                self._past.clear(row + 1)
                self._begin_change(change, row)
                return

    def _errors(self, rows: Array) -> Array:
        memory = self._memory
        like = rows[:, None] - np.arange(1, 6) * WEEK
        expected = np.median(memory.normal[np.where(like >= 0, like, rows[:, None])], axis=1)
        error = np.abs(memory.normal[rows] - expected).mean(axis=1) / memory.mean[rows]
        return np.where(rows >= 2 * WEEK, error, np.nan)

    def _follow(self, row: int) -> None:
        """A day on which something stands."""
        memory = self._memory
        memory.take(row)
        if self._burst is not None:
            self._follow_burst(self._burst, row)
            if self._change is not None:
                return
        elif (burst := quick.burst(memory, row, self._change.factor() if self._change else None)) is not None:
            self._begin_burst(burst)
            return
        if self._change is None or self._incident is None:
            return
        over = lasting.follow(memory, self._past, self._weekday, self._change, row)
        self._tell(self._incident, self._change, row)
        if over:
            self._end_change(row - self._change.normal + 1, row)
        elif row - self._change.start > lasting.LONGEST:
            self._end_change(row + 1, row, anew=self._change.start)

    # -- changes that last

    def _begin_change(self, change: lasting.Change, row: int) -> None:
        self._change = change
        self._incident = Incident(change.cause, self._instant(change.start), None, int(self._known[row]))
        for day in range(change.start, row + 1):
            lasting.correct(self._memory, change, self._weekday, day)
        change.judge(row)
        self._tell(self._incident, change, row)

    def _tell(self, incident: Incident, change: lasting.Change, row: int) -> None:
        if not change.sure:
            return
        if not any(one is incident for one in self.incidents[-3:]):
            self.incidents.append(incident)
        incident.cause, incident.size = change.cause, change.size
        incident.excess = self._excess(change.start, row)
        incident.start = self._instant(change.start)
        incident.detected_at = int(self._known[change.told])
        incident.evidence = {"sign": change.by, "size": round(change.size, 3)}
        if change.fit is not None:
            incident.evidence |= {"rest": round(change.fit.rest, 2), "explained": round(change.fit.explained, 2)}

    def _end_change(self, end: int, row: int, anew: int | None = None) -> None:
        """Over from row `end` on; days from there (or from `anew`: a change that stays) are normal as measured."""
        assert self._incident is not None
        self._incident.end = self._instant(end)
        self._change = self._incident = None
        self._clear = end
        for day in range(end if anew is None else anew, row + 1):
            self._memory.take(day)

    # -- bursts

    def _begin_burst(self, burst: quick.Burst) -> None:
        end = None if burst.end is None else self._instant(burst.end)
        incident = Incident(burst.cause, self._instant(burst.start), end, int(self._known[burst.row]), burst.size)
        self.incidents.append(incident)
        if burst.end is None:
            self._burst = _Burst(incident, burst.start, burst.size)
        self._mend(burst.start, burst.end, burst.row)
        incident.excess = self._excess(int(burst.start), burst.row)

    def _excess(self, first: int, row: int) -> float:
        """What was measured on these days beyond what is taken for normal."""
        rows = slice(first, row + 1)
        return float(np.nansum(self._memory.raw[rows] - self._memory.normal[rows]))

    def _mend(self, start: float, end: float | None, row: int) -> None:
        """What flowed in [start, end) as expected."""
        memory, first = self._memory, int(start)
        for day in range(first, row + 1):
            expected = memory.expected(day, first)
            hours = np.arange(HOURS) / HOURS + day
            faulty = (hours > start - 1 / HOURS) & (hours < (math.inf if end is None else end))
            memory.put(day, np.where(faulty | np.isnan(memory.raw[day]), expected, memory.raw[day]), seen=True)
            memory.peak[day] = max(memory.peak[first - 1], memory.peak[day] / quick.AGAIN)
            memory.still[day] = 0.0

    def _follow_burst(self, burst: _Burst, row: int) -> None:
        memory = self._memory
        past = self._flows_again(burst, row) if burst.incident.cause is Cause.ZERO else self._scaled_back(burst, row)
        if past is None and row - burst.start < lasting.LONGEST:
            self._mend(burst.start, None, row)
            burst.incident.excess = self._excess(int(burst.start), row)
            return
        end = float(row + 1) if past is None else past
        burst.incident.end = self._instant(end)
        if past is None:
            for day in range(int(burst.start), row + 1):
                memory.take(day)
        else:
            self._mend(burst.start, end, row)
            burst.incident.excess = self._excess(int(burst.start), row)
        self._burst = None

    def _flows_again(self, burst: _Burst, row: int) -> float | None:
        memory, slots = self._memory, self._memory.slots
        flows = np.flatnonzero(np.nan_to_num(memory.native[row]) > 0)
        if not len(flows):
            return None
        slot, first = int(flows[0]), int(burst.start)
        likely = sum(float(memory.expected(day, first).sum()) for day in range(first + 1, row))
        likely += float(memory.expected(first, first)[int(burst.start % 1 * HOURS) :].sum())
        likely += float(memory.expected(row, first)[: slot * HOURS // slots].sum())
        if quick.caught_up(memory, row, float(memory.native[row][slot]), likely, slot):
            burst.incident.cause, burst.incident.detected_at = Cause.FROZEN, int(self._known[row])
            slot += 1
        return row + slot / slots

    def _scaled_back(self, burst: _Burst, row: int) -> float | None:
        """The hour after the last that is far off, when the six hours after it are not."""
        memory = self._memory
        expected = memory.expected(row, int(burst.start))
        little = 0.03 * memory.mean[row]
        off = np.log((memory.raw[row] + little) / (expected + little)) * np.sign(burst.size) > 0.8
        last = np.flatnonzero(off)
        after = int(last[-1]) + 1 if len(last) else 0
        return row + after / HOURS if HOURS - after >= quick.AWHILE else None

    # -- rows

    def _instant(self, day: float) -> int:
        row = min(int(day), len(self._begin) - 1)
        return int(self._begin[row]) + round((day - row) * DAY_S) * SECOND

    def _forget(self) -> None:
        drop = len(self._memory) - KEEP
        if drop <= KEEP:
            return
        self._memory.drop(drop)
        self._past.drop(drop)
        self._begin, self._known, self._weekday = (
            column[drop:] for column in (self._begin, self._known, self._weekday)
        )
        self._next -= drop
        self._day += drop
        self._clear -= drop
        if self._change is not None:
            self._change.start -= drop
            self._change.told -= drop
        if self._burst is not None:
            self._burst.start -= drop
