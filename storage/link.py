"""One connection to NATS that is never given up: it reconnects for ever, and nothing waits on it without end.

Known habits of nats-py that are handled here: a client that got a fatal protocol error closes for good (a new one is
made); a publish during an outage is buffered without a word (buffering is off, it fails at once); a request under way
when the link breaks waits for its whole timeout (acknowledgements are awaited on our own inbox and failed at once).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import msgspec
import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from config.errors import ConfigError, Fault
from storage.errors import RowsRefused, StorageError, StreamFull, Unavailable

log = logging.getLogger(__name__)

RECONNECT_S = 0.25
"""Wait between two attempts to reconnect; attempts never end."""
ANSWER_S = 5.0
"""Longest wait for an acknowledgement or an answer of the server on a link that looks sound."""

UNRESERVABLE = 10047
"""JetStream error code: a stream is larger than the storage that the server may use."""
NO_ROOM = {10023, UNRESERVABLE}
"""10023: insufficient resources. The embedded server says both while its disk is short."""
_FULL = {10077}
"""Store failed: the limits of the stream are reached."""
_TOO_LARGE = {10054}


class Link:
    """A NATS connection with JetStream. `epoch` counts connections made: another number means messages may be lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._nc: Client = Client()
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._tokens = itertools.count()
        self._inbox = ""
        self._closing = False
        self._reviving: asyncio.Task[None] | None = None
        self._last_error = "no answer"
        self.epoch = 0
        self.slow = 0
        """Messages of core subscriptions dropped because their reader was too slow."""

    @property
    def address(self) -> str:
        """Where the server is, without user and password."""
        parts = urlsplit(self._url)
        return f"{parts.hostname}:{parts.port or 4222}"

    @property
    def place(self) -> str:
        """What a user knows the server's disk by: the embedded server's name is its folder."""
        name = str(self._nc._server_info.get("server_name", ""))
        return unquote(name) if name.startswith("/") else f"the NATS server at {self.address}"

    @property
    def connected(self) -> bool:
        return self._nc.is_connected

    @property
    def client(self) -> Client:
        """The current client. Raises Unavailable while there is no connection."""
        if not self._nc.is_connected:
            raise Unavailable(f"the stream at {self.address} cannot be reached: {self._last_error}")
        return self._nc

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream(timeout=ANSWER_S)

    async def open(self, timeout_s: float) -> None:
        """Connect for the first time. Raises Unavailable after `timeout_s`, ConfigError for a malformed address or a
        wrong login."""
        if not _is_address(self._url):
            form = "give it as nats://user:password@host:port"
            raise ConfigError([Fault("WANJIA_NATS_URL", "is not the address of a NATS server", form)])
        try:
            async with asyncio.timeout(timeout_s):
                await self._connect()
        except TimeoutError:
            await self.close()
            raise Unavailable(f"the stream at {self.address} cannot be reached: {self._last_error}") from None

    async def close(self) -> None:
        self._closing = True
        if self._reviving:
            self._reviving.cancel()
        self._fail_waiting("closed")
        with contextlib.suppress(nats.errors.Error, OSError, asyncio.CancelledError):
            await self._nc.close()

    async def append(self, subject: str, payload: bytes, headers: dict[str, str] | None = None) -> None:
        """Publish into a JetStream stream; on its disk when this returns.

        Raises StreamFull, Unavailable (also when the link breaks before the answer: it may or may not be stored),
        RowsRefused when the message can never be stored.
        """
        token = str(next(self._tokens))
        future = self._waiting[token] = asyncio.get_running_loop().create_future()
        try:
            await self.publish(subject, payload, reply=f"{self._inbox}.{token}", headers=headers)
            async with asyncio.timeout(ANSWER_S):
                answer = await future
        except TimeoutError:
            raise Unavailable(
                f"the stream at {self.address} did not acknowledge within {ANSWER_S:g} s; if that lasts, its disk may "
                "be full (its log says so): make room and restart it"  # then it answers nothing, and stays so
            ) from None
        finally:
            self._waiting.pop(token, None)
        _check_acknowledgement(answer, subject, self.place)

    async def publish(
        self, subject: str, payload: bytes, *, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Hand a message to the server without waiting. Raises Unavailable, RowsRefused (larger than it takes)."""
        client = self.client
        if len(payload) > client.max_payload:
            raise RowsRefused(
                f"a message of {len(payload)} bytes is larger than the stream takes ({client.max_payload})"
            )
        with translated(self.address):
            await client.publish(subject, payload, reply=reply, headers=headers)

    async def _connect(self) -> None:
        """One client, connected. The server may be away: tried for ever."""
        self._nc = Client()
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def on_error(error: Exception) -> None:
            self._note(error)
            if "authorization" in str(error).lower() and not failed.done():
                failed.set_result(None)

        connecting = asyncio.create_task(
            self._nc.connect(
                [self._url],
                error_cb=on_error,
                disconnected_cb=self._disconnected,
                reconnected_cb=self._reconnected,
                closed_cb=self._closed,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_S,  # type: ignore[arg-type]
                connect_timeout=2,
                ping_interval=5,
                max_outstanding_pings=2,
                pending_size=-1,
            )
        )
        try:
            await asyncio.wait({connecting, failed}, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done() and self.epoch == 0:
                raise ConfigError(
                    [Fault("WANJIA_NATS_URL", f"{self.address} refuses the login", "correct user and password")]
                )
            await connecting
        finally:
            if not connecting.done():
                connecting.cancel()
                await asyncio.gather(connecting, return_exceptions=True)
        self._inbox = self._nc.new_inbox()
        await self._nc.subscribe(f"{self._inbox}.*", cb=self._acknowledged)
        self.epoch += 1

    async def _acknowledged(self, message: Msg) -> None:
        future = self._waiting.get(message.subject.rpartition(".")[2])
        if future and not future.done():
            future.set_result(message)

    def _note(self, error: Exception) -> None:
        if isinstance(error, nats.errors.SlowConsumerError):
            self.slow += 1
        self._last_error = str(error) or type(error).__name__

    async def _disconnected(self) -> None:
        if not self._closing:
            log.warning("lost the stream at %s; reconnecting", self.address)
        self._fail_waiting("the connection broke")

    async def _reconnected(self) -> None:
        self.epoch += 1
        log.info("the stream at %s is back", self.address)

    async def _closed(self) -> None:
        """nats-py gave up (a fatal protocol error): make a new client, unless it was us who closed."""
        if self._closing or self.epoch == 0:
            return
        log.warning("the stream at %s closed the connection: %s", self.address, self._last_error)
        self._fail_waiting(self._last_error)
        self._reviving = asyncio.create_task(self._revive())

    async def _revive(self) -> None:
        await asyncio.sleep(RECONNECT_S)
        await self._connect()
        log.info("the stream at %s is back", self.address)

    def _fail_waiting(self, reason: str) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Unavailable(f"the stream at {self.address} did not acknowledge: {reason}"))


def _is_address(url: str) -> bool:
    """Judged before nats-py does, which takes `foo bar` for a host and tries to reach it."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("nats", "tls") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@contextlib.contextmanager
def translated(address: str) -> Iterator[None]:
    """Turns errors of nats-py into storage errors."""
    try:
        yield
    except nats.js.errors.APIError as error:
        raise _storage_error(error.code, error.err_code, error.description or str(error), address) from error
    except nats.errors.BadSubjectError as error:
        raise RowsRefused(f"not a usable subject: {error}") from error
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise Unavailable(f"the stream at {address} cannot be used now: {error}") from error


class _Problem(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Acknowledgement(msgspec.Struct):
    stream: str = ""
    error: _Problem | None = None


def _check_acknowledgement(message: Msg, subject: str, place: str) -> None:
    if message.headers and message.headers.get("Status") == "503":
        raise Unavailable(f"no stream takes {subject}: JetStream is starting or off")
    problem = msgspec.json.decode(message.data, type=_Acknowledgement).error
    if problem:
        raise _storage_error(problem.code, problem.err_code, problem.description, place)


def _storage_error(code: int | None, err_code: int | None, description: str, place: str) -> StorageError:
    if err_code in _TOO_LARGE:
        return RowsRefused(f"the stream refuses the message: {description}")
    if err_code in NO_ROOM or "no space" in description:
        return StreamFull(
            f"the stream takes no more: {place} has no disk space left for it ({description}); make room there; it "
            "goes on by itself"
        )
    if err_code in _FULL:
        return StreamFull(f"the stream takes no more until ingest has caught up: {description}")
    return Unavailable(f"the stream cannot be used now: {description} ({code}/{err_code})")
