"""What a rule is asked, and what it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args
from zoneinfo import ZoneInfo

from config.quantities import QUANTITIES
from config.rules import Limits
from config.samples import MICROSECOND

if TYPE_CHECKING:
    from alerts.history import History, Place, Table
    from alerts.thresholds import Thresholds

Severity = Literal["info", "warning", "critical"]
SEVERITIES = get_args(Severity)
"""From mild to grave."""
_NAMED = 3
"""Quantities a sentence names; the evidence names all."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a finding is about: a metering point, a device (the meter at `metering_point`), or the gateway at `address`
    (then neither metering point nor meter is named)."""

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
    grace: int
    """How long the rule that is asked lets a reading be overdue."""
    missing: int
    """Readings missing of the quantity that lacks most."""
    quantities: tuple[str, ...]
    """Those that are silent."""
    behind: tuple[Subject, ...] = ()
    """Of a gateway: the devices that are reached by it."""


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
    members: tuple[int, ...] = ()
    """Ids of the metering points concerned, where it is not about a single one."""


class SilenceRule(Protocol):
    """A rule about readings that stay away."""

    @property
    def name(self) -> str: ...

    def key(self, subject: Subject) -> str:
        """Names the subject under this rule; one episode per key runs at a time."""
        ...

    def find(self, silence: Silence) -> Finding | None:
        """What is to be said about a silence; None while it is within what the rule allows."""
        ...


class Inspection:
    """A rule that looks at closed data of many metering points every so often. Pure: the same history, the same
    findings."""

    name: ClassVar[str]
    tells: ClassVar[tuple[str, ...]] = ()
    """The rules it tells of; none: its own name alone."""
    severity: ClassVar[Severity] = "warning"
    needs: ClassVar[tuple[tuple[Table, str], ...]] = ()
    """What of the history is to be loaded, of which quantity; "" is the register that counts the carrier."""
    together: ClassVar[bool] = False
    """Looks at all metering points of an enterprise, also when it is asked about some."""
    costly: ClassVar[bool] = False
    """Takes minutes for a city: not run again before its time when registry or thresholds change."""

    @property
    def rules(self) -> tuple[str, ...]:
        return self.tells or (self.name,)

    def limits(self, thresholds: Thresholds, place: Place) -> Limits:
        """The thresholds that hold at a metering point."""
        return self._of(thresholds, self.name, place)

    def _of(self, thresholds: Thresholds, rule: str, place: Place) -> Limits:
        return thresholds.of(rule, place.carrier, place.subject.uscc, place.subject.metering_point)

    def applies(self, place: Place, limits: Limits) -> bool:
        """Whether it has something to look at there; cheap, before anything is loaded."""
        return bool(place.register)

    def lookback(self, limits: Limits) -> int:
        """How many days back it must see to judge the last one."""
        return 1

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        """All findings of the history, those that are over too; `limits` holds the thresholds of each place."""
        raise NotImplementedError

    def finding(
        self,
        place: Place,
        span: tuple[int, int | None],
        texts: tuple[str, str],
        evidence: dict[str, Any],
        *,
        amount: float | None = None,
        severity: Severity | None = None,
        part: str = "",
    ) -> Finding:
        """About a metering point; `span`: onset and end, None while it lasts; `texts`: what is the matter, in Chinese
        and English, without the full stop; `part`: tells apart findings of this rule that stand side by side there."""
        subject, (onset, ended) = place.subject, span
        return Finding(
            rule=self.name,
            key=f"{self.name}:{subject.uscc}/{subject.metering_point}{part and ':'}{part}",
            severity=severity or self.severity,
            subject=subject,
            onset=onset,
            ended=ended,
            zh=f"计量点 {subject.metering_point}（{subject.name}）{texts[0]}。",
            en=f"Metering point {subject.metering_point} ({subject.name}): {texts[1]}.",
            evidence=evidence,
            amount=amount,
        )


def clock(instant: int, zone: str) -> str:
    """Date and time of day in the enterprise's zone, for sentences."""
    return _local(instant, zone).strftime("%Y-%m-%d %H:%M:%S")


def date(instant: int, zone: str) -> str:
    """The day in the enterprise's zone, for sentences."""
    return _local(instant, zone).strftime("%Y-%m-%d")


def number(value: float) -> str:
    """A measured value for sentences: no more digits than one reads."""
    size = abs(value)
    if size >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}".removesuffix(".0") if size >= 10 else f"{value:.4g}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def iso(instant: int, zone: str) -> str:
    return _local(instant, zone).isoformat()


def last_reading(silence: Silence) -> tuple[str, str]:
    """The last reading before the silence, in Chinese and English."""
    if silence.last is None:
        return "从未收到读数", "none has ever come"
    last = clock(silence.last, silence.subject.zone)
    return f"最近一条为 {last}", f"the last one is of {last}"


def quantities_zh(names: tuple[str, ...]) -> str:
    """Names for a sentence: the first few where there are many."""
    told = "、".join(QUANTITIES[name].zh for name in names[:_NAMED])
    return told if len(names) <= _NAMED else f"{told}等 {len(names)} 个量"


def quantities_en(names: tuple[str, ...]) -> str:
    """Names for a sentence: the first few where there are many."""
    told = "; ".join(QUANTITIES[name].en for name in names[:_NAMED])
    return told if len(names) <= _NAMED else f"{told}; and {len(names) - _NAMED} more"


def evidence(silence: Silence) -> dict[str, Any]:
    """The numbers behind a finding about silence."""
    zone = silence.subject.zone
    return {
        "since": iso(silence.since, zone),
        "until": iso(silence.until, zone),
        "last_reading": None if silence.last is None else iso(silence.last, zone),
        "cadence_s": silence.cadence // MICROSECOND,
        "grace_s": silence.grace // MICROSECOND,
        "missing": silence.missing,
        "quantities": list(silence.quantities),
        "address": silence.subject.address,
    }


def _local(instant: int, zone: str) -> datetime:
    return datetime.fromtimestamp(instant // MICROSECOND, UTC).astimezone(ZoneInfo(zone))
