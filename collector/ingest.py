"""The path of readings into the database, on one screen.

stream → normalize → validate → store → intervals and rollups, in one transaction → quarantine → acknowledge → tell.
Nothing is acknowledged before it is committed or in quarantine; what comes twice is stored once. Exactly one ingest is
active; its transactions run on the connection that holds the lock, so a deposed one can write nothing more. Being
the single one with database and stream, it also keeps the registry published to the collectors.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeAlias, TypeVar

from collector.foresight import foreseeing_edits
from collector.intake import IDLE_S, acknowledge, intake
from collector.news import tell, warn_of_conflicts
from collector.nightly import proving
from collector.normalize import Normalizer, Refusal, of_rows, refusal
from collector.recompute import READINGS, postpone, put_off, recompute, work_off
from collector.rejections import note
from collector.terms import Terms
from collector.validate import Known, Times, sift
from config.quality import Flag
from config.samples import MICROSECOND, SampleBatch, now_us
from config.settings import Settings
from storage.database import Connection, Database, limit_statements, translated
from storage.embedded import Servers, servers
from storage.errors import RowsRefused, StorageError, StreamFull, TooSlow, Unavailable
from storage.exclusive import exclusive
from storage.grounds import forget_rejected
from storage.history import set_uninspected
from storage.lanes import Lane, Message
from storage.migrate import refuse_older
from storage.partitions import keep_readings
from storage.points import Point, PointTable, load_points
from storage.publication import keep_published
from storage.quality import count_late
from storage.readings import Stored, store
from storage.stream import Stream

log = logging.getLogger(__name__)
_T = TypeVar("_T")
Then: TypeAlias = Callable[[Connection, SampleBatch, Terms], Awaitable[None]]
"""What to do about the intervals of new readings."""

LONGEST_PAUSE_S = 5.0
STEADY_S = 30.0
"""After so long without one a failure is a new one, to be said."""
DROP_S = 3600.0
AT_ONCE = 100
"""Messages on their way into quarantine."""
PORTION_S = 10.0
"""Longest statement while dirty ranges are worked off: live readings wait for it."""
POISON = (RowsRefused, ValueError, ArithmeticError, LookupError)
"""Errors that a message can cause by what it says; anything else is not its fault."""


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Ingest until `stop`, whenever this process holds the lock; through outages of database and stream."""
    with servers(settings) as addresses:
        failures = 0
        while not stop.is_set():
            began = time.monotonic()
            try:
                await _turn(addresses, settings, stop)
            except StorageError as error:
                if time.monotonic() - began > STEADY_S:
                    failures = 0
                if not failures:
                    log.warning("ingest stands still, it will go on by itself: %s", error)
                failures += 1
                await asyncio.sleep(min(0.25 * 2.0 ** min(failures, 10), LONGEST_PAUSE_S) * random.uniform(0.5, 1.0))


async def _turn(addresses: Servers, settings: Settings, stop: asyncio.Event) -> None:
    """Connect, wait for the lock, ingest. Raises StorageError when either server is lost."""
    db = await Database.connect(addresses.database_url, role="ingest", timeout_s=120, pool_size=4)
    try:
        await refuse_older(db)
        stream = await Stream.connect(addresses.nats_url, settings.stream_bytes)
        try:
            async with exclusive(db, "ingest", stop) as conn:
                if conn is not None:
                    ingest = Ingest(db, stream, conn, await stream.lanes(), settings.retention_days)
                    async with (
                        keep_published(db, stream.registry),
                        proving(db, settings.retention_days),
                        foreseeing_edits(db, stream, lambda: ingest.points),
                    ):
                        await ingest.run(stop)
        finally:
            await stream.close()
    finally:
        await db.close()


class Registry:
    """What ingest knows of the registry, as of one revision."""

    def __init__(self, table: PointTable) -> None:
        self.revision = table.revision
        self.points = table.points
        self.known = Known(table)
        self.terms = Terms(table.points.values())
        self.normalizer = Normalizer(table, self.known)


class _Revised(Exception):
    """The registry is not what this transaction took it for."""


class Ingest:
    """The active ingest: everything is written on `conn`, which holds the lock."""

    def __init__(
        self, db: Database, stream: Stream, conn: Connection, lanes: Mapping[str, Lane], retention_days: int
    ) -> None:
        self._db, self._stream, self._conn, self._lanes = db, stream, conn, lanes
        self._registry = Registry(PointTable())
        self._retention_days = retention_days
        self._next_drop = 0.0
        self._portion = READINGS
        """Of the dirty ranges, so many readings at a time; fewer after it was too slow."""

    @property
    def points(self) -> Mapping[int, Point]:
        """By id, as of the last transaction."""
        return self._registry.points

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises StorageError; what was not acknowledged comes again."""
        behind, told = False, False
        while not stop.is_set():
            if messages := await intake(self._lanes, 0.0 if behind else IDLE_S):
                await self.take(messages)
            behind = await self._by_present_registry(self._work_off)
            await self._drop_old()
            if not told:
                log.info("ingesting")
            told = True

    async def take(self, messages: list[Message]) -> None:
        """See these messages to their end."""
        try:
            stored, refusals = await self._store(messages)
        except (TooSlow, *POISON) as error:
            if len(messages) > 1:  # one of them cannot be stored: halve until it is found, the others get through
                middle = len(messages) // 2
                await self.take(messages[:middle])
                await self.take(messages[middle:])
                return
            if isinstance(error, TooSlow):
                raise
            stored, refusals = None, [refusal(messages[0], f"cannot be stored: {error}")]
        unkept = await self._quarantine(refusals)
        await acknowledge(self._lanes, [message for message in messages if message.reply not in unkept])
        if stored:
            warn_of_conflicts(stored.conflicting, self._registry.points)
            await tell(self._stream, stored.new, self._registry.known)

    async def _store(self, messages: list[Message]) -> tuple[Stored, list[Refusal]]:
        """In one transaction; if the intervals take too long, they are left for later."""
        try:
            return await self._by_present_registry(lambda: self._commit(messages, recompute))
        except TooSlow as error:
            log.warning("the intervals of %d messages are left for later: %s", len(messages), error)
            return await self._by_present_registry(lambda: self._commit(messages, put_off))

    async def _commit(self, messages: list[Message], then: Then) -> tuple[Stored, list[Refusal]]:
        """Everything there is to store in these messages, with its intervals and rollups, and what is refused."""
        registry = self._registry
        rows, refusals = registry.normalizer.normalize(messages)
        good, refused = sift(rows, registry.known, self._times())
        async with self._transaction():
            stored = await store(self._conn, good.batch(), good.received)
            late = stored.new[stored.late]
            await count_late(self._conn, late.point, late.time, registry.terms.zones)
            await then(self._conn, stored.new, registry.terms)
            await note(self._conn, refusals, refused, registry.known)
            if len(history := stored.new.time[(stored.new.flags & Flag.BACKFILL) != 0]):
                await set_uninspected(self._conn, int(history.min()))  # a watch that is away now will look at it
        return stored, refusals + of_rows(refused, messages)

    async def _quarantine(self, refusals: list[Refusal]) -> set[str]:
        """Keep what can never be stored. Those that the full stream does not take (their `reply`) stay in the queue."""
        unkept: set[str] = set()
        for start in range(0, len(refusals), AT_ONCE):
            some = refusals[start : start + AT_ONCE]
            sending = [self._stream.quarantine(item.uscc, item.payload, item.reason, item.source) for item in some]
            for item, error in zip(some, await asyncio.gather(*sending, return_exceptions=True), strict=True):
                if isinstance(error, StreamFull):
                    unkept.add(item.reply)
                elif error is not None:
                    raise error
        for reason, count in Counter(item.reason for item in refusals if item.reply not in unkept).items():
            source = next(item.source for item in refusals if item.reason == reason)
            log.warning("%d messages in quarantine, one from %s: %s", count, source, reason)
        if unkept:
            log.warning("%d unreadable messages wait until the stream has room for its quarantine", len(unkept))
        return unkept

    async def _work_off(self) -> bool:
        """Some of the intervals that are marked to be computed again; whether there is more to do at once."""
        try:
            async with self._transaction():
                await limit_statements(self._conn, PORTION_S)
                worked = await work_off(self._conn, self._registry.terms, self._times().kept_from, self._portion)
        except TooSlow:
            if self._portion > 1:
                self._portion = max(self._portion // 10, 1)
                return True
            log.warning("the intervals of a point are too slow to compute; others come first")
            async with self._transaction():
                await postpone(self._conn)
            return False
        self._portion = min(self._portion * 2, READINGS)
        return worked

    def _times(self) -> Times:
        now = now_us()
        return Times(now, now - self._retention_days * 86_400 * MICROSECOND)

    async def _drop_old(self) -> None:
        """Now and then, readings older than is wanted; when someone is reading them, later."""
        if time.monotonic() >= self._next_drop:
            self._next_drop = time.monotonic() + DROP_S
            with contextlib.suppress(Unavailable), translated(self._conn):
                await keep_readings(self._conn, self._retention_days)
                await forget_rejected(self._conn)

    async def _by_present_registry(self, work: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            try:
                return await work()
            except _Revised:
                self._registry = Registry(await load_points(self._db))

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        """Committed only if the registry was what we know; raises StorageError or _Revised, then nothing happened."""
        with translated(self._conn):
            async with self._conn.transaction():
                yield
                if await self._conn.fetchval(self._db.sql["registry_revision"]) != self._registry.revision:
                    raise _Revised
