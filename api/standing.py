"""How things stand: which meters are online, and how complete the readings of today are."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.buckets import edges
from api.expected import cadence
from api.live import Latest
from api.quality.counts import stored
from config.carriers import carriers, main_quantity
from config.samples import MICROSECOND
from storage.database import Database
from storage.points import Device, Point, PointTable

ONLINE = 900 * MICROSECOND
"""A meter counts as online for three cadences, at least this long."""
_FRESH_S = 3.0


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
class Standing:
    """An enterprise now."""

    online: int = 0
    offline: int = 0
    expected: int = 0
    """Readings of registers today, so far."""
    received: int = 0

    @property
    def completeness(self) -> float | None:
        return round(self.received / self.expected, 6) if self.expected else None


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
        today = await stored(db, points, edges("1d", now, now + 1, zone), now)
        counts = zip(points, today["expected"][:, 0].tolist(), today["received"][:, 0].tolist(), strict=True)
        for point, expected, received in counts:
            found[point.uscc].expected += expected
            found[point.uscc].received += received
    return found
