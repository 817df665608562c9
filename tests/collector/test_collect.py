"""The collect role on a real stream and real sockets."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest

from collector import collect, refusals
from config.samples import SampleBatch
from config.settings import Settings
from protocols.simulator.server import Server
from storage.stream import Stream
from tests.collector.plant import PROFILE, VALUES, connection, gateway
from tests.conftest import NatsAddress
from tests.waiting import until

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "TICK_S", 0.1)
    monkeypatch.setattr(collect, "LOOK_S", 0.2)
    monkeypatch.setattr(refusals, "LOOK_S", 0.1)


@asynccontextmanager
async def role(nats: NatsAddress, site: str = "") -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    running = asyncio.create_task(collect.run(Settings(nats_url=nats.url, site=site), stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(running, 10)


async def register(stream: Stream, server: Server, meters: int) -> None:
    await stream.registry.put(f"profile.{PROFILE.name}", PROFILE.model_dump_json().encode())
    for number in range(1, meters + 1):
        document = connection(number, server.address, number, uscc=f"E{number % 2}")
        await stream.registry.put(f"connection.{number}", msgspec.json.encode(document))


async def test_values_of_the_meters_reach_the_stream(nats: NatsAddress, stream: Stream) -> None:
    points: dict[int, list[float]] = defaultdict(list)
    async with gateway(3) as server:
        await register(stream, server, 3)
        lane = (await stream.lanes())["live"]
        async with role(nats):

            async def all_there() -> bool:
                await lane.ask()
                for message in lane.take(10**6):
                    batch = SampleBatch.from_bytes(message.data)
                    for point, value in zip(batch.point.tolist(), batch.value.tolist(), strict=True):
                        points[point].append(value)
                return all(len(points[10 * number + index]) >= 3 for number in (1, 2, 3) for index in range(4))

            await until(all_there, what="three samples of each point")
            await stream.registry.delete("connection.2")
            await until(lambda: server.units[2].requests and server.open, what="the others to go on")
    wanted = list(VALUES.values())
    assert all(np.allclose(values, wanted[point % 10], rtol=1e-6) for point, values in points.items())
    assert server.accepted == 1


async def test_one_process_collects_and_another_takes_over(
    nats: NatsAddress, stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with gateway(1) as server:
        await register(stream, server, 1)
        async with role(nats):
            await until(lambda: server.units[1].requests, what="the first to poll")
            async with role(nats):
                await until(lambda: "standing by" in caplog.text, what="the second to stand by")
                assert server.accepted == 1
        # both have stopped: the lease is free at once for a third
        async with role(nats):
            asked = server.units[1].requests
            await until(lambda: server.units[1].requests > asked, what="the third to poll")


async def test_a_lost_lease_stops_the_polling(nats: NatsAddress, stream: Stream) -> None:
    async with gateway(1) as server:
        await register(stream, server, 1)
        async with role(nats):
            await until(lambda: server.units[1].requests, what="the first poll")
            bucket = await stream._link.jetstream.key_value("lease")
            await bucket.put("collect.-", b"somebody else")
            await until(lambda: not server.open, what="the polling to stop")


async def test_what_a_meter_refuses_is_told_and_taken_back(
    nats: NatsAddress, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.links.BELIEVED_S", 0.5)

    async def told(expected: dict[str, bytes]) -> bool:
        return await stream.refusals.entries() == expected

    async with gateway(2) as server:
        server.units[1].refused = (range(0x102, 0x103),)
        await register(stream, server, 2)
        async with role(nats):
            await until(lambda: told({"1": b"[11]"}), what="the refusal")
            server.units[1].refused = ()
            await until(lambda: told({}), what="its end")
            server.units[1].refused = (range(0x102, 0x103),)
            await until(lambda: told({"1": b"[11]"}), what="the refusal again")
            await stream.registry.delete("connection.1")
            await until(lambda: told({}), what="the end of the meter")
