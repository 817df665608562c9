"""A small city under load whose parts can be killed: `wanjia run` on embedded servers, meters that poll, push and
publish, and a book of everything that was acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import httpx
import psutil

from storage.embedded.room import Room
from tests.waiting import until

USCC = "91110000600037341L"
CLIENTS = 10
"""MQTT connections at a time."""
IN_FLIGHT = 50
"""Messages of each on their way at a time."""
PAUSE_S = 1.0
"""Of each between two such bursts: ingest on a small machine keeps up."""
REGISTRY = """
enterprises:
  - uscc: 91110000600037341L
    name: Kill test works
    region: "110105"
    metering_points:
      - {{code: E-poll, name: polled, carrier: electricity}}
      - {{code: E-mqtt, name: published, carrier: electricity}}
      - {{code: E-http, name: pushed, carrier: electricity}}
    meters:
      - {{code: M-poll, driver: modbus-tcp, profile: chint-dtsu666, address: "{modbus}", unit: 1, every: 1s,
          at: E-poll, from: 2026-01-01T00:00:00+08:00}}
      - {{code: M-mqtt, driver: mqtt, mapping: flat, every: 1s, at: E-mqtt, from: 2026-01-01T00:00:00+08:00}}
      - {{code: M-http, driver: http, every: 1s, at: E-http, from: 2026-01-01T00:00:00+08:00}}
"""


@dataclass
class Book:
    """What one sender sent and got acknowledged: value by instant (microseconds since the epoch)."""

    acknowledged: dict[int, float] = field(default_factory=dict)
    refused: int = 0
    _value: float = 1000.0
    _at: int = 0

    def next(self) -> tuple[int, float]:
        """A new reading: register values grow, instants never repeat."""
        self._value += 0.25
        self._at = max(time.time_ns() // 1000, self._at + 1)
        return self._at, self._value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class City:
    """`wanjia run` in a home of its own. `key` is an admin's API key."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.http = f"127.0.0.1:{free_port()}"
        self.environment = environment | {
            "WANJIA_HOME": str(home), "WANJIA_HTTP": self.http, "WANJIA_MQTT": "127.0.0.1:0",
        }  # fmt: skip
        self.key = ""
        self._log = (home / "run.log").open("ab")
        self._run: subprocess.Popen[bytes] | None = None

    async def start(self, modbus: str) -> None:
        file = self.home / "registry.yaml"
        file.write_text(REGISTRY.format(modbus=modbus), "utf-8")
        self.environment["WANJIA_REGISTRY"] = str(file)
        self._run = subprocess.Popen(
            [sys.executable, "-m", "wanjia", "run"], env=self.environment, stdout=self._log, stderr=self._log
        )
        await until(self._ready, seconds=40, what="the service answers /readyz", every=0.2)
        made = subprocess.run(
            [sys.executable, "-m", "wanjia", "keys", "create", "kills", "--role", "admin"],
            env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.key = made.stdout.strip().splitlines()[-1].strip()

    async def _ready(self) -> bool:
        assert self._run
        assert self._run.poll() is None, (self.home / "run.log").read_text("utf-8")
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://{self.http}/readyz", timeout=2)).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        if self._run:
            self._run.send_signal(signal.SIGTERM)
            self._run.wait(30)
        self._log.close()

    def log(self) -> str:
        """The last of what the processes said."""
        return (self.home / "run.log").read_text("utf-8")[-20_000:]

    def pid(self, part: str) -> int | None:
        """Process of a role or server while it runs."""
        if part in ("postgres", "nats"):
            return Room(self.home, part).read().pid
        assert self._run
        for child in psutil.Process(self._run.pid).children():
            with contextlib.suppress(psutil.Error):
                if child.cmdline()[-1] == part:
                    return child.pid
        return None

    @property
    def database_url(self) -> str:
        state = Room(self.home, "postgres").read()
        return f"postgresql://postgres:{state.password}@127.0.0.1:{state.port}/postgres"

    @property
    def mqtt_port(self) -> int:
        port = Room(self.home, "nats").read().mqtt_port
        assert port
        return port


async def push(city: City, book: Book) -> None:
    """Push ten readings at a time over HTTP, for ever; only a 202 counts."""
    headers = {"Authorization": f"Bearer {city.key}"}
    async with httpx.AsyncClient(base_url=f"http://{city.http}", headers=headers, timeout=5) as client:
        while True:
            batch = [book.next() for _ in range(10)]
            rows = [
                {"uscc": USCC, "meter": "M-http", "quantity": "active_energy_import", "time": iso(at), "value": value}
                for at, value in batch
            ]
            try:
                answer = await client.post("/v1/readings", json={"readings": rows})
            except httpx.HTTPError:
                book.refused += 1
            else:
                if answer.status_code == 202:
                    assert answer.json()["refused"] == 0, answer.text
                    book.acknowledged |= dict(batch)
                else:
                    book.refused += 1
            await asyncio.sleep(0.03)


async def publish(city: City, book: Book) -> None:
    """Publish readings with QoS 1 over many connections, for ever; only what got its PUBACK counts.

    Many are under way at any time: a server that acknowledges a little too early is caught only like this.
    """
    await asyncio.gather(*(_publish(city, book, f"kills-{number}") for number in range(CLIENTS)))


async def _publish(city: City, book: Book, name: str) -> None:
    async def one(client: aiomqtt.Client) -> None:
        at, value = book.next()
        payload = json.dumps({"ts": iso(at), "active_energy_import": value})
        await client.publish(f"meters/{USCC}/M-mqtt/data", payload, qos=1)
        book.acknowledged[at] = value

    while True:
        try:
            async with aiomqtt.Client(
                "127.0.0.1", city.mqtt_port, identifier=name, timeout=5, max_inflight_messages=IN_FLIGHT
            ) as client:
                client.pending_calls_threshold = IN_FLIGHT  # else it warns of every one
                while True:
                    await asyncio.gather(*(one(client) for _ in range(IN_FLIGHT)))
                    await asyncio.sleep(PAUSE_S)
        except (aiomqtt.MqttError, OSError):
            book.refused += 1
            await asyncio.sleep(0.1)


def iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="microseconds")
