"""Readings a second that the energy engine turns into intervals, on arrays: python -m tests.benchmarks.energy"""

import time

import numpy as np

from collector.energy import metered
from collector.terms import Terms
from storage.intervals import Ranges
from storage.readings import ReadingColumns
from tests.collector.registerworld import MINUTE, START, point, segment

CASES = ((1_000, 60, 1), (1_000, 1_000, 1), (10, 100_000, 1), (1_000, 1_000, 15))
"""points, readings each, minutes apart"""
ROUNDS = 5


def rate(points: int, count: int, minutes: int) -> float:
    terms = Terms([point(segment(2.0, limit=1e5, modulus=1e6), id=id) for id in range(1, points + 1)])
    ids = np.arange(1, points + 1, dtype=np.int32)
    values = np.cumsum(np.random.default_rng(1).random((points, count)), 1).round(2).ravel()
    instants = np.tile(START + np.arange(count) * minutes * MINUTE, points)
    readings = ReadingColumns(np.repeat(ids, count), instants, values, np.zeros(points * count, np.int16))
    ranges = Ranges(ids, np.full(points, START), np.full(points, START + count * minutes * MINUTE))
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        metered(readings, ranges, terms)
        best = min(best, time.perf_counter() - start)
    return points * count / best


def main() -> None:
    for case in CASES:
        print("{:6} points x {:6} readings {:3} min apart".format(*case), f"{rate(*case) / 1e6:6.2f} M readings/s")


if __name__ == "__main__":
    main()
