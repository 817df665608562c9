"""The demo city: enterprises, metering points with the meter and the load of each, and what goes wrong on a script.

The data lie in `demo/`.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from config import payload, profilefiles
from config.carriers import carriers

DATA = files("config").joinpath("demo")
_WATCHED_CLOSELY = ("voltage_a", "voltage_b", "voltage_c", "current_a", "current_b", "current_c", "power_factor")
"""Kept of an enterprise's own electricity meters, beside energy and power."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CityEnterprise(_Model):
    key: str
    uscc: str
    name: str
    region: str
    industry: str


class Place(_Model):
    """A metering point and its one meter, as a row of points.csv (README.md there says what the columns mean)."""

    enterprise: str
    code: str
    name: str
    carrier: str
    level: int
    direction: Literal["import", "export", "generation", "internal"]
    parent: str
    gateway: str
    unit: int
    profile: str
    mapping: str
    every: int
    ct: float
    pt: float
    rated: float
    shape: str
    swing: float
    mean: float

    @property
    def key(self) -> str:
        return f"{self.enterprise}/{self.code}"

    @property
    def meter(self) -> str:
        """The code of its meter."""
        return f"M-{self.code}"

    @property
    def given(self) -> tuple[str, ...]:
        """What the meter gives."""
        if self.mapping:
            return payload.mappings()[self.mapping].quantities
        return profilefiles.profiles()[self.profile].quantities

    @property
    def register(self) -> str:
        """The register that counts what passes."""
        carrier = carriers()[self.carrier]
        return carrier.export if self.direction == "export" and carrier.export else carrier.quantity

    @property
    def kept(self) -> tuple[str, ...]:
        """The quantities that become points."""
        wanted = [self.register, carriers()[self.carrier].flow]
        if self.level == 1 and self.carrier == "electricity":
            wanted += _WATCHED_CLOSELY
        given = self.given
        return tuple(quantity for quantity in wanted if quantity in given)


class Habit(_Model):
    """Something a meter does. `at` in hours after the demo's start, `every`: again so many hours later, for a day.

    rollover      a register passes its modulus at that instant
    repeated      an MQTT meter sends each message twice
    """

    kind: Literal["rollover", "repeated"]
    of: str
    at: float = 0.0
    hours: float = 0.0
    """0: an instant, or from then on."""
    every: float | None = None

    @property
    def starts(self) -> tuple[float, ...]:
        """Hours at which it begins."""
        return tuple(np.arange(self.at, 24.0, self.every).tolist()) if self.every else (self.at,)


class Fault(Habit):
    """Something that goes wrong, and is to be told of in one alert.

    dark          a gateway accepts connections and answers nothing
    silent        one meter does not answer
    frozen        a meter repeats its last values
    zero          a meter shows nothing but zeros
    count         a meter counts `factor` times what passes
    jump          a register leaps by what `factor` mean hours bring
    load          `factor` times the mean flows besides, always or at `night`
    wrong_ct      the registry knows the CT ratio wrong by `factor`
    unverified    a meter's verification ends at that instant
    allowance     what `factor` mean hours bring is all that is allowed for a year
    clock_drift   a meter's own clock goes fast
    late          an MQTT meter keeps its readings back and sends them in one array
    """

    kind: Literal[  # type: ignore[assignment]
        "dark", "silent", "frozen", "zero", "count", "jump", "load", "wrong_ct", "unverified", "allowance",
        "clock_drift", "late",
    ]  # fmt: skip
    alert: str
    """The rule that tells of it."""
    shows: str = ""
    """enterprise/metering point of the alert; empty: its own."""
    factor: float = 1.0
    when: Literal["always", "night"] = "always"
    seconds_per_day: float = 0.0


class CityThreshold(_Model):
    """A threshold that the city's registry sets."""

    rule: str
    of: str
    """enterprise/metering point"""
    body: dict[str, float]


class City(_Model):
    enterprises: tuple[CityEnterprise, ...]
    faults: tuple[Fault, ...]
    habits: tuple[Habit, ...]
    places: tuple[Place, ...]
    thresholds: tuple[CityThreshold, ...] = ()

    @property
    def gateways(self) -> tuple[str, ...]:
        """Each is one TCP address."""
        return tuple(dict.fromkeys(place.gateway for place in self.places if place.gateway))

    def of_enterprise(self, key: str) -> list[int]:
        """Indices of the places of an enterprise."""
        return [index for index, place in enumerate(self.places) if place.enterprise == key]

    @property
    def events(self) -> tuple[Habit, ...]:
        """All that happens on a script."""
        return (*self.faults, *self.habits)

    def hit(self, event: Habit) -> list[int]:
        """Indices of the places it concerns."""
        return [index for index, place in enumerate(self.places) if event.of in (place.key, place.gateway)]

    def of_kind(self, kind: str) -> dict[int, Fault]:
        """Faults of a kind by the index of the place they concern."""
        return {index: fault for fault in self.faults if fault.kind == kind for index in self.hit(fault)}


@cache
def city() -> City:
    """The city as shipped."""
    body = yaml.safe_load(DATA.joinpath("city.yaml").read_text("utf-8"))
    rows = csv.DictReader(DATA.joinpath("points.csv").read_text("utf-8").splitlines())
    places = [{**row, "unit": row["unit"] or 0} for row in rows]
    return City.model_validate({**body, "places": places})


@cache
def shapes() -> dict[str, NDArray[np.float64]]:
    """Eight weeks of load from a Monday 00:00, in shares of the mean, at steps that part a day."""
    with np.load(BytesIO(DATA.joinpath("loads.npz").read_bytes())) as packed:
        return {name: packed[name] / 1000.0 for name in packed.files}


def part(keys: set[str]) -> City:
    """The city with only some of its enterprises."""
    whole = city()
    places = tuple(place for place in whole.places if place.enterprise in keys)
    names = {place.key for place in places} | {place.gateway for place in places}
    return City(
        enterprises=tuple(one for one in whole.enterprises if one.key in keys),
        faults=tuple(fault for fault in whole.faults if fault.of in names),
        habits=tuple(habit for habit in whole.habits if habit.of in names),
        places=places,
        thresholds=tuple(one for one in whole.thresholds if one.of in names),
    )
