"""What a metering point counts against the sum of those below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, date, number, percent
from alerts.history import Bools, History, Matrix, Place, Stretch, column, lasting, span
from config.rules import Limits


class Balance(Inspection):
    """About the metering point above. Only days are judged of which all is known on both sides."""

    name = "balance"
    needs = (("daily", ""),)
    together = True

    def lookback(self, limits: Limits) -> int:
        return int(limits["days"]) + 7

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        parents = children_of(history.places)
        whole, value = history.whole(), history.daily[""].value
        below, known = np.zeros(value.shape), np.zeros(value.shape, bool)
        for parent, children in parents.items():
            signs = np.array([sign(history.places[parent], history.places[child]) for child in children])
            below[parent] = signs @ np.nan_to_num(value[children])
            known[parent] = whole[parent] & whole[children].all(axis=0) & (value[parent] > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            loss = (value - below) / value
        bad = known & outside(loss, limits)
        for stretch in lasting(bad, known, column(limits, "days")):
            yield self._found(history, limits[stretch.row], stretch, below, loss, len(parents[stretch.row]))

    def _found(
        self, history: History, limits: Limits, stretch: Stretch, below: Matrix, loss: Matrix, children: int
    ) -> Finding:
        place, row, last = history.places[stretch.row], stretch.row, stretch.past - 1
        above, under, lost = history.daily[""].value[row, last], below[row, last], loss[row, last]
        bounds = [None if limits[key] is None else float(limits[key]) for key in ("min_loss", "max_loss")]
        nearest = bounds[1] if bounds[1] is not None and lost > bounds[1] else bounds[0]
        amount = np.nansum(np.abs(loss - (nearest or 0.0))[row, stretch.first : stretch.past]
                           * history.daily[""].value[row, stretch.first : stretch.past])  # fmt: skip
        day, days = date(int(history.days[last]), history.zone), stretch.past - stretch.first
        low, high = (None if bound is None else percent(bound) for bound in bounds)
        zh = (
            f"与下级不平衡：{day} 计 {number(above)} {place.unit}，其下 {children} 个计量点之和 "
            f"{number(under)} {place.unit}，损耗率 {percent(lost)}，"
            f"允许 {low or '不限'} 至 {high or '不限'}，已 {days} 天"
        )
        en = (
            f"does not balance with those below: on {day} it counted {number(above)} {place.unit}, the {children} "
            f"below {number(under)} {place.unit}, a loss of {percent(lost)} where {low or 'any'} to {high or 'any'} "
            f"is allowed, for {days} d"
        )
        evidence = {
            "day": day, "value": float(above), "below": float(under), "loss": float(lost), "children": children,
            "min_loss": bounds[0], "max_loss": bounds[1], "days": days,
        }  # fmt: skip
        return self.finding(place, span(stretch, history.days), (zh, en), evidence, amount=float(amount))


def children_of(places: Sequence[Place]) -> dict[int, list[int]]:
    """Rows of those below, of the same carrier, by the row of each metering point that has any; none where one of them
    is not measured itself, as virtual ones are."""
    row_of = {(place.subject.uscc, place.subject.metering_point): row for row, place in enumerate(places)}
    found: defaultdict[int, list[int]] = defaultdict(list)
    for row, place in enumerate(places):
        above = row_of.get((place.subject.uscc, place.parent))
        if above is not None and place.carrier == places[above].carrier:
            found[above].append(row)
    return {above: rows for above, rows in found.items() if all(places[row].register for row in rows)}


def sign(parent: Place, child: Place) -> float:
    """What is generated below a metering point comes in beside what it counts itself."""
    return -1.0 if child.direction == "generation" and parent.direction in ("import", "internal") else 1.0


def outside(loss: Matrix, limits: Sequence[Limits]) -> Bools:
    """A bound that is off allows everything."""
    return (loss < column(limits, "min_loss")) | (loss > column(limits, "max_loss"))


RULE = Balance()
