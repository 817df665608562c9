"""How things stand: which meters are online, and how complete readings are, today and over any days."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.buckets import edges
from api.expected import cadence, owed
from api.live import Latest
from config.carriers import carriers, main_quantity
from config.samples import MICROSECOND
from storage import views
from storage.database import Database
from storage.points import Device, Point, PointTable

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
    expected = False
    for point in points:
        last = latest.get(point.id)
        if last and now - last[0] <= ONLINE:
            return True
        step = cadence(point, now)
        if last and step and now - last[0] <= 3 * step:
            return True
        expected = expected or step is not None
    return False if expected else None


def meter_online(device: Device, table: PointTable, latest: Latest, now: int) -> bool | None:
    """`online` of a meter where it is installed now; None too when it is nowhere."""
    for start, past, points in device.points:
        if start <= now and (past is None or now < past):
            return online([table.points[point] for point in points.values()], latest, now)
    return None


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
    conflicts: int = 0

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
            "conflicts": self.conflicts,
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
    expected = _expected(points, days, now)
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
    found["conflicts"] = await _conflicts(db, points, days, zone)
    if timeliness:
        found |= await _promptness(db, points, days, zone)
    return found


def readings_of(point: Point, microseconds: int) -> int:
    """About as many readings a point has in that time at its shortest cadence."""
    cadences: Iterable[int] = (cadence_s for _, cadence_s in point.schedule if cadence_s)
    return microseconds // (min(cadences, default=900) * 1_000_000)


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


async def _conflicts(db: Database, points: Sequence[Point], days: Counts, zone: str) -> Counts:
    counts = np.zeros((len(points), len(days) - 1), np.int64)
    row_of = {point.id: row for row, point in enumerate(points)}
    for point, day, many in await views.conflicts(db, list(row_of), int(days[0]), int(days[-1]), zone):
        counts[row_of[point], int(np.searchsorted(days, day, "right")) - 1] = many
    return counts


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
        self._working = asyncio.Lock()

    async def get(self, db: Database, table: PointTable, latest: Latest, now: int) -> Mapping[str, Standing]:
        """By enterprise; those without a meter may be absent."""
        async with self._working:
            if time.monotonic() - self._made >= _FRESH_S:
                self._found = await _standings(db, table, latest, now)
                self._made = time.monotonic()
        return self._found


async def _standings(db: Database, table: PointTable, latest: Latest, now: int) -> dict[str, Standing]:
    found: defaultdict[str, Standing] = defaultdict(Standing)
    for device in table.devices.values():
        is_online = meter_online(device, table, latest, now)
        found[device.uscc].online += is_online is True
        found[device.uscc].offline += is_online is False
    by_zone: defaultdict[str, list[Point]] = defaultdict(list)
    for point in registers(table).values():
        by_zone[point.zone].append(point)
    for zone, points in by_zone.items():
        columns = await tallies(db, points, edges("1d", now, now + 1, zone), zone, now, timeliness=False)
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for row, point in enumerate(points):
            rows[point.uscc].append(row)
        for uscc, own in rows.items():
            found[uscc].today.add(columns, (own, 0))
    return found
