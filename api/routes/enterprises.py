"""Enterprises and their consumption."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Response

from api import series
from api.buckets import FIXED, SPANS, Interval, edges, word
from api.consumption import SIGNS, Buckets, buckets, main_quantity, rows_of, source
from api.deps import (
    Accepted,
    After,
    From,
    Length,
    Limit,
    Seen,
    Served,
    To,
    behind,
    known_carrier,
    paged,
    span,
)
from api.expected import longest_interval
from api.models import EnterpriseConsumption, EnterpriseItem, Page
from api.problems import Problem
from api.series import QUALITY, Times, Words
from api.services import Services
from api.standing import Standing
from config.carriers import carriers
from config.quantities import QUANTITIES
from config.samples import MICROSECOND, Instants, now_us
from storage import views
from storage.points import Point
from storage.views import Row, Sight

router = APIRouter(tags=["enterprises"])

Uscc = Annotated[str, Path(description="Unified social credit code")]
Carrier = Annotated[str | None, Query(description="Only this energy carrier")]
GroupBy = Literal["carrier", "metering_point"]
Groups = list[tuple[dict[str, str], Buckets]]
"""(what a group is, its sum)."""


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
    group_by: Annotated[GroupBy, Query(description="A series per carrier, or per boundary metering point")] = "carrier",
) -> Response:
    """Consumption of an enterprise by its boundary metering points: import and generation count +, export −.

    Buckets, and the rules for missing ones, are those of a metering point's consumption. Where one of the metering
    points has longer intervals than asked for, all are answered in its intervals; choose a carrier to leave it out.
    """
    known_carrier(carrier)
    now = now_us()
    begin, past = span(start, to, now, SPANS[interval])
    owner = await enterprise(served, seen, uscc)
    rows = await views.metering_points(served.database, seen, enterprise=uscc, carrier=carrier, boundary=True)
    counted = [(row, point) for row in rows if (point := counting_point(served, row))]
    step = _step(interval, [point for _, point in counted], begin, past)
    at = edges(interval, begin, past, owner["zone"], step=step, series=len(counted))
    groups = await _groups(served, counted, group_by, source(interval, step or 0), at, now)
    name = word(step) if step and step != FIXED[interval] else interval
    return _answer(form, {"interval": name, "zone": owner["zone"]}, at[:-1], groups)


def counting_point(served: Services, row: Row) -> Point | None:
    """The point whose register counts a metering point's consumption."""
    available = served.points.by_metering_point.get((row["uscc"], row["code"]), {})
    quantity = main_quantity(carriers()[row["carrier"]], row["direction"], available)
    return served.points.points[available[quantity]] if quantity else None


def _step(interval: Interval, points: Sequence[Point], start: int, past: int) -> int | None:
    """Seconds of the buckets of a fixed interval: no shorter than the points' own; None for the calendar's."""
    if interval not in FIXED:
        return None
    return max(FIXED[interval], longest_interval(points, start, past) // MICROSECOND)


async def _groups(
    served: Services,
    counted: Sequence[tuple[Row, Point]],
    group_by: GroupBy,
    table: Literal["15m", "hour", "day"],
    at: Instants,
    now: int,
) -> Groups:
    """(what the group is, its sum), in order of their first metering point."""
    ids = np.array([point.id for _, point in counted], np.int32)
    stored = await views.consumption(served.database, ids, table, int(at[0]), int(at[-1]))
    found: dict[str, tuple[dict[str, str], Buckets]] = {}
    for row, point in counted:
        carrier = carriers()[row["carrier"]]
        by_carrier = group_by == "carrier"
        key, name = (carrier.code, carrier.zh) if by_carrier else (f"{row['uscc']}/{row['code']}", row["name"])
        about = {"key": key, "name": name, "carrier": carrier.code, "unit": QUANTITIES[point.quantity].unit}
        _, total = found.setdefault(key, (about, Buckets.empty(len(at) - 1)))
        total.add(buckets(point, rows_of(stored, point.id), at, now), SIGNS[row["direction"]])
    return list(found.values())


def _answer(form: series.Form, head: dict[str, Any], starts: Instants, groups: Groups) -> Response:
    """JSON: a series per group. CSV and Arrow: one table, the groups below each other."""
    if form == "application/json":
        texts = [series.to_json(about, series.bucket_columns(total), head["zone"]) for about, total in groups]
        opening = series.to_json(head, {"start": Times(starts)}, head["zone"])[:-1]
        return series.reply(form, b'%s,"series":[%s]}' % (opening, b",".join(texts)))
    count, number = len(groups), np.repeat(np.arange(len(groups)), len(starts))
    columns: dict[str, series.Column] = {
        name: Words(number, tuple(about[name] for about, _ in groups)) for name in ("key", "name", "carrier", "unit")
    }
    columns["start"] = Times(np.tile(starts, count))
    for name in ("value", "quality", "expected", "received", "estimated"):
        parts = [getattr(total, name) for _, total in groups]
        whole = np.concatenate(parts) if parts else np.empty(0, np.int64)
        columns[name] = Words(whole, QUALITY) if name == "quality" else whole
    return series.answer(form, head, columns, head["zone"])
