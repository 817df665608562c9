"""Why readings are missing: what was silent at the same time tells whether it was the device, its gateway, the
collector of the site or the stream; pure, all gaps at once.

At one instant of each gap the points that have a gap are counted against those of which readings are expected, by
gateway, by site and in all. A cause needs at least two that are silent independently of each other: devices of a
gateway, addresses of a collector, sources of the stream. What cannot be told is `silent`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from alerts.expected import Slots
from alerts.roster import Roster
from config.samples import MICROSECOND, Instants
from storage.gaps import FOREVER, Grounds, Known

N = TypeVar("N", bound=Hashable)
Index: TypeAlias = NDArray[np.int64]
FEWEST = 2
"""Parts that must be silent together, or it may as well be the one."""
_BITS = 33
"""Of seconds since 1970 in a sorting key: enough until 2242."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A way by which readings come, and of which there can be several. Arrays are by row of the windows."""

    cause: str
    counted: str
    """What its parts are, in the evidence."""
    key: Index
    """Which one; -1: none."""
    labels: list[str]
    """By key."""
    counts: NDArray[np.bool_]
    """Rows of one point of each part: as many of them hold an instant as there are parts then."""


@dataclass(frozen=True, slots=True)
class Judged:
    """By gap: the cause, which gateway, collector or stream it is ("": none) and what that rests on."""

    cause: list[str]
    scope: list[str]
    evidence: list[dict[str, object]]


class Causes:
    """The scopes of a roster."""

    def __init__(self, roster: Roster) -> None:
        self._windows = windows = roster.windows
        self._place = roster.place
        self._slot = windows.slot_of_rows()
        self._order = _code(self._slot, windows.start)
        homes = [roster.places[home] for home in roster.homes()]
        pairs = list(zip(homes, roster.meters, strict=True))
        device = roster.device
        address, addresses = _numbered((home.uscc, meter.address) if meter.address else None for home, meter in pairs)
        site, sites = _numbered(home.site if meter.polled else None for home, meter in pairs)
        source, _ = _numbered((meter.polled, home.site if meter.polled else meter.address) for home, meter in pairs)
        self._scopes = (  # from the narrowest to the widest
            self._scope("gateway", "devices", address[device], [f"{who} {at}" for who, at in addresses], device),
            self._scope("collector", "addresses", site[device], sites, address[device]),
            self._scope("stream", "sources", np.where(device < 0, -1, 0), [""], source[device]),
        )

    def _scope(self, cause: str, counted: str, key: Index, labels: list[str], part: Index) -> Scope:
        first = np.full(int(part.max(initial=-1)) + 2, len(self._windows), np.int64)
        np.minimum.at(first, part, self._slot)
        return Scope(cause, counted, key, labels, (part >= 0) & (key >= 0) & (self._slot == first[part]))

    def judge(self, slot: Slots, start: Instants, end: Instants, which: Index, at: Instants) -> Judged:
        """The gaps `which` of these (all there are at the instants asked about), each by what was silent at `at`."""
        row = self._rows(slot, start)
        mine = row[which]
        found = Judged(["silent"] * len(which), [""] * len(which), [{} for _ in which])
        for scope in self._scopes:
            key = np.where(mine >= 0, scope.key[mine], -1)
            gap_key = np.where(row >= 0, scope.key[row], -1)
            silent = covering(gap_key, start, end, key, at)
            wanted = covering(scope.key, self._windows.start, self._windows.end, key, at)
            counts = scope.counts
            parts = covering(scope.key[counts], self._windows.start[counts], self._windows.end[counts], key, at)
            for index in np.flatnonzero((key >= 0) & (silent >= wanted) & (parts >= FEWEST)).tolist():
                label = scope.labels[key[index]]
                found.cause[index], found.scope[index] = scope.cause, f"{scope.cause} {label}"
                about = {"at": label} if label else {}
                found.evidence[index] = {**about, scope.counted: int(parts[index]), "points": int(silent[index])}
        return found

    def cadence(self, slot: Slots, start: Instants) -> Index:
        """How often readings of each slot were expected when its gap began."""
        return np.maximum(self._windows.cadence[self._rows(slot, start)], 1)

    def place(self, slot: Slots) -> Index:
        """The metering point of each slot (-1: none)."""
        return np.where(slot >= 0, self._place[slot], -1)

    def _rows(self, slot: Slots, instant: Instants) -> Index:
        """The window of each slot that holds an instant; -1 where none does."""
        row = np.searchsorted(self._order, _code(slot, instant), "right") - 1
        inside = (row >= 0) & (slot >= 0)
        inside[inside] = self._slot[row[inside]] == slot[inside]
        return np.where(inside, row, -1)


def speaking(found: Judged, grounds: Sequence[Grounds | None], expected: Index) -> None:
    """Let what is known of a gap itself go before what was silent beside it: that the meter refuses the register, or
    that at least half of the readings `expected` in it came and were rejected."""
    for index, known in enumerate(grounds):
        if known is None:
            continue
        if known.refused is not None:
            found.cause[index], found.evidence[index] = "refused", {"since": known.refused.isoformat()}
        elif 2 * known.readings >= expected[index]:
            about = {"readings": known.readings, "reasons": known.reasons}
            found.cause[index], found.evidence[index] = "rejected", about
        else:
            continue
        found.scope[index] = ""


def covering(key: Index, start: Instants, end: Instants, at_key: Index, at: Instants) -> Index:
    """How many stretches [start, end) of the same key hold each instant (to the second)."""
    begun = np.searchsorted(np.sort(_code(key, start)), _code(at_key, at), "right")
    over = np.searchsorted(np.sort(_code(key, end)), _code(at_key, at), "right")
    return np.asarray(begun - over, np.int64)


def first_of(key: Index, start: Instants, end: Instants, number: Index, before: Index) -> Index:
    """Per stretch the lowest number among those of the same key (-1: none) that overlap, directly or by way of others;
    `before` is what it was called by until now, or a number too high to matter."""
    order = np.lexsort((start, key))
    reach = np.maximum.accumulate(_code(key, end)[order])
    begins = np.ones(len(key), bool)
    begins[1:] = (_code(key, start)[order][1:] >= reach[:-1]) | (key[order][1:] < 0)
    names = np.minimum(number, before)[order]
    lowest = np.minimum.reduceat(names, np.flatnonzero(begins)) if len(key) else names
    found = np.empty(len(key), np.int64)
    found[order] = lowest[np.cumsum(begins) - 1] if len(key) else lowest
    return found


def groups(scope: list[str], which: Index, known: Known, lead: Index) -> Index:
    """Per judged gap the first item of those that the same scope silenced at the same time; FOREVER: by none."""
    names = list(known.scope)
    for index, name in zip(which.tolist(), scope, strict=True):
        names[index] = name
    key, _ = _numbered(name or None for name in names)
    own = known.lead.copy()
    own[which] = lead
    found = first_of(key[:-1], known.start, known.end, np.minimum(own, known.id), known.group)
    return np.where(key[which] >= 0, found[which], FOREVER)


def _code(key: Index, instant: Instants) -> Index:
    """Sorts by key, then instant."""
    return (key << _BITS) + np.clip(instant // MICROSECOND, 0, (1 << _BITS) - 1)


def _numbered(names: Iterable[N | None]) -> tuple[Index, list[N]]:
    """By device the number of its name (None: -1; the last one stands for no device), and the names by number."""
    given = list(names)
    known = list(dict.fromkeys(name for name in given if name is not None))
    number = {name: index for index, name in enumerate(known)}
    return np.array([*(-1 if name is None else number[name] for name in given), -1], np.int64), known
