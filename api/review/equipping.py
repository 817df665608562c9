"""How well an enterprise is equipped with instruments 能源计量器具配备 against the edition of GB 17167 in force.

Pure functions of the metering points to be measured and of the instruments as they stood at an instant.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from config.gb17167 import Category, categories, rank, rates, standard, usual

Row = Mapping[str, Any]
Verification = Literal["in_date", "expired", "unknown"]
Judgement = Literal["meets", "fails", "unknown"]


def equipping(wanted: Sequence[Row], instruments: Sequence[Row], day: date) -> dict[str, Any]:
    """Equipping rates, accuracy classes and verification coverage on a day, with the edition the figures are of."""
    used = [row for row in instruments if row["metering_point"] is not None and row["state"] != "out_of_use"]
    equipped = {row["metering_point"] for row in used}
    return {
        "edition": standard().in_force(day).model_dump(),
        "rates": list(_rates(wanted, equipped)),
        "unequipped": [dict(row) for row in wanted if row["code"] not in equipped],
        "accuracy": list(_accuracy(used)),
        "verification": _verification(used),
    }


def _rates(wanted: Iterable[Row], equipped: set[str]) -> Iterator[dict[str, Any]]:
    """A line per kind of energy and level: 配备率 = installed / needed x 100 %."""
    places: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for row in wanted:
        places[rates()[row["carrier"]].energy, row["level"]].append(row["code"])
    by_energy = {rate.energy: rate for rate in rates().values()}
    for (energy, level), codes in sorted(
        places.items(), key=lambda item: (list(by_energy).index(item[0][0]), item[0][1])
    ):
        rate = by_energy[energy]
        installed, demanded = sum(code in equipped for code in codes), rate.levels[level - 1]
        share = 100 * installed / len(codes)
        yield {
            **rate.model_dump(include={"energy", "zh", "en", "edition", "source", "verified"}),
            "level": level,
            "needed": len(codes),
            "installed": installed,
            "rate": round(share, 2),
            "demanded": demanded,
            "meets": share >= demanded,
        }


def category_of(row: Row) -> Category:
    """The kind of an instrument: its own, or the usual one of the carrier it measures."""
    return categories()[row["category"] or usual().get(row["carrier"] or "", "other")]


def judged(row: Row) -> Judgement:
    """Whether an instrument is accurate enough for its place, as far as its class and the demand are known."""
    demanded = rank(row["required_class"] or "") or rank(category_of(row).loosest or "")
    own = rank(row["accuracy_class"])
    if demanded is None or own is None:
        return "unknown"
    return "meets" if own <= demanded else "fails"


def verification(row: Row) -> Verification:
    """Whether an instrument's verification holds on the day the row was asked for."""
    if row["days_left"] is None:
        return "unknown"
    return "in_date" if row["days_left"] >= 0 else "expired"


def _accuracy(used: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """A line per kind of instruments."""
    kinds: defaultdict[str, list[Row]] = defaultdict(list)
    for row in used:
        kinds[category_of(row).code].append(row)
    for code, category in categories().items():
        if code not in kinds:
            continue
        verdicts = Counter(judged(row) for row in kinds[code])
        classes = Counter(row["accuracy_class"] or "?" for row in kinds[code])
        yield {
            "category": code,
            **category.model_dump(include={"zh", "en", "limits", "edition", "source", "verified"}),
            "total": len(kinds[code]),
            "classes": [{"accuracy_class": name, "count": count} for name, count in sorted(classes.items())],
            **{word: verdicts[word] for word in ("meets", "fails", "unknown")},
        }


def _verification(used: Sequence[Row]) -> dict[str, Any]:
    """Coverage = instruments inside a valid verification / all in use (FACTS: the index 准确 of DB53/T 1116)."""
    counted = Counter(verification(row) for row in used)
    coverage = round(100 * counted["in_date"] / len(used), 2) if used else None
    return {
        "total": len(used),
        **{word: counted[word] for word in ("in_date", "expired", "unknown")},
        "coverage": coverage,
    }
