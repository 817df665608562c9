"""A small plant for tests: simulated meters, and a fleet that polls them and keeps what it reads."""

from collections import defaultdict

import numpy as np

from collector.devices import Connection, Device, Plans
from collector.fleet import Fleet
from collector.harvest import Harvest
from config.profile import Profile
from protocols.simulator.bank import Bank
from protocols.simulator.server import Server, Unit, units

PROFILE = Profile.model_validate(
    {
        "name": "test-meter",
        "maker": "nobody",
        "model": "two blocks",
        "source": "made for tests",
        "verified": True,
        "registers": [
            {"quantity": "active_energy_import", "address": 0x100, "type": "uint32", "unit": "kWh", "scale": 0.01},
            {"quantity": "voltage_a", "address": 0x102, "type": "uint16", "unit": "V", "scale": 0.1},
            {"quantity": "voltage_b", "address": 0x103, "type": "uint16", "unit": "V", "scale": 0.1},
            {"quantity": "active_power", "address": 0x900, "type": "float32", "unit": "kW"},
        ],
    }
)
CADENCE_S = 0.05
VALUES = {"active_energy_import": 1234.56, "voltage_a": 230.1, "voltage_b": 231.2, "active_power": 7.5}
ENERGY, VOLTAGE_A, VOLTAGE_B, POWER = range(4)
"""Point ids of device d are 10 d + these."""


def meters(count: int) -> list[Unit]:
    """Meters that show VALUES."""
    bank = Bank(PROFILE, count)
    for quantity, value in VALUES.items():
        bank.show(quantity, value)
    return units(bank)


def gateway(count: int) -> Server:
    """So many meters behind one address, as units 1, 2, …"""
    return Server(dict(enumerate(meters(count), 1)))


def connection(number: int, address: str, unit: int = 1, cadence_s: float = CADENCE_S, uscc: str = "E1") -> Connection:
    return Connection(
        id=number,
        uscc=uscc,
        meter=f"M{number}",
        driver="modbus-tcp",
        address=address,
        unit=unit,
        cadence_s=cadence_s,
        profile=PROFILE.name,
        points={quantity: 10 * number + index for index, quantity in enumerate(VALUES)},
    )


class Watched:
    """A fleet and everything it has read: value and time of each sample by point."""

    def __init__(self) -> None:
        self.harvest = Harvest()
        self.fleet = Fleet(self.harvest.take)
        self.plans = Plans(PROFILE)
        self.values: dict[int, list[float]] = defaultdict(list)
        self.times: dict[int, list[int]] = defaultdict(list)

    def poll(self, number: int, address: str, unit: int = 1, cadence_s: float = CADENCE_S) -> Device:
        device = Device(connection(number, address, unit, cadence_s), self.plans)
        self.fleet.add(device)
        return device

    def read(self, number: int, index: int = ENERGY) -> list[float]:
        """Values read of a device's point so far."""
        for _, batch in self.harvest.drain():
            for point, time, value in zip(batch.point.tolist(), batch.time.tolist(), batch.value.tolist(), strict=True):
                self.values[point].append(value)
                self.times[point].append(time)
        return self.values[10 * number + index]

    def all_right(self) -> bool:
        """Whether every value read is the one its meter shows."""
        self.read(0)
        wanted = list(VALUES.values())
        return all(np.allclose(values, wanted[point % 10], rtol=1e-6) for point, values in self.values.items())
