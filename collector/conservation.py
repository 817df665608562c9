"""What the registers counted, straight from their good readings: the sum that intervals must add up to.

Nothing here knows of intervals, so that it can prove them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from collector.boundary import Knots
from collector.pairs import Array, Pairs
from collector.terms import Terms

_EXACT = 1e-11
"""Of the register; rounding in sums of a day's intervals stays below."""
_LEAST = 1e-9
_DIGIT = 1.5


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
    known, energy = steps(knots, terms)
    begin, end = np.searchsorted(place, np.arange(count)), np.searchsorted(place, np.arange(count), "right")
    some = end > begin
    time = np.append(knots.time, 0)
    return Booked(
        np.where(some, time[np.minimum(begin, len(place))], 0),
        np.where(some, time[end - 1], 0),
        np.where(some, np.bincount(place[1:], energy, count), np.nan),
        np.bincount(place[1:], np.where(known, np.diff(knots.time), 0), count).astype(np.int64),
    )


def steps(knots: Knots, terms: Terms) -> tuple[NDArray[np.bool_], Array]:
    """From each good reading to the next: whether it is known what flowed, and how much did (0 where it is not)."""
    turns = np.diff(knots.wraps)
    rise = np.diff(knots.value) + np.where(turns == 0, 0.0, turns * knots.modulus[1:])
    known = (np.diff(knots.place) == 0) & (np.diff(knots.run) == 0)
    return known, np.where(known, rise * terms.multiplier[knots.segment[1:]], 0.0)


class Flow:
    """What flowed between any two instants, as far as the registers tell; steadily from one reading to the next."""

    def __init__(self, knots: Knots, terms: Terms) -> None:
        self._knots, self._terms = knots, terms
        self._energy = np.append(steps(knots, terms)[1], 0.0)

    @cached_property
    def _pairs(self) -> Pairs:
        return Pairs(self._knots.place, self._knots.time)

    def between(self, place: Array, start: Array, end: Array) -> Array:
        """Over [start, end] of places."""
        if not len(self._knots.time) or not len(place):
            return np.zeros(len(place))
        knots, energy = self._knots, self._energy
        low, high = np.searchsorted(knots.place, place), np.searchsorted(knots.place, place, "right") - 1
        first = np.maximum(self._pairs.find(place, start, "right") - 1, low)
        last = np.minimum(self._pairs.find(place, end, "left"), high)
        some = first < last
        first, last = np.where(some, first, 0), np.where(some, last, 0)
        bounds = np.stack((first, np.maximum(last, first + 1)), axis=1).ravel()
        whole = np.add.reduceat(np.append(energy, 0.0), bounds)[::2]
        head = energy[first] * _share(knots.time, first, start)
        tail = energy[last - 1] * (1.0 - _share(knots.time, last - 1, end))
        return np.where(some, whole - head - tail, 0.0)

    def slack(self, count: int) -> Array:
        """What rounding, of numbers as large as the registers, and falls by a digit, which intervals take for none,
        can come to; of each place."""
        knots = self._knots
        size = np.abs(knots.value) * np.abs(self._terms.multiplier[knots.segment])
        size += np.where(knots.wraps == 0, 0.0, np.abs(knots.wraps * np.nan_to_num(knots.modulus)))
        largest = np.zeros(count)
        np.maximum.at(largest, knots.place, size)
        energy = self._energy[:-1]
        digit = self._terms.resolution[knots.segment[1:]] * np.abs(self._terms.multiplier[knots.segment[1:]])
        fell = np.where((energy < 0) & (energy >= -_DIGIT * digit), -energy, 0.0)
        return _EXACT * largest + _LEAST + np.bincount(knots.place[1:], fell, count)


def _share(time: Array, index: Array, at: Array) -> Array:
    """How much of the step from this reading to the next is over at an instant, 0 to 1."""
    after = np.minimum(index + 1, len(time) - 1)
    length = time[after] - time[index]
    share: Array = np.clip((at - time[index]) / np.maximum(length, 1), 0.0, 1.0)
    return share
