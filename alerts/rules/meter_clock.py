"""A meter or sender whose own clock is wrong, told by when its readings are received."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alerts.finding import Finding, Inspection, number
from alerts.history import History, Matrix, Stretch, column, lasting, span
from config.rules import Limits

LONG = 12
"""Hours from which on a drift can be told."""


class MeterClock(Inspection):
    """About a metering point whose readings carry the sender's time, by the register that counts its carrier. Nothing
    comes before it is measured, so a time after its receipt is a clock that is ahead; one that is behind looks like a
    slow line and is told only when even the promptest reading of many hours is late. Of back-filled readings nothing
    can be said."""

    name = "meter_clock"
    needs = (("promptest", ""),)

    def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
        delay, seconds = history.promptest, column(limits, "seconds")
        known = np.isfinite(delay)
        for bad, least in ((delay < -seconds, np.ones_like(seconds)), (delay > seconds, column(limits, "hours"))):
            for stretch in lasting(bad & known, known, least):
                yield self._found(history, delay, stretch)

    def _found(self, history: History, delay: Matrix, stretch: Stretch) -> Finding:
        seen = delay[stretch.row, stretch.first : stretch.past]
        hours = np.flatnonzero(np.isfinite(seen))
        off = -float(seen[hours[-1]])
        zh, en = ("快", "ahead of") if off > 0 else ("慢", "behind")
        evidence: dict[str, float] = {"seconds_ahead": off, "hours": len(hours)}
        if len(hours) >= LONG:
            per_day = -float(np.polyfit(hours, seen[hours], 1)[0]) * 24
            evidence["seconds_per_day"] = round(per_day, 2)
        slow_zh, slow_en = ("", "") if off > 0 else ("（或传输迟缓）", ", or its line is slow")
        return self.finding(
            history.places[stretch.row],
            span(stretch, history.hours),
            (
                f"读数自带的时间比接收时间{zh} {number(abs(off))} 秒{slow_zh}，请校时",
                f"the time its readings carry is {number(abs(off))} s {en} when they are received: set the clock"
                f"{slow_en}",
            ),
            evidence,
        )


RULE = MeterClock()
