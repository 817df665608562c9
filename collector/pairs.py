"""Searching sorted (place, instant) pairs, whole columns at a time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Side = Literal["left", "right"]


class Pairs:
    """Sorted (place, instant) pairs in which to search more than once. Places are not negative."""

    def __init__(self, places: Array, times: Array) -> None:
        self._low = int(times.min()) - 1 if len(times) else 0
        self._high = int(times.max()) + 1 if len(times) else 0
        self._whole = (self._high - self._low + 1) * (int(places[-1]) + 2 if len(places) else 1) < 2**63
        self._last = int(places[-1]) if len(places) else 0
        self._keys = self._key(places, times)

    def find(self, place: Array, time: Array, side: Side) -> Array:
        """Where each (place, time) would stand."""
        found: Array = np.searchsorted(self._keys, self._key(place, time), side)
        return found

    def _key(self, place: Array, time: Array) -> Array:
        """One number a pair that sorts as it does: whole, or else complex, which is exact below 2^53 but slower."""
        key: Array
        if self._whole:
            span = np.int64(self._high - self._low + 1)  # places may be narrower
            key = np.minimum(place, self._last + 1) * span + (np.clip(time, self._low, self._high) - self._low)
        else:
            key = np.empty(len(place), np.complex128)
            key.real, key.imag = place, time
        return key


def search(places: Array, times: Array, place: Array, time: Array, side: Side) -> Array:
    """Where each (place, time) would stand among the sorted (places, times)."""
    return Pairs(places, times).find(place, time, side)


def among(places: Array, times: Array, place: Array, time: Array) -> NDArray[np.bool_]:
    """Which of (place, time) are among the sorted (places, times)."""
    pairs = Pairs(places, times)
    return np.asarray(pairs.find(place, time, "right") > pairs.find(place, time, "left"), np.bool_)
