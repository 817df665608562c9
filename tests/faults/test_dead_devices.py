"""A fifth of the devices dies; the others are read as if nothing had happened."""

import asyncio
import itertools
import time
from dataclasses import dataclass

import pytest

from collector.poll import next_slot, phase, tolerance
from protocols.simulator.server import Fault, Server, Unit
from tests.collector.plant import POWER, Watched, gateway
from tests.waiting import until

SINGLE, SINGLE_CADENCE_S = 160, 1.0
GATEWAYS, UNITS, GATEWAY_CADENCE_S = 9, 10, 5.0
HEALTHY_S, DEAD_S = 6.0, 22.0


@dataclass(frozen=True)
class Meter:
    number: int
    unit: Unit
    cadence_s: float

    def on_time(self, times: list[int], start: float, end: float) -> tuple[int, int]:
        """Slots between two instants: how many there were, and how many gave a value in time."""
        slots = hits = 0
        slot = next_slot(start, self.cadence_s, phase(self.number, self.cadence_s))
        while slot < end:
            slots += 1
            hits += any(0 <= instant / 1e6 - slot <= tolerance(self.cadence_s) for instant in times)
            slot += self.cadence_s
        return slots, hits


@pytest.mark.slow
async def test_the_dead_do_not_disturb_the_living() -> None:
    watched, numbers = Watched(), itertools.count(1)
    servers: list[Server] = []
    meters: list[Meter] = []
    for units, cadence_s in [(1, SINGLE_CADENCE_S)] * SINGLE + [(UNITS, GATEWAY_CADENCE_S)] * GATEWAYS:
        server = await gateway(units).start()
        servers.append(server)
        for unit in range(1, units + 1):
            meters.append(Meter(next(numbers), server.units[unit], cadence_s))
            watched.poll(meters[-1].number, server.address, unit, cadence_s)
    await until(lambda: all(watched.read(meter.number, POWER) for meter in meters), what="a first poll of all")

    start = time.time()
    await asyncio.sleep(HEALTHY_S)
    dead = meters[::5]
    for meter, fault in zip(dead, itertools.cycle([Fault.SILENT, Fault.RESET, Fault.GARBAGE]), strict=False):
        meter.unit.fault = fault
    await asyncio.sleep(DEAD_S)
    end = time.time() - tolerance(GATEWAY_CADENCE_S)
    watched.read(0)
    watched.fleet.close()
    for server in servers:
        await server.stop()

    living = [meter for meter in meters if meter not in dead]
    counted = [meter.on_time(watched.times[10 * meter.number + POWER], start, end) for meter in living]
    slots, hits = (sum(column) for column in zip(*counted, strict=True))
    print(f"{len(living)} living and {len(dead)} dead meters: {hits} of {slots} polls of the living on time")
    assert slots > 3000
    assert hits / slots >= 0.999
    assert watched.all_right()
