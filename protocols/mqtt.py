"""A meter that publishes to the user's own MQTT broker: what it sends is handed on, and acknowledged only once durable.

The session is persistent (stable client id, QoS 1, MQTT 3.1.1 without clean session, which every broker knows), so
the broker keeps what is published while we are away and sends again whatever we have not acknowledged. aiomqtt
acknowledges on receipt and has no way to pause reading (empicano/aiomqtt#345), so `_Session` reaches for the paho
client inside it: acknowledgements are ours, and reading stops while too much waits to be handed on.

Any failure, of the broker or of what takes the messages, ends the connection and starts anew after a pause: nothing
unacknowledged is lost by that, and nothing piles up here.
"""

import asyncio
import hashlib
import logging
import random
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt
from paho.mqtt.client import Client as Paho
from paho.mqtt.client import MQTTMessage

from config.errors import ConfigError, Fault, WanjiaError
from protocols.driver import Listening
from protocols.payload import MAX_BYTES

log = logging.getLogger(__name__)

Publish = Callable[[str, bytes], Awaitable[None]]
"""(subject, payload): durable when it returns."""

BATCH = 256
"""Messages handed on at the same time."""
HELD_MESSAGES, HELD_BYTES = 1000, 16 << 20
"""Reading pauses while this much waits to be handed on."""
KEEPALIVE_S = 30
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Broker:
    """`mqtt://user:password@host:1883/topic/filter/+`, or `mqtts://` for TLS (port 8883)."""

    host: str
    port: int
    topic: str
    user: str | None
    password: str | None
    tls: bool

    @classmethod
    def parse(cls, address: str) -> "Broker":
        """Raises ConfigError."""
        try:
            parts = urlsplit(address.replace("#", "%23").replace("?", "%3F"))
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        topic = unquote(parts.path[1:])
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or not _is_filter(topic):
            shown = re.sub(r"//[^@/]*@", "//…@", address)
            form = "mqtt://user:password@host:1883/topic/filter/+"
            raise ConfigError([Fault(f"address {shown}", "is not that of an MQTT broker and topic", f"write {form}")])
        tls = parts.scheme == "mqtts"
        user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
        return cls(parts.hostname, port or (8883 if tls else 1883), topic, user, password, tls)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.topic}"


async def listen(address: str, uscc: str, meter: str, publish: Publish) -> None:
    """Hand on what the meter publishes to its broker, until cancelled. Raises ConfigError for a wrong address."""
    broker = Broker.parse(address)
    state = _State(f"meter {uscc}/{meter}: {broker}")
    while True:
        try:
            async with _Session(broker, _client_id(broker, uscc, meter)) as session:
                await session.begin(broker.topic)
                state.connected()
                async for batch in session.batches():
                    await _hand_on(session, batch, lambda topic: subject(uscc, meter, topic), publish)
                    state.works()
        except (aiomqtt.MqttError, WanjiaError, OSError) as error:
            state.broken(error)
        await asyncio.sleep(state.pause())


class _State:
    """Says once that a source is broken and once that it works again; how long to wait meanwhile."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._failures = 0
        self._handing_on = False
        """Whether it was the taker of the messages that failed, not the broker."""

    def connected(self) -> None:
        if not self._handing_on:
            self.works()

    def works(self) -> None:
        if self._failures:
            log.info("%s works again after %d failures", self._what, self._failures)
        self._failures, self._handing_on = 0, False

    def broken(self, error: Exception) -> None:
        if not self._failures:
            log.warning("%s: %s; trying again for ever", self._what, error)
        self._failures += 1
        self._handing_on = isinstance(error, WanjiaError)

    def pause(self) -> float:
        """Doubling, capped, jittered; there is no last try."""
        longest = min(FIRST_PAUSE_S * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE_S)
        return float(longest * random.uniform(0.8, 1.2))


DRIVER = Listening(listen)


def subject(uscc: str, meter: str, topic: str) -> str:
    """The stream subject of a message: the topic's levels behind the meter, unusual characters replaced."""
    levels = [re.sub(r"[^A-Za-z0-9_-]", "_", level) or "_" for level in topic.split("/")]
    return ".".join(("meters", uscc, meter, *levels))


async def _hand_on(
    session: "_Session", batch: list[aiomqtt.Message], to: Callable[[str], str], publish: Publish
) -> None:
    """Publish a batch and acknowledge it, as far as it could be published. Raises what `publish` raised.

    A retained message is not news: with a time of receipt it would be an old value made new.
    """
    news = [publish(to(message.topic.value), message.payload) for message in batch if not message.retain]
    results = iter(await asyncio.gather(*news, return_exceptions=True))
    for message in batch:
        failure = None if message.retain else next(results)
        if isinstance(failure, BaseException):
            raise failure
        session.acknowledge(message)


class _Session(aiomqtt.Client):
    """One connection to the broker, with acknowledgement by hand and a bound on what is read ahead."""

    def __init__(self, broker: Broker, client_id: str) -> None:
        super().__init__(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            identifier=client_id,
            clean_session=False,
            keepalive=KEEPALIVE_S,
            tls_context=ssl.create_default_context() if broker.tls else None,
        )
        self._client.manual_ack_set(True)
        self._socket: socket.socket | None = None
        self._held = 0
        self._paused = False

    async def begin(self, topic: str) -> None:
        """Subscribe. Raises MqttError when the broker does not grant QoS 1."""
        granted = await self.subscribe(topic, qos=1)
        codes = [code if isinstance(code, int) else code.value for code in granted]
        if codes != [1]:
            raise aiomqtt.MqttError(f"the broker does not grant QoS 1 on {topic!r} (answer {codes})")

    async def batches(self) -> AsyncIterator[list[aiomqtt.Message]]:
        """Messages as they come, up to BATCH at a time."""
        async for message in self.messages:
            batch = [message]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            yield batch

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """To be called in the order the messages came, as MQTT wants it."""
        self._held -= len(message.payload)
        if message.qos:
            self._client.ack(message.mid, message.qos)
        if self._paused and not self._full():
            self._paused = False
            if self._socket is not None and self._socket.fileno() >= 0:
                self._loop.add_reader(self._socket.fileno(), self._read)
                self._loop.call_soon(self._read)  # TLS may hold decrypted bytes already

    def _full(self) -> bool:
        return self._queue.qsize() >= HELD_MESSAGES or self._held >= HELD_BYTES

    def _on_socket_open(self, client: Paho, userdata: Any, sock: Any) -> None:
        super()._on_socket_open(client, userdata, sock)
        self._socket = sock

    def _on_message(self, client: Paho, userdata: Any, message: MQTTMessage) -> None:
        # What is too long to be read goes on cut: it is refused as too long and can be looked at in quarantine.
        message.payload = message.payload[: MAX_BYTES + 1]
        super()._on_message(client, userdata, message)
        self._held += len(message.payload)
        if self._full() and not self._paused and self._socket is not None:
            self._paused = True
            self._loop.remove_reader(self._socket.fileno())

    def _read(self) -> None:
        """What aiomqtt does when the socket is readable."""
        if self._paused or self._socket is None or self._socket.fileno() < 0:
            return
        try:
            self._client.loop_read()
            while not self._paused and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                self._client.loop_read()
        except OSError as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(error)


def _client_id(broker: Broker, uscc: str, meter: str) -> str:
    """Stable, and no longer than the 23 characters every broker takes. Another topic is another session."""
    return "wanjia-" + hashlib.sha256(f"{uscc}/{meter}/{broker.topic}".encode()).hexdigest()[:16]


def _is_filter(topic: str) -> bool:
    levels = topic.split("/")
    sound = all(level in ("+", "#") or not re.search(r"[+#\0]", level) for level in levels)
    return bool(topic) and sound and "#" not in levels[:-1]
