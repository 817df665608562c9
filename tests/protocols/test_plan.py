"""The planner: everything wanted is read once, nothing forbidden is read, and refusals are found and remembered."""

from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.profile import Profile
from config.profilefiles import profiles
from config.quantities import QUANTITIES
from protocols.plan import NOTHING, TCP, Block, Known, Line, line_time, plan, search, split

WORDS = {"uint16": 1, "float32": 2, "bcd48": 3, "int64": 4}
HEAD = {"name": "p", "maker": "m", "model": "m", "source": "made up for a test", "verified": False}


@st.composite
def maps(draw: st.DrawFn) -> Profile:
    """Profiles of registers and forbidden ranges scattered over two functions."""
    names = draw(st.lists(st.sampled_from(list(QUANTITIES)), min_size=1, max_size=20, unique=True))
    forbidden, registers = [], []
    for function in (3, 4):
        address = draw(st.integers(0, 50))
        for name in names[function - 3 :: 2]:
            kind = draw(st.sampled_from(list(WORDS)))
            unit = QUANTITIES[name].unit
            registers.append({"quantity": name, "address": address, "type": kind, "unit": unit, "function": function})
            address += WORDS[kind]
            hole = draw(st.sampled_from([0, 0, 1, 7, 40, 200]))
            if hole and function == 3 and draw(st.booleans()):
                forbidden.append((address, address + hole - 1))
            address += hole
    # Forbidden ranges hold for both functions; keep the registers of function 4 out of them.
    highest = max((high for _, high in forbidden), default=-1)
    for register in registers:
        if register["function"] == 4:
            register["address"] = int(str(register["address"])) + highest + 1
    limits = {"max_registers": draw(st.integers(4, 125)), "holes": draw(st.booleans()), "forbidden": forbidden}
    return Profile.model_validate({**HEAD, **limits, "registers": registers})


def addresses(block: Block) -> set[int]:
    return set(range(block.address, block.end))


@given(maps(), st.sampled_from([TCP, Line.serial(1200), Line.serial(115200), Line(1, 0), Line(0, 1)]))
def test_every_register_is_read_exactly_once_within_the_limits(profile: Profile, line: Line) -> None:
    blocks = plan(profile, line=line)
    assert sorted(r.quantity for block in blocks for r in block.registers) == sorted(profile.quantities)
    for block in blocks:
        assert 1 <= block.count <= profile.max_registers
        inside = addresses(block)
        for register in block.registers:
            assert register.function == block.function
            assert inside >= set(range(register.address, register.end))
        assert not any(inside & set(range(low, high + 1)) for low, high in profile.forbidden)
        if not profile.holes:
            assert len(inside) == sum(register.words for register in block.registers)


@given(maps(), st.sampled_from([TCP, Line.serial(9600)]))
def test_a_plan_costs_no_more_than_single_requests_or_one_block(profile: Profile, line: Line) -> None:
    cost = line_time(plan(profile, line=line), line)
    assert cost <= sum(line.request_s + line.register_s * register.words for register in profile.registers) + 1e-9
    parts = [[r for r in profile.registers if r.function == function] for function in (3, 4)]
    spans = [max(r.end for r in part) - min(r.address for r in part) for part in parts if part]
    if profile.holes and not profile.forbidden and max(spans) <= profile.max_registers:
        assert cost <= sum(line.request_s + line.register_s * span for span in spans) + 1e-9


def ask(block: Block, accepts: Callable[[Block], bool]) -> tuple[Known, int]:
    """Run a search against a device; what it learned and the requests it took."""
    finding, requests = search(block), 0
    answer: bool | None = None
    while True:
        try:
            part = finding.send(answer)  # type: ignore[arg-type]  # None starts a generator
        except StopIteration as end:
            return cast(Known, end.value), requests
        requests += 1
        answer = accepts(part)


@given(maps(), st.data())
def test_a_device_that_refuses_registers_is_read_without_them(profile: Profile, data: st.DataObject) -> None:
    refused = set(data.draw(st.lists(st.sampled_from(profile.quantities), unique=True)))
    bad = {
        (r.function, address) for r in profile.registers if r.quantity in refused for address in range(r.address, r.end)
    }

    def accepts(block: Block) -> bool:
        return not any((block.function, address) in bad for address in addresses(block))

    known = NOTHING
    for _ in range(10):
        failing = [block for block in plan(profile, known=known) if not accepts(block)]
        if not failing:
            break
        for block in failing:
            known |= ask(block, accepts)[0]
    assert known.refused == refused
    read = [register.quantity for block in plan(profile, known=known) for register in block.registers]
    assert sorted(read) == sorted(set(profile.quantities) - refused)


@given(maps(), st.integers(1, 12))
def test_a_device_that_takes_less_than_its_profile_says_is_learned(profile: Profile, most: int) -> None:
    most = max(most, max(register.words for register in profile.registers))
    known = NOTHING
    for _ in range(40):
        failing = [block for block in plan(profile, known=known) if block.count > most]
        if not failing:
            break
        for block in failing:
            known |= ask(block, lambda part: part.count <= most)[0]
    blocks = plan(profile, known=known)
    assert all(block.count <= most for block in blocks)
    assert sorted(r.quantity for block in blocks for r in block.registers) == sorted(profile.quantities)


def test_one_bad_register_among_many_takes_few_requests() -> None:
    registers = [
        {"quantity": name, "address": 2 * index, "type": "float32", "unit": quantity.unit}
        for index, (name, quantity) in enumerate(QUANTITIES.items())
    ]
    (block,) = plan(Profile.model_validate({**HEAD, "registers": registers}))
    for bad in block.registers:
        known, requests = ask(block, lambda part, bad=bad: bad not in part.registers)  # type: ignore[misc]
        assert known == Known(frozenset({bad.quantity}))
        assert requests <= 10


def test_a_block_is_cut_at_its_widest_hole_and_one_register_not_at_all() -> None:
    profile = profiles()["chint-dtsu666"]
    voltages = plan(profile)[1]
    halves = split(voltages)
    assert halves is not None
    assert [register.quantity for register in halves[1].registers] == ["frequency"]
    assert split(halves[1]) is None


def test_holes_are_read_along_only_where_that_is_cheaper() -> None:
    profile = profiles()["chint-dtsu666"]
    assert len(plan(profile, line=TCP)) == 2
    assert len(plan(profile, line=Line(request_s=0.01, register_s=0.01))) == 5


def test_line_time_counts_requests_and_registers() -> None:
    blocks = plan(profiles()["eastron-sdm630"])
    assert line_time(blocks, Line(1.0, 0.01)) == pytest.approx(1.8)
    assert line_time(blocks, Line.serial(9600)) == pytest.approx((20 + 2 * 80) * 11 / 9600 + 0.03)


def test_only_wanted_quantities_are_planned() -> None:
    blocks = plan(profiles()["eastron-sdm630"], {"active_energy_import", "frequency"})
    assert [(block.address, block.count) for block in blocks] == [(0x46, 4)]
    assert plan(profiles()["eastron-sdm630"], ()) == ()


def test_bit_fields_of_one_word_are_read_together_and_refused_together() -> None:
    fields = [
        {"quantity": "voltage_a", "address": 5, "type": "uint16", "unit": "V", "bits": [0, 7]},
        {"quantity": "voltage_b", "address": 5, "type": "uint16", "unit": "V", "bits": [8, 15]},
    ]
    profile = Profile.model_validate({**HEAD, "registers": fields})
    (block,) = plan(profile)
    assert (block.address, block.count, len(block.registers)) == (5, 1, 2)
    known, requests = ask(block, lambda part: False)
    assert known.refused == {"voltage_a", "voltage_b"}
    assert requests == 0
    assert plan(profile, {"voltage_b"}, known=Known(frozenset({"voltage_a"}))) == ()
