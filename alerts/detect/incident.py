"""What the detector says of a series: one incident for each cause."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Cause(StrEnum):
    """Classes of incidents; the value is the name of the alert rule."""

    FROZEN = "frozen"
    """The register stood still and then caught up."""
    ZERO = "zero"
    """Nothing flowed when something always had."""
    SPIKE = "spike"
    SCALE = "scale"
    """About ten times as much or a tenth: a unit or a decimal point."""
    RATIO = "ratio"
    """All hours times a factor that a wrong CT ratio makes."""
    LOST_PHASE = "lost_phase"
    """All hours at two thirds."""
    LEVEL = "level"
    """All hours shifted by another factor."""
    DRIFT = "drift"
    NIGHT = "night"
    """Load at night that was not there."""
    WEEKEND = "weekend"
    CLOCK = "clock"
    """The daily shape comes an hour early or late."""
    PATTERN = "pattern"
    """The daily shape is another one, and no other cause explains it."""


SEVERITY: dict[Cause, Literal["info", "warning", "critical"]] = {
    Cause.FROZEN: "warning", Cause.ZERO: "critical", Cause.SPIKE: "warning", Cause.SCALE: "critical",
    Cause.RATIO: "critical", Cause.LOST_PHASE: "critical", Cause.LEVEL: "warning", Cause.DRIFT: "warning",
    Cause.NIGHT: "warning", Cause.WEEKEND: "warning", Cause.CLOCK: "warning",
    Cause.PATTERN: "info",
}  # fmt: skip

FACTORS = (
    (Cause.RATIO, 2.0), (Cause.RATIO, 0.5), (Cause.RATIO, 1.5), (Cause.LOST_PHASE, 2 / 3), (Cause.LEVEL, 1.3),
    (Cause.SCALE, 10.0), (Cause.SCALE, 0.1),
)  # fmt: skip
"""Factors by which a fault of each class multiplies."""
GAINS = (Cause.RATIO, Cause.LOST_PHASE, Cause.LEVEL, Cause.SCALE)


def named(gain: float) -> tuple[Cause, float]:
    """The class of a change by this factor (natural logarithm), and the logarithm of the class's own factor."""
    cause, factor = min(FACTORS, key=lambda one: abs(math.log(one[1]) - gain))
    return cause, math.log(factor)


@dataclass(slots=True)
class Incident:
    """Instants are microseconds. `size`: natural logarithm of the factor (gains, drift), mean hourly loads added
    (night, weekend), of which so much lies in other hours (pattern), hours late (clock)."""

    cause: Cause
    start: int
    end: int | None
    """None while it lasts."""
    detected_at: int
    """When the last of the data had come that told this cause."""
    size: float = 0.0
    excess: float = 0.0
    """Consumption above (below: negative) what was to be expected, so far, in the unit of the series."""
    evidence: dict[str, float | str] = field(default_factory=dict)

    @property
    def severity(self) -> Literal["info", "warning", "critical"]:
        return SEVERITY[self.cause]


def measure(cause: Cause, size: float) -> dict[str, float | str]:
    """The size of an incident in words of its class."""
    if cause in GAINS or cause is Cause.DRIFT:
        return {"factor": round(math.exp(size), 3)}
    if cause is Cause.CLOCK:
        return {"hours_late": size}
    return {"mean_loads": round(size, 2)}
