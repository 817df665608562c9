"""What an edit did or would do: the intervals it touches, before and after."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from api.series import QUALITY
from api.times import local
from config.quality import Quality
from config.samples import Instants

MOST = 5_000
"""Intervals written out; all are summed."""


class Columns(Protocol):
    """Intervals sorted by start; consumption NaN: there is none."""

    @property
    def start(self) -> ArrayLike: ...
    @property
    def consumption(self) -> ArrayLike: ...
    @property
    def quality(self) -> ArrayLike: ...


def effect(before: Columns, after: Columns, zone: str) -> dict[str, Any]:
    """The sums of both, and both interval by interval; null where nothing is known."""
    starts = np.union1d(np.asarray(before.start, np.int64), np.asarray(after.start, np.int64))
    shown: dict[str, Any] = {"start": [local(at, zone) for at in starts[:MOST].tolist()]}
    for name, columns in (("before", before), ("after", after)):
        shown[name], shown[f"quality_{name}"] = _aligned(columns, starts)
    return {"before": _sum(before), "after": _sum(after), "intervals": shown}


def _aligned(columns: Columns, starts: Instants) -> tuple[list[float | None], list[str]]:
    place = np.searchsorted(starts, np.asarray(columns.start, np.int64))
    value = np.full(len(starts), np.nan)
    quality = np.full(len(starts), int(Quality.MISSING))
    value[place], quality[place] = columns.consumption, columns.quality
    shown = value[:MOST].tolist(), quality[:MOST].tolist()
    return [None if one != one else one for one in shown[0]], [QUALITY[code] for code in shown[1]]


def _sum(columns: Columns) -> float | None:
    value = np.asarray(columns.consumption, np.float64)
    known = value[~np.isnan(value)]
    return float(known.sum()) if len(known) else None
