"""What a review report is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from api.buckets import edges, midnight
from api.deps import span
from api.problems import bad_parameter
from api.services import Services
from api.times import local
from config.samples import Instants
from storage.columns import instant
from storage.views import Row, Sight

MOST_DAYS = 400


@dataclass(frozen=True)
class Scope:
    """An enterprise (a row of view_enterprises) and whole days of its zone [start, past), as known at `now`."""

    served: Services
    sight: Sight
    owner: Row
    days: Instants
    """Midnights, with the end of the last day."""
    now: int

    @classmethod
    def of(cls, served: Services, sight: Sight, owner: Row, start: str | None, past: str | None, now: int) -> Scope:
        """The days that overlap [start, past), times as queries give them. Raises Problem."""
        if start is None or past is None:
            raise bad_parameter("from" if start is None else "to", "is needed: say which period is reviewed")
        first, last = span(start, past, now, 0)
        days = edges("1d", first, last, owner["zone"])
        if len(days) - 1 > MOST_DAYS:
            raise bad_parameter("from", f"a review covers at most {MOST_DAYS} days; ask for less", "span-too-long")
        if first >= now:
            raise bad_parameter("from", "lies in the future: there is nothing to review yet")
        return cls(served, sight, owner, days, now)

    def require_over(self) -> None:
        """Raises Problem while the period lasts: what it still brings would be missing in a frozen report for good."""
        if self.past > self.now:
            told = f"the period lasts until {self.at(self.past)}: make the review then, or of days that are over"
            raise bad_parameter("to", told)

    @property
    def uscc(self) -> str:
        return str(self.owner["uscc"])

    @property
    def zone(self) -> str:
        return str(self.owner["zone"])

    @property
    def start(self) -> int:
        return int(self.days[0])

    @property
    def past(self) -> int:
        return int(self.days[-1])

    @cached_property
    def whole(self) -> Instants:
        """The period as one bucket."""
        return np.array([self.start, self.past], np.int64)

    @cached_property
    def dates(self) -> list[date]:
        """The days, with the one after the last."""
        return [local(at, self.zone).date() for at in self.days.tolist()]

    def year_before(self) -> Instants:
        """The same days of the year before, as one bucket; February 29 is compared with the 28th."""
        ends = (_year_before(self.dates[0]), _year_before(self.dates[-1]))
        return np.array([midnight(day, ZoneInfo(self.zone)) for day in ends], np.int64)

    def at(self, microseconds: int) -> str:
        """An instant as the report shows it."""
        return local(microseconds, self.zone).isoformat()

    def moment(self, time: datetime | None) -> str | None:
        return None if time is None else time.astimezone(ZoneInfo(self.zone)).isoformat()

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        return instant(self.start), instant(self.past)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
