"""A change of the registry disturbs only what it touches."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from collector.devices import Connection
from collector.roster import PublishRaw, Roster
from config.errors import ConfigError, Fault
from protocols.driver import Listening
from protocols.simulator.server import Server
from tests.collector.plant import POWER, PROFILE, Watched, connection, gateway
from tests.waiting import until


class City:
    """Five meters, each at an address of its own, and a gateway with two more."""

    def __init__(self, watched: Watched, servers: list[Server], roster: Roster) -> None:
        self.watched, self.servers, self.roster = watched, servers, roster

    def put(self, number: int, **changes: Any) -> None:
        known = connection(number, self.servers[min(number, 6) - 1].address, unit=1 if number < 7 else 2)
        document = {**msgspec.to_builtins(known), **changes}
        self.roster.apply(f"connection.{number}", msgspec.json.encode(document))

    async def all_polled(self, numbers: range | list[int]) -> None:
        before = {number: len(self.watched.read(number, POWER)) for number in numbers}
        await until(
            lambda: all(len(self.watched.read(number, POWER)) > count + 1 for number, count in before.items()),
            what="all to be polled",
        )

    def accepted(self) -> list[int]:
        return [server.accepted for server in self.servers]


@pytest.fixture
async def city(watched: Watched) -> AsyncIterator[City]:
    servers = [await gateway(2).start() for _ in range(6)]

    async def publish_raw(subject: str, payload: bytes) -> None:
        pass

    roster = Roster(watched.fleet, publish_raw, site="")
    found = City(watched, servers, roster)
    for number in range(1, 8):
        found.put(number)
    roster.apply(f"profile.{PROFILE.name}", PROFILE.model_dump_json().encode())
    await found.all_polled(range(1, 8))
    yield found
    await roster.close()
    for server in servers:
        await server.stop()


async def test_a_changed_device_leaves_all_connections_open(city: City) -> None:
    city.put(2, cadence_s=0.2)
    city.put(6, points={"active_power": 60 + POWER})
    await city.all_polled(range(1, 8))
    assert city.accepted() == [1] * 6
    assert len(city.roster) == 7


async def test_an_unchanged_document_changes_nothing(city: City) -> None:
    asked = [server.units[1].requests for server in city.servers]
    for number in range(1, 8):
        city.put(number)
    await city.all_polled(range(1, 8))
    assert city.accepted() == [1] * 6
    assert all(server.units[1].requests > count for server, count in zip(city.servers, asked, strict=True))


async def test_a_device_moves_to_another_address(city: City) -> None:
    city.put(1, address=city.servers[1].address, unit=2)
    await city.all_polled(range(1, 8))
    await until(lambda: not city.servers[0].open, what="the old link to be closed")
    assert city.accepted() == [1] * 6


async def test_a_device_is_deleted_and_comes_back(city: City) -> None:
    city.roster.apply("connection.7", None)
    city.roster.apply("connection.3", None)
    await until(lambda: not city.servers[2].open, what="the link to be closed")
    await city.all_polled([1, 2, 4, 5, 6])
    assert city.servers[5].accepted == 1
    city.put(3)
    await city.all_polled(range(1, 7))
    assert city.accepted() == [1, 1, 2, 1, 1, 1]


async def test_a_changed_profile_replans_its_devices_over_the_same_links(city: City) -> None:
    asked = city.servers[0].units[1].requests
    changed = PROFILE.model_copy(update={"max_registers": 2})
    city.roster.apply(f"profile.{PROFILE.name}", changed.model_dump_json().encode())
    await city.all_polled(range(1, 8))
    assert city.accepted() == [1] * 6
    assert city.servers[0].units[1].requests > asked
    assert city.watched.all_right()


async def test_other_sites_and_pushing_devices_are_not_ours(city: City) -> None:
    city.put(1, site="elsewhere")
    city.put(2, driver="http", address="")
    await until(lambda: not city.servers[0].open and not city.servers[1].open, what="both links to be closed")
    assert len(city.roster) == 5


async def test_a_broken_document_is_said_and_stops_that_device_only(
    city: City, caplog: pytest.LogCaptureFixture
) -> None:
    city.put(1, cadence_s=0)
    city.roster.apply("connection.2", b"{")
    city.roster.apply(f"profile.{PROFILE.name}", b'{"name": 1}')
    await city.all_polled([3, 4, 5, 6, 7])
    assert "connection 1 cannot be used" in caplog.text
    assert "connection 2 cannot be used" in caplog.text
    assert f"profile {PROFILE.name} cannot be used" in caplog.text
    assert city.roster.waiting() == []


async def test_a_missing_profile_is_named(watched: Watched) -> None:
    roster = Roster(watched.fleet, None, site="")  # type: ignore[arg-type]
    roster.apply("connection.1", msgspec.json.encode(connection(1, "127.0.0.1:1")))
    assert roster.waiting() == ["E1/M1"]


async def test_listeners_are_started_and_stopped(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[str] = []

    async def listen(address: str, uscc: str, meter: str, publish: PublishRaw) -> None:
        if "wrong" in address:
            raise ConfigError([Fault("address", "is wrong", "correct it")])
        running.append(address)
        try:
            await publish("meters.E1.M1", b"{}")
            await asyncio.Event().wait()
        finally:
            running.remove(address)

    published: list[str] = []

    async def publish_raw(subject: str, payload: bytes) -> None:
        published.append(subject)

    monkeypatch.setattr("collector.roster.load_driver", lambda name: Listening(listen))
    roster = Roster(watched.fleet, publish_raw, site="")

    def put(number: int, address: str) -> None:
        known = Connection(number, "E1", f"M{number}", "mqtt-broker", address)
        roster.apply(f"connection.{number}", msgspec.json.encode(known))

    put(1, "mqtt://a/x")
    put(2, "mqtt://b/x")
    put(3, "wrong")
    await until(lambda: len(running) == 2 and len(published) == 2, what="both listeners")
    put(1, "mqtt://c/x")
    await until(lambda: sorted(running) == ["mqtt://b/x", "mqtt://c/x"], what="the changed listener")
    assert published == ["meters.E1.M1"] * 3
    roster.apply("connection.2", None)
    await until(lambda: running == ["mqtt://c/x"], what="the deleted listener")
    await roster.close()
    assert not running
