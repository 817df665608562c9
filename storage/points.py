"""The point table: what every point is, which meter fed it when and with what multiplier, as one snapshot in memory.

Roles load it at start and again when the key `revision` of the registry bucket changes.
Every instant here is int microseconds since the epoch.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import asyncpg

from config.formulas import Formula, metered_parts
from config.grid import Grid
from config.payload import PayloadMapping
from config.quantities import QUANTITIES
from storage.database import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a point's life with one meter and one multiplier: [valid_from, valid_to), None = still in force.

    `modulus`, `resolution`, `limit_per_hour`, `initial` and `final` are in the canonical unit, on the meter's own side.
    """

    valid_from: int
    valid_to: int | None
    meter_id: int
    multiplier: float
    modulus: float | None
    resolution: float
    limit_per_hour: float | None
    initial: float | None
    final: float | None


Action = Literal["exclude", "accept", "reset", "rollover", "set", "estimate"]
"""What people can do to data; storage/edits.py tells what each means."""


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit in force. `amount`: of `set` the consumption, of `rollover` the modulus if it is not the register's."""

    id: int
    action: Action
    start: int
    end: int
    amount: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """One quantity of one metering point. `metering_point` is its code, unique within the enterprise `uscc`."""

    id: int
    uscc: str
    enterprise_id: int
    metering_point_id: int
    metering_point: str
    carrier: str
    quantity: str
    register: bool
    zone: str
    segments: tuple[Segment, ...]
    """Sorted, not overlapping."""
    schedule: tuple[tuple[int, int | None], ...]
    """(valid_from, seconds apart that readings are expected from then on; None: none are), sorted."""
    grid: Grid = ()
    direction: str = "import"
    edits: tuple[Edit, ...] = ()
    """In force, in the order in which they were made."""


@dataclass(frozen=True, slots=True)
class Device:
    """A meter as a sender: which points its quantities are, at each of its installations.

    `driver` and `mapping` are empty and `cadence_s` is 0 for a meter without connection.
    """

    uscc: str
    meter: str
    meter_id: int
    driver: str
    mapping: str
    cadence_s: int
    points: tuple[tuple[int, int | None, dict[str, int]], ...]
    """(valid_from, valid_to, quantity -> point id), sorted by valid_from."""


@dataclass(frozen=True, slots=True)
class PointTable:
    """A consistent snapshot of the registry, as far as readings are concerned."""

    points: dict[int, Point] = field(default_factory=dict)
    devices: dict[tuple[str, str], Device] = field(default_factory=dict)
    """By (uscc, meter code)."""
    by_metering_point: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    """(uscc, metering point code) -> quantity -> point id."""
    formulas: dict[tuple[str, str], Formula] = field(default_factory=dict)
    """(uscc, code) of virtual metering points -> codes of the metered ones they come down to, with their shares."""
    mappings: dict[str, PayloadMapping] = field(default_factory=dict)
    """The payload mappings in use, by name."""
    revision: int = 0


async def load_points(db: Database) -> PointTable:
    """Read the table anew, as of one instant."""
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        revision = await conn.fetchval(db.sql["registry_revision"])
        points = await conn.fetch(db.sql["point_rows"])
        segments = await conn.fetch(db.sql["segment_rows"])
        schedules = await conn.fetch(db.sql["schedule_rows"])
        grids = await conn.fetch(db.sql["grid_rows"])
        devices = await conn.fetch(db.sql["device_rows"])
        edits = await conn.fetch(db.sql["edit_rows"])
        installations = await conn.fetch(db.sql["installation_rows"])
        mappings = await conn.fetch(db.sql["registry_mappings"])
        formulas = await conn.fetch(db.sql["formula_rows"])
    lengths = _by_point((ids, (valid_from, seconds)) for ids, valid_from, seconds in grids)
    lives = _by_point((ids, Segment(*row)) for ids, *row in segments)
    corrections = _by_point(([point_id], Edit(*row)) for point_id, *row in edits)
    due = _by_point((ids, (valid_from, cadence_s)) for ids, valid_from, cadence_s in schedules)
    table = PointTable(points=_points(points, lives, due, lengths, corrections), revision=revision)
    table.mappings.update({row["name"]: PayloadMapping.model_validate_json(row["body"]) for row in mappings})
    table.formulas.update(_formulas(formulas))
    for point in table.points.values():
        table.by_metering_point.setdefault((point.uscc, point.metering_point), {})[point.quantity] = point.id
    for device in _devices(devices, installations, table.points.values()):
        table.devices[device.uscc, device.meter] = device
    return table


def _by_point(rows: Iterable[tuple[list[int], T]]) -> defaultdict[int, tuple[T, ...]]:
    """Rows that came once for all points they hold for (the quantities of a meter mostly share theirs), by point."""
    found: defaultdict[int, tuple[T, ...]] = defaultdict(tuple)
    for point_ids, row in rows:
        for point_id in point_ids:
            found[point_id] += (row,)
    return found


def _points(
    rows: Iterable[asyncpg.Record],
    segments: Mapping[int, tuple[Segment, ...]],
    schedules: Mapping[int, tuple[tuple[int, int | None], ...]],
    grids: Mapping[int, Grid],
    edits: Mapping[int, tuple[Edit, ...]],
) -> dict[int, Point]:
    return {
        row["id"]: Point(
            id=row["id"],
            uscc=row["uscc"],
            enterprise_id=row["enterprise_id"],
            metering_point_id=row["metering_point_id"],
            metering_point=row["metering_point"],
            carrier=row["carrier"],
            quantity=row["quantity"],
            register=QUANTITIES[row["quantity"]].kind == "register",
            zone=row["zone"],
            segments=segments[row["id"]],
            schedule=schedules[row["id"]],
            grid=grids[row["id"]],
            direction=row["direction"],
            edits=edits[row["id"]],
        )
        for row in rows
    }


def _formulas(rows: Iterable[asyncpg.Record]) -> Iterable[tuple[tuple[str, str], Formula]]:
    given: defaultdict[str, dict[str, Formula]] = defaultdict(dict)
    for row in rows:
        given[row["uscc"]][row["code"]] = json.loads(row["formula"])
    for uscc, own in given.items():
        for code, parts in metered_parts(own).items():
            yield (uscc, code), parts


def _devices(
    rows: Iterable[asyncpg.Record], installations: Iterable[asyncpg.Record], points: Iterable[Point]
) -> Iterable[Device]:
    """Devices with, for each installation, the points that have a segment fed by that meter."""
    fed: defaultdict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    for point in points:
        for segment in point.segments:
            fed[segment.meter_id, point.metering_point_id][point.quantity] = point.id
    placed: defaultdict[int, list[tuple[int, int | None, dict[str, int]]]] = defaultdict(list)
    for meter_id, metering_point_id, valid_from, valid_to in installations:
        placed[meter_id].append((valid_from, valid_to, fed[meter_id, metering_point_id]))
    for row in rows:
        yield Device(
            uscc=row["uscc"],
            meter=row["code"],
            meter_id=row["id"],
            driver=row["driver"],
            mapping=row["mapping"],
            cadence_s=row["cadence_s"],
            points=tuple(placed[row["id"]]),
        )
