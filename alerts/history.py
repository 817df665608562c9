"""Closed data of some metering points of one zone, as inspections look at them: matrices with a row per metering point
and a column per bucket. NaN: there is no value. Instants are int64 microseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from alerts.finding import Subject
from config.carriers import carriers
from config.formulas import Formula
from config.quality import Quality
from config.rules import Limits
from config.samples import MICROSECOND, Instants
from storage.points import Point

Matrix: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Table = Literal["daily", "hours", "quarterly", "hourly", "conflicts", "delays", "promptest", "verdicts", "proofs"]

FLOW = "flow"
"""Stands for the carrier's own instantaneous quantity: power, or a flow."""
DAY, HOUR, QUARTER = 86_400 * MICROSECOND, 3600 * MICROSECOND, 900 * MICROSECOND


@dataclass(frozen=True, slots=True)
class Place:
    """A metering point. `register`: the quantity that counts its carrier; empty: none is measured. `unit`: the
    register's, of a virtual one its carrier's."""

    subject: Subject
    carrier: str
    direction: str
    parent: str
    register: str
    unit: str
    points: Mapping[str, Point]
    """By quantity."""
    verified_until: date | None = None
    """Of the meter that stands there now."""
    formula: Formula = field(default_factory=dict)
    """Of a virtual one: the metered ones it comes down to, with their shares."""

    def point(self, quantity: str) -> Point | None:
        """Of a quantity; "" is the register, FLOW the carrier's power or flow. None: it is not measured."""
        if quantity == FLOW:
            return self.points.get(carriers()[self.carrier].flow)
        return self.points.get(quantity or self.register)


@dataclass(frozen=True, slots=True)
class Consumption:
    """What flowed, on the primary side."""

    value: Matrix
    seconds: Matrix
    """How much of the bucket has a value."""
    measured: Matrix
    """How much of it is neither estimated nor missing; seconds."""
    quality: Matrix

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Consumption:
        missing = np.full(shape, float(Quality.MISSING))
        return cls(np.full(shape, np.nan), np.zeros(shape), np.zeros(shape), missing)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the readings of an hour, primary side."""

    count: Matrix
    mean: Matrix
    low: Matrix
    high: Matrix

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Statistics:
        return cls(np.zeros(shape), *(np.full(shape, np.nan) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Told:
    """What the register engine says of readings of a metering point, `start` to `end`."""

    row: int
    kind: str
    start: int
    end: int
    energy: float
    """By how much the register rose or fell, primary side."""
    elapsed: int
    """Since the last good reading before."""


@dataclass
class History:
    """[start, past) of some metering points. `days` are the midnights between, as many as lie in it: the days
    between them are whole."""

    places: Sequence[Place]
    zone: str
    start: int
    past: int
    daily: dict[str, Consumption] = field(default_factory=dict)
    """Whole days by quantity; "" is the register that counts the carrier."""
    quarterly: dict[str, Consumption] = field(default_factory=dict)
    """Intervals by the quarter of an hour in which they start; longer ones leave the others empty."""
    metered: dict[str, Consumption] = field(default_factory=dict)
    """Hours (UTC)."""
    hourly: dict[str, Statistics] = field(default_factory=dict)
    conflicts: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    """Whole days: conflicting readings."""
    delays: tuple[Matrix, Matrix] = field(default_factory=lambda: (np.zeros((0, 0)), np.zeros((0, 0))))
    """Whole days: readings, and those of them that came late."""
    promptest: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    """Hours: least time from the sender's time of a reading to its receipt, in seconds; NaN: none tells."""

    proofs: tuple[Matrix, Matrix] = field(default_factory=lambda: (np.zeros((0, 0)), np.zeros((0, 0))))
    """Whole days: 1 where stored data are not what follows from the readings (NaN where that was not checked), and by
    how much their energy differs; of the register that counts the carrier."""

    verdicts: Sequence[Told] = ()
    """In order of place and time."""

    def __post_init__(self) -> None:
        self.days = midnights(self.zone, self.start, self.past)
        self.hours = np.arange(self.start // HOUR, self.past // HOUR + 1, dtype=np.int64) * HOUR
        self.quarters = np.arange(self.start // QUARTER, self.past // QUARTER + 1, dtype=np.int64) * QUARTER

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Seconds of each day."""
        return np.diff(self.days) // MICROSECOND

    def shape(self, edges: Instants) -> tuple[int, int]:
        return len(self.places), max(len(edges) - 1, 0)

    def by_day(self, edges: Instants) -> Iterator[tuple[int, slice]]:
        """(day, its buckets) for buckets that start at the edges."""
        borders = np.searchsorted(edges[:-1], self.days)
        for day, (first, past) in enumerate(zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)):
            yield day, slice(first, past)

    def whole(self, quantity: str = "") -> Bools:
        """Days of which all is known and nothing in doubt."""
        found = self.daily[quantity]
        return (found.seconds >= self.lengths - 1) & (found.quality <= Quality.ESTIMATED)


def midnights(zone: str, start: int, past: int) -> Instants:
    """All midnights of a zone in [start, past]."""
    where = ZoneInfo(zone)
    day = datetime.fromtimestamp(start / MICROSECOND, where).date()
    found: list[int] = []
    while (at := int(datetime(day.year, day.month, day.day, tzinfo=where).timestamp()) * MICROSECOND) <= past:
        if at >= start:
            found.append(at)
        day += timedelta(days=1)
    return np.array(found, np.int64)


def column(limits: Sequence[Limits], key: str) -> Matrix:
    """A threshold of every place, as a column beside the matrices; NaN where it is off."""
    values = [np.nan if one[key] is None else float(one[key]) for one in limits]
    return np.array(values, np.float64).reshape(-1, 1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Buckets [first, past) of a place in which something is the matter; `lasts`: so far as one knows."""

    row: int
    first: int
    past: int
    lasts: bool


def stretches(bad: Bools, known: Bools) -> Iterator[Stretch]:
    """Stretches of bad buckets. What is not known changes nothing: it neither begins nor ends one."""
    if not bad.size:
        return
    judged = np.where(known, np.arange(bad.shape[1]), -1)
    last = np.maximum.accumulate(judged, axis=1)
    state = np.take_along_axis(bad & known, np.maximum(last, 0), axis=1) & (last >= 0)
    steps = np.diff(np.pad(state, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, firsts = np.nonzero(steps == 1)
    pasts = np.nonzero(steps == -1)[1]
    for row, first, past in zip(rows.tolist(), firsts.tolist(), pasts.tolist(), strict=True):
        lasts = past == bad.shape[1]
        yield Stretch(row, first, int(last[row, past - 1]) + 1, lasts)


def lasting(bad: Bools, known: Bools, least: Matrix) -> Iterator[Stretch]:
    """Stretches with at least so many bad buckets."""
    for one in stretches(bad, known):
        if bad[one.row, one.first : one.past].sum() >= least[one.row, 0]:
            yield one


def span(stretch: Stretch, edges: Instants) -> tuple[int, int | None]:
    """Onset and end of a stretch of buckets."""
    return int(edges[stretch.first]), None if stretch.lasts else int(edges[stretch.past])
