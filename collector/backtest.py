"""Readings of a file through the production engine, without servers: intervals, totals and verdicts as files.

Readings are taken in the order in which they arrived: the first value of a meter and instant stays. The result is what
the running system shows after the last one; `detected_at` is when the reading that told a verdict had arrived.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.allocation import allocate, holes
from collector.arrivals import Arrivals, Finding, in_order, seen_at_arrival
from collector.backtestfiles import (
    MeterFacts,
    read_meters,
    read_readings,
    write_alerts,
    write_intervals,
    write_totals,
    write_verdicts,
)
from collector.conservation import Booked, booked
from collector.energy import metered
from collector.evidence import Told
from collector.pairs import Array, Pairs
from collector.registers import Kind
from collector.terms import Terms
from collector.visible import Alarm, Detect, visible
from config.grid import first_grid
from config.quality import Quality
from storage.intervals import IntervalColumns, Ranges
from storage.points import Point, Segment
from storage.readings import ReadingColumns
from storage.timeline import MARGIN

_AT_ONCE = 200_000
"""Readings computed together; bounds memory."""


@dataclass(frozen=True, slots=True)
class Total:
    """Of one meter, from its first to its last good reading; `missing` is how long it is unknown what flowed."""

    meter: int
    first: int
    last: int
    consumption: float
    estimated: float
    missing: int


def backtest(readings: Path, meters: Path, out: Path, detect: Detect | None = None) -> str:
    """Write intervals.csv, totals.csv, verdicts.csv and, with a detector, alerts.csv into `out`; what was done, in one
    line. Raises ConfigError."""
    facts = read_meters(meters)
    table, epoch = read_readings(readings, facts)
    names = list(facts)
    terms = Terms([_point(number, fact) for number, fact in enumerate(facts.values())])
    arrivals, repeats = in_order(table)
    findings = seen_at_arrival(arrivals, repeats, np.array([fact.cadence_s or 0 for fact in facts.values()]))
    intervals: list[IntervalColumns] = []
    totals: list[Total] = []
    detecting: list[tuple[list[str], Iterable[list[Alarm]]]] = []
    for part in _parts(arrivals):
        result, verdicts, sums = _compute(part, terms)
        intervals.append(result)
        findings += _findings(part, verdicts)
        totals += sums
        if detect is not None:
            seen = list(visible(part, result, verdicts))
            of = [names[one.meter] for one in seen]
            detecting.append((of, detect(seen, [facts[name].zone for name in of])))
    out.mkdir(parents=True, exist_ok=True)
    write_intervals(out / "intervals.csv", names, intervals, epoch=epoch)
    write_totals(out / "totals.csv", [(names[t.meter], t) for t in totals], epoch=epoch)
    findings.sort(key=lambda found: (found.meter, found.start, found.kind))
    write_verdicts(out / "verdicts.csv", [(names[found.meter], found) for found in findings], epoch=epoch)
    rows = sum(len(part) for part in intervals)
    done = f"{len(table.meter)} readings of {len(names)} meters: {rows} intervals, {len(findings)} verdicts"
    if detect is not None:
        alarms = [(name, one) for of, found in detecting for name, some in zip(of, found, strict=True) for one in some]
        write_alerts(out / "alerts.csv", alarms, epoch=epoch)
        done += f", {len(alarms)} alerts"
    return f"{done} in {out}"


def _point(number: int, facts: MeterFacts) -> Point:
    limit = None if facts.rated_per_hour is None else facts.rated_per_hour * MARGIN
    segment = Segment(0, None, number, 1.0, facts.modulus, facts.resolution, limit, None, None)
    schedule = ((0, facts.cadence_s),)
    return Point(
        number, "", 0, number, str(number), facts.carrier, "", True, facts.zone, (segment,), schedule,
        first_grid(schedule),
    )  # fmt: skip


def _parts(arrivals: Arrivals) -> Iterator[Arrivals]:
    """Whole meters at a time."""
    begin = 0
    while begin < len(arrivals):
        past = min(begin + _AT_ONCE, len(arrivals))
        if past < len(arrivals):
            edge = int(np.searchsorted(arrivals.meter, arrivals.meter[past]))
            past = edge if edge > begin else int(np.searchsorted(arrivals.meter, arrivals.meter[begin], "right"))
        yield arrivals[begin:past]
        begin = past


def _compute(part: Arrivals, terms: Terms) -> tuple[IntervalColumns, list[Told], list[Total]]:
    meters, first = np.unique(part.meter, return_index=True)
    last = np.append(first[1:], len(part)) - 1
    rank, _ = terms.ranks(meters)
    ranges = Ranges(meters, terms.floor(rank, part.time[first]), terms.ceil(rank, part.time[last]))
    readings = ReadingColumns(part.meter, part.time, part.value, np.zeros(len(part), np.int16))
    energy = metered(readings, ranges, terms)
    sums = booked(energy.knots, len(meters), terms)
    verdicts = [verdict for verdict in energy.verdicts if verdict.kind is not Kind.HELD]
    intervals, _ = allocate(energy.intervals, holes(energy, ranges, terms), energy.intervals, terms)
    return intervals, verdicts, list(_totals(meters, sums, intervals))


def _totals(meters: Array, sums: Booked, intervals: IntervalColumns) -> Iterator[Total]:
    guessed = intervals.quality == Quality.ESTIMATED
    place = np.searchsorted(meters, intervals.point[guessed])
    estimated = np.bincount(place, intervals.consumption[guessed], len(meters))
    for row, meter in enumerate(meters.tolist()):
        first, last = int(sums.first[row]), int(sums.last[row])
        missing = last - first - int(sums.known[row])
        yield Total(meter, first, last, float(sums.consumption[row]), float(estimated[row]), missing)


def _findings(part: Arrivals, verdicts: list[Told]) -> Iterator[Finding]:
    """A verdict is told when all readings up to the one that told it have arrived."""
    rows = Pairs(part.meter, part.time)
    meter, base, told = (
        np.array([getattr(verdict, name) for verdict in verdicts], np.int64) for name in ("point", "base", "told")
    )
    spans = zip(
        verdicts, rows.find(meter, base, "left").tolist(), rows.find(meter, told, "right").tolist(), strict=True
    )
    for one, first, past in spans:
        detected = int(part.arrived[first:past].max())
        yield Finding(one.point, one.kind.value, one.first, one.last, detected, json.dumps(one.evidence))
