import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.collector.plant import Watched


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    """A fleet without devices."""
    found = Watched()
    yield found
    found.fleet.close()
    await asyncio.sleep(0)  # closed transports say so in the next turn of the loop
