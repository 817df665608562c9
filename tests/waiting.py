"""Wait for a condition with a deadline; tests never sleep and hope."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(
    condition: Callable[[], Any] | Callable[[], Awaitable[Any]],
    *,
    seconds: float = 10,
    what: str = "condition",
    every: float = 0.02,
) -> Any:
    """The first true result of `condition` (plain or async). Fails after `seconds`, naming `what`."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(every)
