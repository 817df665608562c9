"""Kill -9 of every part in turn, under load: nothing acknowledged is lost or doubled, and the service comes back."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from config.profilefiles import profiles
from protocols.simulator.growing import simulate
from tests.faults.city import Book, City, publish, push
from tests.homes import temporary_home
from tests.waiting import until

KILLS = 24
RECOVERY_S = 15
PARTS = ("collect", "ingest", "postgres", "nats", "api", "watch")

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(420)]


@pytest.fixture
async def modbus() -> AsyncIterator[str]:
    """Address of one growing meter."""
    stop, addresses = asyncio.Event(), asyncio.get_running_loop().create_future()
    meter = asyncio.create_task(
        simulate(
            profiles()["chint-dtsu666"], 1, host="127.0.0.1", port=0, gateways=False, stop=stop,
            ready=addresses.set_result,
        )
    )  # fmt: skip
    yield (await addresses)[0]
    stop.set()
    await meter


async def test_nothing_acknowledged_is_lost_through_kills(modbus: str) -> None:
    with temporary_home() as home:
        city = City(home, dict(os.environ))
        try:
            await city.start(modbus)
            mqtt, http = Book(), Book()
            senders = [asyncio.create_task(publish(city, mqtt)), asyncio.create_task(push(city, http))]
            try:
                recoveries = await kill_in_turn(city)
            except AssertionError as error:
                error.add_note(city.log())
                raise
            finally:
                while not all(sender.done() for sender in senders):  # a client may swallow a cancellation
                    for sender in senders:
                        sender.cancel()
                    await asyncio.wait(senders, timeout=1)
            assert all(sender.cancelled() for sender in senders)
            assert len(mqtt.acknowledged) > 500
            assert len(http.acknowledged) > 500
            await settled(city, mqtt, http)
            print(f"\n{len(recoveries)} kills, {len(mqtt.acknowledged)} + {len(http.acknowledged)} acknowledged;")
            print(f"recovered in {max(recoveries):.1f} s at most, {sum(recoveries) / len(recoveries):.1f} s on average")
        finally:
            city.stop()


async def kill_in_turn(city: City) -> list[float]:
    """Kill one part after the other at random moments; how long until all three ways bring new readings again."""
    chance, recoveries, begun = random.Random(7), [], time.time()
    await until(lambda: fresh(city, begun), seconds=30, what="readings arrive by all three ways")
    for number in range(KILLS):
        part = PARTS[number % len(PARTS)]
        await asyncio.sleep(chance.uniform(0, 1.5))
        pid = await until(lambda part=part: city.pid(part), seconds=RECOVERY_S, what=f"{part} runs")
        os.kill(pid, signal.SIGKILL)
        killed = time.time()
        await until(
            lambda killed=killed: fresh(city, killed + 0.2), seconds=RECOVERY_S, what=f"recovery from kill of {part}"
        )
        recoveries.append(time.time() - killed)
        print(f"{part} killed, back in {recoveries[-1]:.1f} s", flush=True)
    return recoveries


async def fresh(city: City, since: float) -> bool:
    """Whether readings of all three metering points with times after `since` are stored."""
    rows = await ask(
        city,
        "select count(distinct metering_point_id) from reading join point on point.id = point_id"
        " where time > to_timestamp($1)",
        since,
    )
    return bool(rows and rows[0][0] == 3)


async def settled(city: City, mqtt: Book, http: Book) -> None:
    """Wait until each acknowledged sample is there exactly once, with its value."""
    for code, book in (("E-mqtt", mqtt), ("E-http", http)):
        lost = set(book.acknowledged.items())
        deadline = time.monotonic() + 30
        while lost and time.monotonic() < deadline:
            stored = await readings_of(city, code)
            assert len(stored) == len(dict(stored))
            lost = book.acknowledged.items() - set(stored)
            await asyncio.sleep(0.2)
        at = sorted(lost)
        assert not at, f"{code}: {len(at)} of {len(book.acknowledged)} lost, {at[0]} … {at[-1]}\n{city.log()}"


async def readings_of(city: City, code: str) -> list[tuple[int, float]]:
    rows = await ask(
        city,
        "select (extract(epoch from time) * 1000000)::bigint, value from reading join point on point.id = point_id"
        " join metering_point m on m.id = metering_point_id where m.code = $1",
        code,
    )
    return [(row[0], row[1]) for row in rows or ()]


async def ask(city: City, query: str, *arguments: object) -> list[asyncpg.Record] | None:
    """Rows, or None while the database is away."""
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(city.database_url, timeout=3)
        try:
            return await connection.fetch(query, *arguments, timeout=5)
        finally:
            await connection.close()
    return None
