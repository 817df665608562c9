"""The Modbus line, byte by byte: only the reply to the outstanding request is an answer."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU

from protocols import DRIVERS, load_driver
from protocols.driver import Answer
from protocols.errors import BadReply, ConnectFailed, ProtocolError, Refused
from protocols.modbus import ModbusLine, connect, split_address
from protocols.plan import Block

CAPTURED = [
    line.split()
    for line in Path(__file__).with_name("captured_modbus.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


class Wire(asyncio.Transport):
    """What the line sends, and whether it hung up."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.over = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.sent = data

    def abort(self) -> None:
        self.over = True


class Heard:
    """What the line told."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.losses: list[ProtocolError] = []

    def answered(self, answer: Answer) -> None:
        self.answers.append(answer)

    def lost(self, reason: ProtocolError) -> None:
        self.losses.append(reason)


def line() -> tuple[ModbusLine, Wire, Heard]:
    wire, heard = Wire(), Heard()
    made = ModbusLine(heard)
    made.connection_made(wire)
    return made, wire, heard


def feed(made: ModbusLine, data: bytes) -> None:
    """Receive as the event loop does: as much as the buffer takes, until the line hangs up."""
    while data and made._listener:
        buffer = made.get_buffer(-1)
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        data = data[size:]
        made.buffer_updated(size)


@pytest.mark.parametrize(("request_hex", "reply_hex", "outcome"), CAPTURED)
def test_captured_exchanges(request_hex: str, reply_hex: str, outcome: str) -> None:
    request, reply = bytes.fromhex(request_hex), bytes.fromhex(reply_hex)
    made, wire, heard = line()
    address, count = int.from_bytes(request[8:10], "big"), int.from_bytes(request[10:12], "big")
    made.request(request[6], Block(request[7], address, count, ()))
    assert wire.sent[2:] == request[2:]
    feed(made, _renumbered(reply, request, wire.sent))
    if outcome == "registers":
        [answer] = heard.answers
        assert isinstance(answer, bytes)
        _, pdu = FramerSocket(DecodePDU(False)).handleFrame(reply, 0, 0)
        assert pdu is not None
        assert [high << 8 | low for high, low in zip(answer[::2], answer[1::2], strict=True)] == pdu.registers
    elif outcome == "refused":
        assert isinstance(heard.answers[0], Refused)
    else:
        assert not heard.answers
        assert isinstance(heard.losses[0], BadReply)
        assert wire.over


def _renumbered(reply: bytes, request: bytes, sent: bytes) -> bytes:
    """The reply as if the captured request had had the transaction id of the one sent."""
    away = int.from_bytes(reply[:2], "big") - int.from_bytes(request[:2], "big")
    return ((int.from_bytes(sent[:2], "big") + away) % 65536).to_bytes(2, "big") + reply[2:]


def good_reply(sent: bytes, count: int) -> bytes:
    return sent[:4] + (3 + 2 * count).to_bytes(2, "big") + sent[6:8] + bytes([2 * count]) + bytes(range(2 * count))


@given(st.integers(1, 125), st.lists(st.integers(1, 300), max_size=6))
def test_a_reply_may_come_in_any_pieces(count: int, cuts: list[int]) -> None:
    made, wire, heard = line()
    made.request(1, Block(3, 0, count, ()))
    reply = good_reply(wire.sent, count)
    for start, end in pairwise(sorted({0, len(reply), *(cut for cut in cuts if cut < len(reply))})):
        feed(made, reply[start:end])
    assert heard.answers == [reply[9:]]
    assert not heard.losses
    made.request(1, Block(4, 0, 1, ()))
    feed(made, good_reply(wire.sent, 1))
    assert len(heard.answers) == 2


@given(st.binary(max_size=600), st.integers(1, 125))
def test_noise_is_never_an_answer(noise: bytes, count: int) -> None:
    made, wire, heard = line()
    made.request(1, Block(3, 0, count, ()))
    if noise[:2] == wire.sent[:2]:
        return
    feed(made, noise)
    assert not heard.answers
    if len(noise) >= 9:
        assert wire.over


@given(st.integers(1, 125), st.data())
def test_a_reply_with_one_wrong_byte_in_its_head_is_never_an_answer(count: int, data: st.DataObject) -> None:
    made, wire, heard = line()
    made.request(1, Block(3, 0, count, ()))
    reply = bytearray(good_reply(wire.sent, count))
    reply[data.draw(st.integers(0, 8))] ^= data.draw(st.integers(1, 255))
    feed(made, bytes(reply))
    assert not [answer for answer in heard.answers if isinstance(answer, bytes)]


def test_what_comes_unasked_ends_the_line() -> None:
    made, wire, heard = line()
    made.request(1, Block(3, 0, 1, ()))
    reply = good_reply(wire.sent, 1)
    feed(made, reply)
    feed(made, reply)
    assert len(heard.answers) == 1
    assert isinstance(heard.losses[0], BadReply)
    assert wire.over


def test_transaction_ids_never_repeat_soon_nor_are_they_0() -> None:
    made, wire, _ = line()
    seen = set()
    for _ in range(65535):
        made.request(1, Block(3, 0, 1, ()))
        seen.add(wire.sent[:2])
    assert len(seen) == 65535
    assert b"\0\0" not in seen


@pytest.mark.parametrize("length", [2, 3])
def test_exceptions_say_what_they_are(length: int) -> None:
    """Some devices count one byte too few (pymodbus#2151)."""
    for code, kind, text in (
        (2, Refused, "no such register"),
        (11, BadReply, "gateway no response"),
        (99, BadReply, "99"),
    ):
        made, wire, heard = line()
        made.request(7, Block(4, 0, 1, ()))
        feed(made, wire.sent[:4] + bytes([0, length, 7, 0x84, code]))
        [answer] = heard.answers
        assert isinstance(answer, kind)
        assert text in str(answer)


def test_after_close_nothing_is_heard() -> None:
    made, _, heard = line()
    made.request(1, Block(3, 0, 1, ()))
    made.close()
    made.buffer_updated(0)
    made.connection_lost(None)
    assert not heard.answers
    assert not heard.losses


def test_addresses() -> None:
    assert split_address("10.0.0.7") == ("10.0.0.7", 502)
    assert split_address("gateway.plant:1502") == ("gateway.plant", 1502)
    assert split_address("[fe80::1]:5020") == ("fe80::1", 5020)
    assert split_address("fe80::1") == split_address("[fe80::1]") == ("fe80::1", 502)
    for wrong in ("host:port", "host:0", "host:70000", ":502"):
        with pytest.raises(ConnectFailed, match="correct the meter's address"):
            split_address(wrong)


async def test_a_refused_connection_says_so(unused_tcp_port: int) -> None:
    with pytest.raises(ConnectFailed, match=f"127.0.0.1:{unused_tcp_port}: .*refused|[Cc]onnect call failed"):
        await connect(f"127.0.0.1:{unused_tcp_port}", Heard(), 1.0)


def test_every_module_with_a_driver_is_registered() -> None:
    folder = Path(__file__).parents[2] / "protocols"
    holding = {f"protocols.{file.stem}" for file in folder.glob("*.py") if "\nDRIVER = " in file.read_text("utf-8")}
    assert holding == set(DRIVERS.values())
    assert all(load_driver(name) for name in DRIVERS)
