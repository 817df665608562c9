"""The registry as this collector follows it: a change touches only the devices that changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec
from pydantic import ValidationError

from collector.devices import Connection, Device, Plans
from collector.fleet import Fleet
from collector.poll import backoff
from config.errors import ConfigError
from config.profile import Profile
from protocols import DRIVERS, load_driver
from protocols.driver import Listening

log = logging.getLogger(__name__)

PublishRaw = Callable[[str, bytes], Awaitable[None]]

_decode = msgspec.json.Decoder(Connection).decode


class Roster:
    """Which connections there are, and the devices and listeners that serve those of this site."""

    def __init__(self, fleet: Fleet, publish_raw: PublishRaw, site: str) -> None:
        self._fleet = fleet
        self._publish_raw = publish_raw
        self._site = site
        self._plans: dict[str, Plans] = {}
        self._connections: dict[str, Connection] = {}
        self._devices: dict[str, Device] = {}
        self._listeners: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._devices) + len(self._listeners)

    def apply(self, key: str, value: bytes | None) -> None:
        """Take over an entry of the registry bucket; `value` None: it was deleted."""
        kind, _, name = key.partition(".")
        if kind == "profile":
            self._apply_profile(name, value)
        elif kind == "connection":
            self._apply_connection(name, value)

    def waiting(self) -> list[str]:
        """Polled meters whose profile has not come or has nothing for them."""
        idle = self._connections.keys() - self._devices.keys() - self._listeners.keys()
        return sorted(f"{self._connections[name].uscc}/{self._connections[name].meter}" for name in idle)

    def polled(self) -> set[str]:
        """The connections of meters that are polled."""
        return set(self._devices)

    def refused(self) -> dict[str, list[int]]:
        """By connection the points whose registers its meter refuses, once all of it was asked."""
        return {
            name: sorted(
                device.connection.points[quantity] for quantity in device.refused & device.connection.points.keys()
            )
            for name, device in self._devices.items()
            if device.refused is not None
        }

    async def close(self) -> None:
        for task in self._listeners.values():
            task.cancel()
        await asyncio.gather(*self._listeners.values(), return_exceptions=True)

    def _apply_profile(self, name: str, value: bytes | None) -> None:
        if value is None:  # its devices go on until their connections change
            return
        try:
            profile = Profile.model_validate_json(value)
        except ValidationError as error:
            log.error("profile %s cannot be used; apply the registry again: %s", name, error)
            return
        if name in self._plans and self._plans[name].profile == profile:
            return
        self._plans[name] = Plans(profile)
        for key, connection in self._connections.items():
            if connection.profile == name and key not in self._listeners:
                self._serve(key, connection)

    def _apply_connection(self, name: str, value: bytes | None) -> None:
        connection = self._read(name, value)
        if connection == self._connections.get(name):
            return
        if connection:
            self._connections[name] = connection
        else:
            del self._connections[name]
        self._serve(name, connection)

    def _read(self, name: str, value: bytes | None) -> Connection | None:
        """The connection, if this collector is to serve it."""
        if value is None:
            return None
        try:
            connection = _decode(value)
        except msgspec.DecodeError as error:
            log.error("connection %s cannot be used; apply the registry again: %s", name, error)
            return None
        return connection if connection.site == self._site and connection.driver in DRIVERS else None

    def _serve(self, name: str, connection: Connection | None) -> None:
        """Serve a connection as it is now (None: not any more). The new device comes before the old one goes, so that
        a link they share stays open."""
        before = self._devices.pop(name, None)
        if name in self._listeners:
            self._listeners.pop(name).cancel()
        if connection:
            served = load_driver(connection.driver)
            if isinstance(served, Listening):
                self._listeners[name] = asyncio.create_task(self._listen(served, connection))
            elif connection.profile in self._plans:
                device = Device(connection, self._plans[connection.profile])
                if device.readings:
                    self._devices[name] = device
                    self._fleet.add(device)
        if before:
            self._fleet.remove(before)

    async def _listen(self, driver: Listening, connection: Connection) -> None:
        failures = 0
        while True:
            try:
                await driver.listen(connection.address, connection.uscc, connection.meter, self._publish_raw)
            except ConfigError as error:  # stays wrong until the connection is changed
                log.error("meter %s/%s: %s", connection.uscc, connection.meter, error)
                return
            except Exception:  # supervisor: a listener runs as long as its connection exists
                failures += 1
                log.exception("listening for meter %s/%s failed", connection.uscc, connection.meter)
            await asyncio.sleep(backoff(max(failures, 1), 1.0))
