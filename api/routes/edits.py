"""Edits: what authorised people do to data, with before and after, and undo."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api.deps import After, Asker, Enterprise, Limit, Seen, Served, numbered
from api.edit_models import EditAnswer, EditItem, EditPreview, EditTried, EditWish, Undo
from api.effect import effect
from api.models import Page
from api.problems import Problem
from api.routes.enterprises import Uscc
from api.routes.metering_points import Code, metering_point, register
from api.services import Services
from api.times import DAY, microseconds, parse
from config.errors import ConfigError, Fault
from config.quantities import QUANTITIES
from config.samples import now_us
from storage import edit_previews, edits, views
from storage.access import Principal
from storage.edits import AT_ONE_READING, State, Wish
from storage.points import Point
from storage.views import Sight

router = APIRouter(tags=["edits"])

Number = Annotated[int, Path(description="Its id", ge=1, le=2**63 - 1)]
InForce = Annotated[State | None, Query(description="Only edits in force, or only undone ones")]


@router.post("/v1/metering-points/{uscc}/{code}/edits", response_model=EditAnswer, status_code=201)
async def make(served: Served, who: Asker, seen: Seen, uscc: Uscc, code: Code, body: EditWish) -> dict[str, Any]:
    """Correct data of a metering point. What it touches is computed again at once; earlier answers can be asked again
    with `as_of`."""
    may_edit(who)
    row = await metering_point(served, seen, uscc, code)
    point = register(served.points, row, body.quantity)
    return await add(served, who, seen, point, _wish(body, body.reason))


@router.post("/v1/metering-points/{uscc}/{code}/edits/preview", response_model=EditPreview)
async def preview(served: Served, who: Asker, seen: Seen, uscc: Uscc, code: Code, body: EditTried) -> dict[str, Any]:
    """What an edit would do to the consumption, before it is made. Nothing is written. What follows only indirectly
    (the spread of gaps nearby) is not foreseen."""
    may_edit(who)
    row = await metering_point(served, seen, uscc, code)
    return await foreseen(served, register(served.points, row, body.quantity), _wish(body, ""))


@router.get("/v1/metering-points/{uscc}/{code}/edits", response_model=Page[EditItem])
async def list_of_metering_point(
    served: Served, seen: Seen, uscc: Uscc, code: Code, state: InForce = None, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Edits of a metering point, newest first."""
    row = await metering_point(served, seen, uscc, code)
    below = numbered(after)
    page = await views.edits(served.database, seen, metering_point=row["row"], state=state, limit=limit, after=below)
    return {"items": page.items, "next": page.next}


@router.get("/v1/edits", response_model=Page[EditItem])
async def list_edits(
    served: Served,
    seen: Seen,
    enterprise: Enterprise = None,
    state: InForce = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """All edits, newest first."""
    below = numbered(after)
    page = await views.edits(served.database, seen, enterprise=enterprise, state=state, limit=limit, after=below)
    return {"items": page.items, "next": page.next}


@router.get("/v1/edits/{id}", response_model=EditAnswer)
async def one_edit(served: Served, seen: Seen, id: Number) -> dict[str, Any]:
    """An edit with its effect: the touched intervals before and after."""
    return await _answer(served, seen, id)


@router.post("/v1/edits/{id}/undo", response_model=EditAnswer)
async def undo(served: Served, who: Asker, seen: Seen, id: Number, body: Undo) -> dict[str, Any]:
    """Take an edit back: the data are computed again without it."""
    may_edit(who)
    found = await _answer(served, seen, id)
    if parse(found["from"]) < now_us() - served.retention_days * DAY:
        raise Problem("conflict", f"edit {id} is about readings that are no longer kept: what it made of them stays")
    if not await edits.undo(served.database, id, who.name, body.reason):
        raise Problem("conflict", f"edit {id} was undone by {found['undone_by']} already")
    return await _answer(served, seen, id)


def may_edit(who: Principal) -> None:
    """Raises Problem for those who only read."""
    if who.role not in ("admin", "operator"):
        raise Problem("forbidden", f"a key of role {who.role} cannot edit data")


def _wish(body: EditTried, reason: str) -> Wish:
    if body.end is None and body.action not in AT_ONE_READING:
        raise Problem("invalid-body", "to: is missing", errors=[("to", "is missing")])
    start = microseconds(body.start)
    end = start if body.end is None else microseconds(body.end)
    return Wish(body.action, start, end, body.amount, reason)


async def add(served: Services, who: Principal, seen: Sight, point: Point, wish: Wish) -> dict[str, Any]:
    """Put an edit in force. Raises Problem."""
    with _refusing(served, point, wish):
        number = await edits.add(served.database, point.id, wish, who.name)
    return await _answer(served, seen, number)


async def foreseen(served: Services, point: Point, wish: Wish) -> dict[str, Any]:
    """What an edit would do. Raises Problem."""
    with _refusing(served, point, wish):
        wish = await edits.placed(served.database, point.id, wish)
    found = await edit_previews.ask(served.stream, point.id, wish)
    if found.fault:
        raise Problem("conflict", f"there is no preview: {found.fault}")
    unit = QUANTITIES[point.quantity].unit
    return {"unit": unit, "changed": found.changed, **effect(found.before, found.after, point.zone)}


@contextmanager
def _refusing(served: Services, point: Point, wish: Wish) -> Iterator[None]:
    """Raises Problem for what is wrong with a wish, whatever is stored or because of it."""
    now = now_us()
    if found := list(edits.faults(wish, point, now, now - served.retention_days * DAY)):
        raise _refused(found)
    try:
        yield
    except ConfigError as error:
        raise _refused(error.faults) from None


def _refused(faults: Sequence[Fault]) -> Problem:
    errors = [(fault.where, f"{fault.what}; {fault.fix}") for fault in faults]
    return Problem("invalid-body", "; ".join(str(fault) for fault in faults), errors=errors)


async def _answer(served: Services, seen: Sight, number: int) -> dict[str, Any]:
    """An edit with its effect. Raises Problem."""
    found = await views.edit(served.database, seen, number)
    if found is None:
        raise Problem("not-found", f"no edit {number}")
    item, touched = found
    before, after = await asyncio.gather(
        views.shown(served.database, touched, touched.before), views.shown(served.database, touched, touched.after)
    )
    unit = QUANTITIES[item["quantity"]].unit
    return {**item, "unit": unit, "pending": touched.pending, **effect(before, after, touched.zone)}
