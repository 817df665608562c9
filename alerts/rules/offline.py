"""A device is silent: all its readings overdue by more than the grace."""

from __future__ import annotations

from alerts.finding import Finding, Silence, Subject, clock, evidence, last_reading
from config.samples import MICROSECOND


class Offline:
    """About a device; takes the place of the gap findings of its metering point."""

    name = "offline"

    def key(self, subject: Subject) -> str:
        return f"offline:{subject.uscc}/{subject.meter}"

    def find(self, silence: Silence) -> Finding | None:
        if silence.until - silence.since <= silence.grace:
            return None
        zh, en = _sentences(silence)
        return Finding(
            rule=self.name,
            key=self.key(silence.subject),
            severity="critical",
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
    minutes = (silence.until - silence.since) // (60 * MICROSECOND)
    place = f"，{subject.address}" if subject.address else ""
    place_en = f", {subject.address}" if subject.address else ""
    last_zh, last_en = last_reading(silence)
    end_zh = "仍无数据" if silence.lasting else f"{until} 恢复"
    end_en = f"still silent at {until}" if silence.lasting else f"back at {until}"
    count = len(silence.quantities)
    return (
        f"计量器具 {subject.meter}（计量点 {subject.metering_point}{place}）离线：自 {since} 起 {minutes} 分钟内"
        f" {count} 个量均无读数，应每 {every} 秒一条，{last_zh}，每个量缺 {silence.missing} 条，{end_zh}。",
        f"Meter {subject.meter} (metering point {subject.metering_point}{place_en}) is offline: no reading of its "
        f"{count} quantities for {minutes} min since {since}; one is expected every {every} s, {last_en}, "
        f"{silence.missing} of each quantity are missing, {end_en}.",
    )


RULE = Offline()
