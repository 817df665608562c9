"""Which messages ingest takes next: live ones of every kind first, history with what room is left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from storage.lanes import Lane, Message

BATCH_BYTES = 1_100_000
"""About 50,000 samples: what one transaction takes."""
SHARES = {"live": 700_000, "mqtt": 250_000, "meters": 150_000}
"""Of that for each kind of live readings, whatever the others bring. What one leaves, the first that has more gets."""
BACKFILL_BYTES = 275_000
"""Of that for history while live readings come, so that they do not wait long for it."""
IDLE_S = 0.5
LINGER_S = 0.05
"""After the first message, wait this long for more: a commit costs the same for one reading as for many."""


async def intake(lanes: Mapping[str, Lane], patience_s: float = IDLE_S) -> list[Message]:
    """The messages for one transaction; none if nothing came in that time. Raises Unavailable."""
    for lane in lanes.values():
        await lane.ask()
    arrived = lanes["live"].arrived
    if not any(lanes.values()):
        arrived.clear()
        lingering = 0.0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await arrived.wait()
                lingering = LINGER_S
        await asyncio.sleep(lingering)
    taken = [message for name, share in SHARES.items() for message in lanes[name].take(share)]
    for name in SHARES:
        taken += lanes[name].take(BATCH_BYTES - _size(taken))
    room = BATCH_BYTES - _size(taken)
    taken += lanes["backfill"].take(min(room, BACKFILL_BYTES) if taken else room)
    return taken


async def acknowledge(lanes: Mapping[str, Lane], messages: list[Message]) -> None:
    """These are done with. Raises Unavailable."""
    await lanes["live"].acknowledge(messages)


def _size(messages: list[Message]) -> int:
    return sum(len(message.data) for message in messages)
