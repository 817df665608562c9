"""How good data are: completeness, timeliness, plausibility, estimated, edited shares; the indices of authorities."""

from datetime import date
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from api.deps import Accepted, After, Enterprise, From, Limit, Seen, Served, To, span
from api.problems import Problem, bad_parameter
from api.quality import figures
from api.quality.figures import Each, Span
from api.quality.indices import Scope, indices
from api.quality.models import Indices, Quality
from api.quality.subjects import Asked, By, narrowed, subjects
from api.series import reply
from api.times import local
from config.samples import now_us

router = APIRouter(tags=["quality"])

Region = Annotated[
    str | None, Query(description="Only enterprises of this region, a GB/T 2260 prefix", pattern="^[0-9]{1,6}$")
]


@router.get(
    "/v1/quality", response_model=Quality, responses={200: {"content": {"application/json": {}, "text/csv": {}}}}
)
async def quality(
    served: Served,
    seen: Seen,
    form: Accepted,
    by: Annotated[By, Query(description="What an item is; `point`: each register; days and months are not paged")] = (
        "enterprise"
    ),
    each: Annotated[Each | None, Query(description="Beside the sum of each item, its days or months apart")] = None,
    enterprise: Enterprise = None,
    region: Region = None,
    start: From = None,
    to: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """How good readings are, by the main register of each metering point, with the counts behind every figure and its
    formula. Estimated values never count as received. What is not over yet is not expected yet.

    The span is widened to whole days of the enterprise's zone, or to its months where these are asked for; default: the
    last seven days. A meter has the days at whose end it stands at a metering point. CSV holds all items.
    """
    if form not in ("application/json", "text/csv"):
        raise Problem("not-acceptable", "quality figures are application/json or text/csv")
    if each and by in ("day", "month"):
        raise bad_parameter("each", f"{by}s are apart already; ask by enterprise, for instance")
    apart = by if by in ("day", "month") else each
    begin, past = span(start, to, now_us(), 7)
    whole = form == "text/csv"
    asked = Asked(served, narrowed(seen, region), enterprise, None if whole else limit, None if whole else after)
    found, further = await subjects(asked, by)
    table = await figures.tabulate(served.database, found, Span(begin, past, apart, now_us()))
    rows = figures.by_label(table) if apart == by else figures.items(table, apart=each is not None)
    if whole:
        return reply(form, {}, figures.to_csv(rows, table.labels, None if apart == by else each))
    answer = {"items": rows, "next": further, "start": table.labels if each else [], "formulas": figures.formulas()}
    return reply(form, {}, msgspec.json.encode(answer))


@router.get("/v1/quality/indices", response_model=Indices)
async def quality_indices(
    served: Served,
    seen: Seen,
    enterprise: Enterprise = None,
    region: Region = None,
    month: Annotated[
        str | None, Query(description="`2026-10`; default: the present one", pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$")
    ] = None,
) -> dict[str, Any]:
    """The indices that authorities ask for, of an enterprise, a region, or all that is seen, in a month so far. Each
    says where it comes from and whether that was verified; those whose formula is not known have no value.
    """
    now = now_us()
    today = local(now, "Asia/Shanghai").date().isoformat()
    month = month or today[:7]
    if month > today:
        raise bad_parameter("month", f"{month} has not begun")
    first, past = _month(month)
    return {"month": month, "items": await indices(Scope(served, narrowed(seen, region), enterprise, first, past, now))}


def _month(text: str) -> tuple[date, date]:
    """The first day of a month, and of the next."""
    first = date.fromisoformat(f"{text}-01")
    return first, date(first.year + first.month // 12, first.month % 12 + 1, 1)
