"""Reads a series day by day and tells what is wrong with it: one incident for each cause."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from alerts.detect import drift as slow
from alerts.detect import follow as lasting
from alerts.detect import quick
from alerts.detect.begin import begun, evenly, reshaped
from alerts.detect.causes import fits
from alerts.detect.change import Change
from alerts.detect.days import DAY_S, SECOND, Cutter, daylight_saving
from alerts.detect.incident import Cause, Incident, measure
from alerts.detect.memory import HOURS, KEEP, WEEK, Array, Memory
from alerts.detect.past import Past
from alerts.detect.statistics import SIGNS, errors, statistics

QUIET = 29
"""Days at the beginning in which nothing is told: four weeks, the first day may be a part of one."""
SIGNS_OF = {Cause.NIGHT: ("night3", "night7"), Cause.WEEKEND: ("weekend",)}
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
        self._change: Change | None = None
        self._incident: Incident | None = None
        self._burst: _Burst | None = None
        self._drift: tuple[slow.Drift, Incident] | None = None
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
        self._past.put(rows, found, errors(memory, rows))
        for row in rows.tolist():
            self._next = row + 1
            if self._day + row < QUIET:
                continue
            burst = quick.burst(memory, row)
            if burst is not None:
                self._past.clear(row)
                self._begin_burst(burst)
                return
            if self._drift is not None and self._follow_drift(*self._drift, row):
                self._past.clear(row + 1)
                return
            change = self._change_of(row, [name for name in SIGNS if self._past.told(name, row)])
            if change is not None:
                self._past.clear(row + 1)
                if change.cause is Cause.CLOCK and daylight_saving(self._begin[change.start - 3 : change.start + 5]):
                    memory.normal[: change.start] = np.roll(memory.normal[: change.start], int(change.size), axis=1)
                else:
                    self._begin_change(change, row)
                return

    def _change_of(self, row: int, signs: list[str]) -> Change | None:
        """The change that begins to show on this day; a drift is told at once."""
        since = self._look_for_drift(row, signs)
        sudden = [name for name in signs if name not in ("drift", "even7", "even14", "shape")]
        if since is not None and not sudden:
            sudden = ["drift"]
        elif sudden:
            since = None
        memory, past, weekday = self._memory, self._past, self._weekday
        change = begun(memory, past, weekday, row, sudden, self._clear, since) if sudden else None
        if change is None and "even7" in signs:
            change = evenly(memory, past, weekday, row, self._clear)
        if change is None and "shape" in signs:
            change = reshaped(memory, past, weekday, row, self._clear)
        return change

    def _look_for_drift(self, row: int, signs: list[str]) -> int | None:
        """Tells a drift that begins to show; the first row of a step that showed as one."""
        for sign, weeks in (("even14", slow.even_weeks), ("drift", slow.like_weeks)):
            found = slow.slowly(weeks(self._memory, row)) if sign in signs and self._drift is None else None
            if found is None:
                continue
            slowly, week = found
            start, grows = row + 1 - (slow.WEEKS - week) * WEEK, self._past.value(sign, row) > 0
            if slowly and grows and (sign == "even14" or self._drifts(row)):
                self._begin_drift(start, row, self._past.value(sign, row))
            elif not slowly and sign == "drift":
                return start
        return None

    def _drifts(self, row: int) -> bool:
        """Whether one factor explains the last week well."""
        rows, usual = np.arange(row - WEEK + 1, row + 1), self._past.hourly(row - slow.WEEKS * WEEK)
        fit = fits(self._memory, rows, row - slow.WEEKS * WEEK + 1, self._weekday[rows], usual)[Cause.LEVEL]
        return fit.rest <= slow.REST and fit.explained >= slow.EXPLAINED

    def _begin_drift(self, start: int, row: int, size: float) -> None:
        incident = Incident(Cause.DRIFT, self._onset(start), None, int(self._known[row]), size)
        self._drift = slow.Drift(start, row, size), incident
        self.incidents.append(incident)

    def _follow_drift(self, drift: slow.Drift, incident: Incident, row: int) -> bool:
        """Whether it is over."""
        over = drift.follow(self._memory, row)
        incident.size = drift.size
        incident.evidence = measure(Cause.DRIFT, drift.size)
        stays = row - drift.start > slow.LONGEST
        if over or stays:
            incident.end = self._instant(row + 1 if stays else row - drift.normal + 1)
            self._clear = row - drift.normal + 1 if over else self._clear
            self._drift = None
        return over

    def _follow(self, row: int) -> None:
        """A day on which something stands."""
        memory = self._memory
        memory.take(row)
        if self._drift is not None:
            self._follow_drift(*self._drift, row)
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
        if over and not self._change.sure:
            self._end_change(row + 1, row, anew=self._change.start)
        elif over:
            self._end_change(row - self._change.normal + 1, row)
        elif row - self._change.start > lasting.LONGEST:
            self._end_change(row + 1, row, anew=self._change.start)

    # -- changes that last

    def _begin_change(self, change: Change, row: int) -> None:
        self._change = change
        self._incident = Incident(change.cause, self._onset(change.start), None, int(self._known[row]))
        for day in range(change.start, row + 1):
            lasting.correct(self._memory, change, self._weekday, day)
        change.judge(self._memory, row)
        self._tell(self._incident, change, row)

    def _tell(self, incident: Incident, change: Change, row: int) -> None:
        if not change.sure:
            return
        if not any(one is incident for one in self.incidents):
            self.incidents.append(incident)
        incident.cause, incident.size = change.cause, change.size
        incident.excess = self._excess(change.start, row)
        incident.start = self._onset(change.start)
        incident.detected_at = int(self._known[change.told])
        incident.evidence = {
            "sign": change.by, **measure(change.cause, change.size), "unexplained": round(change.fit.left, 2),
            "usual_errors": round(change.fit.explained, 2), "excess": round(incident.excess, 3),
        }  # fmt: skip

    def _end_change(self, end: int, row: int, anew: int | None = None) -> None:
        """Over from row `end` on; days from there (or from `anew`: a change that stays) are normal as measured."""
        assert self._incident is not None
        assert self._change is not None
        if self._change.cause in SIGNS_OF:
            self._past.remember(SIGNS_OF[self._change.cause], max(self._change.start, 0), end, self._change.size)
        self._incident.end = self._instant(end)
        self._change = self._incident = None
        self._clear = end
        for day in range(end if anew is None else anew, row + 1):
            self._memory.take(day)

    # -- bursts

    def _begin_burst(self, burst: quick.Burst) -> None:
        end = None if burst.end is None else self._instant(burst.end)
        incident = Incident(burst.cause, self._onset(burst.start), end, int(self._known[burst.row]), burst.size)
        self.incidents.append(incident)
        if burst.end is None:
            self._burst = _Burst(incident, burst.start, burst.size)
        self._mend(burst.start, burst.end, burst.row)
        self._weigh(incident, burst.start, burst.row, burst.size)

    def _weigh(self, incident: Incident, start: float, row: int, size: float) -> None:
        incident.excess = self._excess(int(start), row)
        factor = measure(incident.cause, size) if incident.cause is Cause.SCALE else {}
        incident.evidence = {**factor, "excess": round(incident.excess, 3)}

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
            memory.peak[first - 1] = max(memory.peak[first - 1], memory.peak[day] / quick.AGAIN)
            memory.peak[day] = memory.peak[first - 1]
            memory.still[day] = 0.0

    def _follow_burst(self, burst: _Burst, row: int) -> None:
        memory = self._memory
        past = (
            self._flows_again(burst, row)
            if burst.incident.cause is Cause.ZERO
            else quick.scaled_back(memory, row, int(burst.start), burst.size)
        )
        if past is None and row - burst.start < lasting.LONGEST:
            self._mend(burst.start, None, row)
            self._weigh(burst.incident, burst.start, row, burst.size)
            return
        end = float(row + 1) if past is None else past
        burst.incident.end = self._instant(end)
        if past is None:
            for day in range(int(burst.start), row + 1):
                memory.take(day)
        else:
            self._mend(burst.start, end, row)
            self._weigh(burst.incident, burst.start, row, burst.size)
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

    # -- rows

    def _onset(self, day: float) -> int:
        """What was before the first four weeks were over is not told."""
        return self._instant(max(day, QUIET - self._day))

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
        if self._drift is not None:
            self._drift[0].start -= drop
            self._drift[0].told -= drop
