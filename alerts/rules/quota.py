"""The allowance of a month or a year, used up or about to be."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from alerts.finding import Finding, Inspection, Severity, number, percent
from alerts.history import History, Place
from config.rules import Limits
from config.samples import MICROSECOND

_Period = Literal["monthly", "annual"]
_WORDS = {"monthly": ("月度", "month"), "annual": ("年度", "year")}


class Quota(Inspection):
    """About a metering point with an allowance of its own, also a virtual one. Months and years are the zone's; what is
    exceeded is critical, what will be at the rate so far a warning."""

    name = "quota"
    needs = (("daily", ""),)
    together = True

    def applies(self, place: Place, limits: Limits) -> bool:
        counted = bool(place.register or place.formula)
        return counted and (limits["monthly"] is not None or limits["annual"] is not None)

    def lookback(self, limits: Limits) -> int:
        return 366 if limits["annual"] is not None else 31

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        row_of = {(one.subject.uscc, one.subject.metering_point): row for row, one in enumerate(history.places)}
        zone = ZoneInfo(history.zone)
        days = [datetime.fromtimestamp(at / MICROSECOND, zone).date() for at in history.days[:-1].tolist()]
        periods: tuple[_Period, ...] = ("monthly", "annual")
        for place, own in zip(history.places, limits, strict=True):
            wanted = [period for period in periods if own[period] is not None and self.applies(place, own)]
            values = _daily(history, place, row_of) if wanted else []
            for period in wanted:
                yield from self._period(history, values, place, days, period, own)

    def _period(
        self, history: History, values: Sequence[float], place: Place, days: list[date], period: _Period, limits: Limits
    ) -> Iterator[Finding]:
        used, first, allowed = 0.0, 0, float(limits[period])
        for index, day in enumerate(days):
            if index and _begin(period, day) != _begin(period, days[index - 1]):
                used, first = 0.0, index
            used += values[index]
            begin, length = _begin(period, day), _length(period, day)
            gone = ((day - begin).days + 1) / length
            expected = used / gone
            over = used > allowed or (gone >= limits["elapsed"] and expected > allowed)
            ends = index + 1 < len(days) and _begin(period, days[index + 1]) != begin
            if days[first] == begin and over and (ends or index + 1 == len(days)):
                yield self._found(history, place, period, (begin, length), (used, expected, allowed), gone, ends)

    def _found(
        self,
        history: History,
        place: Place,
        period: _Period,
        span: tuple[date, int],
        amounts: tuple[float, float, float],
        gone: float,
        over: bool,
    ) -> Finding:
        (begin, length), (used, expected, allowed) = span, amounts
        zh_word, en_word = _WORDS[period]
        unit, part = place.unit, percent(gone)
        ended = _instant(begin + timedelta(days=length), history.zone) if over else None
        severity: Severity = "critical" if used > allowed else "warning"
        zh = f"{begin} 起的{zh_word}定额 {number(allowed)} {unit}，期间过去 {part} 已用 {number(used)} {unit}"
        en = (
            f"of the allowance of {number(allowed)} {unit} for the {en_word} from {begin}, {number(used)} {unit} are "
            f"used when {part} of it are over"
        )
        if used <= allowed:
            zh += f"，按此推算将用 {number(expected)} {unit}"
            en += f"; at this rate it will be {number(expected)} {unit}"
        evidence = {
            "period": period, "from": str(begin), "allowed": allowed, "used": used, "expected": expected,
            "elapsed": gone,
        }  # fmt: skip
        onset = _instant(begin, history.zone)
        amount = max(used, expected) - allowed
        return self.finding(place, (onset, ended), (zh, en), evidence, amount=amount, severity=severity, part=period)


def _daily(history: History, place: Place, row_of: Mapping[tuple[str, str], int]) -> list[float]:
    """What a metering point used each day; 0 where that is not known. That of a virtual one is known where all its
    parts' are."""
    value, uscc = history.daily[""].value, place.subject.uscc
    found: list[float]
    if not place.formula:
        found = np.nan_to_num(value[row_of[uscc, place.subject.metering_point]]).tolist()
        return found
    rows = [row_of.get((uscc, code)) for code in place.formula]
    if None in rows:
        return [0.0] * value.shape[1]
    shares = np.array(list(place.formula.values()))
    found = np.nan_to_num(shares @ value[np.array(rows)]).tolist()
    return found


def _begin(period: _Period, day: date) -> date:
    return day.replace(day=1) if period == "monthly" else day.replace(month=1, day=1)


def _length(period: _Period, day: date) -> int:
    """Days of the month or year."""
    if period == "monthly":
        return calendar.monthrange(day.year, day.month)[1]
    return 366 if calendar.isleap(day.year) else 365


def _instant(day: date, zone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * MICROSECOND


RULE = Quota()
