"""Live readings go first; history gets what room is left."""

from collections import Counter

import aiomqtt
import pytest

from collector.intake import BACKFILL_BYTES, BATCH_BYTES, acknowledge, intake
from config.samples import SampleBatch
from storage.lanes import Message
from storage.stream import Stream
from tests.conftest import NatsAddress
from tests.waiting import until

pytestmark = pytest.mark.servers

BIG = SampleBatch.from_rows([(1, n, 0.0) for n in range(5_000)])
"""About 110 kB: ten fill a transaction."""


def lanes_of(messages: list[Message]) -> list[str]:
    return [message.subject.split(".")[1] for message in messages]


async def test_live_first_then_devices_then_a_little_history(stream: Stream) -> None:
    for _ in range(3):
        await stream.publish("U", BIG, "backfill")
        await stream.publish("U", BIG)
    await stream.publish_raw("meters.U.M", b"{}")
    lanes = await stream.lanes()
    for lane in lanes.values():
        await lane.ask()
    await until(lambda: [len(lane) for lane in lanes.values()] == [3, 1, 0, 3], what="all lanes hold messages")
    messages = await intake(lanes)
    assert lanes_of(messages) == ["live"] * 3 + ["U"] + ["backfill"] * (BACKFILL_BYTES // 110_020 + 1)


async def test_history_has_all_the_room_when_nothing_is_live(stream: Stream) -> None:
    for _ in range(20):
        await stream.publish("U", BIG, "backfill")
    lanes = await stream.lanes()
    await lanes["backfill"].ask()
    await until(lambda: len(lanes["backfill"]) == 20, what="history held")
    assert len(await intake(lanes)) == BATCH_BYTES // 110_020 + 1


async def test_history_waits_while_live_readings_fill_the_transaction(stream: Stream) -> None:
    await stream.publish("U", BIG, "backfill")
    for _ in range(12):
        await stream.publish("U", BIG)
    lanes = await stream.lanes()
    for lane in lanes.values():
        await lane.ask()
    await until(lambda: [len(lane) for lane in lanes.values()] == [12, 0, 0, 1], what="both lanes hold messages")
    first = await intake(lanes)
    assert set(lanes_of(first)) == {"live"}
    await acknowledge(lanes, first)
    assert lanes_of(await intake(lanes)) == ["live"] * 2 + ["backfill"]


async def test_a_flood_of_live_readings_leaves_devices_their_share(nats: NatsAddress, stream: Stream) -> None:
    payload = bytes(50_000)
    for _ in range(30):
        await stream.publish("U", BIG)
        await stream.publish_raw("meters.raw.M", payload)
    async with aiomqtt.Client("127.0.0.1", nats.mqtt_port) as device:
        for _ in range(30):
            await device.publish("meters/mqtt/M", payload, qos=1)
    lanes = await stream.lanes()
    for lane in lanes.values():
        await lane.ask()
    await until(lambda: [len(lane) for lane in lanes.values()] == [30, 30, 30, 0], what="all lanes hold messages")
    assert Counter(lanes_of(await intake(lanes))) == {"live": 7, "mqtt": 5, "raw": 3}


async def test_nothing_comes_of_nothing(stream: Stream) -> None:
    assert await intake(await stream.lanes()) == []
