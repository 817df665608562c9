"""Readings that come long after they were taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date, number, percent
from alerts.history import History, column, span, stretches
from config.rules import Limits


class Late(Inspection):
    """About a metering point, by the register that counts its carrier. Back-filled readings are no late ones."""

    name = "late"
    needs = (("delays", ""),)

    def lookback(self, limits: Limits) -> int:
        return 3

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        came, behind = history.delays
        known = came > 0
        share = np.divide(behind, came, out=np.zeros_like(came), where=known)
        bad = (share >= column(limits, "share")) & (behind >= column(limits, "count"))
        for stretch in stretches(bad, known):
            cells = stretch.row, slice(stretch.first, stretch.past)
            count, part = int(behind[cells].sum()), float(behind[cells].sum() / came[cells].sum())
            since, delay = date(int(history.days[stretch.first]), history.zone), limits[stretch.row]["delay_s"]
            days = stretch.past - stretch.first
            yield self.finding(
                history.places[stretch.row],
                span(stretch, history.days),
                (
                    f"自 {since} 起 {days} 天内有 {count} 条读数（{percent(part)}）晚于其时刻 "
                    f"{number(delay)} 秒以上才收到",
                    f"in {days} d since {since}, {count} readings ({percent(part)}) came more than {number(delay)} s "
                    "after their time",
                ),
                {"since": since, "days": days, "count": count, "share": part, "delay_s": delay},
            )


RULE = Late()
