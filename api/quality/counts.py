"""What quality figures are worked out from: counts per point and local day, the one source for all that tell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.expected import owed
from api.times import local
from storage import views
from storage.database import Database
from storage.points import Point
from storage.quality import Counted, Daily

Counts = NDArray[np.int64]
Matrices = dict[str, Counts]
"""By name of the count; a row per point and a column per day."""

NAMES = (
    "expected", "received", "readings", "prompt", "judged", "plausible", "intervals", "estimated", "edited",
    "conflicts",
)  # fmt: skip
"""All counts: readings due, those that came (of those due), all that came, those in time, those that came or are in
conflict, those of them without doubt; intervals with a value, estimated ones, edited ones; readings in conflict."""


async def stored(db: Database, points: Sequence[Point], days: Counts, now: int) -> Matrices:
    """What schedule and day rollups tell; `days`: midnights in the points' zone, with the last day's end.

    `received` is at most `expected` on any day: more on one must not make up for another.
    """
    expected = _expected(points, days, now)
    found = {"expected": expected, **{name: np.zeros_like(expected) for name in ("readings", *_OF_INTERVALS)}}
    ids = _ids(points)
    rows = await views.consumption(db, ids, "day", int(days[0]), int(days[-1]))
    place = _rows(ids, rows.point), np.searchsorted(days, rows.start, "right") - 1
    found["readings"][place] = rows.received
    for name in _OF_INTERVALS:
        found[name][place] = getattr(rows, name)
    found["received"] = np.minimum(found["readings"], expected)
    return found


_OF_INTERVALS = ("intervals", "estimated", "edited")


async def counts(db: Database, points: Sequence[Point], days: Counts, zone: str, now: int) -> Matrices:
    """All of NAMES, of points in one zone."""
    found = await stored(db, points, days, now)

    async def of(what: Counted) -> Counts:
        daily = await views.daily(db, what, _ids(points), int(days[0]), int(days[-1]), zone)
        return _matrix(daily, points, local(int(days[0]), zone).date().toordinal(), found["expected"].shape)

    found["conflicts"] = await of("conflicts")
    found["prompt"] = np.maximum(found["readings"] - await of("late"), 0)
    found["judged"] = found["readings"] + found["conflicts"]
    found["plausible"] = np.maximum(found["readings"] - await of("doubtful"), 0)
    return {name: found[name] for name in NAMES}


def _matrix(daily: Daily, points: Sequence[Point], first: int, shape: Any) -> Counts:
    matrix = np.zeros(shape, np.int64)
    matrix[_rows(_ids(points), daily.point), daily.day - (first - _EPOCH)] = daily.many
    return matrix


_EPOCH = local(0, "UTC").date().toordinal()


def _ids(points: Sequence[Point]) -> NDArray[np.int32]:
    return np.array([point.id for point in points], np.int32)


def _rows(ids: NDArray[np.int32], found: NDArray[np.int32]) -> NDArray[np.intp]:
    """Where each of these ids stands among the points."""
    order = np.argsort(ids)
    return order[np.searchsorted(ids[order], found)]


def _expected(points: Sequence[Point], days: Counts, now: int) -> Counts:
    """Readings owed, a row per point. Thousands of points share few schedules."""
    known: dict[tuple[Any, ...], Counts] = {}
    found = np.zeros((len(points), len(days) - 1), np.int64)
    for row, point in enumerate(points):
        due = point.schedule, point.grid
        if due not in known:
            known[due] = owed(point, days, now).readings
        found[row] = known[due]
    return found
