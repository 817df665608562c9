"""A payload mapping: where a JSON message of a device (MQTT, HTTP) keeps its values, times and units; a data file.

`payloads/*.toml` are the shipped ones. Places are JSON pointers (RFC 6901). With `readings`, a pointer to an array,
the pointers of values and time start at each element of it.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from config import datafile
from config.datafile import wrong
from config.errors import ConfigError, Fault
from config.profile import Side
from config.quality import Flag
from config.quantities import QUANTITIES, Ratio, to_canonical

SHIPPED = Path(str(files("config").joinpath("payloads")))
Pointer = Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)*$")]


class Value(BaseModel):
    """One quantity in a message: a number at `pointer`, in `unit` or in the unit that stands at `unit_pointer`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantity: str
    pointer: Pointer
    unit: str = ""
    unit_pointer: Pointer | None = None
    scale: Annotated[FiniteFloat, Field(gt=0)] = 1.0
    where: dict[Pointer, str] = {}
    """Only where these texts stand at these pointers; for arrays whose elements name what they carry."""
    modulus: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """What the register holds before it rolls over, in numbers of the message; unset: unknown."""
    resolution: Annotated[FiniteFloat, Field(gt=0)] | None = None

    @field_validator("quantity")
    @classmethod
    def _known_quantity(cls, value: str) -> str:
        if value not in QUANTITIES:
            raise wrong(f"unknown quantity {value!r}", f"use one of {', '.join(QUANTITIES)}")
        return value

    @field_validator("unit")
    @classmethod
    def _measuring_unit(cls, value: str, info: ValidationInfo) -> str:
        if value and "quantity" in info.data:
            try:
                to_canonical(info.data["quantity"], value)
            except KeyError as error:
                raise wrong(error.args[0], "use a unit of that quantity, and scale") from None
        return value

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if bool(self.unit) == (self.unit_pointer is not None):
            raise wrong(f"{self.quantity} needs either unit or unit_pointer", "give one of the two")
        return self

    @property
    def canonical_scale(self) -> float:
        """Factor from numbers of the message to the canonical unit (with `unit_pointer`: to the unit given there)."""
        return self.scale * to_canonical(self.quantity, self.unit) if self.unit else self.scale

    @property
    def canonical_modulus(self) -> float | None:
        if self.modulus is None or QUANTITIES[self.quantity].kind != "register":
            return None
        return self.modulus * self.canonical_scale

    @property
    def canonical_resolution(self) -> float:
        """0: unknown."""
        return (self.resolution or 0.0) * self.canonical_scale


class Time(BaseModel):
    """Where a message says when. `zone`: IANA name for ISO times that carry none. `common`: once for all readings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pointer: Pointer
    format: Literal["epoch_s", "epoch_ms", "iso"]
    zone: str | None = None
    common: bool = False

    @field_validator("zone")
    @classmethod
    def _iana(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise wrong(f"{value!r} is not an IANA time zone", "use a name such as Asia/Shanghai")
        return value

    @property
    def declared(self) -> ZoneInfo | None:
        return ZoneInfo(self.zone) if self.zone else None


class Expected(BaseModel):
    """A reading an example must give; without time: the time it was received."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantity: str
    value: FiniteFloat
    time: AwareDatetime | None = None
    flags: tuple[Literal["BACKFILL", "SENDER_CLOCK", "DECLARED_ZONE"], ...] = ()

    @property
    def flag(self) -> Flag:
        total = Flag.NONE
        for name in self.flags:
            total |= Flag[name]
        return total


class PayloadExample(BaseModel):
    """A message and the readings in it, canonical units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    payload: str
    expect: Annotated[tuple[Expected, ...], Field(min_length=1)]


class PayloadMapping(BaseModel):
    """How to read the messages of a kind of device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    source: Annotated[str, Field(min_length=1)]
    note: str = ""
    side: Side = "primary"
    readings: Pointer | None = None
    time: Time | None = None
    """Unset: the time of receipt is the reading's time."""
    text_numbers: bool = False
    """Numbers may also come as text ("12.5")."""
    units: dict[str, str] = {}
    """Spellings of units found at a `unit_pointer`, for example `"m³" = "m3"`."""
    values: Annotated[tuple[Value, ...], Field(min_length=1)]
    example: tuple[PayloadExample, ...] = ()

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for value in self.values:
            if not value.where and any(value.quantity == name for name, _ in seen):
                raise wrong(f"{value.quantity} stands twice", "keep one, or tell them apart with where")
            if (value.quantity, repr(value.where)) in seen:
                raise wrong(f"{value.quantity} stands twice with the same where", "keep one")
            seen.add((value.quantity, repr(value.where)))
        return self

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value.quantity for value in self.values))

    def value(self, quantity: str) -> Value:
        """The first entry of a quantity. Raises KeyError."""
        for value in self.values:
            if value.quantity == quantity:
                return value
        raise KeyError(f"payload mapping {self.name} has no {quantity}")

    def ratio(self, quantity: str) -> Ratio:
        """The transformer ratios its values are still to be multiplied by."""
        return QUANTITIES[quantity].ratio if self.side == "secondary" else "none"


def load(file: Path) -> PayloadMapping:
    """The mapping in a file. Raises ConfigError with every fault in it."""
    text, raw = datafile.read(file)
    try:
        mapping = PayloadMapping.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(list(datafile.faults(file, text, error, PayloadMapping))) from None
    if mapping.name != file.stem:
        place = datafile.where(file, text, ("name",))
        raise ConfigError([Fault(place, f"the file of mapping {mapping.name!r}", f"call it {mapping.name}.toml")])
    return mapping


def mappings(directory: Path | None = None) -> dict[str, PayloadMapping]:
    """All mappings by name: the shipped ones and those in the user's directory. Raises ConfigError with all faults."""
    return datafile.gather(_shipped(), directory, load)


@cache
def _shipped() -> dict[str, PayloadMapping]:
    return {file.stem: load(file) for file in sorted(SHIPPED.glob("*.toml"))}
