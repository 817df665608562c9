"""Key-value buckets of JetStream: the registry as collectors see it, what meters refuse, and leases."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import cast

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import DeliverPolicy
from nats.js.errors import BadRequestError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from storage.errors import StorageError, Unavailable
from storage.link import Link, translated

RELIST_S = 300.0
"""A watch lists everything again this often, so that a change missed by the client heals."""
_LIST_S = 30.0
_LOOK_S = 0.5
_AT_ONCE = 200
"""Keys on their way to the server at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and what it holds; `value` None: deleted."""

    key: str
    value: bytes | None
    revision: int


class Bucket:
    """A key-value bucket. Every method raises Unavailable while the stream cannot be reached."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._name = name
        self._subject = f"$KV.{name}."

    async def put(self, key: str, value: bytes) -> int:
        """Set a key, durably; its new revision."""
        with translated(self._link.address):
            return await (await self._open()).put(key, value)

    async def get(self, key: str) -> bytes | None:
        with translated(self._link.address):
            try:
                return (await (await self._open()).get(key)).value
            except KeyNotFoundError:
                return None

    async def delete(self, key: str) -> None:
        with translated(self._link.address):
            await (await self._open()).delete(key)

    async def change(self, values: Mapping[str, bytes | None]) -> None:
        """Set many keys (None: delete), durably. The bucket is looked up once; for one key that doubles the time."""
        with translated(self._link.address):
            bucket = await self._open()
            items = list(values.items())
            for start in range(0, len(items), _AT_ONCE):
                some = items[start : start + _AT_ONCE]
                await asyncio.gather(*(_set(bucket, key, value) for key, value in some))

    async def keys(self, prefix: str = "") -> list[str]:
        """Raises Unavailable, also when the list breaks off."""
        return sorted(await self.entries(prefix))

    async def entries(self, prefix: str = "") -> dict[str, bytes]:
        """All keys with what they hold. Raises Unavailable, also when the list breaks off."""
        found: dict[str, bytes] = {}
        changes = cast("AsyncGenerator[Entry | None, None]", self._changes(prefix, {}))
        try:
            async with asyncio.timeout(_LIST_S), contextlib.aclosing(changes):
                async for entry in changes:
                    if entry is None:
                        return found
                    if entry.value is not None:
                        found[entry.key] = entry.value
        except TimeoutError:
            raise Unavailable(f"the bucket {self._name} could not be read within {_LIST_S:g} s") from None
        raise Unavailable(f"the list of the bucket {self._name} broke off")

    async def watch(self, prefix: str = "") -> AsyncIterator[Entry | None]:
        """All entries whose key starts with `prefix`, then None once, then every change, for ever.

        After an outage everything is listed again and only what differs is given (nats-py's watchers go deaf when
        the server restarts: nats.py#510), so the reader always ends up with the present state.
        """
        known: dict[str, int] = {}
        complete = False
        while True:
            try:
                async for entry in self._changes(prefix, known):
                    if entry is not None or not complete:
                        complete = complete or entry is None
                        yield entry
            except StorageError:
                await asyncio.sleep(_LOOK_S)

    async def _changes(self, prefix: str, known: dict[str, int]) -> AsyncIterator[Entry | None]:
        """What differs from `known` (kept up to date), None when all is listed; ends when it must be started again."""
        epoch, until = self._link.epoch, time.monotonic() + RELIST_S
        listed: set[str] = set()
        with translated(self._link.address):
            messages = await self._follow()
            info = await messages.consumer_info()
            try:
                left: int | None = (info.num_pending or 0) + (info.delivered.consumer_seq if info.delivered else 0)
                while epoch == self._link.epoch and self._link.connected and time.monotonic() < until:
                    if left == 0:
                        left = None
                        for key in known.keys() - listed:
                            del known[key]
                            yield Entry(key, None, 0)
                        yield None
                    try:
                        message = await messages.next_msg(_LOOK_S)
                    except nats.errors.TimeoutError:
                        continue
                    entry = _entry(message, self._subject)
                    if left is not None:
                        left = message.metadata.num_pending
                    if entry.key.startswith(prefix):
                        listed.add(entry.key)
                        if _learn(known, entry):
                            yield entry
            finally:
                with contextlib.suppress(nats.errors.Error, OSError):
                    await messages.unsubscribe()
                    await self._link.jetstream.delete_consumer(f"KV_{self._name}", info.name)

    async def _follow(self) -> JetStreamContext.PushSubscription:
        """The last message of every key, then every change. The list of nats-py's own watcher can seem to be over
        before its first message, when the server's answers overtake it."""
        await self._open()
        return await self._link.jetstream.subscribe(
            self._subject + ">",
            stream=f"KV_{self._name}",
            ordered_consumer=True,
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            inactive_threshold=60,
        )

    async def _open(self) -> KeyValue:
        return await self._link.jetstream.key_value(self._name)


async def _set(bucket: KeyValue, key: str, value: bytes | None) -> None:
    if value is None:
        await bucket.delete(key)
    else:
        await bucket.put(key, value)


def _entry(message: Msg, subject: str) -> Entry:
    headers = message.headers or {}
    gone = "KV-Operation" in headers or "Nats-Marker-Reason" in headers
    return Entry(
        message.subject.removeprefix(subject), None if gone else message.data, message.metadata.sequence.stream
    )


def _learn(known: dict[str, int], entry: Entry) -> bool:
    """Take the entry into `known`; whether it was news."""
    if entry.value is None:
        return known.pop(entry.key, None) is not None
    news = known.get(entry.key) != entry.revision
    known[entry.key] = entry.revision
    return news


@dataclass(slots=True)
class Lease:
    """A name held by an owner until its time to live passes without renewal."""

    name: str
    owner: str
    revision: int


class Leases:
    """Who works on what: one owner per name; without renewal a lease ends after the bucket's time to live.

    `owner` must be unique per process. Every method raises Unavailable while the stream cannot be reached.
    """

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._name = name

    async def acquire(self, name: str, owner: str) -> Lease | None:
        """The lease, or None while another owner holds it."""
        with translated(self._link.address):
            bucket = await self._link.jetstream.key_value(self._name)
            try:
                return Lease(name, owner, await bucket.create(name, owner.encode()))
            except KeyWrongLastSequenceError:
                return await _held(bucket, name, owner)

    async def renew(self, lease: Lease) -> bool:
        """Begin the time to live again. False: it was lost, another may hold it."""
        with translated(self._link.address):
            bucket = await self._link.jetstream.key_value(self._name)
            for _ in range(2):
                try:
                    lease.revision = await bucket.update(lease.name, lease.owner.encode(), last=lease.revision)
                    return True
                except KeyWrongLastSequenceError:  # a renewal whose acknowledgement got lost also looks like this
                    held = await _held(bucket, lease.name, lease.owner)
                    if held is None:
                        return False
                    lease.revision = held.revision
        return False

    async def release(self, lease: Lease) -> None:
        """Let another have it at once; nothing happens when it was lost already."""
        with translated(self._link.address), contextlib.suppress(BadRequestError):  # wrong last sequence: not ours
            bucket = await self._link.jetstream.key_value(self._name)
            await bucket.delete(lease.name, last=lease.revision)


async def _held(bucket: KeyValue, name: str, owner: str) -> Lease | None:
    try:
        entry = await bucket.get(name)
    except KeyNotFoundError:
        return None
    return Lease(name, owner, entry.revision or 0) if entry.value == owner.encode() else None
