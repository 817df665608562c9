"""Supervised links against simulated meters that misbehave in every way."""

import logging
import time
from collections.abc import Callable

import pytest

from protocols.simulator.server import Fault
from tests.collector.plant import ENERGY, POWER, VOLTAGE_A, VOLTAGE_B, Watched, gateway
from tests.waiting import until


async def test_a_device_is_read_at_its_slots(watched: Watched) -> None:
    async with gateway(1) as server:
        before = time.time()
        watched.poll(1, server.address)
        await until(lambda: len(watched.read(1)) >= 3, what="three polls")
    assert watched.all_right()
    assert {point % 10 for point in watched.values} == {ENERGY, VOLTAGE_A, VOLTAGE_B, POWER}
    assert watched.fleet.counts.on_time == watched.fleet.counts.polls
    assert server.accepted == 1
    assert all(before <= instant / 1e6 <= time.time() for instant in watched.times[10])


async def test_units_share_the_link_of_their_gateway(watched: Watched) -> None:
    async with gateway(20) as server:
        for unit in range(1, 21):
            watched.poll(unit, server.address, unit)
        await until(lambda: all(len(watched.read(unit)) >= 2 for unit in range(1, 21)), what="all units")
    assert server.accepted == 1
    assert watched.all_right()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.RESET, Fault.GARBAGE])
async def test_a_dead_unit_leaves_the_others_of_its_gateway_alone(watched: Watched, fault: Fault) -> None:
    async with gateway(6) as server:
        server.units[3].fault = fault
        for unit in range(1, 7):
            watched.poll(unit, server.address, unit, cadence_s=0.1)
        alive = (1, 2, 4, 5, 6)
        await until(lambda: all(len(watched.read(unit)) >= 8 for unit in alive), what="the others")
        assert watched.all_right()
        assert not watched.read(3)
        assert server.units[3].requests < 6, "a dead unit must be asked ever more seldom"
        server.units[3].fault = None
        await until(lambda: watched.read(3), what="the unit that came back")


async def test_a_gateway_that_says_no_response_backs_the_unit_off(watched: Watched) -> None:
    async with gateway(2) as server:
        del server.units[2]
        watched.poll(1, server.address, 1)
        dead = watched.poll(2, server.address, 2)
        await until(lambda: len(watched.read(1)) >= 15, what="the other unit")
    assert dead.failures
    assert server.accepted == 1, "an exception is a sound reply: the link stays"


@pytest.mark.usefixtures("impatient")
async def test_a_late_reply_never_meets_the_next_request(watched: Watched) -> None:
    async with gateway(2) as server:
        server.units[2].image[:] = bytes(len(server.units[2].image))
        server.units[2].delay_s = 0.15
        watched.poll(1, server.address, 1)
        watched.poll(2, server.address, 2)
        await until(lambda: server.units[2].requests >= 4, what="several late replies")
        await until(lambda: len(watched.read(1)) >= 20, what="the other unit")
    assert not watched.read(2)
    assert watched.all_right(), "a zero of unit 2 stands in a point of unit 1"


SPOILS: dict[str, Callable[[bytes], bytes]] = {
    "another transaction": lambda reply: bytes([reply[0] ^ 0x40]) + reply[1:],
    "transaction 0": lambda reply: b"\0\0" + reply[2:],
    "another protocol": lambda reply: reply[:2] + b"\0\1" + reply[4:],
    "another unit": lambda reply: reply[:6] + b"\x09" + reply[7:],
    "another function": lambda reply: reply[:7] + bytes([reply[7] ^ 7]) + reply[8:],
    "fewer registers": lambda reply: reply[:4] + b"\0\5" + reply[6:8] + b"\2" + reply[9:11],
    "byte count too large": lambda reply: reply[:8] + bytes([reply[8] + 2]) + reply[9:],
    "length too large": lambda reply: reply[:4] + b"\0\xf0" + reply[6:],
    "trailing bytes": lambda reply: reply + b"\0",
    "twice": lambda reply: reply + reply,
    "serial frame": lambda reply: reply[6:] + b"\x12\x34",
    "empty frame": lambda reply: reply[:4] + b"\0\0",
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("spoil", SPOILS)
async def test_what_is_not_the_reply_is_never_a_value(watched: Watched, spoil: str) -> None:
    async with gateway(2) as server:
        server.units[2].spoil = SPOILS[spoil]
        watched.poll(1, server.address, 1)
        bad = watched.poll(2, server.address, 2)
        await until(lambda: bad.failures and len(watched.read(1)) >= 5, what="the healthy unit")
        assert not watched.read(2)
        server.units[2].spoil = None
        await until(lambda: watched.read(2), what="the mended unit")
    assert watched.all_right()


async def test_a_reply_in_pieces_is_put_together(watched: Watched) -> None:
    async with gateway(1) as server:
        pieces = server.units[1]
        pieces.fault = Fault.IN_PIECES
        watched.poll(1, server.address)
        await until(lambda: len(watched.read(1)) >= 3, what="three polls")
    assert watched.all_right()
    assert server.accepted == 1


async def test_a_refused_register_is_set_aside_and_remembered(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(1) as server:
        server.units[1].refused = (range(0x102, 0x103),)
        device = watched.poll(1, server.address)
        with caplog.at_level(logging.WARNING):
            await until(lambda: len(watched.read(1)) >= 2, what="two polls")
        asked = server.units[1].requests
        polls = len(watched.read(1))
        await until(lambda: len(watched.read(1)) >= polls + 5, what="more polls")
        assert server.units[1].requests - asked <= 3 * 6, "no search any more"
    assert watched.all_right()
    assert watched.read(1, VOLTAGE_B)
    assert watched.read(1, POWER)
    assert not watched.read(1, VOLTAGE_A)
    assert device.known.refused == {"voltage_a"}
    assert caplog.text.count("has no voltage_a") == 1


async def test_a_refusal_is_believed_for_a_time_only(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.links.BELIEVED_S", 0.3)
    async with gateway(1) as server:
        server.units[1].refused = (range(0x102, 0x103),)
        watched.poll(1, server.address)
        await until(lambda: len(watched.read(1)) >= 2, what="two polls")
        server.units[1].refused = ()
        await until(lambda: watched.read(1, VOLTAGE_A), what="the register that is there after all")


async def test_a_device_that_refuses_everything_is_not_forgotten(watched: Watched) -> None:
    async with gateway(1) as server:
        server.units[1].refused = (range(0x10000),)
        device = watched.poll(1, server.address)
        await until(lambda: device.failures, what="a failed poll")
        assert device.readings
        server.units[1].refused = ()
        await until(lambda: watched.read(1, ENERGY) and watched.read(1, POWER), what="its values")


async def test_other_exceptions_cost_their_block_only(watched: Watched) -> None:
    async with gateway(1) as server:
        server.units[1].spoil = lambda reply: reply[:5] + b"\3" + reply[6:7] + b"\x83\x04" if reply[8] == 8 else reply
        device = watched.poll(1, server.address)
        await until(lambda: len(watched.read(1, POWER)) >= 3, what="the other block")
    assert not watched.read(1, ENERGY)
    assert not device.failures
    assert not device.known.refused
    assert watched.fleet.counts.bad_replies >= 3


@pytest.mark.usefixtures("impatient")
async def test_a_block_without_answer_does_not_hide_those_behind_it(watched: Watched) -> None:
    async with gateway(1) as server:
        server.units[1].spoil = lambda reply: b"" if reply[8] == 8 else reply
        watched.poll(1, server.address)
        await until(lambda: len(watched.read(1, POWER)) >= 3, what="the second block")


async def test_a_server_that_restarts_is_reconnected_and_logged_once(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = await gateway(3).start()
    for unit in (1, 2, 3):
        watched.poll(unit, server.address, unit)
    await until(lambda: all(watched.read(unit) for unit in (1, 2, 3)), what="first polls")
    await server.stop()
    await until(lambda: "is down" in caplog.text, what="the outage to be noticed")
    before = [len(watched.read(unit)) for unit in (1, 2, 3)]
    await server.start()
    await until(
        lambda: all(len(watched.read(unit)) > count for unit, count in zip((1, 2, 3), before, strict=True)),
        what="polls after the restart",
    )
    await server.stop()
    lines = [record.message for record in caplog.records if record.name == "collector.links"]
    assert [line.partition(server.address)[2].split(",")[0] for line in lines] == [" is down", " is back"]


async def test_an_unusable_address_is_said(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    watched.poll(1, "127.0.0.1:99999")
    await until(lambda: "correct the meter's address" in caplog.text, what="the message")


async def test_a_link_closed_between_polls_is_no_fault(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    async with gateway(1) as server:
        device = watched.poll(1, server.address, cadence_s=0.3)
        for polls in (1, 2, 3):
            await until(lambda polls=polls: len(watched.read(1)) >= polls, what="a poll")
            for session in list(server.open):
                session.abort()
        assert not device.failures
    assert not caplog.records


async def test_a_removed_device_is_polled_no_more_and_its_link_closed(watched: Watched) -> None:
    async with gateway(2) as server:
        one, two = watched.poll(1, server.address, 1), watched.poll(2, server.address, 2)
        await until(lambda: watched.read(1) and watched.read(2), what="polls of both")
        watched.fleet.remove(one)
        asked = server.units[1].requests
        polls = len(watched.read(2))
        await until(lambda: len(watched.read(2)) >= polls + 3, what="polls of the other")
        assert server.units[1].requests <= asked + 2, "at most the poll under way went on"
        watched.fleet.remove(two)
        await until(lambda: not server.open, what="the link to be closed")
    assert watched.fleet.links == 0
