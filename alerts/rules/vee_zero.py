"""VEE: nothing is consumed though readings come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date
from alerts.history import History, column, lasting, span
from config.rules import Limits


class VeeZero(Inspection):
    """About a metering point; only days count of which all is known."""

    name = "vee_zero"
    needs = (("daily", ""),)

    def lookback(self, limits: Limits) -> int:
        return int(limits["days"]) + 1

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        known = history.whole()
        bad = known & (np.nan_to_num(history.daily[""].value, nan=1.0) == 0)
        for stretch in lasting(bad, known, column(limits, "days")):
            since, days = date(int(history.days[stretch.first]), history.zone), stretch.past - stretch.first
            yield self.finding(
                history.places[stretch.row],
                span(stretch, history.days),
                (
                    f"自 {since} 起 {days} 天读数齐全但用量为零",
                    f"for {days} d since {since} readings came but nothing was consumed",
                ),
                {"since": since, "days": days},
            )


RULE = VeeZero()
