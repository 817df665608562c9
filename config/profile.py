"""A profile: the register map of a meter model, as a data file.

`profiles/*.toml` are the shipped ones (config/profilefiles.py reads them and the user's own). Addresses are those on
the wire, counted from zero. `value = (raw x scale + offset)` in `unit`, still on the side (`primary` or `secondary`)
the meter shows; secondary values are multiplied by CT x PT later, by the installation's ratios.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationInfo, field_validator, model_validator

from config.datafile import wrong
from config.quantities import QUANTITIES, Ratio, to_canonical

Type = Literal[
    "int16", "int32", "int64", "uint16", "uint32", "uint64", "float32", "float64", "bcd16", "bcd32", "bcd48", "bcd64"
]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
"""ABCD: most significant word and byte first. CDAB: words reversed. BADC: bytes of each word swapped. DCBA: both."""
Function = Literal[3, 4]
Side = Literal["primary", "secondary"]
Word = Annotated[int, Field(ge=0, le=0xFFFF)]


class Register(BaseModel):
    """One quantity in a meter. `function`, `order` and `side` default to the profile's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantity: str
    address: Word
    type: Type
    unit: str
    scale: FiniteFloat = 1.0
    offset: FiniteFloat = 0.0
    function: Function = 3
    order: Order = "ABCD"
    side: Side = "primary"
    bits: tuple[int, int] | None = None
    """First and last bit of a bit field, counted from 0 = least significant."""
    sentinels: tuple[int, ...] | None = None
    """Raw bit patterns that mean "no value"; unset: those usual for the type; NaN and infinity always do."""
    modulus: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """Raw counts before the register rolls over; unset: what an unsigned or BCD type can hold, else unknown."""
    resolution: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """Raw counts of one step; unset: 1, and unknown (0) for floats."""
    meaning: str = ""

    @field_validator("quantity")
    @classmethod
    def _known_quantity(cls, value: str) -> str:
        if value not in QUANTITIES:
            raise wrong(f"unknown quantity {value!r}", f"use one of {', '.join(QUANTITIES)}")
        return value

    @field_validator("unit")
    @classmethod
    def _measuring_unit(cls, value: str, info: ValidationInfo) -> str:
        if "quantity" in info.data:
            try:
                to_canonical(info.data["quantity"], value)
            except KeyError as error:
                raise wrong(error.args[0], "use a unit of that quantity, and scale") from None
        return value

    @field_validator("scale")
    @classmethod
    def _usable_scale(cls, value: float, info: ValidationInfo) -> float:
        quantity = QUANTITIES.get(info.data.get("quantity", ""))
        if value == 0 or (value < 0 and quantity is not None and quantity.kind == "register"):
            raise wrong(f"scale {value:g} loses or turns back what is counted", "use a scale above 0")
        return value

    @field_validator("bits")
    @classmethod
    def _inside_an_unsigned(cls, value: tuple[int, int] | None, info: ValidationInfo) -> tuple[int, int] | None:
        kind = str(info.data.get("type", "uint16"))
        if value and (not kind.startswith("uint") or not 0 <= value[0] <= value[1] < int(kind[4:])):
            raise wrong(f"bits {list(value)} do not lie in a {kind}", "give [first, last] bit of an unsigned type")
        return value

    @field_validator("sentinels")
    @classmethod
    def _raw_patterns(cls, value: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        if value and "type" in info.data:
            limit = 1 << 16 * words_of(info.data["type"])
            if not all(0 <= pattern < limit for pattern in value):
                raise wrong(f"a sentinel is not a raw pattern of {info.data['type']}", f"use 0 to {limit - 1:#X}")
        return value

    @field_validator("modulus")
    @classmethod
    def _only_counters_roll(cls, value: float | None, info: ValidationInfo) -> float | None:
        quantity = QUANTITIES.get(info.data.get("quantity", ""))
        if value is not None and quantity is not None and quantity.kind != "register":
            raise wrong(f"{quantity.name} is no cumulative register and cannot roll over", "remove modulus")
        return value

    @property
    def words(self) -> int:
        """Modbus registers it takes."""
        return words_of(self.type)

    @property
    def end(self) -> int:
        """The address after its last."""
        return self.address + self.words

    @property
    def patterns(self) -> tuple[int, ...]:
        """Raw bit patterns that mean "no value"."""
        if self.sentinels is not None:
            return self.sentinels
        top = 1 << 16 * self.words
        if self.bits or self.type.startswith(("float", "bcd")):
            return ()
        return (top - 1,) if self.type.startswith("uint") else (top // 2 - 1, top // 2)

    @property
    def canonical_scale(self) -> float:
        """Factor from raw counts to the quantity's canonical unit."""
        return self.scale * to_canonical(self.quantity, self.unit)

    @property
    def canonical_offset(self) -> float:
        return self.offset * to_canonical(self.quantity, self.unit)

    @property
    def canonical_modulus(self) -> float | None:
        """What the register holds before it rolls over, canonical unit; None: unknown, or no cumulative register."""
        if QUANTITIES[self.quantity].kind != "register":
            return None
        counts = self.modulus if self.modulus is not None else self._capacity()
        return None if counts is None else counts * self.canonical_scale

    @property
    def canonical_resolution(self) -> float:
        """One step of the register in the canonical unit; 0: unknown."""
        usual = 0.0 if self.type.startswith("float") else 1.0
        return abs((self.resolution if self.resolution is not None else usual) * self.canonical_scale)

    @property
    def ratio(self) -> Ratio:
        """The transformer ratios its values are still to be multiplied by."""
        return QUANTITIES[self.quantity].ratio if self.side == "secondary" else "none"

    def _capacity(self) -> float | None:
        if self.bits:
            return float(1 << self.bits[1] - self.bits[0] + 1)
        if self.type.startswith("uint"):
            return float(1 << 16 * self.words)
        return 10.0 ** (4 * self.words) if self.type.startswith("bcd") else None


class Image(BaseModel):
    """A run of registers as they stand in a meter, in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Word
    words: Annotated[str, Field(pattern=r"^\s*([0-9A-Fa-f]{4}\s*)+$")]
    function: Function = 3

    @property
    def content(self) -> bytes:
        return bytes.fromhex(self.words)


class Example(BaseModel):
    """Registers of a meter and what they mean: `expect` in canonical units, `absent` where the meter has no value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Annotated[tuple[Image, ...], Field(min_length=1)]
    expect: dict[str, FiniteFloat] = {}
    absent: tuple[str, ...] = ()


class Profile(BaseModel):
    """The register map of a meter model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    maker: Annotated[str, Field(min_length=1)]
    model: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    """The manual (or running code) the map was taken from."""
    verified: bool
    """False: an example to adapt, or not yet compared with its source; the note says what is doubtful."""
    note: str = ""
    function: Function = 3
    order: Order = "ABCD"
    side: Side = "primary"
    max_registers: Annotated[int, Field(ge=1, le=125)] = 125
    """The most the meter answers in one request."""
    holes: bool = True
    """Whether registers between those of the map may be read along."""
    forbidden: tuple[tuple[Word, Word], ...] = ()
    """Ranges [first, last] never to be read."""
    registers: Annotated[tuple[Register, ...], Field(min_length=1)]
    example: Example | None = None

    @model_validator(mode="before")
    @classmethod
    def _defaults_reach_registers(cls, raw: Any) -> Any:
        return {**raw, "registers": rows(raw)} if isinstance(raw, dict) and "registers" in raw else raw

    @model_validator(mode="after")
    def _registers_fit_together(self) -> "Profile":
        for _, what, fix in clashes(dict(enumerate(self.registers)), self.max_registers, self.forbidden):
            raise wrong(what, fix)
        return self

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(register.quantity for register in self.registers)

    def register(self, quantity: str) -> Register:
        """The register of a quantity. Raises KeyError."""
        for register in self.registers:
            if register.quantity == quantity:
                return register
        raise KeyError(f"profile {self.name} has no {quantity}")


def words_of(kind: str) -> int:
    """Modbus registers a type takes."""
    return int(kind.lstrip("abcdefghijklmnopqrstuvwxyz")) // 16


def rows(raw: dict[str, Any]) -> Any:
    """The register rows of a raw profile with the profile's defaults filled in."""
    if not isinstance(raw["registers"], list | tuple):
        return raw["registers"]
    defaults = {key: raw[key] for key in ("function", "order", "side") if key in raw}
    return [{**defaults, **row} if isinstance(row, dict) else row for row in raw["registers"]]


def clashes(
    registers: dict[int, Register], max_registers: int, forbidden: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, str, str]]:
    """What is wrong among registers: (index of the later register, what, what to do)."""
    first: dict[str, int] = {}
    for index, register in registers.items():
        if register.quantity in first:
            other = registers[first[register.quantity]]
            yield index, f"{register.quantity} stands twice, also at {other.address:#06x}", "keep one"
        first.setdefault(register.quantity, index)
        if register.end > 0x10000 or register.words > max_registers:
            yield index, f"{register.type} at {register.address:#06x} cannot be read", "correct address or type"
        for low, high in forbidden:
            if register.address <= high and register.end > low:
                yield index, f"{register.quantity} lies in the forbidden range {low:#06x}-{high:#06x}", "correct either"
    ordered = sorted(registers.items(), key=lambda item: (item[1].function, item[1].address))
    for (_, one), (index, two) in pairwise(ordered):
        if one.function == two.function and two.address < one.end and not _share_word(one, two):
            what = f"{two.quantity} at {two.address:#06x} overlaps {one.quantity} at {one.address:#06x}"
            yield index, what, "correct address or type, or give bits to both"


def _share_word(one: Register, two: Register) -> bool:
    """Two bit fields of one word that have no bit in common."""
    if one.bits is None or two.bits is None or (one.address, one.type) != (two.address, two.type):
        return False
    return one.bits[1] < two.bits[0] or two.bits[1] < one.bits[0]
