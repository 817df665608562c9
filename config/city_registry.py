"""The demo city as a registry file: what the system is told of it, with the addresses of this start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zlib import crc32

from config import profilefiles
from config.city import City, CityEnterprise, Place
from config.gb17167 import usual
from config.registry_models import Enterprise, Installation, Meter, MeteringPoint
from config.registry_text import to_yaml
from config.rules import Scope, Setting

HISTORY_EVERY_S = 900
"""Seconds between readings before the demo's start."""
_CLASSES = {"electricity_meter": ("0.2S", "0.5S", "1.0"), "weighing": ("0.5",) * 3, "steam_flow": ("2.5",) * 3}
"""Accuracy classes by level."""
_MONTHS = 24
"""For which a verification holds."""


class Start(NamedTuple):
    """What a registry takes from one demo."""

    addresses: Mapping[str, str]
    """host:port of each gateway."""
    installed: datetime
    """Since when the meters are where they are."""
    live: datetime
    """When the demo starts."""


def registry_text(city: City, start: Start, every: int | None = None) -> str:
    """The city as a registry file. `every`: seconds between the readings of all meters, expected from their
    installation on; None: as they are read live."""
    return to_yaml((_enterprise(city, one, start, every) for one in city.enterprises), list(_settings(city)))


def _settings(city: City) -> list[Setting]:
    usccs = {one.key: one.uscc for one in city.enterprises}

    def scope(key: str) -> str:
        enterprise, code = key.split("/")
        return Scope("point", usccs[enterprise], code).text

    given = [Setting(one.rule, scope(one.of), one.body) for one in city.thresholds]
    allowed = city.of_kind("allowance").items()
    return given + [
        Setting("quota", scope(fault.of), {"annual": fault.factor * city.places[index].mean})
        for index, fault in allowed
    ]


def _enterprise(city: City, one: CityEnterprise, start: Start, every: int | None) -> Enterprise:
    own = city.of_enterprise(one.key)
    return Enterprise(
        uscc=one.uscc,
        name=one.name,
        region=one.region,
        industry=one.industry,
        metering_points=tuple(_metering_point(city.places[index]) for index in own),
        meters=tuple(_meter(city, index, start, every) for index in own),
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


def _meter(city: City, index: int, start: Start, every: int | None) -> Meter:
    place, wrong = city.places[index], city.of_kind("wrong_ct").get(index)
    ct = place.ct * (wrong.factor if wrong else 1.0)
    return Meter.model_validate(
        {
            "code": place.meter,
            "rated_per_hour": place.rated,
            "every": every or place.every,
            "expected_from": start.installed if every else None,
            "installations": (Installation(at=place.code, start=start.installed, ct=ct, pt=place.pt),),
            **_instrument(place, _verified(city, index, start)),
            **_connection(place, start.addresses),
        }
    )


def _connection(place: Place, addresses: Mapping[str, str]) -> dict[str, Any]:
    if place.mapping:
        return {"driver": "mqtt", "mapping": place.mapping}
    address = addresses[place.gateway]
    return {"driver": "modbus-tcp", "profile": place.profile, "address": address, "unit": place.unit}


def _verified(city: City, index: int, start: Start) -> date:
    """Within half a year of the start, but for a meter whose verification ends by the script."""
    ends = city.of_kind("unverified").get(index)
    if ends is None:
        return start.installed.date() - timedelta(days=crc32(city.places[index].key.encode()) % 180)
    until = (start.live + timedelta(hours=ends.at)).date()
    return until.replace(year=until.year - _MONTHS // 12, day=min(until.day, 28))


def _instrument(place: Place, verified: date) -> dict[str, Any]:
    """What the register of instruments says of a meter: invented."""
    number = crc32(place.key.encode())
    known = profilefiles.profiles().get(place.profile)
    return {
        "maker": known.maker if known else "示例仪表厂",
        "model": known.model if known else place.mapping,
        "serial": f"{number:010d}",
        "accuracy_class": _CLASSES.get(usual()[place.carrier], ("1.5",) * 3)[place.level - 1],
        "place": place.name,
        "certificate": f"示例-{number % 100_000:05d}",
        "verified_on": verified,
        "verification_months": _MONTHS,
    }
