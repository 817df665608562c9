"""The simulator, seen by pymodbus' client: our two ends must not share a misunderstanding."""

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray
from pymodbus.client import AsyncModbusTcpClient

from config.errors import ConfigError
from config.profilefiles import profiles
from protocols.decode import Decoder
from protocols.plan import plan
from protocols.simulator.bank import Bank
from protocols.simulator.growing import FLOWS, Growing, simulate
from protocols.simulator.server import Server, units


@pytest.mark.parametrize("name", sorted(profiles()))
async def test_the_simulator_is_read_by_pymodbus_client(name: str) -> None:
    profile = profiles()[name]
    growing = Growing(profile, 2)
    growing.advance(1e9, 3600.0)
    async with Server(dict(enumerate(units(growing.bank), 1))) as server:
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, retries=0)
        assert await client.connect()
        for block in plan(profile):
            read = client.read_holding_registers if block.function == 3 else client.read_input_registers
            reply = await read(block.address, count=block.count, device_id=2)
            start = growing.bank.layout.find((block.function, block.address, block.count))
            assert start is not None
            assert reply.registers == growing.bank.words[1, start : start + block.count].tolist()
            assert any(reply.registers)
        refused = await client.read_holding_registers(0xFFF0, count=2, device_id=1)
        assert refused.exception_code == 2
        unknown = await client.read_holding_registers(0, count=2, device_id=99)
        assert unknown.exception_code == 11
        client.close()


@pytest.mark.parametrize("name", sorted(profiles()))
def test_registers_grow_with_the_flow(name: str) -> None:
    growing = Growing(profiles()[name], 3)
    before = _shown(growing.bank)
    growing.advance(900.0, 1800.0)
    after = _shown(growing.bank)
    grown = [quantity for quantity in FLOWS if quantity in before]
    assert grown
    for quantity in grown:
        assert (after[quantity] - before[quantity] > 5).all()


def _shown(bank: Bank) -> dict[str, NDArray[np.float64]]:
    values: dict[str, NDArray[np.float64]] = {}
    for block in plan(bank.profile):
        start = bank.layout.find((block.function, block.address, block.count))
        assert start is not None
        decoder = Decoder(block)
        decoded = decoder.decode(bank.words[:, start : start + block.count])
        values |= dict(zip(decoder.quantities, decoded.values.T, strict=True))
    return values


async def test_simulate_serves_behind_gateways_until_stopped() -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    profile = profiles()["chint-dtsu666"]
    serving = asyncio.create_task(
        simulate(profile, 150, host="127.0.0.1", port=0, gateways=True, stop=stop, ready=ready.set_result)
    )
    addresses = await asyncio.wait_for(ready, 5)
    assert len(addresses) == 2
    client = AsyncModbusTcpClient("127.0.0.1", port=int(addresses[1].split(":")[1]))
    await client.connect()
    assert not (await client.read_holding_registers(0x101E, count=2, device_id=50)).isError()
    assert (await client.read_holding_registers(0x101E, count=2, device_id=51)).isError()
    client.close()
    stop.set()
    await serving


async def test_simulate_names_a_port_in_use() -> None:
    profile = profiles()["chint-dtsu666"]
    async with Server({}) as server:
        with pytest.raises(ConfigError, match=f"127.0.0.1:{server.port}: cannot be listened on"):
            await simulate(
                profile,
                1,
                host="127.0.0.1",
                port=server.port,
                gateways=False,
                stop=asyncio.Event(),
                ready=lambda addresses: None,
            )
