"""What happened in the period of a review report: gaps, and alerts with their outcomes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from api.review.scope import Scope
from api.standing import registers
from storage import reviews

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
            {
                "metering_point": own[row["point"]],
                "from": scope.moment(row["from_time"]),
                "to": scope.moment(row["to_time"]),
                **{name: row[name] for name in ("cause", "state", "missing")},
            }
            for row in rows
        ],
    }


async def alerts(scope: Scope) -> dict[str, Any]:
    """Anomalies by rule with their outcomes; those with most at stake one by one, with the last word about each."""
    asked = (scope.served.database, scope.sight, scope.uscc, *scope.bounds)
    rules: dict[str, Counter[str]] = {}
    for row in await reviews.alert_counts(*asked):
        rules.setdefault(row["rule"], Counter())[row["state"]] = row["alerts"]
    items = [
        {**row, "onset": scope.moment(row["onset"]), "ended": scope.moment(row["ended"])}
        for row in await reviews.alerts(*asked, MOST)
    ]
    return {
        "count": sum(counts.total() for counts in rules.values()),
        "rules": [{"rule": rule, "total": counts.total(), "states": dict(counts)} for rule, counts in rules.items()],
        "items": items,
    }
