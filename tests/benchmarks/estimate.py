"""How far the energy of gaps is put wrongly when only its sum is known: python -m tests.benchmarks.estimate [DATA]

DATA is a folder of series (*.npz); without it, the load shapes of the demo. WAPE is the sum of absolute errors of a
series' gaps by the sum of their energy; the mean is over series. In brackets the mean of each gap's own, in which a gap
with hardly any energy counts as much as any other. `past only`: right after the gap, nothing is known of what follows.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from collector.likeday import AFTER, BEFORE, Gap, spread
from collector.pairs import Array
from config.samples import MICROSECOND

HOURS = (6, 24, 168)
DEMO = Path(__file__).parents[2] / "config" / "demo" / "loads.npz"
_DEMO_WEEKS = 8


@dataclass(slots=True)
class Tally:
    """Of the gaps of one length in one series."""

    wrong: float = 0.0
    energy: float = 0.0
    shares: list[float] | None = None


def series(folder: Path | None) -> Iterator[tuple[str, int, int, Array]]:
    """(name, first instant, seconds a step, consumption, NaN where missing)"""
    for path in sorted(folder.glob("*.npz")) if folder else ():
        file = np.load(path)
        step = int(file["step_s"])
        for name in sorted(key.removesuffix("__v") for key in file.files if key.endswith("__v")):
            values = np.asarray(file[f"{name}__v"], np.float64)
            values = np.diff(values) if "_reg" in name else values * step / 3600
            yield name, int(file[f"{name}__t0"]), step, np.where(values >= 0, values, np.nan)
    if folder is None:
        shapes = np.load(DEMO)
        for name in shapes.files:
            yield name, 4 * 86_400, _DEMO_WEEKS * 7 * 86_400 // len(shapes[name]), shapes[name].astype(np.float64)


def gaps(values: Array, slots: int, per_day: int, count: int, chance: Random) -> Iterator[int]:
    """First slots of `count` gaps in which the truth is known, two weeks or more from the beginning."""
    whole = np.convolve(np.isnan(values), np.ones(slots), "valid") == 0
    whole[: 14 * per_day] = False
    places = np.flatnonzero(whole).tolist()
    yield from (chance.choice(places) for _ in range(count if places else 0))


def estimated(start: Array, values: Array, first: int, slots: int, *, past_only: bool) -> Array:
    """The energy of the gap of so many slots, put where it likely flowed; evenly where nothing is like it."""
    length = int(start[1] - start[0])
    low, high = max(first - BEFORE // length, 0), first if past_only else first + slots + AFTER // length
    near = np.arange(low, min(high, len(values)))
    near = near[((near < first) | (near >= first + slots)) & ~np.isnan(values[near])]
    gap = Gap(start[first : first + slots], np.ones(slots), float(values[first : first + slots].sum()))
    found = spread(start[near], values[near], gap, length, "UTC")
    return np.full(slots, gap.energy / slots) if found is None else found.energy


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--gaps", type=int, default=24, help="of each length in each series")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", action="store_true", help="show every series")
    options = parser.parse_args()
    methods = ("evenly", "past only", "like days")
    tallies: dict[tuple[str, int, str], Tally] = defaultdict(Tally)
    took: list[float] = []
    for name, first, step, values in series(options.data):
        start = (first + np.arange(len(values)) * step) * MICROSECOND
        chance = Random(f"{name}{options.seed}")
        for hours in HOURS:
            slots = hours * 3600 // step
            for place in gaps(values, slots, 86_400 // step, options.gaps, chance):
                truth = values[place : place + slots]
                if not truth.sum():
                    continue
                began = time.process_time()
                like = estimated(start, values, place, slots, past_only=False)
                took.append(time.process_time() - began)
                past = estimated(start, values, place, slots, past_only=True)
                for method, found in zip(methods, (truth.mean(), past, like), strict=True):
                    _count(tallies[name, hours, method], float(np.abs(found - truth).sum()), float(truth.sum()))
    _show(tallies, methods, each=options.each)
    print(f"{len(took)} gaps, {np.mean(took) * 1e3:.2f} ms each, p99 {np.percentile(took, 99) * 1e3:.2f} ms")


def _count(tally: Tally, wrong: float, energy: float) -> None:
    tally.wrong += wrong
    tally.energy += energy
    tally.shares = [*(tally.shares or []), wrong / energy]


def _show(tallies: dict[tuple[str, int, str], Tally], methods: tuple[str, ...], *, each: bool) -> None:
    names = sorted({name for name, _, _ in tallies})
    print(f"mean WAPE of {len(names)} series (of each gap): {', '.join(f'{hours} h' for hours in HOURS)}")
    for method in methods:
        cells = []
        for hours in HOURS:
            of = [tallies[name, hours, method] for name in names if (name, hours, method) in tallies]
            pooled = np.mean([tally.wrong / tally.energy for tally in of])
            cells.append(f"{pooled:.4f} ({np.mean([np.mean(tally.shares or [np.nan]) for tally in of]):.4f})")
        print(f"{method:10} {'  '.join(cells)}")
    for name in names if each else ():
        of = [tallies[name, hours, "like days"] for hours in HOURS]
        print(f"{name:36} {'  '.join(f'{tally.wrong / tally.energy:.3f}' for tally in of if tally.energy)}")


if __name__ == "__main__":
    main()
