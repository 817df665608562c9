"""Maintenance windows and exceptions: what alerts are recorded but not told."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api.alert_models import Created, Maintenance, Revoke, SuppressionItem
from api.deps import After, Asker, Enterprise, Limit, Seen, Served, numbered
from api.models import Page
from api.problems import Problem
from config.errors import ConfigError
from storage import suppressions, views
from storage.access import Principal
from storage.suppressions import Kind, Window

router = APIRouter(tags=["alerts"])

Number = Annotated[int, Path(description="The suppression's id", ge=1, le=2**63 - 1)]


@router.get("/v1/suppressions", response_model=Page[SuppressionItem])
async def list_suppressions(
    served: Served,
    seen: Seen,
    kind: Annotated[Kind | None, Query(description="Only maintenance windows, or only exceptions")] = None,
    current: Annotated[bool, Query(description="Only those in force or to come")] = True,
    enterprise: Enterprise = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Maintenance windows and exceptions, newest first. Exceptions are made when an alert is dismissed."""
    below = numbered(after)
    page = await views.suppressions(
        served.database, seen, enterprise=enterprise, kind=kind, current=current, limit=limit, after=below
    )
    return {"items": page.items, "next": page.next}


@router.post("/v1/suppressions", response_model=Created, status_code=201)
async def plan(served: Served, who: Asker, body: Maintenance) -> dict[str, Any]:
    """Announce a maintenance window or planned shutdown, also afterwards: gaps that begin in it have the cause
    `planned`, alerts are recorded but not told. Alerts that still stand at its end are told then."""
    _may(who)
    window = Window(body.enterprise, body.start, body.end, body.reason, body.address, body.metering_point)
    try:
        return {"id": await suppressions.plan(served.database, window, who.name)}
    except ConfigError as error:
        errors = [(fault.where, fault.what) for fault in error.faults]
        raise Problem("invalid-body", str(error), errors=errors) from None


@router.post("/v1/suppressions/{id}/revoke", status_code=204)
async def revoke(served: Served, who: Asker, id: Number, body: Revoke) -> None:
    """End one now; what still stands of what it held back is told."""
    _may(who)
    if not await suppressions.revoke(served.database, id, who.name, body.reason):
        raise Problem("not-found", f"no suppression {id} is in force or to come")


def _may(who: Principal) -> None:
    if who.role not in ("admin", "operator"):
        raise Problem("forbidden", f"a key of role {who.role} cannot change what is told")
