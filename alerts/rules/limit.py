"""A register that rose more than its meter can count; that energy is not booked."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.finding import clock, number
from alerts.history import Place, Told
from alerts.verdicts import VerdictRule
from config.samples import MICROSECOND


class Limit(VerdictRule):
    name = "limit"
    kinds = ("limit",)
    needs = (("verdicts", "limit"),)

    def texts(self, place: Place, episode: Sequence[Told], energy: float, zone: str) -> tuple[str, str]:
        last, minutes = clock(episode[-1].start, zone), episode[-1].elapsed // (60 * MICROSECOND)
        rise = f"{number(episode[-1].energy)} {place.unit}"
        whole = f"{number(energy)} {place.unit}"
        return (
            f"累计量在 {last} 之前 {minutes} 分钟内上升 {rise}，超过额定能力；"
            f"近期共 {len(episode)} 次，计 {whole} 未计入用量",
            f"the register rose by {rise} within {minutes} min up to {last}, more than the meter can count; "
            f"{len(episode)} × lately, {whole} in all are not booked",
        )


RULE = Limit()
