"""A Modbus TCP server that costs a few microseconds per request, and can misbehave in every way meters do."""

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum, auto
from typing import cast

from protocols.simulator.bank import Bank, Layout

_REQUEST = struct.Struct(">HHHBBHH")
"""Transaction id, protocol id, length, unit, function, address, count."""
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE, _NO_RESPONSE = 1, 2, 3, 11
_RESET = struct.pack("ii", 1, 0)


class Fault(Enum):
    """What a unit does instead of answering as it should."""

    SILENT = auto()
    RESET = auto()
    GARBAGE = auto()
    IN_PIECES = auto()
    """It answers, but a few bytes at a time."""


_ANSWERLESS = (Fault.SILENT, Fault.RESET, Fault.GARBAGE)


class Unit:
    """One meter: an image and its switches. All may be changed at any time."""

    __slots__ = ("delay_s", "exception", "fault", "image", "layout", "refused", "requests", "spoil")

    def __init__(self, layout: Layout, image: memoryview) -> None:
        self.layout = layout
        self.image = image
        self.fault: Fault | None = None
        self.exception = 0
        """Answer every request with this exception."""
        self.refused: tuple[range, ...] = ()
        """Addresses of which a request may touch none: exception 2."""
        self.delay_s = 0.0
        """Answer so late."""
        self.spoil: Callable[[bytes], bytes] | None = None
        """Changes a reply before it is sent."""
        self.requests = 0

    def reply(self, request: bytes) -> bytes:
        """The reply frame to a request frame."""
        transaction, _, _, unit, function, address, count = _REQUEST.unpack(request)
        position = self.layout.find((function, address, count))
        code = self.exception or self._refusal(function, address, count, position)
        if code or position is None:
            return struct.pack(">HHHBBB", transaction, 0, 3, unit, function | 0x80, code)
        head = b"%b\0\0%b%c%c%c" % (request[:2], (3 + 2 * count).to_bytes(2, "big"), unit, function, 2 * count)
        return head + self.image[2 * position : 2 * (position + count)]

    def _refusal(self, function: int, address: int, count: int, position: int | None) -> int:
        if function not in (3, 4):
            return _ILLEGAL_FUNCTION
        if not 1 <= count <= 125:
            return _ILLEGAL_VALUE
        barred = any(address < hole.stop and hole.start < address + count for hole in self.refused)
        return _ILLEGAL_ADDRESS if barred or position is None else 0


def units(bank: Bank) -> list[Unit]:
    """The meters of a bank."""
    return [Unit(bank.layout, bank.image(meter)) for meter in range(len(bank.words))]


class Server:
    """Meters behind one TCP address, by unit id; an unknown unit gets exception 11, as from a gateway."""

    def __init__(self, meters: dict[int, Unit]) -> None:
        self.units = meters
        self.port = 0
        self.host = ""
        self.dark = False
        """Connections are accepted and nothing is answered."""
        self.accepted = 0
        """Connections ever accepted."""
        self.open: set[_Session] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> "Server":
        """Listen; port 0 takes a free one the first time and the same one again after a stop."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), host, port or self.port, backlog=4096)
        self.host, self.port = host, self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Refuse connections and break those there are."""
        if self._server:
            self._server.close()
        for session in list(self.open):
            session.abort()
        if self._server:
            await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> "Server":
        return self if self._server else await self.start()

    async def __aexit__(self, *error: object) -> None:
        await self.stop()


class _Session(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.accepted += 1
        self._server.open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._server.open.discard(self)

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        while len(data) >= _REQUEST.size:
            request, data = data[: _REQUEST.size], data[_REQUEST.size :]
            self._answer(request)
        self._received = data

    def _answer(self, request: bytes) -> None:
        unit = self._server.units.get(request[6])
        if unit is None:
            self._send(struct.pack(">4sHBBB", request[:4], 3, request[6], request[7] | 0x80, _NO_RESPONSE))
            return
        unit.requests += 1
        if self._server.dark or unit.fault in _ANSWERLESS:
            self._fail(unit.fault)
            return
        reply = unit.reply(request)
        if unit.spoil:
            reply = unit.spoil(reply)
        if unit.fault is Fault.IN_PIECES:
            for piece in range(0, len(reply), 5):
                asyncio.get_running_loop().call_later(piece * 1e-3, self._send, reply[piece : piece + 5])
        elif unit.delay_s:
            asyncio.get_running_loop().call_later(unit.delay_s, self._send, reply)
        else:
            self._send(reply)

    def _send(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)

    def _fail(self, fault: Fault | None) -> None:
        if fault is Fault.GARBAGE:
            self._send(b"\x15meter restarting\r\n\xff\xfe\x00\x81")
        elif fault is Fault.RESET:
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
