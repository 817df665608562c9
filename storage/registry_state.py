"""The registry as the database holds it, in the same models a file is read into, with what is derived from it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg

from config.grid import Grid
from config.payload import PayloadMapping
from config.profile import Profile
from config.registry_models import HEAD, LISTS, DatedRatio, Enterprise, Installation, Meter, MeteringPoint
from storage.queries import SQL
from storage.timeline import Schedule, Stretch

if TYPE_CHECKING:
    from storage.database import Connection

T = TypeVar("T")
PointKey: TypeAlias = tuple[str, str, str]
"""(uscc, metering point code, quantity)."""
_CONNECTION = ("driver", "address", "unit", "baud", "mapping", "enabled", "expected_from")


@dataclass
class State:
    """Some enterprises as they stand in the database."""

    enterprises: dict[str, Enterprise] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)
    points: dict[PointKey, int] = field(default_factory=dict)
    stretches: dict[int, tuple[Stretch, ...]] = field(default_factory=dict)
    schedules: dict[int, Schedule] = field(default_factory=dict)
    grids: dict[int, Grid] = field(default_factory=dict)


async def read_state(conn: Connection, usccs: Sequence[str] | None) -> State:
    """Enterprises (None: all) with all that belongs to them."""
    state = await read_enterprises(conn, usccs)
    for uscc, code, quantity, point_id in await conn.fetch(SQL["registry_points"], state.ids):
        state.points[uscc, code, quantity] = point_id
    state.stretches = _by_point(
        (ids, Stretch(*row)) for ids, *row in await conn.fetch(SQL["registry_segments"], state.ids)
    )
    state.schedules = _by_point(
        (ids, tuple(row)) for ids, *row in await conn.fetch(SQL["registry_schedules"], state.ids)
    )
    state.grids = _by_point((ids, tuple(row)) for ids, *row in await conn.fetch(SQL["registry_grids"], state.ids))
    return state


async def read_enterprises(conn: Connection, usccs: Sequence[str] | None) -> State:
    """Enterprises (None: all) with their metering points and meters only, as an export shows them."""
    rows = await conn.fetch(SQL["registry_enterprises"], usccs)
    ids = [row["id"] for row in rows]
    points: defaultdict[str, list[MeteringPoint]] = defaultdict(list)
    for row in await conn.fetch(SQL["registry_metering_points"], ids):
        points[row["uscc"]].append(_metering_point(row))
    meters: defaultdict[str, list[Meter]] = defaultdict(list)
    places = await _installations(conn, ids)
    for row in await conn.fetch(SQL["registry_meters"], ids):
        meters[row["uscc"]].append(_meter(row, places[row["id"]]))
    state = State(ids=ids)
    for row in rows:
        head: dict[str, Any] = {key: row[key] for key in HEAD if key not in LISTS}
        for key, model in LISTS.items():
            head[key] = tuple(model.model_validate(one) for one in json.loads(row[key]))
        body: dict[str, Any] = {"metering_points": tuple(points[row["uscc"]]), "meters": tuple(meters[row["uscc"]])}
        state.enterprises[row["uscc"]] = Enterprise.model_construct(**head, **body)
    return state


async def read_profiles(conn: Connection) -> dict[str, dict[str, Any]]:
    """Bodies of the profiles as they were when applied, by name."""
    return {row["name"]: json.loads(row["body"]) for row in await conn.fetch(SQL["registry_profiles"])}


async def read_mappings(conn: Connection) -> dict[str, dict[str, Any]]:
    """Bodies of the payload mappings as they were when applied, by name."""
    return {row["name"]: json.loads(row["body"]) for row in await conn.fetch(SQL["registry_mappings"])}


async def read_neighbours(conn: Connection, addresses: Sequence[str], besides: Sequence[int]) -> list[Enterprise]:
    """Other enterprises, with no more than their meters that are reached at one of the addresses."""
    meters: defaultdict[str, list[Meter]] = defaultdict(list)
    for row in await conn.fetch(SQL["registry_neighbours"], addresses, besides):
        keys = ("code", "profile", "driver", "address", "unit", "baud")
        meter = Meter.model_construct(**{key: row[key] for key in keys}, every=row["cadence_s"])
        meters[row["uscc"]].append(meter)
    partial: list[dict[str, Any]] = [{"uscc": uscc, "meters": tuple(found)} for uscc, found in meters.items()]
    return [Enterprise.model_construct(**values) for values in partial]


def body_of(file: Profile | PayloadMapping) -> dict[str, Any]:
    """A profile or payload mapping as it is stored (and a profile is published)."""
    return file.model_dump(mode="json", exclude={"example"})


def _by_point(rows: Iterable[tuple[list[int], T]]) -> dict[int, tuple[T, ...]]:
    """Rows that came once for all points they hold for, by point."""
    found: defaultdict[int, list[T]] = defaultdict(list)
    for point_ids, row in rows:
        for point_id in point_ids:
            found[point_id].append(row)
    return {point_id: tuple(own) for point_id, own in found.items()}


def _metering_point(row: asyncpg.Record) -> MeteringPoint:
    values = {key: value for key, value in row.items() if key not in ("uscc", "id")}
    kept, formula = values.pop("quantities"), values.pop("formula")
    return MeteringPoint.model_construct(
        **values,
        quantities=None if kept is None else tuple(kept),
        formula=None if formula is None else json.loads(formula),
    )


def _meter(row: asyncpg.Record, places: Iterable[Installation]) -> Meter:
    values = {key: value for key, value in row.items() if key not in ("uscc", "id", "cadence_s", *_CONNECTION)}
    if row["driver"] is not None:
        values.update({key: row[key] for key in _CONNECTION}, every=row["cadence_s"])
    else:
        values["unit"] = None
    return Meter.model_construct(**values, installations=tuple(places))


async def _installations(conn: Connection, ids: Sequence[int]) -> defaultdict[int, list[Installation]]:
    """Installations by meter id, in order of time."""
    ratios: defaultdict[int, list[DatedRatio]] = defaultdict(list)
    for installation_id, valid_from, ct, pt in await conn.fetch(SQL["registry_ratios"], ids):
        ratios[installation_id].append(DatedRatio.model_construct(start=valid_from, ct=ct, pt=pt))
    places: defaultdict[int, list[Installation]] = defaultdict(list)
    for row in await conn.fetch(SQL["registry_installations"], ids):
        first, *later = ratios[row["id"]]
        place = Installation.model_construct(
            at=row["at"],
            start=row["valid_from"],
            end=row["valid_to"],
            ct=first.ct,
            pt=first.pt,
            ratios=tuple(later),
            initial=json.loads(row["initial"]),
            final=json.loads(row["final"]),
        )
        places[row["meter_id"]].append(place)
    return places
