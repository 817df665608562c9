"""A register that runs backwards."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.finding import clock, number
from alerts.history import Place, Told
from alerts.verdicts import VerdictRule


class Reverse(VerdictRule):
    name = "reverse"
    kinds = ("reverse",)
    needs = (("verdicts", "reverse"),)

    def texts(self, place: Place, episode: Sequence[Told], energy: float, zone: str) -> tuple[str, str]:
        since, until = clock(episode[0].start, zone), clock(episode[-1].end, zone)
        whole = f"{number(abs(energy))} {place.unit}"
        return (
            f"累计量在 {since} 至 {until} 间倒走 {len(episode)} 次，至少 {whole}：请检查接线方向与送电方向",
            f"the register ran backwards {len(episode)} × between {since} and {until}, by at least {whole}: check "
            "how it is wired and which way energy flows",
        )


RULE = Reverse()
