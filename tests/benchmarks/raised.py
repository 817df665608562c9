"""How soon a gap is raised: `python -m tests.benchmarks.raised [--meters N]`.

Ingest and watch run as they do in production, on real servers and the real clock. Meters of two cadences fall silent,
so that their deadlines come within the next minute; another one goes on. Measured is from the instant at which the
first missing reading was due until the alert is told of, which is after the gap is committed. It must be no more than a
cadence and 60 seconds; exits with 1 when any is later.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
import numpy as np

from alerts import watch
from collector import ingest
from config.samples import MICROSECOND, SampleBatch, now_us
from config.settings import Settings
from storage.database import Database
from storage.embedded import Servers, servers
from storage.migrate import migrate
from storage.stream import Stream
from tests.alerts.world import HOUR, SECOND, World
from tests.collector.seed import REVISE
from tests.homes import temporary_home
from tests.waiting import until

CADENCES = (60, 900)
ALLOWED_S = 60
GRACE_S = 45
AHEAD, SPREAD = 25, 20
"""Seconds until the first deadlines come, and over which they lie."""


async def measure(meters: int) -> dict[int, list[float]]:
    """By cadence, seconds from when each first missing reading was due until its alert was told of."""
    with temporary_home() as home, servers(Settings(home=home, mqtt="127.0.0.1:0")) as addresses:
        settings = Settings(database_url=addresses.database_url, nats_url=addresses.nats_url)
        async with _world(addresses, meters) as world:
            stop = asyncio.Event()
            roles = [asyncio.create_task(ingest.run(settings, stop))]
            last = await _fall_silent(world, meters)
            roles.append(asyncio.create_task(watch.run(settings, stop)))
            try:
                return await _raised(world, last)
            finally:
                stop.set()
                await asyncio.gather(*roles)


@asynccontextmanager
async def _world(addresses: Servers, meters: int) -> AsyncIterator[World]:
    """Meter 1 goes on; the others fall silent, every second one of each cadence; each has an address of its own."""
    db = await Database.connect(addresses.database_url, role="bench")
    await migrate(db)
    stream = await Stream.connect(addresses.nats_url)
    world = World(db, stream, quantities=("active_energy_import",))
    await world.register(meters + 1, cadence_s=CADENCES[0], since=now_us() - 2 * HOUR)
    await db.pool.execute(REVISE)
    await db.pool.execute("delete from threshold")
    await db.pool.execute("update connection set address = '10.1.' || id / 250 || '.' || id % 250 || ':502'")
    await db.pool.execute("update connection set cadence_s = $1 where id % 2 = 0", CADENCES[1])
    await db.pool.execute("update schedule set cadence_s = $1 where point_id % 2 = 0", CADENCES[1])
    try:
        yield world
    finally:
        await stream.close()
        await db.close()


async def _fall_silent(world: World, meters: int) -> dict[str, int]:
    """Store the last reading of each meter; by metering point, when the next one was due."""
    now, due = now_us(), {}
    uscc = await world.db.pool.fetchval("select uscc from enterprise")
    for number in range(2, meters + 2):
        cadence = CADENCES[1 - number % 2]
        last = now + (AHEAD + number % SPREAD - 2 * cadence - GRACE_S) * SECOND
        due[f"E-{number}"] = last + cadence * SECOND
    for second in range(SPREAD):
        for cadence in CADENCES:
            mine = [
                name for name in due if int(name[2:]) % SPREAD == second and CADENCES[1 - int(name[2:]) % 2] == cadence
            ]
            if mine:
                time = due[mine[0]] - cadence * SECOND
                rows = [(int(name[2:]), time, 1.0) for name in mine]
                await world.stream.publish(uscc, SampleBatch.from_rows(rows, received=time))

    async def stored() -> bool:
        return bool(await world.db.pool.fetchval("select count(*) = $1 from reading", meters))

    await until(stored, seconds=30, what="the last readings stored")
    return due


async def _raised(world: World, due: dict[str, int]) -> dict[int, list[float]]:
    uscc = await world.db.pool.fetchval("select uscc from enterprise")
    delays: dict[int, list[float]] = {cadence: [] for cadence in CADENCES}
    heard: set[str] = set()

    async def listen() -> None:
        async for event in world.stream.events("events.alerts.>"):
            item = msgspec.json.decode(event.data)
            name, told = item["metering_point"], now_us()
            if item["rule"] != "gap" or name not in due or name in heard:
                continue
            heard.add(name)
            onset = round(datetime.fromisoformat(item["onset"]).timestamp() * MICROSECOND)
            assert abs(onset - due[name]) < SECOND, f"{name} is dated otherwise"
            delays[CADENCES[1 - int(name[2:]) % 2]].append((told - due[name]) / SECOND)

    listening = asyncio.create_task(listen())
    for _ in range(2 * (AHEAD + SPREAD)):
        await world.stream.publish(uscc, SampleBatch.from_rows([(1, now_us(), 1.0)], received=now_us()))
        await asyncio.sleep(1)
        if len(heard) == len(due):
            break
    listening.cancel()
    return delays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=1000)
    given = parser.parse_args()
    late = False
    for cadence, delays in asyncio.run(measure(given.meters)).items():
        expected = given.meters // 2
        if not delays:
            sys.exit(f"no gap of {cadence} s cadence was raised")
        latest = max(delays)
        late |= latest > cadence + ALLOWED_S or len(delays) < expected
        print(
            f"cadence {cadence} s: {len(delays)} of {expected} gaps raised {np.median(delays):.1f} s (median), "
            f"{latest:.1f} s (latest) after the missing reading was due; allowed {cadence + ALLOWED_S} s"
        )
    sys.exit(late)


if __name__ == "__main__":
    main()
