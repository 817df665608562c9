"""Measured net calorific values 实测低位发热量 of an enterprise's fuels: they go before the default factors.

The coefficient of a fuel is its net calorific value / 29 307 kJ per kgce. CO2 of combustion is proportional to the
calorific value, so it is scaled where the default factor says on which one it rests. That the measured value goes
before the default is from memory of GB/T 2589, and nobody here has seen the laboratory's report: not verified.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from config.carriers import carriers
from config.datafile import wrong
from config.factors import Factor
from config.quantities import QUANTITIES, to_canonical

KJ_PER_KGCE = Decimal(29_307)
"""7000 kcal, net."""
_KJ_PER_GJ = 1_000_000


class CalorificValue(BaseModel):
    """What was measured of a fuel, for the days [start, end) of the enterprise's zone."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    carrier: str = Field(description="give the fuel it was measured of")
    start: date = Field(alias="from", description="give the first day it holds for, like 2026-01-01")
    end: date | None = Field(None, alias="to", description="give the first day it no longer holds for, after `from`")
    value: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Field(description="give a number above 0")
    unit: str = Field(description="give its unit, for example kJ/kg, GJ/t or kJ/Nm3")
    source: Annotated[str, Field(max_length=200)] = Field("", description="name the laboratory's report")

    @field_validator("carrier")
    @classmethod
    def _fuel(cls, value: str) -> str:
        fuels = [carrier.code for carrier in carriers().values() if carrier.fuel]
        if value not in fuels:
            raise wrong(f"{value!r} is no fuel", f"use one of {', '.join(fuels)}")
        return value

    @field_validator("end")
    @classmethod
    def _after(cls, value: date | None, info: Any) -> date | None:
        if value is not None and "start" in info.data and value <= info.data["start"]:
            raise wrong("is not after `from`", "give the first day on which it no longer holds")
        return value

    @field_validator("unit")
    @classmethod
    def _dimensions(cls, value: str, info: Any) -> str:
        if "carrier" not in info.data:
            return value
        energy, _, per = value.partition("/")
        try:
            to_canonical("heat", energy)
            to_canonical(carriers()[info.data["carrier"]].quantity, per)
        except KeyError as error:
            fix = f"write energy per amount, for example GJ/{_canonical(info.data['carrier'])}"
            raise wrong(f"{value!r} is no calorific value of {info.data['carrier']}: {error.args[0]}", fix) from None
        return value

    @property
    def kilojoules(self) -> Decimal:
        """kJ in one canonical unit of the carrier."""
        energy, _, per = self.unit.partition("/")
        ratio = Decimal(str(to_canonical("heat", energy))) / Decimal(str(to_canonical(self._quantity, per)))
        return self.value * ratio * _KJ_PER_GJ

    @property
    def _quantity(self) -> str:
        return carriers()[self.carrier].quantity

    def clashes(self, other: CalorificValue) -> bool:
        """Whether there is a day for which both say something of one fuel."""
        apart = (self.end or date.max) <= other.start or (other.end or date.max) <= self.start
        return self.carrier == other.carrier and not apart


def _canonical(carrier: str) -> str:
    return QUANTITIES[carriers()[carrier].quantity].unit


def with_measured(known: Sequence[Factor], measured: Sequence[CalorificValue], region: str) -> tuple[Factor, ...]:
    """The factors of an enterprise in a region: those by its measured values go before all others."""
    return (*(factor for one in measured for factor in _factors(one, known, region)), *known)


def _factors(measured: CalorificValue, known: Sequence[Factor], region: str) -> Iterator[Factor]:
    unit = _canonical(measured.carrier)
    about = f"measured: {measured.value} {measured.unit}" + (f", {measured.source}" if measured.source else "")
    days = {"region": (region,), "verified": False, "source": about, "published_at": None, "year": None}
    yield Factor(
        carrier=measured.carrier,
        kind="coal",
        basis="fuel",
        value=measured.kilojoules / KJ_PER_KGCE,
        unit=f"kgce/{unit}",
        edition="measured net calorific value",
        valid_from=measured.start,
        valid_to=measured.end,
        **days,
    )
    closest = sorted(known, key=lambda one: -(one.within(region) or 0))
    for one in closest:
        since = max(measured.start, one.valid_from)
        until = min(measured.end or date.max, one.valid_to or date.max)
        fits = one.carrier == measured.carrier and one.within(region) is not None and since < until
        if fits and one.kilojoules:
            yield one.model_copy(
                update={
                    "value": one.value * measured.kilojoules / one.kilojoules,
                    "valid_from": since,
                    "valid_to": None if until == date.max else until,
                    "calorific_value": None,
                    "source": f"{about}; {one.source}",
                    "region": (region,),
                }
            )
