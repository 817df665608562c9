"""What report.typ prints: the report with its lists cut to what paper holds, in the words people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.review.instruments import STATES, VERIFIED
from config.carriers import carriers

MOST_GAPS = MOST_ALERTS = 40
MOST_EDITS = 200
MOST_INSTRUMENTS = 600
"""Rows of a printed table; the tables as a workbook, and the evidence, hold the rest."""
DAILY = 62
"""Longest period, in days, that charts show by day; longer ones by month."""


def printed(report: dict[str, Any], review: Mapping[str, Any]) -> dict[str, Any]:
    """Data of report.typ."""
    gaps, alerts, instruments = report["gaps"], report["alerts"], report["instruments"]
    names = {code: one.zh for code, one in carriers().items()}
    return {
        **report,
        "review": {**review, "made_at": str(review["made_at"])},
        "carriers": names,
        "rule_names": {rule["rule"]: rule["zh"] for rule in report["rules"]},
        "thresholds": [{**rule, "set": one} for rule in report["rules"] for one in rule["set"]],
        "charts": [_chart(one, report["consumption"]["days"]) for one in report["consumption"]["carriers"]],
        "completeness": _by_day(report["quality"]["days"]),
        "gaps": {**gaps, "items": gaps["items"][:MOST_GAPS]},
        "alerts": {**alerts, "items": alerts["items"][:MOST_ALERTS]},
        "edits": report["edits"][-MOST_EDITS:],
        "instruments": [_instrument(row) for row in instruments[:MOST_INSTRUMENTS]],
        "left": {
            "gaps": gaps["count"] - len(gaps["items"][:MOST_GAPS]),
            "alerts": alerts["count"] - len(alerts["items"][:MOST_ALERTS]),
            "edits": len(report["edits"]) - len(report["edits"][-MOST_EDITS:]),
            "instruments": len(instruments) - len(instruments[:MOST_INSTRUMENTS]),
        },
    }


def _instrument(row: Mapping[str, Any]) -> dict[str, Any]:
    verified = VERIFIED[row["verification"]]
    return {**row, "state": STATES[row["state"]], "verified": verified, "name": row["name"] or row["category_zh"]}


def _chart(carrier: Mapping[str, Any], days: Sequence[str]) -> dict[str, Any]:
    """Bars of a carrier's consumption; null: nothing is known."""
    labels, values = _bars(days, carrier["daily"])
    return {"zh": carrier["zh"], "unit": carrier["unit"], "labels": labels, "values": values}


def _bars(days: Sequence[str], values: Sequence[float | None]) -> tuple[list[str], list[float | None]]:
    if len(days) <= DAILY:
        return [day[5:] for day in days], list(values)
    months: dict[str, list[float]] = {}
    for day, value in zip(days, values, strict=True):
        months.setdefault(day[:7], []).extend([] if value is None else [value])
    return list(months), [sum(known) if known else None for known in months.values()]


def _by_day(days: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"day": day["day"], "value": day["completeness"]} for day in days]
