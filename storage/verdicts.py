"""What the register engine says of readings, at rest: replaced by difference, as intervals are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from storage.columns import instant
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.intervals import Ranges


@dataclass(frozen=True, slots=True)
class Verdict:
    """On the readings of a point in [first, last], both included; instants in microseconds.

    `base`: the last good reading before them; `told`: the reading that told.
    """

    point: int
    kind: str
    base: int
    first: int
    last: int
    told: int
    evidence: dict[str, Any]

    @property
    def key(self) -> tuple[int, int, str]:
        return self.point, self.first, self.kind


async def replace(conn: Connection, ranges: Ranges, found: Iterable[Verdict]) -> None:
    """Make `found` all the verdicts that begin in the ranges. One that stands already keeps its id and when it was
    detected."""
    if not len(ranges):
        return
    spans = ranges.point.tolist(), ranges.start.tolist(), ranges.past.tolist()
    rows = await conn.fetch(SQL["verdicts_within"], *spans, instant(ranges.start.min()), instant(ranges.past.max()))
    stored = {(row["point"], row["first"], row["kind"]): dict(row) for row in rows}
    wanted = {one.key: asdict(one) for one in found}
    if gone := [row["id"] for key, row in stored.items() if key not in wanted]:
        await conn.execute(SQL["verdicts_delete"], gone)
    if new := [one for key, one in wanted.items() if key not in stored or _differ(stored[key], one)]:
        await conn.execute(SQL["verdicts_put"], msgspec.json.encode(new).decode())


def _differ(row: dict[str, Any], one: dict[str, Any]) -> bool:
    return {**row, "evidence": msgspec.json.decode(row["evidence"])} != {**one, "id": row["id"]}
