"""What the detector (alerts/detect) tells of the consumption of metering points: twelve rules, one for each cause."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from alerts.detect import Cause, Detector, Incident
from alerts.finding import Finding, Inspection, clock, number
from alerts.history import Consumption, History, Place
from alerts.phases import CURRENTS
from alerts.thresholds import Thresholds
from config.quality import Quality
from config.rules import Limits

HOUR_S = 3600
_GAIN = ("用量约为应有值的 {factor:.2f} 倍，疑似{zh}", "consumption is {factor:.2f} times what it should be: {en}?")
_ADDED = ("{zh}用量每小时多出平均负荷的 {size:.0%}", "the load {en} is up by {size:.0%} of the mean hour")
_TEXTS: dict[Cause, tuple[tuple[str, str], tuple[str, str]]] = {
    Cause.FROZEN: (("表底停走后一次补上", "the register stood still and then caught up"), ("", "")),
    Cause.ZERO: (("一向有用量处用量为零", "nothing flows where something always did"), ("", "")),
    Cause.SPIKE: (("短时突增", "a short, sharp rise"), ("", "")),
    Cause.SCALE: (_GAIN, ("单位或小数点错误（10 倍）", "a wrong unit or decimal point")),
    Cause.RATIO: (_GAIN, ("互感器变比错误", "a wrong transformer ratio")),
    Cause.LOST_PHASE: (_GAIN, ("缺相（三分之二）", "a lost phase")),
    Cause.LEVEL: (_GAIN, ("用能水平变化", "another level")),
    Cause.DRIFT: (_GAIN, ("计量逐渐漂移", "a slow drift")),
    Cause.NIGHT: (_ADDED, ("夜间", "at night")),
    Cause.WEEKEND: (_ADDED, ("周末", "at weekends")),
    Cause.PATTERN: (
        ("日内曲线变成另一形状，偏离以往达平均负荷的 {size:.0%}",
         "the day has another shape, {size:.0%} of the mean hour off the usual one"),
        ("", ""),
    ),
    Cause.CLOCK: (
        ("日内曲线比以往{zh} {hours:.1f} 小时，疑似时钟偏差", "the day's shape is {hours:.1f} h {en}: a wrong clock?"),
        ("", ""),
    ),
}  # fmt: skip


class Detection(Inspection):
    """About a metering point with intervals of at most an hour, by the hours of the last sixteen weeks that are
    measured and not in doubt. The detector tells nothing in its first four."""

    name = "detection"
    tells = tuple(cause.value for cause in Cause)
    needs = (("hours", ""),)
    costly = True

    def limits(self, thresholds: Thresholds, place: Place) -> Limits:
        """Which causes are told there."""
        enabled = {cause: self._of(thresholds, cause, place)["enabled"] for cause in self.tells}
        return {"enabled": any(enabled.values()), **enabled}

    def applies(self, place: Place, limits: Limits) -> bool:
        point = place.point("")
        return point is not None and all(seconds <= HOUR_S for _, seconds in point.grid)

    def lookback(self, limits: Limits) -> int:
        return 7 * 16

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        consumed = history.metered[""]
        for row, place in enumerate(history.places):
            for incident in self._incidents(history, consumed, row):
                if limits[row][incident.cause.value] and not _known_better(place, incident.cause):
                    yield self._found(place, incident, history.zone)

    def _incidents(self, history: History, consumed: Consumption, row: int) -> list[Incident]:
        measured = (consumed.measured[row] >= HOUR_S - 1) & (consumed.quality[row] < Quality.SUSPECT)
        if not measured.any():
            return []
        first = int(np.argmax(measured))
        detector = Detector(HOUR_S, history.zone)
        value = np.where(measured, consumed.value[row], np.nan)
        detector.feed(history.hours[first:-1], value[first:])
        return detector.incidents

    def _found(self, place: Place, incident: Incident, zone: str) -> Finding:
        (zh, en), (zh_word, en_word) = _TEXTS[incident.cause]
        since = clock(incident.start, zone)
        numbers = {"factor": math.exp(incident.size), "size": abs(incident.size), "hours": abs(incident.size)}
        if incident.cause is Cause.CLOCK:
            zh_word, en_word = ("晚", "late") if incident.size > 0 else ("早", "early")
        zh, en = zh.format(zh=zh_word, **numbers), en.format(en=en_word, **numbers)
        excess = f"{number(abs(incident.excess))} {place.unit}"
        more_zh, more_en = ("多", "more") if incident.excess >= 0 else ("少", "less")
        texts = (
            f"自 {since} 起{zh}，共{more_zh}计 {excess}",
            f"since {since} {en} ({excess} {more_en} than expected so far)",
        )
        evidence: dict[str, Any] = {
            "since": since,
            "size": incident.size,
            "excess": incident.excess,
            **incident.evidence,
        }
        span = incident.start, incident.end
        severity = incident.severity
        found = self.finding(place, span, texts, evidence, amount=abs(incident.excess), severity=severity)
        rule = incident.cause.value
        return replace(found, rule=rule, key=found.key.replace(self.name, rule, 1))


def _known_better(place: Place, cause: Cause) -> bool:
    """Where the currents of the phases are read, rule phase_loss sees what is only inferred here."""
    return cause is Cause.LOST_PHASE and all(phase in place.points for phase in CURRENTS)


RULE = Detection()
