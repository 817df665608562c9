"""A gateway is silent: nothing that is reached by its address gives readings any more."""

from __future__ import annotations

from alerts.finding import Finding, Silence, Subject, clock, evidence, last_reading

NAMED = 5
"""Meters named in the sentence; all are counted."""


class Gateway:
    """About an address; takes the place of the findings about each device and metering point behind it."""

    name = "gateway"

    def key(self, subject: Subject) -> str:
        return f"gateway:{subject.uscc}/{subject.address}"

    def find(self, silence: Silence) -> Finding | None:
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
            evidence={**evidence(silence), "meters": [one.meter for one in silence.behind]},
            members=tuple(one.metering_point_id for one in silence.behind if one.metering_point_id is not None),
        )


def _sentences(silence: Silence) -> tuple[str, str]:
    subject, meters = silence.subject, [one.meter for one in silence.behind]
    since, until = clock(silence.since, subject.zone), clock(silence.until, subject.zone)
    last_zh, last_en = last_reading(silence)
    more = len(meters) > NAMED
    zh, en = "、".join(meters[:NAMED]) + (" 等" if more else ""), ", ".join(meters[:NAMED]) + (" …" if more else "")
    end_zh = "仍无数据" if silence.lasting else f"{until} 恢复"
    end_en = f"still silent at {until}" if silence.lasting else f"first readings again at {until}"
    return (
        f"{subject.enterprise} 网关 {subject.address} 自 {since} 起中断：其后 {len(meters)} 台计量器具"
        f"（{zh}）均无读数，{last_zh}，{end_zh}。",
        f"Gateway {subject.address} of {subject.enterprise} is silent since {since}: none of the {len(meters)} meters "
        f"behind it ({en}) gives readings; {last_en}, {end_en}.",
    )


RULE = Gateway()
