"""What watch knows, read from the database: at start and again when the registry has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alerts.causes import Causes
from alerts.deadlines import MAX_LAG, NEVER, Deadlines
from alerts.episodes import Episodes
from alerts.inspect import Standing
from alerts.roster import Roster
from alerts.rules import INSPECTED, SILENCE
from alerts.thresholds import Thresholds
from config.samples import MICROSECOND
from storage import alerts as table
from storage import gaps, thresholds
from storage.database import Database
from storage.gaps import FOREVER
from storage.points import PointTable, load_points

if TYPE_CHECKING:
    from storage.database import Connection

QUIET = 120 * MICROSECOND
"""Nothing at all came for so long: the whole system was down, and everybody gets time to speak again."""
LOOK_BACK = 7 * 86_400 * MICROSECOND
MARGIN = 900 * MICROSECOND
"""Readings may be stored this much later than others received at the same time."""


@dataclass(slots=True)
class State:
    """Everything in memory. `running`: alert ids by key; `horizon`: when the newest live reading was received;
    `history`: when back-filled readings were stored last (0: not since the start)."""

    points: PointTable
    deadlines: Deadlines
    causes: Causes
    episodes: Episodes
    standing: Standing
    running: dict[str, int]
    horizon: int
    history: int


async def load(db: Database, conn: Connection, now: int, before: State | None = None) -> State:
    """Read everything anew, keeping from `before` what only memory knows."""
    points = await load_points(db)
    limits = Thresholds(await thresholds.read(conn))
    roster = Roster.of(points, await gaps.places(conn), await gaps.meters(conn), now, limits)
    deadlines = Deadlines(roster.windows, now)
    horizon = await _hear_last(conn, deadlines)
    await _mark_open(conn, deadlines, now)
    if before is None:
        if now - horizon > QUIET:
            deadlines.give_time(np.flatnonzero(~deadlines.silent), now)
        deadlines.give_time(np.flatnonzero(deadlines.last == NEVER), now)
        await mark_unseen(conn, deadlines, now)
    else:
        _inherit(deadlines, before.deadlines, now)
    running = await table.running(conn, [*SILENCE, *INSPECTED])
    episodes = Episodes(roster, deadlines, running)
    standing = Standing(episode for episode in running if episode.rule in INSPECTED)
    known = {episode.key: episode.id for episode in running}
    return State(points, deadlines, Causes(roster), episodes, standing, known, horizon, before.history if before else 0)


async def mark_filled(conn: Connection, deadlines: Deadlines) -> None:
    """Have gaps looked at in which there are readings that no event told of."""
    point, start, end = await gaps.filled(conn)
    slot = deadlines.slots(point)
    known = slot >= 0
    end = np.where(end == FOREVER, deadlines.last[slot], end)
    deadlines.mark(slot[known], start[known], np.maximum(start, end)[known])


async def mark_unseen(conn: Connection, deadlines: Deadlines, now: int) -> None:
    """Have the time looked at during which nobody watched."""
    until = await gaps.watched_until(conn)
    if until is None:
        return
    start = max(until - MARGIN, now - LOOK_BACK)
    seen = np.flatnonzero(deadlines.last > start)
    deadlines.mark(seen, np.full(len(seen), start), np.full(len(seen), max(now, start)))


async def _hear_last(conn: Connection, deadlines: Deadlines) -> int:
    """Last readings from the reading table; when the newest of them was received."""
    point, time, received = await gaps.last_readings(conn, deadlines.windows.point.tolist())
    slot = deadlines.slots(point)
    direct = received < FOREVER
    lag = np.clip(np.where(direct, received, time) - time, 0, MAX_LAG)
    deadlines.spoke(slot, time, time + lag)
    return int(received[direct].max(initial=0))


async def _mark_open(conn: Connection, deadlines: Deadlines, now: int) -> None:
    """Gaps that last are looked at again: readings may have come, or be expected no longer."""
    point, since, holed = await gaps.open_points(conn)
    slot = deadlines.slots(point)
    known = slot >= 0
    slot, since, holed = slot[known], since[known], holed[known]
    deadlines.holed[slot] = holed
    lasting = since < FOREVER
    slot, since = slot[lasting], since[lasting]
    deadlines.since[slot] = since
    start = np.minimum(since, np.maximum(deadlines.last[slot], 1))
    deadlines.mark(slot, start, np.full(len(slot), now))


def _inherit(deadlines: Deadlines, before: Deadlines, now: int) -> None:
    """Time to speak for points that are new; what was to be looked at still is."""
    old = before.slots(deadlines.windows.point)
    known = old >= 0
    deadlines.floor[known] = before.floor[old[known]]
    deadlines.reckon(np.flatnonzero(known))
    deadlines.give_time(np.flatnonzero(~known & (deadlines.last == NEVER)), now)
    before.resume()
    marked = before.take_marked()
    slot = deadlines.slots(before.windows.point[marked.slot])
    still = slot >= 0
    deadlines.mark(slot[still], marked.start[still], marked.end[still])
