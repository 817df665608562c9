"""The evidence of an alert."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Query, Response

from api import evidence, lineage, series
from api.composition import Composition
from api.consumption import Buckets
from api.deps import Accepted, Seen, Served, at_instant
from api.evidence import Excerpt
from api.evidence_models import Evidence
from api.problems import Problem
from api.routes.alerts import Number, one_alert
from api.series import QUALITY, RESPONSES, Form, Times, Words
from api.services import Services
from api.times import local, parse
from storage import views

router = APIRouter(tags=["alerts"])

Alert = dict[str, Any]


@router.get("/v1/alerts/{id}/evidence", response_model=Evidence, responses=RESPONSES)
async def alert_evidence(
    served: Served,
    seen: Seen,
    form: Accepted,
    id: Number,
    as_of: Annotated[
        str | None,
        Query(description="Show as `found` what was known at that instant, instead of when the alert was opened"),
    ] = None,
) -> Response:
    """What an alert rests on: the consumption around the finding as known when it was found, so that no later
    correction hides it, and as known now; the course it is compared with; readings, verdicts, gaps and edits; the
    thresholds.

    `reference` is what the rule compares with where that is a course (`below`, `allowance`, `power`), and else the
    usual course. CSV and Arrow hold the series alone.
    """
    alert = await one_alert(served, seen, id)
    zone = alert["zone"]
    now = await views.present(served.database)
    found_at = min(parse(alert["opened_at"]) if as_of is None else at_instant("as_of", as_of), now)
    made = evidence.made_of(await served.registry(), alert)
    shown = made is not None and alert["rule"] not in evidence.NOT_OF_CONSUMPTION
    excerpt = await evidence.excerpt(served, seen, alert, made, found_at, now) if shown and made else None
    if form != "application/json":
        return _table(form, alert, excerpt, zone)
    onset = parse(alert["onset"])
    span = onset, max(parse(alert["ended"]) if alert["ended"] else now, onset + 1)
    body = {
        "alert": id,
        "rule": alert["rule"],
        "zone": zone,
        "marked": {"from": alert["onset"], "to": alert["ended"]},
        "found_at": local(found_at, zone),
        "as_of": local(now, zone),
        "series": excerpt and _nested(excerpt, zone),
        "parts": await _parts(served, made, span, now),
        "gaps": await _gaps(served, alert, span, zone),
        "judged_by": await evidence.judged_by(served, alert, made.carrier if made else "", local(found_at, zone)),
    }
    return series.reply(form, body, msgspec.json.encode(body))


def _nested(excerpt: Excerpt, zone: str) -> dict[str, Any]:
    at, now, reference = excerpt.frame.at, excerpt.now, excerpt.reference
    counts = {name: getattr(now, name).tolist() for name in ("expected", "received", "estimated")}
    return {
        **excerpt.about,
        "start": [local(one, zone) for one in at[:-1].tolist()],
        "end": local(int(at[-1]), zone),
        "now": {**_course(now), **counts},
        "found": excerpt.found and _course(excerpt.found),
        "changed": excerpt.changed,
        "reference": {**asdict(reference), "value": reference.value.tolist()},
    }


def _course(found: Buckets) -> dict[str, Any]:
    return {"value": found.value.tolist(), "quality": [QUALITY[code] for code in found.quality.tolist()]}


def _table(form: Form, alert: Alert, excerpt: Excerpt | None, zone: str) -> Response:
    """The series as one table. Raises Problem where there is none."""
    if excerpt is None:
        raise Problem("not-acceptable", f"alert {alert['id']} has no series; ask for application/json")
    found, reference = excerpt.found or Buckets.empty(len(excerpt.frame.at) - 1), excerpt.reference
    columns: series.Columns = {
        "start": Times(excerpt.frame.at[:-1]),
        "found": found.value,
        "found_quality": Words(found.quality, QUALITY),
        **series.bucket_columns(excerpt.now),
        reference.kind: reference.value,
    }
    return series.answer(form, {"alert": alert["id"], **excerpt.about}, columns, zone)


async def _parts(served: Services, made: Composition | None, span: tuple[int, int], now: int) -> list[dict[str, Any]]:
    """Registers with the readings at both edges of the finding."""
    parts = []
    for point, share in zip(made.points, made.shares, strict=True) if made else ():
        ground = await views.ground(served.database, point.id, *span, now)
        edges = local(span[0], point.zone), local(span[1], point.zone)
        parts.append({"share": share, **lineage.grounds(point, ground, served.points.mappings, *edges)})
    return parts


async def _gaps(served: Services, alert: Alert, span: tuple[int, int], zone: str) -> list[dict[str, Any]]:
    meters = alert["evidence"].get("meters", [])
    rows = await views.gaps_within(served.database, alert["uscc"], alert["metering_point"], meters, *span)
    return [{name: _shown(value, zone) for name, value in row.items()} for row in rows]


def _shown(value: Any, zone: str) -> Any:
    return value.astimezone(ZoneInfo(zone)) if isinstance(value, datetime) else value
