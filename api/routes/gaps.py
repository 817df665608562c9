"""Gaps: expected readings that are absent, and what people do about them."""

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api.alert_models import Assign, Comment
from api.dealing import may, may_be_given
from api.deps import After, Asker, Enterprise, Limit, Seen, Served, numbered
from api.gap_models import Accept, GapAnswer, GapItem, GapState
from api.models import Page
from api.problems import Problem
from api.services import Services
from storage import gap_actions, views
from storage.alert_actions import By
from storage.gap_actions import CannotAccept
from storage.views import Sight

router = APIRouter(tags=["quality"])

Number = Annotated[int, Path(description="The gap's id", ge=1, le=2**63 - 2)]


@router.get("/v1/gaps", response_model=Page[GapItem])
async def list_gaps(
    served: Served,
    seen: Seen,
    enterprise: Enterprise = None,
    state: Annotated[GapState | None, Query(description="Only those in this state. Default: all")] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Gaps, newest first."""
    below = numbered(after)
    page = await views.gaps(served.database, seen, enterprise=enterprise, state=state, limit=limit, after=below)
    return {"items": page.items, "next": page.next}


@router.get("/v1/gaps/{id}", response_model=GapAnswer)
async def one_gap(served: Served, seen: Seen, id: Number) -> dict[str, Any]:
    """A gap with its trail."""
    found = await views.gap(served.database, seen, id)
    if found is None:
        raise Problem("not-found", f"no gap {id}")
    return found | {"events": await gap_actions.trail(served.database, id)}


@router.post("/v1/gaps/{id}/accept", response_model=GapAnswer)
async def accept(served: Served, who: Asker, seen: Seen, id: Number, body: Accept) -> dict[str, Any]:
    """Accept that the readings of a gap that is over are lost, and say why. Should they come, it closes."""
    may(who, "accept gaps")
    return await _done(served, seen, id, gap_actions.accept(served.database, id, By(who.name, seen), body.reason))


@router.post("/v1/gaps/{id}/assign", response_model=GapAnswer)
async def assign(served: Served, who: Asker, seen: Seen, id: Number, body: Assign) -> dict[str, Any]:
    """Give a gap to somebody to deal with; an empty assignee takes it back."""
    may(who, "assign gaps")
    before = await one_gap(served, seen, id)
    await may_be_given(served.database, body.assignee, before["uscc"], "gaps")
    by = By(who.name, seen)
    return await _done(served, seen, id, gap_actions.assign(served.database, id, by, body.assignee, body.note))


@router.post("/v1/gaps/{id}/comment", response_model=GapAnswer)
async def comment(served: Served, who: Asker, seen: Seen, id: Number, body: Comment) -> dict[str, Any]:
    """Add to a gap's trail what is worth knowing."""
    may(who, "comment on gaps", "enterprise")
    return await _done(served, seen, id, gap_actions.comment(served.database, id, By(who.name, seen), body.note))


async def _done(served: Services, seen: Sight, id: int, act: Awaitable[bool]) -> dict[str, Any]:
    """Do it and answer with the gap as it is then. Raises Problem."""
    try:
        found = await act
    except CannotAccept as error:
        raise Problem("conflict", str(error)) from None
    if not found:
        raise Problem("not-found", f"no gap {id}")
    return await one_gap(served, seen, id)
