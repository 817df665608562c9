"""How long an alert may wait before it is told again or goes up a step, and how soon a new one is the old one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from config.samples import MICROSECOND

HOUR = 3600 * MICROSECOND
FORM = "hours by severity, for example critical=4,warning=24; a severity left out never"
_PART = re.compile(r"\s*(critical|warning|info)\s*=\s*(\d{1,4}(?:\.\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Patience:
    """Microseconds; by severity where it is left out: never."""

    flap: int
    """An episode that comes back within this time of its end is the same; so long is its end not told."""
    remind: Mapping[str, int]
    """After so long that nobody has acknowledged an alert, and again and again, it is told anew."""
    escalate: Mapping[str, int]
    """After so long it goes up a step, once."""


def by_severity(text: str) -> dict[str, int]:
    """Microseconds by severity from a setting. Raises ValueError for a text of another form."""
    found: dict[str, int] = {}
    for part in text.split(",") if text.strip() else ():
        match = _PART.fullmatch(part)
        if match is None or match[1] in found or float(match[2]) == 0:
            raise ValueError(f"must be {FORM}")
        found[match[1]] = int(float(match[2]) * HOUR)
    return found
