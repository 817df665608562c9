"""Consumption in derived units: coal equivalent and CO2 by the dated factors, at the time of the question.

An interval takes the factor of the day it starts in, as it belongs to the bucket it starts in. So a bucket across a
factor's border is the sum of its parts, and sums agree whatever the buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from api.buckets import midnight
from api.consumption import Stored
from api.problems import Problem, bad_parameter
from api.times import local
from config.carriers import carriers
from config.factors import TARGETS, Factor, NoFactor, Unit, published, spans
from config.quantities import QUANTITIES
from config.samples import MICROSECOND, Instants, Values
from storage.points import Point


@dataclass(frozen=True, slots=True)
class Conversion:
    """How one carrier turns into a unit over a span. `since`: from when on each of `scale` holds."""

    symbol: str
    since: Instants
    scale: Values
    used: list[dict[str, Any]]
    """The factors, as answers name them."""

    @property
    def borders(self) -> Instants:
        """Where in the span one factor gives way to the next."""
        return self.since[1:]

    def of(self, rows: Stored) -> Stored:
        """The rows in the derived unit; what is missing stays missing."""
        place = np.searchsorted(self.since, rows.start, "right") - 1
        return replace(rows, consumption=rows.consumption * self.scale[place])


def conversion(
    known: Sequence[Factor], point: Point, unit: Unit, region: str, start: int, past: int, now: int
) -> Conversion | None:
    """For a point's consumption that starts in [start, past), with what was published by `now`; None for its native
    unit. Raises Problem."""
    if unit == "native":
        return None
    proper = QUANTITIES[carriers()[point.carrier].quantity].unit
    if QUANTITIES[point.quantity].unit != proper:
        what = f"{point.quantity} cannot become {unit}: factors of {point.carrier} are per {proper}"
        raise bad_parameter("unit", what)
    first, last = local(start, point.zone).date(), local(past - 1, point.zone).date()
    try:
        public = published(known, local(now, point.zone).date())
        found = spans(public, point.carrier, unit, region, first, last)
    except NoFactor as error:
        raise _no_factor(error, unit) from None
    since = np.array([midnight(day, ZoneInfo(point.zone)) for day, _ in found], np.int64)
    scale = np.array([float(factor.scale(unit)) for _, factor in found])
    ends = [day for day, _ in found[1:]] + [None]
    used = [_named(factor, day, end) for (day, factor), end in zip(found, ends, strict=True)]
    return Conversion(TARGETS[unit].symbol, since, scale, used)


def _no_factor(error: NoFactor, unit: Unit) -> Problem:
    fix = "choose another unit, carrier or span, or add the factor to the file WANJIA_FACTORS names"
    return Problem(
        "no-factor",
        f"unit {unit}: {error}; {fix}",
        errors=[("unit", str(error))],
        more={"carrier": error.carrier, "kind": error.kind},
    )


def shown(factor: Factor) -> dict[str, Any]:
    """A factor with its decimals as numbers."""
    about = factor.model_dump()
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in about.items()}


def _named(factor: Factor, since: Any, past: Any) -> dict[str, Any]:
    """A factor as answers name it, with the days of the span for which it was used."""
    provisional = factor.year is not None and since.year > factor.year
    return {**shown(factor), "used_from": since, "used_to": past, "provisional": provisional}


def on_hours(*instants: Instants) -> bool:
    """Whether all of the instants are full hours of UTC, so that hours can be used instead of intervals."""
    return not any((some % (3600 * MICROSECOND)).any() for some in instants)
