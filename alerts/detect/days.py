"""Intervals of a series as whole local days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from alerts.detect.memory import Array

SECOND = 1_000_000
DAY_S = 86_400
SUNDAY = 6
CHANGES = ((3, 8), (3, 25), (10, 25), (11, 1))
"""Month, and first day on which a Sunday may be that of the change."""


@dataclass(frozen=True, slots=True)
class Days:
    """Consecutive local days: number (since 1970-01-01), first instant, consumption of each interval, and when the
    last of its data was known. Instants are microseconds."""

    number: Array
    begin: Array
    native: Array
    known: Array

    def __len__(self) -> int:
        return len(self.number)


class Cutter:
    """Gathers intervals, given in order, until a local day is over."""

    def __init__(self, step_s: int, zone: str) -> None:
        if step_s <= 0 or 3600 % step_s:
            raise ValueError(f"intervals of {step_s} s do not divide an hour")
        self._step, self._zone = step_s, ZoneInfo(zone)
        self._start, self._known = np.empty(0, np.int64), np.empty(0, np.int64)
        self._value = np.empty(0)
        self._next: int | None = None
        self._latest = 0

    def cut(self, start: Array, value: Array, known: Array) -> Days:
        """The days that are over now; days between of which nothing came are there without values."""
        self._start = np.concatenate([self._start, start // SECOND])
        self._value = np.concatenate([self._value, value])
        self._known = np.concatenate([self._known, known])
        local = self._start + self._offset(self._start)
        day = local // DAY_S
        past = int((local[-1] + self._step) // DAY_S) if len(day) else 0
        over = int(np.searchsorted(day, past))
        if not over:
            none = np.empty(0, np.int64)
            return Days(none, none, np.empty((0, DAY_S // self._step)), none)
        first = int(day[0]) if self._next is None else self._next
        days = self._days(first, past, day[:over], local[:over] % DAY_S // self._step, over)
        self._start, self._value, self._known = self._start[over:], self._value[over:], self._known[over:]
        self._next = past
        return days

    def _days(self, first: int, past: int, day: Array, slot: Array, over: int) -> Days:
        """An hour that the clock repeats has the mean of both."""
        slots, number = DAY_S // self._step, np.arange(first, past)
        place = (day - first) * slots + slot
        total = np.bincount(place, self._value[:over], len(number) * slots)
        count = np.bincount(place, minlength=len(number) * slots)
        native = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(-1, slots)
        known = np.zeros(len(number), np.int64)
        np.maximum.at(known, day - first, self._known[:over])
        known[0] = max(known[0], self._latest)
        known = np.maximum.accumulate(known)
        self._latest = int(known[-1])
        midnight = number * DAY_S
        return Days(number, (midnight - self._offset(midnight)) * SECOND, native, known)

    def _offset(self, instants: Array) -> Array:
        """Of the zone, in seconds, at each instant; looked up once a day, or each hour on days of change."""
        days, place = np.unique(instants // DAY_S, return_inverse=True)
        edges = {int(day) for day in days} | {int(day) + 1 for day in days}
        at = {day: self._lookup(day * DAY_S) for day in edges}
        offset = np.array([at[int(day)] for day in days], np.int64)[place]
        for day in days:
            if at[int(day)] != at[int(day) + 1]:
                for index in np.flatnonzero(instants // DAY_S == day).tolist():
                    offset[index] = self._lookup(int(instants[index]))
        return offset

    def _lookup(self, instant: int) -> int:
        offset = datetime.fromtimestamp(instant, UTC).astimezone(self._zone).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0


def daylight_saving(midnights: Array) -> bool:
    """Whether clocks change in Europe or North America on one of these days: a source may follow them, its zone not."""
    for midnight in midnights.tolist():
        date = datetime.fromtimestamp(midnight // SECOND + DAY_S // 2, UTC)
        if date.weekday() == SUNDAY and any(
            date.month == month and first <= date.day < first + 7 for month, first in CHANGES
        ):
            return True
    return False
