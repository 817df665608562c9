"""Meters whose registers grow, as `wanjia simulate` runs them."""

import asyncio
import math
import time
from collections.abc import Callable

import numpy as np

from config.errors import ConfigError, Fault
from config.profile import Profile
from config.quantities import QUANTITIES
from protocols.simulator.bank import Bank
from protocols.simulator.server import Server, units

FLOWS = {
    "active_energy_import": "active_power",
    "volume": "volume_flow",
    "normal_volume": "normal_volume_flow",
    "mass": "mass_flow",
    "heat": "heat_flow",
}
"""The flow (per hour) that makes each register grow; other registers stay."""

_FLOW = 40.0
_SWING = 0.5
_SWING_S = 3600.0
_STEADY = {"V": 230.0, "A": 60.0, "Hz": 50.0, "1": 0.95, "degC": 60.0, "MPa": 0.6}
STEP_S = 1.0
UNITS_PER_GATEWAY = 100


class Growing:
    """Meters of one profile under a load that swings over an hour, each at its own point of the swing."""

    def __init__(self, profile: Profile, meters: int) -> None:
        self.bank = Bank(profile, meters)
        self._shift = np.arange(meters) / max(meters, 1) * 2 * math.pi
        self._energy = np.zeros(meters)
        for quantity in profile.quantities:
            steady = _STEADY.get(QUANTITIES[quantity].unit, 0.0)
            self.bank.show(quantity, steady)
        self.advance(time.time(), 0.0)

    def advance(self, now: float, elapsed_s: float) -> None:
        """Let `elapsed_s` pass under the load of `now`."""
        load = _FLOW * (1 + _SWING * np.sin(2 * math.pi * now / _SWING_S + self._shift))
        self._energy += load * elapsed_s / 3600
        for quantity in self.bank.profile.quantities:
            if quantity in FLOWS:
                self.bank.show(quantity, self._energy)
            elif quantity in FLOWS.values():
                self.bank.show(quantity, load)


async def simulate(
    profile: Profile,
    meters: int,
    *,
    host: str,
    port: int,
    gateways: bool,
    stop: asyncio.Event,
    ready: Callable[[list[str]], None],
) -> None:
    """Serve so many growing meters until `stop`: each at a port of its own from `port` on (0: free ones), or, with
    `gateways`, a hundred behind each port as units 1 to 100. `ready` gets the addresses. Raises ConfigError."""
    growing = Growing(profile, meters)
    rows = units(growing.bank)
    size = UNITS_PER_GATEWAY if gateways else 1
    groups = [rows[first : first + size] for first in range(0, meters, size)]
    servers = [Server(dict(enumerate(group, 1))) for group in groups]
    try:
        for number, server in enumerate(servers):
            await _start(server, host, port + number if port else 0)
        ready([server.address for server in servers])
        before = time.time()
        while not stop.is_set():
            await asyncio.sleep(STEP_S)
            now = time.time()
            growing.advance(now, now - before)
            before = now
    finally:
        for server in servers:
            await server.stop()


async def _start(server: Server, host: str, port: int) -> None:
    try:
        await server.start(host, port)
    except (OSError, OverflowError) as error:
        what = f"cannot be listened on: {error}"
        raise ConfigError([Fault(f"{host}:{port}", what, "choose another port, or fewer meters")]) from None
