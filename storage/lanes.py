"""Reading a work queue: messages come ahead of need, bounded, and are acknowledged after the commit."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from storage.link import Link, translated

AHEAD_MESSAGES = 2_000
AHEAD_BYTES = 4 * 2**20
"""How much one lane holds in memory ahead of need; more if the largest message is larger."""
MQTT_PREFIX = "$MQTT.msgs."
"""What NATS puts before the subject of an MQTT device's message in the stream in which it keeps it until its PUBACK."""
_EXPIRES_S = 30.0
_ENVELOPE = 65_536
"""Bytes of subject, reply and headers that the server counts beside a payload."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a lane. `subject` says whose it is, `reply` is where the acknowledgement goes."""

    subject: str
    data: bytes
    headers: dict[str, str] | None
    reply: str

    @property
    def stored_at(self) -> int:
        """When the stream took it, microseconds since the epoch."""
        tokens = self.reply.split(".")  # $JS.ACK.….<nanoseconds>.<pending>, with domain and a random token behind
        return int(tokens[7 if len(tokens) == 9 else 9]) // 1000


class Lane:
    """A durable consumer read by standing requests. One reader at a time."""

    def __init__(self, link: Link, stream: str, consumer: str, arrived: asyncio.Event) -> None:
        self._link = link
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._held: deque[Message] = deque()
        self._requests = itertools.count()
        self._request = ""
        self._credit = 0
        self._asked = 0.0
        self._epoch = 0
        self._client: Client | None = None
        self._subscription: Subscription | None = None
        self._inbox = ""
        self.arrived = arrived
        """Set when a message has come; the reader clears it."""

    def __len__(self) -> int:
        return len(self._held)

    async def ask(self) -> None:
        """See that a request for more stands at the server. Raises Unavailable."""
        client = self._link.client
        if client is not self._client:
            await self._subscribe(client)
        stale = time.monotonic() - self._asked > _EXPIRES_S + 5
        if self._epoch != self._link.epoch or stale:
            self._credit, self._epoch = 0, self._link.epoch
        if self._credit > 0 or len(self._held) > AHEAD_MESSAGES // 2:
            return
        self._request = f"{self._inbox}.{next(self._requests)}"
        self._credit, self._asked = AHEAD_MESSAGES, time.monotonic()
        most = max(AHEAD_BYTES, client.max_payload + _ENVELOPE)  # a message larger than this would stop the lane
        body = {"batch": AHEAD_MESSAGES, "max_bytes": most, "expires": int(_EXPIRES_S * 1e9)}
        await self._link.publish(self._next, json.dumps(body).encode(), reply=self._request)

    def take(self, limit_bytes: int) -> list[Message]:
        """Messages held, oldest first, up to about `limit_bytes` (at least one if there is any)."""
        taken: list[Message] = []
        size = 0
        while self._held and size < limit_bytes:
            message = self._held.popleft()
            size += len(message.data)
            taken.append(message)
        return taken

    async def acknowledge(self, messages: Iterable[Message]) -> None:
        """Done with these: they leave the stream. Raises Unavailable; then they come again, which does no harm."""
        for message in messages:
            await self._link.publish(message.reply, b"+ACK")

    async def _subscribe(self, client: Client) -> None:
        with translated(self._link.address):
            self._inbox = client.new_inbox()
            self._subscription = await client.subscribe(
                f"{self._inbox}.*", cb=self._received, pending_msgs_limit=0, pending_bytes_limit=0
            )
        self._client = client
        self._credit = 0

    async def _received(self, message: Msg) -> None:
        status = message.headers.get("Status") if message.headers and not message.reply else None
        if status is None:
            self._credit -= 1
            if _is_copy(message):
                await self._link.publish(message.reply, b"+ACK")
                return
            subject = message.subject.removeprefix(MQTT_PREFIX)
            self._held.append(Message(subject, message.data, message.headers, message.reply))
            self.arrived.set()
        elif message.subject == self._request and status != "100":
            self._credit = 0


def _is_copy(message: Msg) -> bool:
    """Whether an MQTT device sent it with QoS 1 or 2, and this is not the message that its PUBACK stands for.

    That one lies in NATS' own stream, on disk before the PUBACK. The one of the plain subject is often stored after it
    (of 22,000 acknowledged 39 were missing after 15 kills) and, by a stream that is full, not at all.
    """
    qos = (message.headers or {}).get("Nmqtt-Pub", "0")
    return qos != "0" and not message.subject.startswith(MQTT_PREFIX)
