"""The demo city's past, sent through the backfill lane as if its meters had been read all along.

The newest days come first: the console is of use early, and no slice lies between two others that are there already,
so that nothing is computed for the hole between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from collector.backfill import LOOK_S, send
from collector.backfill import committed as committed_of
from config.samples import Instants, SampleBatch, now_us
from protocols.simulator.demo import Demo
from storage.points import PointTable
from storage.stream import Stream

SLICE = 2 * 96
"""Instants in a message."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Messages."""

    published: int
    committed: int
    total: int


async def load_history(
    stream: Stream, table: PointTable, demo: Demo, progress: Callable[[Progress], None] = lambda _: None
) -> None:
    """Publish the whole past and wait until ingest has committed it. `table` knows the demo's registry. Outages of
    the stream are waited for; the same sent twice does no harm."""
    history = History(demo, table)
    total = len(history)
    published = committed = 0
    for uscc, batch in history.batches():
        await send(stream, uscc, batch)
        published += 1
        committed = await committed_of(stream, published, committed)
        progress(Progress(published, committed, total))
    while committed < published:
        await asyncio.sleep(LOOK_S)
        committed = await committed_of(stream, published, committed)
        progress(Progress(published, committed, total))


class History:
    """Batches of one enterprise and some days each."""

    def __init__(self, demo: Demo, table: PointTable) -> None:
        self._demo = demo
        places = demo.city.places
        self._points: dict[str, list[tuple[int, int, str]]] = {}
        """By credit code: (point id, index of the place, quantity)."""
        for index, place in enumerate(places):
            uscc = demo.uscc(place.enterprise)
            known = table.by_metering_point[uscc, place.code]
            self._points.setdefault(uscc, []).extend((known[quantity], index, quantity) for quantity in place.kept)
        self._quantities = sorted({quantity for place in places for quantity in place.kept})

    def __len__(self) -> int:
        return len(self._slices()) * len(self._points)

    def batches(self) -> Iterator[tuple[str, SampleBatch]]:
        """(credit code, samples), the newest days first."""
        for instants in self._slices():
            shown = self._demo.faces.show(instants, self._quantities)
            absent = self._demo.script.unheard(instants)
            for uscc, points in self._points.items():
                value = np.concatenate([shown[quantity][index] for _, index, quantity in points])
                heard = ~np.concatenate([absent[index] for _, index, _ in points])
                point = np.repeat(np.array([point for point, _, _ in points], np.int32), len(instants))
                stamps = {index: instants + self._demo.script.drift(index, instants) for _, index, _ in points}
                time = np.concatenate([stamps[index] for _, index, _ in points])
                rows = np.concatenate((np.flatnonzero(heard), self._twice(points, instants)))
                flags = np.zeros(len(rows), np.int16)
                yield uscc, SampleBatch(point[rows], time[rows], value[rows], flags, now_us())

    def _slices(self) -> list[Instants]:
        instants = self._demo.instants
        return [instants[max(end - SLICE, 0) : end] for end in range(len(instants), 0, -SLICE)]

    def _twice(
        self, points: list[tuple[int, int, str]], instants: Instants
    ) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Rows of what meters that repeat themselves sent again."""
        found = [np.empty(0, np.intp)]
        for place, start, end in self._demo.script.windows("repeated"):
            inside = np.flatnonzero((instants >= start) & (instants < end))
            found += [inside + number * len(instants) for number, one in enumerate(points) if one[1] == place]
        return np.concatenate(found)
