"""What watching costs: `python -m tests.benchmarks.watch [--points N] [--cadence S] [--seconds S]`.

The watch runs on real servers in this process; another process sends it the events of readings as ingest does: twice a
second, one event per enterprise, every point once per cadence. Printed is the share of one core it uses meanwhile, and
what the start and a storm (every point silent at once, gaps and alerts opened) take.
"""

import argparse
import asyncio
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from alerts.watch import Watch
from config.samples import MICROSECOND, SampleBatch, now_us
from storage import embedded
from storage.database import Database
from storage.exclusive import exclusive
from storage.migrate import migrate
from storage.stream import Stream
from tests.alerts.world import HOUR, POLICY, World
from tests.homes import temporary_home

ENTERPRISES = 12
TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class Result:
    """Shares of one core; seconds."""

    points: int
    cadence_s: int
    cpu_share: float
    load_s: float
    storm_s: float


async def measure(points: int, cadence_s: int, seconds: float) -> Result:
    async with _world(points, cadence_s) as (world, nats_url), exclusive(world.db, "watch", asyncio.Event()) as conn:
        assert conn is not None
        watch = Watch(world.db, world.stream, conn, POLICY, now_us)
        began = time.perf_counter()
        await watch.cycle()
        load_s = time.perf_counter() - began
        stop = asyncio.Event()
        running = asyncio.create_task(watch.run(stop))
        await asyncio.sleep(3)
        command = [sys.executable, "-m", "tests.benchmarks.watch", "--send", nats_url]
        sender = subprocess.Popen([*command, "--points", str(points), "--cadence", str(cadence_s)])
        try:
            await asyncio.sleep(5)
            cpu, began = time.process_time(), time.perf_counter()
            await asyncio.sleep(seconds)
            share = (time.process_time() - cpu) / (time.perf_counter() - began)
        finally:
            sender.terminate()
            sender.wait()
            stop.set()
            await running
        world.clock.now = now_us() + 2 * HOUR
        storm = Watch(world.db, world.stream, conn, POLICY, world.clock)
        await storm.cycle()
        world.clock.now += 2 * HOUR
        began = time.perf_counter()
        await storm.cycle()
        return Result(points, cadence_s, share, load_s, time.perf_counter() - began)


@asynccontextmanager
async def _world(points: int, cadence_s: int) -> AsyncIterator[tuple[World, str]]:
    """A registry with one point a meter."""
    async with servers() as (db, stream, url):
        world = World(db, stream, quantities=("active_energy_import",))
        await world.register(points, cadence_s=cadence_s, enterprises=ENTERPRISES, since=now_us())
        yield world, url


@asynccontextmanager
async def servers() -> AsyncIterator[tuple[Database, Stream, str]]:
    """An empty, migrated database and a stream, with its address, on servers of their own."""
    with temporary_home() as home, embedded.postgres(home) as postgres, embedded.nats(home, "127.0.0.1:0") as nats:
        admin = await Database.connect(postgres.url, role="bench")
        name = f"bench_{uuid.uuid4().hex[:8]}"
        await admin.pool.execute(f"create database {name}")
        await admin.close()
        db = await Database.connect(urlsplit(postgres.url)._replace(path=f"/{name}").geturl(), role="bench")
        stream = await Stream.connect(nats.url)
        try:
            await migrate(db)
            yield db, stream, nats.url
        finally:
            await stream.close()
            await db.close()


async def send(url: str, points: int, cadence_s: int) -> None:
    """Events of readings, until killed."""
    stream = await Stream.connect(url)
    number = np.arange(1, points + 1, dtype=np.int32)
    phase = number * 7919 % round(cadence_s / TICK_S)
    tick = 0
    while True:
        now = now_us()
        due = number[phase == tick % round(cadence_s / TICK_S)]
        for enterprise in range(ENTERPRISES):
            some = due[due % ENTERPRISES == enterprise]
            if len(some):
                zeros = np.zeros(len(some), np.int16)
                batch = SampleBatch(some, np.full(len(some), now), zeros.astype(float), zeros, now)
                await stream.notify(f"events.readings.U{enterprise}", batch.to_bytes(), {"Lane": "live"})
        tick += 1
        await asyncio.sleep(max(0.0, TICK_S - (now_us() - now) / MICROSECOND))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--cadence", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--send", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.send:
        asyncio.run(send(given.send, given.points, given.cadence))
        return
    result = asyncio.run(measure(given.points, given.cadence, given.seconds))
    print(
        f"{result.points} points every {result.cadence_s} s: {result.cpu_share:.1%} of a core, "
        f"ready in {result.load_s:.1f} s, all silent at once handled in {result.storm_s:.1f} s"
    )


if __name__ == "__main__":
    main()
