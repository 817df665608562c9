"""Consumption series as other meters would tell them, with seeded faults and when each truly lasted; their twins have
none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from collector.pairs import Array

DAY, HOUR = 86400, 3600
QUIET_DAYS = 36
"""No fault begins in the first five weeks."""
NOISE = 0.02
"""By which a factor differs from interval to interval."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A fault: class, first and last instant (epoch seconds)."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Series:
    """Consumption of steps of equal length, the first of them starting at `start`; NaN where it is not known."""

    name: str
    start: int
    step: int
    value: Array
    faults: tuple[Truth, ...] = ()

    @property
    def days(self) -> float:
        return len(self.value) * self.step / DAY


@dataclass(slots=True)
class _Place:
    """Where a fault goes: indices [begin, past) of the series, and the chance it is made with."""

    series: Series
    value: Array
    begin: int
    past: int
    chance: np.random.Generator
    kind: str = ""
    hour: Array = field(init=False)
    weekend: Array = field(init=False)

    def __post_init__(self) -> None:
        instant = self.series.start + np.arange(self.begin, self.past) * self.series.step
        self.hour = instant % DAY // 3600
        self.weekend = (instant // DAY + 3) % 7 >= 5

    @property
    def part(self) -> Array:
        return self.value[self.begin : self.past]

    @property
    def noise(self) -> Array:
        return self.chance.normal(1, NOISE, len(self.part))

    @property
    def usual(self) -> float:
        """A high load of the weeks before: the 90th percentile."""
        before = self.value[max(self.begin - 28 * DAY // self.series.step, 0) : self.begin]
        return float(np.nanquantile(before, 0.9))


def _frozen(place: _Place) -> None:
    energy = float(np.nansum(place.part))
    place.part[:-1] = np.where(np.isnan(place.part[:-1]), np.nan, 0.0)
    place.part[-1] = energy


def _zero(place: _Place) -> None:
    place.part[~np.isnan(place.part)] = 0.0


def _spike(place: _Place) -> None:
    place.part[:] = place.usual * place.chance.uniform(5, 15)


def _times(*factors: float) -> Callable[[_Place], None]:
    """One of these factors, in no interval exactly."""

    def fault(place: _Place) -> None:
        place.part[:] *= place.chance.choice(factors) * place.noise

    return fault


def _drift(place: _Place) -> None:
    place.part[:] *= np.linspace(1.0, 1.4, len(place.part)) * place.noise


def _night(place: _Place) -> None:
    first, hours = place.chance.integers(21, 25), place.chance.integers(5, 8)
    place.part[(place.hour - first) % 24 < hours] += place.usual * place.chance.uniform(0.3, 0.8)


def _weekend(place: _Place) -> None:
    load, first, hours = place.usual * place.chance.uniform(0.3, 0.8), place.chance.integers(4, 10), 14
    place.part[place.weekend & (place.hour >= first) & (place.hour < first + hours)] += load


def _clock(place: _Place) -> None:
    by = int(place.chance.choice([-1, 1])) * 3600 // place.series.step
    place.part[:] = place.value[place.begin + by : place.past + by].copy()


def _pattern(place: _Place) -> None:
    by = int(place.chance.integers(5, 20)) * HOUR // place.series.step
    place.part[:] = place.value[place.begin - by : place.past - by].copy()


@dataclass(frozen=True, slots=True)
class _Fault:
    """How a fault changes the series, and how many days it lasts."""

    make: Callable[[_Place], None]
    least: float
    most: float


FAULTS = {
    "frozen": _Fault(_frozen, 0.25, 2),
    "zero": _Fault(_zero, 0.5, 5),
    "spike": _Fault(_spike, 0, 0.1),
    "x10": _Fault(_times(10), 1, 10),
    "x0.1": _Fault(_times(0.1), 1, 10),
    "ratio": _Fault(_times(2.0, 0.5, 1.5), 10, 40),
    "lost_phase": _Fault(_times(2 / 3), 7, 30),
    "level": _Fault(_times(1.3), 14, 45),
    "drift": _Fault(_drift, 40, 60),
    "night": _Fault(_night, 5, 21),
    "weekend": _Fault(_weekend, 14, 35),
    "clock": _Fault(_clock, 7, 30),
    "pattern": _Fault(_pattern, 14, 40),
}
RULE_OF = {kind: {"x10": "scale", "x0.1": "scale"}.get(kind, kind) for kind in FAULTS}
"""The rule that ought to name each."""


def varied(series: Series, seed: int) -> Series:
    """What a meter of another size tells, from another day on, and every hour where the series has quarters of it."""
    chance = np.random.default_rng([seed, 1, *series.name.encode()])
    first = int(chance.uniform(0, 0.2) * series.days) * DAY // series.step
    value, step = series.value[first:] * 10 ** chance.uniform(-2, 3), series.step
    if step < HOUR and chance.random() < 0.5:
        value, step = value[: len(value) // (HOUR // step) * (HOUR // step)].reshape(-1, HOUR // step).sum(axis=1), HOUR
    return replace(series, start=series.start + first * series.step, step=step, value=value)


def counted(series: Series, clean: Series) -> Series:
    """What a register shows of it that counts in steps of one to ten thousandths of the clean series' mean day."""
    unit = 10 ** np.ceil(np.log10(np.nanmean(clean.value) * DAY / clean.step)) / 1e4
    register = np.floor(np.cumsum(np.nan_to_num(series.value)) / unit) * unit
    value = np.diff(register, prepend=0.0)
    return replace(series, value=np.where(np.isnan(series.value), np.nan, value))


def seeded(series: Series, seed: int, kinds: tuple[str, ...] = tuple(FAULTS)) -> Series:
    """The series with faults, one to two months apart; each kind once before any comes again."""
    chance = np.random.default_rng([seed, *series.name.encode()])
    value = series.value.copy()
    faults: list[Truth] = []
    left: list[str] = []
    at, day = QUIET_DAYS + chance.uniform(0, 30), DAY // series.step
    while True:
        left = left or list(chance.permutation(list(kinds)))
        kind = str(left.pop())
        fault = FAULTS[kind]
        lasts = max(round(chance.uniform(fault.least, fault.most) * day), 1)
        begin = int(at * day)
        if begin + lasts + day > len(value):
            return replace(series, value=value, faults=tuple(faults))
        place = _Place(series, value, begin, begin + lasts, chance, kind)
        if _sensible(place):
            fault.make(place)
            faults.append(_truth(series, place))
        at += lasts / day + chance.uniform(25, 55)


def _sensible(place: _Place) -> bool:
    """Whether data are there and enough flows for the fault to matter."""
    before = place.value[max(place.begin - 28 * DAY // place.series.step, 0) : place.begin]
    if np.isnan(place.part).mean() > 0.2 or np.isnan(before).mean() > 0.2 or np.nanmean(before) <= 0:
        return False
    return bool(np.nanmean(place.part) > 0.3 * np.nanmean(before))


def _truth(series: Series, place: _Place) -> Truth:
    touched = np.arange(place.begin, place.past)
    if place.kind == "weekend":
        touched = touched[place.weekend]
    first, last = int(touched[0]), int(touched[-1]) + 1
    return Truth(place.kind, series.start + first * series.step, series.start + last * series.step)


def load(path: Path) -> list[Series]:
    """Every series of a data file described in its folder's README; the consumption of each step."""
    file = np.load(path)
    step, found = int(file["step_s"]), []
    for key in sorted(name.removesuffix("__v") for name in file.files if name.endswith("__v")):
        value = np.asarray(file[f"{key}__v"], np.float64)
        if "_reg" in key:
            value = np.diff(value)
        found.append(Series(key, int(file[f"{key}__t0"]), step, np.where(value >= 0, value, np.nan)))
    return found
