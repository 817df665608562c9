"""The durable log between collectors and ingest, on NATS JetStream.

SAMPLES     samples.live.<uscc>, samples.backfill.<uscc>   sample batches, until ingest has committed them
METERS      meters.<uscc>.<meter>.…                        raw payloads of devices, likewise
$MQTT_msgs  $MQTT.msgs.meters.<uscc>.<meter>.…             those that MQTT devices sent with QoS 1 or 2 (see lanes.py)
QUARANTINE  quarantine.<uscc or unknown>                   what can never be stored, with the reason
events.…    not kept: what was just stored, alerts that changed
questions.… not kept: what one role asks another
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, unquote

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    KeyValueConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, BadRequestError, NotFoundError

from config.errors import ConfigError, Fault
from config.samples import MICROSECOND, SampleBatch
from storage.errors import StorageError, StreamFull
from storage.keyvalue import Bucket, Leases
from storage.lanes import MQTT_PREFIX, Lane
from storage.link import NO_ROOM, UNRESERVABLE, Link, translated

LaneName = Literal["live", "backfill"]
LANES = {
    "live": ("SAMPLES", "samples.live.>"),
    "meters": ("METERS", "meters.>"),
    "mqtt": ("$MQTT_msgs", f"{MQTT_PREFIX}meters.>"),
    "backfill": ("SAMPLES", "samples.backfill.>"),
}
"""Lanes in the order ingest drains them."""

SAMPLES_PER_MESSAGE = 20_000
"""A larger batch is published in pieces: 22 bytes a sample, and many servers take 1 MB a message."""
LEASE_S = 8.0
QUARANTINE_DAYS = 90
REDELIVER_S = 60.0
"""What ingest took but did not acknowledge is given again after this time (at once when ingest starts anew)."""
MQTT_REDELIVER_S = 10.0
"""The same for the lane of MQTT devices, also when ingest starts anew: without its consumer NATS keeps nothing."""
CAPACITY = 10 * 2**30
"""Bytes of streams made by a role that was not told how many."""
_IN_USE = 10058
"""JetStream error code: there is a stream of this name, with another configuration."""
_EVENTS_HELD = 10_000
_EXCERPT = 200
"""Bytes shown of a payload in quarantine."""
_HEADERS = 8_192
"""Bytes of a message left for its headers."""


@dataclass(frozen=True, slots=True)
class Event:
    """A message of a core subject: seen by those who listen when it is sent, kept nowhere."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    reply: str = ""
    """Where an answer is waited for."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that can never be stored. `at` in microseconds since the epoch."""

    sequence: int
    at: int
    uscc: str
    reason: str
    source: str
    payload: bytes

    def __str__(self) -> str:
        """Two lines, nothing in them that could steer a terminal."""
        at = datetime.fromtimestamp(self.at // MICROSECOND, UTC).isoformat()
        excerpt = self.payload[:_EXCERPT].decode("utf-8", "backslashreplace")
        lines = f"{at}  {self.uscc}  {self.source}: {self.reason}", f"    {excerpt}"
        return "\n".join("".join(sign if sign.isprintable() else "·" for sign in line) for line in lines)


class Stream:
    """The stream as every role uses it. After the first connect it reconnects by itself for ever."""

    def __init__(self, link: Link, capacity: int | None) -> None:
        self._link = link
        self._capacity = capacity
        self._keeper: asyncio.Task[None] | None = None
        self.registry = Bucket(link, "registry")
        self.refusals = Bucket(link, "refusals")
        self.leases = Leases(link, "lease")

    @classmethod
    async def connect(cls, url: str, capacity: int | None = None, *, timeout_s: float = 10) -> Stream:
        """What is missing at the server is made; `capacity` is how many bytes it may hold in all (`stream_bytes`).

        Raises Unavailable when the server does not answer in time or its disk is full, ConfigError when it refuses
        the login or may not keep streams of this capacity."""
        stream = cls(Link(url), capacity)
        await stream._link.open(timeout_s)
        try:
            await stream._lay_out_patiently(timeout_s)
        except StreamFull as error:
            await stream.close()
            if capacity and isinstance(error.__cause__, APIError) and error.__cause__.err_code == UNRESERVABLE:
                raise ConfigError([_no_room(stream._link.address, capacity, error)]) from None
            raise
        except BaseException:
            await stream.close()
            raise
        stream._keeper = asyncio.create_task(stream._keep())
        return stream

    async def close(self) -> None:
        if self._keeper:
            self._keeper.cancel()
        await self._link.close()

    @property
    def connected(self) -> bool:
        return self._link.connected

    @property
    def epoch(self) -> int:
        """Counts connections made. When it has changed, events may have been missed."""
        return self._link.epoch

    async def publish(self, uscc: str, batch: SampleBatch, lane: LaneName = "live") -> None:
        """Durable when it returns. Raises StreamFull, Unavailable; sending the same again does no harm."""
        for start in range(0, len(batch), SAMPLES_PER_MESSAGE):
            piece = slice(start, start + SAMPLES_PER_MESSAGE)
            part = SampleBatch(
                batch.point[piece], batch.time[piece], batch.value[piece], batch.flags[piece], batch.received
            )
            await self._link.append(f"samples.{lane}.{uscc}", part.to_bytes())

    async def publish_raw(self, subject: str, payload: bytes) -> None:
        """A device's payload as it came, on `meters.<uscc>.<meter>…`; raises RowsRefused when it is too large."""
        await self._link.append(subject, payload)

    async def quarantine(self, uscc: str, payload: bytes, reason: str, source: str) -> None:
        """Keep what can never be stored; `source` is the subject it came by. Durable when it returns.

        A payload as large as a message may be is cut, to leave room for reason and source.
        """
        subject = f"quarantine.{uscc if re.fullmatch('[A-Za-z0-9_-]+', uscc) else 'unknown'}"
        kept = payload[: self._link.client.max_payload - _HEADERS]
        await self._link.append(subject, kept, {"Reason": quote(reason[:500]), "Source": quote(source)})

    async def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """The latest of the quarantine, newest first."""
        found: list[Quarantined] = []
        with translated(self._link.address):
            jetstream = self._link.jetstream
            state = (await jetstream.stream_info("QUARANTINE")).state
            for sequence in range(state.last_seq, max(state.first_seq, 1) - 1, -1):
                if len(found) == limit or not state.messages:
                    break
                with contextlib.suppress(NotFoundError):
                    message = await jetstream.get_msg("QUARANTINE", sequence)
                    headers = message.headers or {}
                    found.append(
                        Quarantined(
                            sequence,
                            int(message.time.timestamp() * MICROSECOND) if message.time else 0,
                            (message.subject or "").removeprefix("quarantine."),
                            unquote(headers.get("Reason", "")),
                            unquote(headers.get("Source", "")),
                            message.data or b"",
                        )
                    )
        return found

    async def quarantine_size(self) -> int:
        """Messages in quarantine."""
        with translated(self._link.address):
            return int((await self._link.jetstream.stream_info("QUARANTINE")).state.messages)

    async def notify(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        """Tell whoever listens now. During an outage nobody is told: listeners look anew after a reconnect."""
        with contextlib.suppress(StorageError):
            await self._link.publish(subject, data, headers=headers)

    async def events(self, subject: str) -> AsyncIterator[Event]:
        """Events on a subject (wildcards allowed) from now on, for ever; a reader far too slow loses some."""
        while True:
            try:
                client = self._link.client
            except StorageError:
                await asyncio.sleep(0.1)
                continue
            subscription = await client.subscribe(subject, pending_msgs_limit=_EVENTS_HELD)
            try:
                while not client.is_closed:
                    with contextlib.suppress(TimeoutError):
                        message = await subscription.next_msg(timeout=1)
                        yield Event(message.subject, message.data, message.headers or {}, message.reply)
            except nats.errors.Error:
                await asyncio.sleep(0.1)
            finally:
                with contextlib.suppress(nats.errors.Error, OSError):
                    await subscription.unsubscribe()

    async def ask(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        """The answer of whoever listens on the subject. Raises Unavailable when nobody answers in time."""
        with translated(self._link.address):
            return (await self._link.client.request(subject, data, timeout_s)).data

    async def backlog(self) -> dict[str, int]:
        """Messages per lane that ingest has not committed yet."""
        pending: dict[str, int] = {}
        with translated(self._link.address):
            for name, (stream, _) in LANES.items():
                info = await self._link.jetstream.consumer_info(stream, f"ingest-{name}")
                pending[name] = (info.num_pending or 0) + (info.num_ack_pending or 0)
        return pending

    async def waiting(self) -> dict[LaneName, dict[str, int]]:
        """Messages of sample batches that ingest has not committed yet, by lane and enterprise."""
        with translated(self._link.address):
            info = await self._link.jetstream.stream_info("SAMPLES", subjects_filter="samples.>")
        found: dict[LaneName, dict[str, int]] = {"live": {}, "backfill": {}}
        for subject, count in (info.state.subjects or {}).items():
            _, lane, uscc = subject.split(".", 2)
            found["live" if lane == "live" else "backfill"][uscc] = count
        return found

    async def lanes(self) -> dict[str, Lane]:
        """The lanes to read from, for the one active ingest: whatever was not acknowledged comes again, at once.

        It alone gives streams that exist already the capacity it was told: others may know only the default.
        """
        with translated(self._link.address):
            jetstream = self._link.jetstream
            for name, (stream, _) in LANES.items():
                if name != "mqtt":
                    with contextlib.suppress(NotFoundError):
                        await jetstream.delete_consumer(stream, f"ingest-{name}")
        await self._lay_out(rule=True)
        arrived = asyncio.Event()
        return {name: Lane(self._link, stream, f"ingest-{name}", arrived) for name, (stream, _) in LANES.items()}

    async def _keep(self) -> None:
        """After each reconnect see that streams and buckets are there (a server may come back with an empty disk)."""
        epoch = self._link.epoch
        while True:
            await asyncio.sleep(0.2)
            if epoch != self._link.epoch:
                seen = self._link.epoch
                with contextlib.suppress(StorageError):
                    await self._lay_out()
                    epoch = seen

    async def _lay_out_patiently(self, timeout_s: float) -> None:
        """JetStream needs a moment after the server accepts connections."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            try:
                return await self._lay_out()
            except StorageError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.1)

    async def _lay_out(self, *, rule: bool = False) -> None:
        """Make what is missing; `rule`: and change the streams that are there to our configuration."""
        with translated(self._link.address):
            jetstream = self._link.jetstream
            for config in _streams(self._capacity or CAPACITY):
                async with _unless_there(jetstream, config.name or ""):
                    try:
                        await jetstream.add_stream(config)
                    except BadRequestError as error:
                        if error.err_code != _IN_USE:
                            raise
                        if rule:
                            await jetstream.update_stream(config)
            for bucket in _buckets():
                async with _unless_there(jetstream, f"KV_{bucket.bucket}"):
                    with contextlib.suppress(BadRequestError):
                        await jetstream.create_key_value(bucket)
            for name, (stream, subject) in LANES.items():
                await jetstream.add_consumer(stream, _consumer(name, subject))


@contextlib.asynccontextmanager
async def _unless_there(jetstream: JetStreamContext, name: str) -> AsyncIterator[None]:
    """A server short of disk refuses even a stream that it has already, just as it is."""
    try:
        yield
    except APIError as error:
        if error.err_code not in NO_ROOM:
            raise
        try:
            await jetstream.stream_info(name)
        except NotFoundError:
            raise error from None


def _no_room(address: str, capacity: int, error: StreamFull) -> Fault:
    return Fault(
        "WANJIA_STREAM_BYTES",
        f"the NATS server at {address} has no room for streams of {capacity} bytes ({error})",
        "make it smaller, or give the server's JetStream more storage",
    )


def _streams(capacity: int) -> list[StreamConfig]:
    """Work queues refuse what is new when full and forget nothing, however old; what ingest has acknowledged is gone.
    The quarantine alone forgets its oldest: junk must never stop good data."""

    def queue(name: str, subject: str, share: float) -> StreamConfig:
        return StreamConfig(
            name=name,
            subjects=[subject],
            retention=RetentionPolicy.WORK_QUEUE,
            discard=DiscardPolicy.NEW,
            storage=StorageType.FILE,
            max_bytes=int(capacity * share),
        )

    quarantine = StreamConfig(
        name="QUARANTINE",
        subjects=["quarantine.>"],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        max_age=QUARANTINE_DAYS * 86_400.0,
        max_bytes=int(capacity * 0.1),
    )
    # NATS makes this one when the first MQTT device comes. It keeps what has a consumer and was not acknowledged yet.
    mqtt = queue("$MQTT_msgs", f"{MQTT_PREFIX}>", 0.2).evolve(retention=RetentionPolicy.INTEREST)
    return [queue("SAMPLES", "samples.>", 0.6), queue("METERS", "meters.>", 0.1), mqtt, quarantine]


def _buckets() -> list[KeyValueConfig]:
    return [
        KeyValueConfig(bucket="registry", history=1, storage=StorageType.FILE),
        KeyValueConfig(bucket="refusals", history=1, storage=StorageType.FILE),
        KeyValueConfig(bucket="lease", history=1, storage=StorageType.FILE, ttl=LEASE_S),
    ]


def _consumer(name: str, subject: str) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=f"ingest-{name}",
        filter_subject=subject,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=MQTT_REDELIVER_S if name == "mqtt" else REDELIVER_S,
        max_ack_pending=-1,
    )
