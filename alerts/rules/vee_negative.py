"""VEE: intervals with a negative consumption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, clock, number
from alerts.history import History, column, span, stretches
from config.rules import Limits


class VeeNegative(Inspection):
    """About a metering point and day."""

    name = "vee_negative"
    needs = (("quarterly", ""),)

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        value = np.nan_to_num(history.quarterly[""].value)
        count = np.zeros(history.shape(history.days))
        parts = dict(history.by_day(history.quarters))
        for day, part in parts.items():
            count[:, day] = (value[:, part] < 0).sum(axis=1)
        bad = count >= column(limits, "count")
        for stretch in stretches(bad, np.ones_like(bad)):
            row, place = stretch.row, history.places[stretch.row]
            inside = slice(parts[stretch.first].start, parts[stretch.past - 1].stop)
            below = np.minimum(value[row, inside], 0.0)
            first = clock(int(history.quarters[inside.start + int(np.flatnonzero(below)[0])]), history.zone)
            many, energy = int((below < 0).sum()), float(below.sum())
            yield self.finding(
                place,
                span(stretch, history.days),
                (
                    f"自 {first} 起有 {many} 个区间用量为负，合计 {number(energy)} {place.unit}",
                    f"{many} intervals since {first} are negative, {number(energy)} {place.unit} in all",
                ),
                {"since": first, "intervals": many, "energy": energy},
                amount=-energy,
            )


RULE = VeeNegative()
