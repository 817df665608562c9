"""Metering points: what they are, their readings and consumption."""

from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Response

from api import groups, series, tariffs
from api.buckets import FIXED, SPANS, edges, word
from api.composition import Composition, composition, counting_point
from api.consumption import Table, source
from api.deps import (
    Accepted,
    After,
    AsOf,
    Enterprise,
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
from api.derived import conversion, on_hours
from api.expected import QUARTER, longest_interval
from api.live import multiplier
from api.models import Consumption, MeteringPointAnswer, MeteringPointItem, Page, Readings, TariffConsumption
from api.problems import Problem, bad_parameter
from api.routes.enterprises import Carrier, Uscc
from api.series import RESPONSES, Times
from api.services import Services
from api.standing import online
from api.times import local
from config.carriers import carriers
from config.quantities import QUANTITIES
from config.samples import MICROSECOND, now_us
from config.tariffs import NAMES
from storage import views
from storage.points import Point, PointTable
from storage.views import Row, Sight

router = APIRouter(tags=["metering points"])

Code = Annotated[str, Path(description="The metering point's code within its enterprise")]


@router.get("/v1/metering-points", response_model=Page[MeteringPointItem])
async def list_metering_points(
    served: Served,
    seen: Seen,
    enterprise: Enterprise = None,
    carrier: Carrier = None,
    q: Annotated[str | None, Query(description="Text within code or name", max_length=100)] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Metering points by enterprise and code, with the meter there now and its last reading."""
    known_carrier(carrier)
    above = behind(after, tuple[str, str])
    rows = await views.metering_points(
        served.database, seen, enterprise=enterprise, carrier=carrier, text=q, above=above, limit=limit + 1
    )
    items, further = paged(rows, limit, "uscc", "code")
    now = now_us()
    return {"items": [_item(served, row, now) for row in items], "next": further}


@router.get("/v1/metering-points/{uscc}/{code}", response_model=MeteringPointAnswer)
async def onemetering_point(served: Served, seen: Seen, uscc: Uscc, code: Code) -> dict[str, Any]:
    """A metering point with its points, the last reading of each, and its meters over time."""
    row = await metering_point(served, seen, uscc, code)
    now = now_us()
    installations = [
        {
            **{name: one[name] for name in ("meter", "ct", "pt")},
            "from": _shown(one["from_time"], row["zone"]),
            "to": _shown(one["to_time"], row["zone"]),
        }
        for one in await views.installations(served.database, seen, row["row"])
    ]
    points = [_point(served, point, now) for point in _points(served.points, row).values()]
    return {**_item(served, row, now), "points": points, "installations": installations}


@router.get(
    "/v1/metering-points/{uscc}/{code}/consumption",
    response_model=Consumption | TariffConsumption,
    responses=RESPONSES,
)
async def consumption(
    served: Served,
    seen: Seen,
    form: Accepted,
    moment: AsOf,
    uscc: Uscc,
    code: Code,
    interval: Length = "15m",
    start: From = None,
    to: To = None,
    quantity: Annotated[str | None, Query(description="A register; default: the one that counts its carrier")] = None,
    unit: Unit = "native",
    group_by: Annotated[
        Literal["tariff"] | None,
        Query(description="A series per tariff period 尖峰平谷 of the enterprise's region instead of one for all"),
    ] = None,
) -> Response:
    """Consumption: what the register counted, times the transformer ratios, per bucket.

    Every bucket that the span touches is there, whole. A bucket's value is the sum of what is known of it, `null` if
    nothing is; its quality is the worst of its parts, so `missing` as soon as a part is missing; `expected` and
    `received` readings tell how much. Expected come from the schedule, in intervals that are over. A metering point
    that is read less often than asked is answered in its own interval, which `interval` names.

    A virtual metering point is the sum of shares of its parts; its value is `null` where one of them is missing or
    does not reach as far as the others yet.

    In a derived unit every interval takes the factor of the day it starts in, in the enterprise's zone and region; the
    smallest region that has a factor counts. Tariff periods are those the zone's clock shows; the periods' values add
    up to the whole. An interval that a period's border cuts is shared out by time and counts as estimated; `null` with
    nothing expected means that the period does not occur in the bucket.
    """
    begin, past = span(start, to, moment.now, SPANS[interval])
    row = await metering_point(served, seen, uscc, code)
    made = made_of(moment.points, row, quantity)
    own = longest_interval(made.points, begin, past)
    step = max(FIXED[interval], own // MICROSECOND) if interval in FIXED else None
    at = edges(interval, begin, past, row["zone"], step=step, series=len(made.points))
    first, last = int(at[0]), int(at[-1])
    known = served.factors_of(uscc, row["region"])
    change = conversion(known, made.points[0], unit, row["region"], first, last, moment.now)
    periods = (
        tariffs.clock(served.tariffs, row["region"], row["zone"], first, last + own, moment.now) if group_by else None
    )
    table: Table = source(interval, step or 0)
    if periods:
        cut = longest_interval(made.points, first, last) > QUARTER or not on_hours(at, periods.since)
        table = "15m" if cut else "hour"
    if change and table == "hour" and not on_hours(change.borders):
        table = "15m"
    rows = await views.consumption(served.database, made.ids, table, first, last, moment.now)
    head: dict[str, Any] = {
        "metering_point": f"{uscc}/{code}",
        "quantity": made.quantity,
        "unit": change.symbol if change else made.unit,
        "interval": word(step) if step and step != FIXED[interval] else interval,
        "zone": row["zone"],
        "as_of": moment.said(row["zone"]),
        **({"factors": change.used} if change else {}),
    }
    if periods is None:
        found = made.buckets(rows, at, moment.now, change)
        columns: series.Columns = {"start": Times(at[:-1]), **series.bucket_columns(found)}
        return series.answer(form, head, columns, row["zone"])
    parts = made.split(rows, at, moment.now, change, periods)
    named = [
        ({"key": period, **dict(zip(("zh", "en"), NAMES[period], strict=True))}, series.bucket_columns(part))
        for period, part in parts.items()
    ]
    return groups.answer(form, {**head, "tariffs": periods.plans}, at[:-1], named)


@router.get("/v1/metering-points/{uscc}/{code}/readings", response_model=Readings, responses=RESPONSES)
async def readings(
    served: Served,
    seen: Seen,
    form: Accepted,
    uscc: Uscc,
    code: Code,
    quantity: Annotated[str, Query(description="The quantity, as listed by the metering point")],
    start: From = None,
    to: To = None,
) -> Response:
    """Readings as the meter showed them, in order of their time. Default: the last day; at most 400 days."""
    begin, past = span(start, to, now_us(), 1)
    if past - begin > 400 * 86_400 * MICROSECOND:
        raise bad_parameter("from", "more than 400 days before `to`; ask for less at a time", "span-too-long")
    row = await metering_point(served, seen, uscc, code)
    points = _points(served.points, row)
    if quantity not in points:
        raise bad_parameter("quantity", f"{code} has no {quantity!r}; it has {', '.join(points) or 'none'}")
    point = points[quantity]
    found = await views.reading_series(served.database, point.id, begin, past)
    head = {"quantity": quantity, "unit": QUANTITIES[quantity].unit, "multiplier": multiplier(point, past - 1)}
    columns: series.Columns = {"time": Times(found.time), "value": found.value, "flags": found.flags}
    return series.answer(form, head, columns, row["zone"])


async def metering_point(served: Services, seen: Sight, uscc: str, code: str) -> Row:
    """A metering point that the asker may see. Raises Problem."""
    rows = await views.metering_points(served.database, seen, enterprise=uscc, code=code)
    if not rows:
        raise Problem("not-found", f"no metering point {uscc}/{code}")
    return rows[0]


def _points(table: PointTable, row: Row) -> dict[str, Point]:
    points = table.by_metering_point.get((row["uscc"], row["code"]), {})
    return {quantity: table.points[points[quantity]] for quantity in QUANTITIES if quantity in points}


def made_of(table: PointTable, row: Row, quantity: str | None) -> Composition:
    """Of the register asked for, or of what counts the carrier. Raises Problem."""
    if quantity is not None:
        return Composition.of(register(table, row, quantity))
    made = composition(table, row["uscc"], row["code"])
    if made is None:
        raise Problem("not-found", f"no meter has counted {row['carrier']} at {row['uscc']}/{row['code']}")
    return made


def register(table: PointTable, row: Row, quantity: str | None) -> Point:
    """A metering point's own register: that asked for, or that which counts the carrier. Raises Problem."""
    if row["formula"]:
        raise bad_parameter("quantity", f"{row['code']} is virtual and has no registers")
    registers = {name: point for name, point in _points(table, row).items() if point.register}
    if quantity is None:
        counting = counting_point(table, row["uscc"], row["code"])
        if counting is None:
            raise Problem("not-found", f"no meter has counted {row['carrier']} at {row['uscc']}/{row['code']}")
        return counting
    if quantity not in registers:
        raise bad_parameter("quantity", f"no register {quantity!r} there; {', '.join(registers) or 'none at all'}")
    return registers[quantity]


def _item(served: Services, row: Row, now: int) -> dict[str, Any]:
    points = _points(served.points, row)
    carrier = carriers()[row["carrier"]]
    counting = counting_point(served.points, row["uscc"], row["code"])
    shown = points.get(carrier.flow)
    if shown is None or served.latest.get(shown.id) is None:
        shown = counting
    last = shown and _last(served, shown)
    return {
        **{name: value for name, value in row.items() if name not in ("zone", "region", "row")},
        "id": f"{row['uscc']}/{row['code']}",
        "unit": QUANTITIES[counting.quantity if counting else carrier.quantity].unit,
        "last": last,
        "virtual": row["formula"] is not None,
        "online": _online(served, row, now),
    }


def _online(served: Services, row: Row, now: int) -> bool:
    """Whether its meter, or that of every part of a virtual one, is online."""
    table, uscc = served.points, row["uscc"]
    parts = table.formulas.get((uscc, row["code"]), (row["code"],))
    ids = [table.by_metering_point.get((uscc, part), {}).values() for part in parts]
    return all(online([table.points[point] for point in some], served.latest, now) for some in ids)


def _last(served: Services, point: Point) -> dict[str, Any] | None:
    last = served.latest.get(point.id)
    if last is None:
        return None
    instant, value = last
    return {
        "time": local(instant, point.zone),
        "quantity": point.quantity,
        "value": value,
        "multiplier": multiplier(point, instant),
    }


def _point(served: Services, point: Point, now: int) -> dict[str, Any]:
    quantity = QUANTITIES[point.quantity]
    last = served.latest.get(point.id)
    return {
        "quantity": quantity.name,
        "unit": quantity.unit,
        "zh": quantity.zh,
        "en": quantity.en,
        "kind": quantity.kind,
        "last_time": last and local(last[0], point.zone),
        "last_value": last and last[1],
        "multiplier": multiplier(point, last[0] if last else now),
    }


def _shown(moment: datetime | None, zone: str) -> datetime | None:
    return moment and moment.astimezone(ZoneInfo(zone))
