"""The demo city: enterprises, metering points with the meter and the load of each, and what goes wrong on a script.

The data lie in `demo/`; the registry the system is given is made of them, with the addresses of this start.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Literal
from zlib import crc32

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from config import payload, profilefiles
from config.carriers import carriers
from config.gb17167 import usual
from config.registry_models import Enterprise, Installation, Meter, MeteringPoint
from config.registry_text import to_yaml
from config.rules import Scope, Setting

DATA = files("config").joinpath("demo")
HISTORY_EVERY_S = 900
"""Seconds between readings before the demo's start."""
_WATCHED_CLOSELY = ("voltage_a", "voltage_b", "voltage_c", "current_a", "current_b", "current_c", "power_factor")
"""Kept of an enterprise's own electricity meters, beside energy and power."""
_CLASSES = {"electricity_meter": ("0.2S", "0.5S", "1.0"), "weighing": ("0.5",) * 3, "steam_flow": ("2.5",) * 3}
"""Accuracy classes by level."""


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


class Fault(_Model):
    """Something that goes wrong. `at` in hours after the demo's start, `every`: again so many hours later, for a day.

    dark          a gateway accepts connections and answers nothing
    silent        one meter does not answer
    frozen        a meter repeats its last values
    zero          a meter shows nothing but zeros
    rollover      a register passes its modulus at that instant
    wrong_ct      the registry knows the CT ratio wrong by `factor`
    clock_drift   a meter's own clock goes fast
    late          an MQTT meter keeps its readings back and sends them in one array
    repeated      an MQTT meter sends each message twice
    """

    kind: Literal["dark", "silent", "frozen", "zero", "rollover", "wrong_ct", "clock_drift", "late", "repeated"]
    of: str
    at: float = 0.0
    hours: float = 0.0
    every: float | None = None
    factor: float = 1.0
    seconds_per_day: float = 0.0

    @property
    def starts(self) -> tuple[float, ...]:
        """Hours at which it begins."""
        return tuple(np.arange(self.at, 24.0, self.every).tolist()) if self.every else (self.at,)


class CityThreshold(_Model):
    """A threshold that the city's registry sets."""

    rule: str
    of: str
    """enterprise/metering point"""
    body: dict[str, float]


class City(_Model):
    enterprises: tuple[CityEnterprise, ...]
    faults: tuple[Fault, ...]
    places: tuple[Place, ...]
    thresholds: tuple[CityThreshold, ...] = ()

    @property
    def gateways(self) -> tuple[str, ...]:
        """Each is one TCP address."""
        return tuple(dict.fromkeys(place.gateway for place in self.places if place.gateway))

    def of_enterprise(self, key: str) -> list[int]:
        """Indices of the places of an enterprise."""
        return [index for index, place in enumerate(self.places) if place.enterprise == key]

    def hit(self, fault: Fault) -> list[int]:
        """Indices of the places a fault concerns."""
        return [index for index, place in enumerate(self.places) if fault.of in (place.key, place.gateway)]


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
        places=places,
        thresholds=tuple(one for one in whole.thresholds if one.of in names),
    )


def registry_text(city: City, addresses: Mapping[str, str], installed: datetime, every: int | None = None) -> str:
    """The city as a registry file. `addresses`: host:port of each gateway; `every`: seconds between the readings of
    all meters, expected from their installation on; None: as they are read live."""
    wrong = {index: fault.factor for fault in city.faults if fault.kind == "wrong_ct" for index in city.hit(fault)}
    usccs = {one.key: one.uscc for one in city.enterprises}
    settings = [
        Setting(one.rule, Scope("point", usccs[key], code).text, one.body)
        for one in city.thresholds
        for key, code in [one.of.split("/")]
    ]
    return to_yaml((_enterprise(city, one, addresses, installed, every, wrong) for one in city.enterprises), settings)


def _enterprise(
    city: City,
    one: CityEnterprise,
    addresses: Mapping[str, str],
    installed: datetime,
    every: int | None,
    wrong: Mapping[int, float],
) -> Enterprise:
    own = [(index, city.places[index]) for index in city.of_enterprise(one.key)]
    meters = [_meter(place, addresses, installed, every, wrong.get(index, 1.0)) for index, place in own]
    return Enterprise(
        uscc=one.uscc,
        name=one.name,
        region=one.region,
        industry=one.industry,
        metering_points=tuple(_metering_point(place) for _, place in own),
        meters=tuple(meters),
    )


def _metering_point(place: Place) -> MeteringPoint:
    return MeteringPoint(
        code=place.code,
        name=place.name,
        carrier=place.carrier,
        level=place.level,
        direction=place.direction,
        parent=place.parent or None,
        quantities=place.kept,
    )


def _meter(place: Place, addresses: Mapping[str, str], installed: datetime, every: int | None, wrong: float) -> Meter:
    connection = (
        {"driver": "mqtt", "mapping": place.mapping}
        if place.mapping
        else {
            "driver": "modbus-tcp",
            "profile": place.profile,
            "address": addresses[place.gateway],
            "unit": place.unit,
        }
    )
    where = Installation(at=place.code, start=installed, ct=place.ct * wrong, pt=place.pt)
    return Meter.model_validate(
        {
            "code": place.meter,
            "rated_per_hour": place.rated,
            "every": every or place.every,
            "expected_from": installed if every else None,
            "installations": (where,),
            **_instrument(place, installed.date()),
            **connection,
        }
    )


def _instrument(place: Place, installed: date) -> dict[str, Any]:
    """What the register of instruments says of a meter: invented, all verified within half a year of the start."""
    number = crc32(place.key.encode())
    known = profilefiles.profiles().get(place.profile)
    return {
        "maker": known.maker if known else "示例仪表厂",
        "model": known.model if known else place.mapping,
        "serial": f"{number:010d}",
        "accuracy_class": _CLASSES.get(usual()[place.carrier], ("1.5",) * 3)[place.level - 1],
        "place": place.name,
        "certificate": f"示例-{number % 100_000:05d}",
        "verified_on": installed - timedelta(days=number % 180),
        "verification_months": 24,
    }
