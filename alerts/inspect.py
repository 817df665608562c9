"""Inspections: rules that look at closed data every hour or day, and what their findings mean for the episodes.

An inspection is asked about the whole of what it looks at each time and says what stands now; so what it says does not
depend on when the watch was started, or on what it has said before. Data that came late are seen the next time. When
history has come in, all of it is looked at once: what is over already becomes an alert that is over, of which nobody
is told. It reads on a connection of the pool, in portions, and computes in a thread: silence is watched meanwhile. What
it finds is written by the watch's next cycle, on the connection that holds the lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.finding import SEVERITIES, Finding, Inspection
from alerts.history import DAY, HOUR, Place
from alerts.lifecycle import Changes, Ending
from alerts.loading import by_zone, load, places
from alerts.thresholds import Thresholds
from config.rules import Limits, rules
from config.samples import MICROSECOND
from storage import history, thresholds
from storage.alerts import Running
from storage.database import Database
from storage.errors import Unavailable
from storage.gaps import FOREVER
from storage.points import PointTable

if TYPE_CHECKING:
    from storage.database import Connection

log = logging.getLogger(__name__)

SETTLED = {"hour": 300 * MICROSECOND, "day": 2 * HOUR}
"""How long after the end of an hour or a day it is looked at: late readings come meanwhile."""
REACH = 400
"""Days of history that are looked at, at most."""
QUIET = 300 * MICROSECOND
"""When no back-filled readings have come for so long, they are looked at."""
LONGEST = HOUR
"""Inspections wait no longer for history that keeps coming in."""
AT_ONCE = 500
"""Metering points looked at together; bounds memory, and how long the watch waits for the numpy of one portion."""
FEW_DAYS = 60
"""For more days fewer metering points are looked at together."""
OVER = "数据恢复正常 · the data are as they should be again"
AGAIN = 2
"""An alert's text is made anew whenever it stands so many times as long as when it was made last."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What one inspection says about some enterprises."""

    rules: tuple[str, ...]
    usccs: frozenset[str]
    findings: Sequence[Finding]


class Inspections:
    """Runs every inspection when an hour or day of a zone has ended and settled, once at the start, and when history
    has come in."""

    def __init__(self, db: Database, rules: Iterable[Inspection], deliver: Callable[[Inspected], None]) -> None:
        self._db = db
        self._rules = tuple(rules)
        self._deliver = deliver
        self._done: dict[tuple[str, str], int] = {}
        """Until when (rule, zone) was looked at."""
        self._known = 0
        """Grows with every change of registry or thresholds: what was begun before it is done again."""
        self._history: int | None = None
        """When back-filled readings came last since then."""
        self._began = 0
        """When the first of them came."""
        self._oldest = 0
        """The oldest of them."""
        self._kept: int | None = None
        """The oldest that the database knows of, for another watch to take over; None: it was not asked yet."""

    def history_came(self, now: int, oldest: int) -> None:
        """Back-filled readings, the oldest of this time, were stored: what was looked at may look otherwise now. The
        hour that goes on is not history."""
        if oldest >= (now - SETTLED["hour"]) // HOUR * HOUR:
            return
        if self._history is None:
            self._began, self._oldest = now, oldest
        self._oldest, self._history = min(self._oldest, oldest), now

    def forget(self) -> None:
        """Registry or thresholds have changed: look again at all but what is costly."""
        costly = {rule.name for rule in self._rules if rule.costly}
        self._known += 1
        self._done = {key: past for key, past in self._done.items() if key[0] in costly}

    async def turn(self, points: PointTable, now: int) -> None:
        """Run what is due. Raises Unavailable."""
        oldest = await self._come_in(now)
        if oldest is None:
            return
        zones = {point.zone for point in points.points.values()}
        due = [(rule, zone, closed(rule, zone, now)) for rule in self._rules for zone in zones]
        due = [(rule, zone, past) for rule, zone, past in due if self._done.get((rule.name, zone)) != past]
        if due:
            await self._look(points, due, oldest)
        if oldest < now and self._history is None:
            async with self._db.connection() as conn:
                await history.set_uninspected(conn, None)
            self._kept = FOREVER

    async def _look(self, points: PointTable, due: Sequence[tuple[Inspection, str, int]], oldest: int) -> None:
        """Run inspections of zones up to an instant, and as far back as history has come in."""
        async with self._db.connection() as conn:
            there = by_zone(places(await history.sites(conn), points))
            limits = Thresholds(await thresholds.read(conn))
        known = self._known
        for rule, zone, past in due:
            try:
                await self._run(rule, there.get(zone, []), limits, past, oldest)
            except Unavailable:
                raise
            except Exception:  # supervisor: a rule that fails must stop neither the others nor the watch for silence
                log.exception("inspection %s failed in %s; it is left out until its next time", rule.name, zone)
            if rule.costly or known == self._known:
                self._done[rule.name, zone] = past

    async def _come_in(self, now: int) -> int | None:
        """How far back history has come in that is to be looked at now; `now`: there is none. None: it is coming in
        still, and what is half there may look like a fault."""
        async with self._db.connection() as conn:
            if self._kept is None:
                known = await history.uninspected(conn)
                self._kept = FOREVER if known is None else known
                if known is not None:
                    self.history_came(now, known)
            if self._history is None:
                return now
            if self._oldest < self._kept:
                await history.set_uninspected(conn, self._oldest)
                self._kept = self._oldest
        if now - self._history <= QUIET:
            return None if now - self._began < LONGEST else now
        self._history = None
        self._done = {key: past for key, past in self._done.items() if past <= self._oldest}
        return self._oldest

    async def _run(self, rule: Inspection, there: Sequence[Place], limits: Thresholds, past: int, oldest: int) -> None:
        """Look at what an inspection sees anyhow, and as far back as history has come in."""
        days = min(max(0, -((oldest - past) // DAY)), REACH)
        for portion in portions(there, max(1, AT_ONCE * FEW_DAYS // max(days, FEW_DAYS))):
            async with self._db.connection() as conn:
                found = await inspect(conn, rule, portion, limits, past, days)
            self._deliver(Inspected(rule.rules, frozenset(place.subject.uscc for place in portion), found))


def closed(rule: Inspection, zone: str, now: int) -> int:
    """The end of the last hour or day of a zone that has settled."""
    if rules()[rule.rules[0]].period == "hour":
        return (now - SETTLED["hour"]) // HOUR * HOUR
    where = ZoneInfo(zone)
    day = datetime.fromtimestamp((now - SETTLED["day"]) / MICROSECOND, where)
    return int(datetime(day.year, day.month, day.day, tzinfo=where).timestamp()) * MICROSECOND


def portions(there: Sequence[Place], at_once: int = AT_ONCE) -> Iterator[list[Place]]:
    """Whole enterprises, about so many metering points at a time; they come sorted by enterprise."""
    portion: list[Place] = []
    for place in there:
        if len(portion) >= at_once and place.subject.uscc != portion[-1].subject.uscc:
            yield portion
            portion = []
        portion.append(place)
    if portion:
        yield portion


async def inspect(
    conn: Connection, rule: Inspection, there: Sequence[Place], limits: Thresholds, past: int, days: int = 0
) -> list[Finding]:
    """What the rule finds at these places of one zone, in the `days` before `past` and as far back as it must see to
    judge them."""
    chosen = asked(rule, there, limits)
    if not chosen:
        return []
    back = max(rule.lookback(own) for place, own in chosen if wanted(rule, place, own))
    looked_at, own = [place for place, _ in chosen], [limits for _, limits in chosen]
    start = before(past, back + days, looked_at[0].subject.zone)
    data = await load(conn, rule, looked_at, own, start, past)
    names = {(p.subject.uscc, p.subject.metering_point) for p, one in chosen if wanted(rule, p, one)}
    found = await asyncio.to_thread(lambda: list(rule.find(data, own)))
    found = [one for one in found if (one.subject.uscc, one.subject.metering_point) in names]
    return [one for one in found if one.ended is None or one.onset > start]


def asked(rule: Inspection, there: Sequence[Place], limits: Thresholds) -> list[tuple[Place, Limits]]:
    """The places to be loaded, with their thresholds."""
    pairs = [(place, rule.limits(limits, place)) for place in there]
    chosen = [(place, own) for place, own in pairs if wanted(rule, place, own)]
    if not rule.together or not chosen:
        return chosen
    usccs = {place.subject.uscc for place, _ in chosen}
    return [(place, own) for place, own in pairs if place.subject.uscc in usccs]


def wanted(rule: Inspection, place: Place, limits: Limits) -> bool:
    return bool(limits["enabled"]) and rule.applies(place, limits)


def before(past: int, days: int, zone: str) -> int:
    """The same time of day so many days earlier."""
    where = ZoneInfo(zone)
    at = datetime.fromtimestamp(past / MICROSECOND, where) - timedelta(days=days)
    return int(at.timestamp()) * MICROSECOND


@dataclass(frozen=True, slots=True)
class _Told:
    """What was told of a running episode, last at an instant."""

    rule: str
    onset: int
    at: int
    severity: str

    def due(self, finding: Finding, now: int) -> bool:
        """Whether it is to be told anew: it has become worse, or has stood long enough since."""
        worse = SEVERITIES.index(finding.severity) > SEVERITIES.index(self.severity)
        return worse or now - self.onset >= AGAIN * (self.at - self.onset)


class Standing:
    """The running episodes of inspections."""

    def __init__(self, running: Iterable[Running]) -> None:
        self._told = {one.key: _Told(one.rule, one.onset, one.updated, one.severity) for one in running}
        self._past: set[tuple[str, int]] = set()
        """Key and onset of what was over when it was found: told once, also by the database."""

    def compare(self, inspected: Inspected, now: int, changes: Changes) -> None:
        """Add to `changes` what turns the episodes into what was found. It counts as done: when writing it fails, begin
        anew from the database."""
        standing = {one.key: one for one in inspected.findings if one.ended is None}
        for key, told in list(self._told.items()):
            if told.rule in inspected.rules and _uscc(key) in inspected.usccs and key not in standing:
                self._end(key, inspected.findings, now, changes)
        for key, finding in standing.items():
            if key not in self._told:
                changes.opened.append(finding)
                self._told[key] = _Told(finding.rule, finding.onset, now, finding.severity)
            elif self._told[key].due(finding, now):
                changes.updated.append(finding)
                self._told[key] = replace(self._told[key], at=now, severity=finding.severity)
        over = [one for one in inspected.findings if one.ended is not None]
        changes.past += [one for one in over if (one.key, one.onset) not in self._past]
        self._past.update((one.key, one.onset) for one in over)

    def _end(self, key: str, findings: Sequence[Finding], now: int, changes: Changes) -> None:
        """What was told under a key stands no more: it is over, or the rule has come to see in it another class."""
        told = self._told.pop(key)
        mine = [one for one in findings if _what(one.key) == _what(key) and (one.ended or now) >= told.onset]
        whole = next((one for one in reversed(mine) if one.key == key), None)
        heir = next((one for one in mine if one.key not in self._told), None)
        if whole is not None and whole.ended is not None:
            changes.ended.append(Ending(key, whole.ended, OVER, whole))
            self._past.add((key, whole.onset))
        elif heir is None:
            changes.ended.append(Ending(key, now, OVER))
        else:
            changes.ended.append(Ending(key, now, OVER, by=heir.key))
            changes.opened.append(heir)
            if heir.ended is None:
                self._told[heir.key] = _Told(heir.rule, told.onset, now, heir.severity)
            else:
                changes.ended.append(Ending(heir.key, heir.ended, OVER, heir))
                self._past.add((heir.key, heir.onset))


def _uscc(key: str) -> str:
    return _what(key).partition("/")[0]


def _what(key: str) -> str:
    """Keys are `rule:uscc/what`."""
    return key.partition(":")[2]
