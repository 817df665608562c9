"""Consumption split by the tariff periods 尖峰平谷 of the enterprise's region and zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.consumption import Buckets, Stored, buckets, completed, summed
from api.expected import Owed, owed
from api.problems import Problem
from api.times import DAY, local
from config.clocks import offsets
from config.factors import published
from config.quality import Quality
from config.samples import MICROSECOND, Instants, Values
from config.tariffs import PERIODS, NoTariff, Period, Tariff, tariff
from storage.intervals import IntervalColumns, RollupColumns
from storage.points import Point

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Clock:
    """Which period is in force when: `code`, a place in PERIODS, from `since` on. Neighbours differ."""

    since: Instants
    code: NDArray[np.int64]
    used: list[Tariff]

    @property
    def plans(self) -> list[dict[str, Any]]:
        """The plans as answers name them."""
        about = {"name", "region", "edition", "valid_from", "valid_to", "published_at", "source", "verified"}
        return [plan.model_dump(include=about) for plan in self.used]


def clock(known: Sequence[Tariff], region: str, zone: str, start: int, past: int, now: int) -> Clock:
    """The periods in [start, past), by the plans published by `now`. Where clocks are put, periods are those they show.

    Raises Problem."""
    known = published(known, local(now, zone).date())
    since: list[int] = []
    code: list[int] = []
    used: list[Tariff] = []
    for first, end, offset in _stretches(zone, start, past):
        for number in range((first + offset) // DAY, (end - 1 + offset) // DAY + 1):
            day = _EPOCH + timedelta(days=number)
            plan = _plan(known, region, day)
            if plan not in used:
                used.append(plan)
            for minute, period in plan.day(day).clock():
                instant = max(number * DAY + minute * 60 * MICROSECOND - offset, first)
                if instant >= end:
                    break
                if since and since[-1] == instant:
                    since.pop()
                    code.pop()
                if not code or code[-1] != PERIODS.index(period):
                    since.append(instant)
                    code.append(PERIODS.index(period))
    return Clock(np.array(since, np.int64), np.array(code, np.int64), used)


def _stretches(zone: str, start: int, past: int) -> list[tuple[int, int, int]]:
    """[start, past) in pieces (first, end, microseconds from UTC) of one offset each."""
    steps = zip(*(column.tolist() for column in offsets(start, past, zone)), strict=True)
    pieces = [
        (max(since, start), min(end, past), offset) for (since, offset), (end, _) in pairwise([*steps, (past, 0)])
    ]
    return [piece for piece in pieces if piece[0] < piece[1]]


def _plan(known: Sequence[Tariff], region: str, day: date) -> Tariff:
    try:
        return tariff(known, region, day)
    except NoTariff as error:
        fix = "choose another span, or add the region's plan to the file WANJIA_TARIFFS names"
        raise Problem("no-tariff", f"group_by: {error}; {fix}", errors=[("group_by", str(error))]) from None


def split(point: Point, rows: Stored, at: Instants, now: int, periods: Clock) -> dict[Period, Buckets]:
    """The buckets of one point per period that occurs; their values add up to those of the whole.

    A part belongs to the bucket its row starts in. A row across a border is shared out by time and estimated. Where a
    period does not occur in a bucket there is nothing: no value, nothing expected, not missing.
    """
    parts, code = _parts(rows, periods)
    lacking = buckets(point, rows, at, now).quality == Quality.MISSING
    found: dict[Period, Buckets] = {}
    for number, occurs, should in _owed(point, at, now, periods):
        total, present, seconds = summed(_chosen(parts, code == number), at)
        known = total.quality.copy()
        whole = completed(total, present, seconds, should)
        whole.quality = np.where(lacking & occurs, whole.quality, known)
        found[PERIODS[number]] = whole
    return found


def _owed(point: Point, at: Instants, now: int, periods: Clock) -> Iterator[tuple[int, NDArray[np.bool_], Owed]]:
    """Per period of the span: its place in PERIODS, in which buckets it occurs, and what is owed in them."""
    fine = np.union1d(at, periods.since[(periods.since > at[0]) & (periods.since < at[-1])])
    bucket = np.searchsorted(at, fine[:-1], "right") - 1
    code = periods.code[np.searchsorted(periods.since, fine[:-1], "right") - 1]
    should = owed(point, fine, now)
    for number in np.unique(periods.code).tolist():
        within = code == number

        def total(column: NDArray[np.int64], within: NDArray[np.bool_] = within) -> NDArray[np.int64]:
            return np.bincount(bucket, np.where(within, column, 0), len(at) - 1).astype(np.int64)

        yield number, total(np.ones_like(code)) > 0, Owed(total(should.readings), total(should.covered))


def _parts(rows: Stored, periods: Clock) -> tuple[RollupColumns, NDArray[np.int64]]:
    """Rows cut where the period changes, with the period of each; the starts are still those of the whole rows."""
    row, step, low, high = _cuts(rows, periods)
    cut = high - low < 1
    value = rows.consumption[row]
    valued = ~np.isnan(value)

    def shared(column: NDArray[Any]) -> NDArray[np.int32]:
        """Whole numbers stay whole, and the parts of each add up."""
        whole = column[row].astype(np.int64)
        return np.asarray(np.rint(whole * high) - np.rint(whole * low), np.int32)

    def marked(column: NDArray[Any], mark: NDArray[Any]) -> NDArray[np.int16]:
        return np.where(cut, mark, column[row]).astype(np.int16)

    parts = RollupColumns(
        point=rows.point[row],
        start=rows.start[row],
        seconds=shared(rows.seconds),
        consumption=np.where(cut, value * (high - low), value),
        quality=marked(
            rows.quality, np.where(valued, np.maximum(rows.quality[row], Quality.ESTIMATED), rows.quality[row])
        ),
        intervals=marked(rows.intervals, valued),
        expected=shared(rows.expected),
        received=shared(rows.received),
        estimated=marked(rows.estimated, valued),
        edited=marked(rows.edited, np.zeros(len(row))),
    )
    return parts, periods.code[step]


def _cuts(rows: Stored, periods: Clock) -> tuple[NDArray[np.int64], NDArray[np.int64], Values, Values]:
    """Of every part: its row, its place in the clock, and where in the row it begins and ends, from 0 to 1."""
    seconds = rows.seconds if isinstance(rows, IntervalColumns) else np.full(len(rows), 3600)
    length = seconds.astype(np.int64) * MICROSECOND
    past = rows.start + length
    first = np.searchsorted(periods.since, rows.start, "right") - 1
    count = np.searchsorted(periods.since, past, "left") - first
    row = np.repeat(np.arange(len(rows)), count)
    step = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    since = np.maximum(periods.since[step], rows.start[row])
    until = np.minimum(np.append(periods.since[1:], past.max(initial=0))[step], past[row])
    low, high = ((edge - rows.start[row]) / length[row] for edge in (since, until))
    return row, step, low, high


def _chosen(parts: RollupColumns, which: NDArray[np.bool_]) -> RollupColumns:
    return RollupColumns(*(getattr(parts, column.name)[which] for column in fields(parts)))
