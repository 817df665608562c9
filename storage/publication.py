"""Telling the collectors: the registry as documents in the key-value bucket `registry`.

`connection.<id>` and `profile.<name>` hold JSON; `revision`, put last, tells every role to load its point table anew.
What is published is always compared with the whole of what should be, so that a lost bucket heals and only what
differs is put; a collector is disturbed by nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from config.tasks import beside
from storage.database import Database
from storage.errors import StorageError
from storage.keyvalue import Bucket
from storage.queries import SQL
from storage.registry import LOCK

log = logging.getLogger(__name__)

CHECK_S = 10.0
"""How often the revision in the bucket is compared with the database's."""
_PREFIXES = ("connection.", "profile.")


async def publish(db: Database, bucket: Bucket) -> int:
    """Make the bucket say what the database says; the number of keys that differed. Raises Unavailable.

    Publications wait for each other and for an apply, so that an older state never overwrites a newer one.
    """
    async with db.transaction() as conn:
        await conn.execute(SQL["registry_lock"], LOCK)
        documents = {
            f"connection.{row['id']}": _compact(row["document"])
            for row in await conn.fetch(SQL["connection_documents"])
        }
        for row in await conn.fetch(SQL["registry_profiles"]):
            documents[f"profile.{row['name']}"] = _compact(row["body"])
        revision = str(await conn.fetchval(SQL["registry_revision"])).encode()
        present = await bucket.entries()
        changes: dict[str, bytes | None] = {key: value for key, value in documents.items() if present.get(key) != value}
        changes.update({key: None for key in present if key.startswith(_PREFIXES) and key not in documents})
        await bucket.change(changes)
        if changes or present.get("revision") != revision:
            await bucket.put("revision", revision)
    return len(changes)


def keep_published(db: Database, bucket: Bucket) -> AbstractAsyncContextManager[None]:
    """While the block runs: publish now, when the registry has changed, when an installation begins or ends, and when
    the bucket was lost. What fails is logged once and tried again, and once when it is mended."""
    return beside(_keep(db, bucket))


async def _keep(db: Database, bucket: Bucket) -> None:
    broken = False
    published: datetime | None = None
    while True:
        wait_s = CHECK_S * random.uniform(0.8, 1.2)
        try:
            now, border = await _next_border(db, published)
            if published is None or (border and border <= now) or not await _current(db, bucket):
                log.info("published the registry: %d keys differed", await publish(db, bucket))
                published, wait_s = now, 0.0
            elif border:
                wait_s = min(wait_s, (border - now).total_seconds())
            if broken:
                log.info("the registry can be published again")
            broken = False
        except Exception as error:
            if not broken:
                unknown = None if isinstance(error, StorageError) else error
                log.warning("the registry cannot be published; trying again: %s", error, exc_info=unknown)
            broken = True
        await asyncio.sleep(wait_s)


async def _current(db: Database, bucket: Bucket) -> bool:
    """Whether the bucket was published as of the database's revision."""
    async with db.connection() as conn:
        revision = await conn.fetchval(SQL["registry_revision"])
    return await bucket.get("revision") == str(revision).encode()


async def _next_border(db: Database, since: datetime | None) -> tuple[datetime, datetime | None]:
    """The time by the database's clock, and when the first installation after `since` (None: now) begins or ends."""
    async with db.connection() as conn:
        row = await conn.fetchrow(SQL["next_installation_border"], since)
    assert row is not None
    return row["now"], row["border"]


def _compact(document: str) -> bytes:
    return json.dumps(json.loads(document), separators=(",", ":"), ensure_ascii=False).encode()
