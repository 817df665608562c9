"""Readings of a register left out as bad: no energy is lost by that, but the meter or its line wants a look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from alerts.finding import Severity, clock
from alerts.history import HOUR, Place, Told
from alerts.thresholds import Thresholds
from alerts.verdicts import VerdictRule
from config.quantities import QUANTITIES
from config.rules import Limits

_HAPPENED = {
    "transient": ("瞬时失值后恢复", "fell out and came back"),
    "frozen": ("停走后一次补上", "stood still and then caught up at once"),
}


class LeftOut(VerdictRule):
    """A register that stands still as long as rule `stale` asks for is that rule's, where it can see it."""

    name = "left_out"
    severity: ClassVar[Severity] = "info"
    kinds = ("transient", "frozen")
    books = False
    needs = (("verdicts", "transient"), ("verdicts", "frozen"))

    def limits(self, thresholds: Thresholds, place: Place) -> Limits:
        return {**super().limits(thresholds, place), "hours": self._of(thresholds, "stale", place)["hours"]}

    def concerns(self, place: Place, told: Told, limits: Limits) -> bool:
        lively = any(QUANTITIES[quantity].kind == "instant" for quantity in place.points)
        stale = told.kind == "frozen" and lively and told.end - told.start >= (limits["hours"] + 1) * HOUR
        return super().concerns(place, told, limits) and not stale

    def texts(self, place: Place, episode: Sequence[Told], energy: float, zone: str) -> tuple[str, str]:
        last, (zh, en) = clock(episode[-1].start, zone), _HAPPENED[episode[-1].kind]
        return (
            f"近期有 {len(episode)} 次坏读数未采用，最近一次在 {last}：累计量{zh}；用量按前后完好读数计",
            f"bad readings were left out {len(episode)} × lately, last at {last}, when the register {en}; consumption "
            "rests on the good readings around them",
        )


RULE = LeftOut()
