"""Who may deal with alerts and gaps, and whom they can be given to."""

from __future__ import annotations

from api.problems import Problem
from storage import access
from storage.access import Principal
from storage.database import Database


def may(who: Principal, what: str, *others: str) -> None:
    """Admin and operator may do `what` ("assign gaps"), and these other roles. Raises Problem."""
    if who.role not in ("admin", "operator", *others):
        raise Problem("forbidden", f"a key of role {who.role} cannot {what}")


async def may_be_given(db: Database, assignee: str, uscc: str, what: str) -> None:
    """Whether `what` ("gaps") of an enterprise can be given to somebody; to nobody it can. Raises Problem."""
    if assignee and not await access.may_deal(db, assignee, uscc):
        message = f"{assignee!r} is not a valid key that may deal with {what} of {uscc}"
        raise Problem("invalid-body", f"assignee: {message}", errors=[("assignee", message)])
