"""What polling costs: `python -m tests.benchmarks.modbus [poll|memory]`.

poll     the whole pipeline (schedule, request, decode, publish) beside a bare read loop of pymodbus' own client, in
         alternating runs against the same simulator, which is a process of its own; both ask as fast as they get
memory   a collector with 10,000 meters, two behind each of 5,000 TCP addresses, polled once a minute
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest import mock

import msgspec
import psutil
from pymodbus.client import AsyncModbusTcpClient

from collector.collect import allow_many_links
from collector.devices import Connection, Device, Plans
from collector.fleet import Fleet
from collector.harvest import Harvest
from collector.outbox import Outbox
from collector.roster import Roster
from config.profile import Profile
from config.profilefiles import profiles
from config.samples import SampleBatch
from protocols.decode import Decoded, Decoder, Words
from protocols.plan import plan
from protocols.simulator.bank import Bank
from protocols.simulator.server import Server, units

T = TypeVar("T")

PROFILE = "chint-dtsu666"
HOST = "127.0.0.1"
UNITS = 2
"""Meters behind an address, in the memory benchmark."""
ENTERPRISES = 12
TICK_S = 0.5
CADENCE_S = 60.0
FASTEST_S = 0.001
"""Cadence at which every device is asked again as soon as it has answered."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run did and cost."""

    blocks: int
    seconds: float
    cpu_s: float
    decode_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.blocks / self.seconds

    @property
    def cpu_us(self) -> float:
        return 1e6 * self.cpu_s / self.blocks


def connection(device: int, ports: Sequence[int], cadence_s: float) -> Connection:
    """Devices take turns on the ports, as units 1 and on."""
    points = {quantity: 100 * device + index for index, quantity in enumerate(profile().quantities)}
    return Connection(
        id=device,
        uscc=f"E{device % ENTERPRISES:02}",
        meter=f"M{device}",
        driver="modbus-tcp",
        address=f"{HOST}:{ports[device % len(ports)]}",
        unit=1 + device // len(ports),
        cadence_s=cadence_s,
        profile=PROFILE,
        points=points,
    )


def profile() -> Profile:
    """The benchmark's meter."""
    return profiles()[PROFILE]


async def serve(links: int) -> None:
    """The simulator process: so many ports, the same meter as every unit behind each; says its ports and lives until
    its input ends."""
    allow_many_links()
    bank = Bank(profile())
    for quantity in bank.profile.quantities:
        bank.show(quantity, 42.0)
    meter = units(bank)[0]
    async with AsyncExitStack() as open_servers:
        servers = [Server(dict.fromkeys(range(1, UNITS + 1), meter)) for _ in range(links)]
        for server in servers:
            await open_servers.enter_async_context(await server.start(HOST))
        print(*(server.port for server in servers), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def simulator(links: int) -> Iterator[list[int]]:
    """A simulator in a process of its own; its ports."""
    command = [sys.executable, "-m", "tests.benchmarks.modbus", "serve", "--links", str(links)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        yield [int(port) for port in process.stdout.readline().split()]
        process.stdin.close()


async def bare(ports: Sequence[int], seconds: float) -> Run:
    """Nothing but pymodbus: a client per device reads the blocks again and again."""
    blocks = plan(profile())
    clients = [AsyncModbusTcpClient(HOST, port=port) for port in ports]
    for client in clients:
        await client.connect()
    done, over = 0, False

    async def read(client: AsyncModbusTcpClient) -> None:
        nonlocal done
        while not over:  # a cancelled task may go on: wait_for of Python 3.11 swallows it when its future is done
            for block in blocks:
                ask = client.read_holding_registers if block.function == 3 else client.read_input_registers
                reply = await ask(block.address, count=block.count, device_id=1)
                assert len(reply.registers) == block.count
                done += 1

    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(read(client))
        await asyncio.sleep(0.5)
        started, begun, cpu = done, time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        run = Run(done - started, time.perf_counter() - begun, time.process_time() - cpu)
        over = True
    for client in clients:
        client.close()
    return run


@dataclass(slots=True)
class Decoding:
    """Processor time of turning registers into numbers."""

    seconds: float = 0.0


@contextmanager
def decoding() -> Iterator[Decoding]:
    """Measures `Decoder.decode` while it lasts."""
    measured, original = Decoding(), Decoder.decode

    def decode(self: Decoder, image: Words) -> Decoded:
        before = time.process_time()
        try:
            return original(self, image)
        finally:
            measured.seconds += time.process_time() - before

    with mock.patch.object(Decoder, "decode", decode):
        yield measured


async def pipeline(ports: Sequence[int], seconds: float) -> Run:
    """The collector from wheel to published bytes."""
    published = 0

    async def publish(uscc: str, batch: SampleBatch) -> None:
        nonlocal published
        published += len(batch.to_bytes())

    harvest, plans = Harvest(), Plans(profile())
    fleet, outbox = Fleet(harvest.take), Outbox(publish)
    for device in range(len(ports)):
        fleet.add(Device(connection(device, ports, FASTEST_S), plans))

    async def tick() -> None:
        await asyncio.sleep(TICK_S)
        for uscc, batch in harvest.drain():
            outbox.put(uscc, batch)
        await outbox.flush()

    with decoding() as decode:
        await tick()
        decode.seconds, blocks, begun, cpu = 0.0, fleet.counts.blocks, time.perf_counter(), time.process_time()
        while time.perf_counter() - begun < seconds:
            await tick()
        taken = time.perf_counter() - begun
        run = Run(fleet.counts.blocks - blocks, taken, time.process_time() - cpu, decode.seconds)
    fleet.close()
    assert published
    return run


def poll(devices: int, runs: int, seconds: float, uvloop: bool) -> dict[str, float]:
    """Medians of alternating runs."""
    with simulator(devices) as ports:
        pairs = [(_run(bare(ports, seconds), uvloop), _run(pipeline(ports, seconds), uvloop)) for _ in range(runs)]
    return {
        "devices": devices,
        "bare_blocks_per_s": round(statistics.median(one.rate for one, _ in pairs)),
        "pipeline_blocks_per_s": round(statistics.median(two.rate for _, two in pairs)),
        "throughput_ratio": round(statistics.median(two.rate / one.rate for one, two in pairs), 2),
        "bare_cpu_us_per_block": round(statistics.median(one.cpu_us for one, _ in pairs), 1),
        "pipeline_cpu_us_per_block": round(statistics.median(two.cpu_us for _, two in pairs), 1),
        "cpu_ratio": round(statistics.median(one.cpu_us / two.cpu_us for one, two in pairs), 2),
        "decode_us_per_block": round(statistics.median(1e6 * two.decode_s / two.blocks for _, two in pairs), 2),
    }


async def memory(meters: int, seconds: float, ports: Sequence[int]) -> dict[str, float]:
    """Resident memory of a collector that polls so many meters once a minute."""
    allow_many_links()
    before = _resident_mb()
    harvest = Harvest()
    fleet, outbox = Fleet(harvest.take), Outbox(_discard)
    roster = Roster(fleet, _discard, site="")
    roster.apply(f"profile.{PROFILE}", profiles()[PROFILE].model_dump_json().encode())
    for meter in range(meters):
        roster.apply(f"connection.{meter}", msgspec.json.encode(connection(meter, ports, CADENCE_S)))
    most, cpu, begun = 0.0, time.process_time(), time.perf_counter()
    while time.perf_counter() - begun < seconds:
        await asyncio.sleep(TICK_S)
        for uscc, batch in harvest.drain():
            outbox.put(uscc, batch)
        await outbox.flush()
        most = max(most, _resident_mb())
    counts = fleet.counts
    result = {
        "meters": meters,
        "links_open": fleet.connected,
        "points": meters * len(profile().quantities),
        "start_mb": round(before),
        "most_mb": round(most),
        "polls": counts.polls,
        "on_time_percent": round(100 * counts.on_time / max(counts.polls, 1), 3),
        "failed": counts.failed,
        "samples": outbox.published,
        "cpu_percent": round(100 * (time.process_time() - cpu) / (time.perf_counter() - begun), 1),
    }
    fleet.close()
    return result


async def _discard(name: str, payload: SampleBatch | bytes) -> None:
    pass


def _resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def _run(work: Coroutine[Any, Any, T], uvloop: bool) -> T:
    factory = None
    if uvloop:
        import uvloop as fast

        factory = fast.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["poll", "memory", "serve"], nargs="?", default="poll")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--meters", type=int, default=10_000)
    parser.add_argument("--links", type=int, default=50, help=argparse.SUPPRESS)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    if options.what == "serve":
        asyncio.run(serve(options.links))
    elif options.what == "memory":
        with simulator(options.meters // UNITS) as ports:
            print(json.dumps(_run(memory(options.meters, 2.5 * CADENCE_S, ports), options.uvloop)))
    else:
        for devices in (50, 500):
            print(json.dumps(poll(devices, options.runs, options.seconds, options.uvloop)))


if __name__ == "__main__":
    main()
