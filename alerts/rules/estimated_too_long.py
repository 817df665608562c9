"""Days on end of which most is estimated or missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date, percent
from alerts.history import History, column, lasting, span
from config.rules import Limits


class EstimatedTooLong(Inspection):
    """About a metering point that has been measured before; days before its first value are not known."""

    name = "estimated_too_long"
    needs = (("daily", ""),)

    def lookback(self, limits: Limits) -> int:
        return int(limits["days"]) + 28

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        measured = history.daily[""].measured
        unsure = 1.0 - measured / history.lengths
        known = np.maximum.accumulate(measured > 0, axis=1)
        bad = known & (unsure >= column(limits, "share"))
        for stretch in lasting(bad, known, column(limits, "days") + 1):
            place, days = history.places[stretch.row], stretch.past - stretch.first
            since, allowed = date(int(history.days[stretch.first]), history.zone), limits[stretch.row]["days"]
            share = float(unsure[stretch.row, stretch.first : stretch.past].mean())
            value = history.daily[""].value[stretch.row]
            before = value[: stretch.first][known[stretch.row, : stretch.first]]
            amount = float(np.nanmean(before)) * share * days if np.isfinite(before).any() else None
            yield self.finding(
                place,
                span(stretch, history.days),
                (
                    f"自 {since} 起 {days} 天的数据有 {percent(share)} 为估算或缺失，允许连续 {allowed} 天",
                    f"of the {days} d since {since}, {percent(share)} are estimated or missing; {allowed} d in a row "
                    "are allowed",
                ),
                {"since": since, "days": days, "share": share, "allowed_days": allowed},
                amount=amount,
            )


RULE = EstimatedTooLong()
