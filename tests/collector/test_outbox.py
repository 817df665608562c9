import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from collector.outbox import Outbox
from config.samples import SampleBatch
from storage.errors import RowsRefused, StorageError, StreamFull, Unavailable
from tests.waiting import until


class Stream:
    """Takes batches, or fails as told."""

    def __init__(self) -> None:
        self.error: StorageError | None = None
        self.taken: list[tuple[str, int, float]] = []
        self.messages = 0

    async def publish(self, uscc: str, batch: SampleBatch) -> None:
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        self.messages += 1
        rows = zip(batch.point.tolist(), batch.value.tolist(), strict=True)
        self.taken += [(uscc, point, value) for point, value in rows]


@pytest.fixture
def taker() -> Stream:
    return Stream()


@pytest.fixture
async def outbox(taker: Stream) -> AsyncIterator[Outbox]:
    found = Outbox(taker.publish, limit=1000)
    task = asyncio.create_task(found.run())
    yield found
    task.cancel()


def batch(number: int, samples: int = 1) -> SampleBatch:
    return SampleBatch.from_rows([(number, number, float(number))] * samples, received=number)


async def test_everything_is_published(taker: Stream, outbox: Outbox) -> None:
    for number in range(100):
        outbox.put(f"E{number % 40}", batch(number))
    await outbox.drain(5)
    assert outbox.held == 0
    assert outbox.published == 100
    assert sorted(point for _, point, _ in taker.taken) == list(range(100))


@pytest.mark.parametrize("error", [Unavailable("away"), StreamFull("full")])
async def test_an_outage_loses_nothing_and_is_said_once(
    taker: Stream, outbox: Outbox, error: StorageError, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    taker.error = error
    for number in range(300):
        outbox.put("E1", batch(number))
        await asyncio.sleep(0)
    await until(lambda: caplog.records, what="the outage to be said")
    taker.error = None
    await until(lambda: outbox.held == 0, what="all to be published")
    assert sorted(point for _, point, _ in taker.taken) == list(range(300))
    assert taker.messages < 50, "small batches of an outage are joined"
    await until(lambda: len(caplog.records) == 2, what="the recovery to be said")
    assert "the stream takes samples again; 0 lost" in caplog.text


async def test_too_long_an_outage_loses_the_oldest_counted_and_said(
    taker: Stream, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    taker.error = Unavailable("away")
    for number in range(200):
        outbox.put(f"E{number % 3}", batch(number, samples=10))
        await asyncio.sleep(0)
    taker.error = None
    await until(lambda: outbox.held == 0, what="all to be published")
    assert outbox.lost + len(taker.taken) == 2000
    assert 500 <= len(taker.taken) <= 1000
    kept = {point for _, point, _ in taker.taken}
    assert max(kept) == 199
    assert min(kept) >= 60
    losses = [record for record in caplog.records if "the oldest first" in record.message]
    assert 1 <= len(losses) <= 12, "said at first and at each doubling, not each time"


async def test_what_can_never_be_stored_does_not_stop_the_rest(
    taker: Stream, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    taker.error = RowsRefused("too large")
    outbox.put("E1", batch(1, samples=3))
    await outbox.drain(5)
    taker.error = None
    outbox.put("E1", batch(2))
    await outbox.drain(5)
    assert (outbox.lost, outbox.published) == (3, 1)
    assert "lost 3 samples of E1: too large" in caplog.text
