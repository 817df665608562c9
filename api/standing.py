"""How things stand: which meters are online, and how complete readings are, today and over any days."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.buckets import edges
from api.consumption import main_quantity
from api.expected import cadence, owed
from api.live import Latest
from api.times import DAY
from config.carriers import carriers
from config.samples import MICROSECOND
from storage import views
from storage.database import Database
from storage.points import Point, PointTable

ONLINE = 900 * MICROSECOND
"""A meter counts as online for three cadences, at least this long."""
PROMPT_S = 900
"""A reading is in time when it is received so many seconds after its own time."""
MOST_READINGS = 2_000_000
"""Readings that are looked at for timeliness in one answer."""
_FRESH_S = 3.0

Counts = NDArray[np.int64]


def online(points: Iterable[Point], latest: Latest, now: int) -> bool | None:
    """Whether any of a meter's points has had a reading lately; None: none is expected and none came."""
    due = [(point, cadence(point, now)) for point in points]
    if any((last := latest.get(point.id)) and now - last[0] <= max(3 * (step or 0), ONLINE) for point, step in due):
        return True
    return False if any(step for _, step in due) else None


def meters_online(table: PointTable, latest: Latest, now: int) -> dict[tuple[str, str], bool | None]:
    """`online` of every meter installed now, by (enterprise, code)."""
    found: dict[tuple[str, str], bool | None] = {}
    for key, device in table.devices.items():
        for start, past, points in device.points:
            if start <= now and (past is None or now < past):
                found[key] = online([table.points[point] for point in points.values()], latest, now)
    return found


def registers(table: PointTable) -> dict[tuple[str, str], Point]:
    """The register point of each metering point by which its completeness is judged."""
    found: dict[tuple[str, str], Point] = {}
    for key, points in table.by_metering_point.items():
        carrier = carriers().get(table.points[next(iter(points.values()))].carrier)
        quantity = carrier and main_quantity(carrier, "import", points)
        if quantity:
            found[key] = table.points[points[quantity]]
    return found


@dataclass(slots=True)
class Tally:
    """Counts over some points and days."""

    expected: int = 0
    received: int = 0
    intervals: int = 0
    estimated: int = 0
    readings: int = 0
    prompt: int = 0

    @property
    def completeness(self) -> float | None:
        return _share(self.received, self.expected)

    def add(self, columns: Mapping[str, Counts], cells: Any) -> None:
        """Add some cells of the matrices of `tallies`."""
        for name, matrix in columns.items():
            setattr(self, name, getattr(self, name) + int(matrix[cells].sum()))

    def shares(self) -> dict[str, int | float | None]:
        """As /v1/quality shows it."""
        return {
            "expected": self.expected,
            "received": self.received,
            "completeness": self.completeness,
            "estimated_share": _share(self.estimated, self.intervals),
            "timeliness": _share(self.prompt, self.readings),
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


async def tallies(
    db: Database, points: Sequence[Point], days: NDArray[np.int64], zone: str, now: int, *, timeliness: bool
) -> dict[str, Counts]:
    """Matrices of counts, a row per point and a column per day; `days`: midnights in `zone`, with the last day's end.

    What is received beyond what was expected does not count.
    """
    shape = (len(points), len(days) - 1)
    expected = np.stack([owed(point, days, now).readings for point in points]) if points else np.zeros(shape, np.int64)
    found = {"expected": expected} | {
        name: np.zeros(shape, np.int64) for name in ("received", "intervals", "estimated")
    }
    ids = np.array([point.id for point in points], np.int32)
    order = np.argsort(ids)
    rows = await views.consumption(db, ids, "day", int(days[0]), int(days[-1]))
    place = (order[np.searchsorted(ids[order], rows.point)], np.searchsorted(days, rows.start, "right") - 1)
    for name in ("received", "intervals", "estimated"):
        found[name][place] = getattr(rows, name)
    found["received"] = np.minimum(found["received"], expected)
    if timeliness:
        found |= await _promptness(db, points, days, zone)
    return found


async def _promptness(db: Database, points: Sequence[Point], days: Counts, zone: str) -> dict[str, Counts]:
    readings, prompt = (np.zeros((len(points), len(days) - 1), np.int64) for _ in range(2))
    row_of = {point.id: row for row, point in enumerate(points)}
    counted = await views.promptness(db, list(row_of), int(days[0]), int(days[-1]), PROMPT_S, zone)
    for point, day, many, in_time in counted:
        place = row_of[point], int(np.searchsorted(days, day, "right")) - 1
        readings[place], prompt[place] = many, in_time
    return {"readings": readings, "prompt": prompt}


@dataclass(slots=True)
class Standing:
    """An enterprise now."""

    online: int = 0
    offline: int = 0
    today: Tally = field(default_factory=Tally)


class Standings:
    """The standing of every enterprise, worked out at most every few seconds."""

    def __init__(self) -> None:
        self._made = -_FRESH_S
        self._found: dict[str, Standing] = {}

    async def get(self, db: Database, table: PointTable, latest: Latest, now: int) -> Mapping[str, Standing]:
        """By enterprise; those without a meter may be absent."""
        if time.monotonic() - self._made >= _FRESH_S:
            self._found = await _standings(db, table, latest, now)
            self._made = time.monotonic()
        return self._found


async def _standings(db: Database, table: PointTable, latest: Latest, now: int) -> dict[str, Standing]:
    found: defaultdict[str, Standing] = defaultdict(Standing)
    for (uscc, _), is_online in meters_online(table, latest, now).items():
        found[uscc].online += is_online is True
        found[uscc].offline += is_online is False
    by_zone: defaultdict[str, list[Point]] = defaultdict(list)
    for point in registers(table).values():
        by_zone[point.zone].append(point)
    for zone, points in by_zone.items():
        today = edges("1d", now, min(now + 1, now + DAY), zone)
        columns = await tallies(db, points, today, zone, now, timeliness=False)
        for row, point in enumerate(points):
            found[point.uscc].today.add(columns, (row, 0))
    return found
