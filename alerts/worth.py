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
    ids = {finding.subject.metering_point_id for finding in findings} - {None}
    places = await table.places(conn, [number for number in ids if number is not None]) if ids else {}
    silent = {}
    for finding in findings:
        number = finding.subject.metering_point_id
        if number in places and finding.amount is None and _register(places[number]) in _silent(finding):
            silent[number] = _register(places[number])
    usual = await table.usual(conn, silent, now - USUAL, now) if silent else {}
    found = []
    for finding in findings:
        place = places.get(finding.subject.metering_point_id or 0)
        amount = _amount(finding, place, usual, now)
        found.append(Worth() if place is None or amount is None else rates.worth(place, amount, _day(finding, place)))
    return found


def _amount(finding: Finding, place: Place | None, usual: Mapping[int, float], now: int) -> float | None:
    if finding.amount is not None or place is None or _register(place) not in _silent(finding):
        return finding.amount
    per_hour = usual.get(finding.subject.metering_point_id or 0)
    hours = ((finding.ended or now) - finding.onset) / HOUR
    return None if per_hour is None else per_hour * hours


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
