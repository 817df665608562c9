"""Proofs that the consumption of a metering point adds up to what its register counted, day by day."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from api.deps import From, Seen, Served, To, span
from api.models import Proofs
from api.problems import bad_parameter
from api.routes.enterprises import Uscc
from api.routes.metering_points import Code, metering_point, register
from api.times import DAY, local
from config.quantities import QUANTITIES
from config.samples import now_us
from storage import views

router = APIRouter(tags=["metering points"])

LONGEST = 400 * DAY


@router.get("/v1/metering-points/{uscc}/{code}/proof", response_model=Proofs)
async def proof_of_metering_point(
    served: Served,
    seen: Seen,
    uscc: Uscc,
    code: Code,
    start: From = None,
    to: To = None,
    quantity: Annotated[str | None, Query(description="A register; default: the one that counts its carrier")] = None,
) -> dict[str, Any]:
    """Per day of the enterprise's zone that the span touches: what the register counted, and what the intervals sum to.

    A day is proved in the night after, within minutes when it changes later, and by `wanjia verify energy`; others are
    not there. Default: the last 31 days;
    at most 400.
    """
    begin, past = span(start, to, now_us(), 31)
    if past - begin > LONGEST:
        raise bad_parameter("from", "more than 400 days before `to`; ask for less at a time", "span-too-long")
    row = await metering_point(served, seen, uscc, code)
    point = register(served.points, row, quantity)
    zone = ZoneInfo(row["zone"])
    first, last = (local(at, row["zone"]).date() for at in (begin, past - 1))
    found = await views.proofs(served.database, point.id, first, last)
    return {
        "metering_point": f"{uscc}/{code}",
        "quantity": point.quantity,
        "unit": QUANTITIES[point.quantity].unit,
        "zone": row["zone"],
        "days": [{**one, "checked": one["checked"].astimezone(zone)} for one in found],
    }
