"""MQTT with real brokers: Mosquitto as the user's own, and the MQTT listener of NATS for devices that come to us."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from config.errors import ConfigError, WanjiaError
from protocols import mqtt
from protocols.mqtt import Broker, listen, subject
from protocols.payload import MAX_BYTES
from tests.conftest import NatsAddress
from tests.waiting import until

if TYPE_CHECKING:
    from storage.stream import Stream

peers = [
    pytest.mark.peers,
    pytest.mark.skipif(
        not (shutil.which("mosquitto") and shutil.which("mosquitto_pub")),
        reason="mosquitto is not installed: apt-get install mosquitto mosquitto-clients",
    ),
]
USCC, METER = "91110000600037341L", "E-1"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("mqtt://broker/site/+/power", Broker("broker", 1883, "site/+/power", None, None, False)),
        ("mqtts://u%40x:p%2Fw@10.0.0.1/a/#", Broker("10.0.0.1", 8883, "a/#", "u@x", "p/w", True)),
        ("mqtt://u:p@[::1]:1884/#", Broker("::1", 1884, "#", "u", "p", False)),
        ("mqtt://h/%E7%94%B5/1", Broker("h", 1883, "电/1", None, None, False)),
    ],
)
def test_addresses(address: str, expected: Broker) -> None:
    assert Broker.parse(address) == expected


@pytest.mark.parametrize(
    "address",
    ["", "broker/topic", "http://h/t", "mqtt://h", "mqtt://h/", "mqtt://h:x/t", "mqtt://h/a/#/b", "mqtt://h/a+/b"],
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ConfigError, match="write mqtt://"):
        Broker.parse(address)


def test_a_wrong_address_is_shown_without_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        Broker.parse("mqtt://user:secret@host")
    assert "secret" not in str(caught.value)
    assert "secret" not in str(Broker.parse("mqtt://user:secret@host/t"))


def test_topics_become_subjects_below_the_meter() -> None:
    assert subject("U", "M", "site/hall 3/p.q") == "meters.U.M.site.hall_3.p_q"
    assert subject("U", "M", "/a//>*") == "meters.U.M._.a._.__"


class Mosquitto:
    """A Mosquitto of our own on a free port, with its sessions on disk."""

    def __init__(self, folder: Path, rights: str = "allow_anonymous true") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._file = folder / "mosquitto.conf"
        self._file.write_text(
            f"listener {self.port} 127.0.0.1\n{rights}\npersistence true\n"
            f"persistence_location {folder}/\nmax_inflight_messages 0\nmax_queued_messages 0\nuser root\n"
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec("mosquitto", "-c", self._file, stderr=quiet)
        await until(self._open, what="mosquitto listens")

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    def address(self, topic: str) -> str:
        return f"mqtt://127.0.0.1:{self.port}/{topic}"

    async def publish(self, topic: str, *payloads: bytes, retain: bool = False) -> None:
        async with aiomqtt.Client("127.0.0.1", self.port) as client:
            for payload in payloads:
                await client.publish(topic, payload, qos=1, retain=retain)

    def _open(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    tmp_path.chmod(0o777)
    mosquitto = Mosquitto(tmp_path)
    await mosquitto.start()
    yield mosquitto
    await mosquitto.stop()


class Store:
    """Takes messages as the stream does; can be told to fail or to wait."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes]] = []
        self.failures = 0
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = 0

    async def publish(self, where: str, payload: bytes) -> None:
        self.waiting += 1
        await self.open.wait()
        self.waiting -= 1
        if self.failures:
            self.failures -= 1
            raise WanjiaError("the store is down")
        self.kept.append((where, payload))

    def payloads(self) -> set[bytes]:
        return {payload for _, payload in self.kept}


@contextlib.asynccontextmanager
async def listening(address: str, publish: Callable[[str, bytes], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(listen(address, USCC, METER, publish))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(mqtt, "LONGEST_PAUSE_S", 0.2)


async def subscribed(broker: Mosquitto, store: Store, topic: str = "site/E-1") -> None:
    """Wait until messages come through."""

    async def through() -> bool:
        await broker.publish(topic, b"hello")
        return bool(store.kept)

    await until(through, every=0.1, what="the subscription works")


class TestWithMosquitto:
    pytestmark = peers

    async def test_messages_are_handed_on_with_their_subject(self, broker: Mosquitto) -> None:
        store = Store()
        async with listening(broker.address("site/+"), store.publish):
            await subscribed(broker, store)
            await broker.publish("site/E-1", *(b"%d" % n for n in range(500)))
            await until(lambda: len(store.payloads()) == 501, what="all are handed on")
        assert {where for where, _ in store.kept} == {f"meters.{USCC}.{METER}.site.E-1"}
        order = [int(payload) for _, payload in store.kept if payload != b"hello"]
        assert order == sorted(order)

    async def test_what_is_published_while_we_are_away_is_kept_for_us(self, broker: Mosquitto) -> None:
        store = Store()
        async with listening(broker.address("site/+"), store.publish):
            await subscribed(broker, store)
        await broker.publish("site/E-1", b"while away")
        async with listening(broker.address("site/+"), store.publish):
            await until(lambda: b"while away" in store.payloads(), what="it is sent again")

    async def test_nothing_is_acknowledged_before_it_is_durable(self, broker: Mosquitto) -> None:
        store = Store()
        async with listening(broker.address("site/+"), store.publish):
            await subscribed(broker, store)
            store.open.clear()
            await broker.publish("site/E-1", b"1", b"2", b"3")
            await until(lambda: store.waiting, what="messages are under way")
        store.kept.clear()
        store.open.set()
        async with listening(broker.address("site/+"), store.publish):
            await until(lambda: store.payloads() >= {b"1", b"2", b"3"}, what="they are sent again")

    async def test_a_store_that_is_down_loses_nothing(
        self, broker: Mosquitto, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "protocols.mqtt")
        store = Store()
        async with listening(broker.address("site/+"), store.publish):
            await subscribed(broker, store)
            store.failures = 25
            await broker.publish("site/E-1", *(b"%d" % n for n in range(50)))
            await until(lambda: len(store.payloads()) == 51, what="all are handed on in the end")
            await until(lambda: "works again" in caplog.text, what="recovery is logged")
        assert caplog.text.count("the store is down") == 1
        assert caplog.text.count("works again") == 1

    async def test_a_broker_that_restarts_is_found_again(
        self, broker: Mosquitto, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "protocols.mqtt")
        store = Store()
        async with listening(broker.address("site/+"), store.publish):
            await subscribed(broker, store)
            await broker.stop()
            await until(lambda: "trying again" in caplog.text, what="the break is logged")
            await asyncio.sleep(1)  # several attempts are made meanwhile
            await broker.start()
            await until(lambda: "works again" in caplog.text, what="recovery is logged")
            await broker.publish("site/E-1", b"after")
            await until(lambda: b"after" in store.payloads(), what="messages come again")
        assert [record.levelname for record in caplog.records if record.name == "protocols.mqtt"] == ["WARNING", "INFO"]

    async def test_reading_pauses_while_much_is_held(self, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
        sessions: list[mqtt._Session] = []

        class Watched(mqtt._Session):
            def __init__(self, broker: Broker, client_id: str) -> None:
                super().__init__(broker, client_id)
                sessions.append(self)

        monkeypatch.setattr(mqtt, "_Session", Watched)
        monkeypatch.setattr(mqtt, "HELD_MESSAGES", 50)
        monkeypatch.setattr(mqtt, "BATCH", 10)
        store = Store()
        async with listening(broker.address("site/+"), store.publish):
            await subscribed(broker, store)
            store.open.clear()
            await broker.publish("site/E-1", *(b"%d" % n for n in range(400)))
            await until(lambda: sessions[0]._paused, what="reading pauses")
            assert sessions[0]._queue.qsize() <= 50
            store.open.set()
            await until(lambda: len(store.payloads()) == 401, what="all are handed on")
        assert len(sessions) == 1

    async def test_ten_megabytes_go_on_cut_and_retained_messages_not_at_all(self, broker: Mosquitto) -> None:
        store = Store()
        await broker.publish("site/E-1", b"old", retain=True)
        async with listening(broker.address("site/+"), store.publish):
            await subscribed(broker, store)
            await broker.publish("site/E-1", b"x" * 10_000_000, b"next")
            await until(lambda: b"next" in store.payloads(), what="the next comes")
        assert b"old" not in store.payloads()
        assert max(len(payload) for payload in store.payloads()) == MAX_BYTES + 1

    async def test_a_refused_login_is_said_once_and_tried_again(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        tmp_path.chmod(0o777)
        passwords = tmp_path / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "meter", "right"], check=True)
        passwords.chmod(0o644)
        guarded = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}")
        await guarded.start()
        try:
            async with listening(f"mqtt://meter:wrong@127.0.0.1:{guarded.port}/site/+", Store().publish):
                await until(lambda: "trying again" in caplog.text, what="the refusal is logged")
                await asyncio.sleep(1)  # more attempts are refused meanwhile
            assert caplog.text.count("trying again") == 1
            assert "uthori" in caplog.text
            assert "wrong" not in caplog.text
        finally:
            await guarded.stop()

    @pytest.mark.slow
    async def test_a_kill_loses_nothing(self, broker: Mosquitto, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        kept.touch()

        def lines() -> set[str]:
            return set(kept.read_text().split())

        with collector(broker, kept) as child:

            async def through() -> bool:
                await broker.publish("site/E-1", b"hello")
                return "hello" in lines()

            await until(through, every=0.2, seconds=20, what="the collector listens")
            for round_ in range(5):
                await broker.publish("site/E-1", *(b"%d-%d" % (round_, n) for n in range(100)))
                await until(lambda round_=round_: f"{round_}-3" in lines(), what="some are kept")
                child.restart()
            await until(lambda: len(lines()) == 501, seconds=30, what="every message is kept")

    async def test_a_meters_publish_to_our_listener_is_in_the_stream(self, nats: NatsAddress, stream: "Stream") -> None:
        for text in ("1", "2", "3"):
            arguments = ["-h", "127.0.0.1", "-p", str(nats.mqtt_port), "-q", "1", "-i", "meter-E-1"]
            arguments += ["-t", f"meters/{USCC}/{METER}/energy", "-m", text]
            process = await asyncio.create_subprocess_exec("mosquitto_pub", *arguments)
            assert await process.wait() == 0
        assert (await stream.backlog())["mqtt"] == 3
        lane = (await stream.lanes())["mqtt"]
        messages = []

        async def taken() -> bool:
            await lane.ask()
            messages.extend(lane.take(1 << 20))
            return len(messages) == 3

        await until(taken, what="the messages are in the stream")
        assert {message.subject for message in messages} == {f"meters.{USCC}.{METER}.energy"}


COLLECTOR = """
import asyncio, os, sys
from protocols.mqtt import listen
file = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
async def publish(subject, payload):
    await asyncio.sleep(0.02)
    os.write(file, payload + b"\\n")
asyncio.run(listen(sys.argv[1], "U", "M", publish))
"""


class Child:
    """A process that listens and keeps what comes in a file; can be killed without warning."""

    def __init__(self, address: str, kept: Path) -> None:
        self._command = [sys.executable, "-c", COLLECTOR, address, str(kept)]
        self._process = subprocess.Popen(self._command, cwd=Path(__file__).parents[2])

    def restart(self) -> None:
        self.kill()
        self._process = subprocess.Popen(self._command, cwd=Path(__file__).parents[2])

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def collector(broker: Mosquitto, kept: Path) -> Iterator[Child]:
    child = Child(broker.address("site/+"), kept)
    try:
        yield child
    finally:
        child.kill()
