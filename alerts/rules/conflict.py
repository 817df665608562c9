"""Different readings for the same instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date
from alerts.history import History, column, span, stretches
from config.rules import Limits


class Conflict(Inspection):
    """About a metering point, all its quantities together. The first reading stays; the others are kept beside it."""

    name = "conflict"
    needs = (("conflicts", ""),)

    def lookback(self, limits: Limits) -> int:
        return 7

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        bad = history.conflicts >= column(limits, "count")
        for stretch in stretches(bad, np.ones_like(bad)):
            count = int(history.conflicts[stretch.row, stretch.first : stretch.past].sum())
            since = date(int(history.days[stretch.first]), history.zone)
            days = stretch.past - stretch.first
            yield self.finding(
                history.places[stretch.row],
                span(stretch, history.days),
                (
                    f"自 {since} 起 {days} 天内有 {count} 条读数与同一时刻已存的读数不同，已存的保留",
                    f"in {days} d since {since}, {count} readings differed from the stored one of the same time; the "
                    "stored ones stay",
                ),
                {"since": since, "days": days, "count": count},
            )


RULE = Conflict()
