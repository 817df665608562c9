"""What rules about verdicts of the register engine share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import ClassVar

from alerts.finding import Finding, Inspection
from alerts.history import DAY, History, Place, Told
from config.rules import Limits


class VerdictRule(Inspection):
    """About a metering point: one episode for verdicts that follow each other within the days an alert stands. One
    that is overruled, or that late readings take back, is there no longer."""

    kinds: ClassVar[tuple[str, ...]]
    books: ClassVar[bool] = True
    """Whether the energy of the verdicts is at stake."""

    def lookback(self, limits: Limits) -> int:
        return int(limits["days"]) + 7

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        mine = [told for told in history.verdicts if self.concerns(history.places[told.row], told, limits[told.row])]
        for row, of_place in groupby(mine, lambda told: told.row):
            for episode in _episodes(list(of_place), limits[row]["days"] * DAY):
                last = episode[-1].end
                ended = last if history.past - last >= limits[row]["days"] * DAY else None
                energy = sum(told.energy for told in episode)
                place = history.places[row]
                evidence = {"times": len(episode), "energy": energy, "last": episode[-1].energy}
                texts = self.texts(place, episode, energy, history.zone)
                amount = abs(energy) if self.books else None
                yield self.finding(place, (episode[0].start, ended), texts, evidence, amount=amount)

    def concerns(self, place: Place, told: Told, limits: Limits) -> bool:
        """Whether the rule tells of a verdict."""
        return told.kind in self.kinds

    def texts(self, place: Place, episode: Sequence[Told], energy: float, zone: str) -> tuple[str, str]:
        """What happened, in Chinese and English."""
        raise NotImplementedError


def _episodes(verdicts: Sequence[Told], apart: float) -> Iterator[list[Told]]:
    episode: list[Told] = []
    for told in verdicts:
        if episode and told.start - episode[-1].end >= apart:
            yield episode
            episode = []
        episode.append(told)
    if episode:
        yield episode
