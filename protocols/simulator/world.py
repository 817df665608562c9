"""What truly flows through the demo city's metering points: a pure function of the instant.

The load of a metering point is a real shape (config/demo), shifted a little, with two small ripples; what passes is its
integral in closed form, so that it is the same whichever instants are asked for, in history and live. A metering point
with others below it counts these, its losses, and what it uses itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from config.city import City, Place, shapes
from config.samples import MICROSECOND, Instants

Values = NDArray[np.float64]

LOSS = 0.01
"""Share of what is metered below that is lost on the way."""
_QUARTER_H = 0.25
_QUARTERS = 8 * 7 * 96
_MONDAY_S = 4 * 86_400 - 8 * 3600
"""1970-01-05 00:00 in China."""
_RIPPLES = ((0.03, 90.0, 150.0), (0.05, 600.0, 1500.0))
"""(share of the mean, shortest and longest period in seconds)."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Places x instants, primary side, in the canonical unit of the carrier's register."""

    total: Values
    """What has passed since the world began."""
    flow: Values
    """Per hour."""


_HOURS_OF = {"always": (1.0, 0.0, 1.0), "night": (24.0, 22.0, 8.0)}
"""Every so many hours, from that hour on, for so many; local time."""


@dataclass(frozen=True, slots=True)
class Load:
    """What flows at a place besides its shape in [start, end): `share` of its mean. Microseconds since the epoch."""

    place: int
    start: int
    end: int
    share: float
    when: Literal["always", "night"]


class World:
    """The city's loads from `start` (microseconds since the epoch) on."""

    def __init__(self, city: City, start: int, loads: Sequence[Load] = ()) -> None:
        self.city, self.start = city, start
        self._loads = [replace(load, start=max(load.start, start)) for load in loads]
        names = list(shapes())
        table = np.array([_quarters(shapes()[name]) for name in names])
        self._load = np.column_stack((table, table[:, 0]))
        steps = (self._load[:, :-1] + self._load[:, 1:]) / 2 * _QUARTER_H
        self._hours = np.column_stack((np.zeros(len(table)), np.cumsum(steps, axis=1)))
        places = city.places
        self._shape = np.array([names.index(place.shape) for place in places])
        self._swing = np.array([place.swing for place in places])[:, None]
        self._mean = np.array([place.mean for place in places])[:, None]
        chance = np.array([np.random.default_rng(zlib.crc32(place.key.encode())).random(5) for place in places])
        self._lag = chance[:, :1] * 2 - 1
        self._turns = [
            (
                share,
                2 * np.pi * 3600 / (low + chance[:, [1 + 2 * n]] * (high - low)),
                chance[:, [2 + 2 * n]] * 2 * np.pi,
            )
            for n, (share, low, high) in enumerate(_RIPPLES)
        ]
        self.tree = tree(places)
        self._zero = self._passed(np.zeros(1))

    def truth(self, instants: Instants) -> Truth:
        """At these instants (microseconds since the epoch)."""
        instants = np.asarray(instants, np.int64)
        hours = (instants - self.start) / (MICROSECOND * 3600.0)
        total, flow = self._passed(hours) - self._zero, self._flowing(hours)
        for load in self._loads:
            passed, flows = _besides(load, instants)
            total[load.place] += passed
            flow[load.place] += flows
        return Truth(self.tree @ (self._mean * total), self.tree @ (self._mean * flow))

    def _passed(self, hours: Values) -> Values:
        """Own consumption of every place in hours of its mean, since some instant."""
        lap, quarter, rest = self._place(hours)
        rows = self._shape[:, None]
        load, after = self._load[rows, quarter], self._load[rows, quarter + 1]
        shape = lap * self._hours[rows, -1] + self._hours[rows, quarter]
        shape += _QUARTER_H * rest * (load + (after - load) * rest / 2)
        whole: Values = (1 - self._swing) * hours + self._swing * shape
        for share, speed, phase in self._turns:
            whole += share / speed * np.sin(speed * hours + phase)
        return whole

    def _flowing(self, hours: Values) -> Values:
        """The derivative of `_passed`."""
        _, quarter, rest = self._place(hours)
        rows = self._shape[:, None]
        load, after = self._load[rows, quarter], self._load[rows, quarter + 1]
        flow: Values = 1 - self._swing + self._swing * (load + (after - load) * rest)
        for share, speed, phase in self._turns:
            flow = flow + share * np.cos(speed * hours + phase)
        return flow

    def _place(self, hours: Values) -> tuple[Values, NDArray[np.int64], Values]:
        """Laps of eight weeks, quarter of an hour in the lap, and share of that quarter; places x instants."""
        quarters = (hours + (self.start / MICROSECOND - _MONDAY_S) / 3600 - self._lag) / _QUARTER_H
        whole = np.floor(quarters)
        lap = np.floor(whole / _QUARTERS)
        return lap, (whole - lap * _QUARTERS).astype(np.int64), quarters - whole


def _besides(load: Load, instants: Instants) -> tuple[Values, Values]:
    """Of a load besides, in means of its place: what has passed, and flows."""
    every, first, long = _HOURS_OF[load.when]

    def passed(at: Instants) -> Values:
        laps, rest = np.divmod((at / MICROSECOND - _MONDAY_S) / 3600 - first, every)
        found: Values = laps * long + np.minimum(rest, long)
        return found

    begin = np.array([load.start], np.int64)
    since = passed(np.clip(instants, load.start, load.end)) - passed(begin)
    hour = ((instants / MICROSECOND - _MONDAY_S) / 3600 - first) % every
    flows = ((instants >= load.start) & (instants < load.end) & (hour < long)).astype(np.float64)
    return load.share * since, load.share * flows


def tree(places: tuple[Place, ...]) -> Values:
    """Matrix from own consumption to what passes: row i has 1 at i and what each place below adds, with losses."""
    index = {place.key: number for number, place in enumerate(places)}
    matrix = np.eye(len(places))
    for number in sorted(range(len(places)), key=lambda one: -places[one].level):
        if places[number].parent:
            above = index[f"{places[number].enterprise}/{places[number].parent}"]
            matrix[above] += (1 + LOSS) * matrix[number]
    return matrix


def _quarters(shape: Values) -> Values:
    """A shape at steps of a quarter of an hour."""
    step = _QUARTERS // len(shape)
    found: Values = np.interp(np.arange(_QUARTERS) / step, np.arange(len(shape)), shape, period=len(shape))
    return found
