"""When what goes wrong in the demo city."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.city import City, Fault
from config.samples import MICROSECOND, Instants

HOUR = 3600 * MICROSECOND
_DAY = 24 * HOUR


class Script:
    """The city's faults as instants; `live`: when the demo starts. Everything in microseconds since the epoch."""

    def __init__(self, city: City, live: int) -> None:
        self.live = live
        self._events = [
            (fault, index, live + round(at * HOUR), live + round((at + fault.hours) * HOUR))
            for fault in city.faults
            for at in fault.starts
            for index in city.hit(fault)
        ]
        self._city = city

    def windows(self, *kinds: str) -> list[tuple[int, int, int]]:
        """(index of the place, start, end) of faults of these kinds."""
        return [(index, start, end) for fault, index, start, end in self._events if fault.kind in kinds]

    def instants(self, kind: str) -> list[tuple[int, int]]:
        """(index of the place, instant) of faults that are no stretch of time."""
        return [(index, start) for fault, index, start, _ in self._events if fault.kind == kind]

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
        for fault, place, start, end in self._events:
            if fault.kind == "clock_drift" and place == index:
                gone = np.clip(instants, start, end) - start
                ahead += np.rint(gone * (fault.seconds_per_day * MICROSECOND / _DAY)).astype(np.int64)
        return ahead

    def rows(self) -> list[dict[str, Any]]:
        """Every event for the record, in order of time."""
        starts = sorted((at, number) for number, fault in enumerate(self._city.faults) for at in fault.starts)
        return [self._row(self._city.faults[number], at) for at, number in starts]

    def _row(self, fault: Fault, at: float) -> dict[str, Any]:
        places = [self._city.places[index] for index in self._city.hit(fault)]
        row: dict[str, Any] = {
            "kind": fault.kind,
            "uscc": next(one.uscc for one in self._city.enterprises if one.key == places[0].enterprise),
            "gateway": places[0].gateway if fault.of == places[0].gateway else None,
            "metering_points": [place.code for place in places],
        }
        if fault.kind == "wrong_ct":
            return row | {"factor": fault.factor}
        row["start"] = self.live + round(at * HOUR)
        row["end"] = self.live + round((at + fault.hours) * HOUR) if fault.hours else None
        return row | ({"seconds_per_day": fault.seconds_per_day} if fault.seconds_per_day else {})
