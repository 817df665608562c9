"""Consumption of regions: of many enterprises at once."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from api.buckets import FIXED, SPANS
from api.deps import Accepted, AsOf, From, Length, Seen, Served, To, Unit, known_carrier, span
from api.models import GroupedConsumption
from api.problems import Problem
from api.routes.enterprises import Carrier
from api.series import RESPONSES
from api.totals import About, Asked, answer, by_carrier, counted, own
from storage import views
from storage.views import Row, Sight

router = APIRouter(tags=["regions"])

Region = Annotated[
    str,
    Path(description="GB/T 2260 code of a province, city or county: 2, 4 or 6 digits", pattern="^([0-9]{2}){1,3}$"),
]
GroupBy = Literal["enterprise", "industry", "carrier"]


@router.get("/v1/regions/{code}/consumption", response_model=GroupedConsumption, responses=RESPONSES)
async def consumption(
    served: Served,
    seen: Seen,
    form: Accepted,
    moment: AsOf,
    code: Region,
    carrier: Carrier = None,
    industry: Annotated[
        str | None,
        Query(description="Only enterprises whose GB/T 4754 code begins so: `C`, `C31` …", pattern="^[A-T][0-9]*$"),
    ] = None,
    interval: Length = "1d",
    start: From = None,
    to: To = None,
    group_by: Annotated[
        GroupBy, Query(description="A series per carrier, per enterprise, or per division of GB/T 4754 (`C31`)")
    ] = "carrier",
    unit: Unit = "native",
) -> Response:
    """Consumption of all enterprises in a region by their boundary metering points, added up as for one enterprise.

    By enterprise or industry several carriers add up in a derived unit only. Buckets times metering points may be
    400,000: for a large region ask for days or months. A regulator may ask for its region and those within.
    """
    known_carrier(carrier)
    begin, past = span(start, to, moment.now, SPANS[interval])
    rows = await views.metering_points(served.database, _within(seen, code), carrier=carrier, boundary=True)
    rows = [row for row in rows if row["industry"].startswith(industry or "")]
    asked = Asked(interval, begin, past, _zone(rows, code, calendar=interval not in FIXED), moment.now, unit)
    return await answer(served, form, counted(moment.points, rows), _groups(carrier or "")[group_by], asked)


def _within(seen: Sight, code: str) -> Sight:
    """The whole region, and nothing else. Raises Problem when the asker does not see all of it."""
    if seen.uscc is not None or not code.startswith(seen.region or ""):
        raise Problem("not-found", f"no region {code} that this key may see the whole of")
    return Sight(region=code)


def _zone(rows: list[Row], code: str, *, calendar: bool) -> str:
    """The zone of the enterprises. Raises Problem where they have several, and so no days in common."""
    zones = sorted({row["zone"] for row in rows})
    if calendar and len(zones) > 1:
        what = f"enterprises of region {code} have days of their own in {', '.join(zones)}"
        raise Problem("invalid-parameter", f"{what}; ask for 1h, or for a smaller region")
    return zones[0] if zones else "Asia/Shanghai"


def _groups(carrier: str) -> dict[GroupBy, About]:
    """What each way to group makes of a metering point."""
    return {
        "carrier": by_carrier,
        "enterprise": lambda row: own(row["uscc"], row["enterprise"], carrier),
        "industry": lambda row: own(row["industry"][:3], row["industry"][:3], carrier),
    }
