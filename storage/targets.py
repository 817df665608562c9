"""Targets: who is told of alerts, by which way, from which severity on, at once or in a digest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from config.errors import ConfigError, Fault
from config.tables import aligned
from storage import notifications
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Database

Kind = Literal["webhook", "mail", "wecom", "dingtalk", "feishu"]
SHORTEST_SECRET = 16
_MAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+(?:\s*,\s*[^@\s,]+@[^@\s,]+\.[^@\s,]+)*")
_SHAPES = {
    "name": (r"[\w .@-]{1,64}", "use up to 64 letters, digits, spaces and . @ _ -"),
    "kind": ("|".join(get_args(Kind)), f"use one of {', '.join(get_args(Kind))}"),
    "min_severity": ("info|warning|critical", "use info, warning or critical"),
    "language": ("zh|en", "use zh or en"),
    "digest": (r"immediately|hourly|daily ([01]\d|2[0-3]):[0-5]\d", "use immediately, hourly or daily HH:MM"),
}
"""What fields must look like, and what to do otherwise."""


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to be told. `address`: URL of a webhook or robot, or mail addresses with commas between them."""

    name: str
    kind: str
    address: str
    secret: str = ""
    min_severity: str = "warning"
    enterprise: str | None = None
    """Only alerts of this one, by its code."""
    language: str = "zh"
    digest: str = "immediately"
    """Or `hourly`, or `daily HH:MM` by the clock of `zone`."""
    zone: str = "Asia/Shanghai"
    escalations_only: bool = False
    """Told only of alerts that nobody has acknowledged in time."""


async def put(db: Database, target: Target, actor: str) -> None:
    """Add a target or change it; it is enabled. Raises ConfigError naming everything that cannot be used."""
    async with db.transaction() as conn:
        faults = _faults(target)
        if target.enterprise is not None and await conn.fetchval(SQL["target_enterprise"], target.enterprise) is None:
            fault = Fault("enterprise", f"there is no {target.enterprise}", "give the code of a registered enterprise")
            faults.append(fault)
        if faults:
            raise ConfigError(faults)
        await conn.fetchval(
            SQL["target_set"], target.name, target.kind, target.address, target.secret, target.min_severity,
            target.language, target.digest, target.enterprise, target.zone, target.escalations_only,
        )  # fmt: skip
        told = asdict(target) | {"address": shown(target.kind, target.address), "secret": ""}
        await conn.execute(SQL["target_audit"], actor, "set", target.name, json.dumps(told))


async def find(db: Database, name: str) -> Target | None:
    """A target as it is stored, secrets and all: to be changed, never to be shown."""
    async with db.connection() as conn:
        row = await conn.fetchrow(SQL["target_list"], name)
    if row is None:
        return None
    return Target(**{key: row[key] for key in Target.__dataclass_fields__})


async def listed(db: Database) -> list[dict[str, Any]]:
    """All targets as they may be shown: addresses without what is secret in them, `signed` instead of the secret."""
    async with db.connection() as conn:
        rows = [dict(row) for row in await conn.fetch(SQL["target_list"], None)]
    return [
        {
            **{key: value for key, value in row.items() if key not in ("id", "secret")},
            "address": shown(row["kind"], row["address"]),
            "signed": bool(row["secret"]),
        }
        for row in rows
    ]


def table(listed: Iterable[Mapping[str, Any]]) -> str:
    """What `wanjia targets list` prints."""
    head = ("NAME", "KIND", "ADDRESS", "TOLD OF", "ENTERPRISE", "LANGUAGE", "WHEN", "STATE")
    return aligned(head, *map(_line, listed))


def _line(target: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        *(target[name] for name in ("name", "kind", "address")),
        "escalations" if target["escalations_only"] else f"from {target['min_severity']}",
        target["enterprise"] or "all",
        target["language"],
        f"{target['digest']} {target['zone']}" if target["digest"].startswith("daily") else target["digest"],
        "enabled" if target["enabled"] else "disabled",
    )


async def disable(db: Database, name: str, actor: str) -> bool:
    """Tell it nothing more, nor what waits; False if there is none of this name."""
    async with db.transaction() as conn:
        number = await conn.fetchval(SQL["target_disable"], name)
        if number is None:
            return False
        await conn.execute(SQL["target_forget"], number)
        await conn.execute(SQL["target_give_up"], number)
        await conn.execute(SQL["target_audit"], actor, "disable", name, None)
    return True


async def test(db: Database, name: str, body: dict[str, Any], now: int) -> int | None:
    """Have a test sent, once; the notification's id. None if there is no such target, or it is disabled."""
    async with db.transaction() as conn:
        row = await conn.fetchrow(SQL["target_list"], name)
        if row is None or not row["enabled"]:
            return None
        return await notifications.insert(conn, row["id"], body, now, test=True)


def shown(kind: str, address: str) -> str:
    """An address without what is secret in it: of a URL only the host, for path and query let anybody in."""
    if kind == "mail":
        return address
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}/***"


def _faults(target: Target) -> list[Fault]:
    """Everything wrong with a target by itself."""
    faults = [
        Fault(field, f"{getattr(target, field)!r} cannot be used", fix)
        for field, (pattern, fix) in _SHAPES.items()
        if not re.fullmatch(pattern, getattr(target, field))
    ]
    if target.kind == "mail" and not _MAIL.fullmatch(target.address):
        faults.append(Fault("address", f"{target.address!r} cannot be used", "give mail addresses, with commas"))
    if target.kind != "mail" and not _is_url(target.address):
        faults.append(Fault("address", f"{target.address!r} cannot be used", "give it as https://host/path"))
    if target.zone not in available_timezones():
        faults.append(Fault("zone", f"unknown zone {target.zone!r}", "give an IANA zone, for example Asia/Shanghai"))
    if target.kind == "webhook" and len(target.secret) < SHORTEST_SECRET:
        faults.append(Fault("secret", "is too short to sign with", f"give at least {SHORTEST_SECRET} characters"))
    if target.kind in ("mail", "wecom") and target.secret:
        faults.append(Fault("secret", f"{target.kind} has none", "leave it out"))
    return faults


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an address in brackets that is none
        return False
