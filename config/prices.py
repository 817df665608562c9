"""Dated prices of carriers, by which alerts are ranked: rows of `data/prices.toml`. They are no tariffs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config import datafile
from config.carriers import carriers
from config.datafile import wrong
from config.errors import ConfigError, Fault
from config.factors import Dated
from config.quantities import to_canonical

SHIPPED = Path(str(files("config").joinpath("data/prices.toml")))
CURRENCY = "CNY"


class Price(Dated):
    """What a unit of a carrier costs, for example 0.65 CNY/kWh."""

    carrier: str
    value: Annotated[float, Field(gt=0)]
    unit: str

    @model_validator(mode="after")
    def _unit(self) -> Price:
        if self.carrier not in carriers():
            raise wrong(f"{self.carrier!r} is not a carrier", f"use one of {', '.join(carriers())}")
        currency, _, per = self.unit.partition("/")
        if currency != CURRENCY:
            raise wrong(f"{self.unit!r} is no price in {CURRENCY}", f"begin it with {CURRENCY}/")
        try:
            to_canonical(carriers()[self.carrier].quantity, per)
        except KeyError as error:
            raise wrong(f"{self.unit!r} of {self.carrier}: {error.args[0]}", "use a unit the carrier has") from None
        return self

    @property
    def per_canonical(self) -> float:
        """CNY for one canonical unit of the carrier's quantity."""
        return self.value / to_canonical(carriers()[self.carrier].quantity, self.unit.partition("/")[2])


class Table(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    price: list[Price]


def load(file: Path) -> tuple[Price, ...]:
    """The prices in a file. Raises ConfigError with every fault in it."""
    text, raw = datafile.read(file)
    try:
        rows = Table.model_validate(raw).price
    except ValidationError as error:
        raise ConfigError(list(datafile.faults(file, text, error, Table))) from None
    if clashing := list(_clashing(file, text, rows)):
        raise ConfigError(clashing)
    return tuple(rows)


def _clashing(file: Path, text: str, rows: list[Price]) -> Iterator[Fault]:
    for (first, one), (second, other) in combinations(enumerate(rows), 2):
        if one.carrier == other.carrier and one.clashes(other):
            what = f"holds on the same days as row {first + 1} of {one.carrier}"
            yield Fault(
                datafile.where(file, text, ("price", second)), what, "give one of them a valid_to or another region"
            )


@cache
def prices(own: Path | None = None) -> tuple[Price, ...]:
    """The prices of a user's file, which go before, and the shipped ones. Raises ConfigError."""
    return (*(load(own) if own else ()), *load(SHIPPED))


def price(known: Sequence[Price], carrier: str, region: str, day: date) -> Price | None:
    """The price that holds on a day: that of the smallest region around, the first of equals. None: there is none."""
    fitting = [
        (fit, one)
        for one in known
        if one.carrier == carrier and one.on(day) and (fit := one.within(region)) is not None
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None
