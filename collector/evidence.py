"""Verdicts as they are kept and shown: about instants instead of places in an array, and on what they rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from collector.pairs import Array
from collector.registers import Kind, Series, Verdict
from config.samples import MICROSECOND

_AT_ONE_READING = (Kind.ROLLOVER, Kind.RESET, Kind.LIMIT)
_SHOWN = 8
"""Readings in the evidence at most."""


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict on the readings of a point in [first, last], both included; instants in microseconds."""

    point: int
    kind: Kind
    base: int
    """The last good reading before them."""
    first: int
    last: int
    told: int
    """The reading that told: what came later did not matter."""
    evidence: dict[str, Any]
    """Registers as read: `before` them, their `values`, what it was `told_by`."""


def told(series: Series, verdicts: list[Verdict], point: Array) -> Iterator[Told]:
    """`point` of each reading of the series."""
    for verdict in verdicts:
        base, first = verdict.base, verdict.first
        last = first if verdict.kind in _AT_ONE_READING else verdict.last
        evidence: dict[str, Any] = {
            "before": float(series.value[base]),
            "values": series.value[first : last + 1][:_SHOWN].tolist(),
            "readings": last - first + 1,
            "told_by": float(series.value[verdict.told]),
            "elapsed_s": int(series.time[first] - series.time[base]) / MICROSECOND,
        }
        if np.isfinite(series.limit[base]):
            evidence["limit_per_hour"] = float(series.limit[base])
        if verdict.modulus is not None:
            evidence["modulus"] = verdict.modulus
        at = series.time[[base, first, last, verdict.told]].tolist()
        yield Told(int(point[first]), verdict.kind, at[0], at[1], at[2], at[3], evidence)
