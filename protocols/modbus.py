"""Modbus TCP. The only file that knows pymodbus.

pymodbus makes the request frames and names the exceptions. Its client is not used (read at 3.16): it takes a reply
with transaction id 0, of another function, or of fewer registers for the one asked for; garbage or a reset by the peer
is noticed only when the time-out ends (the waiting future is never told); a frame it cannot decode raises inside the
event loop; and a future, a task and a list of ints per reply cost more than sending and receiving. Here a reply
counts only when transaction id, protocol, unit, function and both lengths are those of the one outstanding request;
after anything else the line is over (pymodbus#538, #2151, #2580, #1545).
"""

import asyncio
import struct
from functools import lru_cache
from itertools import cycle
from typing import cast

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ReadHoldingRegistersRequest
from pymodbus.pdu.register_message import ReadInputRegistersRequest

from protocols.driver import Listener, Polled
from protocols.errors import BadReply, ConnectFailed, ProtocolError, Refused
from protocols.plan import Block

DEFAULT_PORT = 502

_HEADER = struct.Struct(">HHHBBB")
"""Transaction id, protocol id, length of what follows, unit, function, byte count or exception code."""
_LARGEST = 260
_EXCEPTION = 0x80
_FRAMER = FramerSocket(DecodePDU(False))
_REQUESTS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}

_transactions = cycle(range(1, 1 << 16))
"""One counter for all lines: a reply queued in a gateway from a line that is over cannot fit its successor."""


async def connect(address: str, listener: Listener, timeout_s: float) -> "ModbusLine":
    """Open a TCP connection to `host[:port]`. Raises ConnectFailed."""
    host, port = split_address(address)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, line = await loop.create_connection(lambda: ModbusLine(listener), host, port)
    except TimeoutError:
        raise ConnectFailed(f"{address} does not accept a connection within {timeout_s:g} s") from None
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(f"{address}: {getattr(error, 'strerror', None) or error}") from None
    return line


def split_address(address: str) -> tuple[str, int]:
    """`host`, `host:port` or `[v6]:port`. Raises ConnectFailed: nothing can be reached there."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]") or (":" in host and not host.startswith("[")):
        host, port = address, str(DEFAULT_PORT)
    if not host or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise ConnectFailed(f"{address!r} is not host:port; correct the meter's address")
    return host.strip("[]"), int(port)


class ModbusLine(asyncio.BufferedProtocol):
    """One TCP connection, one request at a time. Receives into its own small buffer, without copies by the loop."""

    __slots__ = (
        "_buffer",
        "_count",
        "_filled",
        "_function",
        "_listener",
        "_transaction",
        "_transport",
        "_unit",
        "_view",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener: Listener | None = listener
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(_LARGEST + 1)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._transaction = 0  # 0: nothing asked
        self._unit = self._function = self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or "the device closed the connection"
        self._end(ConnectFailed(reason))

    def request(self, unit: int, block: Block) -> None:
        self._transaction, self._unit, self._count = next(_transactions), unit, block.count
        self._function = block.function
        if self._transport:
            frame = _request(block.function, block.address, block.count)
            self._transport.write(b"%b%b%c%b" % (self._transaction.to_bytes(2, "big"), frame[2:6], unit, frame[7:]))

    def close(self) -> None:
        self._listener = None
        if self._transport:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view[self._filled :] if self._filled else self._view

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        if not self._transaction:
            self._end(BadReply(f"{nbytes} bytes came though nothing was asked"))
        elif self._filled >= _HEADER.size:
            self._take()

    def _take(self) -> None:
        """A reply has begun: pass it on when it is whole, end the line when it is not the one asked for."""
        transaction, protocol, length, unit, function, last = _HEADER.unpack_from(self._buffer)
        asked = (self._transaction, 0, self._unit)
        if (transaction, protocol, unit) != asked:
            self._end(BadReply(f"transaction, protocol and unit {(transaction, protocol, unit)}, not {asked}"))
        elif function == self._function:
            if last != 2 * self._count or length != 3 + last or self._filled > _HEADER.size + last:
                self._end(BadReply(f"{last} bytes in a frame of {length}, not {2 * self._count} as asked"))
            elif self._filled == _HEADER.size + last:
                self._answer(bytes(self._view[_HEADER.size : self._filled]))
        elif function == self._function | _EXCEPTION and length in (2, 3) and self._filled == _HEADER.size:
            # some devices count one byte too few in an exception (pymodbus#2151)
            self._answer(_exception(last))
        else:
            self._end(BadReply(f"function {function} in a frame of {length}, not {self._function}"))

    def _answer(self, answer: bytes | ProtocolError) -> None:
        self._filled = self._transaction = 0
        if self._listener:
            self._listener.answered(answer)

    def _end(self, reason: ProtocolError) -> None:
        listener = self._listener
        self.close()
        if listener:
            listener.lost(reason)


@lru_cache(maxsize=4096)
def _request(function: int, address: int, count: int) -> bytes:
    """The frame of a request with transaction id 0 and unit 0."""
    return _FRAMER.buildFrame(_REQUESTS[function](address=address, count=count, dev_id=0, transaction_id=0))


def _exception(code: int) -> ProtocolError:
    if code == ExcCodes.ILLEGAL_ADDRESS:
        return Refused("the device has no such register (exception 2)")
    name = ExcCodes(code).name.replace("_", " ").lower() if code in set(ExcCodes) else "unknown"
    return BadReply(f"the device answers exception {code} ({name})")


DRIVER = Polled(connect)
