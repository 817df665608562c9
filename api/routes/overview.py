"""The whole at a glance."""

import contextlib
from typing import Any

from fastapi import APIRouter

from api.deps import Seen, Served
from api.models import Overview
from api.routes.enterprises import items
from api.services import Services
from api.standing import Standing
from config.samples import now_us
from storage import views
from storage.errors import StorageError

router = APIRouter(tags=["overview"])


@router.get("/v1/overview", response_model=Overview)
async def overview(served: Served, seen: Seen) -> dict[str, Any]:
    """Everything the asker sees, summed up, and the list of its enterprises."""
    rows = await views.enterprises(served.database, seen)
    standings = await served.standings.get(served.database, served.points, served.latest, now_us())
    today = Standing()
    for row in rows:
        if standing := standings.get(row["uscc"]):
            today.expected += standing.expected
            today.received += standing.received
    shown = await items(served, rows)
    backlog = await _backlog(served)
    sums = {
        name: sum(item[name] for item in shown)
        for name in ("metering_points", "meters", "online", "offline", "open_alerts")
    }
    known = sums["online"] + sums["offline"]
    return {
        **sums,
        "enterprises": len(shown),
        "online_rate": sums["online"] / known if known else None,
        "completeness_today": today.completeness,
        "ingest_lag_s": served.latest.lag_s(backlog["live"] if backlog else 0),
        "backlog": backlog,
        "watched_until": await views.watched_until(served.database),
        "items": shown,
    }


async def _backlog(served: Services) -> dict[str, int] | None:
    with contextlib.suppress(StorageError):
        return await served.stream.backlog()
    return None
