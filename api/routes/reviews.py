"""Metering review 能源计量审查: reports of an enterprise and period, signed by two people, with tables and evidence."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Response

from api.deps import After, Asker, Enterprise, From, Limit, Seen, Served, To, numbered
from api.models import Page
from api.problems import Problem
from api.review import evidence, pdf
from api.review.models import NewReview, Rejected, Report, ReviewItem, Signed
from api.review.report import build, encoded
from api.review.scope import Scope
from api.review.sheets import XLSX, to_xlsx
from api.review.tables import tables
from api.routes.enterprises import Uscc, enterprise
from api.services import Services
from storage import reviews, views
from storage.access import Principal
from storage.columns import instant
from storage.gaps import local
from storage.reviews import Decision, State
from storage.views import Row, Sight

router = APIRouter(tags=["review"])

Number = Annotated[int, Path(description="The review's id", ge=1, le=2**63 - 2)]
"""Below the largest that the database knows, as one more is asked for."""
_INLINE = "inline; filename="


@router.get("/v1/enterprises/{uscc}/review", response_model=Report)
async def preview(served: Served, seen: Seen, uscc: Uscc, start: From = None, to: To = None) -> Response:
    """The review report as it would be made now; both ends are needed and widened to whole days of the enterprise's
    zone, at most 400."""
    owner = await enterprise(served, seen, uscc)
    report = await build(Scope.of(served, seen, owner, start, to, await views.present(served.database)))
    return Response(encoded(report), media_type="application/json")


@router.post("/v1/reviews", response_model=ReviewItem, status_code=201)
async def make(served: Served, seen: Seen, who: Asker, body: NewReview) -> dict[str, Any]:
    """Make the report of a period that is over and freeze it, byte for byte, with what was known now (`as_of`). Someone
    else then signs it."""
    _may(who)
    owner = await enterprise(served, seen, body.enterprise)
    now = await views.present(served.database)
    scope = Scope.of(served, seen, owner, body.start.isoformat(), body.end.isoformat(), now)
    scope.require_over()
    report = encoded(await build(scope))
    number = await reviews.put(served.database, scope.uscc, *scope.bounds, instant(scope.now), report, who.name)
    return _item(await _one(served, seen, who, number))


@router.get("/v1/reviews", response_model=Page[ReviewItem])
async def list_reviews(
    served: Served,
    seen: Seen,
    who: Asker,
    enterprise: Enterprise = None,
    state: Annotated[State | None, Query(description="Only those made, signed or rejected")] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Reviews, newest first. Enterprises and regulators see the signed ones."""
    below = numbered(after)
    rows = await reviews.page(
        served.database,
        seen,
        signed_only=not _works_on(who),
        enterprise=enterprise,
        state=state,
        below=None if below is None else int(below),
        limit=limit + 1,
    )
    further = str(rows[limit - 1]["id"]) if len(rows) > limit else None
    return {"items": [_item(row) for row in rows[:limit]], "next": further}


@router.get("/v1/reviews/{id}", response_model=ReviewItem)
async def one_review(served: Served, seen: Seen, who: Asker, id: Number) -> dict[str, Any]:
    """A review: who made it, who decided, and the SHA-256 of its report."""
    return _item(await _one(served, seen, who, id))


@router.post("/v1/reviews/{id}/sign", response_model=ReviewItem)
async def sign(served: Served, seen: Seen, who: Asker, id: Number, body: Signed) -> dict[str, Any]:
    """Sign a report as the second person: whoever made it cannot. It never changes again."""
    return await _decide(served, seen, who, id, "signed", body.note)


@router.post("/v1/reviews/{id}/reject", response_model=ReviewItem)
async def reject(served: Served, seen: Seen, who: Asker, id: Number, body: Rejected) -> dict[str, Any]:
    """Reject a report as the second person, with the reason. It stays as it is; make another."""
    return await _decide(served, seen, who, id, "rejected", body.reason)


@router.get("/v1/reviews/{id}/report.{form}", response_model=Report)
async def report(
    served: Served,
    seen: Seen,
    who: Asker,
    id: Number,
    form: Annotated[Literal["json", "pdf", "xlsx"], Path(description="json: the signed bytes; xlsx: tables B.1-B.10")],
) -> Response:
    """The report of a review: what was frozen as JSON, and made of it a PDF to print and sign, or the tables B.1 to
    B.10 of JJF 1356 as a workbook."""
    row = await _one(served, seen, who, id)
    frozen = await reviews.report(served.database, id)
    named = {"Content-Disposition": f'{_INLINE}"review-{id}.{form}"'}
    if form == "json":
        return Response(frozen, media_type="application/json", headers=named)
    if form == "xlsx":
        body = await asyncio.to_thread(lambda: to_xlsx(tables(evidence.decoded(frozen))))
        return Response(body, media_type=XLSX, headers=named)
    return Response(await pdf.render(frozen, _item(row)), media_type="application/pdf", headers=named)


@router.get("/v1/reviews/{id}/evidence.zip", responses={200: {"content": {"application/zip": {}}}})
async def evidence_pack(served: Served, seen: Seen, who: Asker, id: Number) -> Response:
    """Everything behind a review in one file: report (JSON, PDF), tables, factors, rules with their thresholds, edits,
    and a manifest with the SHA-256 of each and who signed."""
    row = await _one(served, seen, who, id)
    frozen = await reviews.report(served.database, id)
    printed = await pdf.render(frozen, _item(row))
    body = await asyncio.to_thread(evidence.pack, frozen, printed, _item(row))
    named = {"Content-Disposition": f'attachment; filename="review-{id}-evidence.zip"'}
    return Response(body, media_type="application/zip", headers=named)


async def _decide(
    served: Services, seen: Sight, who: Principal, number: int, decision: Decision, reason: str
) -> dict[str, Any]:
    _may(who)
    row = await _one(served, seen, who, number)
    if row["state"] != "made":
        raise Problem("conflict", f"review {number} was {row['state']} by {row['decided_by']} already")
    if row["made_by"] == who.name:
        raise Problem("forbidden", f"{who.name} made review {number}; another person has to decide about it")
    if not await reviews.decide(served.database, number, decision, who.name, reason):
        raise Problem("conflict", f"somebody else has just decided about review {number}")
    return _item(await _one(served, seen, who, number))


async def _one(served: Services, seen: Sight, who: Principal, number: int) -> Row:
    """A review the asker may see. Raises Problem."""
    row = await reviews.one(served.database, seen, number, signed_only=not _works_on(who))
    if row is None:
        raise Problem("not-found", f"no review {number}")
    return row


def _item(row: Row) -> dict[str, Any]:
    """A review as the API shows it, its times in the enterprise's zone."""
    zone = ZoneInfo(row["zone"])
    times = {name: local(row[name], zone) for name, value in row.items() if isinstance(value, datetime)}
    shown = {**row, **times}
    return {**shown, "from": shown.pop("from_time"), "to": shown.pop("to_time")}


def _works_on(who: Principal) -> bool:
    return who.role in ("admin", "operator")


def _may(who: Principal) -> None:
    if not _works_on(who):
        raise Problem("forbidden", f"a key of role {who.role} cannot make or decide reviews")
