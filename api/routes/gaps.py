"""The gap ledger: expected readings that are absent, why, whose it is, and what people do about them."""

import re
from collections.abc import Awaitable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api.alert_models import Assign, Comment
from api.dealing import may, may_be_given
from api.deps import After, Asker, Enterprise, Limit, Seen, Served, numbered
from api.gap_models import Accept, GapAnswer, GapItem
from api.models import Page
from api.problems import Problem, bad_parameter
from api.refilling import Facts, plan
from api.services import Services
from api.times import DAY, local
from config.samples import now_us
from storage import ledger_actions, views
from storage.alert_actions import By
from storage.errors import StorageError
from storage.ledger import Asked, Cause, Owner, Shown
from storage.ledger_actions import CannotAccept
from storage.stream import LaneName
from storage.views import Sight

router = APIRouter(tags=["quality"])

Number = Annotated[int, Path(description="The gap's id", ge=1, le=2**63 - 2)]


@router.get("/v1/gaps", response_model=Page[GapItem])
async def list_gaps(
    served: Served,
    seen: Seen,
    enterprise: Enterprise = None,
    metering_point: Annotated[str | None, Query(description="Only those of the metering point with this code")] = None,
    state: Annotated[Shown | None, Query(description="Only those in this state. Default: all")] = None,
    cause: Annotated[Cause | None, Query(description="Only those of this cause")] = None,
    owner: Annotated[Owner | None, Query(description="Only those that are theirs to repair")] = None,
    assignee: Annotated[str | None, Query(description="Only those given to the key of this name")] = None,
    overdue: Annotated[bool, Query(description="Only those whose time for repair is over")] = False,
    group: Annotated[
        str | None,
        Query(description="`together`: gaps silenced together are one item; a number: those of the `group` of this id"),
    ] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Gaps, newest first: one for all quantities of a metering point that are missing at the same time."""
    asked = Asked(
        enterprise=enterprise,
        metering_point=metering_point,
        state=state,
        cause=cause,
        owner=owner,
        assignee=assignee,
        group=_group(group),
        together=group == "together",
        overdue=overdue,
    )
    return await _page(served, seen, asked, limit, numbered(after))


@router.get("/v1/gaps/{id}", response_model=GapAnswer)
async def one_gap(served: Served, seen: Seen, id: Number) -> dict[str, Any]:
    """A gap with its trail, and a plan: how it can be filled, or why not."""
    items = (await _page(served, seen, Asked(number=id), 1, None))["items"]
    if not items:
        raise Problem("not-found", f"no gap {id}")
    (item,) = items
    known = (await served.registry()).by_metering_point.get((item["uscc"], item["metering_point"]), {})
    lanes, now = await _waiting(served), now_us()
    facts = Facts(
        points=[served.points.points[known[quantity]] for quantity in item["quantities"] if quantity in known],
        waiting=sum(lane.get(item["uscc"], 0) for lane in lanes.values()),
        now=now,
        kept_from=now - served.retention_days * DAY,
    )
    return {**item, "events": await ledger_actions.trail(served.database, id), "plan": plan(item, facts)}


@router.post("/v1/gaps/{id}/accept", response_model=GapAnswer)
async def accept(served: Served, who: Asker, seen: Seen, id: Number, body: Accept) -> dict[str, Any]:
    """Accept that the readings of a gap that is over are lost, and say why. Should they come, it closes."""
    may(who, "accept gaps")
    return await _done(served, seen, id, ledger_actions.accept(served.database, id, By(who.name, seen), body.reason))


@router.post("/v1/gaps/{id}/assign", response_model=GapAnswer)
async def assign(served: Served, who: Asker, seen: Seen, id: Number, body: Assign) -> dict[str, Any]:
    """Give a gap to somebody to deal with; an empty assignee takes it back."""
    may(who, "assign gaps")
    before = await one_gap(served, seen, id)
    await may_be_given(served.database, body.assignee, before["uscc"], "gaps")
    by = By(who.name, seen)
    return await _done(served, seen, id, ledger_actions.assign(served.database, id, by, body.assignee, body.note))


@router.post("/v1/gaps/{id}/comment", response_model=GapAnswer)
async def comment(served: Served, who: Asker, seen: Seen, id: Number, body: Comment) -> dict[str, Any]:
    """Add to a gap's trail what is worth knowing."""
    may(who, "comment on gaps", "enterprise")
    return await _done(served, seen, id, ledger_actions.comment(served.database, id, By(who.name, seen), body.note))


async def _page(served: Services, seen: Sight, asked: Asked, limit: int, after: str | None) -> dict[str, Any]:
    coming = list((await _waiting(served)).get("backfill", {}))
    now = local(now_us(), "UTC")
    page = await views.gaps(
        served.database, seen, asked, served.repair_clock, now, coming=coming, limit=limit, after=after
    )
    return {"items": page.items, "next": page.next}


async def _waiting(served: Services) -> Mapping[LaneName, Mapping[str, int]]:
    """Messages that are not stored yet by lane and enterprise; none while nobody can say."""
    try:
        return await served.stream.waiting()
    except StorageError:
        return {}


async def _done(served: Services, seen: Sight, id: int, act: Awaitable[bool]) -> dict[str, Any]:
    """Do it and answer with the gap as it is then. Raises Problem."""
    try:
        found = await act
    except CannotAccept as error:
        raise Problem("conflict", str(error)) from None
    if not found:
        raise Problem("not-found", f"no gap {id}")
    return await one_gap(served, seen, id)


def _group(group: str | None) -> int | None:
    if group is None or group == "together":
        return None
    if not re.fullmatch("[0-9]{1,18}", group):
        raise bad_parameter("group", f"{group!r} is neither `together` nor the `group` of a gap")
    return int(group)
