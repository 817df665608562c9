"""Register points without a database: a store in memory that answers as storage.readings.around does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from collector.allocation import allocate, days_around, holes, merged, reach
from collector.energy import metered
from collector.estimates import filled, unknown, wanted
from collector.evidence import Told
from collector.likeday import AFTER, BEFORE
from collector.overlay import overlaid
from collector.pairs import Array
from collector.registers import Kind
from collector.terms import Terms
from collector.window import Touched, window
from config.grid import first_grid
from config.samples import MICROSECOND
from storage.intervals import Changed, IntervalColumns, Ranges
from storage.points import Edit, Point, Segment
from storage.readings import ReadingColumns
from storage.verdicts import Days, Verdict

MINUTE = 60 * MICROSECOND
QUARTER = 15 * MINUTE
HOUR = 60 * MINUTE
START = 1_767_225_600 * MICROSECOND
"""2026-01-01T00:00Z"""

Row = tuple[int, float, int, int]
"""start, consumption, quality, received"""
Key = tuple[int, int]
"""point, start"""
Interval = tuple[int, float, int, int, int, int]
"""seconds, consumption, quality, method, expected, received"""


def segment(
    multiplier: float = 1.0,
    *,
    valid_from: int = 0,
    valid_to: int | None = None,
    meter_id: int = 1,
    modulus: float | None = None,
    resolution: float = 0.01,
    limit: float | None = None,
    initial: float | None = None,
    final: float | None = None,
) -> Segment:
    return Segment(valid_from, valid_to, meter_id, multiplier, modulus, resolution, limit, initial, final)


def point(*segments: Segment, id: int = 1, schedule: tuple[tuple[int, int | None], ...] = ((0, 60),)) -> Point:
    return Point(
        id, "U", 1, id, f"E-{id}", "electricity", "active_energy_import", True, "Asia/Shanghai",
        segments or (segment(),), schedule, first_grid(schedule),
    )  # fmt: skip


class World:
    """Readings and intervals of a few points, kept as ingest keeps them."""

    def __init__(self, *points: Point) -> None:
        self.terms = Terms(points)
        self.readings: dict[tuple[int, int], float] = {}
        self.intervals: dict[Key, Interval] = {}
        self.gaps: dict[Key, Verdict] = {}
        self.verdicts: dict[tuple[int, int, Kind], Told] = {}
        self.changed = 0

    async def take(self, rows: Iterable[tuple[int, int, float]]) -> None:
        """A batch of (point, time, value): the first value of a key stays."""
        new = sorted({(p, t): v for p, t, v in reversed(list(rows)) if (p, t) not in self.readings}.items())
        self.readings.update(new)
        if new:
            keys = np.array([key for key, _ in new], np.int64)
            points, first = np.unique(keys[:, 0], return_index=True)
            last = np.append(first[1:], len(keys)) - 1
            await self.compute(Touched(points, keys[first, 1], keys[last, 1], (keys[:, 0], keys[:, 1])))

    async def compute(self, touched: Touched) -> None:
        """These, and then the gaps around them until none is to be allocated otherwise."""
        self.changed = 0
        queue = await self._compute(touched)
        while queue:
            gap = queue.pop()
            point, first, last = (np.array([one]) for one in (gap.point, gap.first, gap.last))
            queue += await self._compute(Touched(point, first, last, None))

    async def _compute(self, touched: Touched) -> list[Verdict]:
        held = np.isin(touched.point, [where for where, _, kind in self.verdicts if kind is Kind.HELD])
        readings, ranges = await window(self._around, touched, held, self.terms)
        energy = metered(readings, ranges, self.terms)
        self._tell(energy.verdicts, ranges)
        energy = replace(energy, intervals=overlaid(energy.intervals, readings, ranges, self.terms))
        found, edits = holes(energy, ranges, self.terms), wanted(ranges, self.terms)
        known = merged(self.within(reach([*found, *unknown(edits, ranges)])), energy.intervals, ranges)
        intervals, verdicts = allocate(energy.intervals, found, known, self.terms)
        intervals, estimates = filled(intervals, edits, readings, ranges, known, self.terms)
        verdicts += estimates
        rows, before = _as_rows(intervals), {}
        for place, start, past in zip(ranges.point.tolist(), ranges.start.tolist(), ranges.past.tolist(), strict=True):
            for key in [key for key in self.intervals if key[0] == place and start <= key[1] < past]:
                before[key] = self.intervals.pop(key)
            for key in [key for key in self.gaps if key[0] == place and start <= key[1] < past]:
                del self.gaps[key]
            self.gaps |= {
                (one.point, one.first): one for one in verdicts if one.point == place and start <= one.first < past
            }
        self.intervals.update(rows)
        differ = sorted(key for key in before.keys() | rows.keys() if repr(before.get(key)) != repr(rows.get(key)))
        self.changed += len(differ)
        return self._gaps_around(days_around(_changed(differ, before, rows), self.terms))

    def _tell(self, told: list[Told], ranges: Ranges) -> None:
        for place, start, past in zip(ranges.point, ranges.start, ranges.past, strict=True):
            for key in [key for key in self.verdicts if key[0] == place and start <= key[1] < past]:
                del self.verdicts[key]
            mine = [one for one in told if one.point == place and start <= one.first < past]
            self.verdicts |= {(one.point, one.first, one.kind): one for one in mine}

    def within(self, ranges: Ranges) -> IntervalColumns:
        keys = [
            key
            for point, start, past in zip(ranges.point, ranges.start, ranges.past, strict=True)
            for key in sorted(self.intervals)
            if key[0] == point and start <= key[1] < past
        ]
        table = np.array([(*key, *self.intervals[key]) for key in keys], np.float64).reshape(-1, 8).T
        kinds = (np.int32, np.int64, np.int32, np.float64, np.int16, np.int16, np.int32, np.int32)
        return IntervalColumns(*(column.astype(kind) for column, kind in zip(table, kinds, strict=True)))

    def _gaps_around(self, days: Days) -> list[Verdict]:
        """As storage.verdicts.gaps_around does."""
        columns = (getattr(days, name).tolist() for name in Days.__slots__)
        return [
            gap
            for place, first, last, day, reached, altered in zip(*columns, strict=True)
            for gap in self.gaps.values()
            for until in [(date.fromisoformat(gap.evidence["until"]) - date(1970, 1, 1)).days]
            if gap.point == place and gap.last > first - AFTER and gap.first <= last + BEFORE
            if altered or first < gap.first or day < until or reached > until
        ]

    async def edit(self, edits: tuple[Edit, ...], first: int, last: int, of: int = 1) -> None:
        """From now on these are the edits in force of a point; what lies in [first, last] is computed anew."""
        points = [replace(known, edits=edits) if known.id == of else known for known in self.terms.points]
        self.terms = Terms(points)
        await self.compute(Touched(np.array([of]), np.array([first]), np.array([last]), None))

    async def again(self) -> None:
        """Compute everything there is once more."""
        if self.readings:
            keys = np.array(sorted(self.readings), np.int64)
            points, first = np.unique(keys[:, 0], return_index=True)
            last = np.append(first[1:], len(keys)) - 1
            none = np.empty(0, np.int64)
            await self.compute(Touched(points, keys[first, 1], keys[last, 1], (none, none)))

    def rows(self, of: int = 1) -> list[tuple[int, float, int]]:
        """(minutes since START, consumption, quality), in order."""
        return [
            ((start - START) // MINUTE, round(row[1], 9), row[2])
            for (where, start), row in sorted(self.intervals.items())
            if where == of
        ]

    async def _around(self, points: Array, first: Array, last: Array, before: int, after: int) -> ReadingColumns:
        keys = []
        for place, since, until in zip(points.tolist(), first.tolist(), last.tolist(), strict=True):
            times = np.array(sorted(time for where, time in self.readings if where == place), np.int64)
            inside = (since <= times) & (times <= until)
            rank, _ = self.terms.ranks(np.full(len(times), place))
            usable = ~self.terms.rulings.excluded(rank, times)
            low, high = times[(times < since) & usable], times[(times > until) & usable]
            seen = np.concatenate((low[-before:], times[inside], high[:after]))
            keys += [(place, time) for time in seen.tolist()]
        table = np.array(keys, np.int64).reshape(-1, 2)
        values = np.array([self.readings[key] for key in keys], np.float64)
        return ReadingColumns(table[:, 0].astype(np.int32), table[:, 1], values, np.zeros(len(keys), np.int16))


def _changed(keys: Sequence[Key], before: Mapping[Key, Interval], after: Mapping[Key, Interval]) -> Changed:
    table = np.array(keys, np.int64).reshape(-1, 2)
    measured = [any(rows[key][2] == 0 for rows in (before, after) if key in rows) for key in keys]
    return Changed(
        table[:, 0].astype(np.int32),
        table[:, 1],
        np.array(measured, np.bool_),
        np.array([key in before for key in keys], np.bool_),
    )


def _as_rows(columns: IntervalColumns) -> dict[Key, Interval]:
    keys = zip(columns.point.tolist(), columns.start.tolist(), strict=True)
    rows = zip(
        columns.seconds.tolist(), columns.consumption.tolist(), columns.quality.tolist(), columns.method.tolist(),
        columns.expected.tolist(), columns.received.tolist(), strict=True,
    )  # fmt: skip
    found = dict(zip(keys, rows, strict=True))
    assert len(found) == len(columns.point)
    return found
