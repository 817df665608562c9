"""The role as it runs: from the stream to the database on servers that are killed meanwhile."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from collector.ingest import run
from config.samples import MICROSECOND, SampleBatch
from config.settings import Settings
from storage import intervals, readings
from storage.database import Database
from storage.embedded import Servers, servers
from storage.embedded.room import Room
from storage.errors import StorageError
from storage.migrate import migrate
from storage.stream import Stream
from tests.collector.seed import USCC, seed
from tests.homes import temporary_home
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

START = 1_767_225_600 * MICROSECOND
MINUTE = 60 * MICROSECOND
RECOVERED_S = 15


@pytest.fixture
async def place() -> AsyncIterator[tuple[Path, Servers, Database, Stream, list[int]]]:
    """Servers of their own, a database with points, and the role running on them."""
    with temporary_home() as home:
        settings = Settings(home=home, mqtt="127.0.0.1:0")
        with servers(settings) as addresses:
            db = await Database.connect(addresses.database_url, role="test")
            await migrate(db)
            points = await seed(db, 5, multiplier=3.0)
            stream = await Stream.connect(addresses.nats_url)
            stop = asyncio.Event()
            role = asyncio.create_task(run(settings, stop))
            yield home, addresses, db, stream, points
            stop.set()
            await asyncio.wait_for(role, 10)
            await stream.close()
            await db.close()


async def test_what_was_acknowledged_is_stored_once_through_kills(
    place: tuple[Path, Servers, Database, Stream, list[int]],
) -> None:
    home, addresses, _, stream, points = place
    taken: set[tuple[int, int]] = set()
    done = asyncio.Event()

    async def send() -> None:
        minute = 0
        while not done.is_set():
            rows = [(point, START + minute * MINUTE, minute * 0.5) for point in points]
            with contextlib.suppress(StorageError):
                await stream.publish(USCC, SampleBatch.from_rows(rows), "backfill" if minute % 3 else "live")
                taken.update((point, time) for point, time, _ in rows)
                minute += 1
            await asyncio.sleep(0.005)

    sender = asyncio.create_task(send())
    for name in ("postgres", "nats", "postgres", "nats"):
        before = len(taken)
        await until(lambda before=before: len(taken) > before + 200, seconds=RECOVERED_S, what="readings accepted")
        server = Room(home, name).read().pid
        assert server
        os.kill(server, signal.SIGKILL)
        reached = len(taken)
        await until(
            lambda reached=reached: _stored_more(addresses, reached), seconds=RECOVERED_S, what=f"life after {name}"
        )
    done.set()
    await sender
    await until(lambda: _stored_more(addresses, len(taken) - 1), seconds=30, what="everything stored")
    await _check(addresses, points, taken)


async def _stored_more(addresses: Servers, count: int) -> bool:
    with contextlib.suppress(StorageError):
        db = await Database.connect(addresses.database_url, role="test", pool_size=1)
        try:
            async with db.connection() as conn:
                return int(await conn.fetchval("select count(*) from reading")) > count
        finally:
            await db.close()
    return False


async def _check(addresses: Servers, points: list[int], taken: set[tuple[int, int]]) -> None:
    """Readings are those taken, and perhaps some whose acknowledgement got lost; intervals are what they make."""
    db = await Database.connect(addresses.database_url, role="test")
    async with db.connection() as conn:
        for point in points:
            found = await readings.series(conn, point, 0, START * 2)
            assert {time for where, time in taken if where == point} <= set(found.time.tolist())
            ids = np.array([point], np.int32)
            quarters = await intervals.series(conn, ids, "15m", 0, START * 2)
            assert len(quarters) == (found.time[-1] - START) // (15 * MINUTE)
            assert quarters.consumption.tolist() == pytest.approx([15 * 0.5 * 3.0] * len(quarters))
        assert await conn.fetchval("select count(*) from reading_conflict") == 0
        assert await intervals.prove(conn, np.array(points, np.int32), 0, START * 2) == []
    await db.close()
