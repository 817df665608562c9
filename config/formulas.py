"""Formulas of virtual metering points: what their consumption is the sum of, and what can be wrong with that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeAlias

from config.carriers import carriers
from config.errors import Fault
from config.quantities import QUANTITIES
from config.registry_models import Enterprise, MeteringPoint

if TYPE_CHECKING:
    from config.registry_checks import Registry

Formula: TypeAlias = Mapping[str, float]
"""Code of a metering point of the same enterprise -> its share, from -1 to 1."""
_ROUNDING = 1e-9


def metered_parts(formulas: Mapping[str, Formula]) -> dict[str, dict[str, float]]:
    """Of each virtual metering point, the metered ones it comes down to with their shares. Raises CycleError."""
    found: dict[str, dict[str, float]] = {}
    for code in TopologicalSorter({code: list(formula) for code, formula in formulas.items()}).static_order():
        if code in formulas:
            total: defaultdict[str, float] = defaultdict(float)
            for part, share in formulas[code].items():
                for metered, inner in found.get(part, {part: 1.0}).items():
                    total[metered] += share * inner
            found[code] = dict(total)
    return found


def check_formulas(registry: Registry, enterprise: Enterprise) -> Iterator[Fault]:
    """Every fault in the formulas of an enterprise but unknown parts."""
    points = {point.code: point for point in enterprise.metering_points}
    virtual = {point.code: point.formula for point in points.values() if point.formula}

    def where(code: str, key: str) -> str:
        return registry.where("metering_point", enterprise.uscc, code, key)

    for code in virtual:
        if points[code].quantities:
            what = "a virtual metering point keeps nothing itself"
            yield Fault(where(code, "quantities"), what, "drop it; quantities belong to the parts")
        for part in virtual[code]:
            if part in points and points[part].carrier != points[code].carrier:
                what = f"{part} counts {_counted(points[part])}, {code} {_counted(points[code])}"
                yield Fault(where(code, "formula"), what, "make it of metering points of the same carrier")
    try:
        parts = metered_parts(virtual)
    except CycleError as error:
        circle = error.args[1][::-1]
        yield Fault(where(circle[0], "formula"), f"is made of itself: {' > '.join(circle)}", "break the circle")
        return
    for code, what in _counted_twice(points, virtual, parts):
        yield Fault(where(code, "boundary"), what, "let each count once: set `boundary: false`, or correct the shares")


def _counted(point: MeteringPoint) -> str:
    return f"{point.carrier} in {QUANTITIES[carriers()[point.carrier].quantity].unit}"


def _counted_twice(
    points: Mapping[str, MeteringPoint], virtual: Mapping[str, Formula], parts: Mapping[str, Formula]
) -> Iterator[tuple[str, str]]:
    """(virtual boundary point, what is wrong) where something enters the enterprise's total more than once."""
    total: defaultdict[str, float] = defaultdict(float)
    for code in virtual:
        if not points[code].boundary:
            continue
        for part in sorted(_made_of(code, virtual)):
            if part in points and points[part].boundary:
                yield code, f"counts for the enterprise's total, and its part {part} does so too"
        for metered, share in parts[code].items():
            before, total[metered] = total[metered], total[metered] + share
            if before <= 1 + _ROUNDING < total[metered]:
                yield code, f"with it {metered} counts {total[metered]:g} times in the enterprise's total"


def _made_of(code: str, virtual: Mapping[str, Formula]) -> set[str]:
    """All metering points that a virtual one is made of, virtual ones in between too."""
    found: set[str] = set()
    waiting = [code]
    while waiting:
        new = set(virtual.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found
