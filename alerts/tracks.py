"""The running episodes of a rule about silence, as arrays over its subjects; pure."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from alerts.expected import Slots
from alerts.rules import SILENCE
from config.samples import MICROSECOND, Instants
from storage.alerts import Running
from storage.gaps import FOREVER

UNKNOWN = int(np.iinfo(np.int64).max)


class Track:
    """The running episodes of one rule, by index of the subject."""

    def __init__(self, rule: str, keys: Iterable[str], running: Iterable[Running]) -> None:
        self.rule = SILENCE[rule]
        self.keys = tuple(keys)
        self.onset = np.full(len(self.keys), FOREVER, np.int64)
        """FOREVER: none runs."""
        self.again = np.full(len(self.keys), FOREVER, np.int64)
        """When its text is due to be made anew: whenever it lasts twice as long as when it was made last."""
        index = {key: number for number, key in enumerate(self.keys)}
        self.size = np.full(len(self.keys), UNKNOWN, np.int64)
        """How many quantities were silent when last looked."""
        self.gone = [episode.key for episode in running if episode.rule == rule and episode.key not in index]
        """Running episodes of subjects that are gone."""
        for episode in running:
            if episode.rule == rule and episode.key in index:
                self.start(index[episode.key], episode.onset, episode.updated)

    @property
    def runs(self) -> NDArray[np.bool_]:
        return self.onset < FOREVER

    def start(self, subject: int, onset: int, told: int) -> None:
        self.onset[subject] = onset
        self.again[subject] = max(2 * told - onset, told + 60 * MICROSECOND)

    def stop(self, subject: int) -> None:
        self.onset[subject] = self.again[subject] = FOREVER


class Members:
    """The slots of each group."""

    def __init__(self, group: NDArray[np.int64]) -> None:
        self._order = np.argsort(group, kind="stable")
        self._sorted = group[self._order]

    def of(self, index: int) -> Slots:
        first, last = np.searchsorted(self._sorted, (index, index + 1))
        return self._order[first:last]


def overlapping(group: NDArray[np.int64], start: Instants, end: Instants) -> Iterable[NDArray[np.int64]]:
    """Indices of stretches of one group that overlap, bundle by bundle."""
    order = np.lexsort((start, group))
    bundle: list[int] = []
    until = 0
    for index in order.tolist():
        if bundle and (group[index] != group[bundle[0]] or start[index] >= until):
            yield np.array(bundle)
            bundle = []
        until = int(end[index]) if not bundle else max(until, int(end[index]))
        bundle.append(index)
    if bundle:
        yield np.array(bundle)
