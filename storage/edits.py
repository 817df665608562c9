"""Edits: what authorised people do to data, by one mechanism with one undo. Readings themselves never change.

exclude   readings in [from, to] are left out
accept    steps into readings in [from, to] are taken as they are: a questionable rise, or energy the other way
reset     at the first reading not before `from` the register began anew: no energy across
rollover  there it passed its modulus: `amount`, or the register's own
set       intervals that start in [from, to) sum to `amount`, spread evenly
estimate  missing intervals in [from, to) are filled by those of like days, as long as they are missing

An edit is a row with its cause; ingest sees it at its next transaction and computes what it touches again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from config.errors import ConfigError, Fault
from config.grid import on_boundary
from config.samples import MICROSECOND
from storage.changes import Cause
from storage.columns import instant
from storage.gaps import Page, local
from storage.intervals import Ranges, mark_dirty
from storage.points import Action, Point
from storage.queries import SQL
from storage.registry import LOCK

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Database

State = Literal["in_force", "undone"]
LONGEST = 400 * 86_400 * MICROSECOND
AT_ONE_READING = ("reset", "rollover")
_OF_INTERVALS = ("set", "estimate")


@dataclass(frozen=True, slots=True)
class Wish:
    """An edit that somebody wants; instants in microseconds."""

    action: Action
    start: int
    end: int
    amount: float | None
    reason: str

    @property
    def past(self) -> int:
        """Its end, not included."""
        return self.end if self.action in _OF_INTERVALS else self.end + 1


def faults(wish: Wish, point: Point, now: int, kept_from: int) -> Iterator[Fault]:
    """What is wrong with it whatever else is stored."""
    if not point.register:
        yield Fault("quantity", f"{point.quantity} is no register", "name one, or leave it out")
    if wish.end > now:
        yield Fault("to", "lies in the future", "edit what has passed")
    if wish.start < kept_from:
        yield Fault("from", "is before what is kept of readings", "choose a later one (WANJIA_RETENTION_DAYS)")
    if wish.end - wish.start > LONGEST:
        yield Fault("to", "is more than 400 days after from", "make several edits")
    yield from _amount_faults(wish, point)
    if wish.action not in _OF_INTERVALS:
        if wish.end < wish.start:
            yield Fault("to", "is before from", "exchange them")
    elif wish.end <= wish.start:
        yield Fault("to", "is not after from", "give the end of the last interval")
    else:
        for name, at in (("from", wish.start), ("to", wish.end)):
            if not on_boundary(point.grid, at):
                yield Fault(name, "is no boundary of the metering point's intervals", "choose the one before or after")


def _amount_faults(wish: Wish, point: Point) -> Iterator[Fault]:
    amount = wish.amount
    if wish.action == "set":
        if amount is None or not 0 <= amount < math.inf:
            yield Fault(
                "amount", "must be the consumption of the range, not negative", "give it in the quantity's unit"
            )
    elif wish.action == "rollover":
        own = [one.modulus for one in point.segments if one.valid_from <= wish.start < (one.valid_to or math.inf)]
        if amount is None and None in own:
            yield Fault("amount", "the register's modulus is not known", "give it as amount")
        if amount is not None and not 0 < amount < math.inf:
            yield Fault("amount", "is no modulus", "give a positive number, or leave it out")
    elif amount is not None:
        yield Fault("amount", f"has no meaning for {wish.action}", "leave it out")


async def add(db: Database, point: int, wish: Wish, actor: str) -> int:
    """Put an edit in force; its id. Raises ConfigError naming what stands against it."""
    async with db.transaction() as conn:
        await conn.execute(SQL["registry_lock"], LOCK)
        wish = await _placed(conn, point, wish)
        span = instant(wish.start), instant(wish.end)
        change = await Cause(actor, f"{wish.action}: {wish.reason}").number(conn)
        edit: int = await conn.fetchval(
            SQL["edit_add"], point, wish.action, *span, wish.amount, wish.reason, actor, change
        )
        await _tell(conn, edit, "create", actor)
        await _recompute(conn, point, wish.start, wish.end, change)
    return edit


async def placed(db: Database, point: int, wish: Wish) -> Wish:
    """The wish as it would be put in force. Raises ConfigError naming what stands against it."""
    async with db.connection() as conn:
        return await _placed(conn, point, wish)


async def _placed(conn: Connection, point: int, wish: Wish) -> Wish:
    wish = await _on_readings(conn, point, wish)
    span = instant(wish.start), instant(wish.end)
    other = await conn.fetchval(SQL["edit_overlapping"], point, wish.action, *span, wish.action in _OF_INTERVALS)
    if other is not None:
        raise ConfigError([Fault("from", f"edit {other} does the same there already", "undo it first")])
    return wish


async def _on_readings(conn: Connection, point: int, wish: Wish) -> Wish:
    """With the reading that an edit of one reading is about as its end. Raises ConfigError if there are none."""
    if wish.action in _OF_INTERVALS:
        return wish
    row = await conn.fetchrow(SQL["edit_first_reading"], point, instant(wish.start))
    first = row["time"] if row else None
    if wish.action in AT_ONE_READING:
        if row is None:
            raise ConfigError([Fault("from", "there is no reading then or later", "choose an earlier instant")])
        if row["begins"]:
            what = "is about the first reading of a meter or ratio: no step of the register leads there"
            fix = "choose a later one; what a meter showed when it came or went stands with its installation"
            raise ConfigError([Fault("from", what, fix)])
        return replace(wish, end=row["time"])
    if first is None or first > wish.end:
        raise ConfigError([Fault("from", "there is no reading in the range", "see the metering point's readings")])
    return wish


async def undo(db: Database, edit: int, actor: str, reason: str) -> bool:
    """Put an edit out of force. False if it was not in force (or does not exist)."""
    async with db.transaction() as conn:
        await conn.execute(SQL["registry_lock"], LOCK)
        row = await conn.fetchrow(SQL["edit_in_force"], edit)
        if row is None:
            return False
        change = await Cause(actor, f"undone: {reason}").number(conn)
        await conn.execute(SQL["edit_undo"], edit, actor, reason, change)
        await _tell(conn, edit, "undo", actor)
        await _recompute(conn, row["point_id"], row["start"], row["end"], change)
    return True


async def _tell(conn: Connection, edit: int, action: str, actor: str) -> None:
    """The audit, whose number is the registry's revision: by it ingest and the api know of the edit."""
    await conn.execute(SQL["edit_audit"], edit, action, actor)


async def _recompute(conn: Connection, point: int, start: int, end: int, change: int) -> None:
    await mark_dirty(conn, Ranges(np.array([point]), np.array([start]), np.array([end + 1])), change)


async def page(
    db: Database,
    *,
    enterprise: str | None,
    region: str | None,
    metering_point: int | None = None,
    state: State | None = None,
    limit: int,
    after: str | None,
) -> Page:
    """Edits, newest first; `metering_point`: only of this one, by its row id."""
    below = None if after is None else int(after)
    async with db.connection() as conn:
        rows = await conn.fetch(SQL["edit_page"], enterprise, region, metering_point, state, below, None, limit + 1)
    return Page([item(row) for row in rows[:limit]], str(rows[limit - 1]["id"]) if len(rows) > limit else None)


@dataclass(frozen=True, slots=True)
class Touched:
    """What an edit touches: intervals that start in [start, past), as they were at `before` and at `after` (None:
    now), instants in microseconds. `pending`: not all of it is computed yet."""

    point: int
    zone: str
    start: int
    past: int
    before: int
    after: int | None
    pending: bool


async def get(
    db: Database, edit: int, *, enterprise: str | None, region: str | None
) -> tuple[dict[str, Any], Touched] | None:
    """An edit and what it touches; None if there is none (or none in this enterprise or region)."""
    async with db.connection() as conn:
        row = await conn.fetchrow(SQL["edit_page"], enterprise, region, None, None, None, edit, 1)
        if row is None:
            return None
        touched = await conn.fetchrow(SQL["edit_touched"], edit)
    assert touched is not None
    return item(row), Touched(**touched)


def item(row: Record) -> dict[str, Any]:
    """An edit as lists show it."""
    zone = ZoneInfo(row["zone"])
    plain = ("id", "uscc", "enterprise", "metering_point", "quantity", "action", "amount", "reason", "actor")
    undone = ("undone_by", "undo_reason")
    return {
        **{name: row[name] for name in (*plain, *undone)},
        "from": local(row["from_time"], zone),
        "to": local(row["to_time"], zone),
        "at": local(row["at"], zone),
        "undone_at": local(row["undone_at"], zone),
        "state": "in_force" if row["undone_at"] is None else "undone",
    }
