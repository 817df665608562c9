"""The demo city's past through the stream and ingest: what comes out is what truly flowed."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from collector.history import Progress, load_history
from collector.ingest import Ingest
from config.city import part
from config.quality import Quality
from config.samples import MICROSECOND
from protocols.simulator import demo as demos
from protocols.simulator.demo import Demo, Files
from storage import intervals, registry
from storage.database import Database
from storage.exclusive import exclusive
from storage.points import PointTable, load_points
from storage.stream import Stream

pytestmark = pytest.mark.servers

QUARTER = 900 * MICROSECOND
DIGIT = 0.1
"""No meter of the two enterprises shows its register more coarsely (on its own side), but for single precision."""


async def test_intervals_of_the_past_are_the_truth(database: Database, stream: Stream, tmp_path: Path) -> None:
    demo = demos.build(tmp_path, days=1, of=part({"dairy", "mine"}))
    for file in (Files(tmp_path).registry_before, Files(tmp_path).registry):
        await registry.apply(database, file, actor="test")
    table = await load_points(database)
    seen: list[Progress] = []
    stop = asyncio.Event()
    async with exclusive(database, "ingest", stop) as conn:
        assert conn is not None
        running = asyncio.create_task(Ingest(database, stream, conn, await stream.lanes(), 1826).run(stop))
        async with asyncio.timeout(60):
            await load_history(stream, table, demo, seen.append)
        stop.set()
        await running
    assert (seen[-1].published, seen[-1].committed) == (seen[-1].total, seen[-1].total)
    places = demo.city.places
    points = np.array([table.by_metering_point[demo.uscc(p.enterprise), p.code][p.register] for p in places], np.int32)
    async with database.connection() as conn:
        found = await intervals.series(conn, points, "15m", demo.start, demo.live)
    assert set(found.quality.tolist()) == {Quality.MEASURED}
    assert set(found.expected.tolist()) == set(found.received.tolist()) == {1}
    truth = np.diff(demo.world.truth(demo.instants).total, axis=1)
    rank = np.argsort(points)[np.searchsorted(np.sort(points), found.point)]
    consumption = np.full(truth.shape, np.nan)
    consumption[rank, (found.start - demo.start) // QUARTER] = found.consumption
    shown = demo.faces.show(demo.instants[-1:])
    miscounting = {index for index, _, _ in demo.script.windows("count")}
    for index, place in enumerate(places):
        if index in miscounting:
            continue
        [segment] = table.points[points[index]].segments
        digit = (DIGIT + shown[place.register][index, 0] * 2.0**-23) * segment.multiplier
        assert np.abs(consumption[index] - truth[index]).max() < digit, place.key
        assert abs(consumption[index].sum() - truth[index].sum()) < digit, place.key
    _expected_as_read(table, demo)


def _expected_as_read(table: PointTable, demo: Demo) -> None:
    """Each quarter of an hour until the start, from then on at the pace of the demo."""
    for place in demo.city.places:
        points = table.by_metering_point[demo.uscc(place.enterprise), place.code]
        assert set(points) == set(place.kept)
        (since, before), (start, live) = table.points[points[place.register]].schedule
        assert (since, before, live) == (demo.start, 900, place.every)
        assert start >= demo.live
