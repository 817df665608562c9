"""What a planned change of the registry would make of the past: consumption before and after, without writing anything.

The production engine computes what ingest will compute after the apply, from the stored readings under the new terms.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from collector.pairs import Array
from collector.recompute import READINGS, computed
from collector.terms import Terms
from collector.window import Touched
from config.quantities import QUANTITIES
from config.samples import MICROSECOND, Instants
from storage.database import Connection, Database
from storage.intervals import IntervalColumns, Ranges, differences, within
from storage.points import Point, PointTable, Segment, load_points
from storage.readings import extent
from storage.registry_plan import Dirty, Foreseen, Month, Plan
from storage.timeline import Stretch, microseconds

MOST_READINGS = 12_000_000
"""Readings that are looked at; what would be beyond is not foreseen."""


async def foresee(db: Database, plan: Plan, kept_from: int) -> dict[Dirty, Foreseen]:
    """What becomes of each range of the plan that is made again, of as many as can be looked at in some seconds.

    What lies before `kept_from` stays as it is: its readings are gone.
    """
    if not plan.dirty:
        return {}
    table = await load_points(db)
    points = _replanned(plan, table)
    terms = Terms(points.values())
    found: dict[Dirty, Foreseen] = {}
    left = MOST_READINGS
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        await conn.execute("set local statement_timeout = 0")
        for dirty in plan.dirty:
            start, past = max(microseconds(dirty.start), kept_from), microseconds(dirty.end)
            span = _Span(points[plan.points[dirty.key]], start, max(start, past))
            count, first, last = await extent(conn, span.point.id, span.start, span.past, left + 1)
            left -= count
            if left < 0:
                break
            borders = np.linspace(first, last, count // READINGS + 2).astype(np.int64)
            found[dirty] = await _foreseen(conn, span, borders, terms)
    return found


def _replanned(plan: Plan, table: PointTable) -> dict[int, Point]:
    """The points whose past is made again, as they will be after the apply, by id."""
    meters: dict[tuple[str, str], int] = {key: device.meter_id for key, device in table.devices.items()}

    def segment(uscc: str, stretch: Stretch) -> Segment:
        """Meters that are not there yet get a number below 0 that is theirs."""
        meter = meters.setdefault((uscc, stretch.meter), -1 - len(meters))
        past = None if stretch.end is None else microseconds(stretch.end)
        return Segment(microseconds(stretch.start), past, meter, *stretch[3:])

    found: dict[int, Point] = {}
    for key in {dirty.key for dirty in plan.dirty}:
        point = table.points[plan.points[key]]
        due = tuple((microseconds(at), cadence_s) for at, cadence_s in plan.schedules.get(key, ()))
        found[point.id] = replace(
            point,
            segments=tuple(segment(key[0], stretch) for stretch in plan.stretches[key]),
            schedule=due if key in plan.schedules else point.schedule,
            grid=plan.grids.get(key, point.grid),
        )
    return found


@dataclass(frozen=True, slots=True)
class _Span:
    """[start, past) of a point."""

    point: Point
    start: int
    past: int


async def _foreseen(conn: Connection, span: _Span, borders: Instants, terms: Terms) -> Foreseen:
    """Intervals that start in the span, and the sums of each month of the zone before and after."""
    months = _months(span)
    before, after = _Sums(months), _Sums(months)
    intervals = different = 0
    async for had, gets in _portions(conn, span, borders, terms):
        before.add(had)
        after.add(gets)
        gone, new = differences(had, gets)
        intervals += _distinct(had.start, gets.start)
        different += _distinct(had.start[gone], gets.start[new])
    rows = [
        Month(datetime.fromtimestamp(start // MICROSECOND, ZoneInfo(span.point.zone)).strftime("%Y-%m"), was, becomes)
        for start, was, becomes in zip(months.tolist(), before.values(), after.values(), strict=False)
    ]
    return Foreseen(intervals, different, QUANTITIES[span.point.quantity].unit, tuple(rows))


async def _portions(
    conn: Connection, span: _Span, borders: Instants, terms: Terms
) -> AsyncIterator[tuple[IntervalColumns, IntervalColumns]]:
    """The intervals of the span as they are and as they will be, in portions of as many readings as are looked at
    together; `borders`: its first reading, about where portions begin, its last reading."""
    ids = np.array([span.point.id], np.int32)
    inner = terms.floor(np.full(len(borders), terms.ranks(ids)[0][0]), borders)[1:-1].tolist()
    edges = [int(terms.floor(terms.ranks(ids)[0], np.array([span.start]))[0]), *inner, span.past]
    looked = [int(borders[0]), *inner, int(borders[-1])]
    for (start, past), (first, last) in zip(pairwise(edges), pairwise(looked), strict=True):
        if start < past:
            becomes = await computed(conn, Touched(ids, np.array([first]), np.array([last]), None), terms)
            stored = await within(conn, Ranges(ids, np.array([start]), np.array([past])))
            yield _between(stored, start, past), _between(becomes.intervals, start, past)


def _distinct(one: Instants, two: Instants) -> int:
    """How many instants there are in two sorted arrays, each without repeats."""
    place = np.searchsorted(one, two)
    both = np.append(one, -1)[place] == two
    return len(one) + len(two) - int(both.sum())


def _between(rows: IntervalColumns, first: int, past: int) -> IntervalColumns:
    inside = (rows.start >= first) & (rows.start < past)
    return IntervalColumns(
        rows.point[inside], rows.start[inside], rows.seconds[inside], rows.consumption[inside], rows.quality[inside],
        rows.method[inside], rows.expected[inside], rows.received[inside],
    )  # fmt: skip


class _Sums:
    """Consumption by month; None where no interval has a value."""

    def __init__(self, months: Instants) -> None:
        self._months = months
        self._sum = np.zeros(len(months))
        self._known: Array = np.zeros(len(months), np.int64)

    def add(self, rows: IntervalColumns) -> None:
        known = ~np.isnan(rows.consumption)
        month = np.maximum(np.searchsorted(self._months, rows.start[known], "right") - 1, 0)
        self._sum += np.bincount(month, rows.consumption[known], len(self._months))
        self._known += np.bincount(month, minlength=len(self._months))

    def values(self) -> list[float | None]:
        return [value if known else None for value, known in zip(self._sum.tolist(), self._known.tolist(), strict=True)]


def _months(span: _Span) -> Instants:
    """When the months of the zone begin that the span lies in."""
    zone = ZoneInfo(span.point.zone)
    first, last = (datetime.fromtimestamp(at / MICROSECOND, zone) for at in (span.start, max(span.past, span.start)))
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    numbers = [divmod(first.year * 12 + first.month - 1 + index, 12) for index in range(count)]
    return np.array(
        [int(datetime(year, month + 1, 1, tzinfo=zone).timestamp()) * MICROSECOND for year, month in numbers], np.int64
    )
