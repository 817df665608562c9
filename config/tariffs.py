"""Tariff periods 尖峰平谷 as a dated calendar: rows of `data/tariffs.toml`.

A plan holds in regions and on days of the enterprise's zone; its first rule that fits a day says when on the clock
which period is in force. What no period takes is flat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import combinations, pairwise
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config import datafile
from config.datafile import wrong
from config.errors import ConfigError, Fault
from config.factors import Dated

Period: TypeAlias = Literal["sharp", "peak", "flat", "valley", "deep_valley"]
PERIODS: tuple[Period, ...] = get_args(Period)
NAMES = {
    "sharp": ("尖", "sharp peak"), "peak": ("峰", "peak"), "flat": ("平", "flat"), "valley": ("谷", "valley"),
    "deep_valley": ("深谷", "deep valley"),
}  # fmt: skip
"""Chinese and English."""
DayType: TypeAlias = Literal["workday", "weekend", "holiday"]
MIDNIGHT = 24 * 60

SHIPPED = Path(str(files("config").joinpath("data/tariffs.toml")))
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


class Rule(BaseModel):
    """The periods of some days: spans like `10:00-12:00` of the local clock, `24:00` being the day's end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = tuple(range(1, 13))
    days: tuple[DayType, ...] = get_args(DayType)
    sharp: tuple[str, ...] = ()
    peak: tuple[str, ...] = ()
    valley: tuple[str, ...] = ()
    deep_valley: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> Rule:
        spans = self.spans()
        for (_, past, one), (start, _, other) in pairwise(spans):
            if start < past:
                raise wrong(f"{one} and {other} overlap at {_clock(start)}", "let each time have one period")
        return self

    def spans(self) -> list[tuple[int, int, Period]]:
        """(first minute, end, period) in order of the clock, without flat. Raises for a text that is no span."""
        found = [(*_minutes(text), name) for name in PERIODS if name != "flat" for text in getattr(self, name)]
        return sorted(found)

    def fits(self, month: int, kind: DayType) -> bool:
        return month in self.months and kind in self.days

    def clock(self) -> tuple[tuple[int, Period], ...]:
        """(minute of the day, the period from then on), from minute 0 on."""
        found: list[tuple[int, Period]] = [(0, "flat")]
        for start, past, name in self.spans():
            found = [*(found[:-1] if found[-1][0] == start else found), (start, name), (past, "flat")]
        return tuple(found[:-1] if found[-1][0] == MIDNIGHT else found)


def _minutes(text: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(text)
    if not match:
        raise wrong(f"{text!r} is not a span of the clock", "write it like 10:00-12:00")
    hour, minute, past_hour, past_minute = map(int, match.groups())
    start, past = hour * 60 + minute, past_hour * 60 + past_minute
    if not start < past <= MIDNIGHT:
        raise wrong(f"{text!r} does not end after its start", "split what runs over midnight in two, e.g. 22:00-24:00")
    return start, past


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


class Tariff(Dated):
    """A plan. `holidays`: days that are neither workday nor weekend; `workdays`: weekend days that are worked."""

    name: str = Field(min_length=1)
    holidays: tuple[date, ...] = ()
    workdays: tuple[date, ...] = ()
    rule: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Tariff:
        for month in range(1, 13):
            for kind in get_args(DayType):
                if not any(rule.fits(month, kind) for rule in self.rule):
                    raise wrong(f"no rule fits a {kind} in month {month}", "add a rule without months and days")
        return self

    def day(self, day: date) -> Rule:
        """The rule of a day."""
        kind: DayType = "weekend" if day.weekday() >= 5 and day not in self.workdays else "workday"
        if day in self.holidays:
            kind = "holiday"
        return next(rule for rule in self.rule if rule.fits(day.month, kind))


class Table(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    tariff: list[Tariff]


class NoTariff(LookupError):
    """No plan holds in a region on a day."""

    def __init__(self, region: str, day: date) -> None:
        super().__init__(f"no tariff plan holds in region {region or 'unknown'} on {day}")


def load(file: Path) -> tuple[Tariff, ...]:
    """The plans in a file. Raises ConfigError with every fault in it."""
    text, raw = datafile.read(file)
    try:
        rows = Table.model_validate(raw).tariff
    except ValidationError as error:
        raise ConfigError(list(datafile.faults(file, text, error, Table))) from None
    clashing = list(_clashing(file, text, rows))
    if clashing:
        raise ConfigError(clashing)
    return tuple(rows)


def _clashing(file: Path, text: str, rows: list[Tariff]) -> Iterator[Fault]:
    for (_, one), (second, other) in combinations(enumerate(rows), 2):
        if one.clashes(other):
            place = datafile.where(file, text, ("tariff", second))
            yield Fault(place, f"holds on the same days as {one.name}", "give one of them a valid_to or another region")


@cache
def tariffs(own: Path | None = None) -> tuple[Tariff, ...]:
    """The plans of a user's file, which go before, and the shipped ones. Raises ConfigError."""
    return (*(load(own) if own else ()), *load(SHIPPED))


def tariff(known: Sequence[Tariff], region: str, day: date) -> Tariff:
    """The plan of a day: that of the smallest region around, the first of equals. Raises NoTariff."""
    fitting = [(fit, one) for one in known if one.on(day) and (fit := one.within(region)) is not None]
    if not fitting:
        raise NoTariff(region, day)
    return max(fitting, key=lambda pair: pair[0])[1]
