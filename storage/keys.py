"""Sorting and looking up rows by (point, instant), whole columns at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def order(point: Array, instant: Array) -> NDArray[np.intp]:
    """The order by point, then instant; equal ones keep theirs."""
    return np.argsort(_keys(point, instant), kind="stable")


def firsts(point: Array, instant: Array) -> NDArray[np.bool_]:
    """Of sorted rows, those whose key differs from that of the row before."""
    first = np.ones(len(point), np.bool_)
    first[1:] = (np.diff(point) != 0) | (np.diff(instant) != 0)
    return first


def find(
    point: Array, instant: Array, known_point: Array, known_instant: Array
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each row its place among the known ones (in any order, distinct), and whether it is there at all."""
    wanted, known = _keys(point, instant), _keys(known_point, known_instant)
    if not len(known):
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), np.bool_)
    sorter = np.argsort(known, kind="stable")
    place = sorter[np.minimum(np.searchsorted(known, wanted, sorter=sorter), len(known) - 1)]
    return place, known[place] == wanted


def _keys(point: Array, instant: Array) -> NDArray[np.complex128]:
    """One sortable number each: numpy orders complex ones by their real, then their imaginary part.

    Exact, as microseconds stay below 2^53 until the year 2255.
    """
    keys = np.empty(len(point), np.complex128)
    keys.real, keys.imag = point, instant
    return keys
