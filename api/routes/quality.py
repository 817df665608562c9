"""Completeness, timeliness and estimated share."""

from collections import defaultdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from api.buckets import MOST, edges
from api.deps import After, Enterprise, From, Limit, Seen, Served, To, behind, paged, span
from api.models import Page, QualityItem
from api.problems import bad_parameter
from api.services import Services
from api.standing import MOST_READINGS, Tally, readings_of, registers, tallies
from api.times import DAY, local
from config.samples import now_us
from storage import views
from storage.points import Point
from storage.views import Sight

router = APIRouter(tags=["quality"])

By = Literal["enterprise", "metering_point", "day"]
Groups = dict[str, tuple[str, list[Point]]]
"""(name, points) by key."""


@router.get("/v1/quality", response_model=Page[QualityItem])
async def quality(
    served: Served,
    seen: Seen,
    by: Annotated[By, Query(description="What an item is; days are not paged")] = "enterprise",
    enterprise: Enterprise = None,
    start: From = None,
    to: To = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """How good readings are, by the register of each metering point. The span is widened to whole days of the
    enterprise's zone; what is not over yet is not expected yet. Default: the last seven days.
    """
    now = now_us()
    begin, past = span(start, to, now, 7)
    groups, further = await _groups(served, seen, by, enterprise, limit, after)
    days = (past - begin) // DAY + 2
    if days * sum(len(points) for _, points in groups.values()) > MOST:
        raise bad_parameter("from", f"days times metering points may be {MOST}; ask for less", "span-too-long")
    found = await _tally(served, groups, by, begin, past, now)
    return {
        "items": [{"key": key, "name": name, **tally.shares()} for key, (name, tally) in found.items()],
        "next": further,
    }


async def _groups(
    served: Services, seen: Sight, by: By, enterprise: str | None, limit: int, after: str | None
) -> tuple[Groups, str | None]:
    """The points of each item of this page. By day they are one group."""
    counted = registers(served.points)
    if by == "metering_point":
        above = behind(after, tuple[str, str])
        rows = await views.metering_points(served.database, seen, enterprise=enterprise, above=above, limit=limit + 1)
        rows, further = paged(rows, limit, "uscc", "code")
        keyed = [((row["uscc"], row["code"]), row["name"]) for row in rows]
        return {f"{key[0]}/{key[1]}": (name, [counted[key]] if key in counted else []) for key, name in keyed}, further
    most = None if by == "day" else limit + 1
    top = None if by == "day" else behind(after, str)
    rows = await views.enterprises(served.database, seen, uscc=enterprise, above=top, limit=most)
    rows, further = (rows, None) if most is None else paged(rows, limit, "uscc")
    points = defaultdict(list)
    for point in counted.values():
        points[point.uscc].append(point)
    groups = {row["uscc"]: (row["name"], points[row["uscc"]]) for row in rows}
    if by == "day":
        return {"": ("", [point for _, some in groups.values() for point in some])}, None
    return groups, further


async def _tally(
    served: Services, groups: Groups, by: By, begin: int, past: int, now: int
) -> dict[str, tuple[str, Tally]]:
    """(name, counts) by key of the items."""
    found = {} if by == "day" else {key: (name, Tally()) for key, (name, _) in groups.items()}
    for zone, placed in _by_zone(groups).items():
        at = edges("1d", begin, past, zone)
        points = [point for point, _ in placed]
        few = sum(readings_of(point, int(at[-1] - at[0])) for point in points) <= MOST_READINGS
        columns = await tallies(served.database, points, at, zone, now, timeliness=few)
        if by == "day":
            for column, midnight in enumerate(at[:-1].tolist()):
                day = local(midnight, zone).date().isoformat()
                found.setdefault(day, ("", Tally()))[1].add(columns, (slice(None), column))
        else:
            for line, (_, key) in enumerate(placed):
                found[key][1].add(columns, (line, slice(None)))
    return dict(sorted(found.items()))


def _by_zone(groups: Groups) -> dict[str, list[tuple[Point, str]]]:
    zones: defaultdict[str, list[tuple[Point, str]]] = defaultdict(list)
    for key, (_, points) in groups.items():
        for point in points:
            zones[point.zone].append((point, key))
    return zones
