"""The stream on a real server: durable when it says so, refusing when full, and back by itself when the server is."""

import asyncio
import contextlib
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

import aiomqtt
import pytest

from config.errors import ConfigError
from config.samples import MICROSECOND, SampleBatch, now_us
from storage import embedded
from storage.embedded.lease import Lease
from storage.errors import RowsRefused, StreamFull, Unavailable
from storage.keyvalue import Entry
from storage.lanes import Lane, Message
from storage.stream import SAMPLES_PER_MESSAGE, Event, Stream
from tests.conftest import NatsAddress
from tests.homes import temporary_home
from tests.waiting import until

pytestmark = pytest.mark.servers
T = TypeVar("T")


def batch(*values: float) -> SampleBatch:
    return SampleBatch.from_rows([(1, n, value) for n, value in enumerate(values)], received=5)


async def take(lane: Lane, count: int) -> list[Message]:
    """`count` messages of a lane, waited for."""
    taken: list[Message] = []

    async def enough() -> bool:
        with contextlib.suppress(Unavailable):
            await lane.ask()
        taken.extend(lane.take(10**9))
        return len(taken) >= count

    await until(enough, what=f"{count} messages")
    return taken


class TestSamples:
    async def test_come_out_as_they_went_in_by_lane(self, stream: Stream) -> None:
        await stream.publish("U1", batch(1.0, 2.0))
        await stream.publish("U1", batch(3.0), "backfill")
        await stream.publish_raw("meters.U1.M1.up", b"{}")
        assert await stream.backlog() == {"live": 1, "meters": 1, "mqtt": 0, "backfill": 1}
        lanes = await stream.lanes()
        [live] = await take(lanes["live"], 1)
        assert live.subject == "samples.live.U1"
        assert SampleBatch.from_bytes(live.data).value.tolist() == [1.0, 2.0]
        assert abs(live.stored_at - now_us()) < 60 * MICROSECOND
        [old] = await take(lanes["backfill"], 1)
        assert old.subject == "samples.backfill.U1"
        [raw] = await take(lanes["meters"], 1)
        assert (raw.subject, raw.data) == ("meters.U1.M1.up", b"{}")

    async def test_stay_until_acknowledged_and_come_again_at_once_to_the_next_ingest(self, stream: Stream) -> None:
        for value in (1.0, 2.0, 3.0):
            await stream.publish("U1", batch(value))
        lane = (await stream.lanes())["live"]
        taken = await take(lane, 3)
        await lane.acknowledge(taken[:1])
        await until(lambda: _backlog(stream, 2), what="one acknowledged")
        again = await take((await stream.lanes())["live"], 2)
        assert [SampleBatch.from_bytes(message.data).value.tolist() for message in again] == [[2.0], [3.0]]

    async def test_a_large_batch_goes_in_pieces(self, stream: Stream) -> None:
        await stream.publish("U1", batch(*map(float, range(SAMPLES_PER_MESSAGE + 1))))
        taken = await take((await stream.lanes())["live"], 2)
        assert [len(SampleBatch.from_bytes(message.data)) for message in taken] == [SAMPLES_PER_MESSAGE, 1]

    async def test_a_lane_holds_a_bounded_part_of_a_long_backlog(self, stream: Stream) -> None:
        big = batch(*map(float, range(SAMPLES_PER_MESSAGE)))
        for _ in range(40):
            await stream.publish("U1", big)
        lane = (await stream.lanes())["live"]
        await lane.ask()
        await until(lambda: len(lane) >= 5, what="messages ahead of need")
        await asyncio.sleep(0.3)
        assert len(lane) < 25
        assert len(lane.take(1)) == 1
        assert len(await take(lane, 39)) == 39

    async def test_what_arrives_later_is_given_without_asking_again(self, stream: Stream) -> None:
        lane = (await stream.lanes())["live"]
        await lane.ask()
        await stream.publish("U1", batch(1.0))
        await asyncio.wait_for(lane.arrived.wait(), 5)
        assert len(lane.take(1)) == 1


class TestDevices:
    async def test_what_a_device_sends_is_taken_once(self, nats: NatsAddress, stream: Stream) -> None:
        async with aiomqtt.Client("127.0.0.1", nats.mqtt_port) as device:
            for qos in (0, 1, 2):
                await device.publish("meters/U1/M1/up", b"%d" % qos, qos=qos)
        lanes = await stream.lanes()
        plain = await take(lanes["meters"], 1)
        assert [message.data for message in plain] == [b"0"]
        kept = await take(lanes["mqtt"], 2)
        assert [(message.subject, message.data) for message in kept] == [
            ("meters.U1.M1.up", b"1"),
            ("meters.U1.M1.up", b"2"),
        ]
        assert all(message.stored_at > 1e15 for message in kept)
        await lanes["mqtt"].acknowledge(plain + kept)
        await until(lambda: _nothing_waits(stream), what="nothing waits, the copies are gone too")

    async def test_a_new_ingest_gets_what_the_last_one_did_not_acknowledge(
        self, nats: NatsAddress, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("storage.stream.MQTT_REDELIVER_S", 1.0)
        await stream.lanes()
        async with aiomqtt.Client("127.0.0.1", nats.mqtt_port) as device:
            await device.publish("meters/U1/M1/up", b"kept", qos=1)
        await take((await stream.lanes())["mqtt"], 1)
        assert [message.data for message in await take((await stream.lanes())["mqtt"], 1)] == [b"kept"]

    async def test_the_largest_message_does_not_stop_a_lane(self, nats: NatsAddress, stream: Stream) -> None:
        lanes = await stream.lanes()
        async with aiomqtt.Client("127.0.0.1", nats.mqtt_port) as device:
            for qos in (0, 1):
                await device.publish("meters/U1/M1/up", bytes(8_300_000), qos=qos)
                await device.publish("meters/U1/M1/up", b"behind it", qos=qos)
        for name in ("meters", "mqtt"):
            assert [len(message.data) for message in await take(lanes[name], 2)] == [8_300_000, 9]


class TestCapacity:
    async def test_only_ingest_changes_streams_that_exist(self, nats: NatsAddress, stream: Stream) -> None:
        ingest = await _ruling(nats, 2**30)
        for capacity in (None, 2**25):
            other = await Stream.connect(nats.url, capacity)
            assert await _capacity(other) == pytest.approx(2**30, rel=0.001)
            await other.close()
        await ingest.close()

    async def test_a_smaller_one_deletes_nothing(self, nats: NatsAddress, stream: Stream) -> None:
        async with aiomqtt.Client("127.0.0.1", nats.mqtt_port) as device:
            for _ in range(20):
                await stream.publish_raw("meters.U1.M1.up", bytes(100_000))
                await stream.publish("U1", batch(*map(float, range(5_000))))
                await device.publish("meters/U1/M1/up", bytes(100_000), qos=1)
        small = await _ruling(nats, 2**20)
        lanes = await small.lanes()
        for name in ("live", "mqtt", "meters"):
            assert len(await take(lanes[name], 20)) == 20
        await small.close()

    async def test_age_deletes_nothing_also_where_it_did_before(self, stream: Stream) -> None:
        jetstream = stream._link.jetstream
        config = (await jetstream.stream_info("SAMPLES")).config
        await jetstream.update_stream(config.evolve(max_age=7 * 86_400.0))
        await stream.lanes()
        for name in ("SAMPLES", "METERS", "$MQTT_msgs"):
            assert not (await jetstream.stream_info(name)).config.max_age


class TestRefusals:
    async def test_a_full_stream_says_so_and_keeps_what_it_took(self, nats: NatsAddress, stream: Stream) -> None:
        small = await _ruling(nats, 2**20)
        payload = batch(*map(float, range(1000)))
        outcomes = await asyncio.gather(*(small.publish("U1", payload) for _ in range(100)), return_exceptions=True)
        taken = outcomes.count(None)
        assert 20 < taken < 100
        assert {type(outcome) for outcome in outcomes if outcome} == {StreamFull}
        with pytest.raises(StreamFull, match="until ingest has caught up"):
            await small.publish("U1", payload)
        lane = (await small.lanes())["live"]
        await lane.acknowledge(await take(lane, taken))
        await until(lambda: _backlog(small, 0), what="all acknowledged")
        await small.publish("U1", payload)
        await small.close()

    async def test_a_full_stream_gives_mqtt_devices_no_puback(self, nats: NatsAddress, stream: Stream) -> None:
        small, puback = await _ruling(nats, 2**20), 0
        with contextlib.suppress(TimeoutError, aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", nats.mqtt_port) as device:
                for _ in range(100):
                    async with asyncio.timeout(1):
                        await device.publish("meters/U1/M1/up", bytes(20_000), qos=1)
                    puback += 1
        assert 5 < puback < 20
        lane = (await small.lanes())["mqtt"]
        assert {message.subject for message in await take(lane, puback)} == {"meters.U1.M1.up"}
        await small.close()

    async def test_a_message_larger_than_the_server_takes(self, stream: Stream) -> None:
        with pytest.raises(RowsRefused, match="larger than the stream takes"):
            await stream.publish_raw("meters.U1.M1", bytes(10_000_000))

    async def test_an_unusable_subject(self, stream: Stream) -> None:
        with pytest.raises(RowsRefused):
            await stream.publish_raw("meters.U1.has space", b"")

    async def test_a_wrong_login(self, nats: NatsAddress) -> None:
        wrong = urlsplit(nats.url)._replace(netloc=f"wanjia:wrong@{nats.url.rpartition('@')[2]}").geturl()
        with pytest.raises(ConfigError, match="WANJIA_NATS_URL"):
            await Stream.connect(wrong)

    async def test_no_server(self) -> None:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
            await Stream.connect("nats://user:secret@127.0.0.1:1", timeout_s=0.6)


class TestQuarantine:
    async def test_keeps_reason_and_source(self, stream: Stream) -> None:
        await stream.quarantine("U1", b"\x00payload", "不是 JSON\nat all", "meters.U1.M1")
        await stream.quarantine("no such sender!", b"", "unknown", "x")
        last, first = await stream.quarantined()
        assert (first.uscc, first.payload, first.reason, first.source) == (
            "U1", b"\x00payload", "不是 JSON\nat all", "meters.U1.M1",
        )  # fmt: skip
        assert abs(first.at - now_us()) < 60 * MICROSECOND
        assert last.uscc == "unknown"
        assert len(await stream.quarantined(1)) == 1

    async def test_cuts_what_is_too_large(self, stream: Stream) -> None:
        await stream.quarantine("U1", bytes(20_000_000), "too large", "x")
        assert 500_000 < len((await stream.quarantined())[0].payload) < 20_000_000


class TestRegistry:
    async def test_put_get_keys_delete(self, stream: Stream) -> None:
        assert await stream.registry.get("connection.1") is None
        assert await stream.registry.keys() == []
        await stream.registry.put("connection.1", b"one")
        await stream.registry.put("profile.x-1", b"two")
        assert await stream.registry.get("connection.1") == b"one"
        assert await stream.registry.keys("connection.") == ["connection.1"]
        await stream.registry.delete("connection.1")
        assert await stream.registry.get("connection.1") is None

    async def test_watch_lists_then_follows(self, stream: Stream) -> None:
        await stream.registry.put("connection.1", b"a")
        await stream.registry.put("other", b"x")
        seen: list[Entry | None] = []
        async with _collecting(stream.registry.watch("connection."), seen):
            await until(lambda: None in seen, what="the first listing")
            await stream.registry.put("connection.2", b"b")
            await stream.registry.delete("connection.1")
            await until(lambda: len(seen) == 4, what="both changes")
        assert [(entry.key, entry.value) if entry else None for entry in seen] == [
            ("connection.1", b"a"), None, ("connection.2", b"b"), ("connection.1", None),
        ]  # fmt: skip


class TestLeases:
    async def test_one_owner_at_a_time(self, stream: Stream) -> None:
        mine = await stream.leases.acquire("site.a", "me")
        assert mine is not None
        assert await stream.leases.acquire("site.a", "you") is None
        assert await stream.leases.acquire("site.a", "me") == mine
        assert await stream.leases.renew(mine)
        await stream.leases.release(mine)
        yours = await stream.leases.acquire("site.a", "you")
        assert yours is not None
        assert not await stream.leases.renew(mine)
        await stream.leases.release(mine)
        assert await stream.leases.renew(yours)


class TestEvents:
    async def test_reach_those_who_listen(self, stream: Stream) -> None:
        seen: list[Event] = []
        async with _collecting(stream.events("events.>"), seen):

            async def heard() -> bool:
                await stream.notify("events.readings.U1", b"data", {"Lane": "live"})
                return bool(seen)

            await until(heard, what="the event")
        assert (seen[0].subject, seen[0].data, dict(seen[0].headers)) == (
            "events.readings.U1", b"data", {"Lane": "live"},
        )  # fmt: skip


@pytest.fixture
def own_server() -> Iterator[Lease]:
    """A server that may be killed."""
    with temporary_home() as home, embedded.nats(home, "127.0.0.1:0") as lease:
        yield lease


async def test_killed_again_and_again_it_loses_nothing_acknowledged(own_server: Lease) -> None:
    stream = await Stream.connect(own_server.url)
    acknowledged: list[float] = []
    seen: list[Entry | None] = []
    heard: list[Event] = []
    done = asyncio.Event()

    async def send() -> None:
        value = 0.0
        while not done.is_set():
            value += 1
            began = time.monotonic()
            try:
                await stream.publish("U1", batch(value))
                acknowledged.append(value)
            except Unavailable:
                assert time.monotonic() - began < 2
                await asyncio.sleep(0.02)

    async with _collecting(stream.registry.watch(), seen), _collecting(stream.events("events.>"), heard):
        sender = asyncio.create_task(send())
        for round in range(4):
            count = len(acknowledged)
            await until(lambda count=count: len(acknowledged) > count + 20, what="publishing")
            server = own_server.state.pid
            assert server
            os.kill(server, signal.SIGKILL)
            await until(lambda: not stream.connected, what="the loss noticed")
            await until(lambda: stream.connected, seconds=15, what="the reconnect")
            await _follows(stream, round, seen, heard)
        done.set()
        await sender
    found = {
        SampleBatch.from_bytes(message.data).value[0]
        for message in await take((await stream.lanes())["live"], len(acknowledged))
    }
    assert set(acknowledged) <= found
    assert stream.epoch == 5
    await stream.close()


async def test_killed_under_many_devices_it_loses_nothing_acknowledged(own_server: Lease) -> None:
    """A server that acknowledges a little before it has stored is caught only with many messages under way."""
    stream = await Stream.connect(own_server.url)
    acknowledged: set[bytes] = set()

    async def send(client: aiomqtt.Client, name: str) -> None:
        for count in itertools.count():
            payload = f"{name}.{count}".encode().ljust(400)
            await client.publish("meters/U1/M1/up", payload, qos=1)
            acknowledged.add(payload)

    async def device(name: str) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            async with aiomqtt.Client(
                "127.0.0.1", own_server.state.mqtt_port or 0, identifier=name, timeout=3, max_inflight_messages=50
            ) as client:
                client.pending_calls_threshold = 50
                await asyncio.gather(*(send(client, f"{name}.{number}") for number in range(50)))

    for round in range(2):
        devices = [asyncio.create_task(device(f"{round}-{number}")) for number in range(12)]
        count = len(acknowledged)
        await until(lambda count=count: len(acknowledged) > count + 1_000, seconds=20, what="publishing")
        assert own_server.state.pid
        os.kill(own_server.state.pid, signal.SIGKILL)
        await asyncio.wait(devices, timeout=15)
        await until(lambda: stream.connected, seconds=15, what="the reconnect")
    lane = (await stream.lanes())["mqtt"]
    found: set[bytes] = set()

    async def all_found() -> bool:
        await lane.ask()
        messages = lane.take(10**9)
        found.update(message.data for message in messages)
        await lane.acknowledge(messages)
        return acknowledged <= found

    await until(all_found, what="all that was acknowledged")
    await stream.close()


async def test_a_lane_goes_on_after_the_server_was_killed(own_server: Lease) -> None:
    stream = await Stream.connect(own_server.url)
    lane = (await stream.lanes())["live"]
    await lane.ask()
    assert own_server.state.pid
    os.kill(own_server.state.pid, signal.SIGKILL)
    await until(lambda: not stream.connected, what="the loss noticed")
    with pytest.raises(Unavailable):
        await lane.ask()
    with pytest.raises(Unavailable):
        await stream.backlog()
    await until(lambda: _published(stream), seconds=15, what="publishing again")
    assert len(await take(lane, 1)) == 1
    await stream.close()


async def test_an_emptied_server_gets_its_streams_again(own_server: Lease) -> None:
    stream = await Stream.connect(own_server.url)
    for name in ("SAMPLES", "METERS", "KV_registry"):
        await stream._link.jetstream.delete_stream(name)
    assert own_server.state.pid
    os.kill(own_server.state.pid, signal.SIGKILL)
    await until(lambda: not stream.connected, what="the loss noticed")
    await until(lambda: _published(stream), seconds=15, what="publishing again")

    async def put() -> bool:
        with contextlib.suppress(Unavailable):
            return bool(await stream.registry.put("revision", b"1"))
        return False

    await until(put, what="the bucket is there again")
    await stream.close()


async def _follows(stream: Stream, round: int, seen: list[Entry | None], heard: list[Event]) -> None:
    """Watch and events go on after the reconnect."""
    key = f"connection.{round}"

    async def put() -> bool:
        with contextlib.suppress(Unavailable):
            await stream.registry.put(key, b"x")
            return True
        return False

    await until(put, what="the registry takes a change")
    await until(lambda: any(entry and entry.key == key for entry in seen), what="the watch sees it")

    async def told() -> bool:
        await stream.notify(f"events.{round}", b"")
        return any(event.subject == f"events.{round}" for event in heard)

    await until(told, what="events are heard")


async def _published(stream: Stream) -> bool:
    with contextlib.suppress(Unavailable):
        await stream.publish("U1", batch(1.0))
        return True
    return False


async def _ruling(nats: NatsAddress, capacity: int) -> Stream:
    """A stream whose capacity holds, as ingest's does."""
    stream = await Stream.connect(nats.url, capacity)
    await stream.lanes()
    return stream


async def _capacity(stream: Stream) -> int:
    """Bytes that all streams together may hold."""
    names = ("SAMPLES", "METERS", "$MQTT_msgs", "QUARANTINE")
    infos = [await stream._link.jetstream.stream_info(name) for name in names]
    return sum(info.config.max_bytes or 0 for info in infos)


async def _nothing_waits(stream: Stream) -> bool:
    return not any((await stream.backlog()).values())


async def _backlog(stream: Stream, live: int) -> bool:
    return (await stream.backlog())["live"] == live


@contextlib.asynccontextmanager
async def _collecting(source: AsyncIterator[T], into: list[T]) -> AsyncIterator[None]:
    async def collect() -> None:
        async for item in source:
            into.append(item)  # noqa: PERF401 (seen while it grows)

    task = asyncio.create_task(collect())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
