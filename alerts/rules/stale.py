"""A metering point of which readings keep coming but nothing moves: a gateway or meter that repeats itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, clock, quantities_en, quantities_zh
from alerts.history import Bools, History, Matrix, Place, Stretch, column, span, stretches
from config.quantities import QUANTITIES
from config.rules import Limits

LIVELY = tuple(name for name, quantity in QUANTITIES.items() if quantity.kind == "instant")


class Stale(Inspection):
    """Told only where an instantaneous quantity other than zero is measured: a register that stands still, or a power
    of zero, may be the truth. A source whose time stands still stores no new reading: that is rule gap's."""

    name = "stale"
    needs = (("hourly", ""), *(("hourly", name) for name in LIVELY))

    def applies(self, place: Place, limits: Limits) -> bool:
        return any(quantity in place.points for quantity in LIVELY)

    def lookback(self, limits: Limits) -> int:
        return -(-int(limits["hours"]) // 24) + 1

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        still, alive, count = self._standing(history)
        hours = column(limits, "hours")
        for stretch in stretches(still & alive, count > 0):
            came = count[stretch.row, stretch.first : stretch.past].sum()
            if stretch.past - stretch.first >= hours[stretch.row, 0] and came >= limits[stretch.row]["count"]:
                yield self._found(history, stretch, int(came))

    def _standing(self, history: History) -> tuple[Bools, Bools, Matrix]:
        """Hours in which no quantity moved, and went on from the hour before; those in which something other than zero
        is measured; how many readings of one quantity came."""
        shape = history.shape(history.hours)
        still, alive, count = np.ones(shape, bool), np.zeros(shape, bool), np.full(shape, np.inf)
        for name, found in history.hourly.items():
            there = found.count > 0
            before = np.column_stack((found.high[:, :1], found.high[:, :-1]))
            moved = there & ((found.low != found.high) | (found.high != before))
            still &= ~moved
            if name in LIVELY:
                alive |= there & (found.high != 0)
            count = np.where(there, np.minimum(count, found.count), count)
        none = np.isinf(count)
        return still & ~none, alive, np.where(none, 0.0, count)

    def _found(self, history: History, stretch: Stretch, came: int) -> Finding:
        place, hours = history.places[stretch.row], stretch.past - stretch.first
        since = clock(int(history.hours[stretch.first]), history.zone)
        held = {
            name: float(found.high[stretch.row, stretch.first])
            for name, found in history.hourly.items()
            if found.count[stretch.row, stretch.first] and name
        }
        names = tuple(held)
        zh = f"自 {since} 起 {hours} 小时收到 {came} 条读数但数值不变（{quantities_zh(names)}），疑似停滞"
        en = f"nothing moves for {hours} h since {since} though {came} readings came ({quantities_en(names)})"
        return self.finding(
            place,
            span(stretch, history.hours),
            (zh, en),
            {"since": since, "hours": hours, "readings": came, "values": held},
        )


RULE = Stale()
