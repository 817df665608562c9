"""When readings are expected: the schedule of every point while a meter is installed, as arrays.

Instants and cadences are int64 microseconds. A *slot* is the place of a point in these arrays.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from alerts.thresholds import DEFAULTS, Thresholds
from config.samples import MICROSECOND, Instants
from storage.gaps import FOREVER
from storage.points import Point

Slots = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grace:
    """How long readings of each slot may be overdue: so many cadences, and so long beyond."""

    cadences: NDArray[np.float64]
    beyond: Instants

    @classmethod
    def of(cls, rule: str, points: Sequence[Point], thresholds: Thresholds) -> Grace:
        """What the thresholds of rule gap or offline allow."""
        limits = [thresholds.of(rule, one.carrier, one.uscc, one.metering_point) for one in points]
        cadences = np.array([one["cadences"] for one in limits], np.float64)
        return cls(cadences, np.array([one["seconds"] * MICROSECOND for one in limits], np.int64))

    def at(self, slot: Slots, cadence: Instants) -> Instants:
        """Of slots with these cadences."""
        return (self.cadences[slot] * cadence).astype(np.int64) + self.beyond[slot]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Stretches without readings. `start`: when the first missing reading was due; `end`: FOREVER while it lasts."""

    slot: Slots
    before: Instants
    """The last reading before; 0: none."""
    start: Instants
    end: Instants
    cadence: Instants
    missing: NDArray[np.int64]
    """Readings missing up to `end`, or up to the time of asking."""

    def __len__(self) -> int:
        return len(self.slot)

    def where(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Pieces:
        return Pieces(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of the point in slot i are the rows first[i]:first[i+1], sorted; a reading every `cadence` in each."""

    point: NDArray[np.int64]
    """Point ids, ascending."""
    first: NDArray[np.int64]
    start: Instants
    end: Instants
    cadence: Instants
    meter: NDArray[np.int64]
    """The meter installed during the window."""
    gap: Grace
    """Beyond it, a reading that is overdue is missing."""
    offline: Grace
    """Beyond it, a device of which all readings are overdue is offline."""

    @classmethod
    def of(
        cls,
        points: Iterable[Point],
        disabled: Collection[int] = (),
        now: int = FOREVER,
        thresholds: Thresholds = DEFAULTS,
    ) -> Windows:
        """`disabled`: meters that are installed but not asked for readings from `now` on."""
        known = sorted(points, key=lambda point: point.id)
        rows = [_windows(point, disabled, now) for point in known]
        flat = np.array([row for some in rows for row in some], np.int64).reshape(-1, 4)
        first = np.concatenate(([0], np.cumsum([len(some) for some in rows], dtype=np.int64))).astype(np.int64)
        ids = np.array([point.id for point in known], np.int64)
        graces = Grace.of("gap", known, thresholds), Grace.of("offline", known, thresholds)
        return cls(ids, first, flat[:, 0].copy(), flat[:, 1].copy(), flat[:, 2].copy(), flat[:, 3].copy(), *graces)

    def __len__(self) -> int:
        return len(self.point)

    def at(self, now: int) -> NDArray[np.int64]:
        """The row of each slot's window that holds `now`; -1 where none does."""
        row = np.full(len(self), -1, np.int64)
        inside = (self.start <= now) & (now < self.end)
        row[self.slot_of_rows()[inside]] = np.flatnonzero(inside)
        return row

    def next_change(self, now: int) -> int:
        """The next instant at which some window begins or ends."""
        later = np.concatenate((self.start[self.start > now], self.end[self.end > now]))
        return int(later.min(initial=FOREVER))

    def slot_of_rows(self) -> Slots:
        """The slot each row belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))

    def shortest_grace(self) -> Instants:
        """Per slot: no stretch shorter than this can be a gap; FOREVER where nothing is ever expected."""
        least = np.full(len(self), FOREVER, np.int64)
        slot = self.slot_of_rows()
        np.minimum.at(least, slot, self.gap.at(slot, self.cadence))
        return least

    def missing(self, slot: Slots, before: Instants, after: Instants, now: Instants) -> Pieces:
        """What is missing between two readings that follow each other (`before` 0: none before; `after` FOREVER:
        none since). A piece that is shorter than the grace is none. `now`, one per row, bounds what
        was due where no reading came since."""
        count = np.diff(self.first)[slot]
        hole = np.repeat(np.arange(len(slot)), count)
        row = self.first[slot][hole] + np.arange(len(hole)) - np.repeat(np.cumsum(count) - count, count)
        begin, end, cadence = self.start[row], self.end[row], self.cadence[row]
        due = np.where(before[hole] >= begin, before[hole] + cadence, begin)
        last = np.minimum(np.where(after == FOREVER, now, after)[hole], end)
        lasting = (after[hole] == FOREVER) & (end > now[hole])
        keep = last - due > self.gap.at(slot[hole], cadence)
        # A reading stands for the nearest instant it was due at; else all that was due before the end is missing.
        rounding = np.where(last == after[hole], cadence // 2, cadence - 1)
        lacking = np.maximum((last - due + rounding) // cadence, 1)
        until = np.where(lasting, FOREVER, last)
        return Pieces(slot[hole][keep], before[hole][keep], due[keep], until[keep], cadence[keep], lacking[keep])


def _windows(point: Point, disabled: Collection[int], now: int) -> list[tuple[int, int, int, int]]:
    """(start, end, cadence, meter): the schedule cut by the installations; adjoining equals are one."""
    steps = [*point.schedule, (FOREVER, None)]
    found: list[tuple[int, int, int, int]] = []
    for segment in point.segments:
        last = FOREVER if segment.valid_to is None else segment.valid_to
        if segment.meter_id in disabled:
            last = min(last, now)
        for (begin, cadence_s), (end, _) in itertools.pairwise(steps):
            start = max(begin, segment.valid_from)
            stop = min(end, last)
            if cadence_s is None or start >= stop:
                continue
            cadence = cadence_s * MICROSECOND
            if found and found[-1][1:] == (start, cadence, segment.meter_id):
                start = found.pop()[0]
            found.append((start, stop, cadence, segment.meter_id))
    return found
