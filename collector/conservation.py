"""What the registers counted between their first and last good reading: the sum that intervals must add up to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.boundary import Knots
from collector.pairs import Array
from collector.terms import Terms


@dataclass(frozen=True, slots=True)
class Booked:
    """Per place; instants are 0 and consumption is NaN where there are no good readings."""

    first: Array
    last: Array
    consumption: Array
    known: Array
    """Microseconds between the two over which it is known what flowed."""


def booked(knots: Knots, count: int, terms: Terms) -> Booked:
    """The differences of the registers, over `count` places."""
    place = knots.place
    turns = np.diff(knots.wraps)
    rise = np.diff(knots.value) + np.where(turns == 0, 0.0, turns * knots.modulus[1:])
    known = (np.diff(place) == 0) & (np.diff(knots.run) == 0)
    energy = np.where(known, rise * terms.multiplier[knots.segment[1:]], 0.0)
    begin, end = np.searchsorted(place, np.arange(count)), np.searchsorted(place, np.arange(count), "right")
    some = end > begin
    time = np.append(knots.time, 0)
    return Booked(
        np.where(some, time[np.minimum(begin, len(place))], 0),
        np.where(some, time[end - 1], 0),
        np.where(some, np.bincount(place[1:], energy, count), np.nan),
        np.bincount(place[1:], np.where(known, np.diff(knots.time), 0), count).astype(np.int64),
    )
