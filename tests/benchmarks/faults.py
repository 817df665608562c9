"""Registers with seeded faults, made from series of real consumption: what a meter sends, and what truly happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np

from collector.pairs import Array

APART = 40
"""Readings from one place of a fault to the next; each lies somewhere in the first half of it."""


@dataclass(slots=True)
class Truth:
    """A fault: class, first and last instant (epoch seconds)."""

    kind: str
    start: int
    end: int


@dataclass(slots=True)
class Meter:
    """One meter: its true counts at the instants of its readings, and what arrives of them."""

    name: str
    cadence_s: int
    resolution: float
    time: Array
    count: Array
    modulus: float | None = None
    known_modulus: bool = True
    rated_per_hour: float | None = None
    rows: list[tuple[int, int, float]] = field(default_factory=list)
    """arrived at, read at, register"""
    faults: list[Truth] = field(default_factory=list)
    energy: float = 0.0
    """What the register counted, less what a reset made unknowable."""

    def facts(self) -> dict[str, object]:
        return {
            "carrier": "electricity", "cadence_s": self.cadence_s, "resolution": self.resolution,
            "modulus": self.modulus if self.known_modulus else None, "rated_per_hour": self.rated_per_hour,
            "zone": "Europe/Berlin",
        }  # fmt: skip


def series(folder: Path) -> Iterator[tuple[str, int, int, Array]]:
    """(name, first instant, seconds a step, consumption of each step), of the files described in the folder's README;
    stretches without missing values only."""
    for path in sorted(folder.glob("*.npz")):
        file = np.load(path)
        step = int(file["step_s"])
        for key in sorted(name.removesuffix("__v") for name in file.files if name.endswith("__v")):
            values = np.asarray(file[f"{key}__v"], np.float64)
            if "_reg" in key:
                values = np.diff(values)
            values = np.where(values >= 0, values, np.nan)
            edges = np.flatnonzero(np.diff(np.isfinite(values).astype(int), prepend=0, append=0)).reshape(-1, 2)
            begin, past = max(edges.tolist(), key=lambda edge: edge[1] - edge[0])
            yield key, int(file[f"{key}__t0"]) + begin * step, step, values[begin:past] * step / 3600


def seeded(name: str, start: int, step: int, energy: Array, chance: Random) -> Meter:
    """A meter that counts this energy, with faults of every kind."""
    scale = chance.choice([1.0, 10.0, 100.0]) / max(float(energy.max()), 1e-9)
    resolution = 10.0 ** (math.floor(math.log10(float(energy.mean()) * scale)) - chance.choice([0, 1, 2, 3]))
    count = np.concatenate(([0.0], np.cumsum(energy * scale)))
    rated = chance.choice([None, 1.1, 2.0])
    meter = Meter(name, step, resolution, start + np.arange(len(count)) * step, count)
    meter.rated_per_hour = None if rated is None else float(energy.max()) * scale * 3600 / step * rated
    moduli = [m for m in (1e4, 1e5, 1e6, 1e7, 2**24 * resolution, 2**31 * resolution) if m > 1.5 * count[-1]]
    meter.modulus = chance.choice(moduli)
    meter.known_modulus = chance.random() < 0.7
    _Seeds(meter, chance).sow()
    return meter


class _Seeds:
    def __init__(self, meter: Meter, chance: Random) -> None:
        self._meter, self._chance = meter, chance
        self._delay = np.array([chance.randrange(1, 20) for _ in meter.time])
        self._gone = np.zeros(len(meter.time), np.bool_)
        self._again: list[tuple[int, int, float | None]] = []
        self._bad: dict[int, float] = {}
        self._jumps: dict[int, float] = {}
        self._negative: list[slice] = []
        self._step = np.diff(meter.count, prepend=0.0)
        self._reset: list[int] = []
        self._slips: list[int] = []

    def sow(self) -> None:
        meter, chance = self._meter, self._chance
        single: list[Callable[[int], None]] = [
            self._missing, self._long_gap, self._duplicate, self._conflict, self._late, self._transient, self._jitter,
        ]  # fmt: skip
        rolls = chance.random() < 0.6
        places = [at + chance.randrange(APART // 2) for at in range(APART, len(meter.time) - 2 * APART, APART)]
        chosen = sorted(chance.sample(places, min(len(places), max(12, len(places) // 8))))
        rare = [self._sign_flip, self._negate, self._reset_at, self._freeze, self._jump]
        places = chance.sample(chosen, len(rare) + 1)
        faults = {at: fault for at, fault in zip(places, rare, strict=False) if chance.random() < 0.4}
        wrap = places[-1] if rolls else None
        for place in chosen:
            if place != wrap:
                faults.get(place, chance.choice(single))(place)
        self._emit(wrap)

    def _note(self, kind: str, first: int, last: int) -> None:
        time = self._meter.time
        self._meter.faults.append(Truth(kind, int(time[first]), int(time[last])))

    def _missing(self, at: int) -> None:
        self._gone[at] = True
        self._note("gap", at, at)

    def _long_gap(self, at: int) -> None:
        length = self._chance.randrange(4, APART // 2)
        self._gone[at : at + length] = True
        self._note("gap", at, at + length - 1)

    def _duplicate(self, at: int) -> None:
        self._again.append((at, self._chance.choice([0, 5, 3600]), None))
        self._note("duplicate", at, at)

    def _conflict(self, at: int) -> None:
        self._again.append((at, self._chance.choice([1, 5, 3600]), self._chance.choice([1, 17, 5000])))
        self._note("conflict", at, at)

    def _late(self, at: int) -> None:
        self._delay[at] += self._chance.randrange(2, 200) * self._meter.cadence_s
        self._note("late", at, at)

    def _transient(self, at: int) -> None:
        length, chance, most = self._chance.choice([1, 1, 1, 2, 3]), self._chance, float(self._meter.count[-1])
        rise = chance.choice([-1.0, 1800.0 + most, 0.6 * most, chance.uniform(0.05, 1) * most])
        wild = chance.random() < 0.3
        for index in range(at, at + length):
            self._bad[index] = rise if rise < 0 or chance.random() < 0.7 else rise * chance.uniform(0.8, 1.5)
            if wild:
                self._bad[index] = chance.choice([-1, 1]) * chance.uniform(0.1, 1) * (most + 1800)
        self._note("transient", at, at + length - 1)

    def _jitter(self, at: int) -> None:
        if round(self._step[at] / self._meter.resolution) == 0:
            self._slips.append(at)
            self._note("jitter", at, at)

    def _sign_flip(self, at: int) -> None:
        past = at + self._chance.randrange(4, 24)
        if np.count_nonzero(self._step[at:past] > 2 * self._meter.resolution) < past - at:
            return
        self._step[at:past] *= -1
        self._note("reverse", at, past - 1)

    def _negate(self, at: int) -> None:
        past = at + self._chance.randrange(1, 20)
        self._negative.append(slice(at, past))
        self._note("reverse", at, past - 1)

    def _freeze(self, at: int) -> None:
        """Stands still and catches up with more than the nameplate allows in a step."""
        past, rated = at + self._chance.randrange(6, 20), self._meter.rated_per_hour
        around = self._step[at - 1], *self._step[past + 1 : past + 4]
        missed = float(self._step[at : past + 1].sum())
        if rated and missed > 2 * rated * self._meter.cadence_s / 3600 and min(around) > 2 * self._meter.resolution:
            self._step[at:past], self._step[past] = 0.0, missed
            self._note("frozen", at, past - 1)

    def _jump(self, at: int) -> None:
        """More than the nameplate allows, and it stays."""
        if (rated := self._meter.rated_per_hour) and self._step[at - 1] > 2 * self._meter.resolution:
            self._jumps[at] = self._chance.choice([8, 50, 200]) * rated * self._meter.cadence_s / 3600
            self._note("limit", at, at)

    def _reset_at(self, at: int) -> None:
        self._reset.append(at)
        self._note("reset", at, at)

    def _emit(self, wrap: int | None) -> None:
        meter, modulus = self._meter, self._meter.modulus or math.inf
        self._step[self._slips] = 0.0
        digits = np.round(np.cumsum(self._step) / meter.resolution).astype(np.int64)
        start = round(self._chance.uniform(0.05, 0.3) * modulus / meter.resolution)
        if (
            wrap is not None
            and digits[wrap] > digits[wrap - 1]
            and not any(at < wrap for at in (*self._reset, *self._jumps))
        ):
            start = round(modulus / meter.resolution) - int(digits[wrap])
            self._note("rollover", wrap, wrap)
        elif start < 1000:
            start = 1000
        shown = digits + start
        meter.energy = float(digits[-1] - digits[0]) * meter.resolution
        for at, jump in self._jumps.items():
            meter.energy -= float(digits[at] - digits[at - 1]) * meter.resolution
            shown[at:] += round(jump / meter.resolution)
        for at in self._reset:
            left = self._chance.randrange(int(max(digits[at] - digits[at - 1], 0)) + 1)
            meter.energy -= float(digits[at] - digits[at - 1] - left) * meter.resolution
            shown[at:] += left - shown[at]
        shown[self._slips] = shown[np.array(self._slips, np.int64) - 1] - 1
        register = np.mod(shown * meter.resolution, modulus)
        for part in self._negative:
            register[part] *= -1
        for index in np.flatnonzero(~self._gone).tolist():
            value = float(register[index])
            if index in self._bad:
                value = max(value + self._bad[index], 0.0) if self._bad[index] != -1.0 else 0.0
            self._row(index, int(self._delay[index]), value)
        for index, delay, digits_more in self._again:
            value = float(register[index]) + (digits_more or 0) * meter.resolution
            self._row(index, int(self._delay[index]) + delay, value)
        meter.rows.sort(key=lambda row: row[0])

    def _row(self, index: int, delay: int, value: float) -> None:
        at = int(self._meter.time[index])
        self._meter.rows.append((at + delay, at, round(value, 6)))
