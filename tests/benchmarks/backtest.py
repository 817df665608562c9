"""How well the engine tells seeded faults in registers made from real series, how far its totals are off, and how many
readings a second `wanjia backtest` takes: python -m tests.benchmarks.backtest DATA [--seeds N]"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np

from collector.backtest import backtest
from tests.benchmarks.faults import Meter, seeded, series

KINDS = (
    "gap",
    "duplicate",
    "conflict",
    "late",
    "transient",
    "rollover",
    "reset",
    "reverse",
    "limit",
    "frozen",
    "jitter",
)


def write(meters: Sequence[Meter], folder: Path) -> tuple[Path, Path]:
    """READINGS.csv in arrival order, and METERS.json."""
    readings, facts = folder / "readings.csv", folder / "meters.json"
    rows = sorted((arrived, read, meter.name, value) for meter in meters for arrived, read, value in meter.rows)
    with readings.open("w") as file:
        file.write("meter,arrived_at,read_at,register\n")
        file.writelines(f"{name},{arrived},{read},{value}\n" for arrived, read, name, value in rows)
    facts.write_text(json.dumps({meter.name: meter.facts() for meter in meters}))
    return readings, facts


def score(meters: Sequence[Meter], out: Path) -> tuple[dict[str, tuple[int, int, int]], list[float], list[str]]:
    """(hits, false, missed) of each class, errors of totals, and what was wrong."""
    said = defaultdict(list)
    for row in csv.DictReader((out / "verdicts.csv").read_text().splitlines()):
        said[row["meter"], row["class"]].append((float(row["start"]), float(row["end"]), row["evidence"]))
    totals = {
        row["meter"]: float(row["consumption"]) for row in csv.DictReader((out / "totals.csv").read_text().splitlines())
    }
    counts, wrong = {}, []
    for kind in KINDS:
        hits = false = missed = 0
        for meter in meters:
            left = list(said[meter.name, kind])
            for truth in [fault for fault in meter.faults if fault.kind == kind]:
                match = next((one for one in left if one[0] <= truth.end and one[1] >= truth.start), None)
                if match is None:
                    missed += 1
                    wrong.append(f"{meter.name} missed {kind} {truth.start}")
                else:
                    hits += 1
                    left.remove(match)
            false += len(left)
            wrong += [f"{meter.name} false {kind} {int(one[0])} {one[2]}" for one in left]
        counts[kind] = hits, false, missed
    errors = [abs(totals[meter.name] / meter.energy - 1) if meter.energy else 0.0 for meter in meters]
    return counts, errors, wrong


def f1(hits: int, false: int, missed: int) -> float:
    return 2 * hits / max(2 * hits + false + missed, 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--wrong", action="store_true", help="list what was told wrongly")
    options = parser.parse_args()
    meters = [
        seeded(f"{name}/{seed}", start, step, energy, Random(f"{name}{seed}"))
        for name, start, step, energy in series(options.data)
        for seed in range(options.seeds)
    ]
    with tempfile.TemporaryDirectory() as folder:
        files = write(meters, Path(folder))
        began = time.perf_counter()
        print(backtest(*files, Path(folder) / "out"))
        took = time.perf_counter() - began
        counts, errors, wrong = score(meters, Path(folder) / "out")
    print(f"{sum(len(meter.rows) for meter in meters) / took:,.0f} readings/s")
    for kind, (hits, false, missed) in counts.items():
        print(f"{kind:10} right {hits:6} false {false:4} missed {missed:4}  F1 {f1(hits, false, missed):.4f}")
    print(f"all classes F1 {f1(*map(sum, zip(*counts.values(), strict=True))):.4f}")
    print(
        f"totals off by p50 {np.percentile(errors, 50):.2e}, p95 {np.percentile(errors, 95):.2e}, max {max(errors):.2e}"
    )
    if options.wrong:
        print("\n".join(wrong))


if __name__ == "__main__":
    main()
