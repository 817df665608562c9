"""Energy balance of enterprises."""

from fastapi import APIRouter, Response

from api import balance, groups
from api.buckets import SPANS
from api.consumption import source
from api.deps import Accepted, AsOf, From, Length, Seen, Served, To, known_carrier, span
from api.models import Balance
from api.routes.enterprises import Carrier, Uscc, enterprise
from api.series import RESPONSES
from api.totals import Asked, frame, stored
from storage import views

router = APIRouter(tags=["enterprises"])


@router.get("/v1/enterprises/{uscc}/balance", response_model=Balance, responses=RESPONSES)
async def energy_balance(
    served: Served,
    seen: Seen,
    form: Accepted,
    moment: AsOf,
    uscc: Uscc,
    carrier: Carrier = None,
    interval: Length = "1d",
    start: From = None,
    to: To = None,
) -> Response:
    """What each metering point counts, what those directly below it count together, and the difference.

    A side with anything missing is `null`, and so is the difference; quality is the worst of both sides, counts add up.
    """
    known_carrier(carrier)
    begin, past = span(start, to, moment.now, SPANS[interval])
    owner = await enterprise(served, seen, uscc)
    rows = await views.metering_points(served.database, seen, enterprise=uscc, carrier=carrier)
    found = list(balance.nodes(moment.points, rows))
    made = [node.difference for node in found]
    framed = frame(Asked(interval, begin, past, owner["zone"], moment.now), made)
    columns = await stored(served, made, source(interval, framed.step or 0), framed.at, moment.now)
    series = [
        (
            {
                "key": f"{uscc}/{node.row['code']}",
                "name": node.row["name"],
                "carrier": node.row["carrier"],
                "unit": node.difference.unit,
            },
            node.columns(columns, framed.at, moment.now),
        )
        for node in found
    ]
    head = {"interval": framed.interval, "zone": owner["zone"], "as_of": moment.said(owner["zone"])}
    return groups.answer(form, head, framed.at[:-1], series, balance.NONE)
