"""Thresholds of alert rules as they are set: what of a rule's figures is changed for a scope (config/rules.py)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from config.rules import Scope, Setting
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection


class Change(NamedTuple):
    """A setting that is new (`before` None), different, or to go (`after` None)."""

    before: Setting | None
    after: Setting | None

    def __str__(self) -> str:
        """As a plan shows it."""
        before, after = (one.body if one else {} for one in self)
        some = self.after or self.before
        assert some is not None
        sign = "+" if self.before is None else "-" if self.after is None else "~"
        keys = [key for key in {**before, **after} if before.get(key, "") != after.get(key, "")]
        parts = (_difference(key, before, after) for key in keys)
        return f"{sign} threshold {some.rule} {some.scope}: {', '.join(parts)}"


def _difference(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    had, has = (json.dumps(body[key]) if key in body else "-" for body in (before, after))
    return f"{key} {has}" if not before else f"{key} {had} → {has}"


def compare(
    known: Iterable[Setting], wanted: Sequence[Setting], usccs: Collection[str], *, prune: bool
) -> tuple[list[Change], list[Setting]]:
    """What brings `known` to `wanted`, and what stays though it is not wanted. With `prune` it goes, but for what is
    set for enterprises that are not among `usccs`."""
    had = {(one.rule, one.scope): one for one in known}
    changes = [Change(had.get(one[:2]), one) for one in wanted]
    changes = [change for change in changes if change.before != change.after]
    asked = {one[:2] for one in wanted}
    others = [one for key, one in had.items() if key not in asked and Scope.parse(one.scope).within(usccs)]
    return (changes + [Change(one, None) for one in others], []) if prune else (changes, others)


async def read(conn: Connection) -> list[Setting]:
    return [Setting(row["rule"], row["scope"], json.loads(row["body"])) for row in await conn.fetch(SQL["thresholds"])]


async def read_at(conn: Connection, at: datetime) -> list[Setting]:
    """What was set at an instant, by the audit."""
    rows = await conn.fetch(SQL["thresholds_at"], at)
    return [Setting(row["rule"], row["scope"], json.loads(row["body"])) for row in rows]


async def put(conn: Connection, settings: Sequence[Setting], actor: str) -> None:
    """Set these, each instead of what its scope had, with a line in the audit."""
    for one in settings:
        await conn.execute(SQL["threshold_put"], one.rule, one.scope, json.dumps(one.body), actor)


async def write(conn: Connection, changes: Sequence[Change], actor: str) -> None:
    """Make the changes of a plan."""
    await put(conn, [change.after for change in changes if change.after], actor)
    for change in changes:
        if change.before and not change.after:
            await drop(conn, change.before.rule, change.before.scope, actor)


async def drop(conn: Connection, rule: str, scope: str, actor: str) -> bool:
    """Let the wider scopes hold again. False if nothing was set there."""
    return await conn.fetchval(SQL["threshold_drop"], rule, scope, actor) is not None
