"""Consumption of many metering points, summed by group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from fastapi import Response

from api import groups, series
from api.buckets import FIXED, Interval, edges, word
from api.composition import Composition, composition
from api.consumption import SIGNS, Buckets, Stored, Table, source
from api.derived import Conversion, conversion, on_hours
from api.expected import longest_interval
from api.problems import bad_parameter
from api.services import Services
from api.times import local
from config.carriers import carriers
from config.factors import Unit
from config.samples import MICROSECOND, Instants
from storage import views
from storage.points import PointTable
from storage.views import Row

Counted = Sequence[tuple[Row, Composition]]


class Group(NamedTuple):
    """Metering points that are summed: by what they belong together, and their carrier; empty: any."""

    key: str
    zh: str
    en: str
    carrier: str


About = Callable[[Row], Group]
"""The group that a metering point belongs to."""
Conversions = Mapping[tuple[str, str], Conversion | None]
"""By enterprise and carrier."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Buckets of [start, past) in a zone, as of `now`."""

    interval: Interval
    start: int
    past: int
    zone: str
    now: int
    unit: Unit = "native"


@dataclass(frozen=True, slots=True)
class Frame:
    """The buckets that are answered: their edges, and the seconds of one where it is not the calendar's."""

    at: Instants
    step: int | None
    interval: str
    """As the answer names it."""


def counted(table: PointTable, rows: Sequence[Row]) -> list[tuple[Row, Composition]]:
    """Those metering points that were ever metered, with what they are made of."""
    return [(row, made) for row in rows if (made := composition(table, row["uscc"], row["code"]))]


def frame(asked: Asked, made: Sequence[Composition]) -> Frame:
    """Buckets of a fixed length are no shorter than the intervals of the points. Raises Problem for too many."""
    points = [point for one in made for point in one.points]
    step = None
    if asked.interval in FIXED:
        longest = longest_interval(points, asked.start, asked.past) // MICROSECOND
        step = max(FIXED[asked.interval], longest)
    at = edges(asked.interval, asked.start, asked.past, asked.zone, step=step, series=len(points))
    return Frame(at, step, word(step) if step and step != FIXED[asked.interval] else asked.interval)


async def stored(served: Services, made: Sequence[Composition], table: Table, at: Instants, now: int) -> Stored:
    """What is stored between the edges of all points, as shown at `now`."""
    ids = np.unique(np.concatenate([one.ids for one in made] or [np.empty(0, np.int32)]))
    return await views.consumption(served.database, ids, table, int(at[0]), int(at[-1]), now)


async def answer(served: Services, form: series.Form, metered: Counted, about: About, asked: Asked) -> Response:
    """A series per group of metering points, in order of their first one; import and generation count +, export −.

    Raises Problem for a sum of many units.
    """
    made = [one for _, one in metered]
    framed = frame(asked, made)
    changes = conversions(served, metered, asked.unit, framed.at, asked.now)
    table = source(asked.interval, framed.step or 0)
    if table == "hour" and not on_hours(*(change.borders for change in changes.values() if change)):
        table = "15m"
    rows = await stored(served, made, table, framed.at, asked.now)
    head: dict[str, Any] = {"interval": framed.interval, "zone": asked.zone, "as_of": local(asked.now, asked.zone)}
    if asked.unit != "native":
        head["factors"] = used(changes)
    found = await asyncio.to_thread(sums, metered, about, rows, framed.at, asked.now, changes)  # a region is large
    return groups.answer(form, head, framed.at[:-1], found)


def sums(metered: Counted, about: About, rows: Stored, at: Instants, now: int, changes: Conversions) -> groups.Groups:
    found: dict[str, tuple[dict[str, str], Buckets]] = {}
    for row, made in metered:
        change = changes[row["uscc"], row["carrier"]]
        group = about(row)
        unit = change.symbol if change else made.unit
        known, total = found.setdefault(group.key, ({**group._asdict(), "unit": unit}, Buckets.empty(len(at) - 1)))
        if known["unit"] != unit:
            what = f"a total of {known['unit']} and {unit} has no meaning; choose a carrier or a derived unit"
            raise bad_parameter("group_by", what)
        total.add(made.buckets(rows, at, now, change), SIGNS[row["direction"]])
    return [(named, series.bucket_columns(total)) for named, total in found.values()]


def conversions(served: Services, metered: Counted, unit: Unit, at: Instants, now: int) -> Conversions:
    """How each carrier turns into the unit, as known at `now`: alike in a region for all without measured values.

    Raises Problem."""
    found: dict[tuple[str, str], Conversion | None] = {}
    shared: dict[tuple[str, str], Conversion | None] = {}
    for row, made in metered:
        own = row["uscc"], row["carrier"]
        alike = own if served.measures(row["uscc"]) else (row["region"], row["carrier"])
        if alike not in shared:
            known = served.factors_of(row["uscc"], row["region"])
            shared[alike] = conversion(known, made.points[0], unit, row["region"], int(at[0]), int(at[-1]), now)
        found[own] = shared[alike]
    return found


def used(changes: Conversions) -> list[dict[str, Any]]:
    """Each factor once, however many regions share it."""
    found: list[dict[str, Any]] = []
    for change in changes.values():
        found += [one for one in (change.used if change else ()) if one not in found]
    return found


def by_carrier(row: Row) -> Group:
    carrier = carriers()[row["carrier"]]
    return Group(carrier.code, carrier.zh, carrier.en, carrier.code)


def by_metering_point(row: Row) -> Group:
    return own(f"{row['uscc']}/{row['code']}", row["name"], row["carrier"])


def own(key: str, name: str, carrier: str) -> Group:
    """With a name of its own, the same in both languages."""
    return Group(key, name, name, carrier)
