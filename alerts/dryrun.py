"""What thresholds would have raised: rules run over stored data as they are run live, and nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from alerts.deadlines import Deadlines
from alerts.episodes import Episodes
from alerts.finding import Finding
from alerts.history import DAY, Place
from alerts.inspect import asked, before, closed, inspect, portions
from alerts.loading import by_zone, places
from alerts.roster import Roster
from alerts.rules import INSPECTED, SILENCE
from alerts.thresholds import Thresholds
from config.rules import Number, Scope
from config.samples import MICROSECOND
from storage import gaps, history, thresholds
from storage.database import Database
from storage.gaps import Holes
from storage.points import Point, PointTable

MOST = 5_000_000
"""Rows of the database, about, that one dry run looks at."""
COSTLY = 5
"""A row of a costly inspection counts as so many."""
_BUCKETS = {"daily": 1, "hours": 24, "quarterly": 96, "conflicts": 1, "verdicts": 1, "proofs": 1}
"""Rows of a point and day."""


class TooMuch(Exception):
    """The dry run would look at more than MOST rows; `rows`: about so many, COSTLY-fold where an inspection is so."""

    def __init__(self, rows: int) -> None:
        super().__init__(f"about {rows} rows would have to be looked at; {MOST} are allowed")


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would have been raised in [start, past). Findings without end stand at its end."""

    start: int
    past: int
    places: int
    """Metering points looked at."""
    findings: Sequence[Finding]
    """With the thresholds that are tried."""
    present: Sequence[Finding]
    """With those that are set."""

    def more(self) -> list[Finding]:
        """What the present thresholds do not raise."""
        return _without(self.findings, self.present)

    def fewer(self) -> list[Finding]:
        """What only the present thresholds raise."""
        return _without(self.present, self.findings)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is looked at: the last `days` closed days before `now` of a rule at some of the places."""

    rule: str
    known: Sequence[Place]
    there: Sequence[Place]
    days: int
    now: int


async def dry_run(
    db: Database, points: PointTable, rule: str, scope: Scope, body: dict[str, Number], days: int, now: int
) -> DryRun:
    """The last `days` closed days of a rule with these thresholds set for the scope, in place of what is set for it,
    and with what is set now.

    A rule that is switched off is tried as if it were on. Raises TooMuch.
    """
    async with db.connection() as conn:
        known = places(await history.sites(conn), points)
        limits = Thresholds(await thresholds.read(conn))
    asked = _Asked(rule, known, [place for place in known if _within(place, scope)], days, now)
    if rule in SILENCE:
        tried = limits.replaced(rule, scope.text, body)
        start, past, (found, present) = await _silence(db, points, asked, (tried, limits))
    else:
        tried = limits.replaced(rule, scope.text, {"enabled": True, **body})
        start, past, found = await _inspection(db, asked, tried)
        present = (await _inspection(db, asked, limits))[2]
    return DryRun(start, past, len(asked.there), found, present)


def _without(some: Sequence[Finding], others: Sequence[Finding]) -> list[Finding]:
    """Findings that share no instant with one of the same key among the others."""
    by_key: defaultdict[str, list[Finding]] = defaultdict(list)
    for one in others:
        by_key[one.key].append(one)
    return [one for one in some if not any(_meet(one, other) for other in by_key[one.key])]


def _meet(one: Finding, other: Finding) -> bool:
    return (other.ended is None or one.onset < other.ended) and (one.ended is None or other.onset < one.ended)


Raised = tuple[int, int, list[Finding]]
"""What is raised, and the range that was looked at."""


async def _inspection(db: Database, about: _Asked, limits: Thresholds) -> Raised:
    rule, there, days, now = about.rule, about.there, about.days, about.now
    inspection = INSPECTED[rule]
    names = {_name(place) for place in there}
    if inspection.together:
        usccs = {place.subject.uscc for place in there}
        there = [place for place in about.known if place.subject.uscc in usccs]
    rows = sum(
        _rows(place.point(quantity), kind, now - (days + inspection.lookback(own)) * DAY, now)
        for place, own in asked(inspection, there, limits)
        for kind, quantity in inspection.needs
    )
    if (cost := rows * (COSTLY if inspection.costly else 1)) > MOST:
        raise TooMuch(cost)
    found: list[Finding] = []
    start = past = now
    for zone, some in by_zone(there).items():
        past = closed(inspection, zone, now)
        start = before(past, days, zone)
        for portion in portions(some):
            async with db.connection() as conn:
                findings = await inspect(conn, inspection, portion, limits, past, days)
            found += [one for one in findings if one.ended is None or one.ended > start]
    mine = [one for one in found if one.rule == rule and (one.subject.uscc, one.subject.metering_point) in names]
    return start, past, mine


async def _silence(
    db: Database, points: PointTable, about: _Asked, limits: Sequence[Thresholds]
) -> tuple[int, int, list[list[Finding]]]:
    """Rules gap and offline, from the readings: what each of the thresholds raises, and the range looked at."""
    now, start = about.now, about.now - about.days * DAY
    table = PointTable(points={point.id: point for place in about.there for point in place.points.values()})
    rows = sum(_rows(point, "readings", start, now) for point in table.points.values())
    if rows > MOST:
        raise TooMuch(rows)
    async with db.connection() as conn:
        known = await gaps.places(conn), await gaps.meters(conn)
        rosters = [Roster.of(table, *known, now, one) for one in limits]
        ids = rosters[0].windows.point
        bounds = np.full(len(ids), start), np.full(len(ids), now)
        shortest = np.minimum.reduce([one.windows.shortest_grace() for one in rosters])
        holes = await gaps.holes(conn, ids, *bounds, shortest)
    return start, now, [_silent(roster, holes, about.rule, start, now) for roster in rosters]


def _silent(roster: Roster, holes: Holes, rule: str, start: int, now: int) -> list[Finding]:
    slot, windows = np.arange(len(roster.windows)), roster.windows
    pieces = windows.missing(slot[holes.number], holes.before, holes.after, np.full(len(holes.number), now))
    found = Episodes(roster, Deadlines(windows, now), []).found(pieces.where(pieces.end > start), now)
    return [one for one in found if one.rule == rule]


def _within(place: Place, scope: Scope) -> bool:
    match scope.kind:
        case "carrier":
            return place.carrier == scope.of
        case "enterprise":
            return place.subject.uscc == scope.of
        case "point":
            return _name(place) == (scope.of, scope.code)
    return True


def _name(place: Place) -> tuple[str, str]:
    return place.subject.uscc, place.subject.metering_point


def _rows(point: Point | None, kind: str, start: int, past: int) -> int:
    """About how many rows there are of a point in [start, past): readings where no rollup serves."""
    if point is None:
        return 0
    if kind in _BUCKETS:
        return _BUCKETS[kind] * (past - start) // DAY
    steps = pairwise([*point.schedule, (past, None)])
    spans = ((min(end, past) - max(begin, start), cadence_s) for (begin, cadence_s), (end, _) in steps)
    return sum(max(length, 0) // (cadence_s * MICROSECOND) for length, cadence_s in spans if cadence_s)
