"""The demo city's MQTT meters on the real listener: what they publish is in the stream."""

import asyncio
from pathlib import Path

import pytest

from config.city import part
from protocols.simulator import demo as demos
from protocols.simulator.live import simulate
from storage.stream import Stream
from tests.conftest import NatsAddress
from tests.waiting import until

pytestmark = pytest.mark.servers


async def test_mqtt_meters_publish_to_the_stream(nats: NatsAddress, stream: Stream, tmp_path: Path) -> None:
    made = demos.build(tmp_path, days=1, of=part({"dairy", "mine"}))
    meters = sum(1 for place in made.city.places if place.mapping)
    stop = asyncio.Event()
    running = asyncio.create_task(simulate(made, ("127.0.0.1", nats.mqtt_port), stop))

    async def arrived() -> bool:
        return (await stream.backlog())["mqtt"] >= meters

    try:
        await until(arrived, seconds=15, what=f"a message of each of {meters} meters")
    finally:
        stop.set()
        await asyncio.wait_for(running, 10)
