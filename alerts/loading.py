"""What an inspection needs of the database, as a History. Read only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np

from alerts.finding import Inspection, Subject
from alerts.history import Consumption, History, Matrix, Place, Statistics, Told
from config.carriers import carriers, main_quantity
from config.quantities import QUANTITIES
from config.rules import Limits
from config.samples import MICROSECOND, Instants
from storage import history as table
from storage import intervals, proofs
from storage.history import DayCounts, Site
from storage.intervals import IntervalColumns, RollupColumns
from storage.points import Point, PointTable

if TYPE_CHECKING:
    from storage.database import Connection


def places(sites: Iterable[Site], points: PointTable) -> list[Place]:
    """Metering points as inspections see them."""
    return [_place(site, points) for site in sites]


def _place(site: Site, points: PointTable) -> Place:
    known = points.by_metering_point.get((site.uscc, site.code), {})
    carrier, formula = carriers()[site.carrier], points.formulas.get((site.uscc, site.code), {})
    register = main_quantity(carrier, site.direction, known) or ""
    counted = register or (carrier.quantity if formula else "")
    subject = Subject(
        uscc=site.uscc,
        enterprise_id=site.enterprise_id,
        enterprise=site.enterprise,
        zone=site.zone,
        metering_point_id=site.id,
        metering_point=site.code,
        name=site.name,
        meter_id=site.meter_id,
        meter=site.meter,
        address=site.address,
    )
    return Place(
        subject,
        site.carrier,
        site.direction,
        site.parent,
        register,
        QUANTITIES[counted].unit if counted else "",
        {quantity: points.points[point] for quantity, point in known.items()},
        site.verified_until,
        formula,
    )


async def load(
    conn: Connection, rule: Inspection, looked_at: Sequence[Place], limits: Sequence[Limits], start: int, past: int
) -> History:
    """[start, past) of places of one zone, as far as the rule needs it."""
    history = History(looked_at, looked_at[0].subject.zone, start, past)
    for kind, quantity in rule.needs:
        match kind:
            case "daily":
                history.daily[quantity] = await _consumption(conn, history, quantity, "day", history.days)
            case "hours":
                history.metered[quantity] = await _consumption(conn, history, quantity, "hour", history.hours)
            case "quarterly":
                history.quarterly[quantity] = await _consumption(conn, history, quantity, "15m", history.quarters)
            case "hourly":
                history.hourly[quantity] = await _statistics(conn, history, quantity)
            case "conflicts":
                history.conflicts = await _conflicts(conn, history)
            case "delays":
                history.delays = await _delays(conn, history, limits)
            case "promptest":
                history.promptest = await _promptest(conn, history)
            case "proofs":
                history.proofs = await _proofs(conn, history)
            case "verdicts":
                told = [*history.verdicts, *[one async for one in _verdicts(conn, history, quantity)]]
                history.verdicts = sorted(told, key=lambda one: (one.row, one.start))
    return history


async def _consumption(
    conn: Connection, history: History, quantity: str, kind: Literal["15m", "hour", "day"], edges: Instants
) -> Consumption:
    found = Consumption.empty(history.shape(edges))
    rows = _rows(history, quantity)
    if not rows or not found.value.size:
        return found
    stored = await intervals.series(conn, _ids(rows), kind, int(edges[0]), int(edges[-1]))
    place = _places(rows, stored.point), np.searchsorted(edges, stored.start, "right") - 1
    _fill(found, place, stored)
    return found


def _fill(found: Consumption, place: tuple[Instants, Instants], stored: IntervalColumns | RollupColumns) -> None:
    found.value[place] = stored.consumption
    valued = ~np.isnan(stored.consumption)
    seconds = np.where(valued, stored.seconds, 0)
    found.seconds[place] = seconds
    parts = np.maximum(stored.intervals, 1)
    found.measured[place] = seconds * (1.0 - np.minimum(stored.estimated / parts, 1.0))
    found.quality[place] = stored.quality


async def _statistics(conn: Connection, history: History, quantity: str) -> Statistics:
    found = Statistics.empty(history.shape(history.hours))
    rows = _rows(history, quantity)
    if not rows or not found.mean.size:
        return found
    stored = await table.reading_hours(conn, _ids(rows), int(history.hours[0]), int(history.hours[-1]))
    row = _places(rows, stored.point)
    place = row, np.searchsorted(history.hours, stored.hour)
    factor = _multipliers(rows, history)[place]
    found.count[place] = stored.count
    for name in ("mean", "low", "high"):
        getattr(found, name)[place] = getattr(stored, name) * factor
    return found


def _multipliers(rows: dict[int, Point], history: History) -> Matrix:
    """Of every place and hour, by the segment in force at its start."""
    found = np.ones(history.shape(history.hours))
    for row, point in rows.items():
        for segment in point.segments:
            since = np.searchsorted(history.hours, segment.valid_from)
            found[row, since:] = segment.multiplier
    return found


async def _proofs(conn: Connection, history: History) -> tuple[Matrix, Matrix]:
    found = np.full(history.shape(history.days), np.nan), np.zeros(history.shape(history.days))
    rows = _rows(history, "")
    if rows and found[0].size:
        row_of = {point.id: row for row, point in rows.items()}
        zone = ZoneInfo(history.zone)
        shown = [datetime.fromtimestamp(at / MICROSECOND, zone).date() for at in history.days[:-1].tolist()]
        for one in await proofs.days(conn, row_of, shown[0], shown[-1]):
            cell = row_of[one["point_id"]], shown.index(one["day"])
            found[0][cell], found[1][cell] = not one["sound"], one["difference"]
    return found


async def _conflicts(conn: Connection, history: History) -> Matrix:
    """Of all quantities together."""
    row_of = {point.id: row for row, place in enumerate(history.places) for point in place.points.values()}
    found = np.zeros(history.shape(history.days))
    if row_of and found.size:
        ids = np.array(sorted(row_of), np.int32)
        counts = await table.conflicts(conn, ids, int(history.days[0]), int(history.days[-1]), history.zone)
        rows = np.array([row_of[point] for point in counts.point.tolist()], np.int64)
        np.add.at(found, (rows, _days(history, counts)), counts.whole)
    return found


async def _delays(conn: Connection, history: History, limits: Sequence[Limits]) -> tuple[Matrix, Matrix]:
    rows = _rows(history, "")
    found = np.zeros(history.shape(history.days)), np.zeros(history.shape(history.days))
    if rows and found[0].size:
        seconds = np.array([float(limits[row]["delay_s"]) for row in rows])
        bounds = int(history.days[0]), int(history.days[-1])
        counts = await table.delays(conn, _ids(rows), seconds, *bounds, history.zone)
        place = _places(rows, counts.point), _days(history, counts)
        found[0][place], found[1][place] = counts.whole, counts.part
    return found


async def _promptest(conn: Connection, history: History) -> Matrix:
    rows = _rows(history, "")
    found = np.full(history.shape(history.hours), np.nan)
    if rows and found.size:
        hours = await table.promptest(conn, _ids(rows), int(history.hours[0]), int(history.hours[-1]))
        found[_places(rows, hours.point), np.searchsorted(history.hours, hours.hour)] = hours.delay
    return found


async def _verdicts(conn: Connection, history: History, kind: str) -> AsyncIterator[Told]:
    """Of a kind, on the registers."""
    row_of = {point.id: (row, point) for row, point in _rows(history, "").items()}
    if not row_of:
        return
    ids = np.array(sorted(row_of), np.int32)
    found = await table.verdicts(conn, ids, kind, history.start, history.past)
    for one in sorted(found, key=lambda one: (row_of[one.point][0], one.first)):
        row, point = row_of[one.point]
        multiplier = next((s.multiplier for s in reversed(point.segments) if s.valid_from <= one.first), 1.0)
        energy = (one.after - one.before) * multiplier
        yield Told(row, kind, one.first, one.last, energy, one.first - one.base)


def _days(history: History, counts: DayCounts) -> Instants:
    return np.asarray(np.searchsorted(history.days, counts.day, "right") - 1)


def _rows(history: History, quantity: str) -> dict[int, Point]:
    """Places where the quantity is measured."""
    points = ((row, place.point(quantity)) for row, place in enumerate(history.places))
    return {row: point for row, point in points if point is not None}


def _ids(rows: dict[int, Point]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array([point.id for point in rows.values()], np.int32)


def _places(rows: dict[int, Point], ids: np.ndarray[tuple[int], np.dtype[np.int32]]) -> Instants:
    """The row of each point id."""
    points, own = _ids(rows), np.array(list(rows), np.int64)
    order = np.argsort(points)
    return own[order][np.searchsorted(points[order], ids)]


def by_zone(looked_at: Iterable[Place]) -> dict[str, list[Place]]:
    found: defaultdict[str, list[Place]] = defaultdict(list)
    for place in looked_at:
        found[place.subject.zone].append(place)
    return dict(found)
