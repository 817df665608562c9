"""What the readings of a cumulative register say: which of them hold, and where it rolled over or began anew.

Pure functions on arrays. A register only grows, so only a step that falls, or rises more than the nameplate allows,
needs judging. A verdict depends on at most LOOK readings on either side of the step, and after SETTLED steps in good
order nothing of what went before matters. So a window of readings gives the same verdicts as the whole series, in
whatever order and batches they arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

import numpy as np

from collector.pairs import Array

LOOK = 6
"""Readings looked at on either side of a doubtful step; a register that stays low this long was reset."""
SETTLED = LOOK + 1
"""Steps in good order after which no doubt is left from before."""
PATIENCE = 96
"""Readings that a register which fell may stand still before it counts as reset: it may yet come back."""
FREEZE = 384
"""Readings in which a register that then catches up counts as frozen; of more, the last ones."""
HOPELESS = 448
"""Readings: where doubt lasts longer without SETTLED steps in good order, nothing is told or booked. This bounds how
far a verdict reaches; it leaves room for FREEZE and PATIENCE."""
HOUR = 3_600e6


class Kind(Enum):
    """Verdicts on doubtful steps."""

    TRANSIENT = "transient"
    """Bad readings between good ones (fell and came back, or rose and came back): left out."""
    JITTER = "jitter"
    """One digit less: no energy, no reset."""
    ROLLOVER = "rollover"
    RESET = "reset"
    """Began anew; what flowed before it did, since the last reading, is unknown."""
    REVERSE = "reverse"
    """Runs backwards (energy the other way), or shows its count with the wrong sign (those readings are left out)."""
    FROZEN = "frozen"
    """Stood still and then caught up at once, more than the nameplate allows in one step: the readings in which it
    stood still are left out, so that the energy is spread over that time."""
    LIMIT = "limit"
    """Rose more than the nameplate allows and stayed: that energy is not booked."""
    HELD = "held"
    """Not yet to be told; nothing is booked meanwhile."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """On readings [first, last]; `base` is the last good reading before them."""

    kind: Kind
    base: int
    first: int
    last: int
    told: int
    """The reading that told."""
    modulus: float | None = None
    """Of a roll-over."""


class Ruling(IntEnum):
    """What people say of the step into a reading. It is not judged then, and no doubt looks across it."""

    NONE = 0
    ACCEPT = 1
    """The register went there."""
    RESET = 2
    """It began anew; what flowed is unknown."""
    ROLLOVER = 3
    """It passed its modulus."""


@dataclass(slots=True)
class Series:
    """Readings of registers, sorted by group and time; a group is what one meter counted with one multiplier, up to a
    step about which people have ruled.

    All arrays have one length; `modulus` is NaN and `limit` (per hour) is inf where unknown.
    """

    group: Array
    time: Array
    value: Array
    modulus: Array
    resolution: Array
    limit: Array
    ruling: Array | None = None
    """On the step into each reading; None: nobody has ruled."""

    def __len__(self) -> int:
        return len(self.time)


@dataclass(slots=True)
class Judged:
    """What to make of a Series. Two good readings of the same run can be subtracted, adding the modulus once for each
    wrap between them."""

    good: Array
    value: Array
    """As given, one-digit regressions straightened."""
    run: Array
    wraps: Array
    modulus: Array
    """Of the last wrap: the register's own, or the one inferred."""
    begun: list[int] = field(default_factory=list)
    """First readings of registers that began anew from zero and have counted since."""
    held: dict[int, int] = field(default_factory=dict)
    """group -> its last good reading, where what follows is held."""
    hopeless: list[tuple[int, int]] = field(default_factory=list)
    """First and last reading of stretches whose doubt lasts too long; all in them is held."""
    verdicts: list[Verdict] = field(default_factory=list)


def doubtful(series: Series) -> Array:
    """Indices i where the step from reading i to i + 1 is not in good order: it falls or rises too much, or the
    register stands still (for FREEZE readings) before such a rise, or (for PATIENCE readings) after such a fall, or
    (for FREEZE readings) below zero after it fell there."""
    if len(series) < 2:
        return np.empty(0, np.int64)
    step = np.diff(series.value)
    digit = series.resolution[1:] * 1.5
    bound = series.limit[1:] * (np.maximum(np.diff(series.time), 1) / HOUR) + digit
    same = np.diff(series.group) == 0
    bad = np.flatnonzero(((step < 0) | (step > bound)) & same)
    if not len(bad):
        return bad
    moves = np.flatnonzero((step != 0) | ~same)
    place = np.searchsorted(moves, bad)
    rises, falls = step[bad] > 0, step[bad] < -digit[bad]
    before = np.maximum(np.append(-1, moves)[place][rises] + 1, bad[rises] - FREEZE)
    after = np.append(moves, len(step))[place + 1][falls]
    still = [_between(before, bad[rises]), _between(bad[falls] + 1, np.minimum(after, bad[falls] + 1 + PATIENCE))]
    below = bad[(series.value[bad] >= 0) & (series.value[bad + 1] < 0)]
    if len(below):
        above = np.append(np.flatnonzero((series.value[1:] >= 0) | ~same), len(step))
        wrong_sign = _between(below + 1, np.minimum(above[np.searchsorted(above, below)], below + 1 + FREEZE))
        still.append(wrong_sign[step[wrong_sign] == 0])
    return np.unique(np.concatenate([bad, *still]))


def _between(start: Array, past: Array) -> Array:
    """All numbers of the ranges [start, past)."""
    count = past - start
    offset = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    numbers: Array = np.repeat(start, count) + offset
    return numbers
