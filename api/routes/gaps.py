"""Gaps: expected readings that are absent."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from api.deps import After, Enterprise, Limit, Seen, Served, numbered
from api.models import GapItem, Page
from storage import views

router = APIRouter(tags=["quality"])


@router.get("/v1/gaps", response_model=Page[GapItem])
async def list_gaps(
    served: Served,
    seen: Seen,
    enterprise: Enterprise = None,
    state: Annotated[
        Literal["open", "closed"] | None,
        Query(description="open: the data are still missing; closed: filled. Default: both"),
    ] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Gaps, newest first."""
    below = numbered(after)
    page = await views.gaps(served.database, seen, enterprise=enterprise, state=state, limit=limit, after=below)
    return {"items": page.items, "next": page.next}
