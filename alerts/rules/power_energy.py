"""Power (or flow) added up over a day against what the register counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date, number, percent
from alerts.history import FLOW, Bools, History, Matrix, Place, Stretch, column, lasting, span
from config.carriers import carriers
from config.rules import Limits

_FEW = 2
"""Readings an hour must have for its mean to say something."""


class PowerEnergy(Inspection):
    """About a metering point that has both. Hours are compared in which there is a mean of the power, and the register
    was read at both ends."""

    name = "power_energy"
    needs = (("hourly", FLOW), ("hourly", ""))

    def applies(self, place: Place, limits: Limits) -> bool:
        return bool(place.register) and place.point(FLOW) is not None

    def lookback(self, limits: Limits) -> int:
        return int(limits["days"]) + 3

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        integral, counted, hours = self._compared(history)
        known = (hours >= column(limits, "hours")) & (counted > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.where(known, integral / counted - 1.0, 0.0)
        bad = known & (np.abs(apart) > column(limits, "share"))
        for stretch in lasting(bad, known, column(limits, "days")):
            yield self._found(history, stretch, integral, counted, limits[stretch.row])

    def _compared(self, history: History) -> tuple[Matrix, Matrix, Matrix]:
        """Integral of power, difference of the register, and hours compared: of each day.

        The register's growth in an hour is that from the last reading of the hour before to its own last one.
        """
        flow, register = history.hourly[FLOW], history.hourly[""]
        grown = np.diff(register.high, axis=1, prepend=np.nan)
        means = np.abs(flow.mean)
        usable = (flow.count >= _FEW) & (register.count >= _FEW) & np.isfinite(grown) & (grown >= 0)
        usable &= self._this_way(history)
        shape = history.shape(history.days)
        integral, counted, hours = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for day, part in history.by_day(history.hours):
            there = usable[:, part]
            integral[:, day] = np.where(there, means[:, part], 0.0).sum(axis=1)
            counted[:, day] = np.where(there, grown[:, part], 0.0).sum(axis=1)
            hours[:, day] = there.sum(axis=1)
        return integral, counted, hours

    def _this_way(self, history: History) -> Bools:
        """Hours in which all power counts in the register: where both directions have one, not those of the other."""
        flow, signs = history.hourly[FLOW], np.zeros((len(history.places), 1))
        for row, place in enumerate(history.places):
            carrier = carriers()[place.carrier]
            if carrier.export in place.points and carrier.quantity in place.points:
                signs[row] = 1.0 if place.register == carrier.quantity else -1.0
        this_way: Bools = (np.minimum(flow.low * signs, flow.high * signs) >= 0) | (signs == 0)
        return this_way

    def _found(self, history: History, stretch: Stretch, integral: Matrix, counted: Matrix, limits: Limits) -> Finding:
        place, cells = history.places[stretch.row], (stretch.row, slice(stretch.first, stretch.past))
        power, energy = float(integral[cells].sum()), float(counted[cells].sum())
        ratio, days = power / energy, stretch.past - stretch.first
        since = date(int(history.days[stretch.first]), history.zone)
        zh = (
            f"自 {since} 起 {days} 天，功率（流量）积分 {number(power)} {place.unit}，表底之差 "
            f"{number(energy)} {place.unit}，比值 {ratio:.2f}，允许相差 {percent(limits['share'])}"
        )
        en = (
            f"in {days} d since {since}, power (or flow) adds up to {number(power)} {place.unit} but the register "
            f"counted {number(energy)} {place.unit}, a ratio of {ratio:.2f} where {percent(limits['share'])} is allowed"
        )
        evidence = {"since": since, "days": days, "integral": power, "register": energy, "ratio": ratio}
        return self.finding(place, span(stretch, history.days), (zh, en), evidence, amount=abs(power - energy))


RULE = PowerEnergy()
