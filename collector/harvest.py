"""What the polls of a tick brought, decoded together: registers of many devices in, columns per enterprise out."""

from collections.abc import Iterator

import numpy as np

from collector.devices import Device, Reading
from config.samples import SampleBatch, now_us


class Harvest:
    """Collects replies as they come; no reading is touched one by one."""

    def __init__(self) -> None:
        self._replies: dict[Reading, list[tuple[str, bytes, bytes, int]]] = {}

    def take(self, device: Device, reading: Reading, columns: bytes, registers: bytes, instant: int) -> None:
        """`columns`: the device's point ids (int32) in the order of the decoder's quantities."""
        reply = (device.connection.uscc, columns, registers, instant)
        if reading in self._replies:
            self._replies[reading].append(reply)
        else:
            self._replies[reading] = [reply]

    def drain(self) -> Iterator[tuple[str, SampleBatch]]:
        """All samples since the last call, one batch per enterprise."""
        replies, self._replies = self._replies, {}
        received = now_us()
        parts: dict[str, list[SampleBatch]] = {}
        for reading, rows in replies.items():
            for uscc, batch in _decode(reading, rows, received):
                parts.setdefault(uscc, []).append(batch)
        for uscc, batches in parts.items():
            yield uscc, merged(batches)


def _decode(
    reading: Reading, rows: list[tuple[str, bytes, bytes, int]], received: int
) -> Iterator[tuple[str, SampleBatch]]:
    """Samples of one block of many devices, per enterprise."""
    rows.sort(key=_enterprise)
    usccs, columns, registers, instants = zip(*rows, strict=True)
    count = len(rows)
    decoded = reading.decoder.decode(np.frombuffer(b"".join(registers), ">u2").reshape(count, -1))
    points = np.frombuffer(b"".join(columns), np.int32).reshape(count, -1)
    wanted = decoded.valid & (points >= 0)
    point, value = points[wanted], decoded.values[wanted]
    samples = wanted.sum(axis=1)
    time = np.repeat(np.array(instants, np.int64), samples)
    flags = np.zeros(len(point), np.int16)
    ends = np.cumsum(samples)
    start = 0
    for row in range(count):
        if row + 1 < count and usccs[row + 1] == usccs[row]:
            continue
        end = int(ends[row])
        if end > start:
            yield (
                usccs[row],
                SampleBatch(point[start:end], time[start:end], value[start:end], flags[start:end], received),
            )
        start = end


def _enterprise(reply: tuple[str, bytes, bytes, int]) -> str:
    return reply[0]


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
