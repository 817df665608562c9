"""Telling who listens what was just stored: `events.readings.<uscc>`, not durable."""

from __future__ import annotations

import numpy as np

from collector.validate import Known, Mask
from config.quality import Flag
from config.samples import SampleBatch
from storage.stream import SAMPLES_PER_MESSAGE, Stream


async def tell(stream: Stream, new: SampleBatch, known: Known) -> None:
    """New readings (sorted by point and time) by enterprise: live ones all, of history each point's first and last."""
    history = (new.flags & Flag.BACKFILL) != 0
    for lane, rows in (("live", ~history), ("backfill", history & _edges(new, history))):
        batch = _of(new, rows)
        owner = known.owner(batch.point)
        for enterprise in np.unique(owner).tolist():
            mine = _of(batch, owner == enterprise)
            for start in range(0, len(mine), SAMPLES_PER_MESSAGE):
                part = _of(mine, slice(start, start + SAMPLES_PER_MESSAGE))
                await stream.notify(f"events.readings.{known.uscc[enterprise]}", part.to_bytes(), {"Lane": lane})


def _edges(batch: SampleBatch, among: Mask) -> Mask:
    """The first and the last row of each point among these."""
    rows = np.flatnonzero(among)
    point = batch.point[rows]
    change = np.diff(point) != 0
    edges = np.zeros(len(batch), np.bool_)
    edges[rows[np.append(True, change)[: len(rows)] | np.append(change, True)[: len(rows)]]] = True
    return edges


def _of(batch: SampleBatch, rows: Mask | slice) -> SampleBatch:
    return SampleBatch(batch.point[rows], batch.time[rows], batch.value[rows], batch.flags[rows], batch.received)
