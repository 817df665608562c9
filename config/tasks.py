"""Work that runs beside other work, and is seen to its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """While the block runs, `work` does too."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await cancelled([task])


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """See them end; again and again, because asyncio.wait_for can lose a cancellation (Python < 3.12)."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)
