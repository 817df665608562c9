"""Failures of real registers, from public issue trackers (facts, sources named): what the engine makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from collector.doubt import judge
from collector.registers import Judged, Kind, Series
from tests.collector.registerworld import HOUR, START


def judged(
    values: Sequence[float], *, resolution: float, limit: float = np.inf, modulus: float = np.nan, every: int = HOUR
) -> Judged:
    count = len(values)
    return judge(
        Series(
            np.zeros(count, np.int64), START + np.arange(count) * every, np.array(values),
            np.full(count, modulus), np.full(count, resolution), np.full(count, limit),
        )
    )  # fmt: skip


def energy(found: Judged) -> float:
    """What is booked from the first good reading to the last; the modulus is looked up where a wrap is."""
    good = np.flatnonzero(found.good)
    turns = np.diff(found.wraps[good])
    rise = np.diff(found.value[good]) + np.where(turns == 0, 0.0, turns * found.modulus[good][1:])
    return float(rise[np.diff(found.run[good]) == 0].sum())


def kinds(found: Judged) -> list[Kind]:
    return [verdict.kind for verdict in found.verdicts]


def test_one_digit_less_is_no_reset() -> None:
    """https://github.com/johanmeijer/grott/issues/99"""
    found = judged([*[215.6] * 7, 215.7, *[215.6] * 6], resolution=0.1)
    assert set(kinds(found)) <= {Kind.JITTER}
    assert energy(found) == pytest.approx(0)


@pytest.mark.parametrize("pair", [(2781.7489, 2781.748898), (10644.4603, 10644.460297)])
def test_float_representation_is_no_regression(pair: tuple[float, float]) -> None:
    """https://github.com/SukramJ/aiohomematic/issues/1390"""
    first, again = pair
    found = judged([first - 1, first, again, first + 1], resolution=0.0001)
    assert kinds(found) == [Kind.JITTER]
    assert energy(found) == pytest.approx(2)


@pytest.mark.parametrize("modulus", [np.nan, 2**32 / 1000])
@pytest.mark.parametrize("limit", [np.inf, 20.0])
def test_a_signed_32_bit_register_overflows(modulus: float, limit: float) -> None:
    """https://github.com/OpenZWave/open-zwave/issues/1190: 2147483.647 kWh is followed by negative registers."""
    values = [2147474.647, 2147478.647, 2147482.647, -2147480.649, -2147476.649, -2147472.649]
    found = judged(values, resolution=0.001, limit=limit, modulus=modulus)
    assert kinds(found) == [Kind.ROLLOVER]
    assert found.verdicts[0].modulus == pytest.approx(2**32 / 1000)
    assert energy(found) == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize("limit", [np.inf, 6.0])
def test_a_spike_that_passes_the_checksum_is_a_bad_reading(limit: float) -> None:
    """https://github.com/DCSBL/ha-homewizard-energy/issues/27: 1800 m3 more, then back."""
    values = [5000.0, 5000.5, 5001.0, 6801.2, 5001.9, 5002.4, 5003.0]
    found = judged(values, resolution=0.001, limit=limit)
    assert kinds(found) == [Kind.TRANSIENT]
    assert energy(found) == pytest.approx(3)


@pytest.mark.parametrize("limit", [np.inf, 60.0])
def test_a_signed_16_bit_register_starts_again(limit: float) -> None:
    """https://github.com/Spanni26/pyHPSU/issues/21: a heat counter of 16 bits, one of them the sign."""
    found = judged([32700, 32730, 32760, 2, 30, 61], resolution=1, limit=limit)
    assert kinds(found) == [Kind.ROLLOVER]
    assert energy(found) == 129


def test_the_same_counter_read_too_seldom_to_tell_is_not_guessed() -> None:
    """32228 may have been followed by 540 kWh and a wrap, or by a reset: the next readings show 10 kWh a step."""
    found = judged([32208, 32218, 32228, 0, 10, 20], resolution=1)
    assert kinds(found) == [Kind.RESET]
    assert energy(found) == 40


@pytest.mark.parametrize("limit", [np.inf, 4.0])
def test_zeros_between_high_registers_book_nothing(limit: float) -> None:
    """A register that answers 0 for hours and comes back has neither been reset nor counted 53.7 MWh."""
    values = [53_700.0, 53_701.0, *[0.0] * 20, 53_722.0, 53_723.0, 53_724.0]
    found = judged(values, resolution=0.1, limit=limit)
    assert kinds(found) == [Kind.TRANSIENT]
    assert energy(found) == 24


def test_a_register_that_counts_backwards_takes_back_what_it_counted() -> None:
    found = judged([100, 102, 104, 102.5, 101, 99, 101, 103], resolution=0.01)
    assert kinds(found) == [Kind.REVERSE]
    assert energy(found) == 3


def test_zeros_of_a_register_near_its_end_are_no_roll_over_until_it_counts_on() -> None:
    near = [9990.0, 9994.0, 9998.0, 0.0, 0.0]
    assert kinds(judged(near, resolution=0.01, limit=20, modulus=1e4)) == [Kind.HELD]
    assert kinds(judged([*near, 10.0], resolution=0.01, limit=20, modulus=1e4)) == [Kind.ROLLOVER]
    assert kinds(judged([*near, 9999.0], resolution=0.01, limit=20, modulus=1e4)) == [Kind.TRANSIENT]
    assert kinds(judged([*near, *[0.0] * 100], resolution=0.01, limit=20, modulus=1e4)) == [Kind.ROLLOVER]
