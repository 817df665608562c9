"""What the routes work with: database, stream, registry snapshot and live state, kept up through outages."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from api.gate import Gate
from api.live import Hub, Latest, every
from api.standing import Standings
from config.calorific import CalorificValue, with_measured
from config.factors import Factor, factors
from config.prices import prices
from config.samples import SampleBatch
from config.tariffs import tariffs
from config.workdays import REPAIR_DAYS, RepairClock, calendar
from storage import access, views
from storage.access import Principal
from storage.database import Database
from storage.errors import StorageError, Unavailable
from storage.migrate import refuse_older
from storage.points import PointTable, load_points
from storage.stream import Event, Stream

log = logging.getLogger(__name__)

STATEMENT_S = 20
"""Longest a query of a request may run."""
POOL = 8
RESYNC_S = 300.0
"""Last readings are read from the database again this often: events may be missed."""
_LONGEST_BACKOFF_S = 10.0


class Services:
    """Everything behind the routes. Without `database` or `stream` their use raises Unavailable, until they are set."""

    def __init__(
        self,
        database: Database | None = None,
        stream: Stream | None = None,
        *,
        own_factors: Path | None = None,
        own_tariffs: Path | None = None,
        own_prices: Path | None = None,
        own_holidays: Path | None = None,
        repair_days: int = REPAIR_DAYS,
        retention_days: int = 1826,
    ) -> None:
        """Raises ConfigError for a user's file of factors, tariff plans, prices or holidays that cannot be used."""
        self._database = database
        self._stream = stream
        self._revision = b""
        self.retention_days = retention_days
        self.factors = factors(own_factors)
        self.tariffs = tariffs(own_tariffs)
        self._measured: dict[str, tuple[CalorificValue, ...]] = {}
        self.prices = prices(own_prices)
        self.repair_clock = RepairClock(repair_days, calendar(own_holidays))
        self.points = PointTable()
        self._loading = asyncio.Lock()
        self.latest = Latest()
        self.hub = Hub()
        self.standings = Standings()
        self.gate = Gate(self._find)

    @property
    def database(self) -> Database:
        if self._database is None:
            raise Unavailable("the database has not been reached yet")
        return self._database

    @property
    def stream(self) -> Stream:
        if self._stream is None:
            raise Unavailable("the stream has not been reached yet")
        return self._stream

    async def connect(self, database_url: str, nats_url: str) -> None:
        """Reach both servers and load what is in memory, from where an earlier attempt ended. Raises StorageError."""
        if self._database is None:
            self._database = await Database.connect(
                database_url, role="api", timeout_s=STATEMENT_S, pool_size=POOL, plan_anew=True
            )
        await refuse_older(self._database)
        if self._stream is None:
            self._stream = await Stream.connect(nats_url)
        await self.reload()
        await self.resync()

    async def close(self) -> None:
        """Let go of both servers."""
        self.hub.close()
        if self._stream:
            await self._stream.close()
        if self._database:
            await self._database.close()

    async def reload(self) -> None:
        """Take the registry as it is now."""
        self.points = await load_points(self.database)
        self.hub.regions = await views.regions(self.database)
        self._measured = await views.calorific_values(self.database)

    async def registry(self) -> PointTable:
        """The points as they are now, whether or not the stream has told of a change yet."""
        async with self._loading:
            if await views.revision(self.database) != self.points.revision:
                await self.reload()
        return self.points

    async def resync(self) -> None:
        """Take the last readings as the database has them."""
        self.latest.load(await views.latest(self.database))

    async def run(self, database_url: str, nats_url: str) -> None:
        """Connect, then follow registry and events until cancelled."""
        await _patiently("reaching the servers", lambda: self.connect(database_url, nats_url))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_registry())
            group.create_task(self._follow_events())
            group.create_task(self._flush())
            group.create_task(self._resync_often())

    def factors_of(self, uscc: str, region: str) -> tuple[Factor, ...]:
        """The factors for an enterprise: its measured calorific values go before the others."""
        return with_measured(self.factors, self._measured.get(uscc, ()), region)

    def measures(self, uscc: str) -> bool:
        """Whether an enterprise has measured calorific values."""
        return uscc in self._measured

    def take(self, event: Event) -> None:
        """An event of the stream: `events.readings.<uscc>` or `events.alerts.<uscc>`."""
        _, kind, uscc = event.subject.split(".", 2)
        if kind == "alerts":
            self.hub.alert(uscc, event.data)
            return
        batch = SampleBatch.from_bytes(event.data)
        live = event.headers.get("Lane", "live") == "live"
        self.latest.take(batch, live=live)
        if live:
            self.hub.gather(uscc, batch)

    async def _find(self, key: str) -> Principal | None:
        return await access.find(self.database, key)

    async def _follow_events(self) -> None:
        async for event in self.stream.events("events.>"):
            self.take(event)

    async def _follow_registry(self) -> None:
        async for _ in every(1):
            await _patiently("following the registry", self._look_at_revision)

    async def _look_at_revision(self) -> None:
        revision = await self.stream.registry.get("revision") or b""
        if revision != self._revision:
            await self.reload()
            self._revision = revision

    async def _flush(self) -> None:
        async for _ in every(1):
            self.hub.flush(self.points)

    async def _resync_often(self) -> None:
        epoch, left = self.stream.epoch, RESYNC_S
        async for _ in every(1):
            left -= 1
            if left <= 0 or epoch != self.stream.epoch:
                await _patiently("reading the last readings", self.resync)
                epoch, left = self.stream.epoch, RESYNC_S


async def _patiently(what: str, attempt: Callable[[], Awaitable[None]]) -> None:
    """Until it works, with longer and longer pauses; said once when it begins to fail and once when it is over."""
    failures = 0
    while True:
        try:
            await attempt()
        except StorageError as error:
            if not failures:
                log.warning("%s fails, it is tried again: %s", what, error)
            failures += 1
            await asyncio.sleep(min(0.25 * 2.0 ** min(failures, 10), _LONGEST_BACKOFF_S) * random.uniform(0.5, 1.0))
        else:
            if failures:
                log.info("%s works again", what)
            return
