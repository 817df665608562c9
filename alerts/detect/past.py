"""What the statistics of a series have been: how much is usual for it, and so how much it takes to tell."""

from __future__ import annotations

import numpy as np

from alerts.detect.memory import Array
from alerts.detect.statistics import SIGNS

RECENT = 98
"""Days in which a change is remembered."""
SLOWLY = 45
"""Days that a drift takes to show: so many are left out before it is compared with its own past."""
UNKNOWN = 0.3
"""Usual error of an expected hour, in mean hourly loads, while it is not known."""


class Past:
    """Rows as in Memory."""

    def __init__(self) -> None:
        self._value = {name: np.empty(0) for name in SIGNS}
        self._error = np.empty(0)

    def __len__(self) -> int:
        return len(self._error)

    def add(self, count: int) -> None:
        for name, value in self._value.items():
            self._value[name] = np.concatenate([value, np.zeros(count)])
        self._error = np.concatenate([self._error, np.full(count, np.nan)])

    def drop(self, count: int) -> None:
        for name, value in self._value.items():
            self._value[name] = value[count:]
        self._error = self._error[count:]

    def put(self, rows: Array, found: dict[str, Array], error: Array) -> None:
        for name, value in found.items():
            self._value[name][rows] = value
        self._error[rows] = error

    def clear(self, row: int) -> None:
        """Forget what was computed of this row and later ones."""
        for value in self._value.values():
            value[row:] = 0.0
        self._error[row:] = np.nan

    def value(self, name: str, row: int) -> float:
        return float(self._value[name][row])

    def usual(self, row: int) -> float:
        """Mean error of an expected hour in the six weeks before, in mean hourly loads."""
        known = self._error[max(row - 42, 0) : row]
        known = known[~np.isnan(known)]
        return max(float(np.median(known)), 0.02) if len(known) >= 7 else UNKNOWN

    def signs(self, row: int) -> list[str]:
        """The statistics that exceed on this day what they must to tell; most are 0."""
        beyond = [name for name in SIGNS if self.value(name, row) != 0]
        return [name for name in beyond if abs(self.value(name, row)) > self.needed(name, row)]

    def needed(self, name: str, row: int) -> float:
        """How much the statistic must exceed on this day."""
        sign = SIGNS[name]
        apart = SLOWLY if name == "drift" else 2 * sign.days
        before = self._value[name][max(row - RECENT, 0) : max(row - apart, 0)]
        most = float(np.abs(before).max(initial=0.0))
        return max(sign.floor * self._steady(name, row), sign.margin * most)

    def _steady(self, name: str, row: int) -> float:
        return (
            float(np.clip(0.55 + 2.0 * self.usual(row), 0.6, 2.0))
            if name in ("gain3", "gain7", "gain14", "drift")
            else 1.0
        )
