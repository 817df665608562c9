"""Writing a registry as the file it could have been read from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from config.registry_models import DRIVERS, Enterprise, Installation, Meter, MeteringPoint
from config.rules import Setting

Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def to_yaml(enterprises: Iterable[Enterprise], settings: Iterable[Setting] = ()) -> str:
    """Enterprises and thresholds as a registry file, one line for each metering point and meter where it fits."""
    body: dict[str, Any] = {"enterprises": [_enterprise(enterprise) for enterprise in enterprises]}
    if thresholds := [{"rule": one.rule, "scope": one.scope, **one.body} for one in settings]:
        body["thresholds"] = thresholds
    return str(
        yaml.dump(body, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=10_000)
    )


def _enterprise(enterprise: Enterprise) -> dict[str, Any]:
    zone = ZoneInfo(enterprise.zone)
    lists = {"metering_points", "meters"}
    head = enterprise.model_dump(by_alias=True, exclude=lists, exclude_defaults=True)
    values: dict[str, Any] = plain(head, zone)
    values["metering_points"] = [_metering_point(point) for point in enterprise.metering_points]
    values["meters"] = [_meter(meter, zone) for meter in enterprise.meters]
    return values


def _metering_point(point: MeteringPoint) -> Any:
    return plain(point.model_dump(exclude_defaults=True), None)


def _meter(meter: Meter, zone: ZoneInfo) -> Any:
    values = meter.model_dump(exclude={"installations", "unit", "every"}, exclude_defaults=True)
    if meter.driver is not None:
        values["unit"] = meter.unit if DRIVERS[meter.driver].units else None
        values["every"] = _seconds(meter.every)
    places = [_installation(place) for place in meter.installations]
    values.update(places[0] if len(places) == 1 else {"installations": places} if places else {})
    return plain(values, zone)


def _installation(place: Installation) -> dict[str, Any]:
    return place.model_dump(by_alias=True, exclude_defaults=True)


def _seconds(seconds: int) -> str:
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def plain(value: Any, zone: tzinfo | None) -> Any:
    """The value without what is None, whole numbers without a fraction, times as text in the zone."""
    match value:
        case dict():
            return {key: plain(inner, zone) for key, inner in value.items() if inner is not None}
        case list() | tuple():
            return [plain(inner, zone) for inner in value]
        case datetime():
            return value.astimezone(zone).isoformat()
        case date():
            return value.isoformat()
        case Decimal():
            return plain(float(value), zone)
        case float() if value.is_integer() and abs(value) < 1e15:
            return int(value)
    return value
