"""The unit of work between the wire and the database: a batch of samples as columns.

No object per reading exists on the hot path; everything here is a numpy array.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MICROSECOND = 1_000_000
"""Microseconds in a second; every instant in arrays is int64 microseconds since 1970-01-01T00:00Z."""

_HEADER = struct.Struct("<4sBxxxIq")
_MAGIC, _VERSION = b"WJSB", 1

Points = NDArray[np.int32]
Instants = NDArray[np.int64]
Values = NDArray[np.float64]
Flags = NDArray[np.int16]


def now_us() -> int:
    """The current instant, microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass(slots=True)
class SampleBatch:
    """Samples of one enterprise, all arrays of the same length n.

    `value` is in the point's canonical unit (config.quantities), still the meter's own side (before CT/PT).
    """

    point: Points
    time: Instants
    value: Values
    flags: Flags
    received: int
    """When we got them, microseconds since the epoch."""

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, rows: slice | NDArray[np.bool_]) -> SampleBatch:
        return SampleBatch(self.point[rows], self.time[rows], self.value[rows], self.flags[rows], self.received)

    def to_bytes(self) -> bytes:
        return b"".join(
            (
                _HEADER.pack(_MAGIC, _VERSION, len(self.point), self.received),
                np.ascontiguousarray(self.time, "<i8").tobytes(),
                np.ascontiguousarray(self.value, "<f8").tobytes(),
                np.ascontiguousarray(self.point, "<i4").tobytes(),
                np.ascontiguousarray(self.flags, "<i2").tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> SampleBatch:
        """Read `to_bytes` back (zero copy: the arrays are read-only views). Raises ValueError on anything else."""
        if len(data) < _HEADER.size:
            raise ValueError("not a sample batch: shorter than its header")
        magic, version, count, received = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise ValueError("not a sample batch of this version")
        if len(data) != _HEADER.size + count * 22:
            raise ValueError(f"sample batch of {count} samples has {len(data)} bytes")
        offset = _HEADER.size
        columns = []
        for kind, width in (("<i8", 8), ("<f8", 8), ("<i4", 4), ("<i2", 2)):
            columns.append(np.frombuffer(data, kind, count, offset))
            offset += count * width
        return cls(point=columns[2], time=columns[0], value=columns[1], flags=columns[3], received=received)

    @classmethod
    def empty(cls, received: int = 0) -> SampleBatch:
        return cls(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.int16), received)

    @classmethod
    def from_rows(
        cls, rows: Iterable[tuple[int, int, float]], *, received: int | None = None, flags: int = 0
    ) -> SampleBatch:
        """A batch from (point, time, value) rows; for pushes and tests, not for the polling path."""
        table = list(rows)
        return cls(
            np.array([row[0] for row in table], np.int32),
            np.array([row[1] for row in table], np.int64),
            np.array([row[2] for row in table], np.float64),
            np.full(len(table), flags, np.int16),
            now_us() if received is None else received,
        )
