"""Pushed readings: durable when answered."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from api.deps import Asker, Served, body, media
from api.models import PushAnswer, Reading
from api.problems import Problem
from api.push import FORMS, rows, unpack
from api.services import Services
from api.times import DAY
from api.verdicts import Verdicts, judge
from config.samples import now_us
from storage.access import Principal

router = APIRouter(tags=["readings"])

_BODY = {
    "description": "At most 50,000 readings and 8 MiB, also after unpacking. NDJSON: one reading a line; CSV: columns "
    "of the same names. `Content-Encoding: gzip` is understood.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["readings"],
                "properties": {"readings": {"type": "array", "items": Reading.model_json_schema()}},
            }
        },
        "application/x-ndjson": {"schema": {"type": "string"}},
        "text/csv": {"schema": {"type": "string"}},
    },
}


@router.post("/v1/readings", status_code=202, response_model=PushAnswer, openapi_extra={"requestBody": _BODY})
async def push(request: Request, served: Served, who: Asker, sent: Annotated[bytes, Depends(body)]) -> dict[str, Any]:
    """Push readings. 202 comes when the accepted ones are durable; each refused one is named with its reason.

    Pushing the same again does no harm. When all are refused the answer is 422 with the same members.
    """
    if who.role == "regulator":
        raise Problem("forbidden", "a regulator's key reads; it cannot push readings")
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    now = now_us()
    verdicts = await asyncio.to_thread(_judged, sent, encoding, media(request), served, now, who)
    try:
        for uscc, batch, lane in verdicts.batches(now):
            await served.stream.publish(uscc, batch, lane)
    finally:
        count = request.app.state.metrics.rows
        count.labels("accepted").inc(verdicts.accepted)
        count.labels("refused").inc(len(verdicts.refused))
    answer = {
        "accepted": verdicts.accepted,
        "refused": len(verdicts.refused),
        "rows": [{"row": one.row, "reason": one.reason} for one in verdicts.refused],
    }
    if verdicts.refused and not verdicts.accepted:
        first = verdicts.refused[0]
        raise Problem("no-reading-accepted", f"row {first.row}: {first.reason}", more=answer)
    return answer


def _judged(sent: bytes, encoding: str, form: str, served: Services, now: int, who: Principal) -> Verdicts:
    if form not in FORMS:
        sent, encoding = b"", ""  # refused for its form, whatever it holds
    only = who.scope if who.role == "enterprise" else None
    kept_from = now - served.retention_days * DAY
    return judge(rows(unpack(sent, encoding), form), served.points, now, only, kept_from=kept_from)
