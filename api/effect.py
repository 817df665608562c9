"""What an edit did: the intervals it touches, before and after."""

from __future__ import annotations

from typing import Any

import numpy as np

from api.series import QUALITY
from api.times import local
from config.quality import Quality
from config.samples import Instants
from storage.edits import Touched
from storage.intervals import IntervalColumns


def effect(before: IntervalColumns, after: IntervalColumns, touched: Touched) -> dict[str, Any]:
    """The sums of both, and both interval by interval; null where nothing is known."""
    starts = np.union1d(before.start, after.start)
    shown: dict[str, Any] = {"start": [local(at, touched.zone) for at in starts.tolist()]}
    for name, columns in (("before", before), ("after", after)):
        shown[name], shown[f"quality_{name}"] = _aligned(columns, starts)
    return {"before": _sum(before), "after": _sum(after), "intervals": shown}


def _aligned(columns: IntervalColumns, starts: Instants) -> tuple[list[float | None], list[str]]:
    place = np.searchsorted(starts, columns.start)
    value = np.full(len(starts), np.nan)
    quality = np.full(len(starts), int(Quality.MISSING))
    value[place], quality[place] = columns.consumption, columns.quality
    return [None if one != one else one for one in value.tolist()], [QUALITY[code] for code in quality.tolist()]


def _sum(columns: IntervalColumns) -> float | None:
    known = columns.consumption[~np.isnan(columns.consumption)]
    return float(known.sum()) if len(known) else None
