"""API keys: who may ask what.

A key is 256 random bits, so its SHA-256 is stored and looked up: guessing the key from the hash is as hopeless as
guessing the key. Slow, salted hashing (bcrypt, argon2) protects passwords that people choose; here it would only make
every request slow.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast, get_args

from stdnum.cn import uscc

from config.errors import ConfigError, Fault
from config.registry_models import PROVINCES
from config.tables import aligned
from storage.database import Database
from storage.queries import SQL

Role = Literal["admin", "operator", "enterprise", "regulator"]
PREFIX = "wanjia_"
"""Begins every key, so that one that leaked is recognised."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `scope`: the enterprise's code, the regulator's region prefix (GB/T 2260), else empty."""

    name: str
    role: Role
    scope: str


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as it is listed; the key itself is known to its holder only."""

    name: str
    role: Role
    scope: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None


async def create(
    db: Database, name: str, role: str, scope: str = "", *, expires: datetime | None = None, actor: str
) -> str:
    """Make a key and return it: this is the only time it can be seen. Raises ConfigError."""
    if faults := _faults(name, role, scope, expires):
        raise ConfigError(faults)
    key = PREFIX + secrets.token_urlsafe(32)
    async with db.transaction() as conn:
        if await conn.fetchval(SQL["create_key"], name, _hash(key), role, scope, expires) is None:
            raise ConfigError([Fault("name", f"there was a key {name!r} already", "give another name")])
        after = {"role": role, "scope": scope, "expires": expires and expires.isoformat()}
        await conn.execute(SQL["audit_key"], actor, "create", name, json.dumps(after))
    return key


async def revoke(db: Database, name: str, *, actor: str) -> None:
    """End a key now. Raises ConfigError when there is none of this name."""
    async with db.transaction() as conn:
        if await conn.fetchval(SQL["revoke_key"], name) is None:
            raise ConfigError([Fault("name", f"there is no key {name!r}", "see `wanjia keys list`")])
        await conn.execute(SQL["audit_key"], actor, "revoke", name, None)


async def keys(db: Database) -> list[KeyInfo]:
    """All keys, also those that have ended, in the order they were made."""
    async with db.connection() as conn:
        return [KeyInfo(*row) for row in await conn.fetch(SQL["list_keys"])]


async def find(db: Database, key: str) -> Principal | None:
    """Whose key this is; None when it is unknown, expired or revoked. Raises Unavailable."""
    if not key.startswith(PREFIX) or len(key) > 100:
        return None
    async with db.connection() as conn:
        row = await conn.fetchrow(SQL["find_key"], _hash(key))
    return None if row is None else Principal(row["name"], cast(Role, row["role"]), row["scope"])


async def may_deal(db: Database, name: str, uscc: str) -> bool:
    """Whether this is a valid key whose holder may deal with alerts of an enterprise."""
    async with db.connection() as conn:
        return await conn.fetchval(SQL["key_may_deal"], name, uscc) is not None


def table(listed: Sequence[KeyInfo], now: datetime) -> str:
    """What `wanjia keys list` prints."""
    lines = [("NAME", "ROLE", "SCOPE", "STATE", "CREATED", "EXPIRES")]
    for key in listed:
        state = "revoked" if key.revoked else "expired" if key.expires and key.expires <= now else "valid"
        expires = key.expires.isoformat(timespec="seconds") if key.expires else "never"
        lines.append((key.name, key.role, key.scope or "-", state, key.created.isoformat(timespec="seconds"), expires))
    return aligned(*lines)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _faults(name: str, role: str, scope: str, expires: datetime | None) -> list[Fault]:
    """Everything wrong with what a key is to be."""
    faults = []
    if not re.fullmatch(r"[\w .@-]{1,64}", name):
        faults.append(Fault("name", f"{name!r} is not a name", "use up to 64 letters, digits, spaces and . @ _ -"))
    if role not in get_args(Role):
        faults.append(Fault("role", f"unknown role {role!r}", f"use one of {', '.join(get_args(Role))}"))
    if role == "enterprise" and not uscc.is_valid(scope):
        fix = "give the unified social credit code of the enterprise"
        faults.append(Fault("scope", f"{scope!r} is not an enterprise", fix))
    if role == "regulator" and not (re.fullmatch(r"\d{2}(\d{2}(\d{2})?)?", scope) and scope[:2] in PROVINCES):
        fix = "give 2, 4 or 6 digits of GB/T 2260, for example 1101"
        faults.append(Fault("scope", f"{scope!r} is not a region", fix))
    if role in ("admin", "operator") and scope:
        faults.append(Fault("scope", f"{role} has no scope", "leave it out"))
    if expires is not None and expires.tzinfo is None:
        faults.append(Fault("expires", "has no offset from UTC", "write it like 2027-01-01T00:00:00+08:00"))
    return faults
