"""The demo city alive: a Modbus TCP server for each gateway, an MQTT client for each enterprise."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import aiomqtt
import numpy as np

from config import payload, profilefiles
from config.city import Place
from config.errors import ConfigError
from config.errors import Fault as Wrong
from config.samples import MICROSECOND, now_us
from protocols.simulator.bank import Bank
from protocols.simulator.compose import Reading, compose
from protocols.simulator.demo import HOST, Demo
from protocols.simulator.server import Fault, Server, Unit, units

log = logging.getLogger(__name__)

STEP_S = 1.0
"""How often the registers are brought up to date."""
_PAUSE_S = 2.0


async def simulate(
    demo: Demo, mqtt: tuple[str, int], stop: asyncio.Event, ready: Callable[[], None] = lambda: None
) -> None:
    """Be the demo's meters until `stop`. `mqtt`: host and port of the listener that MQTT meters publish to; they wait
    for it. Raises ConfigError when a port is taken."""
    gateways = Gateways(demo)
    senders = [Sender(demo, number, mqtt) for number in range(len(demo.city.enterprises))]
    async with contextlib.AsyncExitStack() as open_servers:
        gateways.show(now_us())
        for server, port in gateways.servers.values():
            await open_servers.enter_async_context(await _listening(server, port))
        tasks = [asyncio.create_task(sender.run()) for sender in senders if sender.places]
        ready()
        try:
            while not stop.is_set():
                gateways.show(now_us())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), STEP_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _listening(server: Server, port: int) -> Server:
    try:
        return await server.start(HOST, port)
    except OSError as error:
        what = f"cannot be listened on: {error}"
        raise ConfigError([Wrong(f"{HOST}:{port}", what, "end what listens there, or start the demo anew")]) from None


class Gateways:
    """The Modbus meters of the city."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        places = demo.city.places
        self.banks: list[tuple[Bank, list[int]]] = []
        """Meters of a profile, and the index of the place of each."""
        self.units: dict[int, Unit] = {}
        """By index of the place."""
        profiles = profilefiles.profiles()
        for name in dict.fromkeys(place.profile for place in places if place.profile):
            rows = [index for index, place in enumerate(places) if place.profile == name]
            bank = Bank(profiles[name], len(rows))
            self.banks.append((bank, rows))
            self.units.update(zip(rows, units(bank), strict=True))
        self.servers = {
            gateway: (
                Server({places[row].unit: unit for row, unit in self.units.items() if places[row].gateway == gateway}),
                demo.ports[gateway],
            )
            for gateway in demo.city.gateways
        }
        self._quantities = [
            q for q in demo.faces.quantities if any(q in bank.profile.quantities for bank, _ in self.banks)
        ]

    def show(self, now: int) -> None:
        """Let every meter show what it shows at an instant, and be as broken as the script wants it."""
        shown = self._demo.faces.show(np.array([now]), self._quantities)
        for bank, rows in self.banks:
            for quantity in bank.profile.quantities:
                bank.show(quantity, shown[quantity][rows, 0])
        script, places = self._demo.script, self._demo.city.places
        silent = script.active("silent", now)
        for row, unit in self.units.items():
            unit.fault = Fault.SILENT if row in silent else None
        dark = {places[row].gateway for row in script.active("dark", now)}
        for gateway, (server, _) in self.servers.items():
            server.dark = gateway in dark


class Sender:
    """The MQTT meters of one enterprise. They share a client and the second of the minute at which they send; what
    could not be sent is sent later."""

    def __init__(self, demo: Demo, number: int, mqtt: tuple[str, int]) -> None:
        self._demo, self._mqtt = demo, mqtt
        enterprise = demo.city.enterprises[number]
        self._uscc = enterprise.uscc
        self.places = [
            (index, place)
            for index, place in enumerate(demo.city.places)
            if place.mapping and place.enterprise == enterprise.key
        ]
        self._every = min((place.every for _, place in self.places), default=60) * MICROSECOND
        phase = number * 5 * MICROSECOND % self._every
        self._due = (now_us() - phase) // self._every * self._every + phase
        self._quantities = sorted({quantity for _, place in self.places for quantity in place.kept})
        self._kept_back: dict[int, list[Reading]] = {}

    async def run(self) -> None:
        """Send until cancelled."""
        broken = False
        while True:
            try:
                async with aiomqtt.Client(*self._mqtt, identifier=f"demo-{self._uscc}") as client:
                    broken = False
                    while True:
                        await asyncio.sleep(max(self._due - now_us(), 0) / MICROSECOND)
                        await self._send(client)
                        self._due += self._every
            except aiomqtt.MqttError as error:
                if not broken:
                    log.info("the MQTT meters of %s wait for the broker: %s", self._uscc, error)
                broken = True
                await asyncio.sleep(_PAUSE_S)

    async def _send(self, client: aiomqtt.Client) -> None:
        for place, messages, times in self.messages(self._due):
            for message in messages * times:
                await client.publish(f"meters/{self._uscc}/{place.meter}/readings", message, qos=1)

    def messages(self, at: int) -> list[tuple[Place, list[bytes], int]]:
        """What the meters send at an instant, each message so many times. Asking again for the same is harmless."""
        shown = self._demo.faces.show(np.array([at]), self._quantities)
        late, repeated = (self._demo.script.active(kind, at) for kind in ("late", "repeated"))
        found = []
        for index, place in self.places:
            values = {quantity: float(shown[quantity][index, 0]) for quantity in place.kept}
            reading = (at + int(self._demo.script.drift(index, np.array([at]))[0]), values)
            readings = [one for one in self._kept_back.get(index, []) if one[0] != reading[0]] + [reading]
            if index in late:
                self._kept_back[index] = readings
                continue
            messages = list(compose(payload.mappings()[place.mapping], readings))
            self._kept_back.pop(index, None)
            found.append((place, messages, 2 if index in repeated else 1))
        return found
