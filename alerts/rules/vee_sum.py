"""VEE: the intervals of a day against the difference of the register."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date, number
from alerts.history import Consumption, History, Matrix, column, span, stretches
from config.rules import Limits


class VeeSum(Inspection):
    """About a metering point and day with a reading in its last hour and in the last hour of the day before.

    Those readings lie up to a cadence before midnight, so what the highest interval of the day holds is allowed beside
    the tolerance. A register that fell that day is not judged: it rolled over or began anew.
    """

    name = "vee_sum"
    needs = (("daily", ""), ("quarterly", ""), ("hourly", ""))

    def lookback(self, limits: Limits) -> int:
        return 2

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        booked = history.daily[""].value
        grown, highest = self._register(history), self._highest(history, history.quarterly[""])
        known = np.isfinite(grown) & (grown >= 0) & np.isfinite(booked)
        allowed = column(limits, "multipliers") * self._multipliers(history) + highest
        apart = np.where(known, booked - grown, 0.0)
        for stretch in stretches(known & (np.abs(apart) > allowed), known):
            row, day, place = stretch.row, stretch.first, history.places[stretch.row]
            when, sums = date(int(history.days[day]), history.zone), (float(booked[row, day]), float(grown[row, day]))
            tolerance = float(allowed[row, day])
            yield self.finding(
                place,
                span(stretch, history.days),
                (
                    f"{when} 区间之和 {number(sums[0])} {place.unit}，表底之差 {number(sums[1])} {place.unit}，"
                    f"允许相差 {number(tolerance)} {place.unit}",
                    f"on {when} the intervals add up to {number(sums[0])} {place.unit}, the register grew by "
                    f"{number(sums[1])} {place.unit}; {number(tolerance)} {place.unit} apart is allowed",
                ),
                {"day": when, "intervals": sums[0], "register": sums[1], "tolerance": tolerance},
                amount=abs(sums[0] - sums[1]),
            )

    def _register(self, history: History) -> Matrix:
        """How much the register grew on each day, by the last reading of the day's last hour."""
        high = history.hourly[""].high
        last = np.full(history.shape(history.days), np.nan)
        for day, part in history.by_day(history.hours):
            if part.stop > part.start:
                last[:, day] = high[:, part.stop - 1]
        return np.diff(last, axis=1, prepend=np.nan)

    def _highest(self, history: History, intervals: Consumption) -> Matrix:
        highest = np.zeros(history.shape(history.days))
        for day, part in history.by_day(history.quarters):
            highest[:, day] = np.nan_to_num(intervals.value[:, part]).max(axis=1, initial=0.0)
        return highest

    def _multipliers(self, history: History) -> Matrix:
        points = [place.point("") for place in history.places]
        last = [point.segments[-1].multiplier if point and point.segments else 1.0 for point in points]
        return np.array(last).reshape(-1, 1)


RULE = VeeSum()
