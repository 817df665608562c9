"""The demo city's world keeps its books, and its meters show them."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import payload
from config.city import city
from config.quality import Flag
from config.quantities import QUANTITIES
from config.samples import MICROSECOND
from protocols.decode import Decoder
from protocols.payload import decode
from protocols.plan import plan
from protocols.simulator import demo as demos
from protocols.simulator.demo import Demo, Files
from protocols.simulator.live import Gateways, Sender, simulate
from protocols.simulator.server import Fault
from protocols.simulator.world import LOSS, World
from tests.examples import examples

LIVE = 1_795_306_700 * MICROSECOND
HOUR = 3600 * MICROSECOND
DEMO = Demo.of(city(), LIVE, 42, dict.fromkeys(city().gateways, 0))
AGAIN = World(city(), DEMO.start, DEMO.script.loads())
INDEX = {place.key: index for index, place in enumerate(city().places)}


def test_everything_flows_and_what_passes_is_the_integral_of_the_flow() -> None:
    truth = DEMO.world.truth(DEMO.instants)
    assert (truth.flow > 0).all()
    assert (np.diff(truth.total, axis=1) > 0).all()
    assert not truth.total[:, 0].any()
    half, instants = MICROSECOND // 2, DEMO.instants + 60 * MICROSECOND
    passed = DEMO.world.truth(instants + half).total - DEMO.world.truth(instants - half).total
    assert np.allclose(passed * 3600, DEMO.world.truth(instants).flow, rtol=1e-3)


def test_a_parent_counts_what_is_below_it_losses_and_its_own() -> None:
    truth = DEMO.world.truth(DEMO.instants[::100])
    places = DEMO.city.places
    for index, place in enumerate(places):
        below = [n for n, one in enumerate(places) if one.parent and f"{one.enterprise}/{one.parent}" == place.key]
        own = truth.flow[index] - (1 + LOSS) * truth.flow[below].sum(axis=0)
        assert (own > 0).all(), place.key
        assert own.mean() == pytest.approx(place.mean, rel=0.35), place.key


@settings(max_examples=examples(30))
@given(st.lists(st.integers(0, 40 * 24 * 3600), min_size=1, max_size=5))
def test_the_truth_is_the_same_whichever_instants_are_asked_for(seconds: list[int]) -> None:
    instants = DEMO.start + np.array(seconds) * MICROSECOND
    whole = DEMO.world.truth(instants).total
    single = np.column_stack([AGAIN.truth(instants[[number]]).total[:, 0] for number in range(len(seconds))])
    assert whole == pytest.approx(single, rel=1e-12, abs=1e-6)


def test_registers_differ_by_the_truth_and_roll_over_at_their_modulus() -> None:
    """In the meter's digits, whatever lies between; faulty meters apart."""
    instants = DEMO.instants[::96]
    truth = DEMO.world.truth(instants).total
    registers = sorted({place.register for place in DEMO.city.places})
    every = DEMO.faces.show(instants, registers)
    broken = {index for index, _, _ in DEMO.script.windows("frozen", "zero", "count", "jump")}
    rolled = set()
    for index, place in enumerate(DEMO.city.places):
        shown = every[place.register][index]
        multiplier, modulus, digit = _terms(index, float(shown.max()))
        steps = np.diff(shown)
        if (steps < 0).any() and index not in broken:
            rolled.add(place.key)
            assert modulus is not None
            steps[steps < 0] += modulus
        if index not in broken:
            off = np.abs(steps * multiplier - np.diff(truth[index]))
            assert off.max() <= 1.01 * digit * multiplier, place.key
    scripted = {fault.of for fault in city().habits if fault.kind == "rollover" and fault.at < 0}
    assert rolled == scripted


def _terms(index: int, largest: float) -> tuple[float, float | None, float]:
    """True multiplier, modulus and last digit of a place's register that shows up to `largest`."""
    from config import profilefiles

    place = DEMO.city.places[index]
    if place.mapping:
        value = payload.mappings()[place.mapping].value(place.register)
        return 1.0, None, (value.resolution or 0.001) * value.canonical_scale
    register = profilefiles.profiles()[place.profile].register(place.register)
    multiplier = place.ct * place.pt if register.ratio == "ct*pt" else 1.0
    digit = register.canonical_resolution or largest * 2.0**-23
    return multiplier, register.canonical_modulus, digit


@pytest.mark.parametrize("after_h", [0.0, 0.061, 5.5])
def test_every_modbus_image_decodes_to_what_the_meter_shows(after_h: float) -> None:
    now = LIVE + round(after_h * HOUR)
    gateways = Gateways(DEMO)
    gateways.show(now)
    shown = DEMO.faces.show(np.array([now]))
    seen = 0
    for bank, rows in gateways.banks:
        for block in plan(bank.profile):
            position = bank.layout.find((block.function, block.address, block.count))
            assert position is not None
            decoder = Decoder(block)
            decoded = decoder.decode(bank.words[:, position : position + block.count])
            assert decoded.valid.all()
            for column, quantity in enumerate(decoder.quantities):
                assert decoded.values[:, column] == pytest.approx(shown[quantity][rows, 0], rel=1e-9, abs=1e-9)
                seen += len(rows)
    assert seen > 1200


def test_mqtt_messages_decode_to_what_the_meters_show() -> None:
    seen = 0
    for number in range(len(DEMO.city.enterprises)):
        sender = Sender(DEMO, number, ("", 0))
        at = LIVE + 7 * HOUR // 2
        shown = DEMO.faces.show(np.array([at]))
        for place, messages, _ in sender.messages(at):
            index = INDEX[place.key]
            decoded = decode(payload.mappings()[place.mapping], messages[-1], at)
            assert len(decoded.value) == len(place.kept)
            ahead = DEMO.script.drift(index, np.array([at]))[0]
            assert set(decoded.time.tolist()) == {
                (at + ahead) // 1000 * 1000 if place.mapping == "ems-gateway" else at + ahead
            }
            assert (decoded.flags & Flag.SENDER_CLOCK).all()
            for which, value in zip(decoded.quantity, decoded.value, strict=True):
                assert value == pytest.approx(shown[decoded.quantities[which]][index, 0], rel=1e-9, abs=1e-6)
            seen += 1
    assert seen > 40


def test_a_late_meter_sends_all_it_kept_back_in_one_message() -> None:
    number = next(n for n, one in enumerate(DEMO.city.enterprises) if one.key == "paper")
    sender = Sender(DEMO, number, ("", 0))
    (start, end), *_ = [(a, b) for index, a, b in DEMO.script.windows("late") if index == INDEX["paper/E-15"]]
    step = 60 * MICROSECOND
    for at in range(start, end, step):
        assert "paper/E-15" not in {place.key for place, _, _ in sender.messages(at)}
    found = {place.key: messages for place, messages, _ in sender.messages(end)}
    (message,) = found["paper/E-15"]
    decoded = decode(payload.mappings()["ems-gateway"], message, end)
    times = np.unique(decoded.time)
    assert len(times) == -(-(end - start) // step) + 1
    assert ((decoded.flags & Flag.BACKFILL) != 0).sum() == (len(times) - 1) * 2


def test_faults_show() -> None:
    faces, script = DEMO.faces, DEMO.script
    for index, start, end in script.windows("frozen")[:1]:
        instants = np.array([start, (start + end) // 2, end - 1, end])
        shown = faces.show(instants, ["active_energy_import"])["active_energy_import"][index]
        assert shown[0] == shown[1] == shown[2] < shown[3]
    for index, start, end in script.windows("zero")[:1]:
        shown = faces.show(np.array([start - 1, start, end]), ["volume"])["volume"][index]
        assert shown[1] == 0 < shown[0] < shown[2]
    (index, start), *_ = script.instants("rollover")
    register = DEMO.city.places[index].register
    before, after = faces.show(np.array([start - HOUR, start + HOUR]), [register])[register][index]
    assert after < before
    assert script.unheard(np.array([LIVE - 295 * HOUR])).any()


def test_what_a_meter_counts_otherwise_and_what_flows_besides() -> None:
    kinds = {"count": "cement/E-122", "backwards": "glass/H-1", "jump": "cement/A-1", "load": "glass/A-1"}
    quarter = np.array([0, HOUR // 4])
    for what, key in kinds.items():
        fault = next(fault for fault in city().faults if fault.of == key and fault.alert != "gateway")
        index, begin = INDEX[key], LIVE + round(fault.at * HOUR)
        register = DEMO.city.places[index].register

        def counted(at: int, index: int = index, register: str = register) -> float:
            return float(np.diff(DEMO.faces.show(at + quarter, [register])[register][index])[0])

        rate = counted(begin + HOUR) / counted(begin - HOUR)
        assert rate == pytest.approx(fault.factor, rel=0.3) if what in ("count", "backwards") else True
        assert rate == pytest.approx(1 + fault.factor, rel=0.3) if what == "load" else True
        if what == "jump":
            assert counted(begin - HOUR // 8) > 80 * DEMO.city.places[index].mean
            assert rate == pytest.approx(1, rel=0.3)


def test_a_load_at_night_flows_from_ten_to_six() -> None:
    fault = next(fault for fault in city().faults if fault.when == "night")
    plain = Demo.of(city().model_copy(update={"faults": ()}), LIVE, 42, dict.fromkeys(city().gateways, 0))
    hours = np.arange(LIVE - 5 * 24 * HOUR, LIVE, HOUR) // HOUR * HOUR
    index = INDEX[fault.of]
    more = (DEMO.world.truth(hours).flow - plain.world.truth(hours).flow)[index] / DEMO.city.places[index].mean
    local = (hours // HOUR + 8) % 24
    assert more == pytest.approx(np.where((local >= 22) | (local < 6), fault.factor, 0.0))
    passed = np.diff(DEMO.world.truth(hours).total[index] - plain.world.truth(hours).total[index])
    assert passed == pytest.approx(more[:-1] * DEMO.city.places[index].mean, abs=1e-6)


def test_a_dark_gateway_and_a_silent_meter() -> None:
    gateways = Gateways(DEMO)
    gateways.show(LIVE + round(0.06 * HOUR))
    assert [name for name, (server, _) in gateways.servers.items() if server.dark] == ["textile-1"]
    assert gateways.units[INDEX["data/E-12"]].fault is Fault.SILENT
    gateways.show(LIVE + round(0.2 * HOUR))
    assert not any(server.dark for server, _ in gateways.servers.values())


def test_a_demo_in_its_folder(tmp_path: Path) -> None:
    made = demos.build(tmp_path, days=2)
    found = demos.load(tmp_path)
    assert (found.live, found.ports, found.city) == (made.live, made.ports, made.city)
    with np.load(Files(tmp_path).truth) as truth:
        assert truth["consumption"].shape == (201, 2 * 96)
        assert truth["consumption"].sum(axis=1) == pytest.approx(found.world.truth(found.instants[-1:]).total[:, 0])
    faults = json.loads(Files(tmp_path).faults.read_text("utf-8"))
    assert {"dark", "silent", "wrong_ct"} <= {row["kind"] for row in faults}
    assert all(row["metering_points"] for row in faults)


async def test_gateways_listen_until_stopped() -> None:
    made = Demo.of(city(), LIVE, 1, demos.free_ports(city().gateways))
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(simulate(made, ("127.0.0.1", 1), stop, ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    for port in made.ports.values():
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
    stop.set()
    await asyncio.wait_for(running, 10)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", next(iter(made.ports.values())))


def test_all_of_a_meters_quantities_are_shown() -> None:
    shown = DEMO.faces.show(np.array([LIVE]))
    for index, place in enumerate(DEMO.city.places):
        for quantity in place.given:
            assert np.isfinite(shown[quantity][index, 0]), (place.key, quantity, QUANTITIES[quantity])
