"""Stored consumption of a day that does not add up to what the registers counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date, number
from alerts.history import History, span, stretches
from config.rules import Limits


class Conservation(Inspection):
    """About a metering point, by the register that counts its carrier. The reconciler checks each day in the night
    after and has made again what differs; so this stands until it has looked again, or where that does not help."""

    name = "conservation"
    severity = "critical"
    needs = (("proofs", ""),)

    def lookback(self, limits: Limits) -> int:
        return 14

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        unsound, difference = history.proofs
        for stretch in stretches(unsound > 0, np.isfinite(unsound)):
            place, days = history.places[stretch.row], stretch.past - stretch.first
            apart = float(np.nansum(np.abs(difference[stretch.row, stretch.first : stretch.past])))
            since = date(int(history.days[stretch.first]), history.zone)
            yield self.finding(
                place,
                span(stretch, history.days),
                (
                    f"自 {since} 起 {days} 天的存储数据与表计示数不符，相差 {number(apart)} {place.unit}，"
                    "已安排重新计算",
                    f"in {days} d since {since}, what is stored is not what follows from the registers; the energy is "
                    f"{number(apart)} {place.unit} apart; it is made again",
                ),
                {"since": since, "days": days, "difference": apart},
                amount=apart,
            )


RULE = Conservation()
