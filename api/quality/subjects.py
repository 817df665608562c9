"""Whom quality figures are about: regions, enterprises, metering points, meters, points, or all together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from api.deps import behind, cursor, paged
from api.problems import Problem
from api.services import Services
from api.standing import registers
from storage import views
from storage.points import Point
from storage.views import Sight

By = Literal["region", "enterprise", "metering_point", "meter", "point", "day", "month"]
FOREVER = 2**62


class Place(NamedTuple):
    """A register that counts for a subject, on the days that end in (start, past]."""

    point: Point
    start: int = 0
    past: int = FOREVER


@dataclass(slots=True)
class Subject:
    key: str
    name: str
    places: list[Place] = field(default_factory=list)


Found = tuple[list[Subject], str | None]
"""The subjects of a page and its `next`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is seen of whom; `limit`: subjects on a page, None: all."""

    served: Services
    seen: Sight
    enterprise: str | None
    limit: int | None
    after: str | None

    @property
    def most(self) -> int | None:
        return None if self.limit is None else self.limit + 1

    def page(self, rows: list[dict[str, Any]], *key: str) -> tuple[list[dict[str, Any]], str | None]:
        return (rows, None) if self.limit is None else paged(rows, self.limit, *key)


def narrowed(seen: Sight, region: str | None) -> Sight:
    """What is seen of a region. Raises Problem when it is not seen as a whole."""
    if region is None:
        return seen
    if not region.startswith(seen.region or ""):
        raise Problem("not-found", f"no region {region} that this key may see the whole of")
    return replace(seen, region=region)


async def subjects(asked: Asked, by: By) -> Found:
    """A page of them, sorted by key. Raises Problem."""
    if by in ("day", "month"):
        return await _everything(asked)
    return await {"region": _regions, "enterprise": _enterprises, "metering_point": _metering_points,
                  "meter": _meters, "point": _points}[by](asked)  # fmt: skip


async def _everything(asked: Asked) -> Found:
    rows, points = await _owned(asked)
    return [Subject("", "", [place for row in rows for place in points[row["uscc"]]])], None


async def _regions(asked: Asked) -> Found:
    rows, points = await _owned(asked)
    above = behind(asked.after, str)
    found: dict[str, Subject] = {}
    for row in sorted(rows, key=lambda one: str(one["region"])):
        if above is None or row["region"] > above:
            region = found.setdefault(row["region"], Subject(row["region"], row["region"]))
            region.places += points[row["uscc"]]
    kept = list(found.values())[: asked.limit]
    return kept, cursor(kept[-1].key) if len(kept) < len(found) else None


async def _enterprises(asked: Asked) -> Found:
    above = behind(asked.after, str)
    rows, points = await _owned(asked, above=above, limit=asked.most)
    rows, further = asked.page(rows, "uscc")
    return [Subject(row["uscc"], row["name"], points[row["uscc"]]) for row in rows], further


async def _owned(asked: Asked, **bounds: Any) -> tuple[list[dict[str, Any]], defaultdict[str, list[Place]]]:
    """Enterprises, and the registers that count of each."""
    rows = await views.enterprises(asked.served.database, asked.seen, uscc=asked.enterprise, **bounds)
    points: defaultdict[str, list[Place]] = defaultdict(list)
    for point in registers(asked.served.points).values():
        points[point.uscc].append(Place(point))
    return rows, points


async def _metering_points(asked: Asked) -> Found:
    above = behind(asked.after, tuple[str, str])
    rows = await views.metering_points(
        asked.served.database, asked.seen, enterprise=asked.enterprise, above=above, limit=asked.most
    )
    rows, further = asked.page(rows, "uscc", "code")
    counted = registers(asked.served.points)
    keyed = [((row["uscc"], row["code"]), row["name"]) for row in rows]
    return [
        Subject("/".join(key), name, [Place(counted[key])] if key in counted else []) for key, name in keyed
    ], further


async def _meters(asked: Asked) -> Found:
    """A meter has the days of the metering points where it stood, each as long as it stood there."""
    above = behind(asked.after, tuple[str, str])
    rows = await views.meters(
        asked.served.database, asked.seen, enterprise=asked.enterprise, above=above, limit=asked.most
    )
    rows, further = asked.page(rows, "uscc", "code")
    counted = {point.id: point for point in registers(asked.served.points).values()}
    found = []
    for row in rows:
        device = asked.served.points.devices.get((row["uscc"], row["code"]))
        places = [
            Place(counted[point], start, FOREVER if past is None else past)
            for start, past, points in (device.points if device else ())
            for point in points.values()
            if point in counted
        ]
        found.append(Subject(f"{row['uscc']}/{row['code']}", f"{row['maker']} {row['model']}".strip(), places))
    return found, further


async def _points(asked: Asked) -> Found:
    """All registers, also those that are not their metering point's main one."""
    above = behind(asked.after, tuple[str, str, str])
    rows = await views.enterprises(asked.served.database, asked.seen, uscc=asked.enterprise)
    seen = {row["uscc"] for row in rows}
    points = sorted(
        (_key(point), point) for point in asked.served.points.points.values() if point.register and point.uscc in seen
    )
    rest = [(key, point) for key, point in points if above is None or key > above]
    kept = rest[: asked.limit]
    return [Subject("/".join(key), key[2], [Place(point)]) for key, point in kept], _next(kept, rest)


def _key(point: Point) -> tuple[str, str, str]:
    return point.uscc, point.metering_point, point.quantity


def _next(kept: Sequence[tuple[tuple[str, str, str], Point]], rest: Sequence[Any]) -> str | None:
    return cursor(*kept[-1][0]) if len(kept) < len(rest) else None
