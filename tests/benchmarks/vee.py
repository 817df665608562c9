"""How well the detector tells seeded meter faults, and how often it cries wolf on the same series without any:
python -m tests.benchmarks.vee DATA [--seeds N] [--first-seed N] [--without KIND] [--wrong]

DATA is a folder of consumption series (or set WANJIA_BENCH_DATA). An incident that overlaps a fault of its series has
found it; of several, the one that overlaps best names it. All other incidents are false. Every seed takes each series
as another meter would tell it (size, cadence, first day, register steps), once with faults and once, as its twin,
without. Half of each file's series, chosen by a hash of their names, are shown apart: the held-out part.
All were looked at when the form of the statistics was chosen, so other series may show less.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alerts.detect import Detector, Incident
from config.samples import MICROSECOND
from tests.benchmarks.meterfaults import FAULTS, RULE_OF, Series, Truth, counted, load, seeded, varied

MONTH = 365.25 / 12
FIRST_SEED = 1000
"""Seeds below were used in making the detector."""


@dataclass(slots=True)
class Score:
    named: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By kind of fault: the rule of the incident that found it, `-` where none did."""
    false: Counter[str] = field(default_factory=Counter)
    """By rule, on series with faults."""
    months: float = 0.0
    twin_false: Counter[str] = field(default_factory=Counter)
    """By rule, on series without."""
    twin_months: float = 0.0
    by_file: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0, 0.0]))
    """Of series without faults: false incidents, months."""
    readings: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def add(self, series: Series) -> None:
        incidents = self._detect(series)
        found = set()
        for truth in series.faults:
            over = [index for index, one in enumerate(incidents) if _overlap(series, one, truth) > 0]
            found.update(over)
            best = max(over, key=lambda index: _overlap(series, incidents[index], truth), default=None)
            name = "-" if best is None else str(incidents[best].cause)
            self.named[truth.kind][name] += 1
            if name != RULE_OF[truth.kind]:
                self.wrong.append(f"{series.name} {truth.kind} from day {_day(series, truth.start)}: {name}")
        false = [one for index, one in enumerate(incidents) if index not in found]
        self.wrong += [f"{series.name} false {one.cause} day {_day(series, one.start / MICROSECOND)}" for one in false]
        self.false.update(str(one.cause) for one in false)
        self.months += series.days / MONTH

    def add_twin(self, series: Series, file: str) -> None:
        told = self._detect(series)
        self.wrong += [f"{series.name} twin {one.cause} day {_day(series, one.start / MICROSECOND)}" for one in told]
        self.twin_false.update(str(one.cause) for one in told)
        self.twin_months += series.days / MONTH
        self.by_file[file][0] += len(told)
        self.by_file[file][1] += series.days / MONTH

    def join(self, other: Score) -> None:
        for kind, names in other.named.items():
            self.named[kind].update(names)
        self.false.update(other.false)
        self.twin_false.update(other.twin_false)
        self.months += other.months
        self.twin_months += other.twin_months
        for file, (false, months) in other.by_file.items():
            self.by_file[file][0] += false
            self.by_file[file][1] += months
        self.readings += other.readings
        self.seconds += other.seconds

    def _detect(self, series: Series) -> list[Incident]:
        start = (series.start + np.arange(len(series.value), dtype=np.int64) * series.step) * MICROSECOND
        detector, began = Detector(series.step, "UTC"), time.process_time()
        detector.feed(start, series.value)
        self.seconds += time.process_time() - began
        self.readings += len(series.value)
        return detector.incidents

    def print(self) -> None:
        for kind in filter(self.named.get, FAULTS):
            names = self.named[kind]
            total = names.total()
            told = ", ".join(f"{name} {count}" for name, count in names.most_common())
            print(f"{kind:10} found {1 - names['-'] / total:5.0%} of {names.total():4}   {told}")
        faults = sum(names.total() for names in self.named.values())
        hits = faults - sum(names["-"] for names in self.named.values())
        right = sum(names[RULE_OF[kind]] for kind, names in self.named.items())
        f1 = 2 * hits / max(faults + hits + self.false.total(), 1)
        false = self.false.total()
        print(f"events F1 {f1:.3f}: {hits} of {faults} found, {false} false; class right {right / max(hits, 1):.3f}")
        print(f"false per meter-month {self.false.total() / self.months:.3f} beside faults, "
              f"{self.twin_false.total() / self.twin_months:.3f} without any ({_words(self.twin_false)})")  # fmt: skip
        print(
            "   of which " + ", ".join(f"{file} {false / months:.3f}" for file, (false, months) in self.by_file.items())
        )
        print(f"{self.seconds / self.readings * 1e6:.1f} CPU s per million readings")


def _overlap(series: Series, incident: Incident, truth: Truth) -> float:
    """Share that both have of the time that either has."""
    end = series.start + len(series.value) * series.step if incident.end is None else incident.end / MICROSECOND
    start = incident.start / MICROSECOND
    return (min(end, truth.end) - max(start, truth.start)) / (max(end, truth.end) - min(start, truth.start))


def _day(series: Series, instant: float) -> int:
    return int((instant - series.start) // 86400)


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("WANJIA_BENCH_DATA") or None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument(
        "--without", action="append", default=[], choices=FAULTS, help="a kind of fault not to be seeded"
    )
    parser.add_argument("--wrong", action="store_true", help="list what was missed, misnamed or false")
    options = parser.parse_args(arguments)
    files = sorted(options.data.glob("*.npz")) if options.data else []
    if not files:
        where = f"{options.data} has none" if options.data else "no folder is named"
        print(f"bench vee needs consumption series (*.npz with <id>__v, <id>__t0 and step_s): {where}; name the folder "
              "as argument or in WANJIA_BENCH_DATA", file=sys.stderr)  # fmt: skip
        return 2
    parts: dict[str, list[tuple[str, Series]]] = {"part for tuning": [], "held-out part": []}
    for file in files:
        series = sorted(load(file), key=lambda one: zlib.crc32(one.name.encode()))
        for index, one in enumerate(series):
            parts["held-out part" if index % 2 else "part for tuning"].append((file.stem, one))
    kinds = tuple(kind for kind in FAULTS if kind not in options.without)
    whole = Score()
    for part, chosen in parts.items():
        score = Score()
        for file_name, one in chosen:
            for seed in range(options.first_seed, options.first_seed + options.seeds):
                meter = varied(one, seed)
                score.add_twin(counted(meter, meter), file_name)
                score.add(counted(seeded(meter, seed, kinds), meter))
        print(f"-- {part}: {len(chosen)} series, {options.seeds} seeds")
        score.print()
        if options.wrong:
            print("\n".join(score.wrong))
        whole.join(score)
    print("-- both parts")
    whole.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
