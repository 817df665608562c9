"""What a rule is asked, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from config.quantities import QUANTITIES
from config.samples import MICROSECOND

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a finding is about: a metering point, or a device (the meter at `metering_point`)."""

    uscc: str
    enterprise_id: int
    enterprise: str
    zone: str
    metering_point_id: int | None
    metering_point: str
    name: str
    meter_id: int | None
    meter: str
    address: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Readings of a subject that did not come. Instants and `cadence` in microseconds."""

    subject: Subject
    since: int
    """When the first missing reading was due."""
    until: int
    """When readings came again, or the time of asking while the silence lasts."""
    lasting: bool
    last: int | None
    """The last reading before it."""
    cadence: int
    missing: int
    """Readings missing of the quantity that lacks most."""
    quantities: tuple[str, ...]
    """Those that are silent."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about a subject now, with the numbers, in Chinese and English."""

    rule: str
    key: str
    severity: Severity
    subject: Subject
    onset: int
    ended: int | None
    zh: str
    en: str
    evidence: dict[str, Any]
    amount: float | None = None
    """Energy at stake, in the canonical unit of the metering point's carrier; None: unknown."""


class Rule(Protocol):
    """One file in alerts/rules, one line in its RULES."""

    @property
    def name(self) -> str: ...
    @property
    def zh(self) -> str: ...
    @property
    def en(self) -> str: ...

    def key(self, subject: Subject) -> str:
        """Names the subject under this rule; one episode per key runs at a time."""
        ...

    def find(self, silence: Silence) -> Finding | None:
        """What is to be said about a silence; None while it is within what the rule allows."""
        ...


def clock(instant: int, zone: str) -> str:
    """Date and time of day in the enterprise's zone, for sentences."""
    return _local(instant, zone).strftime("%Y-%m-%d %H:%M:%S")


def iso(instant: int, zone: str) -> str:
    return _local(instant, zone).isoformat()


def last_reading(silence: Silence) -> tuple[str, str]:
    """The last reading before the silence, in Chinese and English."""
    if silence.last is None:
        return "从未收到读数", "none has ever come"
    last = clock(silence.last, silence.subject.zone)
    return f"最近一条为 {last}", f"the last one is of {last}"


def quantities_zh(names: tuple[str, ...]) -> str:
    return "、".join(QUANTITIES[name].zh for name in names)


def quantities_en(names: tuple[str, ...]) -> str:
    return "; ".join(QUANTITIES[name].en for name in names)


def evidence(silence: Silence, grace: int) -> dict[str, Any]:
    """The numbers behind a finding about silence."""
    zone = silence.subject.zone
    return {
        "since": iso(silence.since, zone),
        "until": iso(silence.until, zone),
        "last_reading": None if silence.last is None else iso(silence.last, zone),
        "cadence_s": silence.cadence // MICROSECOND,
        "grace_s": grace // MICROSECOND,
        "missing": silence.missing,
        "quantities": list(silence.quantities),
        "address": silence.subject.address,
    }


def _local(instant: int, zone: str) -> datetime:
    return datetime.fromtimestamp(instant // MICROSECOND, UTC).astimezone(ZoneInfo(zone))
