"""The registry: check, plan and apply a file, and export what the database holds in the same form.

An apply is one transaction: the tables, what is derived from them (points, segments, schedule), the ranges to compute
anew and the audit change together or not at all. Afterwards storage/publication.py tells the collectors.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from config import registry as file
from config.payload import PayloadMapping
from config.profile import Profile
from config.registry_checks import Registry
from config.registry_models import HEAD, Meter, MeteringPoint
from config.registry_text import to_yaml
from config.rules import Scope
from storage import thresholds
from storage.changes import Cause
from storage.database import Database
from storage.intervals import rezone
from storage.quality import rezone_late
from storage.queries import SQL
from storage.registry_plan import Change, Plan, make_plan, rezoned, shown
from storage.registry_state import (
    PointKey,
    body_of,
    read_enterprises,
    read_mappings,
    read_neighbours,
    read_profiles,
    read_state,
)

if TYPE_CHECKING:
    from storage.database import Connection

F = TypeVar("F", Profile, PayloadMapping)
LOCK = 0x57414E52
"""Advisory lock: one apply or publication at a time."""
MANY = 1000
"""Rows changed at once, from which on it pays to count anew what the tables hold."""


def check_file(path: Path) -> str:
    """What `wanjia registry check` prints of a sound file. Raises ConfigError with all its faults."""
    registry = file.load(path)
    points = sum(len(enterprise.metering_points) for enterprise in registry.enterprises)
    meters = sum(len(enterprise.meters) for enterprise in registry.enterprises)
    return f"{path}: sound; {len(registry.enterprises)} enterprises, {points} metering points, {meters} meters"


async def plan(db: Database, path: Path, *, prune: bool = False) -> Plan:
    """What an apply of the file would do. Raises ConfigError."""
    with _no_collection():
        registry = file.load(path)
        async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
            return await _plan(conn, registry, prune)


async def apply(db: Database, path: Path, *, actor: str, prune: bool = False) -> Plan:
    """Bring the database to the file and return what was done. Raises ConfigError; then nothing was changed."""
    with _no_collection():
        return await _apply(db, file.load(path), actor, prune)


async def _apply(db: Database, registry: Registry, actor: str, prune: bool) -> Plan:
    async with db.transaction() as conn:
        await conn.execute("set local statement_timeout = 0")
        await conn.execute(SQL["registry_lock"], LOCK)
        done = await _plan(conn, registry, prune)
        if not done.empty:
            await _write(conn, done, actor)
    return done


async def export(db: Database, usccs: Sequence[str] | None = None) -> str:
    """The registry of these enterprises (None: all) as a file that `apply` finds nothing to change in."""
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        state = await read_enterprises(conn, usccs)
        known = await thresholds.read(conn)
    mine = [one for one in known if usccs is None or Scope.parse(one.scope).of in usccs]
    return to_yaml(state.enterprises.values(), mine)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for garbage: what is read here lives until the end, and searching it again and again takes as long as
    all the rest."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


async def _plan(conn: Connection, registry: Registry, prune: bool) -> Plan:
    """Plan for the file's enterprises, and for those that use a profile or payload mapping it changes."""
    meters = [meter for enterprise in registry.enterprises for meter in enterprise.meters]
    profiles = _Files(Profile, registry.profiles, {meter.profile for meter in meters}, await read_profiles(conn))
    mappings = _Files(PayloadMapping, registry.mappings, {meter.mapping for meter in meters}, await read_mappings(conn))
    mentioned = {enterprise.uscc for enterprise in registry.enterprises}
    scopes = [Scope.parse(one.scope) for one in registry.thresholds or ()]
    concerned = {scope.of for scope in scopes if scope.kind in ("enterprise", "point")}
    users = await conn.fetch(SQL["registry_users"], list(profiles.changed), list(mappings.changed))
    state = await read_state(conn, sorted(mentioned | concerned | {row["uscc"] for row in users}))
    whole = Registry(profiles.all, mappings.all, registry.enterprises, registry.places, registry.thresholds)
    addresses = {meter.address.lower() for one in registry.enterprises for meter in one.meters if meter.address}
    neighbours = await read_neighbours(conn, sorted(addresses), state.ids)
    made = make_plan(whole, state, neighbours, prune=prune, now=datetime.now(UTC).replace(microsecond=0))
    made.profiles, made.mappings = profiles.changed, mappings.changed
    if registry.thresholds is not None:
        known = await thresholds.read(conn)
        made.settings, made.kept_settings = thresholds.compare(known, registry.thresholds, mentioned, prune=prune)
    return made


class _Files(Generic[F]):
    """Profiles, or payload mappings: those the file uses as they are now, the others as they were applied."""

    def __init__(self, kind: type[F], given: Mapping[str, F], used: set[str], stored: Mapping[str, Any]) -> None:
        bodies = {name: body_of(given[name]) for name in sorted(used & given.keys())}
        self.changed = {name: body for name, body in bodies.items() if stored.get(name) != body}
        applied = {name: kind.model_validate(body) for name, body in stored.items() if name not in used}
        self.all: dict[str, F] = {**given, **applied}


async def _write(conn: Connection, plan: Plan, actor: str) -> None:
    for query, bodies in (("profiles", plan.profiles), ("mappings", plan.mappings)):
        await _put(conn, query, ({"name": name, "body": body} for name, body in bodies.items()))
    heads = [change for change in plan.changes if change.kind == "enterprise"]
    await _put(conn, "enterprises", (shown_head(change) for change in heads))
    await _write_metering_points(conn, [change for change in plan.changes if change.kind == "metering_point"])
    meters = [change for change in plan.changes if change.kind == "meter"]
    await _write_meters(conn, meters)
    await _analyze(conn, len(meters))
    await _write_installations(conn, meters)
    await _write_points(conn, plan, actor)
    moved = [change.uscc for change in heads if rezoned(change)]
    await rezone(conn, moved)
    await rezone_late(conn, moved)
    await _analyze(conn, len(plan.stretches))
    await _write_audit(conn, plan, actor)
    await thresholds.write(conn, plan.settings, actor)


async def _analyze(conn: Connection, changed: int) -> None:
    """After many changes, let the planner know now what the tables hold, not when the server comes round to it."""
    if changed >= MANY:
        await conn.execute(SQL["registry_analyze"])


def shown_head(change: Change) -> dict[str, Any]:
    """Columns of an enterprise."""
    return change.after.model_dump(mode="json", include=set(HEAD))


async def _put(conn: Connection, query: str, rows: Iterable[dict[str, Any]]) -> None:
    """Insert or update rows, new ones in the order given."""
    table = [{"row": number, **row} for number, row in enumerate(rows)]
    if table:
        await conn.execute(SQL[f"registry_put_{query}"], json.dumps(table))


async def _write_metering_points(conn: Connection, changes: list[Change]) -> None:
    points = [(change.uscc, change.after) for change in changes if isinstance(change.after, MeteringPoint)]
    await _put(conn, "metering_points", ({"uscc": uscc, **point.model_dump(mode="json")} for uscc, point in points))
    parents = ({"uscc": uscc, "code": one.code, "parent": one.parent} for uscc, one in points if one.parent)
    await _put(conn, "parents", parents)


async def _write_meters(conn: Connection, changes: list[Change]) -> None:
    meters = [(change.uscc, change.after) for change in changes if isinstance(change.after, Meter)]
    dumped = [{"uscc": uscc, **meter.model_dump(mode="json", exclude={"installations"})} for uscc, meter in meters]
    await _put(conn, "meters", dumped)
    gone = [row for row in dumped if row["driver"] is None]
    await conn.execute(SQL["registry_drop_connections"], json.dumps(_names(gone)))
    connected = ({**row, "cadence_s": row["every"]} for row in dumped if row["driver"] is not None)
    await _put(conn, "connections", connected)


def _names(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"uscc": row["uscc"], "code": row["code"]} for row in rows]


async def _write_installations(conn: Connection, changes: list[Change]) -> None:
    """Replace the installations of the meters that have others now, with their ratios."""
    meters = [
        (change.uscc, change.after)
        for change in changes
        if isinstance(change.after, Meter)
        and not (isinstance(change.before, Meter) and change.before.installations == change.after.installations)
    ]
    names = [{"uscc": uscc, "code": meter.code} for uscc, meter in meters]
    await conn.execute(SQL["registry_drop_installations"], json.dumps(names))
    rows = [
        {
            "uscc": uscc,
            "code": meter.code,
            "at": place.at,
            "valid_from": place.start.isoformat(),
            "valid_to": place.end and place.end.isoformat(),
            "initial": place.initial,
            "final": place.final,
        }
        for uscc, meter in meters
        for place in meter.installations
    ]
    put = await conn.fetch(SQL["registry_put_installations"], json.dumps(rows))
    ids = {(row["uscc"], row["code"], row["valid_from"]): row["id"] for row in put}
    ratios = [
        (ids[uscc, meter.code, place.start], ratio.start, ratio.ct, ratio.pt)
        for uscc, meter in meters
        for place in meter.installations
        for ratio in place.all_ratios
    ]
    await conn.copy_records_to_table("ratio", records=ratios)


async def _write_points(conn: Connection, plan: Plan, actor: str) -> None:
    """New points, then segments, schedules and dirty ranges of all that differ."""
    new = [key for key in plan.stretches if key not in plan.points]
    await _put(conn, "points", ({"uscc": key[0], "code": key[1], "quantity": key[2]} for key in new))
    usccs = sorted({key[0] for key in (*plan.stretches, *plan.schedules, *plan.grids)})
    enterprises = [row["id"] for row in await conn.fetch(SQL["registry_enterprises"], usccs)]
    ids: dict[PointKey, int] = {
        tuple(row)[:3]: row["id"] for row in await conn.fetch(SQL["registry_points"], enterprises)
    }
    meters = {(row["uscc"], row["code"]): row["id"] for row in await conn.fetch(SQL["registry_meters"], enterprises)}
    await conn.execute(SQL["registry_drop_segments"], [ids[key] for key in plan.stretches])
    segments = [
        (ids[key], one.start, one.end, meters[key[0], one.meter], *one[3:])
        for key, stretches in plan.stretches.items()
        for one in stretches
    ]
    await conn.copy_records_to_table("segment", records=segments)
    await conn.execute(SQL["registry_drop_schedules"], [ids[key] for key in plan.schedules])
    schedules = [(ids[key], *row) for key, rows in plan.schedules.items() for row in rows]
    await conn.copy_records_to_table("schedule", records=schedules)
    await conn.execute(SQL["registry_drop_grids"], [ids[key] for key in plan.grids])
    grids = [(ids[key], *row) for key, rows in plan.grids.items() for row in rows]
    if grids:
        await conn.execute(SQL["registry_put_grids"], *zip(*grids, strict=True))
    await _write_dirty(conn, plan, ids, actor)


async def _write_dirty(conn: Connection, plan: Plan, ids: Mapping[PointKey, int], actor: str) -> None:
    """The apply as the cause, and the ranges that must be made again because of it."""
    if plan.dirty:
        change = await Cause(actor, f"registry applied: {plan.reason}").number(conn)
        dirty = [(ids[key], start, end, change) for key, start, end in plan.dirty]
        columns = ("point_id", "from_time", "to_time", "change_id")
        await conn.copy_records_to_table("dirty_range", records=dirty, columns=columns)


async def _write_audit(conn: Connection, plan: Plan, actor: str) -> None:
    """One row per object that changed; its id is the registry's revision (see storage/sql/points.sql)."""
    rows: list[tuple[str | None, ...]] = [
        (
            actor,
            "create" if change.before is None else "change",
            change.kind,
            f"{change.uscc}/{change.code}".rstrip("/"),
            None if change.before is None else json.dumps(shown(change.before)),
            json.dumps(shown(change.after)),
        )
        for change in plan.changes
    ]
    for kind, bodies in (("profile", plan.profiles), ("mapping", plan.mappings)):
        rows += [(actor, "change", kind, name, None, json.dumps(body)) for name, body in bodies.items()]
    if not rows and not plan.settings:
        points = {*plan.stretches, *plan.schedules, *plan.grids}
        rows = [(actor, "derive", "point", "", None, json.dumps({"points": len(points)}))]
    columns = ("actor", "action", "kind", "code", "before", "after")
    await conn.copy_records_to_table("audit", records=rows, columns=columns)
