"""What an alert rests on: the consumption around it, as known when it was found and as known now, beside the course it
is compared with, and the thresholds it was judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from alerts.thresholds import Thresholds
from api import balance
from api.buckets import FIXED, INTERVALS, Interval, edges, word
from api.composition import Composition, composition
from api.consumption import Buckets, source
from api.expected import longest_interval
from api.live import multiplier
from api.services import Services
from api.times import DAY, microseconds, parse
from config import clocks
from config.carriers import carriers
from config.quality import Quality
from config.rules import rules
from config.samples import MICROSECOND, Instants, Values
from storage import thresholds, views
from storage.points import PointTable
from storage.views import Sight

MOST = 400 * DAY
NOT_OF_CONSUMPTION = ("verification_due",)
"""Rules that say nothing of a course."""
SETTLED = 4
"""Intervals of a metering point after which nothing of them is awaited any more."""
WEEKS = 4
"""Weeks before the onset of which the usual course is made."""
WEEK = 7 * DAY
HOUR = DAY // 24
_SHORTEST: dict[str, Interval] = {"balance": "1d", "quota": "1d", "power_energy": "1h"}
"""Of rules that do not judge quarters of an hour."""
_PERIOD: dict[str, Interval] = {"monthly": "1mo", "annual": "1y"}


@dataclass(frozen=True, slots=True)
class Frame:
    """Buckets of the excerpt."""

    interval: Interval
    step: int | None
    at: Instants
    zone: str

    @property
    def name(self) -> str:
        return word(self.step) if self.step and self.step != FIXED[self.interval] else self.interval

    def moved(self, start: int, past: int) -> Frame:
        """The same of another stretch."""
        return replace(self, at=edges(self.interval, start, past, self.zone, step=self.step))


@dataclass(frozen=True, slots=True)
class Reference:
    """The course that the consumption is compared with, a value per bucket; NaN: unknown."""

    kind: str
    zh: str
    en: str
    value: Values


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The course around a finding."""

    made: Composition
    frame: Frame
    now: Buckets
    found: Buckets | None
    """As known when it was found; None: nothing was."""
    settled: NDArray[np.bool_]
    """Buckets that were over then, and long enough for their readings to have come."""
    reference: Reference

    @property
    def about(self) -> dict[str, str]:
        return {"quantity": self.made.quantity, "unit": self.made.unit, "interval": self.frame.name}

    @property
    def changed(self) -> bool:
        """Whether something that was shown then is shown otherwise now."""
        if self.found is None:
            return False
        then = ~np.isnan(self.found.value) & (self.found.quality != Quality.MISSING) & self.settled
        same = np.isclose(self.found.value, self.now.value, rtol=1e-9, atol=0)
        return bool((then & ~same).any())


async def excerpt(
    served: Services, seen: Sight, alert: Mapping[str, Any], made: Composition, found_at: int, now: int
) -> Excerpt:
    """The consumption that `made` counts, around an alert of its metering point."""
    framed = frame(alert, made, alert["zone"])
    there = await views.points_at(served.database, await served.registry(), found_at)
    before = made_of(there, alert)
    return Excerpt(
        made,
        framed,
        await known(served, made, framed, now),
        await known(served, before, framed, found_at) if before else None,
        framed.at[1:] <= found_at - SETTLED * longest_interval(made.points, int(framed.at[0]), int(framed.at[-1])),
        await reference(served, seen, alert, made, framed, now),
    )


def made_of(table: PointTable, alert: Mapping[str, Any]) -> Composition | None:
    """The register an alert is about, or what counts its metering point; None: it has none, or was never metered."""
    if alert["metering_point"] is None:
        return None
    where = alert["uscc"], alert["metering_point"]
    point = table.by_metering_point.get(where, {}).get(alert["excerpt"]["quantity"] or "")
    if point is not None and table.points[point].register:
        return Composition.of(table.points[point])
    return composition(table, *where)


def frame(alert: Mapping[str, Any], made: Composition, zone: str) -> Frame:
    """Short buckets for a short excerpt, whole days for rules that judge days; at most 400 days, the last ones."""
    start, past = (parse(alert["excerpt"][end]) for end in ("from", "to"))
    start = max(start, past - MOST)
    days = (past - start) / DAY
    suits: Interval = "1d" if days > 31 else "1h" if days > 3 else "15m"
    interval = max(suits, _SHORTEST.get(alert["rule"], suits), key=INTERVALS.index)
    step = (
        max(FIXED[interval], longest_interval(made.points, start, past) // MICROSECOND) if interval in FIXED else None
    )
    return Frame(interval, step, edges(interval, start, past, zone, step=step, series=len(made.points)), zone)


async def known(served: Services, made: Composition, framed: Frame, at: int) -> Buckets:
    """The buckets as shown at an instant."""
    table = source(framed.interval, framed.step or 0)
    rows = await views.consumption(served.database, made.ids, table, int(framed.at[0]), int(framed.at[-1]), at)
    return made.buckets(rows, framed.at, at, None)


async def reference(
    served: Services, seen: Sight, alert: Mapping[str, Any], made: Composition, framed: Frame, now: int
) -> Reference:
    """What the rule compares with, where that is a course; else the usual one."""
    if alert["rule"] == "balance":
        rows = await views.metering_points(served.database, seen, enterprise=alert["uscc"])
        for node in balance.nodes(await served.registry(), rows):
            if node.row["code"] == alert["metering_point"] and node.children is not None:
                below = (await known(served, node.children, framed, now)).value
                return Reference("below", "其下级计量点之和", "sum of the metering points below it", below)
    if alert["rule"] == "quota" and alert["evidence"].get("period") in _PERIOD:
        return allowance(alert["evidence"], framed)
    if alert["rule"] == "power_energy" and (power := await integrated(served, alert, framed)) is not None:
        return power
    onset = parse(alert["onset"])
    before = framed.moved(onset - WEEKS * WEEK, onset)
    past = await known(served, made, before, now)
    value = np.where(past.quality == Quality.MISSING, np.nan, past.value)
    zh = f"平常用量：此前 {WEEKS} 周同一星期几、同一时刻的中位数"
    en = f"usual course: median of the same weekday and time of the {WEEKS} weeks before"
    return Reference("usual", zh, en, usual(value, before, framed))


async def integrated(served: Services, alert: Mapping[str, Any], framed: Frame) -> Reference | None:
    """Power, or a flow, added up: the mean of each hour's readings; unknown where an hour has none."""
    table, first, last = await served.registry(), int(framed.at[0]), int(framed.at[-1])
    quantities = table.by_metering_point.get((alert["uscc"], alert["metering_point"]), {})
    point = table.points.get(quantities.get(carriers()[alert["carrier"]].flow, 0))
    if point is None:
        return None
    hours = await views.reading_hours(served.database, point.id, first, last)
    inside = hours.hour >= first  # days of some zones begin within an hour
    hour = hours.hour[inside]
    power = np.abs(hours.mean[inside]) * np.array([multiplier(point, at) for at in hour.tolist()])
    place = np.searchsorted(framed.at, hour, "right") - 1
    count, value = (np.bincount(place, weights, len(framed.at) - 1) for weights in (None, power))
    whole = count == np.diff(framed.at) // HOUR
    return Reference(
        "power", "功率（流量）按小时积分", "power (or flow) added up by the hour", np.where(whole, value, np.nan)
    )


def allowance(evidence: Mapping[str, Any], framed: Frame) -> Reference:
    """The allowance of a month or year, evenly."""
    begin = microseconds(datetime.fromisoformat(f"{evidence['from']}T12:00:00+00:00"))
    period = edges(_PERIOD[evidence["period"]], begin, begin + 1, framed.zone)
    share = np.diff(framed.at) / (period[-1] - period[0])
    inside = (framed.at[:-1] >= period[0]) & (framed.at[:-1] < period[-1])
    value = np.where(inside, float(evidence["allowed"]) * share, np.nan)
    return Reference("allowance", "定额平均到每天", "the allowance, evenly", value)


def usual(value: Values, before: Frame, framed: Frame) -> Values:
    """The median of past values by their place in the week of the zone's clock."""
    slots, weeks = _places(before)
    table = np.full((int(weeks.max(initial=0)) + 1, int(slots.max(initial=0)) + 1), np.nan)
    table[weeks, slots] = value
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # a place of which nothing is known has no median
        median = np.nanmedian(table, axis=0)
    wanted, _ = _places(framed)
    return np.where(wanted < len(median), median[np.minimum(wanted, len(median) - 1)], np.nan)


def _places(framed: Frame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each bucket: its number in the week of the zone's clock, and the week, from the first one on."""
    wall = clocks.local(framed.at[:-1], framed.zone)
    width = framed.step * MICROSECOND if framed.step else DAY
    week = wall // WEEK
    return wall % WEEK // width, week - (week[0] if len(week) else 0)


async def judged_by(served: Services, alert: Mapping[str, Any], carrier: str, found_at: datetime) -> dict[str, Any]:
    """The rule and its thresholds for the metering point, when the alert was found and now."""
    name = alert["rule"]
    rule = rules().get(name)
    if rule is None:
        return {"rule": name, "zh": name, "en": name, "verified": False, "software": _software(), "thresholds": []}
    async with served.database.connection() as conn:
        settings = await thresholds.read_at(conn, found_at), await thresholds.read(conn)
    where = carrier, alert["uscc"], alert["metering_point"] or ""
    then, now = (Thresholds(one).of(name, *where) for one in settings)
    return {
        "rule": name,
        "zh": rule.about_zh,
        "en": rule.about_en,
        "verified": rule.verified,
        "software": _software(),
        "thresholds": [
            {"key": key, "zh": one.zh, "en": one.en, "unit": one.unit, "then": then[key], "now": now[key]}
            for key, one in rule.thresholds.items()
        ],
    }


def _software() -> str:
    return f"wanjia {version('wanjia')}"
