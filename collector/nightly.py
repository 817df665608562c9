"""Every night: prove the day that has ended in each zone; look again at days that did not add up or have changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.reconcile import verify
from config.samples import MICROSECOND, now_us
from config.tasks import beside
from storage import proofs
from storage.database import Database
from storage.errors import StorageError
from storage.points import PointTable, load_points

log = logging.getLogger(__name__)

SETTLED = timedelta(hours=3)
"""How long after midnight a day is proved: late readings come meanwhile."""
BACK = 7
"""Days that are caught up after an outage."""
LOOK_S = 300.0
AGAIN = 200
"""Days that did not add up, or have changed since they were proved, and are looked at again at a time."""


def proving(db: Database, retention_days: int) -> AbstractAsyncContextManager[None]:
    """While the block runs, prove what is due."""
    return beside(_keep(db, retention_days))


async def _keep(db: Database, retention_days: int) -> None:
    broken = False
    while True:
        try:
            await prove_due(db, now_us(), retention_days)
            broken = False
        except Exception as error:
            if not broken:
                unknown = None if isinstance(error, StorageError) else error
                log.warning("the nightly proof is interrupted; trying again: %s", error, exc_info=unknown)
            broken = True
        await asyncio.sleep(LOOK_S)


async def prove_due(db: Database, now: int, retention_days: int) -> None:
    """What is to be proved at this instant. Raises StorageError."""
    kept_from = now - retention_days * 86_400 * MICROSECOND
    async with db.connection() as conn:
        done = await proofs.last_runs(conn)
        again = await proofs.again(conn, now - int(LOOK_S) * MICROSECOND, AGAIN)
    table = await load_points(db)
    zones = {point.zone for point in table.points.values() if point.register}
    for zone in sorted(zones):
        for day in _due(zone, now, done.get(zone)):
            await _prove(db, table, zone, day, kept_from)
    for day in sorted({day for _, day in again}):
        async for _ in verify(db, table, [point for point, one in again if one == day], day, kept_from):
            pass


def _due(zone: str, now: int, done: date | None) -> Sequence[date]:
    """Days that have ended and settled and are not done; only the last one when none was ever."""
    here = datetime.fromtimestamp(now / MICROSECOND, ZoneInfo(zone))
    last = (here - SETTLED).date() - timedelta(days=1)
    first = last if done is None else max(done + timedelta(days=1), last - timedelta(days=BACK - 1))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


async def _prove(db: Database, table: PointTable, zone: str, day: date, kept_from: int) -> None:
    points = [point.id for point in table.points.values() if point.register and point.zone == zone]
    checked = unsound = 0
    async for found in verify(db, table, points, day, kept_from):
        checked += len(found.proofs)
        unsound += sum(not one.sound for one in found.proofs)
    async with db.connection() as conn:
        await proofs.run_done(conn, zone, day, checked, unsound)
    log.info("%s in %s: %d points proved, %d of them do not add up", day, zone, checked, unsound)
