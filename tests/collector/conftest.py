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


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links that wait a tenth of a second for a reply."""
    monkeypatch.setattr("collector.links.SHORTEST_WAIT_S", 0.1)
    monkeypatch.setattr("collector.links.LONGEST_WAIT_S", 0.1)
