"""How files of readings are read: which column means what. Written by the user in YAML or TOML.

A file whose columns are named like the fields of a push over HTTP needs none.
"""

from __future__ import annotations

import codecs
import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from config import datafile
from config.datafile import wrong
from config.errors import ConfigError, Fault
from config.quantities import QUANTITIES, to_canonical
from config.registry_file import read_text

FIELDS = ("uscc", "meter", "metering_point", "quantity", "unit")
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
"""Time formats that are numbers, and the microseconds of one."""
_DIRECTIVES = "Ymd HMSfz"
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Model):
    """What holds for all values of a column (or a file); empty: it stands in a column of its own."""

    uscc: str = ""
    meter: str = ""
    metering_point: str = ""
    quantity: str = ""
    unit: str = ""

    @model_validator(mode="after")
    def _known(self) -> Place:
        if self.quantity and self.quantity not in QUANTITIES:
            raise wrong(f"quantity {self.quantity!r} is not known", f"use {_near(self.quantity, QUANTITIES)}")
        if self.quantity and self.unit:
            try:
                to_canonical(self.quantity, self.unit)
            except KeyError as error:
                raise wrong(str(error.args[0]), "use one of these") from None
        if self.meter and self.metering_point:
            raise wrong("both meter and metering_point are given", "give one of them")
        return self


class TimeForm(_Model):
    """How times are written. `zone` holds for times that do not say how far they are from UTC."""

    format: str = "iso"
    zone: str = ""

    @field_validator("format")
    @classmethod
    def _format(cls, format: str) -> str:
        directives = re.findall("%(.?)", format)
        if format == "iso" or format in EPOCHS:
            return format
        if not {"Y", "m", "d"} <= set(directives) <= set(_DIRECTIVES) or len(set(directives)) < len(directives):
            fix = f"use iso, {', '.join(EPOCHS)}, or a pattern like %Y/%m/%d %H:%M:%S (also %f, %z), each part once"
            raise wrong(f"{format!r} is not a time format", fix)
        return format

    @field_validator("zone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        try:
            if zone:
                ZoneInfo(zone)
        except (ValueError, OSError, LookupError):
            raise wrong(f"{zone!r} is not a time zone", "use an IANA name like Asia/Shanghai") from None
        return zone


class CsvForm(_Model):
    """How a CSV file is written. `delimiter` empty: the one of , ; and tab that the header has most of."""

    delimiter: str = ""
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    skip: int = 0
    """Lines before the header."""

    @field_validator("delimiter")
    @classmethod
    def _delimiter(cls, delimiter: str) -> str:
        if len(delimiter.encode()) > 1:
            raise wrong(f"{delimiter!r} is not a delimiter", "give one character")
        return delimiter

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, encoding: str) -> str:
        try:
            name = codecs.lookup(encoding).name
        except LookupError:
            raise wrong(f"{encoding!r} is not an encoding", "use utf-8, gbk, gb18030 …") from None
        if name.startswith(("utf-16", "utf-32", "utf-7")):
            raise wrong(f"{encoding} cannot be read", "save the file as UTF-8")
        return name


class Form(_Model):
    """The whole mapping of a file."""

    columns: dict[Literal["uscc", "meter", "metering_point", "quantity", "unit", "time", "value"], str] = {}
    """Our name -> the file's name of that column."""
    fixed: Place = Place()
    """What is the same in the whole file."""
    time: TimeForm = TimeForm()
    quantities: dict[str, str] = {}
    """The file's words for quantities -> ours."""
    wide: Literal["quantity", "meter", "metering_point"] | dict[str, Place] | None = None
    """One column for each quantity, meter or metering point: named by it, or each column with what it holds."""
    csv: CsvForm = CsvForm()
    sheet: str = ""
    """Of a workbook; empty: the first."""

    @field_validator("quantities")
    @classmethod
    def _quantities(cls, quantities: dict[str, str]) -> dict[str, str]:
        for ours in quantities.values():
            if ours not in QUANTITIES:
                raise wrong(f"quantity {ours!r} is not known", f"use {_near(ours, QUANTITIES)}")
        return quantities


def load(file: Path | None) -> Form:
    """The mapping in a file, or the one for files that need none. Raises ConfigError with all faults."""
    if file is None:
        return Form()
    text = read_text(file)
    try:
        body = tomllib.loads(text) if file.suffix == ".toml" else yaml.load(text, _Loader)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        what = " ".join(str(error).split())
        raise ConfigError([Fault(str(file), f"cannot be read: {what}", "correct the YAML or TOML there")]) from None
    if not isinstance(body, dict):
        raise ConfigError([Fault(f"{file}:1", "is not a mapping", "begin with a key like `columns:`")])
    try:
        return Form.model_validate(body)
    except ValidationError as error:
        raise ConfigError(list(datafile.faults(file, text, error, Form))) from None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's text is found: in a column, or it is the same everywhere."""

    column: str = ""
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.column or self.text)


@dataclass(frozen=True, slots=True)
class Series:
    """One column of values, and where what they are stands. `fields` has every one of FIELDS."""

    column: str
    fields: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of one file mean."""

    time: str
    series: tuple[Series, ...]
    wide: bool
    """An empty cell means that there is no reading."""
    unused: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are needed."""
        named = [source.column for series in self.series for source in series.fields.values() if source.column]
        return tuple(dict.fromkeys([self.time, *named, *(series.column for series in self.series)]))


def layout(form: Form, header: Sequence[str], where: str) -> Layout:
    """What a file's columns mean. Raises ConfigError, every fault at `where` (the file and line of the header)."""
    faults = [Fault(where, f"two columns are named {name!r}", "give each its own name") for name in _twice(header)]
    named = {ours: theirs for theirs in header if (ours := theirs.strip().lower()) in (*FIELDS, "time", "value")}
    for ours, theirs in form.columns.items():
        if theirs not in header:
            faults.append(Fault(where, f"has no column {theirs!r} for {ours}", f"use {_near(theirs, header)}"))
        named[ours] = theirs
    if "time" not in named:
        faults.append(Fault(where, "has no column time", "say in a mapping file which it is (columns: time: …)"))
    series = tuple(_series(form, header, named, where, faults))
    for one in series:
        faults += _lacks(one, where)
    if faults:
        raise ConfigError(faults[:20])
    wide = form.wide is not None or "value" not in named
    found = Layout(named["time"], series, wide, ())
    return Layout(found.time, series, wide, tuple(name for name in header if name not in found.columns))


def _series(
    form: Form, header: Sequence[str], named: Mapping[str, str], where: str, faults: list[Fault]
) -> Iterator[Series]:
    fixed = form.fixed.model_dump()
    shared = {key: Source(text=fixed[key]) or Source(named.get(key, "")) for key in FIELDS}
    free = [name for name in header if name and name not in named.values()]
    if isinstance(form.wide, dict):
        for name, place in form.wide.items():
            if name not in header:
                faults.append(Fault(where, f"has no column {name!r}", f"use {_near(name, header)}"))
            own = {key: Source(text=text) for key, text in place.model_dump().items() if text}
            yield Series(name, _placed(shared, own))
    elif form.wide:
        for name in free:
            yield Series(name, _placed(shared, {form.wide: Source(text=form.quantities.get(name, name.strip()))}))
    elif "value" in named:
        yield Series(named["value"], shared)
    elif known := [name for name in free if form.quantities.get(name, name.strip()) in QUANTITIES]:
        for name in known:
            yield Series(name, shared | {"quantity": Source(text=form.quantities.get(name, name.strip()))})
    else:
        fix = "say in a mapping file which it is (columns: value: …), or which columns are readings (wide: …)"
        faults.append(Fault(where, "has no column value and none named as a quantity", fix))


def _placed(shared: Mapping[str, Source], own: Mapping[str, Source]) -> Mapping[str, Source]:
    """A column's own word for the meter or the metering point takes the place of the other, too."""
    placed = {**shared, **own}
    for one, other in (("meter", "metering_point"), ("metering_point", "meter")):
        if one in own:
            placed[other] = Source()
    return placed


def _lacks(series: Series, where: str) -> Iterator[Fault]:
    fields = series.fields
    for name, given in (
        ("uscc", fields["uscc"]),
        ("quantity", fields["quantity"]),
        ("meter or metering_point", fields["meter"] or fields["metering_point"]),
    ):
        if not given:
            what = f"column {series.column!r}: nothing says its {name}"
            yield Fault(where, what, "name its column in a mapping file (columns: …), or give it for all (fixed: …)")
    quantity = fields["quantity"].text
    if quantity and quantity not in QUANTITIES:
        fix = f"use {_near(quantity, QUANTITIES)}, or translate it (quantities: …)"
        yield Fault(where, f"column {series.column!r}: quantity {quantity!r} is not known", fix)


def _twice(header: Sequence[str]) -> list[str]:
    return sorted({name for name in header if name and header.count(name) > 1})


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    return near[0] if near else "one of " + ", ".join(list(known)[:40])
