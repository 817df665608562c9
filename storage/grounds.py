"""What speaks for the cause of a gap by itself: registers that meters refuse, and readings that could not be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from config.samples import MICROSECOND, Instants, Points
from storage.queries import SQL

if TYPE_CHECKING:
    from storage.database import Connection

HOUR = 3600 * MICROSECOND
KEPT_DAYS = 90
"""As long as the quarantine keeps what was rejected."""


async def keep_refused(conn: Connection, refused: Mapping[int, Sequence[int]], now: int) -> bool:
    """These points (by connection) are refused by their meters now, and no others; whether that is news."""
    pairs = [(connection, point) for connection, points in refused.items() for point in points]
    connections, points = [one for one, _ in pairs], [one for _, one in pairs]
    return bool(await conn.fetchval(SQL["refusal_keep"], now, connections, points))


async def note_rejected(conn: Connection, reason: str, point: Points, time: Instants) -> None:
    """Readings of these points could not be stored; each has a time at which it is to be missed."""
    if not len(point):
        return
    hour = time // HOUR
    order = np.lexsort((time, hour, point))
    point, time, hour = point[order], time[order], hour[order]
    first = np.flatnonzero(np.append(True, (np.diff(point) != 0) | (np.diff(hour) != 0)))
    last = np.append(first[1:], len(point)) - 1
    columns = point[first], hour[first] * HOUR, time[first], time[last], last - first + 1
    await conn.execute(SQL["rejection_note"], *(column.tolist() for column in columns), reason)


async def forget_rejected(conn: Connection) -> None:
    """What is as old as what the quarantine forgets."""
    await conn.execute(SQL["rejection_forget"], KEPT_DAYS)
