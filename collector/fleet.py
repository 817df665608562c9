"""All polled devices of a collector: their links, their slots, and what becomes of them when the registry changes."""

import time
from functools import partial

from collector.devices import Device
from collector.links import Link, Take
from collector.poll import FIRST_BACKOFF_S, Counts, Wheel, backoff, next_slot, phase, tolerance
from protocols import load_driver
from protocols.driver import Polled


class Fleet:
    """Polls every device at its slots until it is removed. Links of devices that are not touched stay as they are."""

    def __init__(self, take: Take) -> None:
        self.counts = Counts()
        self.wheel = Wheel()
        self._take = take
        self._links: dict[tuple[str, str], Link] = {}

    @property
    def links(self) -> int:
        return len(self._links)

    @property
    def connected(self) -> int:
        return sum(link.connected for link in self._links.values())

    def add(self, device: Device) -> None:
        """Poll the device from its next slot on. Raises KeyError when nothing polls by its driver."""
        key = _link_of(device)
        if key not in self._links:
            name, address = key
            polled = load_driver(name)
            if not isinstance(polled, Polled):
                raise KeyError(name)
            self._links[key] = Link(address, polled.connect, self.wheel, self.counts, self._take, self._schedule)
        self._links[key].devices += 1
        self._schedule(device)

    def remove(self, device: Device) -> None:
        """Poll the device no more; its link is closed when nothing else needs it."""
        device.gone = True
        key = _link_of(device)
        link = self._links[key]
        link.devices -= 1
        if not link.devices:
            link.close()
            del self._links[key]

    def close(self) -> None:
        self.wheel.stop()
        for link in self._links.values():
            link.close()
        self._links.clear()

    def _schedule(self, device: Device) -> None:
        """Put the device into the wheel: for its next slot, or out of turn while it gives nothing. A slot that came
        while it was busy is not too late yet: then it is polled at once."""
        if device.gone:
            return
        cadence_s = device.connection.cadence_s
        if device.failures:
            device.slot = 0.0
            self.wheel.after(backoff(device.failures, min(FIRST_BACKOFF_S, cadence_s)), partial(self._due, device))
            return
        now, before = time.time(), device.slot
        device.slot = next_slot(now, cadence_s, phase(device.connection.id, cadence_s))
        latest = device.slot - cadence_s
        busy = before and latest - before > cadence_s / 2 and now - latest <= tolerance(cadence_s)
        if busy:
            device.slot = latest
        if before:
            self.counts.passed_over(before, device.slot, cadence_s)
        if busy:
            self._due(device)
        else:
            self.wheel.after(device.slot - now, partial(self._due, device))

    def _due(self, device: Device) -> None:
        if not device.gone:
            self._links[_link_of(device)].poll(device)


def _link_of(device: Device) -> tuple[str, str]:
    return device.connection.driver, device.connection.address
