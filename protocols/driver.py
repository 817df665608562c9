"""What the collector asks of a driver. A driver is one module with a `DRIVER`, listed in `protocols.DRIVERS`.

Polled drivers (`Polled`) open lines and read register blocks, one request at a time on a line; when to ask, how long
to wait and when to try again is the collector's business. Listening drivers (`Listening`) run until cancelled and
hand on the payloads that devices send.

Answers come by callbacks, not futures: a collector holds tens of thousands of lines, and a task or future for each
request costs more than the request.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from protocols.errors import ProtocolError
from protocols.plan import Block

Answer = bytes | ProtocolError
"""The registers of a block as they came (big-endian 16-bit words), or `Refused` or `BadReply`."""


class Listener(Protocol):
    """Who is told what happens on a line. Neither method is called from within `request` or `close`."""

    def answered(self, answer: Answer) -> None:
        """The outstanding request has its answer; the line is ready for the next."""

    def lost(self, reason: ProtocolError) -> None:
        """The line is over: the peer closed it (ConnectFailed), or what came cannot be trusted (BadReply)."""


class Line(Protocol):
    """A connection to one address that carries one request at a time."""

    def request(self, unit: int, block: Block) -> None:
        """Ask `unit` for a block. Raises nothing: a line that is gone says so by `lost`."""

    def close(self) -> None:
        """End the line at once; the listener hears nothing more. After a time-out this is the only way on: a late
        reply must not meet the next request."""


class Connect(Protocol):
    """Opens a line to an address within `timeout_s`. Raises ConnectFailed with a reason an operator understands."""

    def __call__(self, address: str, listener: Listener, timeout_s: float) -> Awaitable[Line]: ...


Listen = Callable[[str, str, str, Callable[[str, bytes], Awaitable[None]]], Awaitable[None]]
"""(address, uscc, meter, publish): runs until cancelled; `publish(subject, payload)` is durable when it returns."""


@dataclass(frozen=True, slots=True)
class Polled:
    """A driver of devices that answer when asked."""

    connect: Connect


@dataclass(frozen=True, slots=True)
class Listening:
    """A driver of devices that speak by themselves."""

    listen: Listen


Driver = Polled | Listening
