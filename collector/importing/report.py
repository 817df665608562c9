"""What became of the rows of files: how many are taken, how many refused and why, with the first of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

SHOWN = 20
"""Refused cells shown with their line; all are counted."""


class Reason(Enum):
    """Why a value is not taken: the field at fault, what is wrong, what to do."""

    CELLS = ("row", "has more or fewer cells than the header", "put quotes around texts that hold the delimiter")
    QUOTE = ("row", "a quote is not closed in its line", "close it; texts over several lines cannot be read")
    ENCODING = ("row", "is not in the file's encoding", "save the file as UTF-8, or name its encoding (csv: encoding:)")
    NO_TIME = ("time", "is empty", "give each row a time")
    BAD_TIME = ("time", "is not a time as the format says", "correct it, or give the format (time: format:)")
    NO_ZONE = ("time", "does not say how far it is from UTC", "declare the zone (time: zone:)")
    CLOCK_CHANGE = ("time", "the zone's clock showed it twice or never", "write it with its offset from UTC")
    EARLY = ("time", "is before the year 2000", "correct the time")
    OLD = ("time", "is before what is kept of readings", "leave it out, or keep more (WANJIA_RETENTION_DAYS)")
    FUTURE = ("time", "is more than 5 minutes in the future", "correct the time, its format or its zone")
    NO_VALUE = ("value", "is empty", "leave the row out; nothing was read")
    BAD_VALUE = ("value", "is not a number", "correct it, or say how decimals are written (csv: decimal:)")
    NOT_FINITE = ("value", "is not a finite number", "leave the row out; nothing was read")
    NO_ENTERPRISE = ("uscc", "there is no such enterprise in the registry", "correct it, or register it")
    NO_QUANTITY = ("quantity", "is not known", "use a name of ours, or translate it (quantities:)")
    NO_UNIT = ("unit", "does not measure this quantity", "correct the unit")
    NEITHER = ("meter", "not exactly one of meter and metering_point is given", "give one of them")
    NO_METER = ("meter", "the enterprise has no such meter", "correct it, or register it")
    NO_PLACE = (
        "metering_point",
        "the enterprise has no such metering point with a meter",
        "correct it, or register it",
    )
    NOT_KEPT = ("quantity", "is not kept of this meter or metering point", "add it to the registry, or leave it out")
    NOT_INSTALLED = ("time", "no meter was installed there then", "correct the time, or the installation's dates")

    @property
    def field(self) -> str:
        return self.value[0]

    @property
    def what(self) -> str:
        return self.value[1]

    @property
    def fix(self) -> str:
        return self.value[2]


REASONS = tuple(Reason)


class Example(NamedTuple):
    """A refused cell: `place` is `file:line column`."""

    place: str
    cell: str
    reason: Reason

    def __str__(self) -> str:
        cell = f" {self.cell!r}" if self.cell else ""
        return f"{self.place}:{cell} {self.reason.what}; {self.reason.fix}"


@dataclass(slots=True)
class Report:
    """Counts of readings; a row of a wide file is as many readings as it has filled cells."""

    accepted: int = 0
    empty: int = 0
    """Cells of wide files without a reading."""
    refused: Counter[Reason] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    unused: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """File -> columns that nothing was taken from."""
    damaged: list[str] = field(default_factory=list)
    """Files that could not be read to their end."""
    shown: int = SHOWN

    @property
    def wanting(self) -> int:
        """How many more examples are wanted."""
        return max(self.shown - len(self.examples), 0)

    def text(self, accepted: str) -> str:
        """For people; `accepted` says what became of the readings taken."""
        lines = [f"{file}: not used: {', '.join(columns)}" for file, columns in self.unused.items() if columns]
        lines += self.damaged
        lines += [str(example) for example in self.examples]
        refused = self.refused.total()
        if refused > len(self.examples):
            lines.append(f"… and {refused - len(self.examples)} more")
        lines += [f"{count:>12} {reason.field}: {reason.what}" for reason, count in self.refused.most_common()]
        lines.append(f"{self.accepted} readings {accepted}, {refused} refused")
        if self.empty:
            lines[-1] += f", {self.empty} cells empty"
        return "\n".join(lines)
