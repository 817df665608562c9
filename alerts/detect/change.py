"""A change that lasts for days: what it is, and when it is clear enough to be told."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alerts.detect import even
from alerts.detect.causes import Fit
from alerts.detect.incident import GAINS, Cause, named
from alerts.detect.memory import Array, Memory

TENFOLD = 1.45
"""Logarithm of a factor from which on it is a matter of scale, whatever else would fit."""
CLEAR = {
    Cause.LEVEL: (0.45, 1.0), Cause.NIGHT: (0.32, 1.3), Cause.WEEKEND: (0.32, 1.5), Cause.CLOCK: (0.82, 0.2),
}  # fmt: skip
"""How much a fit may leave unexplained where the fault lies, and must explain there."""
LASTS = {Cause.SCALE: 1, Cause.WEEKEND: 1}
"""Days that a change must last before it is told,"""
LASTING = 5
"""by default,"""
FALLING = 7
"""and of a fall: closures are common;"""
PLAIN = 4.0
"""unless it is a rise that explains as many usual errors."""
NEAR, NEARER, FARTHEST = 0.07, 0.4, 0.12
"""How far a factor may be from one that a fault makes (logarithm), how much more for each usual error, and at most."""
SHAPELESS = 0.45
"""Usual error from which on a day has no shape that an hour's shift would show."""
SURE = 5
"""Days from which on a factor may explain less, the longer it lasts."""
LOAD, LARGEST = 0.1, 3.0
"""Mean hourly loads that a night or weekend must have more, and may."""
TENTH = 0.6
"""The same of factors of ten."""
NAMED = 0.1
"""How far a factor may be from its class's own to be taken for that."""
UNEVEN = 0.75
"""How far the factors of high and low loads may be apart, as a share of the factor."""
DOUBTED = 10
"""Days after which a change that is not clear is dropped."""


@dataclass(slots=True)
class Change:
    """From row `start` on; `normal`: days in a row that were as expected."""

    cause: Cause
    start: int
    told: int
    size: float
    fit: Fit
    by: str
    usual: float
    """Error of an expected hour before it."""
    bias: float
    """What of the fit's size is the season's."""
    hours: Array | None = None
    """Which hours have the load of a night, or the shape of a day in mean hourly loads."""
    normal: int = 0
    sure: bool = False
    """Whether it is told."""

    def judge(self, memory: Memory, row: int) -> bool:
        """Tell it when it is clear and has lasted long enough; False when it never became so."""
        if self.sure:
            return True
        lasted = row - self.start + 1 - self.normal
        gain = self.fit.cause is Cause.LEVEL
        plain = gain and self.fit.size > 0 and self.fit.explained >= PLAIN
        needed = LASTS.get(self.cause, FALLING if gain and self.fit.size < 0 else LASTING)
        if self.clear() and (plain or lasted >= needed) and not (gain and self._is_uneven(memory, row)):
            self.sure, self.told = True, row
        return self.sure or lasted < DOUBTED

    def _is_uneven(self, memory: Memory, row: int) -> bool:
        """Whether high and low loads have factors too different for a fault of a meter."""
        first = min(self.start + 1, row)
        return first > even.BEFORE and even.spread(memory, first, row + 1) > UNEVEN * abs(self.fit.size)

    def clear(self) -> bool:
        """Whether the fit explains enough."""
        left, explained = CLEAR[self.fit.cause]
        if self.fit.cause is Cause.LEVEL:
            explained *= min(1.0, math.sqrt(SURE / self.fit.days))
        clear = self.fit.left <= left and self.fit.explained >= explained
        if self.fit.cause in (Cause.NIGHT, Cause.WEEKEND) and not LOAD <= abs(self.fit.size) <= LARGEST:
            return False
        if self.fit.cause is Cause.CLOCK and self.usual > SHAPELESS:
            return False
        return clear and (self.fit.cause is not Cause.LEVEL or self._is_plausible())

    def _is_plausible(self) -> bool:
        """Whether a meter's fault makes such a factor. Falls to any level are common; rises less so."""
        size = self.fit.size - self.bias
        _, own = named(size)
        if abs(own) > TENFOLD:
            return abs(size - own) <= TENTH
        near = abs(size - own) <= min(NEAR + NEARER * self.usual, FARTHEST)
        return near or (0 < size < TENFOLD and self.fit.explained >= PLAIN)

    def name(self) -> None:
        """Of a factor: the class, and the class's own factor if it is near."""
        size = self.fit.size - self.bias
        self.cause, own = named(size)
        self.size = own if abs(own - size) < NAMED else size

    def factor(self) -> float:
        """By which readings are too high while it lasts."""
        return math.exp(self.size) if self.cause in GAINS else 1.0
