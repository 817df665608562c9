"""Enterprises and their consumption."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from api.buckets import SPANS
from api.deps import (
    Accepted,
    After,
    AsOf,
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
from api.models import EnterpriseItem, GroupedConsumption, Page
from api.problems import Problem
from api.series import RESPONSES
from api.services import Services
from api.standing import Standing
from api.totals import About, Asked, Group, answer, by_carrier, by_metering_point, counted
from config.samples import now_us
from storage import views
from storage.views import Row, Sight

router = APIRouter(tags=["enterprises"])

Uscc = Annotated[str, Path(description="Unified social credit code")]
Carrier = Annotated[str | None, Query(description="Only this energy carrier")]
GroupBy = Literal["carrier", "metering_point", "level", "direction", "total"]
DIRECTIONS = {
    "import": ("购入", "import"), "export": ("输出", "export"), "generation": ("自产", "generation"),
    "internal": ("内部", "internal"),
}  # fmt: skip
"""Chinese and English."""


async def items(served: Services, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Enterprises with how each stands now."""
    standings = await served.standings.get(served.database, served.points, served.latest, now_us())
    found = []
    for row in rows:
        standing = standings.get(row["uscc"], Standing())
        now = {"online": standing.online, "offline": standing.offline}
        found.append({**row, **now, "completeness_today": standing.completeness})
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


@router.get("/v1/enterprises/{uscc}/consumption", response_model=GroupedConsumption, responses=RESPONSES)
async def consumption(
    served: Served,
    seen: Seen,
    form: Accepted,
    moment: AsOf,
    uscc: Uscc,
    carrier: Carrier = None,
    interval: Length = "1d",
    start: From = None,
    to: To = None,
    group_by: Annotated[
        GroupBy,
        Query(
            description="A series per carrier, boundary metering point or direction, one for all in one unit "
            "(`total`), or one per `level`: of all metered points of the level, boundary or not"
        ),
    ] = "carrier",
    unit: Unit = "native",
) -> Response:
    """Consumption of an enterprise by its boundary metering points: import and generation count +, export −.

    Buckets, and the rules for missing ones, are those of a metering point's consumption. Where one of the metering
    points has longer intervals than asked for, all are answered in its intervals; choose a carrier to leave it out.
    In a derived unit every interval takes the factor of the day it starts in, as for a metering point.
    """
    known_carrier(carrier)
    begin, past = span(start, to, moment.now, SPANS[interval])
    owner = await enterprise(served, seen, uscc)
    boundary = None if group_by == "level" else True
    rows = await views.metering_points(served.database, seen, enterprise=uscc, carrier=carrier, boundary=boundary)
    if group_by == "level":
        rows = sorted((row for row in rows if row["formula"] is None), key=lambda row: int(row["level"]))
    asked = Asked(interval, begin, past, owner["zone"], moment.now, unit)
    return await answer(served, form, counted(moment.points, rows), _groups(carrier or "")[group_by], asked)


def _groups(carrier: str) -> dict[GroupBy, About]:
    """What each way to group makes of a metering point."""
    return {
        "carrier": by_carrier,
        "metering_point": by_metering_point,
        "level": lambda row: Group(str(row["level"]), f"{row['level']} 级", f"level {row['level']}", carrier),
        "direction": lambda row: Group(row["direction"], *DIRECTIONS[row["direction"]], carrier),
        "total": lambda _: Group("total", "合计", "total", carrier),
    }
