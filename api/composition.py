"""What a metering point's consumption is made of: its own register, or, of a virtual one, shares of its parts'.

A share of what is only partly known would be wrong, above all in a difference: where a part is missing, or the parts do
not reach equally far, a virtual metering point has no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api import tariffs
from api.consumption import Buckets, Stored, buckets, rows_of
from api.derived import Conversion
from api.tariffs import Clock
from config.carriers import carriers, main_quantity
from config.quality import Quality
from config.quantities import QUANTITIES
from config.samples import Instants, Points
from config.tariffs import Period
from storage.points import Point, PointTable


@dataclass(frozen=True, slots=True)
class Composition:
    """Registers whose shares add up to a consumption. `whole`: no part lacks one; `virtual`: by a formula."""

    points: tuple[Point, ...]
    shares: tuple[float, ...]
    whole: bool = True
    virtual: bool = False

    @classmethod
    def of(cls, point: Point) -> Composition:
        return cls((point,), (1.0,))

    @property
    def carrier(self) -> str:
        return self.points[0].carrier

    @property
    def quantity(self) -> str:
        return carriers()[self.carrier].quantity if self.virtual else self.points[0].quantity

    @property
    def unit(self) -> str:
        return QUANTITIES[self.quantity].unit

    @property
    def ids(self) -> Points:
        return np.unique(np.array([point.id for point in self.points], np.int32))

    def buckets(self, rows: Stored, at: Instants, now: int, change: Conversion | None) -> Buckets:
        """The consumption between the edges `at`, of rows that hold those of all its points."""
        own = self._own(rows, change)
        parts = [buckets(point, some, at, now) for point, some in zip(self.points, own, strict=True)]
        return self._sum(parts, _uneven(own, at)) if self.virtual else parts[0]

    def split(
        self, rows: Stored, at: Instants, now: int, change: Conversion | None, periods: Clock
    ) -> dict[Period, Buckets]:
        """The same by tariff period."""
        own = self._own(rows, change)
        parts = [tariffs.split(point, some, at, now, periods) for point, some in zip(self.points, own, strict=True)]
        if not self.virtual:
            return parts[0]
        uneven = _uneven(own, at)
        return {period: self._sum([part[period] for part in parts], uneven) for period in parts[0]}

    def _own(self, rows: Stored, change: Conversion | None) -> list[Stored]:
        """The rows of each point, in the unit wanted."""
        own = [rows_of(rows, point.id) for point in self.points]
        return [change.of(some) for some in own] if change else own

    def _sum(self, parts: Sequence[Buckets], uneven: NDArray[np.bool_]) -> Buckets:
        """Values by share, counts as they are; quality is the worst."""
        known = np.all([~np.isnan(part.value) for part in parts], axis=0)
        quality = np.max([part.quality for part in parts], axis=0)
        quality[uneven & known] = Quality.MISSING
        if not self.whole:
            quality[:] = Quality.MISSING
        value = np.sum([share * part.value for share, part in zip(self.shares, parts, strict=True)], axis=0)
        value[quality == Quality.MISSING] = np.nan
        expected, received, estimated = (
            np.sum([getattr(part, name) for part in parts], axis=0) for name in ("expected", "received", "estimated")
        )
        return Buckets(value, quality, expected, received, estimated)


def _uneven(parts: Sequence[Stored], at: Instants) -> NDArray[np.bool_]:
    """Buckets of which one part covers more time than another: the one that still runs, above all."""
    covered = np.array([_covered(rows, at) for rows in parts])
    return np.asarray((covered != covered[0]).any(axis=0))


def _covered(rows: Stored, at: Instants) -> NDArray[np.float64]:
    """Seconds with a value in each bucket."""
    place = np.searchsorted(at, rows.start, "right") - 1
    seconds = np.where(np.isnan(rows.consumption), 0, rows.seconds)
    return np.bincount(place, seconds, len(at) - 1).astype(np.float64, copy=False)


def counting_point(table: PointTable, uscc: str, code: str) -> Point | None:
    """The point whose register counts a metering point's consumption."""
    available = table.by_metering_point.get((uscc, code), {})
    if not available:
        return None
    some = table.points[next(iter(available.values()))]
    quantity = main_quantity(carriers()[some.carrier], some.direction, available)
    return table.points[available[quantity]] if quantity else None


def composition(table: PointTable, uscc: str, code: str) -> Composition | None:
    """What counts a metering point's consumption; None: there never was a meter, at no part of a virtual one."""
    formula = table.formulas.get((uscc, code))
    if formula is None:
        point = counting_point(table, uscc, code)
        return Composition.of(point) if point else None
    found = {part: point for part in formula if (point := counting_point(table, uscc, part))}
    if not found:
        return None
    shares = tuple(formula[part] for part in found)
    return Composition(tuple(found.values()), shares, whole=len(found) == len(formula), virtual=True)


def weighted(parts: Sequence[tuple[Composition | None, float]]) -> Composition | None:
    """A sum of shares, known where all of it is; None: no part was ever metered."""
    known = [(part, share) for part, share in parts if part]
    if not known:
        return None
    return Composition(
        points=tuple(point for part, _ in known for point in part.points),
        shares=tuple(share * inner for part, share in known for inner in part.shares),
        whole=len(known) == len(parts) and all(part.whole for part, _ in known),
        virtual=True,
    )
