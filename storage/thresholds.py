"""Thresholds of alert rules as they are set: what of a rule's figures is changed for a scope (config/rules.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection


class Setting(NamedTuple):
    """A row of `threshold`."""

    rule: str
    scope: str
    body: Mapping[str, Any]


async def read(conn: Connection) -> list[Setting]:
    return [Setting(row["rule"], row["scope"], json.loads(row["body"])) for row in await conn.fetch(SQL["thresholds"])]


async def put(conn: Connection, settings: Sequence[Setting], actor: str) -> None:
    """Set these, each instead of what its scope had, with a line in the audit."""
    for one in settings:
        await conn.execute(SQL["threshold_put"], one.rule, one.scope, json.dumps(one.body), actor)


async def drop(conn: Connection, rule: str, scope: str, actor: str) -> bool:
    """Let the wider scopes hold again. False if nothing was set there."""
    return await conn.fetchval(SQL["threshold_drop"], rule, scope, actor) is not None
