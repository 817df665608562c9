"""What is at stake in findings: energy, coal equivalent and money, to rank alerts by.

A rule that knows the energy says so. Where readings are missing it is what the metering point usually uses in that
time: the average of its last four weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.finding import Finding
from config.carriers import carriers
from config.factors import Factor, NoFactor, spans
from config.prices import Price, price
from config.samples import MICROSECOND
from storage import alerts as table
from storage.alerts import Place

if TYPE_CHECKING:
    from storage.database import Connection

HOUR = 3600 * MICROSECOND
USUAL = 28 * 24 * HOUR


@dataclass(frozen=True, slots=True)
class Worth:
    """Energy in the carrier's canonical unit, tce (当量), CNY; None: unknown."""

    amount: float | None = None
    tce: float | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """What turns energy into tce and money."""

    factors: Sequence[Factor]
    prices: Sequence[Price]

    def worth(self, place: Place, amount: float, day: date) -> Worth:
        """Of an amount of a place's carrier on a day there."""
        try:
            coal = spans(self.factors, place.carrier, "tce", place.region, day, day)[0][1].scale("tce")
        except NoFactor:
            coal = None
        cost = price(self.prices, place.carrier, place.region, day)
        return Worth(
            amount,
            None if coal is None else float(coal) * amount,
            None if cost is None else cost.per_canonical * amount,
        )


async def worths(conn: Connection, findings: Sequence[Finding], rates: Rates, now: int) -> list[Worth]:
    """What is at stake in each finding."""
    ids = {number for finding in findings for number in _members(finding)}
    places = await table.places(conn, sorted(ids)) if ids else {}
    lacking = {
        number: _register(places[number])
        for finding in findings
        for number in _members(finding)
        if number in places and finding.amount is None and _register(places[number]) in _silent(finding)
    }
    usual = await table.usual(conn, lacking, now - USUAL, now) if lacking else {}
    found = []
    for finding in findings:
        parts = [
            _part(finding, number, places[number], usual, rates, now)
            for number in _members(finding)
            if number in places
        ]
        found.append(parts[0] if len(parts) == 1 else _sum(parts))
    return found


def _members(finding: Finding) -> Sequence[int]:
    """Ids of the metering points concerned."""
    own = finding.subject.metering_point_id
    return finding.members if own is None else (own,)


def _part(finding: Finding, number: int, place: Place, usual: Mapping[int, float], rates: Rates, now: int) -> Worth:
    """At one of its metering points."""
    amount = finding.amount
    if amount is None and number in usual and _register(place) in _silent(finding):
        amount = usual[number] * ((finding.ended or now) - finding.onset) / HOUR
    return Worth() if amount is None else rates.worth(place, amount, _day(finding, place))


def _sum(parts: Sequence[Worth]) -> Worth:
    """Of several metering points: coal and money add up, energies of different carriers do not."""
    tce = [part.tce for part in parts if part.tce is not None]
    money = [part.money for part in parts if part.money is not None]
    return Worth(None, sum(tce) if tce else None, sum(money) if money else None)


def _silent(finding: Finding) -> Sequence[str]:
    """The quantities that a finding says are missing."""
    quantities: Sequence[str] = finding.evidence.get("quantities", ()) if "missing" in finding.evidence else ()
    return quantities


def _register(place: Place) -> str:
    """The quantity that counts a metering point's consumption."""
    carrier = carriers()[place.carrier]
    return carrier.export if place.direction == "export" and carrier.export else carrier.quantity


def _day(finding: Finding, place: Place) -> date:
    return datetime.fromtimestamp(finding.onset // MICROSECOND, UTC).astimezone(ZoneInfo(place.zone)).date()
