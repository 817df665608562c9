"""The collector reads Modbus servers not written here: pymodbus' and libmodbus'."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.collector.plant import POWER, VOLTAGE_B, Watched
from tests.waiting import until


async def pymodbus_server(port: int = 0, *, without: int | None = None) -> tuple[ModbusTcpServer, int]:
    """Two units that show the plant's values."""
    data = [
        SimData(0x100, values=123456, datatype=DataType.UINT32),
        SimData(0x102, values=2301, datatype=DataType.UINT16),
        SimData(0x103, values=2312, datatype=DataType.UINT16),
        SimData(0x900, values=7.5, datatype=DataType.FLOAT32),
    ]
    devices = [SimDevice(unit, simdata=[entry for entry in data if entry.address != without]) for unit in (1, 2)]
    server = ModbusTcpServer(devices, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    return server, server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a libmodbus server, built on the spot."""
    program = tmp_path_factory.mktemp("libmodbus") / "server"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("NO PEER: no C compiler to build the libmodbus server with (apt-get install gcc libmodbus-dev)")
    source = Path(__file__).with_name("libmodbus_server.c")
    built = subprocess.run(
        [compiler, "-I/usr/include/modbus", str(source), "-o", str(program), "-lmodbus"], capture_output=True, text=True
    )
    if built.returncode:
        pytest.skip(f"NO PEER: libmodbus is not installed (apt-get install libmodbus-dev): {built.stderr[:200]}")
    with subprocess.Popen([str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


@pytest.mark.peers
async def test_libmodbus_is_read(watched: Watched, libmodbus: str) -> None:
    watched.poll(1, libmodbus, 1)
    watched.poll(2, libmodbus, 17)
    await until(lambda: all(len(watched.read(number, POWER)) >= 5 for number in (1, 2)), what="polls of both units")
    assert watched.all_right()
    assert watched.fleet.counts.failed == 0


async def test_pymodbus_server_is_read_and_reconnected(watched: Watched) -> None:
    server, port = await pymodbus_server()
    for unit in (1, 2):
        watched.poll(unit, f"127.0.0.1:{port}", unit)
    await until(lambda: all(len(watched.read(unit, POWER)) >= 3 for unit in (1, 2)), what="polls of both units")
    await server.shutdown()  # type: ignore[no-untyped-call]
    await until(lambda: not watched.fleet.connected, what="the link to break")
    before = len(watched.read(1, POWER))
    server, _ = await pymodbus_server(port)
    await until(lambda: len(watched.read(1, POWER)) > before + 2, what="polls of the restarted server")
    assert watched.all_right()
    await server.shutdown()  # type: ignore[no-untyped-call]


async def test_a_register_missing_in_pymodbus_server_is_set_aside(watched: Watched) -> None:
    server, port = await pymodbus_server(without=0x103)
    device = watched.poll(1, f"127.0.0.1:{port}")
    await until(lambda: len(watched.read(1, POWER)) >= 3, what="three polls")
    assert device.known.refused == {"voltage_b"}
    assert not watched.read(1, VOLTAGE_B)
    assert watched.all_right()
    await server.shutdown()  # type: ignore[no-untyped-call]
