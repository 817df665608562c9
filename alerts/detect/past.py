"""What the statistics of a series have been: how much is usual for it, and so how much it takes to tell."""

from __future__ import annotations

import numpy as np

from alerts.detect.memory import HOURS, Array, median
from alerts.detect.statistics import SIGNS

RECENT = 98
"""Days in which a change is remembered."""
SLOWLY = 45
"""Days that a drift takes to show: so many are left out before it is compared with its own past."""
REMEMBERED = 0.7
"""Of a change that was told."""
LEAST = 0.6
"""Share of its floor that a statistic must exceed at least, of the steadiest series."""
UNKNOWN = 0.3
"""Usual error of an expected hour, in mean hourly loads, while it is not known."""


class Past:
    """Rows as in Memory."""

    def __init__(self) -> None:
        self._value = {name: np.empty(0) for name in SIGNS}
        self._error = np.empty((0, HOURS))

    def __len__(self) -> int:
        return len(self._error)

    def add(self, count: int) -> None:
        for name, value in self._value.items():
            self._value[name] = np.concatenate([value, np.zeros(count)])
        self._error = np.concatenate([self._error, np.full((count, HOURS), np.nan)])

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

    def remember(self, names: tuple[str, ...], first: int, past: int, size: float) -> None:
        """That a change of this size was told of these days: the next of its kind must be as large."""
        for name in names:
            self._value[name][first:past] = REMEMBERED * size

    def value(self, name: str, row: int) -> float:
        return float(self._value[name][row])

    def hourly(self, row: int) -> Array:
        """Mean error of an expected hour in the six weeks before, by hour of the day, in mean hourly loads."""
        known = self._error[max(row - 42, 0) : row]
        known = known[~np.isnan(known[:, 0])]
        usual: Array = known.mean(axis=0) if len(known) >= 7 else np.full(HOURS, UNKNOWN)
        return np.maximum(usual, 0.01)

    def usual(self, row: int) -> float:
        """Mean error of an expected hour in the six weeks before, in mean hourly loads."""
        known = self._error[max(row - 42, 0) : row].mean(axis=1)
        known = known[~np.isnan(known)]
        return max(float(median(known)), 0.02) if len(known) >= 7 else UNKNOWN

    def told(self, name: str, row: int) -> bool:
        """Whether the statistic says something on this day."""
        value = abs(float(self._value[name][row]))
        return value > SIGNS[name].floor * LEAST and value > self.needed(name, row)

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
