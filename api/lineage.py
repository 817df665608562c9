"""The lineage of one number, as answers tell it: from the bucket down to registers and the profile's entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from config.encode import encode
from config.payload import PayloadMapping
from config.profile import Profile, Register
from config.quality import Flag, Method, Quality
from config.quantities import QUANTITIES
from storage.lineage import Ground, Interval, Lineage
from storage.points import Point

Shown = dict[str, Any]
_LEFT_OUT = ("transient", "held", "limit")
"""Verdicts on readings between which and others nothing is booked."""


def told(point: Point, found: Lineage, mappings: Mapping[str, PayloadMapping], start: datetime, end: datetime) -> Shown:
    """Everything about one register; instants in its zone."""
    intervals = {"intervals": _local([_interval(one) for one in found.intervals], ZoneInfo(point.zone))}
    return {**grounds(point, found.ground, mappings, start, end), **intervals}


def grounds(
    point: Point, found: Ground, mappings: Mapping[str, PayloadMapping], start: datetime, end: datetime
) -> Shown:
    """What a stretch of a register rests on beside its intervals."""
    zone = ZoneInfo(point.zone)
    segments = [_segment(point, row, found.profiles, mappings) for row in found.segments]
    readings = [_reading(row, _register_at(point, row["time"], found), found.verdicts) for row in found.readings]
    shown: Shown = _local(
        {
            "metering_point": f"{point.uscc}/{point.metering_point}",
            "quantity": point.quantity,
            "unit": QUANTITIES[point.quantity].unit,
            "readings": {"start": _around(readings, start), "end": _around(readings, end)},
            "segments": segments,
            "verdicts": found.verdicts,
            "edits": found.edits,
        },
        zone,
    )
    return shown


def _interval(one: Interval) -> Shown:
    shown = one.shown
    return {
        "start": one.start,
        **(_version(shown) if shown else {"value": None, "quality": Quality.MISSING.word, "method": None}),
        "earlier": [
            {
                **_version(row),
                "until": row["until"],
                "change": {"at": row["changed_at"], "actor": row["actor"], "reason": row["reason"]},
            }
            for row in one.earlier
        ],
    }


def _version(row: Shown) -> Shown:
    return {
        "seconds": row["seconds"],
        "value": row["consumption"],
        "quality": Quality(row["quality"]).word,
        "method": Method(row["method"]).name.lower(),
        "expected": row["expected"],
        "received": row["received"],
        "since": row["since"],
    }


def _reading(row: Shown, register: Register | None, verdicts: list[Shown]) -> Shown:
    of = [one["kind"] for one in verdicts if one["from"] <= row["time"] <= one["to"] and one["kind"] in _LEFT_OUT]
    return {
        "time": row["time"],
        "value": row["value"],
        "received": row["received"],
        "stored": row["stored"],
        "flags": [flag.name.lower() for flag in Flag if flag & row["flags"] and flag.name],
        "left_out": "excluded" if row["excluded"] else of[0] if of else None,
        "words": None if register is None else _words(register, row["value"]),
    }


def _words(register: Register, value: float) -> list[str]:
    """The register's content, by the profile's encoding, which is one to one."""
    return [f"0x{word:04X}" for word in encode(register, value)[0].tolist()]


def _register_at(point: Point, time: datetime, found: Ground) -> Register | None:
    """The register that a reading was in; None: it did not come from one, or the profile is unknown."""
    for row in found.segments:
        if row["valid_from"] <= time and (row["valid_to"] is None or time < row["valid_to"]):
            return None if row["mapping"] else _entry(found.profiles.get(row["profile"]), point.quantity)
    return None


def _entry(profile: Profile | None, quantity: str) -> Register | None:
    if profile is None or quantity not in profile.quantities:
        return None
    return profile.register(quantity)


def _around(readings: list[Shown], at: datetime) -> Shown:
    """The nearest good readings at a boundary: the last up to it, the first not before it."""
    good = [row for row in readings if not row["left_out"]]
    before, after = [row for row in good if row["time"] <= at], [row for row in good if row["time"] >= at]
    first, last = before[-1] if before else None, after[0] if after else None
    low, high = (one["time"] if one else at for one in (first, last))
    between = [row for row in readings if row["left_out"] and low <= row["time"] <= high]
    return {"at": at, "before": first, "after": last, "left_out": between}


def _segment(
    point: Point, row: Shown, profiles: Mapping[str, Profile], mappings: Mapping[str, PayloadMapping]
) -> Shown:
    plain = ("meter", "maker", "model", "serial", "ct", "pt", "multiplier", "modulus", "resolution", "limit_per_hour")
    return {
        "from": row["valid_from"],
        "to": row["valid_to"],
        **{name: row[name] for name in (*plain, "initial", "final")},
        "driver": row["driver"],
        "source": _mapped(mappings.get(row["mapping"]), point.quantity)
        or _profiled(profiles.get(row["profile"]), point.quantity),
    }


def _profiled(profile: Profile | None, quantity: str) -> Shown | None:
    register = _entry(profile, quantity)
    if profile is None or register is None:
        return None
    entry = register.model_dump(include={"address", "function", "type", "order", "unit", "scale", "offset", "side"})
    return {
        "kind": "profile", "name": profile.name, "source": profile.source, "verified": profile.verified, "entry": entry,
    }  # fmt: skip


def _mapped(mapping: PayloadMapping | None, quantity: str) -> Shown | None:
    if mapping is None or quantity not in mapping.quantities:
        return None
    entry = mapping.value(quantity).model_dump(include={"pointer", "unit", "unit_pointer", "scale", "where"})
    return {
        "kind": "mapping", "name": mapping.name, "source": mapping.source, "verified": None,
        "entry": {**entry, "side": mapping.side},
    }  # fmt: skip


def _local(value: Any, zone: ZoneInfo) -> Any:
    """With all instants as the zone's clock shows them."""
    if isinstance(value, datetime):
        return value.astimezone(zone)
    if isinstance(value, dict):
        return {name: _local(one, zone) for name, one in value.items()}
    return [_local(one, zone) for one in value] if isinstance(value, list) else value
