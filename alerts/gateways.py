"""Which gateways are silent: addresses of an enterprise by which several devices are reached, none of which gives
readings any more; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alerts.deadlines import Deadlines
from alerts.finding import Silence, Subject
from alerts.roster import Roster
from alerts.tracks import overlapping
from storage.gaps import FOREVER

FEWEST = 2
"""Devices that must be silent together, or it may as well be the device."""


class Gateways:
    """The gateways of a roster, by index."""

    def __init__(self, roster: Roster) -> None:
        homes = roster.homes()
        names = [
            (roster.places[home].enterprise_id, meter.address) if meter.address else None
            for meter, home in zip(roster.meters, homes, strict=True)
        ]
        several = {name for name in set(names) - {None} if names.count(name) >= FEWEST}
        number = {name: index for index, name in enumerate(sorted(several, key=str))}
        self._of_device = np.array([number.get(name, -1) for name in names] + [-1], np.int64)
        """By device; the last one stands for slots without device."""
        self._device = {meter.id: device for device, meter in enumerate(roster.meters)}
        self._subjects: list[Subject] = []
        for name in number:
            device = names.index(name)
            subject = roster.subject(homes[device], device)
            bare = replace(subject, metering_point_id=None, metering_point="", name="", meter_id=None, meter="")
            self._subjects.append(bare)

    def __len__(self) -> int:
        return len(self._subjects)

    def subject(self, gateway: int) -> Subject:
        return self._subjects[gateway]

    def of(self, device: NDArray[np.int64]) -> NDArray[np.int64]:
        """The gateway of each device; -1: none."""
        return self._of_device[device]

    def silent(self, deadlines: Deadlines, device: NDArray[np.int64], now: int) -> NDArray[np.bool_]:
        """Gateways by which nothing has come since a reading was missed, and at least FEWEST devices owe all of
        theirs. `device`: of each slot."""
        count = len(self)
        slots = np.flatnonzero(self.of(device) >= 0)
        gateway, owner = self.of(device)[slots], device[slots]
        heard, missed = np.zeros(count, np.int64), np.full(count, -1, np.int64)
        np.maximum.at(heard, gateway, deadlines.last[slots])
        since = deadlines.since[slots]
        np.maximum.at(missed, gateway, np.where(since < FOREVER, since, -1))
        owing = np.ones(len(self._of_device) - 1, bool)
        np.logical_and.at(owing, owner, deadlines.owing(slots, now))
        owing &= np.bincount(owner, minlength=len(owing)) > 0
        owed = np.bincount(self._of_device[:-1][owing & (self._of_device[:-1] >= 0)], minlength=count)
        return (heard < missed) & (owed >= FEWEST)

    def undecided(self, deadlines: Deadlines, device: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Silent slots by whose gateway nothing has come since: it may be the gateway. `device`: of each slot."""
        gateway, heard = self.of(device), np.zeros(len(self) + 1, np.int64)
        np.maximum.at(heard, gateway, deadlines.last)
        return deadlines.silent & (gateway >= 0) & (heard[gateway] < deadlines.since)

    def together(self, silences: Sequence[tuple[str, Silence]]) -> Iterator[tuple[str, Silence]]:
        """Silences by their rule; those of all devices behind a gateway at the same time as one of the gateway."""
        whole = [silence for rule, silence in silences if rule == "offline"]
        device = np.array([self._device[silence.subject.meter_id or 0] for silence in whole], np.int64)
        start = np.array([silence.since for silence in whole], np.int64)
        end = np.array([silence.until for silence in whole], np.int64)
        gateway, told = self.of(device), np.zeros(len(whole), bool)
        for order in overlapping(gateway, start, end):
            behind = np.flatnonzero(self._of_device == gateway[order[0]])
            everyone = gateway[order[0]] >= 0 and np.isin(behind, device[order]).all()
            if everyone and start[order].max() < end[order].min():
                told[order] = True
                yield "gateway", self._of_all([whole[number] for number in order], int(gateway[order[0]]))
        yield from (("offline", silence) for silence, is_told in zip(whole, told, strict=True) if not is_told)
        yield from ((rule, silence) for rule, silence in silences if rule != "offline")

    def _of_all(self, silences: Sequence[Silence], gateway: int) -> Silence:
        """While all behind it were silent."""
        return replace(
            max(silences, key=lambda one: one.missing),
            subject=self.subject(gateway),
            since=max(one.since for one in silences),
            until=min(one.until for one in silences),
            lasting=all(one.lasting for one in silences),
            behind=tuple(one.subject for one in silences),
        )
