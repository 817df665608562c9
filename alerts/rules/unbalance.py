"""Currents of the three phases that differ for much of a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date, number, percent
from alerts.history import Bools, History, Matrix, Place, column, span, stretches
from alerts.phases import CARRIES, CURRENTS
from config.rules import Limits


class Unbalance(Inspection):
    """About a metering point with the currents of all three phases, by their means of an hour. Of hours in which one is
    lost rule phase_loss tells."""

    name = "unbalance"
    needs = tuple(("hourly", phase) for phase in CURRENTS)

    def applies(self, place: Place, limits: Limits) -> bool:
        return all(phase in place.points for phase in CURRENTS)

    def lookback(self, limits: Limits) -> int:
        return 3

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        currents = np.stack([history.hourly[phase].mean for phase in CURRENTS])
        mean = currents.mean(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.where(currents.min(axis=0) < CARRIES * mean, 0.0, currents.max(axis=0) / mean - 1.0)
        hours, looked = self._unbalanced(history, mean, apart, limits)
        bad, known = hours >= column(limits, "hours"), looked >= column(limits, "hours")
        for stretch in stretches(bad, known):
            row, last = stretch.row, stretch.past - 1
            part = dict(history.by_day(history.hours))[last]
            phases = [float(np.nanmean(current[row, part])) for current in currents]
            day, count = date(int(history.days[last]), history.zone), int(hours[row, last])
            worst = max(phases) / (sum(phases) / 3) - 1
            shown = " / ".join(number(phase) for phase in phases)
            yield self.finding(
                history.places[row],
                span(stretch, history.days),
                (
                    f"三相电流不平衡：{day} 有 {count} 小时不平衡度超过 {percent(limits[row]['share'])}，当日 "
                    f"A/B/C 相平均 {shown} A，不平衡度 {percent(worst)}",
                    f"phase currents are unbalanced: on {day} by more than {percent(limits[row]['share'])} for {count} "
                    f"h; the day's means of A / B / C are {shown} A, an unbalance of {percent(worst)}",
                ),
                {"day": day, "hours": count, "currents": phases, "unbalance": worst},
            )

    def _unbalanced(
        self, history: History, mean: Matrix, apart: Matrix, limits: Sequence[Limits]
    ) -> tuple[Matrix, Matrix]:
        """Hours of each day that are unbalanced, and hours looked at: those with enough load."""
        shape = history.shape(history.days)
        hours, looked = np.zeros(shape), np.zeros(shape)
        over: Bools = apart > column(limits, "share")
        for day, part in history.by_day(history.hours):
            there = np.nan_to_num(mean[:, part])
            highest = there.max(axis=1, initial=0.0)[:, None]
            loaded = (there > 0) & (there >= column(limits, "load") * highest)
            looked[:, day] = loaded.sum(axis=1)
            hours[:, day] = (loaded & over[:, part]).sum(axis=1)
        return hours, looked


RULE = Unbalance()
