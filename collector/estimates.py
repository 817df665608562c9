"""Missing intervals that people asked to have estimated get what like days had, as long as they are missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from collector.allocation import Hole, Likened, likened
from collector.boundary import counted
from collector.overlay import grid_of_edit, rows_of_edit
from collector.pairs import Array, Pairs
from collector.terms import Terms
from config.quality import Method, Quality
from storage import keys
from storage.intervals import IntervalColumns, Ranges
from storage.points import Edit
from storage.readings import ReadingColumns
from storage.verdicts import ESTIMATE, Verdict

Wanted = Sequence[tuple[int, Edit]]
"""The place of a range, and an edit `estimate` that concerns it."""


def wanted(ranges: Ranges, terms: Terms) -> Wanted:
    """What people want estimated in these ranges."""
    if not terms.rulings:
        return []
    rank, _ = terms.ranks(ranges.point)
    return list(terms.rulings.over("estimate", rank, ranges.start, ranges.past))


def unknown(edits: Wanted, ranges: Ranges) -> list[Hole]:
    """Them as holes of which nothing is known."""
    return [Hole(int(ranges.point[place]), edit.start, edit.end, math.nan) for place, edit in edits]


def filled(
    intervals: IntervalColumns,
    edits: Wanted,
    readings: ReadingColumns,
    ranges: Ranges,
    known: IntervalColumns,
    terms: Terms,
) -> tuple[IntervalColumns, list[Verdict]]:
    """The intervals with estimates where they have no value, and a verdict on each edit.

    `known`: the intervals in reach of the edits, sorted.
    """
    times = Pairs(np.searchsorted(ranges.point, readings.point), readings.time)
    verdicts = []
    for (place, edit), one in zip(edits, likened(unknown(edits, ranges), known, terms), strict=True):
        if one.like is not None:
            grid = grid_of_edit(edit, terms.ranks(ranges.point[place : place + 1])[0], place, terms)
            how = Quality.ESTIMATED, Method.LIKE_DAY_FREE
            rows = rows_of_edit(one.hole.point, grid, one.like.energy, counted(times, grid), how, terms)
            inside = (rows.start >= ranges.start[place]) & (rows.start < ranges.past[place])
            intervals = _with(intervals, rows[np.flatnonzero(inside & _lacking(intervals, one))])
        verdicts.append(one.verdict(ESTIMATE, Method.LIKE_DAY_FREE))
    return intervals, verdicts


def _lacking(intervals: IntervalColumns, one: Likened) -> Array:
    """Which of the slots have no value."""
    there = intervals.start[(intervals.point == one.hole.point) & ~np.isnan(intervals.consumption)]
    lacking: Array = ~np.isin(one.slots, there)
    return lacking


def _with(intervals: IntervalColumns, rows: IntervalColumns) -> IntervalColumns:
    """The intervals with these rows, in place of those of the same start."""
    kept = np.flatnonzero(~keys.find(intervals.point, intervals.start, rows.point, rows.start)[1])
    columns = [np.concatenate([getattr(intervals, one.name)[kept], getattr(rows, one.name)]) for one in fields(rows)]
    order = keys.order(columns[0], columns[1])
    return IntervalColumns(*(column[order] for column in columns))
