"""Targets: who is told of alerts, and how; tests, and the log of what was delivered."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from alerts.message import trial
from api.deps import After, Asker, Limit, Served, numbered
from api.models import Page
from api.problems import Problem
from api.services import Services
from api.target_models import NotificationItem, TargetBody, TargetItem, Tried
from config.errors import ConfigError
from config.samples import now_us
from storage import notifications, targets
from storage.notifications import State
from storage.targets import Target

router = APIRouter(tags=["targets"])

PATIENCE_S = 15.0
"""How long a test waits for what becomes of it."""
Name = Annotated[str, Path(description="The target's name", max_length=64)]


def staff(who: Asker) -> str:
    """The name of the asker, who must be admin or operator. Raises Problem."""
    if who.role not in ("admin", "operator"):
        raise Problem("forbidden", f"a key of role {who.role} has nothing to do with who is told of alerts")
    return who.name


Staff = Annotated[str, Depends(staff)]


@router.get("/v1/targets", response_model=Page[TargetItem])
async def list_targets(served: Served, _: Staff) -> dict[str, Any]:
    """All targets; what is secret is not shown."""
    return {"items": await targets.listed(served.database), "next": None}


@router.put("/v1/targets/{name}", response_model=TargetItem)
async def put_target(served: Served, who: Staff, name: Name, body: TargetBody) -> dict[str, Any]:
    """Add a target or change it; it is enabled."""
    given = {key: value for key, value in body.model_dump().items() if value is not None}
    if given.get("enterprise") == "":
        given["enterprise"] = None
    known = await targets.find(served.database, name)
    lacking = [field for field in ("kind", "address") if known is None and field not in given]
    if lacking:
        errors = [(field, "a new target needs it") for field in lacking]
        raise Problem("invalid-body", f"there is no target {name!r} yet; give {' and '.join(lacking)}", errors=errors)
    try:
        await targets.put(served.database, replace(known, **given) if known else Target(name, **given), who)
    except ConfigError as error:
        errors = [(fault.where, f"{fault.what}; {fault.fix}") for fault in error.faults]
        raise Problem("invalid-body", str(error), errors=errors) from None
    return await _one(served, name)


@router.post("/v1/targets/{name}/disable", response_model=TargetItem)
async def disable(served: Served, who: Staff, name: Name) -> dict[str, Any]:
    """Tell it nothing more, nor what waits for it. PUT enables it again."""
    if not await targets.disable(served.database, name, who):
        raise Problem("not-found", f"no target {name!r}")
    return await _one(served, name)


@router.post("/v1/targets/{name}/test", response_model=Tried)
async def test(served: Served, _: Staff, name: Name) -> dict[str, Any]:
    """Send a test by the very way alerts take, and say what became of it."""
    now = now_us()
    number = await targets.test(served.database, name, trial(name, now), now)
    if number is None:
        raise Problem("not-found", f"no target {name!r} is enabled")
    fate = await notifications.fate(served.database, number, PATIENCE_S)
    return {"state": fate.state, "error": fate.error}


@router.get("/v1/notifications", response_model=Page[NotificationItem])
async def list_notifications(
    served: Served,
    _: Staff,
    target: Annotated[str | None, Query(description="Only those to this target")] = None,
    state: Annotated[State | None, Query(description="Only those of this state")] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """What targets were told, newest first, and whether it arrived."""
    below = numbered(after)
    page = await notifications.log(
        served.database, target=target, state=state, limit=limit, after=None if below is None else int(below)
    )
    return {"items": page.items, "next": None if page.next is None else str(page.next)}


async def _one(served: Services, name: str) -> dict[str, Any]:
    return next(item for item in await targets.listed(served.database) if item["name"] == name)
