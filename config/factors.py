"""Dated factors that turn consumption into coal equivalent 折标准煤 and CO2: rows of `data/factors.toml`.

Which factor applies is a matter of the day in the enterprise's zone. Values are exact decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from config import datafile
from config.carriers import carriers
from config.datafile import wrong
from config.errors import ConfigError, Fault
from config.quantities import to_canonical

Kind: TypeAlias = Literal["coal", "co2"]
Basis: TypeAlias = Literal["equivalent", "equal", "fuel", "medium", "combustion", "average"]
Unit: TypeAlias = Literal["native", "kgce", "kgce_equal", "tce", "tce_equal", "tco2"]
Verified: TypeAlias = Literal["second-hand"] | bool
"""True: seen in the source itself; second-hand: seen in what cites it; False: from memory, not seen at all."""

SHIPPED = Path(str(files("config").joinpath("data/factors.toml")))
_BASES: dict[str, tuple[str, ...]] = {
    "coal": ("equivalent", "equal", "fuel", "medium"),
    "co2": ("combustion", "average"),
}
_MASS: dict[str, tuple[Kind, Decimal]] = {
    "kgce": ("coal", Decimal(1)),
    "tce": ("coal", Decimal(1000)),
    "kgCO2": ("co2", Decimal(1)),
    "tCO2": ("co2", Decimal(1000)),
}
"""What a factor's unit begins with: its kind, and kilograms."""


class Target(NamedTuple):
    """A derived unit: its symbol, the kind it needs, the bases it takes, best first."""

    symbol: str
    kind: Kind
    bases: tuple[Basis, ...]


TARGETS: dict[str, Target] = {
    "kgce": Target("kgce", "coal", ("equivalent", "fuel", "medium")),
    "kgce_equal": Target("kgce", "coal", ("equal", "fuel", "medium")),
    "tce": Target("tce", "coal", ("equivalent", "fuel", "medium")),
    "tce_equal": Target("tce", "coal", ("equal", "fuel", "medium")),
    "tco2": Target("tCO2", "co2", ("combustion", "average")),
}


class Dated(BaseModel):
    """What every row from a standard or notice says of itself; valid on the days in [valid_from, valid_to)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: tuple[Annotated[str, Field(pattern="^[0-9]{2,6}$")], ...] = ()
    """GB/T 2260 prefixes of the regions it holds for; none: everywhere."""
    edition: str = Field(min_length=1)
    valid_from: date
    valid_to: date | None = None
    published_at: date | None = None
    source: str = Field(min_length=1)
    verified: Verified

    @field_validator("valid_to")
    @classmethod
    def _after(cls, value: date | None, info: Any) -> date | None:
        if value is not None and "valid_from" in info.data and value <= info.data["valid_from"]:
            raise wrong("is not after valid_from", "give the first day on which it no longer holds")
        return value

    def within(self, region: str) -> int | None:
        """How closely it fits a region: digits of its prefix, 0 where it holds everywhere, None where it does not."""
        if not self.region:
            return 0
        return max((len(prefix) for prefix in self.region if region.startswith(prefix)), default=None)

    def on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def clashes(self, other: Dated) -> bool:
        """Whether there is a day and a region for which neither is the better one."""
        apart = (self.valid_to or date.max) <= other.valid_from or (other.valid_to or date.max) <= self.valid_from
        return not apart and (set(self.region) & set(other.region) != set() or self.region == other.region)


D = TypeVar("D", bound=Dated)


def published(known: Iterable[D], day: date) -> list[D]:
    """What was known on a day: rows that do not say when they were published always were."""
    return [row for row in known if row.published_at is None or row.published_at <= day]


class Factor(Dated):
    """One factor, for example 0.7143 kgce/kg of raw coal. `year`: the year of the data behind it, where it has one;
    `calorific_value`: the net calorific value that a factor of CO2 rests on, in kJ per what `value` is per."""

    carrier: str
    kind: Kind
    basis: Basis
    year: int | None = None
    value: Annotated[Decimal, Field(gt=0)]
    unit: str
    calorific_value: Annotated[Decimal, Field(gt=0)] | None = None

    @field_validator("carrier")
    @classmethod
    def _carrier(cls, value: str) -> str:
        if value not in carriers():
            raise wrong(f"{value!r} is not a carrier", f"use one of {', '.join(carriers())}")
        return value

    @model_validator(mode="after")
    def _dimensions(self) -> Factor:
        mass, _, per = self.unit.partition("/")
        if mass not in _MASS or _MASS[mass][0] != self.kind:
            known = [name for name, (kind, _) in _MASS.items() if kind == self.kind]
            raise wrong(f"{self.unit!r} is no unit of kind {self.kind}", f"begin it with {' or '.join(known)}")
        if self.basis not in _BASES[self.kind]:
            raise wrong(f"{self.basis!r} is no basis of {self.kind}", f"use one of {', '.join(_BASES[self.kind])}")
        try:
            to_canonical(carriers()[self.carrier].quantity, per)
        except KeyError as error:
            raise wrong(f"{self.unit!r} of {self.carrier}: {error.args[0]}", "use a unit the carrier has") from None
        return self

    def scale(self, unit: str) -> Decimal:
        """What one canonical unit of the carrier's quantity is in a derived unit of TARGETS of the same kind."""
        mass, _, per = self.unit.partition("/")
        native = Decimal(str(to_canonical(carriers()[self.carrier].quantity, per)))
        return self.value * _MASS[mass][1] / _MASS[TARGETS[unit].symbol][1] / native

    @property
    def kilojoules(self) -> Decimal | None:
        """The net calorific value it rests on, in kJ per canonical unit of the carrier."""
        per = self.unit.partition("/")[2]
        native = Decimal(str(to_canonical(carriers()[self.carrier].quantity, per)))
        return self.calorific_value and self.calorific_value / native

    @property
    def place(self) -> tuple[str, str, str]:
        return self.carrier, self.kind, self.basis


class Table(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    factor: list[Factor]


class NoFactor(LookupError):
    """No factor turns a carrier into a derived unit on a day. `kind` is the kind that lacks."""

    def __init__(self, carrier: str, kind: Kind, bases: tuple[Basis, ...], region: str, day: date) -> None:
        self.carrier, self.kind = carrier, kind
        where = f" in region {region}" if region else ""
        super().__init__(f"no {kind} factor of {carrier} ({' or '.join(bases)}) holds on {day}{where}")


def load(file: Path) -> tuple[Factor, ...]:
    """The factors in a file. Raises ConfigError with every fault in it."""
    text, raw = datafile.read(file)
    for row in raw.get("factor", ()):
        if isinstance(row.get("value"), float):
            row["value"] = Decimal(repr(row["value"]))
    try:
        rows = Table.model_validate(raw).factor
    except ValidationError as error:
        raise ConfigError(list(datafile.faults(file, text, error, Table))) from None
    clashing = list(_clashing(file, text, rows))
    if clashing:
        raise ConfigError(clashing)
    return tuple(rows)


def _clashing(file: Path, text: str, rows: list[Factor]) -> Iterator[Fault]:
    for (first, one), (second, other) in combinations(enumerate(rows), 2):
        if one.place == other.place and one.clashes(other):
            place = datafile.where(file, text, ("factor", second))
            what = f"holds on the same days as row {first + 1} of {one.carrier}, {one.kind}, {one.basis}"
            yield Fault(place, what, "give one of them a valid_to or another region")


@cache
def factors(own: Path | None = None) -> tuple[Factor, ...]:
    """The factors of a user's file, which go before, and the shipped ones. Raises ConfigError."""
    return (*(load(own) if own else ()), *load(SHIPPED))


def factor(known: Sequence[Factor], carrier: str, kind: Kind, basis: Basis, region: str, day: date) -> Factor | None:
    """The factor that holds on a day: that of the smallest region around, the first of equals. None: there is none."""
    fitting = [
        (fit, one)
        for one in known
        if one.place == (carrier, kind, basis) and one.on(day) and (fit := one.within(region)) is not None
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def spans(
    known: Sequence[Factor], carrier: str, unit: str, region: str, first: date, last: date
) -> list[tuple[date, Factor]]:
    """(since when, factor) from `first` to `last`, both included. Raises NoFactor for a day without one."""
    target = TARGETS[unit]
    borders = {first} | {day for row in known for day in (row.valid_from, row.valid_to) if day and first < day <= last}
    found: list[tuple[date, Factor]] = []
    for day in sorted(borders):
        choices = (factor(known, carrier, target.kind, basis, region, day) for basis in target.bases)
        chosen = next((choice for choice in choices if choice), None)
        if chosen is None:
            raise NoFactor(carrier, target.kind, target.bases, region, day)
        if not found or found[-1][1] != chosen:
            found.append((day, chosen))
    return found
