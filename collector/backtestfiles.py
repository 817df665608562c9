"""Files of a backtest: readings and meters in, intervals, totals and verdicts out."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from collector.arrivals import Arrivals, Finding
from collector.pairs import Array
from collector.visible import Alarm
from config.errors import ConfigError, Fault, unreadable
from config.quality import Method, Quality
from config.samples import MICROSECOND
from storage.intervals import IntervalColumns

if TYPE_CHECKING:
    from collector.backtest import Total

_LATEST_S = 2**33
"""In the year 2242; milliseconds since 1970 are far beyond."""
COLUMNS = ("meter", "arrived_at", "read_at", "register")


class MeterFacts(BaseModel):
    """What is known of one meter; `rated_per_hour` is in the register's unit."""

    model_config = ConfigDict(extra="ignore")
    carrier: str = ""
    cadence_s: int | None = Field(None, gt=0)
    resolution: float = Field(0.01, gt=0)
    modulus: float | None = Field(None, gt=0)
    rated_per_hour: float | None = Field(None, gt=0)
    zone: str = "Asia/Shanghai"

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            return ZoneInfo(zone).key
        except (OSError, KeyError, ValueError) as error:
            raise ValueError("is no time zone; write one such as Asia/Shanghai") from error


def read_meters(path: Path) -> dict[str, MeterFacts]:
    """An object by meter, or a list of objects with a key `meter`; sorted by meter."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([unreadable(path, error)]) from None
    except ValueError as error:
        raise _fault(path, f"cannot be read as JSON: {error}", "correct it") from error
    if isinstance(document, list):
        document = {str(row.get("meter", "")): row for row in document if isinstance(row, dict)}
    if not isinstance(document, dict) or not document:
        raise _fault(path, "names no meters", 'write {"METER": {"cadence_s": 900, …}}')
    facts, faults = {}, []
    for meter, row in sorted(document.items()):
        try:
            facts[meter] = MeterFacts.model_validate(row)
        except ValidationError as error:
            faults += [
                Fault(f"{path}: {meter}.{'.'.join(map(str, one['loc']))}", one["msg"], "correct it")
                for one in error.errors()
            ]
    if faults:
        raise ConfigError(faults)
    return facts


def read_readings(path: Path, meters: Mapping[str, MeterFacts]) -> tuple[Arrivals, bool]:
    """The readings (meter: its place among `meters`), and whether their times are written as epoch seconds.

    Rows without a register are left out: nothing was read.
    """
    options = arrow_csv.ConvertOptions(
        column_types={"meter": pa.dictionary(pa.int32(), pa.string()), "register": pa.float64()},
        include_columns=list(COLUMNS),
    )
    try:
        table = arrow_csv.read_csv(path, convert_options=options).combine_chunks()
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        remedy = f"write the columns {','.join(COLUMNS)}; leave register empty where nothing was read"
        raise _fault(path, str(error), remedy) from error
    register = table["register"]
    table = table.filter(pc.and_kleene(register.is_valid(), pc.is_finite(register))).unify_dictionaries()
    read_at, epoch = _instants(table, "read_at", path)
    arrived_at, _ = _instants(table, "arrived_at", path)
    return Arrivals(_places(table, meters, path), read_at, table["register"].to_numpy(), arrived_at), epoch


def _places(table: pa.Table, meters: Mapping[str, MeterFacts], path: Path) -> Array:
    column: Any = table["meter"].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
    place = {meter: number for number, meter in enumerate(meters)}
    names = column.dictionary.to_pylist()
    if unknown := sorted(set(names) - set(place)):
        raise _fault(path, f"meters that METERS.json does not name: {', '.join(unknown[:5])}", "add them")
    indices: Array = column.indices.to_numpy(zero_copy_only=False)
    return np.array([place[name] for name in names], np.int32)[indices]


def _instants(table: pa.Table, name: str, path: Path) -> tuple[Array, bool]:
    """(microseconds, written as epoch seconds)"""
    column: Any = table[name]
    if column.null_count:
        raise _fault(path, f"{name} is empty in {column.null_count} rows", "write a time in every row")
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        seconds = column.to_numpy()
        if len(seconds) and not 0 <= seconds.min() <= seconds.max() < _LATEST_S:
            worst = seconds.max() if seconds.max() >= _LATEST_S else seconds.min()
            raise _fault(path, f"{name} is {worst}", "write seconds since 1970, not milliseconds")
        return np.round(seconds * MICROSECOND).astype(np.int64), True
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(), False
    if not len(column):
        return np.empty(0, np.int64), True
    raise _fault(path, f"{name} is {column[0]} …", "write epoch seconds, or ISO 8601 with an offset")


def write_intervals(path: Path, names: Sequence[str], parts: Iterable[IntervalColumns], *, epoch: bool) -> None:
    """Intervals of which nothing is known are left out, those in doubt have no consumption."""
    text = pa.string()
    kinds: dict[str, pa.DataType] = dict.fromkeys(("meter", "start", "end", "consumption", "quality", "method"), text)
    schema = pa.schema(kinds | {"consumption": pa.float64()})
    with arrow_csv.CSVWriter(path, schema, write_options=arrow_csv.WriteOptions(quoting_style="needed")) as writer:
        for part in parts:
            end = part.start + part.seconds.astype(np.int64) * MICROSECOND
            columns = [
                pa.array(names).take(part.point), _times(part.start, epoch), _times(end, epoch),
                pa.array(part.consumption, from_pandas=True),
                _words(Quality, part.quality), _words(Method, part.method),
            ]  # fmt: skip
            writer.write_table(pa.table(columns, schema=schema))


def _words(kind: type[IntEnum], codes: Array) -> Any:
    words = {int(member): member.name.lower() for member in kind}
    return pa.array([words.get(code, "") for code in range(max(words) + 1)]).take(codes)


def write_totals(path: Path, rows: Iterable[tuple[str, Total]], *, epoch: bool) -> None:
    lines = [
        (name, total.first, total.last, total.consumption, total.estimated, total.missing / MICROSECOND)
        for name, total in rows
        if not math.isnan(total.consumption)
    ]
    _write(path, ("meter", "first", "last", "consumption", "estimated", "missing_s"), lines, (1, 2), epoch)


def write_verdicts(path: Path, rows: Iterable[tuple[str, Finding]], *, epoch: bool) -> None:
    lines = [(name, one.kind, one.start, one.end, one.detected, one.evidence) for name, one in rows]
    _write(path, ("meter", "class", "start", "end", "detected_at", "evidence"), lines, (2, 3, 4), epoch)


def write_alerts(path: Path, rows: Iterable[tuple[str, Alarm]], *, epoch: bool) -> None:
    lines = [(name, one.rule, one.start, one.end, one.detected, one.severity, one.evidence) for name, one in rows]
    head = ("meter", "rule", "start", "end", "detected_at", "severity", "evidence")
    _write(path, head, lines, (2, 3, 4), epoch)


def _write(path: Path, head: Sequence[str], lines: list[Any], instants: Sequence[int], epoch: bool) -> None:
    columns = [list(column) for column in zip(*lines, strict=True)]
    for index in instants if lines else ():
        columns[index] = _times(np.array(columns[index], np.int64), epoch).to_pylist()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(zip(*columns, strict=True))


def _times(instants: Array, epoch: bool) -> Any:
    """As the readings have them: epoch seconds, or ISO 8601 in UTC."""
    if not epoch:
        unit: Literal["ms", "s"] = "ms" if (instants % MICROSECOND).any() else "s"
        return pa.array(np.char.add(np.datetime_as_string(instants.astype("datetime64[us]"), unit=unit), "Z"))
    if (instants % MICROSECOND).any():
        return pa.array(instants / MICROSECOND).cast(pa.string())
    return pa.array(instants // MICROSECOND).cast(pa.string())


def _fault(path: Path, reason: str, remedy: str) -> ConfigError:
    return ConfigError([Fault(str(path), reason, remedy)])
