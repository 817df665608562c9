"""Server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.deps import Key, Seen, Served, address
from api.live import Listener
from api.problems import Problem
from api.services import Services
from storage.errors import StorageError

router = APIRouter(tags=["live"])

HEARTBEAT_S = 15
RECHECK_S = 60.0
"""The key is looked at again this often; a revoked one hears no more."""
SEND_S = 20.0
"""A listener that takes nothing for so long is cut."""


@router.get("/v1/stream", response_class=EventSourceResponse)
async def stream(request: Request, served: Served, seen: Seen, key: Key) -> EventSourceResponse:
    """Live events: `readings`, at most one message a second per enterprise with the last reading of each point, and
    `alert`, an alert that was opened, changed or resolved. A comment comes every 15 s. A listener that is too slow is
    cut and should connect again.
    """
    served.hub.refuse_when_full()

    async def events() -> AsyncIterator[ServerSentEvent]:
        with served.hub.listener(seen) as listener:
            async for event, data in _messages(served, listener, key, address(request)):
                yield ServerSentEvent(data, event=event)

    return EventSourceResponse(events(), ping=HEARTBEAT_S, send_timeout=SEND_S)


async def _messages(
    served: Services, listener: Listener, key: str | None, where: str
) -> AsyncIterator[tuple[str, str]]:
    """Until the listener is cut, the service stops or the key ends."""
    checked = time.monotonic()
    while True:
        try:
            async with asyncio.timeout(RECHECK_S):
                message = await listener.queue.get()
        except TimeoutError:
            message = ("", "")
        if message is None:
            return
        if time.monotonic() - checked >= RECHECK_S:
            try:
                await served.gate.principal(key, where)
            except (Problem, StorageError):
                return
            checked = time.monotonic()
        if message[0]:
            yield message
