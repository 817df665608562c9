"""Disks that are really full, under load: senders are told at once, nothing accepted is lost, all goes on by itself."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.faults.city import USCC, Book, City, iso, publish, push
from tests.faults.test_kills import settled
from tests.homes import end_servers, temporary_home
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(180)]
SIZES = {"nats": "60m", "postgres": "400m"}
"""Of each server's own disk. PostgreSQL makes its data folder only where there are 200 MB."""


@pytest.fixture
def home() -> Iterator[Path]:
    """A home whose servers have small disks of their own."""
    with temporary_home() as folder, contextlib.ExitStack() as mounted:
        for room, size in SIZES.items():
            place = folder / room
            place.mkdir()
            made = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", place],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if made.returncode:
                pytest.skip(f"NOT TESTED: full disks; this user cannot mount a small one: {made.stderr.strip()}")
            mounted.callback(unmount, place)
        mounted.callback(end_servers, folder)
        yield folder


def unmount(place: Path) -> None:
    subprocess.run(["umount", place], check=True)


@dataclass
class Load:
    """A running city with its senders and what they got acknowledged."""

    city: City
    http: Book = field(default_factory=Book)
    mqtt: Book = field(default_factory=Book)
    senders: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self) -> None:
        self.senders = [
            asyncio.create_task(push(self.city, self.http)),
            asyncio.create_task(publish(self.city, self.mqtt)),
        ]

    async def end(self) -> None:
        while not all(sender.done() for sender in self.senders):  # a client may swallow a cancellation
            for sender in self.senders:
                sender.cancel()
            await asyncio.wait(self.senders, timeout=1)

    def accepted(self) -> tuple[int, int]:
        return len(self.http.acknowledged), len(self.mqtt.acknowledged)

    async def more_is_accepted(self) -> None:
        before = self.accepted()
        await until(
            lambda: all(now > then for now, then in zip(self.accepted(), before, strict=True)),
            seconds=20, what="both ways are accepted",
        )  # fmt: skip


@pytest.fixture
async def load(home: Path) -> AsyncIterator[Load]:
    city = City(home, dict(os.environ))
    await city.start("127.0.0.1:1")
    load = Load(city)
    load.begin()
    try:
        await load.more_is_accepted()
        yield load
    finally:
        await load.end()
        city.stop()


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """Within this block the folder's disk has not a byte left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


async def pushed(load: Load) -> httpx.Response:
    """The answer to one push."""
    at, value = load.http.next()
    reading = {"uscc": USCC, "meter": "M-http", "quantity": "active_energy_import", "time": iso(at), "value": value}
    key = {"Authorization": f"Bearer {load.city.key}"}
    async with httpx.AsyncClient(base_url=f"http://{load.city.http}", headers=key, timeout=10) as client:
        answer = await client.post("/v1/readings", json={"readings": [reading]})
    if answer.status_code == 202:
        load.http.acknowledged[at] = value
    return answer


async def test_a_full_disk_of_the_stream(load: Load, home: Path) -> None:
    async def refused() -> bool:
        return str((await pushed(load)).json().get("type")).endswith("/stream-full")

    with full(home / "nats"):
        await until(refused, seconds=5, every=0.1, what="a push is refused because the stream is full")
        before = load.accepted()
        begun = asyncio.get_running_loop().time()
        answers = [await pushed(load) for _ in range(20)]
        assert asyncio.get_running_loop().time() - begun < 5, "refusals come at once"
        assert {answer.status_code for answer in answers} == {503}
        assert f"{home}/nats/data has no disk space left" in answers[0].json()["detail"]
        assert "make room there" in answers[0].json()["detail"]
        assert load.accepted() == before
        await until(lambda: "embedded nats takes nothing new" in load.city.log(), what="the log says so too")
    await load.more_is_accepted()
    await load.end()
    await settled(load.city, load.mqtt, load.http)
    await until(lambda: "embedded nats has room again" in load.city.log(), what="the log says that it is over")


async def test_a_full_disk_of_the_database(load: Load, home: Path) -> None:
    with full(home / "postgres"):
        await until(lambda: "ingest stands still" in load.city.log(), seconds=60, what="ingest says that it stands")
        await load.more_is_accepted()
    await load.more_is_accepted()
    await load.end()
    await settled(load.city, load.mqtt, load.http)
    assert "Traceback" not in load.city.log()
