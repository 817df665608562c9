"""Histories for inspections made of a few lines of TOML: what a test vector says, and nothing else is there.

Metering points are named by their codes: those with a `parent` say so under `places`. `daily`, `quarterly` and `hourly`
hold arrays by `code` or `code.quantity`; `conflicts`, `delays`, `promptest` (seconds, by the hour) and `verdicts` of a
`kind` ([first hour, last, energy]) by code, and so do `proofs` (by how much a day differs) and `doubted` (hours [first,
past) of `load`). `nan` is what is not known.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from alerts.finding import Finding, Subject
from alerts.history import Consumption, History, Matrix, Place, Statistics, Told
from alerts.rules import INSPECTIONS
from config.quality import Quality
from config.quantities import QUANTITIES
from config.rules import rules
from storage.points import Point, Segment
from tests.alerts.world import DAY, HOUR, MINUTE, START, USCC

ZONE = "Asia/Shanghai"
MIDNIGHT = START - 8 * HOUR
"""2026-01-01T00:00+08:00."""


def place(code: str, body: Mapping[str, Any]) -> Place:
    """A metering point with its register, unless it says `register = ""` or has a `formula`; and further
    `quantities`."""
    subject = Subject(USCC, 1, "第一企业", ZONE, 1, code, body.get("name", "总进线"), 1, "M-1", "")
    carrier, virtual = body.get("carrier", "electricity"), "formula" in body
    register = body.get("register", "" if virtual else "active_energy_import")
    counted = "active_energy_import" if virtual else register
    names = [name for name in (register, *body.get("quantities", [])) if name]
    points = {name: _point(number, name, code, carrier) for number, name in enumerate(names, 1)}
    until = body.get("verified_until")
    return Place(
        subject,
        carrier,
        body.get("direction", "import"),
        body.get("parent", ""),
        register,
        QUANTITIES[counted].unit if counted else "",
        points,
        date.fromisoformat(until) if until else None,
        body.get("formula", {}),
    )


def _point(number: int, quantity: str, code: str, carrier: str) -> Point:
    segment = Segment(0, None, 1, 1.0, None, 0.01, None, None, None)
    return Point(number, USCC, 1, 1, code, carrier, quantity, True, ZONE, (segment,), ((0, 900),))


def history(vector: Mapping[str, Any]) -> History:
    """What a vector describes; `days` days from 2026-01-01 on, or `hours`."""
    codes = dict.fromkeys(key.partition(".")[0] for name in _TABLES for key in vector.get(name, {}))
    described = vector.get("places", {})
    places = [place(code, described.get(code, {})) for code in {**described, **codes}]
    past = MIDNIGHT + (vector["hours"] * HOUR if "hours" in vector else vector["days"] * DAY)
    made = History(places, ZONE, MIDNIGHT, past)
    made.daily = {name: _consumption(rows, 86_400) for name, rows in _by_quantity(vector, "daily", made.days, made)}
    made.quarterly = {
        name: _consumption(rows, 900) for name, rows in _by_quantity(vector, "quarterly", made.quarters, made)
    }
    made.hourly = {name: _statistics(rows, vector) for name, rows in _by_quantity(vector, "hourly", made.hours, made)}
    if "load" in vector:
        made.metered[""] = _consumption(
            _rows({code: _load(**one) for code, one in vector["load"].items()}, made, made.hours), 3600
        )
    for row, one in enumerate(places):
        if one.subject.metering_point in vector.get("doubted", {}):
            first, past_hour = vector["doubted"][one.subject.metering_point]
            made.metered[""].quality[row, first:past_hour] = Quality.SUSPECT
    if "conflicts" in vector:
        made.conflicts = _rows(vector["conflicts"], made, made.days)
    if "delays" in vector:
        came = {code: [one[0] for one in days] for code, days in vector["delays"].items()}
        late = {code: [one[1] for one in days] for code, days in vector["delays"].items()}
        made.delays = _rows(came, made, made.days), _rows(late, made, made.days)
    if "promptest" in vector:
        made.promptest = _rows(vector["promptest"], made, made.hours)
    if "proofs" in vector:
        apart = _rows(vector["proofs"], made, made.days)
        made.proofs = np.where(np.isnan(apart), np.nan, apart != 0), apart
    if "verdicts" in vector:
        made.verdicts = [
            Told(row, vector["kind"], MIDNIGHT + first * HOUR, MIDNIGHT + last * HOUR, energy, 15 * MINUTE)
            for row, one in enumerate(made.places)
            for first, last, energy in vector["verdicts"].get(one.subject.metering_point, [])
        ]
    return made


def _load(
    day: list[float], weekend: float = 1.0, changes: Sequence[list[float]] = (), moved: Sequence[list[int]] = ()
) -> list[float]:
    """Hours of half a year from a Thursday on: `day` again and again, with a little noise, at weekends times `weekend`;
    `changes`: [first day, day after the last, factor]; `moved`: [first day, day after the last, hours later]."""
    days = np.arange(182)
    factor = np.where((days + 3) % 7 >= 5, weekend, 1.0)
    for first, past, times in changes:
        factor[int(first) : int(past)] *= times
    noise = 1 + 0.02 * np.random.default_rng(1).standard_normal((len(days), 24))
    hours = np.array(day) * factor[:, None] * noise
    for first, past, later in moved:
        hours[first:past] = np.roll(hours[first:past], later, axis=1)
    found: list[float] = hours.ravel().tolist()
    return found


_TABLES = ("daily", "quarterly", "hourly", "conflicts", "delays", "promptest", "verdicts", "load", "proofs")


def _by_quantity(vector: Mapping[str, Any], table: str, edges: Any, made: History) -> list[tuple[str, Matrix]]:
    found: dict[str, dict[str, Any]] = {}
    for key, values in vector.get(table, {}).items():
        code, _, quantity = key.partition(".")
        found.setdefault(quantity, {})[code] = values
    return [(quantity, _rows(rows, made, edges)) for quantity, rows in found.items()]


def _rows(values: Mapping[str, Any], made: History, edges: Any) -> Matrix:
    """A shorter array is repeated to the end; `{from, step}` rises by so much with every bucket."""
    shape = made.shape(edges)
    found = np.full(shape, np.nan)
    for row, one in enumerate(made.places):
        if one.subject.metering_point in values:
            given = values[one.subject.metering_point]
            if isinstance(given, Mapping):
                found[row] = given["from"] + given["step"] * np.arange(shape[1])
            else:
                found[row] = np.resize(np.array(given, float), shape[1])
    return found


def _consumption(value: Matrix, seconds: int) -> Consumption:
    known = np.isfinite(value)
    covered = np.where(known, float(seconds), 0.0)
    return Consumption(value, covered, covered, np.where(known, Quality.MEASURED, Quality.MISSING).astype(float))


def _statistics(value: Matrix, vector: Mapping[str, Any]) -> Statistics:
    count = np.where(np.isfinite(value), float(vector.get("readings", 4)), 0.0)
    return Statistics(count, value, value, value)


def find(rule: str, vector: Mapping[str, Any]) -> list[Finding]:
    """What the inspection says with its rules' own thresholds, but for those of the vector."""
    made, inspection = history(vector), INSPECTIONS[rule]
    if inspection.tells:
        limits: dict[str, Any] = dict.fromkeys(inspection.tells, True)
    else:
        limits = {**rules()[rule].defaults, "enabled": True}
    if rule == "left_out":
        limits["hours"] = rules()["stale"].defaults["hours"]
    limits |= vector.get("thresholds", {})
    return list(inspection.find(made, [limits] * len(made.places)))
