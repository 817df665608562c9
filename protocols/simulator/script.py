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
        found = [_row(self._city, *event) for event in self._events]
        return sorted(found, key=lambda row: (row["start"] or 0, row["metering_point"]))


def _row(city: City, fault: Fault, index: int, start: int, end: int) -> dict[str, Any]:
    place = city.places[index]
    uscc = next(one.uscc for one in city.enterprises if one.key == place.enterprise)
    row: dict[str, Any] = {"kind": fault.kind, "uscc": uscc, "metering_point": place.code, "meter": place.meter}
    whole = fault.kind == "wrong_ct"
    row |= {"start": None if whole else start, "end": end if end > start else None}
    extra = {"factor": fault.factor, "seconds_per_day": fault.seconds_per_day}
    return row | {key: value for key, value in extra.items() if value != Fault.model_fields[key].default}
