"""What the clocks of a zone show, for whole columns of instants."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from config.samples import MICROSECOND, Instants


@lru_cache(maxsize=1024)
def clock_changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """(since when, seconds from UTC) for every offset in force in a UTC year."""
    clock = ZoneInfo(zone)

    def offset(second: int) -> int:
        shift = datetime.fromtimestamp(second, clock).utcoffset()
        assert shift is not None
        return int(shift.total_seconds())

    start, end = (int(datetime(one, 1, 1, tzinfo=UTC).timestamp()) for one in (year, year + 1))
    found = [(start * MICROSECOND, offset(start))]
    for low in range(start, end, 86_400):
        high = min(low + 86_400, end)
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == found[-1][1] else (low, middle)
        found.append((high * MICROSECOND, offset(high)))
    return tuple(found)


def offsets(first: int, last: int, zone: str) -> tuple[Instants, Instants]:
    """(since when, microseconds from UTC) of those in force from `first` to `last`, both microseconds."""
    begin, end = (datetime.fromtimestamp(at // MICROSECOND, UTC).year for at in (first, last))
    changes = np.array([change for year in range(begin, end + 1) for change in clock_changes(zone, year)], np.int64)
    return changes[:, 0], changes[:, 1] * MICROSECOND


def local(instants: Instants, zone: str) -> Instants:
    """What the zone's clock shows, as if that were UTC."""
    if not len(instants):
        return instants
    since, offset = offsets(int(instants.min()), int(instants.max()), zone)
    shown: Instants = instants + offset[np.searchsorted(since, instants, "right") - 1]
    return shown
