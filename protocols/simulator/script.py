"""When what goes wrong in the demo city."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.city import City, Fault, Habit
from config.samples import MICROSECOND, Instants
from protocols.simulator.world import Load

HOUR = 3600 * MICROSECOND
_DAY = 24 * HOUR
FOREVER = int(np.iinfo(np.int64).max)
_REGISTERED = ("wrong_ct", "unverified", "allowance")
"""Faults of the registry, not of a time."""
_LASTING = ("count", "load")
"""Faults that last where they have no hours."""


class Script:
    """The city's faults as instants; `live`: when the demo starts. Everything in microseconds since the epoch."""

    def __init__(self, city: City, live: int) -> None:
        self.live = live
        self._events = [
            (event, index, live + round(at * HOUR), self._end(event, at))
            for event in city.events
            for at in event.starts
            for index in city.hit(event)
        ]
        self._city = city

    def _end(self, event: Habit, at: float) -> int:
        if event.kind in _LASTING and not event.hours:
            return FOREVER
        return self.live + round((at + event.hours) * HOUR)

    def faults(self, kind: str) -> Iterator[tuple[Fault, int, int, int]]:
        """Faults of a kind: (fault, index of the place, start, end)."""
        for event, index, start, end in self._events:
            if isinstance(event, Fault) and event.kind == kind:
                yield event, index, start, end

    def loads(self) -> list[Load]:
        """What flows besides the usual loads."""
        return [Load(index, start, end, fault.factor, fault.when) for fault, index, start, end in self.faults("load")]

    def windows(self, *kinds: str) -> list[tuple[int, int, int]]:
        """(index of the place, start, end) of events of these kinds."""
        return [(index, start, end) for event, index, start, end in self._events if event.kind in kinds]

    def instants(self, kind: str) -> list[tuple[int, int]]:
        """(index of the place, instant) of events that are no stretch of time."""
        return [(index, start) for event, index, start, _ in self._events if event.kind == kind]

    def active(self, kind: str, instant: int) -> set[int]:
        """Places with such a fault at an instant."""
        return {index for index, start, end in self.windows(kind) if start <= instant < end}

    def unheard(self, instants: Instants) -> NDArray[np.bool_]:
        """Where no reading can be had: places x instants."""
        absent = np.zeros((len(self._city.places), len(instants)), np.bool_)
        for index, start, end in self.windows("dark", "silent"):
            absent[index, (instants >= start) & (instants < end)] = True
        return absent

    def drift(self, index: int, instants: Instants) -> Instants:
        """How far the clock of a place's meter is ahead of the time."""
        ahead = np.zeros(len(instants), np.int64)
        for fault, place, start, end in self.faults("clock_drift"):
            if place == index:
                gone = np.clip(instants, start, end) - start
                ahead += np.rint(gone * (fault.seconds_per_day * MICROSECOND / _DAY)).astype(np.int64)
        return ahead

    def rows(self) -> list[dict[str, Any]]:
        """Every event for the record, in order of time."""
        events = self._city.events
        starts = sorted((at, number) for number, event in enumerate(events) for at in event.starts)
        return [self._row(events[number], at) for at, number in starts]

    def _row(self, event: Habit, at: float) -> dict[str, Any]:
        places = [self._city.places[index] for index in self._city.hit(event)]
        gateway = places[0].gateway if event.of == places[0].gateway else None
        row: dict[str, Any] = {
            "kind": event.kind,
            "uscc": next(one.uscc for one in self._city.enterprises if one.key == places[0].enterprise),
            "gateway": gateway,
            "metering_points": [place.code for place in places],
            "start": None if event.kind in _REGISTERED else self.live + round(at * HOUR),
            "end": self.live + round((at + event.hours) * HOUR) if event.hours else None,
            "alert": None,
            "shows": None,
        }
        if isinstance(event, Fault):
            row |= {"alert": event.alert, "factor": event.factor, "seconds_per_day": event.seconds_per_day}
            row["shows"] = None if gateway else (event.shows or event.of).partition("/")[2]
        return row
