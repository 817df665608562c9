"""Alerts: listed, looked at, and what people do with them; every act is in the alert's trail."""

import contextlib
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query

from api.alert_models import (
    Acknowledge,
    Acknowledged,
    AlertAnswer,
    AlertItem,
    Assign,
    Comment,
    Dismiss,
    Dismissed,
    DismissMany,
    Note,
    Reopen,
)
from api.dealing import may, may_be_given
from api.deps import After, Asker, Enterprise, Limit, Seen, Served, behind, cursor, known_carrier
from api.models import Page
from api.problems import Problem
from api.routes.enterprises import Carrier
from api.services import Services
from storage import alert_actions, views
from storage.alert_actions import By, CannotAct
from storage.alerts import Chosen, Severity, Sort, State
from storage.errors import StorageError
from storage.suppressions import LONGEST
from storage.views import Sight

router = APIRouter(tags=["alerts"])

Number = Annotated[int, Path(description="The alert's id", ge=1, le=2**63 - 1)]
_Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@router.get("/v1/alerts", response_model=Page[AlertItem])
async def list_alerts(
    served: Served,
    seen: Seen,
    state: Annotated[State, Query(description="live: open or acknowledged")] = "live",
    enterprise: Enterprise = None,
    rule: Annotated[str | None, Query(description="Only those of this rule: gap, offline …")] = None,
    severity: Annotated[Severity | None, Query(description="Only those of this severity")] = None,
    assignee: Annotated[str | None, Query(description="Only those assigned to this key; empty: to nobody")] = None,
    carrier: Carrier = None,
    sort: Annotated[
        Sort, Query(description="newest first, or by materiality: most money at stake first, then by severity")
    ] = "newest",
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Alerts."""
    known_carrier(carrier)
    chosen = Chosen(enterprise, None, state, rule, severity, assignee, carrier)
    found = await views.alerts(
        served.database, seen, chosen, sort=sort, limit=limit, after=behind(after, tuple[float, int, _Whole])
    )
    return {"items": found.items, "next": None if found.next is None else cursor(*found.next)}


@router.get("/v1/alerts/{id}", response_model=AlertAnswer)
async def one_alert(served: Served, seen: Seen, id: Number) -> dict[str, Any]:
    """An alert with its trail, and where the series is that shows it."""
    found = await views.alert(served.database, seen, id)
    if found is None:
        raise Problem("not-found", f"no alert {id}")
    return found


@router.post("/v1/alerts/acknowledge", response_model=Acknowledged)
async def acknowledge_many(served: Served, who: Asker, seen: Seen, body: Acknowledge) -> dict[str, Any]:
    """Say that somebody has seen these open alerts and cares for them: all of them, or none."""
    may(who, "acknowledge alerts", "enterprise")
    ids = list(dict.fromkeys(body.ids))
    by = By(who.name, seen)
    await _all(served, body.ids, alert_actions.acknowledge(served.database, ids, by, body.note))
    return {"acknowledged": ids}


@router.post("/v1/alerts/dismiss", response_model=Dismissed)
async def dismiss_many(served: Served, who: Asker, seen: Seen, body: DismissMany) -> dict[str, Any]:
    """Say that these alerts were false, and why: all of them, or none."""
    may(who, "dismiss alerts")
    ids = list(dict.fromkeys(body.ids))
    by = By(who.name, seen)
    await _all(served, body.ids, alert_actions.dismiss(served.database, ids, by, body.reason, _until(body)))
    return {"dismissed": ids}


@router.post("/v1/alerts/{id}/acknowledge", response_model=AlertAnswer)
async def acknowledge(served: Served, who: Asker, seen: Seen, id: Number, body: Note) -> dict[str, Any]:
    """Say that somebody has seen an open alert and cares for it."""
    may(who, "acknowledge alerts", "enterprise")
    return await _done(
        served, seen, id, alert_actions.acknowledge(served.database, [id], By(who.name, seen), body.note)
    )


@router.post("/v1/alerts/{id}/assign", response_model=AlertAnswer)
async def assign(served: Served, who: Asker, seen: Seen, id: Number, body: Assign) -> dict[str, Any]:
    """Give an alert to somebody to deal with, who is told where a target has the same name; an empty assignee takes it
    back."""
    may(who, "assign alerts")
    before = await one_alert(served, seen, id)
    await may_be_given(served.database, body.assignee, before["uscc"], "alerts")
    by = By(who.name, seen)
    return await _done(served, seen, id, alert_actions.assign(served.database, id, by, body.assignee, body.note))


@router.post("/v1/alerts/{id}/comment", response_model=AlertAnswer)
async def comment(served: Served, who: Asker, seen: Seen, id: Number, body: Comment) -> dict[str, Any]:
    """Add to an alert's trail what is worth knowing."""
    may(who, "comment on alerts", "enterprise")
    return await _done(served, seen, id, alert_actions.comment(served.database, id, By(who.name, seen), body.note))


@router.post("/v1/alerts/{id}/resolve", response_model=AlertAnswer)
async def resolve(served: Served, who: Asker, seen: Seen, id: Number, body: Note) -> dict[str, Any]:
    """Say that an alert is dealt with. While its cause lasts it raises no other."""
    may(who, "resolve alerts")
    return await _done(served, seen, id, alert_actions.resolve(served.database, id, By(who.name, seen), body.note))


@router.post("/v1/alerts/{id}/dismiss", response_model=AlertAnswer)
async def dismiss(served: Served, who: Asker, seen: Seen, id: Number, body: Dismiss) -> dict[str, Any]:
    """Say that an alert was false, and why; if wanted, with an exception that holds the like back until a day."""
    may(who, "dismiss alerts")
    by = By(who.name, seen)
    return await _done(served, seen, id, alert_actions.dismiss(served.database, [id], by, body.reason, _until(body)))


@router.post("/v1/alerts/{id}/reopen", response_model=AlertAnswer)
async def reopen(served: Served, who: Asker, seen: Seen, id: Number, body: Reopen) -> dict[str, Any]:
    """Take back a mistaken dismissal, or a resolution while the cause lasts; an exception made with it ends. Where the
    cause is over the alert is resolved."""
    may(who, "reopen alerts")
    return await _done(served, seen, id, alert_actions.reopen(served.database, id, By(who.name, seen), body.reason))


def _until(body: Dismiss) -> datetime | None:
    """The end of the exception asked for. Raises Problem."""
    now = datetime.now(UTC)
    if body.except_until is not None and not now < body.except_until <= now + LONGEST:
        message = f"must lie within the next {LONGEST.days} days"
        raise Problem("invalid-body", f"except_until: {message}", errors=[("except_until", message)])
    return body.except_until


async def _all(served: Services, ids: Sequence[int], act: Awaitable[None]) -> None:
    """Do it, and tell those who look on. Raises Problem, naming each alert that stands in the way."""
    try:
        await act
    except CannotAct as error:
        errors = [(f"ids.{ids.index(number)}", _why(error, number)) for number in error.states]
        detail = f"nothing was {error.action}: {'; '.join(message for _, message in errors)}"
        raise Problem("conflict", detail, errors=errors) from None
    with contextlib.suppress(StorageError):  # they will see it when they look again
        for item in await views.alerts_now(served.database, ids):
            await served.stream.notify(f"events.alerts.{item['uscc']}", msgspec.json.encode(item))


async def _done(served: Services, seen: Sight, id: int, act: Awaitable[None]) -> dict[str, Any]:
    """Do it, tell those who look on, and answer with the alert as it is then. Raises Problem."""
    try:
        await act
    except CannotAct as error:
        kind = "not-found" if error.states[id] is None else "conflict"
        raise Problem(kind, _why(error, id)) from None
    after = await one_alert(served, seen, id)
    with contextlib.suppress(StorageError):  # they will see it when they look again
        item = {name: value for name, value in after.items() if name not in ("events", "excerpt")}
        await served.stream.notify(f"events.alerts.{after['uscc']}", msgspec.json.encode(item))
    return after


def _why(error: CannotAct, number: int) -> str:
    state = error.states[number]
    if state is None:
        return f"no alert {number}"
    return f"alert {number} is {state}; only one that is {' or '.join(error.possible)} can be {error.action}"
