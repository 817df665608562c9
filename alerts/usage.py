"""A day's consumption against the same weekdays before: what the VEE checks of high and low usage share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from alerts.finding import Finding, Inspection, date, number
from alerts.history import Bools, History, Matrix, column, span, stretches
from config.rules import Limits

WEEKS = 4
_LEAST = 2
"""Weeks of which the weekday must be known."""


class Usage(Inspection):
    """About a metering point and day, against the mean of the same weekday in the weeks before."""

    needs = (("daily", ""),)
    words: ClassVar[tuple[str, str]]
    """Which side of its bound the ratio is on, in Chinese and English."""

    def lookback(self, limits: Limits) -> int:
        return 7 * WEEKS + 1

    def out_of_bounds(self, ratio: Matrix, bound: Matrix) -> Bools:
        raise NotImplementedError

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        value = np.where(history.whole(), history.daily[""].value, np.nan)
        usual = usual_of_weekday(value)
        known = np.isfinite(value) & (usual > 0)
        ratio = np.divide(value, usual, out=np.ones_like(value), where=known)
        bad = known & self.out_of_bounds(ratio, column(limits, "ratio"))
        for stretch in stretches(bad, known):
            row, day, place = stretch.row, stretch.past - 1, history.places[stretch.row]
            when, bound = date(int(history.days[day]), history.zone), limits[row]["ratio"]
            found, before, times = float(value[row, day]), float(usual[row, day]), float(ratio[row, day])
            yield self.finding(
                place,
                span(stretch, history.days),
                (
                    f"{when} 用量 {number(found)} {place.unit}，为前 {WEEKS} 周同一星期日平均 "
                    f"{number(before)} {place.unit} 的 {times:.2f} 倍，{self.words[0]} {number(bound)} 倍",
                    f"on {when} {number(found)} {place.unit} were consumed, {times:.2f} times the mean of "
                    f"{number(before)} {place.unit} on that weekday in the {WEEKS} weeks before, {self.words[1]} "
                    f"{number(bound)} times",
                ),
                {"day": when, "value": found, "usual": before, "ratio": times},
                amount=abs(found - before),
            )


def usual_of_weekday(value: Matrix) -> Matrix:
    """Of each day the mean of the same weekday in the weeks before; NaN where too few are known."""
    before = np.full((WEEKS, *value.shape), np.nan)
    for week in range(1, WEEKS + 1):
        if value.shape[1] > 7 * week:
            before[week - 1, :, 7 * week :] = value[:, : -7 * week]
    counted = np.isfinite(before).sum(axis=0)
    total = np.nan_to_num(before).sum(axis=0)
    usual: Matrix = np.divide(total, counted, out=np.full(value.shape, np.nan), where=counted >= _LEAST)
    return usual
