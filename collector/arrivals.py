"""What the arrival of readings itself shows: repeats, conflicts, lateness, and what never came."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from collector.pairs import Array
from config.samples import MICROSECOND

_OVERDUE = 3
"""Cadences after which an expected reading is called absent, at least _PATIENCE."""
_PATIENCE = 60 * MICROSECOND


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Readings, arrays of one length; instants are microseconds."""

    meter: Array
    time: Array
    value: Array
    arrived: Array

    def __len__(self) -> int:
        return len(self.meter)

    def __getitem__(self, which: Array | slice) -> Arrivals:
        return Arrivals(self.meter[which], self.time[which], self.value[which], self.arrived[which])


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict to be reported, its evidence as JSON."""

    meter: int
    kind: str
    start: int
    end: int
    detected: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Repeats:
    """Readings whose meter and instant had come before; `first` is the value that stays."""

    rows: Arrivals
    first: Array


def in_order(rows: Arrivals) -> tuple[Arrivals, Repeats]:
    """The first arrived of each meter and instant, sorted by them; and the others."""
    if (np.diff(rows.arrived) < 0).any():
        rows = rows[np.argsort(rows.arrived, kind="stable")]
    rows = rows[np.lexsort((rows.time, rows.meter))]  # stable: the first arrived comes first
    first = np.ones(len(rows), np.bool_)
    first[1:] = (np.diff(rows.meter) != 0) | (np.diff(rows.time) != 0)
    kept = np.flatnonzero(first)
    again = np.flatnonzero(~first)
    return rows[kept], Repeats(rows[again], rows.value[kept[np.searchsorted(kept, again) - 1]])


def seen_at_arrival(rows: Arrivals, repeats: Repeats, cadence_s: Array) -> list[Finding]:
    """`cadence_s` of each meter by its number, 0 where readings are not expected at any time."""
    cadence = cadence_s.astype(np.int64)[rows.meter] * MICROSECOND
    soonest = _soonest_after(rows)
    return [*_repeated(repeats), *_late(rows, soonest, cadence), *_absent(rows, soonest, cadence)]


def _soonest_after(rows: Arrivals) -> Array:
    """When the first reading that is later than each had arrived, of the same meter; the end of time if none did."""
    soonest = np.full(len(rows), np.iinfo(np.int64).max)
    edges = np.flatnonzero(np.diff(rows.meter, prepend=-1, append=-1))
    for begin, past in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        soonest[begin : past - 1] = np.minimum.accumulate(rows.arrived[begin + 1 : past][::-1])[::-1]
    return soonest


def _repeated(repeats: Repeats) -> list[Finding]:
    rows = repeats.rows
    found = []
    for meter, time, value, arrived, first in zip(
        rows.meter.tolist(), rows.time.tolist(), rows.value.tolist(), rows.arrived.tolist(), repeats.first.tolist(),
        strict=True,
    ):  # fmt: skip
        kind = "duplicate" if value == first else "conflict"
        found.append(Finding(meter, kind, time, time, arrived, json.dumps({"first": first, "again": value})))
    return found


def _late(rows: Arrivals, soonest: Array, cadence: Array) -> list[Finding]:
    """Readings that came after a later one, or more than two cadences after they were taken; those that follow one
    another and came together are one finding."""
    delay = rows.arrived - rows.time
    late = np.flatnonzero((rows.arrived > soonest) | ((cadence > 0) & (delay > 2 * cadence)))
    if not len(late):
        return []
    joined = (np.diff(late) == 1) & (np.diff(rows.meter[late]) == 0)
    joined &= np.abs(np.diff(rows.arrived[late])) * 2 <= 3 * cadence[late[1:]]
    edges = np.concatenate(([0], np.flatnonzero(~joined) + 1, [len(late)]))
    found = []
    for begin, past in zip(late[edges[:-1]].tolist(), (late[edges[1:] - 1] + 1).tolist(), strict=True):
        evidence = {"readings": past - begin, "delay_s": int(delay[begin:past].max()) / MICROSECOND}
        found.append(
            Finding(
                int(rows.meter[begin]), "late", int(rows.time[begin]), int(rows.time[past - 1]),
                int(rows.arrived[begin:past].min()), json.dumps(evidence),
            )
        )  # fmt: skip
    return found


def _absent(rows: Arrivals, soonest: Array, cadence: Array) -> list[Finding]:
    """From when the first absent reading was expected to when the last one was."""
    apart = np.diff(rows.time)
    gaps = np.flatnonzero((np.diff(rows.meter) == 0) & (cadence[1:] > 0) & (apart * 2 > cadence[1:] * 3))
    found = []
    for before in gaps.tolist():
        step, last, after = int(cadence[before]), int(rows.time[before]), int(rows.time[before + 1])
        overdue = last + step + max(_OVERDUE * step, _PATIENCE)
        detected = max(min(overdue, int(soonest[before])), int(rows.arrived[before]))
        absent = max(round((after - last) / step) - 1, 1)
        evidence = json.dumps({"absent": absent, "last": float(rows.value[before])})
        found.append(Finding(int(rows.meter[before]), "gap", last + step, last + absent * step, detected, evidence))
    return found
