"""Telling what was just stored: events `events.readings.<uscc>`, not durable, and conflicts in the log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

import numpy as np

from collector.validate import Known, Mask
from config.quality import Flag
from config.samples import Points, SampleBatch
from storage.points import Point
from storage.stream import SAMPLES_PER_MESSAGE, Stream

log = logging.getLogger(__name__)

NAMED = 5
"""Points named in one warning."""


def warn_of_conflicts(conflicting: Points, points: Mapping[int, Point]) -> None:
    """Say which points got readings that differ from stored ones of the same time: two devices under one name, most
    likely."""
    if not len(conflicting):
        return
    counts = Counter(conflicting.tolist())
    named = [(points[point], count) for point, count in counts.most_common(NAMED)]
    places = [f"{point.uscc}/{point.metering_point} {point.quantity} ({count})" for point, count in named]
    more = f" and {len(counts) - NAMED} points more" if len(counts) > NAMED else ""
    said = "%d readings differ from stored ones of the same time; these stay, the others are set aside: %s%s"
    log.warning(said, len(conflicting), ", ".join(places), more)


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
