"""Keys at the door: who holds one, remembered for a moment, and strangers who try too many."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from api.problems import Problem
from storage.access import Principal
from storage.errors import Unavailable

FRESH_S = 10.0
"""A key is looked up again after this time: so long a revoked key may still work."""
STALE_S = 300.0
"""While the database is away a key known before works this long, so that readings can still be pushed."""
TRIES = 20
"""Wrong keys an address may send within WINDOW_S."""
WINDOW_S = 60.0
K = TypeVar("K")
V = TypeVar("V")

_REMEMBERED = 10_000
"""Keys and addresses held in memory; the oldest go first."""


@dataclass(slots=True)
class _Known:
    principal: Principal
    at: float


@dataclass(slots=True)
class _Failures:
    count: int
    since: float


class Gate:
    """Turns keys into principals. `find` asks the database."""

    def __init__(
        self, find: Callable[[str], Awaitable[Principal | None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._find = find
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    async def principal(self, key: str | None, address: str) -> Principal:
        """Who holds the key. Raises Problem 401, or 429 for an address that has sent too many wrong ones."""
        if not key:
            raise _stranger("send it as `Authorization: Bearer <key>` or `X-API-Key: <key>`")
        digest, now = hashlib.sha256(key.encode()).digest(), self._clock()
        known = self._known.get(digest)
        if known and now - known.at < FRESH_S:
            return known.principal
        if not known:
            self._refuse_guesser(address, now)
        try:
            found = await self._find(key)
        except Unavailable:
            if known and now - known.at < STALE_S:
                return known.principal
            raise
        if found is None:
            self._known.pop(digest, None)
            self._note_failure(address, now)
            raise _stranger("this one is unknown, expired or revoked")
        _remember(self._known, digest, _Known(found, now))
        return found

    def _refuse_guesser(self, address: str, now: float) -> None:
        failures = self._failures.get(address)
        if failures and failures.count >= TRIES and now - failures.since < WINDOW_S:
            wait = int(failures.since + WINDOW_S - now) + 1
            raise Problem(
                "too-many-requests",
                f"{failures.count} wrong keys came from {address}; try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )

    def _note_failure(self, address: str, now: float) -> None:
        failures = self._failures.get(address)
        if failures is None or now - failures.since >= WINDOW_S:
            failures = _Failures(0, now)
        failures.count += 1
        _remember(self._failures, address, failures)


def _remember(held: OrderedDict[K, V], key: K, value: V) -> None:
    held[key] = value
    held.move_to_end(key)
    if len(held) > _REMEMBERED:
        held.popitem(last=False)


def _stranger(why: str) -> Problem:
    return Problem("key-needed", f"an API key is needed: {why}", headers={"WWW-Authenticate": "Bearer"})
