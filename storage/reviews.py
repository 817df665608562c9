"""Review reports: frozen as JSON with its hash, then signed or rejected by a second person, and never changed again.

Also what a report tells that no other question asks for. Every question is bounded by who asks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from storage.database import Database
from storage.views import Row, Sight

State = Literal["made", "signed", "rejected"]
Decision = Literal["signed", "rejected"]
_ACTIONS: dict[Decision, str] = {"signed": "sign", "rejected": "reject"}


async def put(
    db: Database, uscc: str, start: datetime, past: datetime, as_of: datetime, report: bytes, actor: str
) -> int:
    """Keep a report about [start, past); its id."""
    digest = hashlib.sha256(report).hexdigest()
    async with db.transaction() as conn:
        made: int = await conn.fetchval(db.sql["review_put"], uscc, start, past, as_of, report, digest, actor)
        await conn.execute(db.sql["review_audit"], made, actor, "create")
    return made


async def decide(db: Database, review: int, decision: Decision, actor: str, reason: str) -> bool:
    """Sign or reject a report. False when it is decided already, or the actor's own."""
    async with db.transaction() as conn:
        if await conn.fetchval(db.sql["review_decide"], review, decision, actor, reason) is None:
            return False
        await conn.execute(db.sql["review_audit"], review, actor, _ACTIONS[decision])
    return True


async def page(
    db: Database,
    sight: Sight,
    *,
    signed_only: bool,
    enterprise: str | None = None,
    state: State | None = None,
    below: int | None = None,
    limit: int,
) -> list[Row]:
    """Reviews without their reports, newest first; `below`: only ids below."""
    return await _rows(db, "review_page", sight.uscc, sight.region, signed_only, enterprise, state, below, limit)


async def one(db: Database, sight: Sight, review: int, *, signed_only: bool) -> Row | None:
    """A review without its report; None when there is none to be seen."""
    found = await page(db, sight, signed_only=signed_only, below=review + 1, limit=1)
    return found[0] if found and found[0]["id"] == review else None


async def report(db: Database, review: int) -> bytes:
    """The report as it was made. Its review was found by `one`."""
    async with db.connection() as conn:
        return bytes(await conn.fetchval(db.sql["review_report"], review))


async def gaps(db: Database, points: Sequence[int], start: datetime, past: datetime, most: int) -> list[Row]:
    """Gaps of points that overlap [start, past), longest first; each row also counts all of them."""
    return await _rows(db, "review_gaps", points, start, past, most)


async def alert_counts(db: Database, sight: Sight, uscc: str, start: datetime, past: datetime) -> list[Row]:
    """How many alerts stood during [start, past), by rule and state."""
    return await _rows(db, "review_alert_counts", sight.uscc, sight.region, uscc, start, past)


async def alerts(db: Database, sight: Sight, uscc: str, start: datetime, past: datetime, most: int) -> list[Row]:
    """Alerts that stood during [start, past), most at stake first, with the last word about each."""
    return await _rows(db, "review_alerts", sight.uscc, sight.region, uscc, start, past, most)


async def edits(db: Database, sight: Sight, uscc: str, start: datetime, past: datetime) -> list[Row]:
    """Edits of data in [start, past), also undone ones, in the order they were made."""
    return await _rows(db, "review_edits", sight.uscc, sight.region, uscc, start, past)


async def lists(db: Database, sight: Sight, uscc: str) -> dict[str, list[dict[str, Any]]]:
    """Staff, equipment and stock of an enterprise as the registry has them."""
    found = await _rows(db, "review_lists", sight.uscc, sight.region, uscc)
    return {name: json.loads(text) for row in found for name, text in row.items()}


async def _rows(db: Database, query: str, *arguments: object) -> list[Row]:
    async with db.connection() as conn:
        return [dict(row) for row in await conn.fetch(db.sql[query], *arguments)]
