"""What people have ruled about the readings of points: which are left out, where a register is taken as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from collector.pairs import Array
from collector.registers import Ruling
from storage.points import Action, Edit, Point

_RULINGS = {"accept": Ruling.ACCEPT, "reset": Ruling.RESET, "rollover": Ruling.ROLLOVER}
_LASTING = ("reset", "rollover")
"""Edits that concern the first reading from an instant on, whichever that is."""


class Rulings:
    """The edits in force of some points, by rank (their places). Readings are given sorted by rank and time."""

    def __init__(self, points: Sequence[Point]) -> None:
        rows = [(rank, edit) for rank, point in enumerate(points) for edit in point.edits]
        self._edits = [edit for _, edit in rows]
        self._rank = np.array([rank for rank, _ in rows], np.int64)
        self._start = np.array([edit.start for edit in self._edits], np.int64)
        self._end = np.array([edit.end for edit in self._edits], np.int64)
        self._action = np.array([edit.action for edit in self._edits], np.str_)
        self._lasting = np.array([edit.action in _LASTING for edit in self._edits], np.bool_)

    def __bool__(self) -> bool:
        return bool(self._edits)

    def on(self, rank: Array) -> NDArray[np.bool_]:
        """Which of these points have edits in force."""
        return np.isin(rank, self._rank)

    def excluded(self, rank: Array, time: Array) -> NDArray[np.bool_]:
        """Readings that are to be left out."""
        out = np.zeros(len(time), np.bool_)
        for edit, mine in self._near(rank, time, "exclude"):
            out[mine] |= (edit.start <= time[mine]) & (time[mine] <= edit.end)
        return out

    def of(self, rank: Array, time: Array, segment: Array, modulus: Array) -> NDArray[np.int8]:
        """The ruling on the step into each reading. A modulus that people name is written into `modulus` there."""
        found = np.zeros(len(time), np.int8)
        for edit, mine in self._near(rank, time, *_RULINGS):
            times = time[mine]
            low = int(np.searchsorted(times, edit.start, "left"))
            high = int(np.searchsorted(times, edit.end, "right")) if edit.action == "accept" else low + 1
            found[mine][low:high] = _RULINGS[edit.action]
            if edit.action == "rollover" and edit.amount is not None:
                modulus[mine][low:high] = edit.amount
        first = np.diff(segment, prepend=-1) != 0
        found[first] = Ruling.NONE  # no step leads into the first reading of another meter, or of what is seen
        return found

    def over(self, action: Action, rank: Array, start: Array, past: Array) -> Iterator[tuple[int, Edit]]:
        """Where people have set or had estimated a part of a range: the place of the range, and the edit."""
        if not len(rank):
            return
        near = (self._action == action) & (self._end > start.min()) & (self._start < past.max())
        for at in np.flatnonzero(near & np.isin(self._rank, rank)).tolist():
            place = int(np.searchsorted(rank, self._rank[at]))
            if self._end[at] > start[place] and self._start[at] < past[place]:
                yield place, self._edits[at]

    def _near(self, rank: Array, time: Array, *actions: str) -> Iterator[tuple[Edit, slice]]:
        """Edits that can concern some of the readings, with the readings of their point."""
        if not len(time):
            return
        near = (self._start <= time.max()) & ((self._end >= time.min()) | self._lasting)
        for at in np.flatnonzero(near).tolist():
            low, high = np.searchsorted(rank, (self._rank[at], self._rank[at] + 1)).tolist()
            if low < high and self._edits[at].action in actions:
                yield self._edits[at], slice(low, high)
