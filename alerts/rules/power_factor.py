"""A mean power factor over some days that is too low."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from alerts.finding import Finding, Inspection, date, number
from alerts.history import History, Matrix, Place, span, stretches
from config.rules import Limits

ACTIVE, REACTIVE, BACK = "active_energy_import", "reactive_energy_import", "reactive_energy_export"


class PowerFactor(Inspection):
    """About a metering point with registers of active and reactive energy: kWh / sqrt(kWh² + kvarh²). Reactive energy
    that was fed back counts as what was drawn: too much compensation is as bad as too little."""

    name = "power_factor"
    needs = (("daily", ACTIVE), ("daily", REACTIVE), ("daily", BACK))

    def applies(self, place: Place, limits: Limits) -> bool:
        return ACTIVE in place.points and REACTIVE in place.points

    def lookback(self, limits: Limits) -> int:
        return int(limits["days"]) + 7

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        active, reactive = history.daily[ACTIVE].value, _reactive(history)
        for length in {one["days"] for one in limits}:
            rows = [row for row, one in enumerate(limits) if one["days"] == length]
            if active.shape[1] >= length:
                yield from self._window(history, limits, rows, int(length), (active[rows], reactive[rows]))

    def _window(
        self, history: History, limits: Sequence[Limits], rows: list[int], length: int, energy: tuple[Matrix, Matrix]
    ) -> Iterator[Finding]:
        sums = [sliding_window_view(one, length, axis=1).sum(axis=2) for one in energy]
        known = np.isfinite(sums[0]) & np.isfinite(sums[1]) & (sums[0] > 0)
        factor = np.divide(sums[0], np.hypot(*sums), out=np.ones_like(sums[0]), where=known)
        least = np.array([[limits[row]["least"]] for row in rows])
        for stretch in stretches(known & (factor < least), known):
            row, last = rows[stretch.row], stretch.past - 1
            active, reactive = (float(one[stretch.row, last]) for one in sums)
            found, allowed = float(factor[stretch.row, last]), limits[row]["least"]
            until = date(int(history.days[last + length - 1]), history.zone)
            yield self.finding(
                history.places[row],
                span(stretch, history.days[length - 1 :]),
                (
                    f"截至 {until} 的 {length} 天平均功率因数 {found:.3f}，低于 {allowed:.3f}"
                    f"（有功 {number(active)} kWh，无功 {number(reactive)} kvarh）",
                    f"the mean power factor of the {length} d up to {until} is {found:.3f}, below {allowed:.3f} "
                    f"({number(active)} kWh, {number(reactive)} kvarh)",
                ),
                {"until": until, "days": length, "power_factor": found, "active": active, "reactive": reactive},
            )


def _reactive(history: History) -> Matrix:
    """Of each day, both ways together where both are counted."""
    drawn = history.daily[REACTIVE].value
    both = np.array([[BACK in place.points] for place in history.places])
    return np.where(both, drawn + history.daily[BACK].value, drawn) if both.any() else drawn


RULE = PowerFactor()
