"""What a register can have done: how fast it usually rises, and what a step can be by that and by its nameplate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from collector.registers import HOUR, LOOK, PATIENCE, Judged, Series

GROWN = 3
"""Readings, growing or falling again, that are no chance."""
_NEAR = 0.1
"""A roll-over is believed when the increment is less than this part of the modulus, if nothing better is known."""
BUSY = 10.0
"""… or than the quickest step near by, so many times."""
_ALIKE = 4.0
"""Steps that differ at most by this factor are of the same kind."""
_FAR = 100.0
"""No load changes by more than this factor from one reading to the next."""
_MODULI = sorted([10.0**digits for digits in range(4, 14)] + [2.0**bits for bits in (15, 16, 23, 24, 31, 32)])
"""Where registers roll over, in their least digits, if nobody knows."""


class Course:
    """A register around `base`, the last good reading before a doubtful step. Indices are those of the series; `start`
    and `end` are where its group begins and ends."""

    def __init__(self, series: Series, judged: Judged, base: int) -> None:
        self.judged = judged
        self.base = base
        group = series.group[base]
        self.start = int(np.searchsorted(series.group, group, "left"))
        self.end = int(np.searchsorted(series.group, group, "right"))
        self.group = int(group)
        self.time, self.value = series.time, series.value
        self.modulus = float(series.modulus[base])
        self.digit = float(series.resolution[base]) * 1.5
        self.limit = float(series.limit[base]) / HOUR
        self.usual = self.quickest(max(self.start, base - LOOK), base)

    def rise(self, first: int, last: int) -> float:
        return float(self.value[last] - self.value[first])

    def elapsed(self, first: int, last: int) -> float:
        return float(self.time[last] - self.time[first])

    def follows(self, first: int, last: int) -> bool:
        """Whether the register can have gone from one reading to the other without anything happening to it."""
        return 0 <= self.rise(first, last) <= self.limit * self.elapsed(first, last) + self.digit

    def one_digit_less(self, index: int) -> bool:
        return 0 > self.rise(self.base, index) >= -self.digit

    def rates(self, first: int, last: int) -> Iterator[float]:
        """How fast the register rose in the steps of [first, last] between good readings, per microsecond."""
        for index in range(first, last):
            if self.judged.good[index] and self.judged.good[index + 1]:
                yield self.rise(index, index + 1) / self.elapsed(index, index + 1)

    def quickest(self, first: int, last: int) -> float:
        return max(self.rates(first, last), default=0.0)

    def most(self, rate: float, first: int, last: int) -> float:
        """What flows between two readings at the most if the register rose at this rate before."""
        return BUSY * (rate * self.elapsed(first, last) + self.digit)

    def still(self, first: int) -> int:
        """Readings after `first`, which fell, that stand still."""
        if self.rise(self.base, first) >= -self.digit:
            return 0
        last = first
        while last + 1 < self.end and last - first < PATIENCE and self.value[last + 1] == self.value[first]:
            last += 1
        return last - first

    def normal(self) -> float:
        """How fast it rose before the base, one step left out, which may be a jump."""
        return max(sorted(self.rates(max(self.start, self.base - LOOK), self.base))[:-1], default=0.0)

    def falls(self) -> list[float]:
        """How fast the register falls, if it does so evenly and not as bad readings do, in the next readings."""
        rates: list[float] = []
        for index in range(self.base, min(self.base + LOOK, self.end - 1)):
            if self.rise(index, index + 1) >= 0:
                break
            rates.append(-self.rise(index, index + 1) / self.elapsed(index, index + 1))
        if len(rates) < GROWN or max(rates) > _ALIKE * min(rates):
            return []
        least = self.digit / self.elapsed(self.base, self.base + 1)
        return rates if max(rates) <= _FAR * max(self.normal(), least) else []

    def wrapped(self, first: int, last: int, *, early: bool = False) -> float | None:
        """The modulus at which the register rolled over, if it can have done so. `early`: readings [first, last] may
        yet be bad ones, so how fast they rise says nothing."""
        quickest = self.usual if early else max(self.usual, self.quickest(first, last))
        if np.isfinite(self.modulus):
            return self.modulus if self._plausible(self.modulus, first, quickest, early) else None
        if self.limit == np.inf and quickest <= 0 and not early:
            return None
        for modulus in (digits * self.digit / 1.5 for digits in _MODULI):
            inside = self.value[self.base] < modulus * (0.5 if self.value[first] < 0 else 1)
            if inside and self._plausible(modulus, first, quickest, early):
                return modulus
        return None

    def _plausible(self, modulus: float, first: int, quickest: float, early: bool) -> bool:
        increment = self.rise(self.base, first) + modulus
        if not 0 <= increment < modulus * _NEAR:
            return False
        if self.limit < np.inf:
            return increment <= self.limit * self.elapsed(self.base, first) + self.digit
        return increment <= self.most(quickest, self.base, first) or (quickest <= 0 and not early)

    def from_zero(self, first: int, rate: float) -> bool:
        """Whether what the register shows after a reset can have flowed, at this rate, since the reading before."""
        return 0 < float(self.value[first]) <= min(rate, self.limit) * self.elapsed(self.base, first)

    def as_before(self, first: int, last: int) -> bool:
        """Whether a register that began anew, all of it flow since the reading before, rises about as it did before."""
        return self.usual <= self.quickest(first, last) * BUSY and self.from_zero(first, self.usual)
