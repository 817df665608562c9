"""Searching sorted (place, instant) pairs, whole columns at a time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def search(places: Array, times: Array, place: Array, time: Array, side: Literal["left", "right"]) -> Array:
    """Where each (place, time) would stand among the sorted (places, times)."""
    if not len(times) or not len(time):
        return np.zeros(len(time), np.int64)
    low = int(min(times.min(), time.min()))
    span = int(max(times.max(), time.max())) - low + 1
    if span * (int(max(places[-1], place.max())) + 1) < 2**63:
        wide = np.int64(span)  # places may be narrower
        found: Array = np.searchsorted(places * wide + (times - low), place * wide + (time - low), side)
    else:
        found = np.searchsorted(_complex(places, times), _complex(place, time), side)
    return found


def among(places: Array, times: Array, place: Array, time: Array) -> NDArray[np.bool_]:
    """Which of (place, time) are among the sorted (places, times)."""
    right: Array = search(places, times, place, time, "right")
    return np.asarray(right > search(places, times, place, time, "left"), np.bool_)


def _complex(place: Array, time: Array) -> Array:
    """Sorted by real, then by imaginary part; exact below 2^53, but slower than one integer."""
    pairs = np.empty(len(place), np.complex128)
    pairs.real, pairs.imag = place, time
    return pairs
