"""What a review report says of alert rules: the thresholds that held for the enterprise, and its allowances 定额."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

from alerts.thresholds import Thresholds
from api.buckets import Interval, edges
from api.composition import Composition
from api.review.figures import cell
from api.review.scope import Scope
from api.series import bucket_columns
from api.totals import counted, stored
from config.rules import Scope as Whom
from config.rules import Setting, rules
from storage import thresholds
from storage.views import Row

_PERIODS: tuple[tuple[Literal["monthly", "annual"], Interval], ...] = (("monthly", "1mo"), ("annual", "1y"))


async def settings(scope: Scope) -> list[Setting]:
    """What is set for the enterprise, its metering points, or whoever they are."""
    async with scope.served.database.connection() as conn:
        known = await thresholds.read(conn)
    return [one for one in known if _concerns(Whom.parse(one.scope), scope.uscc)]


def _concerns(whom: Whom, uscc: str) -> bool:
    return whom.kind in ("default", "carrier") or whom.of == uscc


def listed(known: Sequence[Setting]) -> list[dict[str, Any]]:
    """Every rule with its defaults and what is set over them."""
    return [
        {
            "rule": name,
            "zh": rule.zh,
            "en": rule.en,
            "verified": rule.verified,
            "defaults": rule.defaults,
            "set": [{"scope": one.scope, "thresholds": dict(one.body)} for one in known if one.rule == name],
        }
        for name, rule in rules().items()
    ]


async def quotas(scope: Scope, rows: Sequence[Row], known: Sequence[Setting]) -> list[dict[str, Any]]:
    """Each metering point's allowances beside what it used, for all months and years that the period touches."""
    judged = Thresholds(known)
    limits = {row["code"]: judged.of("quota", row["carrier"], row["uscc"], row["code"]) for row in rows}
    found = []
    for period, interval in _PERIODS:
        limited = [one for one in counted(scope.served.points, rows) if limits[one[0]["code"]][period] is not None]
        if limited:
            at = edges(interval, scope.start, scope.past, scope.zone)
            columns = await stored(scope.served, [made for _, made in limited], "day", at, scope.now)
            for row, made in limited:
                used = bucket_columns(made.buckets(columns, at, scope.now, None))
                found += list(_lines(scope, row, made, float(limits[row["code"]][period]), used, at.tolist()))
    return found


def _lines(
    scope: Scope, row: Row, made: Composition, allowed: float, used: Any, at: Sequence[int]
) -> Iterator[dict[str, Any]]:
    for number, (start, past) in enumerate(pairwise(at)):
        value = cell(used["value"], number)
        yield {
            **{name: row[name] for name in ("code", "name", "carrier")},
            "unit": made.unit,
            "from": scope.at(start),
            "to": scope.at(past),
            "over": past <= scope.now,
            "allowed": allowed,
            "used": value,
            "quality": cell(used["quality"], number),
            "share": value / allowed if value is not None and allowed else None,
        }
