"""Verdicts of the register engine on readings, and overruling them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.deps import After, Asker, Enterprise, Limit, Seen, Served, numbered
from api.edit_models import EditAnswer, EditPreview, Overrule, OverruleTried, VerdictItem
from api.models import Page
from api.problems import Problem
from api.routes.edits import Number, add, foreseen, may_edit
from api.routes.enterprises import Uscc
from api.routes.metering_points import Code, metering_point
from api.services import Services
from storage import views
from storage.edits import AT_ONE_READING, Wish
from storage.points import Point
from storage.verdicts import ESTIMATE, GAP, About
from storage.views import Sight

router = APIRouter(tags=["edits"])

_LEFT_OUT = ("transient", "frozen", "reverse")
"""Verdicts that leave readings out: to accept those is to accept the step back out of them, too."""


@router.get("/v1/metering-points/{uscc}/{code}/verdicts", response_model=Page[VerdictItem])
async def verdicts_of_metering_point(
    served: Served,
    seen: Seen,
    uscc: Uscc,
    code: Code,
    kind: Annotated[str | None, Query(description="Only of this kind")] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """What the register engine says of a metering point's readings, newest first."""
    row = await metering_point(served, seen, uscc, code)
    below = numbered(after)
    page = await views.verdicts(served.database, seen, metering_point=row["row"], kind=kind, limit=limit, after=below)
    return {"items": page.items, "next": page.next}


@router.get("/v1/verdicts", response_model=Page[VerdictItem])
async def list_verdicts(
    served: Served,
    seen: Seen,
    enterprise: Enterprise = None,
    kind: Annotated[str | None, Query(description="Only of this kind; `held`: what is suspect now")] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """All verdicts, newest first."""
    below = numbered(after)
    page = await views.verdicts(served.database, seen, enterprise=enterprise, kind=kind, limit=limit, after=below)
    return {"items": page.items, "next": page.next}


@router.post("/v1/verdicts/{id}/overrule", response_model=EditAnswer, status_code=201)
async def overrule(served: Served, who: Asker, seen: Seen, id: Number, body: Overrule) -> dict[str, Any]:
    """Say something else of the readings that a verdict is about: an edit, which can be undone."""
    may_edit(who)
    point, wish = await _wish(served, seen, id, body, body.reason)
    return await add(served, who, seen, point, wish)


@router.post("/v1/verdicts/{id}/overrule/preview", response_model=EditPreview)
async def preview(served: Served, who: Asker, seen: Seen, id: Number, body: OverruleTried) -> dict[str, Any]:
    """What overruling a verdict would do to the consumption. Nothing is written."""
    may_edit(who)
    return await foreseen(served, *await _wish(served, seen, id, body, ""))


async def _wish(served: Services, seen: Sight, id: int, body: OverruleTried, reason: str) -> tuple[Point, Wish]:
    """The edit that overrules a verdict. Raises Problem."""
    about = await views.verdict(served.database, seen, id)
    if about is None:
        raise Problem("not-found", f"no verdict {id}; it may have been told anew since: list them again")
    if about.kind in (GAP, ESTIMATE):
        raise Problem("conflict", f"verdict {id} is a {about.kind}: there are no readings to rule about")
    point = served.points.points.get(about.point_id)
    if point is None:
        raise Problem("conflict", f"the point of verdict {id} is not known here yet; try again in a moment")
    return point, Wish(body.action, about.first, _end(about, body.action), body.amount, reason)


def _end(about: About, action: str) -> int:
    if action in AT_ONE_READING:
        return about.first
    if action == "accept" and about.kind in _LEFT_OUT and about.next is not None:
        return about.next
    return about.last
