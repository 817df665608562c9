"""Readings of the api's small registry through what ingest does to them."""

import numpy as np

from collector import recompute
from collector.terms import Terms
from config.samples import MICROSECOND, SampleBatch
from storage import readings
from storage.points import load_points
from tests.api.conftest import START, World

MINUTE = 60 * MICROSECOND


async def come(world: World, values: list[float], *, first: int = 0, code: str = "E-1") -> None:
    """Readings of a metering point, one a minute, through what ingest does."""
    time = START + np.arange(first, first + len(values)) * MINUTE
    point = np.full(len(values), world.point(code), np.int32)
    new = SampleBatch(point, time, np.array(values), np.zeros(len(values), np.int16), int(time[-1]))
    terms = Terms((await load_points(world.db)).points.values())
    async with world.db.transaction() as conn:
        await recompute.recompute(conn, (await readings.store(conn, new)).new, terms)


async def ingest(world: World) -> None:
    """Work off what is to be computed again."""
    terms = Terms((await load_points(world.db)).points.values())
    async with world.db.transaction() as conn:
        while await recompute.work_off(conn, terms, 0):
            pass
