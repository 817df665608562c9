"""The indices that authorities ask for (config/data/quality.toml), each a share with its numerator and denominator."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from api.buckets import MOST, midnight
from api.expected import cadence, longest_interval, owed
from api.problems import bad_parameter
from api.quality.counts import Counts, stored
from api.review.equipping import verification
from api.services import Services
from api.standing import registers
from config.indices import Index, known
from config.samples import MICROSECOND
from storage import views
from storage.columns import instant
from storage.points import Point
from storage.views import Row, Sight

HOUR = 3600 * MICROSECOND
EXACT = 60 * MICROSECOND
"""Statistics of a day may begin so long from midnight."""
CONSISTENT = 0.05
"""By so much of what the registers counted in a month its days may differ from that."""
RELAXED = 3600 * MICROSECOND
"""Readings may be so far apart."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The enterprises seen, or one of them, on the days [first, past) of their zones as known at `now`."""

    served: Services
    sight: Sight
    enterprise: str | None
    first: date
    past: date
    now: int

    def days(self, zone: str) -> Counts:
        """Midnights, with the last day's end."""
        days = range(self.first.toordinal(), self.past.toordinal() + 1)
        return np.array([midnight(date.fromordinal(day), ZoneInfo(zone)) for day in days], np.int64)

    def last(self, zone: str) -> int:
        """The last instant that is over."""
        return min(midnight(self.past, ZoneInfo(zone)), self.now) - 1


@dataclass(slots=True)
class Counted:
    """Numerators and denominators by index."""

    part: Counter[str]
    whole: Counter[str]

    def add(self, index: str, part: Any, whole: Any) -> None:
        self.part[index] += int(part)
        self.whole[index] += int(whole)


async def indices(scope: Scope) -> list[dict[str, Any]]:
    """Every index there is, in the order of the file, then those that are not known. Raises Problem."""
    rows = await views.enterprises(scope.served.database, scope.sight, uscc=scope.enterprise)
    seen = {row["uscc"] for row in rows}
    zones: defaultdict[str, list[Point]] = defaultdict(list)
    for point in registers(scope.served.points).values():
        if point.uscc in seen:
            zones[point.zone].append(point)
    if sum(map(len, zones.values())) * (scope.past - scope.first).days > MOST:
        raise bad_parameter("region", f"days times metering points may be {MOST}; ask for less", "span-too-long")
    counted = Counted(Counter(), Counter())
    for zone, points in zones.items():
        await _of_points(scope, zone, points, counted)
    await _of_instruments(scope, counted)
    unknown = [{**one.model_dump(), **_UNKNOWN} for one in known().unknown]
    return [_item(index, counted) for index in known().index] + unknown


_UNKNOWN = dict.fromkeys(
    ("formula_zh", "formula_en", "numerator", "denominator", "value", "demanded", "meets", "verified")
)


def _item(index: Index, counted: Counted) -> dict[str, Any]:
    part, whole = counted.part[index.name], counted.whole[index.name]
    value = round(part / whole, 6) if whole else None
    meets = None if value is None or index.demanded is None else value >= index.demanded
    return {**index.model_dump(), "numerator": part, "denominator": whole, "value": value, "meets": meets}


async def _of_points(scope: Scope, zone: str, points: Sequence[Point], counted: Counted) -> None:
    days = scope.days(zone)
    found = await stored(scope.served.database, points, days, scope.now)
    due = found["expected"].sum(axis=1) > 0
    came = found["readings"].sum(axis=1) > 0
    counted.add("data_completeness", found["received"].sum(), found["expected"].sum())
    counted.add("yunnan_complete", (due & came).sum(), due.sum())
    counted.add("start_of_statistics", sum(_at_midnight(point, days) for point in points), len(points))
    last = scope.last(zone)
    apart = [step for point in points if (step := cadence(point, last)) is not None]
    counted.add("acquisition_interval", sum(step <= RELAXED for step in apart), len(apart))
    await _hours(scope, zone, points, days, counted)
    await _consistency(scope, points, days, found["expected"], counted)


def _at_midnight(point: Point, days: Counts) -> bool:
    """Whether the intervals from which days are summed begin when days do."""
    after = -days[:-1] % longest_interval([point], int(days[0]), int(days[-1]))
    return bool((after <= EXACT).all())


async def _hours(scope: Scope, zone: str, points: Sequence[Point], days: Counts, counted: Counted) -> None:
    """Of points whose intervals are not longer than an hour."""
    start, past = int(days[0]), int(days[-1])
    hourly = [point for point in points if longest_interval([point], start, past) <= HOUR]
    hours = np.arange(start // HOUR, -(-past // HOUR) + 1, dtype=np.int64) * HOUR
    due: dict[Any, int] = {}
    for key, point in {(point.schedule, point.grid): point for point in hourly}.items():
        due[key] = int((owed(point, hours, scope.now).covered == HOUR).sum())
    ids = np.array([point.id for point in hourly], np.int32)
    measured = await views.measured_hours(scope.served.database, ids, start, past, zone)
    for point in hourly:
        wanted = due[point.schedule, point.grid]
        counted.add("hourly_completeness", min(measured.get(point.id, 0), wanted), wanted)


async def _consistency(scope: Scope, points: Sequence[Point], days: Counts, expected: Counts, counted: Counted) -> None:
    """Of points that were proved on every day that is over and of which readings were due."""
    over = days[1:] <= scope.now
    wanted = ((expected > 0) & over[None, :]).sum(axis=1)
    ids = np.array([point.id for point in points], np.int32)
    last = date.fromordinal(scope.past.toordinal() - 1)
    proved = await views.proved(scope.served.database, ids, scope.first, last)
    for point, many in zip(points, wanted.tolist(), strict=True):
        done, register, intervals = proved.get(point.id, (0, 0.0, 0.0))
        if many and done >= many:
            agrees = abs(intervals - register) <= CONSISTENT * abs(register)
            counted.add("consistency", agrees, 1)


async def _of_instruments(scope: Scope, counted: Counted) -> None:
    at = scope.last("Asia/Shanghai")
    rows = await views.instruments(scope.served.database, scope.sight, instant(at), enterprise=scope.enterprise)
    used = [row for row in rows if row["metering_point"] is not None and row["state"] != "out_of_use"]
    counted.add("yunnan_accurate", sum(verification(row) == "in_date" for row in used), len(used))
    counted.add("automatic_collection", sum(_is_read(scope, row, at) for row in used), len(used))


def _is_read(scope: Scope, row: Row, at: int) -> bool:
    """Whether readings of where an instrument stands were expected at an instant."""
    table = scope.served.points
    there: Mapping[str, int] = table.by_metering_point.get((row["uscc"], row["metering_point"]), {})
    return any(cadence(table.points[point], at) is not None for point in there.values())
