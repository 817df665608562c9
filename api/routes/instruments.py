"""The instrument register, and how well an enterprise is equipped."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from api.deps import After, Enterprise, Limit, Seen, Served, behind, known_carrier, paged
from api.models import Equipping, InstrumentItem, Page
from api.review import equipping as equipped
from api.review import instruments
from api.review.sheets import XLSX, to_csv, to_xlsx
from api.routes.enterprises import Carrier, Uscc, enterprise
from api.times import local
from config.samples import now_us
from storage import views
from storage.columns import instant

router = APIRouter(tags=["review"])

MOST = 20_000
"""Instruments in one file."""
Level = Annotated[int | None, Query(ge=1, le=3, description="Only at metering points of this level of GB 17167")]
State = Annotated[
    Literal["qualified", "limited", "out_of_use"] | None, Query(description="Only those in this state 合格/准用/停用")
]
Due = Annotated[
    int | None,
    Query(ge=0, le=3660, description="Only those whose verification ends within so many days or has ended"),
]
Form = Annotated[Literal["csv", "xlsx"], Path(description="Form of the file")]


def now() -> datetime:
    return instant(now_us())


def asked(
    enterprise: Enterprise = None,
    carrier: Carrier = None,
    level: Level = None,
    state: State = None,
    due_within: Due = None,
) -> dict[str, Any]:
    """Which instruments are asked for. Raises Problem."""
    known_carrier(carrier)
    return {"enterprise": enterprise, "carrier": carrier, "level": level, "state": state, "due_within": due_within}


Asked = Annotated[dict[str, Any], Depends(asked)]


@router.get("/v1/instruments", response_model=Page[InstrumentItem])
async def list_instruments(
    served: Served, seen: Seen, wanted: Asked, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Instruments by enterprise and code: certificate, verification, state, and where each is installed now."""
    above = behind(after, tuple[str, str])
    rows = await views.instruments(served.database, seen, now(), **wanted, above=above, limit=limit + 1)
    items, further = paged(rows, limit, "uscc", "code")
    return {"items": [instruments.item(row) for row in items], "next": further}


@router.get("/v1/instruments.{form}", responses={200: {"content": {XLSX: {}, "text/csv": {}}}})
async def instruments_file(served: Served, seen: Seen, wanted: Asked, form: Form) -> Response:
    """The same as a table 能源计量器具一览表, at most 20,000 instruments."""
    rows = await views.instruments(served.database, seen, now(), **wanted, limit=MOST)
    table = instruments.sheet("B.3", "能源计量器具一览表", rows)
    body = to_csv(table) if form == "csv" else await asyncio.to_thread(to_xlsx, [table])
    media = "text/csv; charset=utf-8" if form == "csv" else XLSX
    named = {"Content-Disposition": f'attachment; filename="instruments.{form}"'}
    return Response(body, media_type=media, headers=named)


@router.get("/v1/enterprises/{uscc}/equipping", response_model=Equipping)
async def equipping(served: Served, seen: Seen, uscc: Uscc) -> dict[str, Any]:
    """Equipping rates 配备率 by kind of energy and level, accuracy classes and verification coverage now, against the
    edition of GB 17167 in force. Every figure of the standard says where it comes from and whether it was verified.

    Needed are the metering points the registry says must have a meter (`required`), installed those that have one that
    is not out of use.
    """
    owner = await enterprise(served, seen, uscc)
    at = now()
    wanted = await views.to_be_measured(served.database, seen, uscc)
    rows = await views.instruments(served.database, seen, at, enterprise=uscc)
    return equipped.equipping(wanted, rows, local(now_us(), owner["zone"]).date())
