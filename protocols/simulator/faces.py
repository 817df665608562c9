"""What the demo city's meters show: the truth on their own side, in their own digits, with what is wrong with them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from config import payload, profilefiles
from config.carriers import carriers
from config.city import Place
from config.quantities import QUANTITIES, Ratio
from config.samples import Instants
from protocols.simulator.script import Script
from protocols.simulator.world import Truth, Values, World

_FACTOR = 0.92
_REACTIVE = sqrt(1 - _FACTOR**2) / _FACTOR
_PHASES = {"a": 0.342, "b": 0.331, "c": 0.327}
_VOLTS = {False: 230.0, True: 100 / sqrt(3)}
"""Phase voltage at the meter: direct, or behind voltage transformers."""
_GAS_AT_LINE = 0.24
_HEAT_OF_WATER = 4.186e-3 * 25
"""GJ per m3 that cools by 25 K."""
_STEADY = {
    "frequency": (50.0, 0.03),
    "power_factor": (_FACTOR, 0.01),
    "temperature": (160.0, 4.0),
    "supply_temperature": (92.0, 3.0),
    "return_temperature": (67.0, 2.0),
    "pressure": (0.62, 0.02),
}
"""Value and swing of what the load does not move."""
_YEARS_RUN = 0.8


@dataclass(frozen=True, slots=True)
class _Digits:
    """One quantity as one kind of meter keeps it: canonical unit = counts x scale + offset."""

    scale: float
    offset: float = 0.0
    modulus: float = inf
    """In counts."""
    step: float = 1.0
    """In counts; 0: single precision."""
    ratio: Ratio = "none"

    def shown(self, values: Values, register: bool) -> Values:
        counts = (values - self.offset) / self.scale
        if self.modulus < inf:
            counts = counts % self.modulus
        if self.step == 0:
            counts = counts.astype(np.float32).astype(np.float64)
        else:
            whole = np.floor(counts / self.step) if register else np.rint(counts / self.step)
            counts = whole * self.step
        return counts * self.scale + self.offset


class Faces:
    """All meters of the city, by index of their place."""

    def __init__(self, world: World, script: Script) -> None:
        self._world, self._script = world, script
        self.city = world.city
        kinds: dict[tuple[str, str], list[int]] = {}
        for index, place in enumerate(self.city.places):
            kinds.setdefault((place.profile, place.mapping), []).append(index)
        self._meters: dict[str, list[tuple[_Digits, list[int]]]] = {}
        """By quantity: kinds of digits and whose they are."""
        for rows in kinds.values():
            for quantity in self.city.places[rows[0]].given:
                self._meters.setdefault(quantity, []).append((_digits(self.city.places[rows[0]], quantity), rows))
        self.initial: dict[str, Values] = {quantity: self._initial(quantity) for quantity in self.quantities}

    @property
    def quantities(self) -> list[str]:
        return list(self._meters)

    def show(self, instants: Instants, quantities: Sequence[str] | None = None) -> dict[str, Values]:
        """Values (canonical unit, the meter's own side) of every place at these instants; NaN: the meter has no such
        quantity. Meters that do not answer show what they would answer."""
        shown = self._healthy(np.asarray(instants, np.int64), quantities or self.quantities)
        for index, start, end in self._script.windows("frozen"):
            if within := _inside(instants, start, end):
                for quantity, last in self._healthy(np.array([start]), list(shown)).items():
                    shown[quantity][index, within] = last[index, 0]
        for index, start, end in self._script.windows("zero"):
            if within := _inside(instants, start, end):
                for values in shown.values():
                    values[index, within] *= 0.0
        return shown

    def _healthy(self, instants: Instants, quantities: Sequence[str]) -> dict[str, Values]:
        truth = self._counted(instants)
        shown = {}
        for quantity in quantities:
            values = np.full(truth.total.shape, np.nan)
            for digits, rows in self._meters[quantity]:
                own = self._side(quantity, digits, rows, truth, instants)
                values[rows] = digits.shown(own, QUANTITIES[quantity].kind == "register")
            shown[quantity] = values
        return shown

    def _counted(self, instants: Instants) -> Truth:
        """What passes as the meters count it."""
        truth = self._world.truth(instants)
        for fault, index, start, end in self._script.faults("count"):
            bounds = self._world.truth(np.array([start, min(end, int(instants.max()))])).total[index]
            uncounted = (fault.factor - 1) * (np.clip(truth.total[index], *bounds) - bounds[0])
            truth.total[index] += np.where(instants >= start, uncounted, 0.0)
            truth.flow[index, (instants >= start) & (instants < end)] *= fault.factor
        for fault, index, start, _ in self._script.faults("jump"):
            truth.total[index, instants >= start] += fault.factor * self.city.places[index].mean
        return truth

    def _side(self, quantity: str, digits: _Digits, rows: list[int], truth: Truth, instants: Instants) -> Values:
        """On the meter's own side, with the register's reading at the world's beginning."""
        places = [self.city.places[row] for row in rows]
        own = Truth(truth.total[rows], truth.flow[rows])
        ratios = np.array([_ratio(place, digits.ratio) for place in places])
        found: Values = _primary(quantity, places, own, instants) / ratios[:, None]
        return found + self.initial[quantity][rows][:, None] if quantity in self.initial else found

    def _initial(self, quantity: str) -> Values:
        """Registers at the world's beginning: some months of work, or what makes them roll over by the script."""
        readings = np.zeros(len(self.city.places))
        if QUANTITIES[quantity].kind != "register":
            return readings
        rolling = dict(self._script.instants("rollover"))
        for digits, rows in self._meters[quantity]:
            for row in rows:
                place = self.city.places[row]
                ratio, full = _ratio(place, digits.ratio), digits.modulus * digits.scale
                chance = zlib.crc32(f"{place.key} run".encode()) / 2**32
                months = self._world.tree[row] @ [one.mean for one in self.city.places] * 8760 * _YEARS_RUN * chance
                readings[row] = min(_share(quantity, place) * months / ratio, full * chance / 2)
                if row in rolling and quantity == place.register:
                    truth = self._world.truth(np.array([rolling[row]]))
                    readings[row] = full - truth.total[row, 0] / ratio
        return readings


def _inside(instants: Instants, start: int, end: int) -> list[int]:
    return [int(found) for found in np.flatnonzero((instants >= start) & (instants < end))]


def _ratio(place: Place, kind: Ratio) -> float:
    """The true one, whatever the registry says."""
    return (place.ct if "ct" in kind else 1.0) * (place.pt if "pt" in kind else 1.0)


def _digits(place: Place, quantity: str) -> _Digits:
    if place.mapping:
        mapping = payload.mappings()[place.mapping]
        value = mapping.value(quantity)
        scale = value.canonical_scale
        return _Digits(scale, step=value.resolution or 1e-6, ratio=mapping.ratio(quantity))
    register = profilefiles.profiles()[place.profile].register(quantity)
    modulus = register.canonical_modulus
    return _Digits(
        register.canonical_scale,
        register.canonical_offset,
        inf if modulus is None else modulus / register.canonical_scale,
        0.0 if register.type == "float32" else register.resolution or (1.0 if register.type != "float64" else 1e-6),
        register.ratio,
    )


def _share(quantity: str, place: Place) -> float:
    """What a register counts for each unit that passes."""
    if quantity == place.register:
        return 1.0
    if quantity == "reactive_energy_import":
        return _REACTIVE
    if quantity == "volume":
        return _GAS_AT_LINE if carriers()[place.carrier].quantity == "normal_volume" else 1 / _HEAT_OF_WATER
    return 0.0


def _primary(quantity: str, places: list[Place], truth: Truth, instants: Instants) -> Values:
    """A quantity of places of which all have it, on the primary side."""
    if QUANTITIES[quantity].kind == "register":
        counted: Values = truth.total * np.array([_share(quantity, place) for place in places])[:, None]
        return counted
    wave = np.sin(2 * np.pi * np.asarray(instants, np.float64) / 1e6 / 1700.0 + np.arange(len(places))[:, None])
    if quantity in _STEADY:
        value, swing = _STEADY[quantity]
        return np.broadcast_to(value + swing * wave, truth.flow.shape)
    if quantity.startswith("voltage"):
        return _volts(places, wave)
    return _moving(quantity, places, truth.flow, _volts(places, wave))


def _moving(quantity: str, places: list[Place], flow: Values, volts: Values) -> Values:
    """A quantity that follows the load."""
    stem, _, phase = quantity.rpartition("_")
    share = _PHASES.get(phase, 1.0)
    found: Values = flow
    match stem if phase in _PHASES else quantity:
        case "active_power":
            found = flow * share * np.array([-1.0 if place.direction == "export" else 1.0 for place in places])[:, None]
        case "reactive_power":
            found = flow * _REACTIVE
        case "apparent_power":
            found = flow / _FACTOR
        case "current":
            found = flow * 1000 * share / volts / _FACTOR
        case "volume_flow":
            found = flow * np.array([_share("volume", place) for place in places])[:, None]
    return found


def _volts(places: list[Place], wave: Values) -> Values:
    nominal = np.array([_VOLTS[place.pt > 1] * place.pt for place in places])
    found: Values = nominal[:, None] * (1 + 0.012 * wave)
    return found
