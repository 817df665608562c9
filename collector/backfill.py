"""Sending history through the backfill lane, and knowing when ingest has committed it."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from config.samples import SampleBatch
from storage.errors import StorageError
from storage.stream import Stream

LOOK_S = 0.3
T = TypeVar("T")


async def send(stream: Stream, uscc: str, batch: SampleBatch) -> None:
    """Durable when it returns; outages and a full stream are waited for."""
    while True:
        try:
            return await stream.publish(uscc, batch, "backfill")
        except StorageError:
            await asyncio.sleep(LOOK_S)


async def committed(stream: Stream, published: int, before: int) -> int:
    """Messages committed of those published; as many as before while nobody can say."""
    try:
        return max(published - (await stream.backlog())["backfill"], before)
    except StorageError:
        return before
