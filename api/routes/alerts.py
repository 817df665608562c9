"""Alerts: listed, looked at, acknowledged."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api.deps import After, Asker, Enterprise, Limit, Seen, Served, numbered
from api.models import AlertAnswer, AlertItem, Note, Page
from api.problems import Problem
from storage import views
from storage.alerts import State

router = APIRouter(tags=["alerts"])

Number = Annotated[int, Path(description="The alert's id", ge=1, le=2**63 - 1)]


@router.get("/v1/alerts", response_model=Page[AlertItem])
async def list_alerts(
    served: Served,
    seen: Seen,
    state: Annotated[State, Query(description="live: open or acknowledged")] = "live",
    enterprise: Enterprise = None,
    rule: Annotated[str | None, Query(description="Only those of this rule: gap, offline …")] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Alerts, newest first."""
    below = numbered(after)
    page = await views.alerts(
        served.database, seen, enterprise=enterprise, state=state, rule=rule, limit=limit, after=below
    )
    return {"items": page.items, "next": page.next}


@router.get("/v1/alerts/{id}", response_model=AlertAnswer)
async def one_alert(served: Served, seen: Seen, id: Number) -> dict[str, Any]:
    """An alert with its trail."""
    found = await views.alert(served.database, seen, id)
    if found is None:
        raise Problem("not-found", f"no alert {id}")
    return found


@router.post("/v1/alerts/{id}/acknowledge", response_model=AlertAnswer)
async def acknowledge(served: Served, who: Asker, seen: Seen, id: Number, body: Note) -> dict[str, Any]:
    """Say that somebody has seen an open alert and cares for it."""
    if who.role == "regulator":
        raise Problem("forbidden", "a regulator's key reads; it cannot acknowledge alerts")
    before = await one_alert(served, seen, id)
    if not await views.acknowledge(served.database, seen, id, actor=who.name, note=body.note):
        raise Problem("conflict", f"alert {id} is {before['state']}; only an open one can be acknowledged")
    return await one_alert(served, seen, id)
