"""Verdicts on the doubtful steps of a register (collector/registers.py), one after the other."""

from __future__ import annotations

import numpy as np

from collector.course import BUSY, GROWN, Course
from collector.pairs import Array
from collector.registers import FREEZE, HOPELESS, LOOK, SETTLED, Judged, Kind, Ruling, Series, Verdict, doubtful


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


class _Doubt(Course):
    """One doubtful step: from the last good reading `base` to the next."""

    def settle(self) -> int:
        """Write the verdicts; the reading from which all is in good order again."""
        first = self.base + 1
        if self.rise(self.base, first) == 0:
            return self._stood_still()
        if (past := self._negated()) is not None:
            return past
        if (past := self._rose_and_fell()) is not None:
            return past
        if (last := self._backwards()) is not None:
            told = next(index for index in range(first + 1, last + 1) if self.rise(index - 1, index) < 0)
            self._say(Kind.REVERSE, first, last, told)
            return last
        settled = None
        while settled is None:
            first, settled = self._go_on_from(first)
        return settled

    def _go_on_from(self, first: int) -> tuple[int, int | None]:
        """What the readings from `first` on tell, and from which on all is in good order; or, when those turn out to be
        bad, the next ones to look at."""
        fell, jitter = self.rise(self.base, first) < 0, self.one_digit_less(first)
        past = first + LOOK + self.still(first)
        for last in range(first + 1, min(past, self.end)):
            if self.follows(self.base, last) and (fell or self.rise(last - 1, last) < 0):
                back, told = self._returned(last, past)
                if back is not False:
                    return first, self._came_back(first, last, told, jitter) if back else self._hold(first, jitter)
            elif self.follows(last - 1, last) and (jitter or not self.one_digit_less(last)):
                if kind := self._told(first, last):
                    return first, self._stayed(first, last, kind)
                continue
            elif last - first >= LOOK and (goes_on := self._goes_on_after(last)):
                return first, self._stayed(first, last - 1, self._lasting(first, last - 1), goes_on)
            self._leave_out(first, last - 1, Kind.TRANSIENT, last)
            return last, None
        if past <= self.end:
            return first, self._stayed(first, past - 1, self._lasting(first, past - 1))
        return first, self._hold(first, jitter)

    def _stood_still(self) -> int:
        """From `base` on, until it rose by more than one step allows: it was frozen if the time since allows that."""
        last = self.base + 1
        while last + 1 < self.end and self.value[last + 1] == self.value[last]:
            last += 1
        thaw = last + 1
        caught_up = thaw < self.end and not self.follows(last, thaw) and self.follows(self.base, thaw)
        if caught_up and (told := self._goes_on(thaw)):
            self._leave_out(self.base + 1, last, Kind.FROZEN, told)
            return thaw
        return last

    def _goes_on(self, first: int) -> int | None:
        """The reading that tells that a register goes on from `first`: the next rise, or LOOK readings without fall."""
        for index in range(first + 1, min(first + LOOK, self.end)):
            if not self.follows(index - 1, index):
                return None
            if self.rise(index - 1, index) > 0:
                return index
        return first + LOOK - 1 if first + LOOK <= self.end else None

    def _negated(self) -> int | None:
        """The reading after those that show the count with the wrong sign; None if there are none such."""
        first = past = self.base + 1
        if self.value[first] >= -self.digit or self.wrapped(first, first) is not None:
            return None
        count, before = float(self.value[self.base]), self.base
        while past < self.end and self.value[past] < 0 and past - first <= FREEZE:
            rise = -float(self.value[past]) - count
            if not -self.digit <= rise <= self.limit * self.elapsed(before, past) + self.digit:
                break
            count, before = -float(self.value[past]), past
            past += 1
        if past == first or (past < self.end and not self.follows(self.base, past)):
            return None
        self._leave_out(first, past - 1, Kind.REVERSE, first)
        if past == self.end:
            self._say(Kind.HELD, first, past - 1, past - 1)
            self.judged.held[self.group] = self.base
        return past

    def _rose_and_fell(self) -> int | None:
        """The first good reading after a fall that undoes a rise, much too quick, of shortly before; None if there was
        no such rise. What a nameplate tells at once, is told here only by the return."""
        if self.limit < np.inf:
            return None
        for before in range(self.base - 1, max(self.start, self.base - LOOK) - 1, -1):
            if not self.judged.good[before] or not self.judged.good[before + 1] or self.judged.run[before + 1]:
                return None
            quickest = max(self.rates(max(self.start, self.base - LOOK), before), default=np.inf)
            if self.rise(before, before + 1) <= self.most(quickest, before, before + 1):
                continue
            past, told = self._undone(before, quickest)
            if past is not None:
                self._leave_out(before + 1, past - 1, Kind.TRANSIENT, told)
                return past
        return None

    def _undone(self, before: int, quickest: float) -> tuple[int | None, int]:
        """The reading that goes on from `before`, whatever lies between, and the one that tells. At once, if it can
        have been reached from there; else the lowest of the next ones, at most a fifth of the way up."""
        first, rise = self.base + 1, self.rise(before, before + 1)
        near = (0.01 if self.falls() else 0.2) * rise  # an even fall is more likely the register's own
        lowest = None
        for past in range(first, min(first + LOOK, self.end - 1)):
            back = self.rise(before, past)
            if not 0 <= back <= near or not self.follows(past, past + 1):
                continue
            if back <= self.most(quickest, before, past):
                return past, past + 1
            if lowest is None or self.rise(past, lowest) > 0:
                lowest = past
        return (lowest, first + LOOK) if first + LOOK < self.end else (None, first)

    def _backwards(self) -> int | None:
        """The last reading until which the register ran backwards, no quicker than it can; None if it did not."""
        most = self.limit if self.limit < np.inf else BUSY * max([self.normal(), *self.falls()])
        index = last = self.base
        falls = 0
        while index + 1 < self.end and index - last < LOOK:
            fall = -self.rise(index, index + 1)
            if not 0 <= fall <= most * self.elapsed(index, index + 1) + self.digit:
                break
            index += 1
            if fall > 0:
                last, falls = index, falls + 1
        return last if falls > 1 and self.rise(self.base, last) < -self.digit else None

    def _told(self, first: int, last: int) -> Kind | None:
        """The verdict once readings [first, last], in good order among themselves, tell it."""
        if self.rise(self.base, first) >= 0 or self.one_digit_less(first):
            return None
        if self.wrapped(first, last, early=True) is not None:
            return Kind.ROLLOVER if self.rise(first, last) > 0 else None  # zeros may yet be bad readings
        if self._spike(first) is not None:
            return Kind.TRANSIENT
        if last - first + 1 < GROWN or self.rise(first, last) <= 0:
            return None
        return Kind.RESET if self.value[first] <= self.digit or self.as_before(first, last) else None

    def _lasting(self, first: int, last: int) -> Kind:
        if self.rise(self.base, first) >= 0:
            return Kind.LIMIT
        if self.one_digit_less(first):
            return Kind.JITTER
        return Kind.RESET if self.wrapped(first, last) is None else Kind.ROLLOVER

    def _spike(self, first: int) -> int | None:
        """The reading before a rise just as large as this fall, not long ago: then what lies between was wrong."""
        fall = -self.rise(self.base, first)
        for index in range(self.base - 1, max(self.start, self.base - LOOK) - 1, -1):
            if not self.judged.good[index] or self.judged.run[index + 1]:
                return None
            if self.follows(index, first):
                return index if self.rise(index, index + 1) >= 0.8 * fall else None
        return None

    def _returned(self, last: int, until: int) -> tuple[bool | None, int]:
        """Whether the reading `last`, which may follow the base, is in good order, and the reading that tells; None if
        none does yet. Without a nameplate, one that is much too high may be as bad as those before it: then those
        before `until` tell."""
        if self.limit < np.inf:
            return True, last
        for index in range(last, min(until, self.end)):
            if self.rise(last, index) < 0 and self.follows(self.base, index):
                return False, index
            if self.rise(self.base, last) <= self.most(self.usual or self.quickest(last, index), self.base, last):
                return True, index
        return (True, until - 1) if until <= self.end else (None, last)

    def _goes_on_after(self, bad: int) -> int | None:
        """The reading that tells that a register which stayed where it fell to goes on there after a bad reading."""
        for index in range(bad + 1, min(bad + LOOK, self.end)):
            if self.follows(bad - 1, index) and self.rise(self.base, index) < 0:
                return index
        return None

    def _came_back(self, first: int, last: int, told: int, jitter: bool) -> int:
        if jitter:
            self.judged.value[first:last] = self.judged.value[self.base]
            self._say(Kind.JITTER, first, last - 1, first)
        else:
            self._leave_out(first, last - 1, Kind.TRANSIENT, told)
        return last

    def _stayed(self, first: int, last: int, kind: Kind, told: int | None = None) -> int:
        """The register goes on from the reading `first`, which is the new base; `last` tells, if no other does."""
        judged = self.judged
        before = self._spike(first) if kind in (Kind.TRANSIENT, Kind.JITTER) else None
        if kind is Kind.TRANSIENT and before is not None:
            self._leave_out(before + 1, self.base, kind, last)
            return first
        modulus = None
        if kind is Kind.JITTER and before is not None:
            judged.value[before + 1 : first] = judged.value[first]
        elif kind is Kind.ROLLOVER:
            modulus = self.wrapped(first, last, early=True) or self.wrapped(first, last)
            judged.wraps[first] = 1
            judged.modulus[first : self.end] = modulus
        elif kind in (Kind.RESET, Kind.LIMIT):
            judged.run[first] = 1
            if kind is Kind.RESET and self.from_zero(first, max(self.usual, self.quickest(first, last))):
                judged.begun.append(first)
        self._say(kind, first, last, told or last, modulus)
        return first

    def _hold(self, first: int, jitter: bool) -> int:
        """The readings end before they tell."""
        last = self.end - 1
        if jitter:
            self.judged.value[first : self.end] = self.judged.value[self.base]
            self._say(Kind.JITTER, first, last, first)
        else:
            self._leave_out(first, last, Kind.HELD, last)
            self.judged.held[self.group] = self.base
        return self.end

    def _leave_out(self, first: int, last: int, kind: Kind, told: int) -> None:
        self.judged.good[first : last + 1] = False
        verdicts = self.judged.verdicts
        if kind is Kind.TRANSIENT and verdicts and verdicts[-1].kind is kind and verdicts[-1].last == first - 1:
            first = verdicts.pop().first  # bad readings in a row are one event
        self._say(kind, first, last, told)

    def _say(self, kind: Kind, first: int, last: int, told: int, modulus: float | None = None) -> None:
        self.judged.verdicts.append(Verdict(kind, self.base, first, last, told, modulus))
