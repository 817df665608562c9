"""The figures of a review report: consumption by carrier beside that of the year before, energy balance, quality.

Everything is asked of the functions that answer the same questions elsewhere.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from api import balance as balances
from api.buckets import edges
from api.consumption import Stored
from api.problems import Problem
from api.quality.counts import counts
from api.quality.figures import formulas, summed
from api.quality.indices import Scope as Indexed
from api.quality.indices import indices
from api.review.scope import Scope
from api.series import Columns, Words
from api.standing import registers
from api.totals import Counted, by_carrier, conversions, counted, stored, sums, used
from config.carriers import carriers
from config.factors import Unit
from config.samples import Instants
from storage import views
from storage.views import Row

DERIVED: tuple[Unit, ...] = ("tce", "tce_equal", "tco2")


def cell(column: Any, index: int = 0) -> Any:
    """A value of a column as JSON has it."""
    if isinstance(column, Words):
        return column.table[int(column.codes[index])]
    value = column[index].item()
    return None if isinstance(value, float) and math.isnan(value) else value


async def consumption(scope: Scope, rows: Sequence[Row]) -> dict[str, Any]:
    """By carrier of the boundary metering points, with totals of what can be added up and the factors used."""
    by: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["boundary"]:
            by[row["carrier"]].append(row)
    metered = {carrier: counted(scope.served.points, own) for carrier, own in by.items()}
    made = [one for some in metered.values() for _, one in some]
    now_rows = await stored(scope.served, made, "day", scope.whole, scope.now)
    before = scope.year_before()
    old_rows = await stored(scope.served, made, "day", before, scope.now)
    factors: list[dict[str, Any]] = []
    found = [
        _carrier(scope, carrier, metered[carrier], (now_rows, scope.whole), (old_rows, before), factors)
        for carrier in carriers()
        if metered.get(carrier)
    ]
    return {
        "carriers": found,
        "totals": {name: _total(found, name) for name in (*DERIVED, "tce_before")},
        "factors": factors,
        "days": [day.isoformat() for day in scope.dates[:-1]],
        "before": {"from": scope.at(int(before[0])), "to": scope.at(int(before[-1]))},
    }


def _carrier(
    scope: Scope,
    carrier: str,
    metered: Counted,
    this: tuple[Stored, Instants],
    before: tuple[Stored, Instants],
    factors: list[dict[str, Any]],
) -> dict[str, Any]:
    """One carrier; the factors used are added to `factors`."""
    about = carriers()[carrier]
    total, unit = _sum(scope, metered, *this, "native")
    daily, _ = _sum(scope, metered, this[0], scope.days, "native")
    old, _ = _sum(scope, metered, *before, "native")
    found = {
        "carrier": carrier,
        "zh": about.zh,
        "en": about.en,
        "unit": unit,
        **{name: cell(total[name]) for name in ("value", "quality", "expected", "received", "estimated")},
        "value_before": cell(old["value"]),
        "quality_before": cell(old["quality"]),
        "daily": [cell(daily["value"], day) for day in range(len(scope.days) - 1)],
        "lacks": [],
    }
    found["change"] = _change(found["value"], found["value_before"])
    for derived in DERIVED:
        found[derived] = _derived(scope, metered, *this, derived, found["lacks"], factors)
    found["tce_before"] = _derived(scope, metered, *before, "tce", [], [])
    return found


def _sum(scope: Scope, metered: Counted, rows: Stored, at: Instants, unit: Unit) -> tuple[Columns, str]:
    changes = conversions(scope.served, metered, unit, at, scope.now)
    ((named, columns),) = sums(metered, by_carrier, rows, at, scope.now, changes)
    return columns, named["unit"]


def _derived(
    scope: Scope,
    metered: Counted,
    rows: Stored,
    at: Instants,
    unit: Unit,
    lacks: list[dict[str, str]],
    factors: list[dict[str, Any]],
) -> float | None:
    """A carrier in a derived unit; None where no factor is known, which is then told in `lacks`."""
    try:
        changes = conversions(scope.served, metered, unit, at, scope.now)
    except Problem as problem:
        lacks.append({"unit": unit, "why": problem.detail})
        return None
    factors += [one for one in used(changes) if one not in factors]
    ((_, columns),) = sums(metered, by_carrier, rows, at, scope.now, changes)
    value: float | None = cell(columns["value"])
    return value


def _total(found: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """What is known, added up; the carriers that lack a factor say so themselves."""
    known = [one[name] for one in found if one[name] is not None]
    return sum(known) if known else None


def _change(value: float | None, before: float | None) -> float | None:
    """How much more than the year before, in %."""
    return None if value is None or not before else round(100 * (value - before) / abs(before), 2)


async def balance(scope: Scope, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What each metering point counts against those directly below it, over the whole period."""
    nodes = list(balances.nodes(scope.served.points, rows))
    columns = await stored(scope.served, [node.difference for node in nodes], "day", scope.whole, scope.now)
    found = []
    for node in nodes:
        parts = node.columns(columns, scope.whole, scope.now)
        about = {"code": node.row["code"], "name": node.row["name"], "carrier": node.row["carrier"]}
        found.append({**about, "unit": node.difference.unit, **{name: cell(part) for name, part in parts.items()}})
    return found


async def quality(scope: Scope, rows: Sequence[Row]) -> dict[str, Any]:
    """The quality figures of all, by metering point and by day, and the indices. Raises Problem."""
    known = registers(scope.served.points)
    placed = [(row, known[row["uscc"], row["code"]]) for row in rows if (row["uscc"], row["code"]) in known]
    points = [point for _, point in placed]
    edges("1d", scope.start, scope.past, scope.zone, series=len(points))
    found = await counts(scope.served.database, points, scope.days, scope.zone, scope.now)
    return {
        "total": summed(found, slice(None)),
        "points": [
            {**{name: row[name] for name in ("code", "name", "carrier", "level")}, **summed(found, line)}
            for line, (row, _) in enumerate(placed)
        ],
        "days": [
            {"day": day.isoformat(), **summed(found, (slice(None), number))}
            for number, day in enumerate(scope.dates[:-1])
        ],
        "formulas": formulas(),
        "indices": await indices(
            Indexed(scope.served, scope.sight, scope.uscc, scope.dates[0], scope.dates[-1], scope.now)
        ),
    }


async def metering_points(scope: Scope) -> list[Row]:
    """All metering points of the enterprise."""
    return await views.metering_points(scope.served.database, scope.sight, enterprise=scope.uscc)
