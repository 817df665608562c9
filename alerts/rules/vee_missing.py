"""VEE: intervals of a day that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date, percent
from alerts.history import History, column, span, stretches
from config.rules import Limits


class VeeMissing(Inspection):
    """About a metering point, from the first day on of which anything is known."""

    name = "vee_missing"
    needs = (("daily", ""),)

    def lookback(self, limits: Limits) -> int:
        return 28

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        seconds = history.daily[""].seconds
        missing = np.maximum(1.0 - seconds / history.lengths, 0.0)
        known = np.maximum.accumulate(seconds > 0, axis=1)
        bad = known & (missing > column(limits, "share"))
        for stretch in stretches(bad, known):
            since, days = date(int(history.days[stretch.first]), history.zone), stretch.past - stretch.first
            share = float(missing[stretch.row, stretch.first : stretch.past].mean())
            yield self.finding(
                history.places[stretch.row],
                span(stretch, history.days),
                (
                    f"自 {since} 起 {days} 天的区间缺少 {percent(share)}，允许 {percent(limits[stretch.row]['share'])}",
                    f"{percent(share)} of the intervals of {days} d since {since} are missing; "
                    f"{percent(limits[stretch.row]['share'])} is allowed",
                ),
                {"since": since, "days": days, "share": share},
            )


RULE = VeeMissing()
