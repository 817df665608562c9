import asyncio
import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.poll import LONGEST_BACKOFF_S, SPREAD_S, Counts, Wheel, backoff, next_slot, phase
from tests.waiting import until

CADENCES = st.sampled_from([0.5, 1.0, 5.0, 60.0, 900.0, 3600.0])
NOW = st.floats(1.6e9, 2.2e9)


@given(NOW, CADENCES, st.integers(1, 10**6))
def test_a_slot_is_ahead_by_at_most_a_cadence_and_on_the_grid(now: float, cadence: float, device: int) -> None:
    offset = phase(device, cadence)
    slot = next_slot(now, cadence, offset)
    assert now - 1e-3 < slot <= now + cadence + 1e-3
    turns = (slot - offset) / cadence
    assert abs(turns - round(turns)) * cadence < 1e-3


@given(NOW, CADENCES)
def test_the_slot_after_a_slot_is_the_following_one(now: float, cadence: float) -> None:
    slot = next_slot(now, cadence, 0.25)
    assert next_slot(slot, cadence, 0.25) == pytest.approx(slot + cadence, abs=1e-3)


def test_phases_are_stable_and_evenly_spread() -> None:
    phases = sorted(phase(device, 900.0) for device in range(1, 1001))
    assert phase(7, 900.0) == phase(7, 900.0)
    assert phases[-1] < SPREAD_S
    widest = max(after - before for before, after in pairwise(phases))
    assert widest < 3 * SPREAD_S / 1000


def test_backoff_doubles_up_to_a_cap_and_is_jittered() -> None:
    assert 0.8 <= backoff(1, 1.0) <= 1.2
    assert 3.2 <= backoff(3, 1.0) <= 4.8
    assert all(backoff(failures, 1.0) <= 1.2 * LONGEST_BACKOFF_S for failures in range(1, 5000, 100))
    assert len({backoff(4, 1.0) for _ in range(10)}) > 1


def test_slots_passed_over_are_not_on_time() -> None:
    counts = Counts()
    counts.passed_over(100.0, 101.0, 1.0)
    assert counts.polls == 0
    counts.passed_over(100.0, 104.0, 1.0)
    assert (counts.polls, counts.on_time) == (3, 0)


async def test_the_wheel_calls_at_the_time() -> None:
    wheel, loop = Wheel(), asyncio.get_running_loop()
    late: list[float] = []
    for delay in (0.0, 0.003, 0.05, 0.051, 0.2):
        due = loop.time() + delay
        wheel.after(delay, lambda due=due: late.append(loop.time() - due))  # type: ignore[misc]
    await until(lambda: len(late) == 5, what="all calls")
    wheel.stop()
    assert all(0 <= delay < 0.1 for delay in late)


async def test_what_lies_more_than_a_turn_ahead_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.poll._SLOTS", 8)
    wheel, loop = Wheel(), asyncio.get_running_loop()
    begun = loop.time()
    called: list[float] = []
    wheel.after(0.3, lambda: called.append(loop.time()))
    await until(lambda: called, what="the call")
    wheel.stop()
    assert called[0] - begun >= 0.3


async def test_one_failing_call_does_not_stop_the_wheel(caplog: pytest.LogCaptureFixture) -> None:
    wheel = Wheel()
    called: list[int] = []
    wheel.after(0.01, lambda: 1 / 0)  # type: ignore[arg-type]
    wheel.after(0.01, lambda: called.append(1))
    with caplog.at_level(logging.ERROR):
        await until(lambda: called, what="the second call")
    wheel.stop()
    assert "a timed call failed" in caplog.text
