"""Enterprises and their consumption."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Response

from api import groups, series
from api.buckets import FIXED, SPANS, Interval, edges, word
from api.composition import Composition, composition
from api.consumption import SIGNS, Buckets, Table, source
from api.deps import (
    Accepted,
    After,
    From,
    Length,
    Limit,
    Seen,
    Served,
    To,
    Unit,
    behind,
    known_carrier,
    paged,
    span,
)
from api.derived import Conversion, conversion, on_hours
from api.expected import longest_interval
from api.groups import Groups
from api.models import EnterpriseConsumption, EnterpriseItem, Page
from api.problems import Problem, bad_parameter
from api.services import Services
from api.standing import Standing
from config.carriers import carriers
from config.factors import Factor
from config.factors import Unit as FactorUnit
from config.samples import MICROSECOND, Instants, now_us
from storage import views
from storage.points import Point
from storage.views import Row, Sight

router = APIRouter(tags=["enterprises"])

Uscc = Annotated[str, Path(description="Unified social credit code")]
Carrier = Annotated[str | None, Query(description="Only this energy carrier")]
GroupBy = Literal["carrier", "metering_point", "total"]


async def items(served: Services, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Enterprises with how each stands now."""
    standings = await served.standings.get(served.database, served.points, served.latest, now_us())
    found = []
    for row in rows:
        standing = standings.get(row["uscc"], Standing())
        now = {"online": standing.online, "offline": standing.offline}
        found.append({**row, **now, "completeness_today": standing.today.completeness})
    return found


@router.get("/v1/enterprises", response_model=Page[EnterpriseItem])
async def list_enterprises(served: Served, seen: Seen, limit: Limit = 100, after: After = None) -> dict[str, Any]:
    """Enterprises by code, with how each stands now."""
    above = behind(after, str)
    rows = await views.enterprises(served.database, seen, above=above, limit=limit + 1)
    shown, further = paged(rows, limit, "uscc")
    return {"items": await items(served, shown), "next": further}


@router.get("/v1/enterprises/{uscc}", response_model=EnterpriseItem)
async def one_enterprise(served: Served, seen: Seen, uscc: Uscc) -> dict[str, Any]:
    """An enterprise."""
    return (await items(served, [await enterprise(served, seen, uscc)]))[0]


async def enterprise(served: Services, seen: Sight, uscc: str) -> Row:
    """The enterprise, if the asker may see it. Raises Problem."""
    rows = await views.enterprises(served.database, seen, uscc=uscc)
    if not rows:
        raise Problem("not-found", f"no enterprise {uscc}")
    return rows[0]


@router.get(
    "/v1/enterprises/{uscc}/consumption",
    response_model=EnterpriseConsumption,
    responses={200: {"content": {form: {} for form in series.FORMS if "*" not in form}}},
)
async def consumption(
    served: Served,
    seen: Seen,
    form: Accepted,
    uscc: Uscc,
    carrier: Carrier = None,
    interval: Length = "1d",
    start: From = None,
    to: To = None,
    group_by: Annotated[
        GroupBy, Query(description="A series per carrier, per boundary metering point, or one for all in one unit")
    ] = "carrier",
    unit: Unit = "native",
) -> Response:
    """Consumption of an enterprise by its boundary metering points: import and generation count +, export −.

    Buckets, and the rules for missing ones, are those of a metering point's consumption. Where one of the metering
    points has longer intervals than asked for, all are answered in its intervals; choose a carrier to leave it out.
    In a derived unit every interval takes the factor of the day it starts in, as for a metering point.
    """
    known_carrier(carrier)
    now = now_us()
    begin, past = span(start, to, now, SPANS[interval])
    owner = await enterprise(served, seen, uscc)
    rows = await views.metering_points(served.database, seen, enterprise=uscc, carrier=carrier, boundary=True)
    counted = [(row, made) for row in rows if (made := composition(served.points, uscc, row["code"]))]
    points = [point for _, made in counted for point in made.points]
    step = _step(interval, points, begin, past)
    at = edges(interval, begin, past, owner["zone"], step=step, series=len(points))
    first, last = int(at[0]), int(at[-1])
    changes = _conversions(served.factors, counted, unit, owner["region"], first, last)
    table: Table = source(interval, step or 0)
    if table == "hour" and not on_hours(*(change.borders for change in changes.values())):
        table = "15m"
    found = await _groups(served, counted, group_by, table, at, now, changes)
    head: dict[str, Any] = {
        "interval": word(step) if step and step != FIXED[interval] else interval,
        "zone": owner["zone"],
        **({} if unit == "native" else {"factors": [one for change in changes.values() for one in change.used]}),
    }
    return groups.answer(form, head, at[:-1], found)


def _conversions(
    known: Sequence[Factor],
    counted: Sequence[tuple[Row, Composition]],
    unit: FactorUnit,
    region: str,
    start: int,
    past: int,
) -> dict[str, Conversion]:
    """How the consumption of each carrier turns into the unit; none for the native one. Raises Problem."""
    points = {made.carrier: made.points[0] for _, made in counted}
    found = {carrier: conversion(known, point, unit, region, start, past) for carrier, point in points.items()}
    return {carrier: change for carrier, change in found.items() if change}


async def region(served: Services, seen: Sight, uscc: str) -> str:
    """The region of an enterprise, if the asker may see it. Raises Problem."""
    code: str = (await enterprise(served, seen, uscc))["region"]
    return code


def _step(interval: Interval, points: Sequence[Point], start: int, past: int) -> int | None:
    """Seconds of the buckets of a fixed interval: no shorter than the points' own; None for the calendar's."""
    if interval not in FIXED:
        return None
    return max(FIXED[interval], longest_interval(points, start, past) // MICROSECOND)


async def _groups(
    served: Services,
    counted: Sequence[tuple[Row, Composition]],
    group_by: GroupBy,
    table: Table,
    at: Instants,
    now: int,
    changes: Mapping[str, Conversion],
) -> Groups:
    """(what the group is, its sum), in order of their first metering point. Raises Problem for a sum of many units."""
    ids = np.unique(np.array([point.id for _, made in counted for point in made.points], np.int32))
    stored = await views.consumption(served.database, ids, table, int(at[0]), int(at[-1]))
    found: dict[str, tuple[dict[str, str], Buckets]] = {}
    for row, made in counted:
        change = changes.get(made.carrier)
        about = _about(row, group_by, change.symbol if change else made.unit)
        known, total = found.setdefault(about["key"], (about, Buckets.empty(len(at) - 1)))
        if known["unit"] != about["unit"]:
            what = f"a total of {known['unit']} and {about['unit']} has no meaning; choose a carrier or a derived unit"
            raise bad_parameter("group_by", what)
        total.add(made.buckets(stored, at, now, change), SIGNS[row["direction"]])
    return list(found.values())


def _about(row: Row, group_by: GroupBy, unit: str) -> dict[str, str]:
    """What a metering point's group says of itself."""
    if group_by == "total":
        return {"key": "total", "name": "合计", "carrier": "", "unit": unit}
    carrier = carriers()[row["carrier"]]
    if group_by == "carrier":
        return {"key": carrier.code, "name": carrier.zh, "carrier": carrier.code, "unit": unit}
    return {"key": f"{row['uscc']}/{row['code']}", "name": row["name"], "carrier": carrier.code, "unit": unit}
