"""Consumption that people have set takes the place of what was computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from collector.boundary import Grid, counted, grid_of
from collector.pairs import Array, Pairs
from collector.terms import FOREVER, Terms
from config.quality import Method, Quality
from config.samples import MICROSECOND
from storage import keys
from storage.intervals import IntervalColumns, Ranges
from storage.points import Edit
from storage.readings import ReadingColumns


def overlaid(intervals: IntervalColumns, readings: ReadingColumns, ranges: Ranges, terms: Terms) -> IntervalColumns:
    """The intervals of the ranges, with those of edits `set` in place of what was computed (also of nothing)."""
    if not terms.rulings:
        return intervals
    parts = list(_set(readings, ranges, terms))
    if not parts:
        return intervals
    kept = np.ones(len(intervals), np.bool_)
    for part in parts:
        mine = intervals.point == part.point[0]
        kept &= ~(mine & (intervals.start >= part.start[0]) & (intervals.start <= part.start[-1]))
    columns = [
        np.concatenate([getattr(intervals, field.name)[kept], *(getattr(part, field.name) for part in parts)])
        for field in fields(IntervalColumns)
    ]
    order = keys.order(columns[0], columns[1])
    return IntervalColumns(*(column[order] for column in columns))


def _set(readings: ReadingColumns, ranges: Ranges, terms: Terms) -> Iterator[IntervalColumns]:
    """What the edits say of the intervals within the ranges, edit by edit."""
    rank, _ = terms.ranks(ranges.point)
    place = np.searchsorted(ranges.point, readings.point)
    for index, edit in terms.rulings.over("set", rank, ranges.start, ranges.past):
        grid = grid_of_edit(edit, rank[index : index + 1], index, terms)
        share = _shares(grid, edit)
        within = (grid.start >= ranges.start[index]) & (grid.start < ranges.past[index])
        if within.any():
            part = slice(int(within.argmax()), int(within.argmax() + within.sum()))
            received = counted(Pairs(place, readings.time), grid[part])
            found = grid[part], share[part], received
            yield rows_of_edit(int(ranges.point[index]), *found, (Quality.EDITED, Method.SET), terms)


def grid_of_edit(edit: Edit, rank: Array, index: int, terms: Terms) -> Grid:
    """All intervals of an edit, as those of the range at `index`."""
    whole = Ranges(rank, np.array([edit.start]), np.array([edit.end]))
    grid = grid_of(whole, rank, np.array([FOREVER]), terms)
    return Grid(grid.place + index, grid.start, grid.end, grid.era)


def _shares(grid: Grid, edit: Edit) -> Array:
    """The amount spread evenly; the shares add up to it."""
    assert edit.amount is not None
    passed = np.concatenate(([0], np.cumsum(grid.end - grid.start)))
    shares: Array = np.diff(edit.amount * (passed / max(int(passed[-1]), 1)))
    return shares


def rows_of_edit(
    point: int, grid: Grid, consumption: Array, received: Array, how: tuple[Quality, Method], terms: Terms
) -> IntervalColumns:
    """Intervals that an edit makes."""
    length = grid.end - grid.start
    cadence = terms.cadence[grid.era]
    count = len(grid)
    return IntervalColumns(
        point=np.full(count, point, np.int32),
        start=grid.start,
        seconds=(length // MICROSECOND).astype(np.int32),
        consumption=consumption,
        quality=np.full(count, how[0], np.int16),
        method=np.full(count, how[1], np.int16),
        expected=np.where(cadence > 0, length // np.maximum(cadence, 1), 0).astype(np.int32),
        received=received.astype(np.int32),
    )
