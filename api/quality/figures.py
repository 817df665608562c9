"""Quality figures of subjects over whole days or months: counts added up, divided, and written."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from api.buckets import MOST, edges
from api.problems import bad_parameter
from api.quality.counts import NAMES, Counts, Matrices, counts
from api.quality.subjects import Place, Subject
from api.times import local
from config.indices import Figure, known
from storage.database import Database

Each = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Span:
    """[start, past), widened to whole days, or months, of each subject's zone; what is counted apart in it."""

    start: int
    past: int
    each: Each | None
    now: int

    def days(self, zone: str) -> Counts:
        """Midnights, with the last day's end."""
        start, past = self.start, self.past
        if self.each == "month":
            months = edges("1mo", start, past, zone)
            start, past = int(months[0]), int(months[-1])
        return edges("1d", start, past, zone)


@dataclass(frozen=True, slots=True)
class Table:
    """Counts of subjects (rows) by day or month (columns, by their `labels`), or in one column."""

    subjects: Sequence[Subject]
    labels: list[str]
    counts: Matrices


async def tabulate(db: Database, subjects: Sequence[Subject], span: Span) -> Table:
    """Raises Problem for more than MOST days times registers."""
    zones: defaultdict[str, list[tuple[int, Place]]] = defaultdict(list)
    for number, subject in enumerate(subjects):
        for place in subject.places:
            zones[place.point.zone].append((number, place))
    days = {zone: span.days(zone) for zone in sorted(zones) or ["Asia/Shanghai"]}
    if sum(len(days[zone]) * len(placed) for zone, placed in zones.items()) > MOST:
        raise bad_parameter("from", f"days times metering points may be {MOST}; ask for less", "span-too-long")
    named = {zone: [_label(at, zone, span.each) for at in days[zone][:-1].tolist()] for zone in days}
    labels = sorted({label for labels in named.values() for label in labels})
    found = {name: np.zeros((len(subjects), len(labels)), np.int64) for name in NAMES}
    for zone, placed in zones.items():
        matrices = await _placed(db, placed, days[zone], zone, span.now)
        owner = np.array([number for number, _ in placed])[:, None]
        column = np.searchsorted(labels, named[zone])[None, :]
        for name, matrix in matrices.items():
            np.add.at(found[name], (owner, column), matrix)
    return Table(subjects, labels, found)


def _label(midnight: int, zone: str, each: Each | None) -> str:
    day = local(midnight, zone).date().isoformat()
    return day if each == "day" else day[:7] if each == "month" else ""


async def _placed(db: Database, placed: Sequence[tuple[int, Place]], days: Counts, zone: str, now: int) -> Matrices:
    """A row for each place; days on which the place is not the subject's are 0."""
    points = {place.point.id: place.point for _, place in placed}
    row_of = {point: row for row, point in enumerate(points)}
    matrices = await counts(db, list(points.values()), days, zone, now)
    rows = np.array([row_of[place.point.id] for _, place in placed])
    start, past = (np.array([place[side] for _, place in placed])[:, None] for side in (1, 2))
    ends = days[None, 1:]
    own = (start < ends) & (ends <= past)
    return {name: matrix[rows] * own for name, matrix in matrices.items()}


def share(figure: Figure, of: Mapping[str, Any]) -> NDArray[np.float64]:
    """A figure of each cell, NaN where there is nothing to divide by."""
    numerator, denominator = (np.asarray(of[name], np.float64) for name in (figure.numerator, figure.denominator))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = np.round(numerator / denominator, 6)
    return found


def shares(of: Mapping[str, Any]) -> dict[str, float | None]:
    """All figures of single counts."""
    found = {figure.name: float(share(figure, of)) for figure in known().figure}
    return {name: None if value != value else value for name, value in found.items()}


def summed(matrices: Matrices, cells: Any) -> dict[str, Any]:
    """Counts and figures of some cells of the matrices together."""
    total = {name: int(matrix[cells].sum()) for name, matrix in matrices.items()}
    return {**total, **shares(total)}


def columns(matrices: Matrices) -> dict[str, NDArray[Any]]:
    """Counts and figures of each cell."""
    return {**matrices, **{figure.name: share(figure, matrices) for figure in known().figure}}


def formulas() -> list[dict[str, Any]]:
    """What each figure is, for those who want to recompute it."""
    return [figure.model_dump() for figure in known().figure]


def items(table: Table, *, apart: bool) -> list[dict[str, Any]]:
    """An item for each subject; `apart`: with its columns by label, too."""
    found = columns(table.counts)
    whole = columns({name: matrix.sum(axis=1) for name, matrix in table.counts.items()})
    rows = [
        {"key": subject.key, "name": subject.name, **{name: column[row].item() for name, column in whole.items()}}
        for row, subject in enumerate(table.subjects)
    ]
    if apart:
        for row, item in enumerate(rows):
            item["columns"] = {name: column[row].tolist() for name, column in found.items()}
    return rows


def by_label(table: Table) -> list[dict[str, Any]]:
    """An item for each day or month, of all subjects together."""
    whole = columns({name: matrix.sum(axis=0) for name, matrix in table.counts.items()})
    return [
        {"key": label, "name": "", **{name: column[number].item() for name, column in whole.items()}}
        for number, label in enumerate(table.labels)
    ]


def to_csv(rows: Sequence[Mapping[str, Any]], labels: Sequence[str], each: Each | None) -> bytes:
    """A line for each item, or for each of its days or months; what there is none of is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [*NAMES, *(figure.name for figure in known().figure)]
    writer.writerow(["key", "name", *([each] if each else []), *names])
    writer.writerows(_lines(rows, labels, names))
    return out.getvalue().encode()


def _lines(rows: Sequence[Mapping[str, Any]], labels: Sequence[str], names: Sequence[str]) -> Iterator[list[Any]]:
    for row in rows:
        head = [row["key"], row["name"]]
        if "columns" not in row:
            yield [*head, *(_cell(row[name]) for name in names)]
            continue
        for label, *values in zip(labels, *(row["columns"][name] for name in names), strict=True):
            yield [*head, label, *map(_cell, values)]


def _cell(value: Any) -> Any:
    return "" if value != value else value
