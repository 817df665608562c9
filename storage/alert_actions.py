"""What people do with alerts: acknowledge, assign, comment, resolve, dismiss, take that back. All or none of the alerts
named change; every act is in the trail with who did it and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from config.samples import now_us
from storage import alerts, notifications
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection, Database
    from storage.views import Sight

Action = Literal["acknowledged", "assigned", "commented", "resolved", "dismissed", "reinstated"]
LIVE = ("open", "acknowledged", "suppressed")
_FROM: dict[Action, tuple[str, ...]] = {
    "acknowledged": ("open",),
    "assigned": LIVE,
    "commented": (*LIVE, "resolved", "dismissed"),
    "resolved": LIVE,
    "dismissed": (*LIVE, "resolved"),
    "reinstated": ("resolved", "dismissed"),
}
"""The states in which an action is possible."""


class CannotAct(Exception):
    """Nothing was done: per alert that stood in the way, its state; None: there is none to be seen."""

    def __init__(self, action: Action, states: dict[int, str | None]) -> None:
        self.action, self.states = action, states
        super().__init__(f"alerts that cannot be {action}: {states}")

    @property
    def possible(self) -> tuple[str, ...]:
        return _FROM[self.action]


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and what may be seen by them."""

    actor: str
    sight: Sight


async def acknowledge(db: Database, ids: Sequence[int], by: By, note: str) -> None:
    """Somebody has seen them and cares. Raises CannotAct."""
    async with db.transaction() as conn:
        await _claim(conn, ids, by, "acknowledged")
        await conn.execute(SQL["alert_acknowledge"], ids)
        await _record(conn, ids, by, "acknowledged", note)


async def assign(db: Database, alert: int, by: By, assignee: str, note: str) -> None:
    """It is for `assignee` (empty: nobody) to deal with, and a target of that name is told. Raises CannotAct."""
    async with db.transaction() as conn:
        await _claim(conn, [alert], by, "assigned")
        await conn.execute(SQL["alert_assign"], [alert], assignee)
        await _record(conn, [alert], by, "assigned", f"{assignee or '–'}{': ' if note else ''}{note}")
        if assignee != by.actor:
            await notifications.assigned(conn, alert, assignee, now_us())


async def comment(db: Database, alert: int, by: By, note: str) -> None:
    """Something worth knowing. Raises CannotAct."""
    async with db.transaction() as conn:
        await _claim(conn, [alert], by, "commented")
        await conn.execute(SQL["alert_touch"], [alert])
        await _record(conn, [alert], by, "commented", note)


async def resolve(db: Database, alert: int, by: By, note: str) -> None:
    """It is dealt with; who was told of it is told so. Raises CannotAct."""
    async with db.transaction() as conn:
        await _claim(conn, [alert], by, "resolved")
        await conn.execute(SQL["alert_close"], [alert], "resolved")
        await _record(conn, [alert], by, "resolved", note)
        await notifications.resolved(conn, [alert], now_us(), tell=True)


async def dismiss(db: Database, ids: Sequence[int], by: By, reason: str, except_until: datetime | None) -> None:
    """They were false alarms; nothing more is told of them. `except_until`: nor of the same rules and subjects until
    then. Raises CannotAct."""
    async with db.transaction() as conn:
        await _claim(conn, ids, by, "dismissed")
        await conn.execute(SQL["alert_close"], ids, "dismissed")
        for alert in ids:
            note = reason
            if except_until is not None:
                number = await conn.fetchval(SQL["suppression_except"], alert, except_until, reason, by.actor)
                await conn.execute(SQL["suppression_audit"], number, by.actor, "create", "")
                note = f"{reason} (exception {number} until {except_until.isoformat()})"
            await _record(conn, [alert], by, "dismissed", note)
        await notifications.resolved(conn, ids, now_us(), tell=False)


async def reopen(db: Database, alert: int, by: By, reason: str) -> None:
    """It was dismissed, or resolved while its cause lasts, by mistake: it stands as it would have without; when its
    cause is over, as resolved. An exception made with a dismissal ends. Raises CannotAct."""
    async with db.transaction() as conn:
        await _claim(conn, [alert], by, "reinstated")
        state = await conn.fetchval(SQL["alert_reinstate"], alert)
        if state is None:
            raise CannotAct("reinstated", {alert: "resolved, and its cause is over"})
        for row in await conn.fetch(SQL["suppression_exceptions"], alert):
            await conn.execute(SQL["suppression_revoke"], row["id"], by.actor)
            await conn.execute(SQL["suppression_audit"], row["id"], by.actor, "revoke", reason)
        await _record(conn, [alert], by, "reinstated", reason)
        if state != "resolved":
            await notifications.reopened(conn, [alert], now_us())


async def _claim(conn: Connection, ids: Sequence[int], by: By, action: Action) -> None:
    """Lock the alerts; they stay as they are until the transaction ends. Raises CannotAct."""
    rows = await conn.fetch(SQL["alert_states"], ids, by.sight.uscc, by.sight.region)
    states = {row["id"]: row["state"] for row in rows}
    wrong = {number: states.get(number) for number in ids if states.get(number) not in _FROM[action]}
    if wrong:
        raise CannotAct(action, wrong)


async def _record(conn: Connection, ids: Sequence[int], by: By, action: Action, note: str) -> None:
    await alerts.record(conn, [(alert, action, note) for alert in ids], now_us(), by.actor)
