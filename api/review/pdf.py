"""The printed report: what stands in the frozen one, typeset by report.typ."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from api.problems import Problem
from api.review.printed import printed

RENDER_S = 20.0
"""Longest the typesetting may take."""
AT_ONCE = asyncio.Semaphore(2)
"""More wait their turn."""


async def render(frozen: bytes, review: Mapping[str, Any]) -> bytes:
    """The report of a review as PDF; the same bytes for the same review. Raises Problem."""
    data = msgspec.json.encode(printed(msgspec.json.decode(frozen), review))
    async with AT_ONCE:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "api.review.typeset",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            made, said = await asyncio.wait_for(process.communicate(data), RENDER_S)
        except TimeoutError:
            raise Problem("query-timeout", f"typesetting took more than {RENDER_S:.0f} s; take the tables") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"the report could not be typeset: {said.decode(errors='replace')[-2000:]}")
    return made
