"""Readings of a metering point are missing: overdue by more than the grace."""

from __future__ import annotations

from alerts.finding import Finding, Silence, Subject, clock, evidence, last_reading, quantities_en, quantities_zh
from config.samples import MICROSECOND


class Gap:
    """About a metering point: all its silent quantities in one finding."""

    name = "gap"

    def key(self, subject: Subject) -> str:
        return f"gap:{subject.uscc}/{subject.metering_point}"

    def find(self, silence: Silence) -> Finding | None:
        if silence.until - silence.since <= silence.grace:
            return None
        zh, en = _sentences(silence)
        return Finding(
            rule=self.name,
            key=self.key(silence.subject),
            severity="warning",
            subject=silence.subject,
            onset=silence.since,
            ended=None if silence.lasting else silence.until,
            zh=zh,
            en=en,
            evidence=evidence(silence),
        )


def _sentences(silence: Silence) -> tuple[str, str]:
    subject, every = silence.subject, silence.cadence // MICROSECOND
    since, until = clock(silence.since, subject.zone), clock(silence.until, subject.zone)
    last_zh, last_en = last_reading(silence)
    zh = f"计量点 {subject.metering_point}（{subject.name}）自 {since} 起缺数：应每 {every} 秒一条读数，{last_zh}，"
    en = (
        f"Metering point {subject.metering_point} ({subject.name}) lacks readings since {since}: "
        f"one is expected every {every} s, {last_en}, "
    )
    if silence.lasting:
        zh += f"截至 {until} 每个量已缺 {silence.missing} 条"
        en += f"{silence.missing} of each quantity are missing by {until}"
    else:
        zh += f"{until} 恢复，每个量共缺 {silence.missing} 条"
        en += f"they came again at {until}, {silence.missing} of each quantity are missing"
    return f"{zh}（{quantities_zh(silence.quantities)}）。", f"{en} ({quantities_en(silence.quantities)})."


RULE = Gap()
