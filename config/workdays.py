"""Working days, and by when a fault of data acquisition is to be repaired.

Monday to Friday are worked but for the public holidays of `data/holidays.toml`, and so are the weekend days it names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config import datafile
from config.datafile import wrong
from config.errors import ConfigError, Fault

SHIPPED = Path(str(files("config").joinpath("data/holidays.toml")))
REPAIR_DAYS = 3
"""Within which a fault of data acquisition is to be repaired. Second-hand, of the national platform of key energy-using
units: hao3537.com/xinwendongtai/781.html."""
_DAY = timedelta(days=1)


class Span(BaseModel):
    """Days off, both ends included."""

    model_config = ConfigDict(extra="forbid")

    first: date
    last: date


class Year(BaseModel):
    """The holidays of a year. `worked`: weekend days that are worked."""

    model_config = ConfigDict(extra="forbid")

    year: int = Field(ge=1970, le=2199)
    source: str = Field(min_length=1)
    verified: bool
    off: list[Span]
    worked: list[date] = []

    @model_validator(mode="after")
    def _in_order(self) -> Year:
        for span in self.off:
            if span.last < span.first:
                raise wrong(f"the days off from {span.first} end before that", "put the later day last")
        for day in (*self.worked, *(one for span in self.off for one in (span.first, span.last))):
            if day.year != self.year:
                raise wrong(f"{day} is not in {self.year}", "put it into the year it belongs to")
        for day in self.worked:
            if day.weekday() < 5:
                raise wrong(f"{day} is no weekend day", "name only weekend days that are worked")
        return self


class Table(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    year: list[Year]


@dataclass(frozen=True, slots=True)
class Calendar:
    """`off`: weekdays or not, nobody works; `worked`: weekend days that are worked."""

    off: frozenset[date] = field(default_factory=frozenset)
    worked: frozenset[date] = field(default_factory=frozenset)

    def works(self, day: date) -> bool:
        return day in self.worked or (day.weekday() < 5 and day not in self.off)


@dataclass(frozen=True, slots=True)
class RepairClock:
    """Within how many working days of which calendar gaps are to be repaired."""

    days: int
    calendar: Calendar

    def due(self, start: datetime) -> datetime:
        """The midnight that ends the last of these working days after the day of `start`, in its zone."""
        day, left = start.date(), self.days
        while left > 0:
            day += _DAY
            left -= self.calendar.works(day)
        return datetime.combine(day + _DAY, time(), start.tzinfo)

    def overdue_by(self, now: datetime) -> date:
        """The last day of which what began then is overdue at `now`, in its zone."""
        day = now.date() - _DAY
        while self.due(datetime.combine(day, time(), now.tzinfo)) > now:
            day -= _DAY
        return day


def load(file: Path) -> dict[int, Year]:
    """The years in a file. Raises ConfigError with every fault in it."""
    text, raw = datafile.read(file)
    try:
        years = sorted(Table.model_validate(raw).year, key=lambda one: one.year)
    except ValidationError as error:
        raise ConfigError(list(datafile.faults(file, text, error, Table))) from None
    for one, other in pairwise(years):
        if one.year == other.year:
            raise ConfigError([Fault(str(file), f"{one.year} is there twice", "remove one of them")])
    return {one.year: one for one in years}


@cache
def calendar(own: Path | None = None) -> Calendar:
    """The shipped years, and those of a user's file in place of them. Raises ConfigError."""
    years = (load(SHIPPED) | (load(own) if own else {})).values()
    spans = [span for year in years for span in year.off]
    off = (span.first + _DAY * n for span in spans for n in range((span.last - span.first).days + 1))
    return Calendar(frozenset(off), frozenset(day for year in years for day in year.worked))
