"""The watch role: follows what is stored and raises an alert when readings stay away.

Events of stored readings move deadlines; a deadline that passes, a hole, a late fill or a return is looked up in the
reading table, and only that decides: a lost event costs a query, never a wrong alert. One cycle on one screen:

    _hear      events → deadlines, marks                          alerts/deadlines.py
    look       marked ranges → gaps                               alerts/survey.py, expected.py, ledger.py
    changes    silence → findings that begin, last, end           alerts/episodes.py, rules/
    _inspect   closed data → findings that stand, beside           alerts/inspect.py, rules/
    commit     findings → alerts, trail, what targets are told   alerts/lifecycle.py
    _tell      alerts that changed → events.alerts.<uscc>
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from alerts import lifecycle, notify
from alerts.deadlines import Ranges
from alerts.inspect import Inspected, Inspections
from alerts.lifecycle import Changes
from alerts.policy import Policy
from alerts.rules import INSPECTIONS
from alerts.state import State, load, mark_filled
from alerts.survey import explain, look
from config.samples import MICROSECOND, SampleBatch, now_us
from config.settings import Settings
from config.tasks import cancelled
from storage import alerts as table
from storage import gaps
from storage.database import Database
from storage.embedded import Servers, servers
from storage.errors import StorageError, Unavailable
from storage.exclusive import exclusive
from storage.grounds import keep_refused
from storage.migrate import refuse_older
from storage.stream import Event, Stream

if TYPE_CHECKING:
    from storage.database import Connection

log = logging.getLogger(__name__)

CYCLE_S = 1.0
NOTE = 60 * MICROSECOND
"""How often it is written down up to when readings were looked at."""
SETTLING = 60 * MICROSECOND
"""How often it is looked of which gaps the energy has become known."""
INSPECT_S = 20.0
"""How often it is looked whether inspections are due."""
RESYNC = 600 * MICROSECOND
"""How often gaps are compared with readings whatever the events said."""
TEND = 10 * MICROSECOND
"""How often it is looked at what time alone does to alerts."""
BEHIND = 60 * MICROSECOND
SETTLED = 10 * MICROSECOND
"""After so long without back-filled readings, and none waiting, history is in."""
LONGEST_BACKOFF_S = 10.0
STEADY_S = 30.0
"""After so long without one a failure is a new one, to be said."""
REST = MICROSECOND
"""How long looking for causes rests per thousand gaps looked at."""
POOL = 4
TIMEOUT_S = 120.0


async def run(settings: Settings, stop: asyncio.Event, clock: Callable[[], int] = now_us) -> None:
    """Watch until `stop`, whenever this process holds the lock; through outages of database and stream. Raises
    ConfigError for files of factors or prices that cannot be used."""
    policy = Policy.of(settings)
    with servers(settings) as addresses:
        failures = 0
        while not stop.is_set():
            began = time.monotonic()
            try:
                await _turn(addresses, policy, stop, clock)
            except StorageError as error:
                failures = failures + 1 if time.monotonic() - began < STEADY_S else 1
                if failures == 1:
                    log.warning("watch stands still, it will go on by itself: %s", error)
                longest = min(0.5 * 2.0 ** min(failures, 10), LONGEST_BACKOFF_S)
                await _pause(stop, longest * random.uniform(0.5, 1.0))


async def _turn(addresses: Servers, policy: Policy, stop: asyncio.Event, clock: Callable[[], int]) -> None:
    """Connect, wait for the lock, watch."""
    db = await Database.connect(addresses.database_url, role="watch", timeout_s=TIMEOUT_S, pool_size=POOL)
    try:
        await refuse_older(db)
        stream = await Stream.connect(addresses.nats_url)
        try:
            async with exclusive(db, "watch", stop) as conn:
                if conn is not None:
                    await Watch(db, stream, conn, policy, clock).run(stop)
        finally:
            await stream.close()
    finally:
        await db.close()


class Watch:
    """The active watch. `conn` holds the lock; everything is written on it."""

    def __init__(
        self,
        db: Database,
        stream: Stream,
        conn: Connection,
        policy: Policy,
        clock: Callable[[], int],
    ) -> None:
        self._db = db
        self._stream = stream
        self._conn = conn
        self._policy = policy
        self._clock = clock
        self._state: State | None = None
        self._heard: list[Event] = []
        """Events that came while the state was read; None are kept otherwise."""
        self._inspections = Inspections(db, INSPECTIONS.values(), self._deliver)
        self._refused: dict[str, list[int]] = {}
        """Points refused by meters, by connection."""
        self._refusals_changed = False
        self._inspected: list[Inspected] = []
        """What the next cycle writes."""
        self._revised = True
        self._unjudged = True
        """Gaps have changed since causes were last looked for."""
        self._next_note = self._next_resync = self._next_judging = self._next_settling = self._next_tend = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises StorageError when database or lock are lost."""
        log.info("watching")
        ending = asyncio.Event()
        cycles = asyncio.create_task(self._cycles(ending))
        helpers = (
            stop.wait(),
            self._listen(),
            self._follow_registry(),
            self._follow_refusals(),
            notify.run(self._db, self._policy.mail, self._clock),
            self._inspect(),
        )
        tasks = [cycles, *(asyncio.create_task(helper) for helper in helpers)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            ending.set()
            await asyncio.wait([cycles])  # never cancelled: the connection would be left in the middle of a query
        finally:
            await cancelled(tasks)
        faults = [task.exception() for task in tasks if not task.cancelled()]
        for fault in filter(None, faults):
            raise fault

    async def cycle(self) -> None:
        """Look at what is marked or overdue, write gaps and alerts in one transaction, tell of them."""
        if self._conn.is_closed():
            raise Unavailable("the connection to the database that made this watch the active one is gone")
        now = self._clock()
        if self._revised or self._state is None:
            await self._reload(now)
        state = self._state
        assert state is not None
        deadlines, episodes = state.deadlines, state.episodes
        if now >= deadlines.next_change:
            changed = deadlines.advance(now)
            deadlines.mark(changed, np.maximum(deadlines.last[changed], 1), np.full(len(changed), now))
            episodes.windows_changed()
        if now >= self._next_resync:
            await mark_filled(self._conn, deadlines)
            await gaps.allocated(self._conn, "open", "estimated")
            self._unjudged = True
            self._next_resync = now + RESYNC
        deadlines.held = now >= deadlines.next_due and await self._behind(now)
        overdue = deadlines.overdue(now)
        deadlines.mark(overdue, np.maximum(deadlines.last[overdue], 1), np.full(len(overdue), now))
        settled = await self._settled(state, now)
        if settled:
            deadlines.resume()
        ids = await self._write(state, deadlines.take_marked(), now, settled=settled)
        if now >= self._next_tend:
            async with self._conn.transaction():
                ids += await lifecycle.tend(self._conn, now, self._policy.patience)
            self._next_tend = now + TEND
        await self._tell(ids)
        if self._refusals_changed:
            await self._write_refusals(now)
        if self._unjudged and now >= self._next_judging:
            await self._judge(state, now)
        if now >= self._next_settling:
            await gaps.allocated(self._conn, "open")
            self._next_settling = now + SETTLING
        if now >= self._next_note and not deadlines.waiting:
            await gaps.set_watched(self._conn, min(state.horizon or now, now))
            self._next_note = now + NOTE

    async def _write(self, state: State, ranges: Ranges, now: int, *, settled: bool) -> list[int]:
        """Gaps and alerts, all or nothing; the ids of alerts that changed."""
        episodes = state.episodes
        if not len(ranges):
            changes = self._with_inspected(state, episodes.changes(now), now)
            if not changes:
                return []
            async with self._conn.transaction():
                return await lifecycle.commit(self._conn, changes, state.running, now, self._policy)
        async with self._conn.transaction():
            outcome = await look(self._conn, state.deadlines, ranges, now, settled=settled)
            self._unjudged |= outcome.changed
            episodes.take(outcome)
            changes = self._with_inspected(state, episodes.changes(now), now)
            changes.past += episodes.past(outcome.past, now)
            return await lifecycle.commit(self._conn, changes, state.running, now, self._policy)

    async def _write_refusals(self, now: int) -> None:
        """Keep what meters refuse; it may be why readings are missing."""
        self._refusals_changed = False  # before the first wait: what comes meanwhile is for the next cycle
        refused = {int(connection): points for connection, points in self._refused.items()}
        async with self._conn.transaction():
            self._unjudged |= await keep_refused(self._conn, refused, now)

    async def _judge(self, state: State, now: int) -> None:
        """Say why readings are missing. While thousands of gaps change from cycle to cycle, only now and then."""
        self._unjudged = False
        async with self._conn.transaction():
            judged = await explain(self._conn, state.causes, state.deadlines, now)
        self._next_judging = now + judged // 1000 * REST

    async def _reload(self, now: int) -> None:
        before, self._state, self._revised = self._state, None, False
        self._refusals_changed = bool(self._refused)
        self._inspections.forget()
        self._state = await load(self._db, self._conn, now, before)
        for event in self._heard:
            self._take(self._state, event)
        self._heard.clear()

    def _with_inspected(self, state: State, changes: Changes, now: int) -> Changes:
        """The changes with those that inspections have found since."""
        found, self._inspected = self._inspected, []
        for inspected in found:
            state.standing.compare(inspected, now, changes)
        return changes

    def _deliver(self, inspected: Inspected) -> None:
        self._inspected.append(inspected)

    async def _inspect(self) -> None:
        """Run the inspections that are due, again and again."""
        while True:
            if self._state is not None:
                await self._inspections.turn(self._state.points, self._clock())
            await asyncio.sleep(INSPECT_S)

    async def _listen(self) -> None:
        async for event in self._stream.events("events.readings.>"):
            if self._state is None:
                self._heard.append(event)
            else:
                self._take(self._state, event)

    def _take(self, state: State, event: Event) -> None:
        try:
            batch = SampleBatch.from_bytes(event.data)
        except ValueError as error:
            log.warning("an event on %s is left out: %s", event.subject, error)
            return
        live = event.headers.get("Lane", "live") == "live"
        state.deadlines.heard(batch, live=live)
        if live:
            state.horizon = max(state.horizon, batch.received)
        elif len(batch):
            state.history = self._clock()
            self._inspections.history_came(state.history, int(batch.time.min()))

    async def _follow_registry(self) -> None:
        async for entry in self._stream.registry.watch("revision"):
            if entry is not None:
                self._revised = True

    async def _follow_refusals(self) -> None:
        complete = False
        async for entry in self._stream.refusals.watch():
            complete = complete or entry is None
            if entry is not None:
                self._refused.pop(entry.key, None)
                if entry.value is not None:
                    self._refused[entry.key] = msgspec.json.decode(entry.value, type=list[int])
            self._refusals_changed = complete

    async def _cycles(self, ending: asyncio.Event) -> None:
        while not ending.is_set():
            await self.cycle()
            await _pause(ending, CYCLE_S)

    async def _behind(self, now: int) -> bool:
        """Whether readings wait in the stream that ingest does not get to: silence cannot be told from delay."""
        state = self._state
        if state is None or now - state.horizon < BEHIND:
            return False
        return await self._waits("live", "meters", "mqtt")

    async def _settled(self, state: State, now: int) -> bool:
        """Whether no history is coming in that may fill what is missing between readings."""
        if not state.deadlines.marked and not state.deadlines.waiting:
            return True
        return now - state.history >= SETTLED and not await self._waits("backfill")

    async def _waits(self, *lanes: str) -> bool:
        """Whether messages wait in these lanes, or nobody can say."""
        try:
            backlog = await self._stream.backlog()
        except StorageError:
            return True
        return any(backlog[lane] for lane in lanes)

    async def _tell(self, ids: list[int]) -> None:
        for start in range(0, len(ids), gaps.CHUNK):
            for item in await table.items(self._conn, ids[start : start + gaps.CHUNK]):
                await self._stream.notify(f"events.alerts.{item['uscc']}", msgspec.json.encode(item))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
