"""Registers known at the borders of segments: noted at installation or removal, or the same meter's own going on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from collector.pairs import Array
from collector.registers import Ruling, doubtful
from collector.terms import Terms

Border = tuple[int, int, float]
"""(segment, instant, register)"""


def borders(time: Array, value: Array, segment: Array, terms: Terms) -> list[Border]:
    """Of one point, whose readings these are, sorted by time; `segment` holds the segment of each."""
    if not len(segment):
        return []
    edges = [0, *(np.flatnonzero(np.diff(segment)) + 1).tolist(), len(segment)]
    found: list[Border] = []
    for first, past in pairwise(edges):
        found += _noted(int(segment[first]), time[first:past], terms)
    for border in edges[1:-1]:
        found += _going_on(time, value, segment, border, terms)
    return found


def _noted(index: int, times: Array, terms: Terms) -> list[Border]:
    """The registers noted when the meter came and when it went; a reading at that very instant is believed instead."""
    segment = terms.segments[index]
    noted: list[Border] = []
    if segment.initial is not None and segment.valid_from < times[0]:
        noted.append((index, segment.valid_from, segment.initial))
    if segment.final is not None and segment.valid_to is not None:
        noted.append((index, segment.valid_to, segment.final))
    return noted


def _going_on(time: Array, value: Array, segment: Array, border: int, terms: Terms) -> list[Border]:
    """The same meter with another multiplier: what its register was when that changed."""
    before, after = int(segment[border - 1]), int(segment[border])
    old, new = terms.segments[before], terms.segments[after]
    if old.meter_id != new.meter_id or old.valid_to != new.valid_from or old.final is not None:
        return []
    pair = slice(border - 1, border + 1)
    step = terms.series(time[pair], value[pair], np.full(2, before))
    if len(doubtful(step)) or (step.ruling is not None and step.ruling[1] != Ruling.NONE):
        return []
    share = (new.valid_from - time[border - 1]) / (time[border] - time[border - 1])
    register = float(value[border - 1] + share * (value[border] - value[border - 1]))
    found = [(before, new.valid_from, register)]
    return found if time[border] == new.valid_from else [*found, (after, new.valid_from, register)]
