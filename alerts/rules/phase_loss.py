"""One phase without voltage 失压, or without current 失流 while the other two carry load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from alerts.finding import Finding, Inspection, clock, number
from alerts.history import Bools, History, Matrix, Place, Stretch, column, lasting, span
from alerts.phases import CURRENTS, VOLTAGES
from config.rules import Limits

ENERGISED = 20.0
"""Volts that the highest phase must have for the others to be judged: less is the noise of a line switched off."""
_What = Literal["voltage", "current"]
_WORDS = {"voltage": ("失压", "has no voltage", "电压", "V"), "current": ("失流", "carries no current", "电流", "A")}


class PhaseLoss(Inspection):
    """About a metering point with the voltages or the currents of all three phases, by their means of an hour. A phase
    without voltage is not told to carry no current, too; one of two that carry nothing is not told: then it is a
    connection of one phase."""

    name = "phase_loss"
    needs = tuple(("hourly", phase) for phase in (*VOLTAGES, *CURRENTS))

    def applies(self, place: Place, limits: Limits) -> bool:
        return any(all(phase in place.points for phase in phases) for phases in (VOLTAGES, CURRENTS))

    def lookback(self, limits: Limits) -> int:
        return 3

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        least = column(limits, "hours")
        voltages, currents = (_means(history, phases) for phases in (VOLTAGES, CURRENTS))
        highest = voltages.max(axis=0)
        dead, live = voltages < column(limits, "voltage") * highest, highest >= ENERGISED
        loaded = [_loaded(history, currents, phase, column(limits, "load")) for phase in range(3)]
        for phase in range(3):
            others = np.delete(currents, phase, axis=0).mean(axis=0)
            idle = (currents[phase] < column(limits, "current") * others) & ~dead[phase]
            for stretch in lasting(dead[phase], live, least):
                yield self._found(history, stretch, "voltage", phase, voltages)
            for stretch in lasting(idle, loaded[phase], least):
                yield self._found(history, stretch, "current", phase, currents)

    def _found(self, history: History, stretch: Stretch, what: _What, phase: int, means: Matrix) -> Finding:
        zh, en, zh_what, unit = _WORDS[what]
        name, part = "ABC"[phase], slice(stretch.first, stretch.past)
        with np.errstate(invalid="ignore"):
            shown = np.nanmean(means[:, stretch.row, part], axis=1).tolist()
        since, hours = clock(int(history.hours[stretch.first]), history.zone), stretch.past - stretch.first
        others = " / ".join(number(value) for index, value in enumerate(shown) if index != phase)
        texts = (
            f"{name} 相{zh}：自 {since} 起 {hours} 小时，{name} 相平均{zh_what} {number(shown[phase])} {unit}，"
            f"其余两相 {others} {unit}，该相用量未计全",
            f"phase {name} {en}: for {hours} h since {since} its mean is {number(shown[phase])} {unit}, those of the "
            f"other two are {others} {unit}; what it uses is not counted in full",
        )
        evidence = {"phase": name, "of": what, "since": since, "hours": hours, "means": shown}
        place, at = history.places[stretch.row], span(stretch, history.hours)
        return self.finding(place, at, texts, evidence, severity="critical", part=f"{what}_{name.lower()}")


def _means(history: History, phases: Sequence[str]) -> Matrix:
    """By phase, place and hour."""
    return np.stack([history.hourly[phase].mean for phase in phases])


def _loaded(history: History, currents: Matrix, phase: int, share: Matrix) -> Bools:
    """Hours in which both other phases carry at least this share of the day's highest mean current."""
    carried: Matrix = np.nan_to_num(np.delete(currents, phase, axis=0).min(axis=0))
    highest = np.full(carried.shape, np.inf)
    for _, part in history.by_day(history.hours):
        highest[:, part] = carried[:, part].max(axis=1, initial=0.0)[:, None]
    return np.asarray((carried > 0) & (carried >= share * highest) & np.isfinite(currents[phase]))


RULE = PhaseLoss()
