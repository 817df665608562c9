"""Who stands behind each slot: quantity, metering point and, by window, device. One snapshot of the registry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.expected import Slots, Windows
from alerts.finding import Subject
from alerts.thresholds import DEFAULTS, Thresholds
from storage.gaps import Meter, Place
from storage.points import PointTable


@dataclass(frozen=True, slots=True)
class Roster:
    """`place` and `device` are indices: of a slot's metering point in `places`, of a window's meter in `meters`."""

    windows: Windows
    quantity: tuple[str, ...]
    place: NDArray[np.int64]
    places: tuple[Place, ...]
    device: NDArray[np.int64]
    meters: tuple[Meter, ...]

    @classmethod
    def of(
        cls,
        table: PointTable,
        places: dict[int, Place],
        meters: dict[int, Meter],
        now: int,
        thresholds: Thresholds = DEFAULTS,
    ) -> Roster:
        """A point whose metering point was registered after `places` was read is left for the next snapshot."""
        known = [table.points[point] for point in sorted(table.points)]
        known = [point for point in known if point.metering_point_id in places]
        disabled = {meter.id for meter in meters.values() if not meter.enabled}
        windows = Windows.of(known, disabled, now, thresholds)
        used = set(windows.meter.tolist())
        listed, kept = tuple(places.values()), tuple(meter for meter in meters.values() if meter.id in used)
        index = {place.id: number for number, place in enumerate(listed)}
        device = {meter.id: number for number, meter in enumerate(kept)}
        return cls(
            windows,
            tuple(point.quantity for point in known),
            np.array([index[point.metering_point_id] for point in known], np.int64),
            listed,
            np.array([device.get(meter, -1) for meter in windows.meter.tolist()], np.int64),
            kept,
        )

    def devices(self, row: Slots) -> NDArray[np.int64]:
        """The device of each slot, given the rows of their windows; -1 without window."""
        found = np.full(len(row), -1, np.int64)
        found[row >= 0] = self.device[row[row >= 0]]
        return found

    def homes(self) -> list[int]:
        """The place of each meter: where it is, or was last, installed."""
        home = np.zeros(len(self.meters), np.int64)
        known = self.device >= 0
        home[self.device[known]] = self.place[self.windows.slot_of_rows()[known]]
        return [int(place) for place in home]

    def subject(self, place: int, device: int) -> Subject:
        """`device` -1: no meter is installed."""
        at = self.places[place]
        meter = self.meters[device] if device >= 0 else None
        return Subject(
            uscc=at.uscc,
            enterprise_id=at.enterprise_id,
            enterprise=at.enterprise,
            zone=at.zone,
            metering_point_id=at.id,
            metering_point=at.code,
            name=at.name,
            meter_id=meter.id if meter else None,
            meter=meter.code if meter else "",
            address=meter.address if meter else "",
        )
