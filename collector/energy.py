"""Registers to intervals: how much flowed in each quarter of an hour, how sure that is, and nothing invented.

Pure functions on arrays, many points at once. The register at a boundary is interpolated between the two good readings
around it; an interval is the difference of the registers at its ends times the multiplier, so intervals add up to
what the register counted. What the result of an interval depends on lies close around it (collector/registers.py), so
it is the same whatever the batches and the order in which readings came.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from collector.borders import borders
from collector.boundary import Grid, Knots, Registers, counted, grid_of
from collector.doubt import judge
from collector.evidence import Told, told
from collector.pairs import Array, Pairs, search
from collector.registers import Judged, Kind, Ruling, Series
from collector.terms import FOREVER, Terms
from config.quality import Method, Quality
from config.samples import MICROSECOND
from storage.intervals import IntervalColumns, Ranges
from storage.readings import ReadingColumns

_AT_ONCE = 32_768
"""Readings computed together: their columns stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Energy:
    """Closed intervals of the ranges asked for, the verdicts and the registers they rest on."""

    intervals: IntervalColumns
    verdicts: list[Told]
    knots: Knots


def metered(readings: ReadingColumns, ranges: Ranges, terms: Terms) -> Energy:
    """Intervals of register points that start within `ranges` (one range per point, sorted by point).

    `readings`: all of the ranges and enough on either side (collector/window.py sees to it), of no other points. An
    interval is there when a reading at or after its end is there and its energy, or a part of it, is known or held.
    """
    portions = list(_portions(readings, ranges))
    return _joined([(_metered(readings[rows], ranges[points], terms), points.start) for rows, points in portions])


def _portions(readings: ReadingColumns, ranges: Ranges) -> Iterator[tuple[slice, slice]]:
    """Rows of whole points at a time, and the points; at least one portion."""
    edges = np.append(np.searchsorted(readings.point, ranges.point), len(readings))
    begin, count = 0, len(ranges)
    while begin < count or begin == 0:
        past = int(np.searchsorted(edges, edges[begin] + _AT_ONCE, "right")) - 1
        past = min(max(past, begin + 1), count)
        yield slice(int(edges[begin]), int(edges[past])), slice(begin, past)
        begin = max(past, 1)


def _joined(parts: list[tuple[Energy, int]]) -> Energy:
    """One after the other, each with the place of its first point."""
    if len(parts) == 1:
        return parts[0][0]
    intervals = [part.intervals for part, _ in parts]
    knots = [replace(part.knots, place=part.knots.place + first) for part, first in parts]
    return Energy(
        IntervalColumns(*(np.concatenate([getattr(one, name) for one in intervals]) for name in _names(intervals[0]))),
        [verdict for part, _ in parts for verdict in part.verdicts],
        Knots(*(np.concatenate([getattr(one, name) for one in knots]) for name in _names(knots[0]))),
    )


def _names(columns: IntervalColumns | Knots) -> list[str]:
    return [field.name for field in fields(columns)]


def _metered(readings: ReadingColumns, ranges: Ranges, terms: Terms) -> Energy:
    rank, _ = terms.ranks(ranges.point)
    place = np.searchsorted(ranges.point, readings.point)
    series, places, segments = _series(readings, place, rank, terms)
    judged = judge(series)
    knots = _knots(series, judged, places, segments)
    heard = ~terms.rulings.excluded(rank[place], readings.time)
    closed = _last(place[heard], readings.time[heard], len(ranges.point))
    closed = np.maximum(closed, _last(places, series.time, len(ranges.point)))
    closed[_last(knots.place, knots.time, len(ranges.point)) == 0] = 0
    grid = grid_of(ranges, rank, closed, terms)
    held = grid.end > _held(series, places, judged, len(ranges.point))[grid.place]
    held |= _within(judged.hopeless, series, places, grid)
    doubted, released = _doubted(series, judged, places, grid), _released(series, places, grid)
    intervals = _intervals(grid, Registers(knots), held, doubted, released, terms)
    intervals["received"] = counted(Pairs(place, readings.time), grid)
    verdicts = list(told(series, judged.verdicts, ranges.point[places]))
    return Energy(_rows(intervals, grid, ranges), verdicts, knots)


def _series(readings: ReadingColumns, place: Array, rank: Array, terms: Terms) -> tuple[Series, Array, Array]:
    """Readings and borders as registers to be judged, with the place of the point and the segment of each."""
    rows, segment = terms.usable(readings)
    place, time, value = place[rows], readings.time[rows], readings.value[rows]
    added = [
        (where, *border)
        for where in np.flatnonzero(terms.bordered[rank]).tolist()
        for mine in [slice(*np.searchsorted(place, (where, where + 1)).tolist())]
        for border in borders(time[mine], value[mine], segment[mine], terms)
    ]
    if added:
        more = [np.array(column) for column in zip(*added, strict=True)]
        place, segment, time, value = (
            np.concatenate(pair) for pair in zip((place, segment, time, value), more, strict=True)
        )
        order = np.lexsort((time, segment, place))
        place, segment, time, value = place[order], segment[order], time[order], value[order]
    return terms.series(time, value, segment), place, segment


def _knots(series: Series, judged: Judged, places: Array, segments: Array) -> Knots:
    """The good readings; a register that began anew did so, for all we know, right after the reading before."""
    if judged.good.all() and not judged.begun:
        return Knots(places, series.time, judged.value, judged.run, judged.wraps, judged.modulus, segments)
    good = np.flatnonzero(judged.good)
    time, value = series.time[good], judged.value[good]
    if judged.begun:
        begun = np.searchsorted(good, judged.begun)
        good = np.insert(good, begun, good[begun])
        time = np.insert(time, begun, time[begun - 1])
        value = np.insert(value, begun, 0.0)
    return Knots(
        places[good], time, value, judged.run[good], judged.wraps[good], judged.modulus[good], segments[good]
    )  # fmt: skip


def _doubted(series: Series, judged: Judged, places: Array, grid: Grid) -> NDArray[np.bool_]:
    """Intervals in which a register ran backwards or began anew, or fell and people spoke only of what followed: what
    is known of them is booked, and in doubt."""
    spans = [
        (verdict.base, verdict.first if verdict.kind is Kind.RESET else verdict.last)
        for verdict in judged.verdicts
        if verdict.kind is Kind.REVERSE or (verdict.kind is Kind.RESET and verdict.first in judged.begun)
    ]
    return _within([*spans, *_passed_over(series, judged)], series, places, grid)


def _passed_over(series: Series, judged: Judged) -> Iterator[tuple[int, int]]:
    """From the last good reading before a fall that was not told to a later one, lower, that people accept."""
    for group, base in judged.held.items():
        past = int(np.searchsorted(series.group, group, "right"))
        if series.ruling is None or past == len(series) or series.ruling[past] != Ruling.ACCEPT:
            continue
        if judged.value[past] < judged.value[base]:
            yield base, past


def _released(series: Series, places: Array, grid: Grid) -> NDArray[np.bool_]:
    """Intervals in which a register fell, and people say that it did: energy the other way."""
    if series.ruling is None:
        return np.zeros(len(grid), np.bool_)
    falls = np.flatnonzero((series.ruling[1:] == Ruling.ACCEPT) & (np.diff(series.value) < 0))
    return _within([(step, step + 1) for step in falls.tolist()], series, places, grid)


def _within(spans: list[tuple[int, int]], series: Series, places: Array, grid: Grid) -> NDArray[np.bool_]:
    """Intervals of which a part lies in one of these spans, given by their first and last reading."""
    inside = np.zeros(len(grid.place), np.bool_)
    for first, last in spans:
        place = places[first : first + 1]
        low = search(grid.place, grid.end, place, series.time[first : first + 1], "right")
        high = search(grid.place, grid.start, place, series.time[last : last + 1], "left")
        inside[int(low[0]) : int(high[0])] = True
    return inside


def _last(place: Array, time: Array, count: int) -> Array:
    """The last instant of each place, 0 where there is none; rows are sorted by place and time."""
    index = np.searchsorted(place, np.arange(count), "right")
    present = index > np.searchsorted(place, np.arange(count), "left")
    return np.where(present, np.append(time, 0)[index - 1], 0)


def _held(series: Series, places: Array, judged: Judged, count: int) -> Array:
    """From when on each point's energy is held back. Only its latest readings can be in doubt: once another meter or
    multiplier has followed, what was never cleared up is simply left out."""
    held = np.full(count, FOREVER)
    for group, base in judged.held.items():
        last = int(np.searchsorted(series.group, group, "right")) - 1
        if last + 1 == len(places) or places[last + 1] != places[last]:
            held[places[base]] = series.time[base]
    return held


def _intervals(
    grid: Grid,
    registers: Registers,
    held: NDArray[np.bool_],
    doubted: NDArray[np.bool_],
    released: NDArray[np.bool_],
    terms: Terms,
) -> dict[str, Array]:
    begin, end = registers.at_both_ends(grid)
    whole, rise = registers.between(begin, end)
    cadence = terms.cadence[grid.era]
    hole = np.maximum(2 * cadence, grid.end - grid.start)
    consumption = rise * terms.multiplier[registers.knots.segment[end.after]]
    least = np.where(doubted | released, -np.inf, 0.0)
    consumption = np.maximum(consumption, least)
    consumption[held | ~whole] = np.nan
    for index in np.flatnonzero(~whole & ~held).tolist():
        value, whole[index] = _pieces(
            grid, index, int(begin.before[index]), int(end.after[index]), registers.knots, terms
        )
        consumption[index] = max(value, -math.inf if released[index] else 0.0)
    estimated = whole & ~held & ((begin.gap > hole) | (end.gap > hole))
    quality = np.where(estimated, Quality.ESTIMATED, Quality.MEASURED)
    quality[held | ~whole | doubted] = Quality.SUSPECT
    return {
        "kept": held | ~np.isnan(consumption),
        "consumption": consumption,
        "quality": quality,
        "method": np.where(estimated, Method.LINEAR, Method.REGISTER),
        "expected": np.where(cadence > 0, (grid.end - grid.start) // np.maximum(cadence, 1), 0),
    }


def _pieces(grid: Grid, index: int, before: int, after: int, knots: Knots, terms: Terms) -> tuple[float, bool]:
    """What is known of an interval that holds a break (a reset, another meter or multiplier), and whether that is all
    of it. NaN if nothing is, or if the readings only begin or end in it."""
    start, end = int(grid.start[index]), int(grid.end[index])
    inside = knots.place[before] == knots.place[after] == grid.place[index]
    if not inside or knots.time[before] > start or knots.time[after] < end:
        return math.nan, False
    parts, covered = [], 0
    for knot in range(before, after):
        since, until = int(knots.time[knot]), int(knots.time[knot + 1])
        overlap = min(until, end) - max(since, start)
        if knots.run[knot] == knots.run[knot + 1] and overlap > 0:
            segment = knots.segment[knot]
            rise = float(knots.value[knot + 1] - knots.value[knot])
            if turns := int(knots.wraps[knot + 1] - knots.wraps[knot]):
                rise += turns * float(knots.modulus[knot + 1])
            parts.append(rise * overlap / (until - since) * float(terms.multiplier[segment]))
            covered += overlap
    return (math.fsum(parts) if parts else math.nan), covered == end - start


def _rows(columns: dict[str, Array], grid: Grid, ranges: Ranges) -> IntervalColumns:
    kept = columns["kept"]
    return IntervalColumns(
        point=ranges.point[grid.place[kept]].astype(np.int32),
        start=grid.start[kept],
        seconds=((grid.end - grid.start)[kept] // MICROSECOND).astype(np.int32),
        consumption=columns["consumption"][kept],
        quality=columns["quality"][kept].astype(np.int16),
        method=columns["method"][kept].astype(np.int16),
        expected=columns["expected"][kept].astype(np.int32),
        received=columns["received"][kept].astype(np.int32),
    )
