"""Verdicts on the doubtful steps of a register (collector/registers.py), one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from collector.pairs import Array
from collector.registers import HOPELESS, HOUR, LOOK, PATIENCE, SETTLED, Judged, Kind, Ruling, Series, Verdict, doubtful

_GROWN = 3
"""Readings, growing again, that make a register a reset which fell to nearly nothing."""
_NEAR = 0.1
"""A roll-over is believed when the increment is less than this part of the modulus, if nothing better is known."""
_BUSY = 10.0
"""… or than the quickest step near by, so many times."""
_ALIKE = 4.0
"""Steps that differ at most by this factor are of the same kind."""
_MODULI = sorted([10.0**digits for digits in range(4, 13)] + [2.0**bits for bits in (15, 16, 23, 24, 31, 32)])
"""Where registers roll over, in their least digits, if nobody knows."""


def judge(series: Series) -> Judged:
    """Verdicts on every doubtful step, from the first to the last."""
    count = len(series)
    judged = Judged(
        np.ones(count, np.bool_), series.value, np.zeros(count, np.int32), np.zeros(count, np.int32), series.modulus
    )
    steps = doubtful(series)
    if len(steps) or series.ruling is not None:
        judged.value, judged.modulus = series.value.copy(), series.modulus.copy()
        rolled = [] if series.ruling is None else np.flatnonzero(series.ruling == Ruling.ROLLOVER).tolist()
        for first in rolled:
            judged.modulus[first : _end(series, first)] = series.modulus[first]
        settled = 0
        for step in steps.tolist():
            if step >= settled:
                settled = _Doubt(series, judged, step).settle()
        judged.hopeless = _hopeless(series, judged, steps)
    new_group = np.concatenate(([True], np.diff(series.group) != 0)) if count else np.empty(0, np.bool_)
    if series.ruling is not None:
        new_group &= _ends(series.ruling, series, judged)
    judged.run = np.cumsum(judged.run + new_group, dtype=np.int32)
    judged.wraps = np.cumsum(judged.wraps, dtype=np.int32)
    return judged


def _end(series: Series, index: int) -> int:
    """Where the group of a reading ends."""
    return int(np.searchsorted(series.group, series.group[index], "right"))


def _ends(ruling: Array, series: Series, judged: Judged) -> Array:
    """Steps after which a register does not go on. After the others it keeps the modulus found before them."""
    goes_on = (ruling == Ruling.ACCEPT) | (ruling == Ruling.ROLLOVER)
    judged.wraps[ruling == Ruling.ROLLOVER] = 1
    for first in np.flatnonzero(goes_on).tolist():
        past = _end(series, first)
        unknown = np.isnan(judged.modulus[first:past])
        judged.modulus[first:past][unknown] = judged.modulus[first - 1]
    ends: Array = ~goes_on
    return ends


def _hopeless(series: Series, judged: Judged, steps: Array) -> list[tuple[int, int]]:
    """Stretches of doubt without end. A register that runs backwards no quicker than its nameplate allows is none."""
    clear = np.zeros(len(series), np.bool_)
    for verdict in judged.verdicts:
        if verdict.kind is Kind.REVERSE and series.limit[verdict.base] < np.inf:
            clear[verdict.base : verdict.last] = True
    steps = steps[~clear[steps]]
    if len(steps) <= HOPELESS // (SETTLED + 1):
        return []
    cut = np.flatnonzero((np.diff(steps) > SETTLED) | (np.diff(series.group[steps]) != 0))
    first, last = steps[np.append(0, cut + 1)], steps[np.append(cut, len(steps) - 1)] + 1
    long = last - first > HOPELESS
    end = np.searchsorted(series.group, series.group[first[long]], "right") - 1
    return list(zip(first[long].tolist(), np.minimum(last[long] + SETTLED, end).tolist(), strict=True))


class _Doubt:
    """One doubtful step: from the last good reading `base` to the next. Indices are those of the series."""

    def __init__(self, series: Series, judged: Judged, base: int) -> None:
        self._judged = judged
        self._base = base
        group = series.group[base]
        self._start = int(np.searchsorted(series.group, group, "left"))
        self._end = int(np.searchsorted(series.group, group, "right"))
        self._group = int(group)
        self._time, self._value = series.time, series.value
        self._modulus = float(series.modulus[base])
        self._digit = float(series.resolution[base]) * 1.5
        self._limit = float(series.limit[base]) / HOUR
        self._usual = self._quickest(max(self._start, base - LOOK), base)

    def settle(self) -> int:
        """Write the verdicts; the reading from which all is in good order again."""
        first = self._base + 1
        if self._rise(self._base, first) == 0:
            return self._stood_still()
        if (past := self._negated()) is not None:
            return past
        if (past := self._rose_and_fell()) is not None:
            return past
        if (last := self._backwards()) is not None:
            told = next(index for index in range(first + 1, last + 1) if self._rise(index - 1, index) < 0)
            self._say(Kind.REVERSE, first, last, told)
            return last
        while True:
            fell = self._rise(self._base, first) < 0
            jitter = self._one_digit_less(first)
            patience = LOOK + self._still(first)
            for last in range(first + 1, min(first + patience, self._end)):
                if self._follows(self._base, last) and (fell or self._rise(last - 1, last) < 0):
                    back, told = self._returned(last, first + patience)
                    if back:
                        return self._came_back(first, last, told, jitter)
                    if back is None:
                        return self._hold(first, jitter)
                    self._leave_out(first, last - 1, Kind.TRANSIENT, last)
                    first = last
                    break
                if not self._follows(last - 1, last) or (not jitter and self._one_digit_less(last)):
                    if last - first >= LOOK and (goes_on := self._goes_on_after(last)):
                        return self._stayed(first, last - 1, self._lasting(first, last - 1), goes_on)
                    self._leave_out(first, last - 1, Kind.TRANSIENT, last)
                    first = last
                    break
                if kind := self._told(first, last):
                    return self._stayed(first, last, kind)
            else:
                if self._end - first >= patience:
                    past = first + patience
                    return self._stayed(first, past - 1, self._lasting(first, past - 1))
                return self._hold(first, jitter)

    def _stood_still(self) -> int:
        """From `base` on, until it rose by more than one step allows: it was frozen if the time since allows that."""
        last = self._base + 1
        while last + 1 < self._end and self._value[last + 1] == self._value[last]:
            last += 1
        thaw = last + 1
        caught_up = thaw < self._end and not self._follows(last, thaw) and self._follows(self._base, thaw)
        if caught_up and (told := self._goes_on(thaw)):
            self._leave_out(self._base + 1, last, Kind.FROZEN, told)
            return thaw
        return last

    def _goes_on(self, first: int) -> int | None:
        """The reading that tells that a register goes on from `first`: the next rise, or LOOK readings without fall."""
        for index in range(first + 1, min(first + LOOK, self._end)):
            if not self._follows(index - 1, index):
                return None
            if self._rise(index - 1, index) > 0:
                return index
        return first + LOOK - 1 if first + LOOK <= self._end else None

    def _still(self, first: int) -> int:
        """Readings after `first`, which fell, that stand still."""
        if self._rise(self._base, first) >= -self._digit:
            return 0
        last = first
        while last + 1 < self._end and last - first < PATIENCE and self._value[last + 1] == self._value[first]:
            last += 1
        return last - first

    def _negated(self) -> int | None:
        """The reading after those that show the count with the wrong sign; None if there are none such."""
        first = past = self._base + 1
        if self._value[first] >= -self._digit or self._wrapped(first, first) is not None:
            return None
        count, time = float(self._value[self._base]), int(self._time[self._base])
        while past < self._end and self._value[past] < 0:
            rise = -float(self._value[past]) - count
            if not -self._digit <= rise <= self._limit * float(self._time[past] - time) + self._digit:
                break
            count, time = -float(self._value[past]), int(self._time[past])
            past += 1
        if past == first or (past < self._end and not self._follows(self._base, past)):
            return None
        self._leave_out(first, past - 1, Kind.REVERSE, first)
        if past == self._end:
            self._judged.held[self._group] = self._base
        return past

    def _rose_and_fell(self) -> int | None:
        """The first good reading after a fall that undoes a rise, much too quick, of shortly before; None if there was
        no such rise. What a nameplate tells at once, is told here only by the return."""
        if self._limit < np.inf:
            return None
        for before in range(self._base - 1, max(self._start, self._base - LOOK) - 1, -1):
            if not self._judged.good[before] or not self._judged.good[before + 1] or self._judged.run[before + 1]:
                return None
            quickest = max(self._rates(max(self._start, self._base - LOOK), before), default=np.inf)
            if self._rise(before, before + 1) <= self._most(quickest, before, before + 1):
                continue
            past, told = self._undone(before, quickest)
            if past is not None:
                self._leave_out(before + 1, past - 1, Kind.TRANSIENT, told)
                return past
        return None

    def _undone(self, before: int, quickest: float) -> tuple[int | None, int]:
        """The reading that goes on from `before`, whatever lies between, and the one that tells. At once, if it can
        have been reached from there; else the lowest of the next ones, at most a fifth of the way up."""
        first, rise = self._base + 1, self._rise(before, before + 1)
        near = (0.01 if self._falls() else 0.2) * rise  # an even fall is more likely the register's own
        lowest = None
        for past in range(first, min(first + LOOK, self._end - 1)):
            back = self._rise(before, past)
            if not 0 <= back <= near or not self._follows(past, past + 1):
                continue
            if back <= self._most(quickest, before, past):
                return past, past + 1
            if lowest is None or self._rise(past, lowest) > 0:
                lowest = past
        return lowest, min(first + LOOK, self._end - 1)

    def _most(self, rate: float, first: int, last: int) -> float:
        """What flows between two readings at the most if the register rose at this rate before."""
        return _BUSY * (rate * self._elapsed(first, last) + self._digit)

    def _backwards(self) -> int | None:
        """The last reading until which the register ran backwards, no quicker than it can; None if it did not."""
        rates = sorted(self._rates(max(self._start, self._base - LOOK), self._base))[:-1]  # one may be a jump
        most = self._limit if self._limit < np.inf else _BUSY * max([*rates, *self._falls()], default=0.0)
        index = last = self._base
        falls = 0
        while index + 1 < self._end and index - last < LOOK:
            fall = -self._rise(index, index + 1)
            if not 0 <= fall <= most * self._elapsed(index, index + 1) + self._digit:
                break
            index += 1
            if fall > 0:
                last, falls = index, falls + 1
        return last if falls > 1 and self._rise(self._base, last) < -self._digit else None

    def _falls(self) -> list[float]:
        """How fast the register falls, if it does so evenly, in the next readings."""
        rates: list[float] = []
        for index in range(self._base, min(self._base + LOOK, self._end - 1)):
            if self._rise(index, index + 1) >= 0:
                break
            rates.append(-self._rise(index, index + 1) / self._elapsed(index, index + 1))
        return rates if len(rates) >= _GROWN and max(rates) <= _ALIKE * min(rates) else []

    def _rise(self, first: int, last: int) -> float:
        return float(self._value[last] - self._value[first])

    def _one_digit_less(self, index: int) -> bool:
        return 0 > self._rise(self._base, index) >= -self._digit

    def _follows(self, first: int, last: int) -> bool:
        """Whether the register can have gone from one reading to the other without anything happening to it."""
        rise = self._rise(first, last)
        return 0 <= rise <= self._limit * float(self._time[last] - self._time[first]) + self._digit

    def _told(self, first: int, last: int) -> Kind | None:
        """The verdict once readings [first, last], in good order among themselves, tell it."""
        if self._rise(self._base, first) >= 0 or self._one_digit_less(first):
            return None
        if self._wrapped(first, last, early=True) is not None:
            return Kind.ROLLOVER if self._rise(first, last) > 0 else None  # zeros may yet be bad readings
        if self._spike(first) is not None:
            return Kind.TRANSIENT
        if last - first + 1 < _GROWN or self._rise(first, last) <= 0:
            return None
        return Kind.RESET if self._value[first] <= self._digit or self._as_before(first, last) else None

    def _as_before(self, first: int, last: int) -> bool:
        """Whether a register that began anew, all of it flow since the reading before, rises about as it did before."""
        return self._usual <= self._quickest(first, last) * _BUSY and self._from_zero(first, self._usual)

    def _lasting(self, first: int, last: int) -> Kind:
        if self._rise(self._base, first) >= 0:
            return Kind.LIMIT
        if self._one_digit_less(first):
            return Kind.JITTER
        return Kind.RESET if self._wrapped(first, last) is None else Kind.ROLLOVER

    def _wrapped(self, first: int, last: int, *, early: bool = False) -> float | None:
        """The modulus at which the register rolled over, if it can have done so. `early`: readings [first, last] may
        yet be bad ones, so how fast they rise says nothing."""
        quickest = self._usual if early else max(self._usual, self._quickest(first, last))
        if np.isfinite(self._modulus):
            return self._modulus if self._plausible(self._modulus, first, quickest, early) else None
        if self._limit == np.inf and quickest <= 0 and not early:
            return None
        for modulus in (digits * self._digit / 1.5 for digits in _MODULI):
            inside = self._value[self._base] < modulus * (0.5 if self._value[first] < 0 else 1)
            if inside and self._plausible(modulus, first, quickest, early):
                return modulus
        return None

    def _plausible(self, modulus: float, first: int, quickest: float, early: bool) -> bool:
        increment = self._rise(self._base, first) + modulus
        if not 0 <= increment < modulus * _NEAR:
            return False
        if self._limit < np.inf:
            return increment <= self._limit * self._elapsed(self._base, first) + self._digit
        return increment <= self._most(quickest, self._base, first) or (quickest <= 0 and not early)

    def _elapsed(self, first: int, last: int) -> float:
        return float(self._time[last] - self._time[first])

    def _rates(self, first: int, last: int) -> Iterator[float]:
        """How fast the register rose in the steps of [first, last] between good readings, per microsecond."""
        for index in range(first, last):
            if self._judged.good[index] and self._judged.good[index + 1]:
                yield self._rise(index, index + 1) / self._elapsed(index, index + 1)

    def _quickest(self, first: int, last: int) -> float:
        return max(self._rates(first, last), default=0.0)

    def _spike(self, first: int) -> int | None:
        """The reading before a rise just as large as this fall, not long ago: then what lies between was wrong."""
        fall = -self._rise(self._base, first)
        for index in range(self._base - 1, max(self._start, self._base - LOOK) - 1, -1):
            if not self._judged.good[index] or self._judged.run[index + 1]:
                return None
            if self._follows(index, first):
                return index if self._rise(index, index + 1) >= 0.8 * fall else None
        return None

    def _returned(self, last: int, until: int) -> tuple[bool | None, int]:
        """Whether the reading `last`, which may follow the base, is in good order, and the reading that tells; None if
        none does yet. Without a nameplate, one that is much too high may be as bad as those before it: then those
        before `until` tell."""
        if self._limit < np.inf:
            return True, last
        for index in range(last, min(until, self._end)):
            if self._rise(last, index) < 0 and self._follows(self._base, index):
                return False, index
            if self._rise(self._base, last) <= self._most(self._usual or self._quickest(last, index), self._base, last):
                return True, index
        return (True, until - 1) if until <= self._end else (None, last)

    def _goes_on_after(self, bad: int) -> int | None:
        """The reading that tells that a register which stayed where it fell to goes on there after a bad reading."""
        for index in range(bad + 1, min(bad + LOOK, self._end)):
            if self._follows(bad - 1, index) and self._rise(self._base, index) < 0:
                return index
        return None

    def _came_back(self, first: int, last: int, told: int, jitter: bool) -> int:
        if jitter:
            self._judged.value[first:last] = self._judged.value[self._base]
            self._say(Kind.JITTER, first, last - 1, first)
        else:
            self._leave_out(first, last - 1, Kind.TRANSIENT, told)
        return last

    def _stayed(self, first: int, last: int, kind: Kind, told: int | None = None) -> int:
        """The register goes on from the reading `first`, which is the new base; `last` tells, if no other does."""
        judged = self._judged
        before = self._spike(first) if kind in (Kind.TRANSIENT, Kind.JITTER) else None
        if kind is Kind.TRANSIENT and before is not None:
            self._leave_out(before + 1, self._base, kind, last)
            return first
        modulus = None
        if kind is Kind.JITTER and before is not None:
            judged.value[before + 1 : first] = judged.value[first]
        elif kind is Kind.ROLLOVER:
            modulus = self._wrapped(first, last, early=True) or self._wrapped(first, last)
            judged.wraps[first] = 1
            judged.modulus[first : self._end] = modulus
        elif kind in (Kind.RESET, Kind.LIMIT):
            judged.run[first] = 1
            if kind is Kind.RESET and self._from_zero(first, max(self._usual, self._quickest(first, last))):
                judged.begun.append(first)
        self._say(kind, first, last, told or last, modulus)
        return first

    def _from_zero(self, first: int, rate: float) -> bool:
        """Whether what the register shows after a reset can have flowed, at this rate, since the reading before."""
        return 0 < float(self._value[first]) <= min(rate, self._limit) * self._elapsed(self._base, first)

    def _hold(self, first: int, jitter: bool) -> int:
        """The readings end before they tell."""
        last = self._end - 1
        if jitter:
            self._judged.value[first : self._end] = self._judged.value[self._base]
            self._say(Kind.JITTER, first, last, first)
        else:
            self._leave_out(first, last, Kind.HELD, last)
            self._judged.held[self._group] = self._base
        return self._end

    def _leave_out(self, first: int, last: int, kind: Kind, told: int) -> None:
        self._judged.good[first : last + 1] = False
        verdicts = self._judged.verdicts
        if kind is Kind.TRANSIENT and verdicts and verdicts[-1].kind is kind and verdicts[-1].last == first - 1:
            first = verdicts.pop().first  # bad readings in a row are one event
        self._say(kind, first, last, told)

    def _say(self, kind: Kind, first: int, last: int, told: int, modulus: float | None = None) -> None:
        self._judged.verdicts.append(Verdict(kind, self._base, first, last, told, modulus))
