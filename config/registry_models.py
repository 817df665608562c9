"""What a registry file may say: enterprises, metering points, meters with connection and installations.

Field descriptions are shown to the user as what to do about a missing or wrong key. Numbers, dates and booleans are
made here from the text that was written. What concerns several objects is checked in config/registry_checks.py.
"""

from __future__ import annotations

import calendar
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from stdnum import exceptions
from stdnum.cn import uscc

from config.calorific import CalorificValue
from config.carriers import carriers
from config.datafile import wrong
from config.errors import advice
from config.gb17167 import categories
from config.quantities import QUANTITIES

PROVINCES = frozenset(
    str(code)
    for codes in (
        range(11, 16),
        range(21, 24),
        range(31, 38),
        range(41, 47),
        range(50, 55),
        range(61, 66),
        (71, 81, 82),
    )
    for code in codes
)
"""First two digits of GB/T 2260 codes."""
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Driver:
    """What a connection by this driver needs."""

    address: str
    """What the address must match; empty: none is to be given."""
    example: str
    needs: Literal["profile", "mapping", ""]
    units: bool = False
    """Whether several devices share an address, told apart by their unit id."""


_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
_PORT = r"(?P<port>\d{1,5})"
DRIVERS: dict[str, Driver] = {
    "modbus-tcp": Driver(rf"{_HOST}:{_PORT}", "10.0.0.5:502", "profile", units=True),
    "mqtt": Driver("", "", "mapping"),
    "mqtt-broker": Driver(rf"mqtts?://(?:[^@/\s]+@)?{_HOST}:{_PORT}/\S+", "mqtt://10.0.0.9:1883/plant/m1", "mapping"),
    "http": Driver("", "", ""),
}
_SHARING = frozenset(name for name, driver in DRIVERS.items() if driver.units)


def _printable(value: str) -> str:
    if not value.isprintable():
        raise wrong(f"{value!r} holds characters that do not print", "remove line breaks and control characters")
    return value


def _code(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise wrong(f"{value!r} is not a code", "use up to 64 of the letters A-Z a-z, digits, - and _")
    return value


def _credit_code(value: str) -> str:
    try:
        return str(uscc.validate(value))
    except exceptions.InvalidChecksum:
        raise wrong(f"{value!r} has a wrong check digit", "copy the code anew from the business licence") from None
    except exceptions.ValidationError:
        fix = "give the 18 characters of the unified social credit code (no I, O, S, V, Z)"
        raise wrong(f"{value!r} is not a unified social credit code", fix) from None


def _region(value: str) -> str:
    if not re.fullmatch(r"\d{6}", value) or value[:2] not in PROVINCES:
        fix = "give the 6 digits of GB/T 2260, for example 110105"
        raise wrong(f"{value!r} is not a region code", fix)
    return value


def _industry(value: str) -> str:
    if not re.fullmatch(r"([A-T](\d{2}(\d{1,2})?)?)?", value):
        fix = "give a letter A-T and up to 4 digits as in GB/T 4754, for example C31 or C3110"
        raise wrong(f"{value!r} is not an industry code", fix)
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise wrong(f"unknown zone {value!r}", "give an IANA zone, for example Asia/Shanghai")
    return value


def _known(kind: str, names: Callable[[], Any]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in names():
            raise wrong(f"unknown {kind} {value!r}", advice(value, names()))
        return value

    return AfterValidator(check)


def _instant(value: Any) -> datetime:
    fix = "write it like 2026-01-01T00:00:00+08:00"
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise wrong(f"{value!r} is not a time", fix) from None
    if instant.tzinfo is None:
        raise wrong(f"{value!r} has no offset from UTC", fix)
    if not 1970 <= instant.year < 2200:
        raise wrong(f"{value!r} lies out of all reason", fix)
    return instant.astimezone(UTC)


def _seconds(value: Any) -> int:
    if isinstance(value, int):
        return value
    found = re.fullmatch(r"(\d{1,5})\s*([smh])", value) if isinstance(value, str) else None
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 1 <= seconds <= _DAY:
        raise wrong(f"{value!r} is not a time between readings", "write it like 10s, 15m or 1h, at most 24h")
    return seconds


def _share(value: float) -> float:
    if not 0 < abs(value) <= 1:
        raise wrong(f"{value:g} is not a share", "give a number from -1 to 1 other than 0, for example 1, -1 or 0.4")
    return value


def _words(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Text = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Code = Annotated[str, AfterValidator(_code)]
CreditCode = Annotated[str, AfterValidator(_credit_code)]
Region = Annotated[str, AfterValidator(_region)]
Industry = Annotated[str, AfterValidator(_industry)]
Zone = Annotated[str, AfterValidator(_zone)]
Carrier = Annotated[str, _known("carrier", carriers)]
Quantity = Annotated[str, _known("quantity", lambda: QUANTITIES)]
RegisterQuantity = Annotated[str, _known("register", lambda: [q.name for q in QUANTITIES.values() if q.kind[0] == "r"])]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Seconds = Annotated[int, BeforeValidator(_seconds)]
Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Reading = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, AfterValidator(_share)]


def _due(verified_on: date | None, months: int | None) -> date | None:
    """The last day a verification holds: the day before its anniversary."""
    if verified_on is None or months is None:
        return None
    year, month = divmod(verified_on.year * 12 + verified_on.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(verified_on.day, last)) - timedelta(days=1)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class MeteringPoint(_Model):
    """A place where a carrier is measured, or, with a formula, a virtual one: a sum of others."""

    code: Code = Field(description="give its code, unique in the enterprise")
    name: Name = Field(description="give its name")
    carrier: Carrier = Field(description=f"give its carrier, one of {', '.join(carriers())}")
    level: int = Field(1, ge=1, le=3, description="give 1 (enterprise), 2 (sub-unit) or 3 (equipment) as in GB 17167")
    direction: Literal["import", "export", "generation", "internal"] = Field(
        "import", description="give import, export, generation or internal"
    )
    formula: Annotated[dict[Code, Share], Field(min_length=1)] | None = Field(
        None, description="give metering points with their shares, for example {E-1: 1, E-2: -1, E-3: 0.4}"
    )
    boundary: bool = Field(
        default_factory=lambda data: (
            data.get("level") == 1 and data.get("direction") != "internal" and not data.get("formula")
        ),
        description="give true when it counts for the enterprise's total, else false",
    )
    parent: Code | None = Field(None, description="give the code of the metering point above it")
    required: bool = Field(True, description="give true when GB 17167 demands a meter here, else false")
    required_class: Text = Field("", description="give the accuracy class demanded here, for example 0.5S")
    quantities: Annotated[tuple[Quantity, ...], BeforeValidator(_words)] | None = Field(
        None, description="list the quantities to keep; leave it out for all its meters give"
    )


class DatedRatio(_Model):
    """CT and PT ratio from an instant on."""

    start: Instant = Field(alias="from", description="give the time from which the ratio holds")
    ct: Ratio = Field(1.0, description="give primary/secondary of the current transformer, above 0, for example 100")
    pt: Ratio = Field(1.0, description="give primary/secondary of the voltage transformer, above 0, for example 10")


class Installation(_Model):
    """A meter at a metering point during [start, end). `initial` and `final` in canonical units, before CT and PT."""

    at: Code = Field(description="give the code of the metering point")
    start: Instant = Field(alias="from", description="give the time the meter was put there")
    end: Instant | None = Field(None, alias="to", description="give the time it was taken away, later than `from`")
    ct: Ratio = Field(1.0, description="give primary/secondary of the current transformer, above 0, for example 100")
    pt: Ratio = Field(1.0, description="give primary/secondary of the voltage transformer, above 0, for example 10")
    ratios: tuple[DatedRatio, ...] = Field((), description="list later ratios, each with from, ct and pt")
    initial: dict[RegisterQuantity, Reading] = Field(
        {}, description="give register readings at `from` by quantity, for example {active_energy_import: 0}"
    )
    final: dict[RegisterQuantity, Reading] = Field({}, description="give register readings at `to` by quantity")

    @property
    def all_ratios(self) -> tuple[DatedRatio, ...]:
        """Every ratio with the instant it holds from, the first from the start."""
        return (DatedRatio.model_construct(start=self.start, ct=self.ct, pt=self.pt), *self.ratios)


INSTALLATION_KEYS = frozenset(field.alias or name for name, field in Installation.model_fields.items())


class Meter(_Model):
    """A device with its connection (without `driver`: none) and where it was installed when.

    Validated with the context {"profile": names, "mapping": names}, those that are known.
    """

    code: Code = Field(description="give the unit's own number of the meter, unique in the enterprise")
    name: Text = ""
    category: Annotated[str, _known("category", categories)] | None = None
    """None: the usual one of the carrier it measures."""
    maker: Text = ""
    model: Text = ""
    serial: Text = ""
    accuracy_class: Text = ""
    range: Text = ""
    place: Text = ""
    purpose: Text = ""
    certificate: Text = ""
    verified_on: date | None = Field(
        None,
        ge=date(1970, 1, 1),
        lt=date(2200, 1, 1),
        description="give the date of the last verification, like 2025-06-30",
    )
    verification_months: int | None = Field(None, ge=1, le=240, description="give the months between verifications")
    verified_until: date | None = Field(None, validate_default=True, description="give a date like 2027-06-30")
    """None: by the last verification and the months between two, where both are given."""
    state: Literal["qualified", "limited", "out_of_use"] = Field(
        "qualified", description="give qualified, limited or out_of_use"
    )
    rated_per_hour: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="give the most the main register can count per hour, above 0"
    )
    driver: Annotated[str, _known("driver", lambda: DRIVERS)] | None = None
    profile: Text = Field("", validate_default=True)
    mapping: Text = Field("", validate_default=True)
    address: Text = Field("", validate_default=True)
    unit: int | None = Field(
        default_factory=lambda data: 1 if data.get("driver") in _SHARING else None,
        ge=0,
        le=255,
        description="give the Modbus unit id, 0 to 255",
    )
    every: Seconds = Field(60, description="give the time between readings, for example 60s")
    baud: int | None = Field(None, ge=300, le=1_000_000, description="give the speed of the line behind the gateway")
    enabled: bool = Field(True, description="give true or false")
    expected_from: Instant | None = Field(
        None, description="give the time from which readings are expected, also of the past when it is to be imported"
    )
    """None: from the apply on that first names the connection."""
    installations: tuple[Installation, ...] = Field((), description="list installations, each with at and from")

    @field_validator("verified_until")
    @classmethod
    def _in_date(cls, value: date | None, info: ValidationInfo) -> date | None:
        return value or _due(info.data.get("verified_on"), info.data.get("verification_months"))

    @field_validator("profile", "mapping")
    @classmethod
    def _known_and_there(cls, value: str, info: ValidationInfo) -> str:
        kind, driver = str(info.field_name), info.data.get("driver")
        known = (info.context or {}).get(kind)
        if value and known is not None and value not in known:
            raise wrong(f"unknown {kind} {value!r}", advice(value, known))
        if not value and driver and DRIVERS[driver].needs == kind:
            raise wrong("is missing", f"{driver} needs a {kind}; add it")
        return value

    @field_validator("address")
    @classmethod
    def _reachable(cls, value: str, info: ValidationInfo) -> str:
        driver = info.data.get("driver")
        if driver is None:
            return value
        form = DRIVERS[driver]
        found = re.fullmatch(form.address, value)
        if found is None or int(found.groupdict().get("port") or 1) not in range(1, 65536):
            fix = f"write it like {form.example}" if form.example else f"remove it: by {driver} the device calls us"
            raise wrong(f"{value!r} is not an address for {driver}", fix)
        return value

    @field_validator("unit")
    @classmethod
    def _told_apart(cls, value: int | None, info: ValidationInfo) -> int | None:
        driver = info.data.get("driver")
        if value is not None and driver is not None and driver not in _SHARING:
            raise wrong(f"{driver} has no unit ids", "remove it")
        return value


CONNECTION_KEYS = frozenset({"address", "unit", "every", "baud", "mapping", "enabled", "expected_from"})
"""What makes sense with a driver only."""


class Person(_Model):
    """One of the staff of metering 能源计量工作人员."""

    name: Name = Field(description="give the person's name")
    position: Text = ""
    duty: Text = ""
    certificate: Text = ""
    certified_until: date | None = Field(None, description="give a date like 2027-06-30")


class Equipment(_Model):
    """A main energy-using equipment 主要用能设备."""

    name: Name = Field(description="give its name")
    model: Text = ""
    rated: Text = ""
    count: int = Field(1, ge=1, description="give how many there are of it")
    carrier: Carrier = Field(description=f"give the carrier it uses, one of {', '.join(carriers())}")
    place: Text = ""
    at: Code | None = Field(None, description="give the code of the metering point that measures it")


class Stock(_Model):
    """What was bought, used and kept of a carrier in a year, by the books, in the carrier's own unit."""

    year: int = Field(ge=2000, le=2100, description="give the year")
    carrier: Carrier = Field(description=f"give the carrier, one of {', '.join(carriers())}")
    opening: Reading = 0.0
    purchased: Reading = 0.0
    consumed: Reading = 0.0
    sold: Reading = 0.0
    closing: Reading = 0.0


class Enterprise(_Model):
    """An owner of metering points."""

    uscc: CreditCode = Field(description="give the unified social credit code")
    name: Name = Field(description="give its name")
    region: Region = Field(description="give the 6 digits of its GB/T 2260 region, for example 110105")
    industry: Industry = ""
    site: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$")] = Field(
        "", description="give the collector's site with letters, digits, - and _"
    )
    zone: Zone = "Asia/Shanghai"
    staff: tuple[Person, ...] = ()
    equipment: tuple[Equipment, ...] = ()
    stock: tuple[Stock, ...] = ()
    calorific_values: tuple[CalorificValue, ...] = ()
    metering_points: tuple[MeteringPoint, ...] = ()
    meters: tuple[Meter, ...] = ()


LISTS: dict[str, type[Person | Equipment | Stock | CalorificValue]] = {
    "staff": Person,
    "equipment": Equipment,
    "stock": Stock,
    "calorific_values": CalorificValue,
}
"""Lists of an enterprise that are kept as the file gives them."""
HEAD = tuple(key for key in Enterprise.model_fields if key not in ("metering_points", "meters"))
"""What an enterprise says of itself."""


def in_order(enterprise: Enterprise) -> Enterprise:
    """The enterprise with each meter's installations in order of time, as the database gives them."""

    def ordered(meter: Meter) -> Meter:
        if len(meter.installations) < 2:
            return meter
        return meter.model_copy(update={"installations": tuple(sorted(meter.installations, key=lambda one: one.start))})

    return enterprise.model_copy(update={"meters": tuple(ordered(meter) for meter in enterprise.meters)})
