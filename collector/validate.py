"""What can never be stored: one function per check, each naming its reason. What is refused goes to quarantine.

Checks look at whole columns. To add one, write a function and put it into REFUSALS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.samples import MICROSECOND, Flags, Instants, Points, SampleBatch, Values
from storage.points import PointTable

Mask = NDArray[np.bool_]

EARLIEST = 946_684_800 * MICROSECOND
"""2000-01-01T00:00Z"""
AHEAD = 300 * MICROSECOND
"""A reading's time may be this much after we got it."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings on their way to the database, all arrays of one length; `message` is the number of the message each
    came in, `enterprise` the id of the one it came from."""

    point: Points
    time: Instants
    value: Values
    flags: Flags
    received: Instants
    message: NDArray[Any]
    enterprise: NDArray[Any]

    def __len__(self) -> int:
        return len(self.point)

    def batch(self) -> SampleBatch:
        return SampleBatch(self.point, self.time, self.value, self.flags, int(self.received.max(initial=0)))

    def __getitem__(self, which: Mask) -> Rows:
        return Rows(
            self.point[which], self.time[which], self.value[which], self.flags[which], self.received[which],
            self.message[which], self.enterprise[which],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Times:
    """The present instant, and from when on readings are kept."""

    now: int
    kept_from: int


class Known:
    """The points there are, and whose they are, as arrays."""

    def __init__(self, table: PointTable) -> None:
        self.point = np.array(sorted(table.points), np.int32)
        self.enterprise = np.array([table.points[point].enterprise_id for point in self.point.tolist()], np.int32)
        self.uscc = {point.enterprise_id: point.uscc for point in table.points.values()}
        self.enterprise_of = {uscc: enterprise for enterprise, uscc in self.uscc.items()}

    def owner(self, points: Points) -> NDArray[Any]:
        """The enterprise of each point, -1 where there is no such point."""
        if not len(self.point):
            return np.full(len(points), -1)
        place = np.minimum(np.searchsorted(self.point, points), len(self.point) - 1)
        return np.where(self.point[place] == points, self.enterprise[place], -1)


def not_a_number(rows: Rows, known: Known, times: Times) -> Mask:
    """the value is not a finite number"""
    return ~np.isfinite(rows.value)


def too_early(rows: Rows, known: Known, times: Times) -> Mask:
    """its time is before the year 2000"""
    return np.asarray(rows.time < EARLIEST)


def too_old(rows: Rows, known: Known, times: Times) -> Mask:
    """its time is before what is kept of readings (WANJIA_RETENTION_DAYS)"""
    return np.asarray(rows.time < times.kept_from)


def in_the_future(rows: Rows, known: Known, times: Times) -> Mask:
    """its time is more than 5 minutes after it was received"""
    return np.asarray(rows.time > np.minimum(rows.received, times.now) + AHEAD)


def unknown_point(rows: Rows, known: Known, times: Times) -> Mask:
    """there is no such point in the registry"""
    return known.owner(rows.point) < 0


def of_another(rows: Rows, known: Known, times: Times) -> Mask:
    """the point belongs to another enterprise than the sender"""
    owner = known.owner(rows.point)
    return np.asarray((owner >= 0) & (owner != rows.enterprise))


REFUSALS: tuple[Callable[[Rows, Known, Times], Mask], ...] = (
    not_a_number,
    too_early,
    too_old,
    in_the_future,
    unknown_point,
    of_another,
)


def sift(rows: Rows, known: Known, times: Times) -> tuple[Rows, list[tuple[str, Rows]]]:
    """The rows that can be stored, and the others by reason (the first that applies)."""
    refused = list(_refusals(rows, known, times))
    for _, mask in refused:
        if mask.any():
            break
    else:
        return rows, []
    found: list[tuple[str, Rows]] = []
    good = np.ones(len(rows), np.bool_)
    for reason, mask in refused:
        if (fresh := mask & good).any():
            found.append((reason, rows[fresh]))
            good &= ~mask
    return rows[good], found


def _refusals(rows: Rows, known: Known, times: Times) -> Iterator[tuple[str, Mask]]:
    for check in REFUSALS:
        yield str(check.__doc__), check(rows, known, times)
