"""Telling what meters refuse, so that a gap of such a register is known for what it is: once per change, durably."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from collector.roster import Roster
from storage.errors import StorageError
from storage.keyvalue import Bucket

log = logging.getLogger(__name__)

LOOK_S = 10.0


async def tell_refusals(bucket: Bucket, roster: Roster) -> None:
    """Keep the bucket at what the meters of the roster refuse, by connection; for ever, through outages."""
    told: dict[str, bytes] | None = None
    mine: set[str] = set()
    while True:
        await asyncio.sleep(LOOK_S)
        refused = roster.refused()
        mine |= refused.keys()
        wanted = {key: msgspec.json.encode(points) if points else None for key, points in refused.items()}
        try:
            told = await bucket.entries() if told is None else told
            gone = {key: None for key in mine - roster.polled() if key in told}
            changes = {key: value for key, value in {**wanted, **gone}.items() if told.get(key) != value}
            await bucket.change(changes)
        except StorageError:
            told = None
            continue
        for key, value in changes.items():
            told.pop(key, None)
            if value is not None:
                told[key] = value
