"""What happened in the period of a review report: gaps, alerts with their outcomes, edits."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import msgspec

from api.review.scope import Scope
from api.standing import registers
from storage import history, reviews
from storage.views import Row

_GAP = ("from_time", "to_time", "cause", "state", "missing")
MOST = 200
"""Gaps, and alerts, that a report names one by one; the counts are of all."""


async def gaps(scope: Scope) -> dict[str, Any]:
    """Missing stretches of the registers that count, the longest one by one."""
    own = {point.id: code for (uscc, code), point in registers(scope.served.points).items() if uscc == scope.uscc}
    rows = await reviews.gaps(scope.served.database, list(own), *scope.bounds, MOST)
    counts = rows[0] if rows else {"gaps": 0, "open": 0, "all_missing": 0}
    return {
        "count": counts["gaps"],
        "open": counts["open"],
        "missing": counts["all_missing"],
        "items": [
            {"metering_point": own[row["point"]], **_timed(scope, {name: row[name] for name in _GAP})} for row in rows
        ],
    }


async def alerts(scope: Scope) -> dict[str, Any]:
    """Anomalies by rule with their outcomes; those with most at stake one by one, with the numbers behind each and
    the last word about it. `uninspected_since`: history came in in which nobody has looked for anomalies yet."""
    asked = (scope.served.database, scope.sight, scope.uscc, *scope.bounds)
    rules: dict[str, Counter[str]] = {}
    for row in await reviews.alert_counts(*asked):
        rules.setdefault(row["rule"], Counter())[row["state"]] = row["alerts"]
    found = await reviews.alerts(*asked, MOST)
    items = [_timed(scope, {**row, "evidence": msgspec.json.decode(row["evidence"])}) for row in found]
    async with scope.served.database.connection() as conn:
        since = await history.uninspected(conn)
    return {
        "uninspected_since": scope.at(max(since, scope.start)) if since is not None and since < scope.past else None,
        "count": sum(counts.total() for counts in rules.values()),
        "rules": [{"rule": rule, "total": counts.total(), "states": dict(counts)} for rule, counts in rules.items()],
        "items": items,
    }


async def edits(scope: Scope) -> list[dict[str, Any]]:
    """What people did to the period's data, also what they undid."""
    rows = await reviews.edits(scope.served.database, scope.sight, scope.uscc, *scope.bounds)
    return [_timed(scope, row) for row in rows]


def _timed(scope: Scope, row: Row) -> dict[str, Any]:
    """A row with its times in the enterprise's zone, a range as `from` and `to`."""
    ends = {"from_time": "from", "to_time": "to"}
    return {
        ends.get(name, name): scope.moment(value) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
