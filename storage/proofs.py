"""Proofs at rest: per point and day, whether intervals add up to what the registers counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from config.samples import Points
from storage import intervals
from storage.columns import instant
from storage.intervals import Changed, Difference
from storage.queries import SQL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Proof:
    """Of one point and day of the enterprise's zone; amounts in the canonical unit, after CT and PT.

    `intervals` = `register` - `open` + `allocated` + `edited` + `difference`; table `proof` tells what each is.
    """

    point: int
    day: date
    register: float
    open: float
    allocated: float
    edited: float
    intervals: float
    difference: float
    intervals_wrong: int
    rollups_wrong: int
    sound: bool


async def put(conn: Connection, proofs: Sequence[Proof]) -> None:
    """Keep these in place of earlier ones of the same days."""
    if proofs:
        await conn.execute(SQL["proofs_put"], *(list(column) for column in zip(*map(astuple, proofs), strict=True)))


async def days(conn: Connection, points: Iterable[int], first: date, last: date) -> list[dict[str, Any]]:
    """What was proved of these points, both days included, with when it was `checked`; by point and day."""
    return [dict(row) for row in await conn.fetch(SQL["proofs_days"], list(points), first, last)]


async def again(conn: Connection, before: int, most: int) -> list[tuple[int, date]]:
    """(point, day) that did not add up when checked, which was before this instant, or have changed since; the latest
    days first."""
    rows = await conn.fetch(SQL["proofs_again"], instant(before), most)
    return [(row["point_id"], row["day"]) for row in rows]


async def unsound_count(db: Database) -> int:
    async with db.connection() as conn:
        count: int = await conn.fetchval(SQL["proofs_unsound_count"])
    return count


async def unsound_among(conn: Connection, proofs: Sequence[Proof]) -> set[int]:
    """Those of these points that did not add up on these days when they were last checked, either."""
    rows = await conn.fetch(SQL["proofs_unsound_among"], [one.point for one in proofs], [one.day for one in proofs])
    return {row["point_id"] for row in rows}


async def pending(conn: Connection, points: Points) -> frozenset[int]:
    """Those of which something waits to be computed again: they cannot be judged yet."""
    return frozenset(row["point_id"] for row in await conn.fetch(SQL["proofs_pending"], points.tolist()))


async def roll_up_again(db: Database, wrong: Sequence[Difference], zones: Mapping[int, str]) -> None:
    """Make rollups that are not the sums of their intervals again. Ingest waits meanwhile."""
    if wrong:
        async with db.transaction() as conn:
            await conn.execute(SQL["proofs_lock"])
            await intervals.roll_up(conn, Changed.at([(one.point, one.start) for one in wrong]), zones)


async def run_done(conn: Connection, zone: str, day: date, points: int, unsound: int) -> None:
    await conn.execute(SQL["proof_run_add"], zone, day, points, unsound)


async def last_runs(conn: Connection) -> dict[str, date]:
    """The last day of each zone of which all points were checked."""
    return {row["zone"]: row["day"] for row in await conn.fetch(SQL["proof_run_last"])}
