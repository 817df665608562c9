"""Meters whose verification (检定) or calibration ends soon or has ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.finding import Finding, Inspection
from alerts.history import History, Place
from config.rules import Limits
from config.samples import MICROSECOND


class VerificationDue(Inspection):
    """About the meter that stands at a metering point now, from some days before its verification ends."""

    name = "verification_due"

    def applies(self, place: Place, limits: Limits) -> bool:
        return place.verified_until is not None

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        zone = ZoneInfo(history.zone)
        today = datetime.fromtimestamp(history.past / MICROSECOND, zone).date()
        for place, own in zip(history.places, limits, strict=True):
            until = place.verified_until
            if until is None or (until - today).days > own["days"]:
                continue
            left, meter = (until - today).days, place.subject.meter
            begin = until - timedelta(days=own["days"])
            onset = int(datetime(begin.year, begin.month, begin.day, tzinfo=zone).timestamp()) * MICROSECOND
            if left >= 0:
                texts = (
                    f"的计量器具 {meter} 检定有效期至 {until}，还有 {left} 天",
                    f"the verification of meter {meter} ends on {until}, in {left} d",
                )
            else:
                texts = (
                    f"的计量器具 {meter} 检定有效期至 {until}，已过期 {-left} 天",
                    f"the verification of meter {meter} ended on {until}, {-left} d ago",
                )
            found = self.finding(
                place,
                (onset, None),
                texts,
                {"meter": meter, "verified_until": str(until), "days_left": left},
                severity="warning" if left >= 0 else "critical",
            )
            yield replace(found, key=f"{self.name}:{place.subject.uscc}/{meter}")


RULE = VerificationDue()
