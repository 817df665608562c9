"""Where one number comes from, down to the registers."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from api import lineage, lineage_words
from api.composition import Composition
from api.deps import AsOf, Moment, Seen, Served, Unit, at_instant
from api.derived import conversion
from api.explain_models import Explained
from api.problems import bad_parameter
from api.routes.enterprises import Uscc
from api.routes.metering_points import Code, made_of, metering_point
from api.series import QUALITY
from api.services import Services
from api.times import DAY, local
from config.grid import on_boundary
from storage import views
from storage.lineage import MOST, TooMany

router = APIRouter(tags=["metering points"])


@router.get("/v1/metering-points/{uscc}/{code}/explain", response_model=Explained)
async def explain(
    served: Served,
    seen: Seen,
    moment: AsOf,
    uscc: Uscc,
    code: Code,
    start: Annotated[str, Query(description="Where the bucket begins, ISO 8601 with offset")],
    end: Annotated[str, Query(description="Where it ends")],
    quantity: Annotated[str | None, Query(description="A register; default: the one that counts its carrier")] = None,
    unit: Unit = "native",
) -> dict[str, Any]:
    """The lineage of the consumption in [start, end): in a few sentences, and in all detail.

    `parts`: the register, or those a virtual metering point adds up, each with its intervals (and what they showed
    earlier, with who changed it and why), the readings around both boundaries, the meters with their ratios and the
    entry of the profile or mapping they are read by, verdicts of the register engine, and edits. `words` are the
    registers' content on the wire, worked out from the stored value by the profile's entry, which is one to one. At
    most 400 intervals of a register.
    """
    row = await metering_point(served, seen, uscc, code)
    made = made_of(moment.points, row, quantity)
    first, last = _bucket(made, at_instant("start", start), at_instant("end", end))
    known = served.factors_of(uscc, row["region"])
    change = conversion(known, made.points[0], unit, row["region"], first, last, moment.now)
    stored = await views.consumption(served.database, made.ids, "15m", first, last, moment.now)
    found = made.buckets(stored, np.array([first, last], np.int64), moment.now, change)
    value = float(found.value[0])
    head: dict[str, Any] = {
        "metering_point": f"{uscc}/{code}",
        "quantity": made.quantity,
        "unit": change.symbol if change else made.unit,
        "zone": row["zone"],
        "as_of": moment.said(row["zone"]),
        "start": local(first, row["zone"]),
        "end": local(last, row["zone"]),
        "value": None if np.isnan(value) else value,
        "quality": QUALITY[found.quality[0]],
        **({"factors": change.used} if change else {}),
    }
    parts = await _parts(served, made, first, last, moment)
    return {**head, "sentences": lineage_words.sentences(head, parts), "parts": parts}


def _bucket(made: Composition, first: int, last: int) -> tuple[int, int]:
    """Raises Problem where it is no whole number of intervals, or too long."""
    if first >= last:
        raise bad_parameter("end", "must be after `start`")
    if last - first > MOST * DAY:
        raise bad_parameter("end", "more than 400 days after `start`; ask for less", "span-too-long")
    for name, at in (("start", first), ("end", last)):
        if not all(on_boundary(point.grid, at) for point in made.points):
            raise bad_parameter(name, "is no boundary of the metering point's intervals")
    return first, last


async def _parts(served: Services, made: Composition, first: int, last: int, moment: Moment) -> list[dict[str, Any]]:
    parts = []
    for point, share in zip(made.points, made.shares, strict=True):
        try:
            found = await views.lineage(served.database, point.id, first, last, moment.now)
        except TooMany:
            what = f"{point.metering_point} has more than {MOST} intervals, or versions of them, there; ask for less"
            raise bad_parameter("end", what, "span-too-long") from None
        bounds = local(first, point.zone), local(last, point.zone)
        parts.append({"share": share, **lineage.told(point, found, served.points.mappings, *bounds)})
    return parts
