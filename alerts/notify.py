"""Targets are told of alerts: grouped, or gathered in a digest, and tried again until it arrives or a day has passed.

How coarse the grouping is follows from how much a target has been told: one gateway's alerts go together, then one
enterprise's, then all; however much happens, a target gets at most 20 notifications an hour.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from alerts.channels import TIMEOUT_S, Channels
from alerts.message import body, listed
from config.mail import MailServer
from config.samples import MICROSECOND
from storage import alerts as table
from storage import notifications
from storage.database import Database
from storage.notifications import Due, Item, Pressure

log = logging.getLogger(__name__)

LOOK_S = 2.0
WAIT = 10 * MICROSECOND
"""How long the first of a group waits for others."""
BUDGET = 14
"""Notifications an hour to one target; beyond them only a digest of everything, every DIGEST."""
DIGEST = 600 * MICROSECOND
GIVE_UP = 86_400 * MICROSECOND
FIRST_RETRY_S, LONGEST_RETRY_S = 5.0, 900.0
AT_ONCE = 8

_LEVELS: tuple[Callable[[Item], tuple[str, ...]], ...] = (
    lambda item: (item.event, item.rule, item.uscc, item.address),
    lambda item: (item.event, item.rule, item.uscc),
    lambda item: (item.event, item.rule),
    lambda item: (),
)


async def run(db: Database, mail: MailServer | None, clock: Callable[[], int]) -> None:
    """Group and deliver until cancelled. Raises StorageError when the database fails."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        while True:
            await group(db, clock())
            await deliver(db, Channels(client, mail), clock)
            await asyncio.sleep(LOOK_S)


async def group(db: Database, now: int) -> None:
    """Put what is to be told into notifications, target by target."""
    async with db.connection() as conn:
        waiting = await notifications.pressure(conn, now)
    for target in waiting:
        if not ready(target, now):
            continue
        async with db.transaction() as conn:
            items = await notifications.untold(conn, target.target, now)
            for some in bundles(items, target.sent) if target.digest == "immediately" else [items]:
                told = body(some, await table.items(conn, listed(some)), now)
                await notifications.put(conn, target.target, some, told, now)


def bundles(items: Sequence[Item], sent: int) -> list[list[Item]]:
    """Items by notification: as fine as half of what the target may still get this hour allows."""
    allowed = max(1, (BUDGET - sent) // 2)
    for level in _LEVELS:
        groups: defaultdict[tuple[str, ...], list[Item]] = defaultdict(list)
        for item in items:
            groups[level(item)].append(item)
        if len(groups) <= allowed:
            break
    return list(groups.values())


def ready(target: Pressure, now: int) -> bool:
    """Whether a target is to be told now what waits for it."""
    if target.digest != "immediately":
        return target.oldest <= _digest_time(target, now)
    if target.sent >= BUDGET:
        return now - target.latest >= DIGEST
    return now - target.oldest >= WAIT


def _digest_time(target: Pressure, now: int) -> int:
    """The last instant, up to now, at which the digest was due: an hour's begin, or the day's time of its clock."""
    local = datetime.fromtimestamp(now // MICROSECOND, UTC).astimezone(ZoneInfo(target.zone))
    if target.digest == "hourly":
        begin = local.replace(minute=0, second=0)
    else:
        hour, minute = map(int, target.digest.removeprefix("daily ").split(":"))
        begin = local.replace(hour=hour, minute=minute, second=0, fold=0)
        if begin > local:
            begin -= timedelta(days=1)
    return int(begin.timestamp()) * MICROSECOND


async def deliver(db: Database, channels: Channels, clock: Callable[[], int]) -> None:
    """Send what is due, each once."""
    due = await notifications.due(db, clock(), AT_ONCE)
    faults = await asyncio.gather(*(channels.send(item, clock() // MICROSECOND) for item in due))
    for item, fault in zip(due, faults, strict=True):
        now = clock()
        if fault is None:
            await notifications.sent(db, item.id, now)
        else:
            await notifications.failed(db, item.id, fault, _again(item, fault, now))


def _again(item: Due, fault: str, now: int) -> int | None:
    """When a notification that failed is tried again; None: never."""
    if item.test:
        return None
    again = now + int(_backoff_s(item.attempts) * MICROSECOND)
    if again > item.created + GIVE_UP:
        log.error("notification %d to %s is given up after a day: %s", item.id, item.target, fault)
        return None
    if item.attempts == 0:
        log.warning("notification %d to %s failed, it will be tried for a day: %s", item.id, item.target, fault)
    return again


def _backoff_s(attempts: int) -> float:
    longest = min(FIRST_RETRY_S * 2.0 ** min(attempts, 20), LONGEST_RETRY_S)
    return longest * random.uniform(0.5, 1.0)
