"""Noting which points lack readings because what came for them could not be stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from collector.normalize import Refusal
from collector.validate import AHEAD, EARLIEST, Known, Rows
from storage.database import Connection
from storage.grounds import note_rejected

_LONGEST = 200
"""Characters of a reason."""


async def note(
    conn: Connection, refusals: Sequence[Refusal], refused: Sequence[tuple[str, Rows]], known: Known
) -> None:
    """Of payloads that cannot be read and rows that cannot be stored: those an enterprise sent for its own points."""
    by_reason: defaultdict[str, list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        if refusal.points:
            by_reason[refusal.reason[:_LONGEST]].append(refusal)
    for reason, some in by_reason.items():
        point = np.array([point for one in some for point in one.points], np.int32)
        await note_rejected(conn, reason, point, np.repeat([one.at for one in some], [len(one.points) for one in some]))
    for reason, rows in refused:
        owner = known.owner(rows.point)
        own = rows[(owner >= 0) & (owner == rows.enterprise)]
        wrong = (own.time < EARLIEST) | (own.time > own.received + AHEAD)
        await note_rejected(conn, reason, own.point, np.where(wrong, own.received, own.time))
