"""What the polls of a tick brought, decoded together: registers of many devices in, columns per enterprise out."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collector.devices import Device, Reading
from config.samples import SampleBatch, now_us

Reply = tuple[int, bytes, bytes, int]
"""(enterprise, point ids, registers, instant); enterprises are numbered as they come."""
Columns = tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]
"""(enterprise, point, time, value) of samples."""


class Harvest:
    """Collects replies as they come; no reading is touched one by one."""

    def __init__(self) -> None:
        self._replies: dict[Reading, list[Reply]] = {}
        self._enterprises: dict[str, int] = {}

    def take(self, device: Device, reading: Reading, columns: bytes, registers: bytes, instant: int) -> None:
        """`columns`: the device's point ids (int32) in the order of the decoder's quantities."""
        uscc = device.connection.uscc
        enterprise = self._enterprises.get(uscc)
        if enterprise is None:
            enterprise = self._enterprises[uscc] = len(self._enterprises)
        reply = (enterprise, columns, registers, instant)
        if reading in self._replies:
            self._replies[reading].append(reply)
        else:
            self._replies[reading] = [reply]

    def drain(self) -> Iterator[tuple[str, SampleBatch]]:
        """All samples since the last call, one batch per enterprise."""
        replies, self._replies = self._replies, {}
        if not replies:
            return
        parts = [_decode(reading, rows) for reading, rows in replies.items()]
        enterprise, point, time, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(enterprise, kind="stable")
        enterprise, point, time, value = enterprise[order], point[order], time[order], value[order]
        flags, received = np.zeros(len(point), np.int16), now_us()
        usccs = list(self._enterprises)
        bounds = [0, *(np.flatnonzero(np.diff(enterprise)) + 1).tolist(), len(point)]
        for start, end in pairwise(bounds):
            if end > start:
                batch = SampleBatch(point[start:end], time[start:end], value[start:end], flags[start:end], received)
                yield usccs[enterprise[start]], batch


def _decode(reading: Reading, rows: list[Reply]) -> Columns:
    """Samples of one block of many devices."""
    enterprises, columns, registers, instants = zip(*rows, strict=True)
    decoded = reading.decoder.decode(np.frombuffer(b"".join(registers), ">u2").reshape(len(rows), -1))
    points = np.frombuffer(b"".join(columns), np.int32).reshape(len(rows), -1)
    wanted = decoded.valid & (points >= 0)
    samples = wanted.sum(axis=1)
    enterprise = np.repeat(np.array(enterprises, np.uint16), samples)
    return enterprise, points[wanted], np.repeat(np.array(instants, np.int64), samples), decoded.values[wanted]


def merged(batches: list[SampleBatch]) -> SampleBatch:
    """One batch of several; received with the last of them."""
    if len(batches) == 1:
        return batches[0]
    return SampleBatch(
        np.concatenate([batch.point for batch in batches]),
        np.concatenate([batch.time for batch in batches]),
        np.concatenate([batch.value for batch in batches]),
        np.concatenate([batch.flags for batch in batches]),
        max(batch.received for batch in batches),
    )
