"""Checks of a registry as a whole: what is wrong between objects that are right by themselves.

`storage` runs the same checks on the registry as it would be after an apply; objects that come from the database have
no place in a file and are named as such.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations, pairwise
from typing import TypeVar

from config.carriers import carriers
from config.errors import Fault
from config.formulas import check_formulas
from config.payload import PayloadMapping
from config.profile import Profile
from config.quantities import QUANTITIES, Ratio
from config.registry_file import Block
from config.registry_models import DRIVERS, Enterprise, Installation, Meter, MeteringPoint
from config.rules import Setting

T = TypeVar("T")

REQUEST_S = 0.002
"""Least time of a request on a network."""
TURNAROUND_S = 0.005
"""Least time a meter behind a serial line takes before it answers."""
_BITS, _OVERHEAD, _HOLE = 11, 13, 8
"""Bits of a byte on a serial line; bytes of request and reply around the registers; registers worth reading along."""
_ELECTRIC = frozenset({"kWh", "kvarh", "kW", "kvar", "kVA", "V", "A", "1", "Hz"})
_FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Registry:
    """Enterprises with what they refer to, and where each object stands in the file."""

    profiles: Mapping[str, Profile]
    mappings: Mapping[str, PayloadMapping]
    enterprises: list[Enterprise] = field(default_factory=list)
    places: dict[tuple[str, str, str], Block] = field(default_factory=dict)
    """(enterprise, metering_point or meter; uscc; code, empty for the enterprise) -> its block; of thresholds
    (threshold; scope; rule)."""
    thresholds: list[Setting] | None = None
    """None: the file says nothing of thresholds."""
    _registers: dict[tuple[str, str, str], tuple[Ratio, float | None, float]] = field(default_factory=dict)

    def where(self, kind: str, uscc: str, code: str, key: str = "") -> str:
        """Place of an object, or of one of its keys, in the file; those only the database knows are named."""
        block = self.places.get((kind, uscc, code))
        if block is None:
            return f"database {kind.replace('_', ' ')} {uscc}/{code} {key}".rstrip()
        return block.where(key)

    def where_installation(self, uscc: str, meter: Meter, index: int, key: str) -> str:
        """Place of a key of a meter's n-th installation, whether written short or as a list."""
        block = self.places.get(("meter", uscc, meter.code))
        listed = block.get("installations") if block is not None else None
        if isinstance(listed, list) and index < len(listed) and isinstance(listed[index], Block):
            return str(listed[index].where(key))
        return self.where("meter", uscc, meter.code, key)

    def quantities_of(self, meter: Meter, point: MeteringPoint) -> tuple[str, ...]:
        """What is kept of a meter at a metering point; with neither mapping nor profile the carrier's own two."""
        carrier = carriers()[point.carrier]
        given = self._given(meter) or point.quantities or (carrier.quantity, carrier.flow)
        kept = given if point.quantities is None else point.quantities
        return tuple(quantity for quantity in given if quantity in kept and measures(quantity, point.carrier))

    def expected(self, meter: Meter, point: MeteringPoint, quantity: str) -> bool:
        """Whether a quantity is due at every reading: those of a profile, those the metering point lists, and the one
        that counts the carrier. What else a mapping may give can be absent without being missing."""
        by_profile = not meter.mapping and meter.profile in self.profiles
        return by_profile or point.quantities is not None or quantity in counting(point)

    def _given(self, meter: Meter) -> tuple[str, ...] | None:
        if meter.mapping in self.mappings:
            return self.mappings[meter.mapping].quantities
        return self.profiles[meter.profile].quantities if meter.profile in self.profiles else None

    def register(self, meter: Meter, quantity: str) -> tuple[Ratio, float | None, float]:
        """Ratios still to be applied, modulus and resolution of a meter's quantity, by its mapping or profile.

        Of a meter with neither, the installation's ratios are known alone, and they are there to be applied.
        """
        key = (meter.mapping, meter.profile, quantity)
        if key not in self._registers:
            self._registers[key] = self._register(*key)
        return self._registers[key]

    def _register(self, mapping: str, profile: str, quantity: str) -> tuple[Ratio, float | None, float]:
        if mapping in self.mappings:
            value = self.mappings[mapping].value(quantity)
            return self.mappings[mapping].ratio(quantity), value.canonical_modulus, value.canonical_resolution
        if profile in self.profiles:
            register = self.profiles[profile].register(quantity)
            return register.ratio, register.canonical_modulus, register.canonical_resolution
        return QUANTITIES[quantity].ratio, None, 0.0

    def source(self, meter: Meter) -> str:
        """What decides which quantities a meter gives, in words."""
        if meter.mapping:
            return f"mapping {meter.mapping}"
        return f"profile {meter.profile}" if meter.profile else f"meter {meter.code} without profile and mapping"


def counting(point: MeteringPoint) -> tuple[str, ...]:
    """The register that counts what passes a metering point; where energy leaves, its opposite may do so."""
    carrier = carriers()[point.carrier]
    if point.direction == "export" and carrier.export:
        return carrier.quantity, carrier.export
    return (carrier.quantity,)


def measures(quantity: str, carrier: str) -> bool:
    """Whether a quantity says something of a carrier: electrical ones of electricity, all others of the rest."""
    return (QUANTITIES[quantity].unit in _ELECTRIC) == (carrier == "electricity")


def check(registry: Registry) -> Iterator[Fault]:
    """Every fault between objects of the registry."""
    for enterprise in registry.enterprises:
        yield from _parents(registry, enterprise)
        yield from _quantities(registry, enterprise)
        yield from check_formulas(registry, enterprise)
        yield from _calorific_values(registry, enterprise)
        points = {point.code: point for point in enterprise.metering_points}
        for meter in enterprise.meters:
            yield from _installations(registry, enterprise.uscc, meter, points)
        yield from _one_meter_at_a_time(registry, enterprise)
    yield from _addresses(registry)
    yield from _lines(registry)


def _parents(registry: Registry, enterprise: Enterprise) -> Iterator[Fault]:
    points = {point.code: point for point in enterprise.metering_points}
    for point in points.values():
        where = registry.where("metering_point", enterprise.uscc, point.code, "parent")
        if point.parent not in points:
            continue
        chain = _chain(point, points)
        if chain[-1] == point.code and chain.index(point.code) == len(chain) - 1:
            yield Fault(where, f"is its own parent: {' > '.join([point.code, *chain])}", "break the circle")
        elif points[point.parent].level >= point.level:
            what = f"parent {point.parent} of level {points[point.parent].level} is not above level {point.level}"
            yield Fault(where, what, "give another parent, or correct the levels (1 is the top)")


def _chain(point: MeteringPoint, points: Mapping[str, MeteringPoint]) -> list[str]:
    """Codes of parents upwards, until the top or until one comes again."""
    chain: list[str] = []
    above = point.parent
    while above is not None and above not in chain:
        chain.append(above)
        above = points[above].parent if above in points else None
    return chain


def _quantities(registry: Registry, enterprise: Enterprise) -> Iterator[Fault]:
    for point in enterprise.metering_points:
        for quantity in point.quantities or ():
            if not measures(quantity, point.carrier):
                fitting = [name for name in QUANTITIES if measures(name, point.carrier)]
                yield Fault(
                    registry.where("metering_point", enterprise.uscc, point.code, "quantities"),
                    f"{quantity} does not measure {point.carrier}",
                    f"use some of {', '.join(fitting)}",
                )


def _calorific_values(registry: Registry, enterprise: Enterprise) -> Iterator[Fault]:
    """Two values of one fuel for the same days."""
    for (_, one), (place, two) in combinations(enumerate(enterprise.calorific_values), 2):
        if one.clashes(two):
            what = f"{two.carrier} has another value for some of the days from {two.start} on"
            where = registry.where("enterprise", enterprise.uscc, "", "calorific_values")
            yield Fault(f"{where}[{place}]", what, f"give the one from {one.start} a `to`, or correct either")


def _installations(registry: Registry, uscc: str, meter: Meter, points: Mapping[str, MeteringPoint]) -> Iterator[Fault]:
    """Each installation of a meter by itself and against its others."""
    for index, place in enumerate(meter.installations):

        def where(key: str, index: int = index) -> str:
            return registry.where_installation(uscc, meter, index, key)

        if place.at in points and points[place.at].formula:
            fix = "install the meter at one of its parts, or drop the formula"
            yield Fault(where("at"), f"{place.at} is virtual", fix)
        elif place.at in points:
            yield from _measured(registry, meter, points[place.at], where)
        if place.end is not None and place.end <= place.start:
            yield Fault(where("to"), "is not later than `from`", "correct either")
        for earlier, ratio in pairwise(place.all_ratios):
            if not earlier.start < ratio.start < (place.end or _FOREVER):
                what = f"the ratio from {ratio.start.isoformat()} is out of order or out of the installation"
                yield Fault(where("ratios"), what, "list ratios by rising `from`, after the installation's own")
    for (_, one), (later, two) in _overlaps(list(enumerate(meter.installations))):
        yield Fault(
            registry.where_installation(uscc, meter, later, "from"),
            f"meter {meter.code} is still at {one.at} then (from {one.start.isoformat()})",
            f"give the installation at {one.at} a `to` not later than {two.start.isoformat()}",
        )


def _measured(registry: Registry, meter: Meter, point: MeteringPoint, where: Callable[[str], str]) -> Iterator[Fault]:
    """Whether a meter gives what its metering point needs, above all the register that counts the carrier."""
    given = registry.quantities_of(meter, point)
    source = registry.source(meter)
    for quantity in point.quantities or ():
        if quantity not in given and measures(quantity, point.carrier):
            what = f"{source} does not give {quantity}, which {point.code} keeps"
            yield Fault(where("at"), what, f"give the meter another profile, or drop {quantity} from {point.code}")
    if not set(counting(point)) & set(given):
        what = f"{source} does not give {counting(point)[0]}, which counts {point.carrier} at {point.code}"
        yield Fault(where("at"), what, "give another profile or mapping, or correct the carrier or its quantities")


def _one_meter_at_a_time(registry: Registry, enterprise: Enterprise) -> Iterator[Fault]:
    places: defaultdict[str, list[tuple[tuple[Meter, int], Installation]]] = defaultdict(list)
    for meter in enterprise.meters:
        for index, place in enumerate(meter.installations):
            places[place.at].append(((meter, index), place))
    for at, found in places.items():
        for ((first, _), one), ((second, index), two) in _overlaps(found):
            if first.code != second.code:
                yield Fault(
                    registry.where_installation(enterprise.uscc, second, index, "from"),
                    f"meter {first.code} is still at {at} then (from {one.start.isoformat()})",
                    f"give the installation of {first.code} a `to` not later than {two.start.isoformat()}",
                )


def _overlaps(
    places: list[tuple[T, Installation]],
) -> Iterator[tuple[tuple[T, Installation], tuple[T, Installation]]]:
    ordered = sorted(places, key=lambda item: item[1].start)
    for one, two in pairwise(ordered):
        if two[1].start < (one[1].end or _FOREVER):
            yield one, two


def _connected(registry: Registry) -> Iterator[tuple[str, Meter]]:
    for enterprise in registry.enterprises:
        for meter in enterprise.meters:
            if meter.driver is not None and meter.address and meter.enabled:
                yield enterprise.uscc, meter


def _addresses(registry: Registry) -> Iterator[Fault]:
    """Two meters at one address (and unit id)."""
    seen: dict[tuple[str, str, int | None], tuple[str, str]] = {}
    for uscc, meter in _connected(registry):
        key = (str(meter.driver), meter.address.lower(), meter.unit)
        other = seen.setdefault(key, (uscc, meter.code))
        if other == (uscc, meter.code):
            continue
        unit = f" unit {meter.unit}" if meter.unit is not None else ""
        name = other[1] if other[0] == uscc else f"{other[1]} of {other[0]}"
        yield Fault(
            registry.where("meter", uscc, meter.code, "address"),
            f"meter {name} has the address {meter.address}{unit} too",
            "correct the address" + (" or the unit" if unit else ""),
        )


def _lines(registry: Registry) -> Iterator[Fault]:
    """Lines that would need more time for their polls than there is."""
    lines: defaultdict[str, list[tuple[str, Meter]]] = defaultdict(list)
    for uscc, meter in _connected(registry):
        if DRIVERS[str(meter.driver)].units and meter.profile in registry.profiles:
            lines[meter.address.lower()].append((uscc, meter))
    sizes = {name: _requests(profile) for name, profile in registry.profiles.items()}
    for found in lines.values():
        baud = min((meter.baud for _, meter in found if meter.baud), default=None)
        share = sum(poll_seconds(sizes[meter.profile], baud) / meter.every for _, meter in found)
        if share > 1:
            uscc, meter = found[0]
            yield Fault(
                registry.where("meter", uscc, meter.code, "every"),
                f"{meter.address} with {len(found)} meters would be busy {share:.1f} times the time there is",
                f"poll each {share:.1f} times as rarely, or spread them over more lines",
            )


def poll_seconds(sizes: Sequence[int], baud: int | None) -> float:
    """Least time one poll takes its line, by the registers of its requests; `baud`: speed of the serial line behind a
    gateway, None: there is none, or it is unknown."""
    if baud is None:
        return len(sizes) * REQUEST_S
    return sum(TURNAROUND_S + (_OVERHEAD + 2 * size) * _BITS / baud for size in sizes)


def _requests(profile: Profile) -> list[int]:
    """Sizes of the requests a poll takes at least, in registers."""
    runs: list[list[int]] = []
    for register in sorted(profile.registers, key=lambda register: (register.function, register.address)):
        function, start, end = runs[-1] if runs else (0, 0, 0)
        near = function == register.function and register.address <= end + (_HOLE if profile.holes else 0)
        if near and register.end - start <= profile.max_registers:
            runs[-1][2] = max(end, register.end)
        else:
            runs.append([register.function, register.address, register.end])
    return [end - start for _, start, end in runs]
