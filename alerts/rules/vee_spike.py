"""VEE: the highest interval of a day against its third-highest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, clock, number
from alerts.history import History, column, span, stretches
from config.rules import Limits


class VeeSpike(Inspection):
    """About a metering point and day with at least three intervals."""

    name = "vee_spike"
    needs = (("quarterly", ""),)

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        value = history.quarterly[""].value
        shape = history.shape(history.days)
        first, third, at = np.zeros(shape), np.full(shape, np.nan), np.zeros(shape, np.int64)
        for day, part in history.by_day(history.quarters):
            there = np.where(np.isnan(value[:, part]), -np.inf, value[:, part])
            at[:, day] = there.argmax(axis=1) + part.start
            highest = np.sort(there, axis=1)[:, -3:]
            first[:, day], third[:, day] = highest[:, 2], highest[:, 0]
        known = np.isfinite(third) & (third > 0)
        ratio = np.divide(first - third, third, out=np.zeros(shape), where=known)
        bad = known & (ratio > column(limits, "ratio")) & (first >= column(limits, "least"))
        for stretch in stretches(bad, known):
            row, day = stretch.row, stretch.first
            place, instant = history.places[row], clock(int(history.quarters[at[row, day]]), history.zone)
            top, other, found = float(first[row, day]), float(third[row, day]), float(ratio[row, day])
            yield self.finding(
                place,
                span(stretch, history.days),
                (
                    f"{instant} 的区间用量 {number(top)} {place.unit} 比当日第三大的 "
                    f"{number(other)} {place.unit} 高 {number(found)} 倍，允许 {number(limits[row]['ratio'])} 倍",
                    f"the interval at {instant} has {number(top)} {place.unit}, above the day's "
                    f"third-highest of {number(other)} {place.unit} by {number(found)} times that; "
                    f"{number(limits[row]['ratio'])} is allowed",
                ),
                {"at": instant, "highest": top, "third": other, "ratio": found},
                amount=top - other,
            )


RULE = VeeSpike()
