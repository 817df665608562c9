"""Webhooks are told of alerts: signed JSON, grouped, retried until it arrives or a day has passed.

How coarse the grouping is follows from how much a webhook has been told: one gateway's alerts go together, then one
enterprise's, then all; however much happens, a webhook gets at most 20 notifications an hour.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from config.rules import rules
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
"""Notifications an hour to one webhook; beyond them only a digest of everything, every DIGEST."""
DIGEST = 600 * MICROSECOND
LISTED = 50
"""Alerts written out in one notification; all are counted."""
GIVE_UP = 86_400 * MICROSECOND
FIRST_RETRY_S, LONGEST_RETRY_S = 5.0, 900.0
AT_ONCE = 8
TIMEOUT_S = 10.0

_LEVELS: tuple[Callable[[Item], tuple[str, ...]], ...] = (
    lambda item: (item.event, item.rule, item.uscc, item.address),
    lambda item: (item.event, item.rule, item.uscc),
    lambda item: (item.event, item.rule),
    lambda item: (),
)
_SEVERITIES = ("info", "warning", "critical")
_EVENTS = {
    "opened": ("发生", "opened"),
    "reopened": ("再次发生", "back"),
    "reminded": ("仍未确认", "still open"),
    "escalated": ("升级", "escalated"),
    "resolved": ("恢复", "resolved"),
}


async def run(db: Database, clock: Callable[[], int]) -> None:
    """Group and deliver until cancelled. Raises StorageError when the database fails."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        while True:
            await group(db, clock())
            await deliver(db, client, clock)
            await asyncio.sleep(LOOK_S)


async def group(db: Database, now: int) -> None:
    """Put what is to be told into notifications, webhook by webhook."""
    async with db.connection() as conn:
        waiting = await notifications.pressure(conn, now)
    for webhook in waiting:
        if not _ready(webhook, now):
            continue
        async with db.transaction() as conn:
            for items in bundles(await notifications.untold(conn, webhook.webhook, now), webhook.sent):
                listed = sorted({item.alert for item in items})[:LISTED]
                body = _body(items, await table.items(conn, listed), now)
                await notifications.put(conn, webhook.webhook, items, body, now)


def bundles(items: Sequence[Item], sent: int) -> list[list[Item]]:
    """Items by notification: as fine as half of what the webhook may still get this hour allows."""
    allowed = max(1, (BUDGET - sent) // 2)
    for level in _LEVELS:
        groups: defaultdict[tuple[str, ...], list[Item]] = defaultdict(list)
        for item in items:
            groups[level(item)].append(item)
        if len(groups) <= allowed:
            break
    return list(groups.values())


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What a receiver computes to trust a notification: HMAC-SHA256 over `<timestamp>.<body>`."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


async def deliver(db: Database, client: httpx.AsyncClient, clock: Callable[[], int]) -> None:
    """Send what is due, each once."""
    due = await notifications.due(db, clock(), AT_ONCE)
    faults = await asyncio.gather(*(_post(client, item, clock() // MICROSECOND) for item in due))
    for item, fault in zip(due, faults, strict=True):
        now = clock()
        if fault is None:
            await notifications.sent(db, item.id, now)
            continue
        again: int | None = now + int(_backoff_s(item.attempts) * MICROSECOND)
        if again is not None and again > item.created + GIVE_UP:
            again = None
            log.error("notification %d to %s is given up after a day: %s", item.id, item.url, fault)
        elif item.attempts == 0:
            log.warning("notification %d to %s failed, it will be tried for a day: %s", item.id, item.url, fault)
        await notifications.failed(db, item.id, fault, again)


async def _post(client: httpx.AsyncClient, due: Due, timestamp: int) -> str | None:
    """Why it did not arrive; None if it did."""
    headers = {
        "Content-Type": "application/json",
        "Wanjia-Notification": str(due.id),
        "Wanjia-Signature": signature(due.secret, timestamp, due.body),
    }
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),  # httpx's own begins anew with every byte
            client.stream("POST", due.url, content=due.body, headers=headers) as answer,
        ):
            return None if answer.is_success else f"answered {answer.status_code} {answer.reason_phrase}"
    except TimeoutError:
        return f"no answer within {TIMEOUT_S:g} s"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{type(error).__name__}: {error}"


def _backoff_s(attempts: int) -> float:
    longest = min(FIRST_RETRY_S * 2.0 ** min(attempts, 20), LONGEST_RETRY_S)
    return longest * random.uniform(0.5, 1.0)


def _ready(webhook: Pressure, now: int) -> bool:
    if webhook.sent >= BUDGET:
        return now - webhook.latest >= DIGEST
    return now - webhook.oldest >= WAIT


def _body(items: Sequence[Item], listed: list[dict[str, Any]], now: int) -> dict[str, Any]:
    groups: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[item.event, item.rule].append(item)
    if len(items) == 1:
        (event, _), alert = next(iter(groups)), listed[0]
        zh, en = f"【{_EVENTS[event][0]}】{alert['zh']}", f"[{_EVENTS[event][1]}] {alert['en']}"
    else:
        zh = "；".join(_zh(*key, some) for key, some in groups.items()) + "。"
        en = "; ".join(_en(*key, some) for key, some in groups.items()) + "."
    return {
        "at": datetime.fromtimestamp(now // MICROSECOND, UTC).isoformat(),
        "severity": max((item.severity for item in items), key=_SEVERITIES.index),
        "count": len(items),
        "zh": zh,
        "en": en,
        "groups": [
            {"event": event, "rule": rule, "count": len(some), "enterprises": sorted({item.uscc for item in some})}
            for (event, rule), some in groups.items()
        ],
        "alerts": listed,
    }


def _zh(event: str, rule: str, items: list[Item]) -> str:
    return f"{_place(items, '、', '家企业')}：{rules()[rule].zh}告警{_EVENTS[event][0]} {len(items)} 条"


def _en(event: str, rule: str, items: list[Item]) -> str:
    return f"{_place(items, ', ', ' enterprises')}: {len(items)} {rules()[rule].en} alerts {_EVENTS[event][1]}"


def _place(items: list[Item], comma: str, many: str) -> str:
    enterprises = sorted({item.enterprise for item in items})
    if len(enterprises) > 3:
        return f"{len(enterprises)}{many}"
    addresses = sorted({item.address for item in items})
    place = comma.join(enterprises)
    return f"{place} {addresses[0]}" if len(addresses) == 1 and addresses[0] else place
