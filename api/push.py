"""Pushed readings: from the bytes of a body to rows, whatever their form. What a row says is judged in verdicts.py."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from api.problems import Problem
from config.numbers import NUMBER

MOST_BYTES = 8 * 2**20
"""A body, also after it is unpacked."""
MOST_ROWS = 50_000
FORMS = ("application/json", "application/x-ndjson", "text/csv")
T = TypeVar("T")

_COLUMNS = {"uscc", "meter", "metering_point", "quantity", "time", "value", "unit"}
_NEEDED = {"quantity", "time", "value"}


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One reading as it was sent."""

    quantity: str
    time: str
    value: float
    uscc: str = ""
    meter: str = ""
    metering_point: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be taken; rows are counted from 1, a CSV file's header not among them."""

    row: int
    reason: str


class _Envelope(msgspec.Struct):
    readings: list[Row]


class _Loose(msgspec.Struct):
    readings: list[msgspec.Raw]


_envelope = msgspec.json.Decoder(_Envelope)
_loose = msgspec.json.Decoder(_Loose)
_row = msgspec.json.Decoder(Row)


def unpack(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding. Raises Problem, also for a small body that unpacks to a large one."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Problem("unsupported-media-type", f"Content-Encoding: {encoding}; send gzip or none")
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(body)).read(MOST_BYTES + 1)
    except EOFError:
        raise Problem("unreadable-body", "the body's gzip data end too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Problem("unreadable-body", f"the body is not gzip: {error}") from None
    if len(plain) > MOST_BYTES:
        raise too_large("after it is unpacked")
    return plain


def too_large(when: str = "") -> Problem:
    """The body is over the limit."""
    detail = f"the body is larger than {MOST_BYTES} bytes (8 MiB) {when}".rstrip()
    return Problem("body-too-large", f"{detail}; send the readings in smaller pushes")


def rows(body: bytes, media: str) -> Sequence[Row | Refused]:
    """The rows of a body in their order. Raises Problem for a body that has none that could be told apart."""
    if media == "application/json":
        return _from_json(body)
    if media == "application/x-ndjson":
        return _from_lines(body)
    if media == "text/csv":
        return _from_csv(body)
    said = media or "no Content-Type"
    raise Problem("unsupported-media-type", f"{said}; set Content-Type to one of {', '.join(FORMS)}")


def _few(found: list[T]) -> list[T]:
    if len(found) > MOST_ROWS:
        raise Problem("body-too-large", f"{len(found)} readings; a push holds at most {MOST_ROWS}")
    return found


def _from_json(body: bytes) -> Sequence[Row | Refused]:
    try:
        return _few(_envelope.decode(body).readings)
    except msgspec.ValidationError:
        pass
    except msgspec.DecodeError:
        return _from_lenient(body)
    try:
        raws = _few(_loose.decode(body).readings)
    except msgspec.ValidationError as error:
        raise _shape(str(error)) from None
    except msgspec.DecodeError:
        return _from_lenient(body)
    return [_one(raw, number) for number, raw in enumerate(raws, 1)]


def _from_lenient(body: bytes) -> Sequence[Row | Refused]:
    """Bodies with NaN, Infinity or numbers beyond 64 bits, which JSON does not know: the rows without are good."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem("unreadable-body", f"the body is not JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("readings"), list):
        raise _shape("no array `readings`")
    return [_convert(item, number) for number, item in enumerate(_few(document["readings"]), 1)]


def _shape(why: str) -> Problem:
    detail = f'the body must be {{"readings": [{{…}}, …]}}: {why}'
    return Problem("invalid-body", detail, errors=[("readings", why)])


def _one(raw: bytes | msgspec.Raw, number: int) -> Row | Refused:
    try:
        return _row.decode(raw)
    except msgspec.ValidationError as error:
        return Refused(number, _plain(error))
    except msgspec.DecodeError as error:
        try:
            return _convert(json.loads(bytes(raw)), number)
        except (ValueError, RecursionError):
            return Refused(number, f"not JSON: {error}")


def _convert(item: Any, number: int) -> Row | Refused:
    try:
        return msgspec.convert(item, Row)
    except msgspec.ValidationError as error:
        return Refused(number, _plain(error))


def _plain(error: msgspec.ValidationError) -> str:
    """`value: expected `float`, got `str`` out of msgspec's `Expected `float`, got `str` - at `$.value``."""
    what, _, where = str(error).partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    return f"{field}: {what[0].lower()}{what[1:]}" if field else what


def _from_lines(body: bytes) -> Sequence[Row | Refused]:
    lines = _few([line for line in body.splitlines() if line.strip()])
    return [_one(line, number) for number, line in enumerate(lines, 1)]


def _from_csv(body: bytes) -> Sequence[Row | Refused]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem("unreadable-body", f"the body is not UTF-8: {error}") from None
    table = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [name.strip() for name in next(table, [])]
        _check_header(header)
        lines = _few([cells for cells in table if any(cells)])
    except csv.Error as error:
        raise Problem("unreadable-body", f"the body is not CSV, line {table.line_num}: {error}") from None
    return [_line(header, cells, number) for number, cells in enumerate(lines, 1)]


def _check_header(header: list[str]) -> None:
    faults = [(name, "is not a column of readings") for name in header if name not in _COLUMNS]
    faults += [(name, "is missing") for name in sorted(_NEEDED - set(header))]
    faults += [(name, "stands there twice") for name in sorted(set(header)) if header.count(name) > 1]
    if faults:
        detail = (
            f"header: {'; '.join(f'{name!r} {what}' for name, what in faults)}; columns: {', '.join(sorted(_COLUMNS))}"
        )
        raise Problem("invalid-body", detail, errors=faults)


def _line(header: list[str], cells: list[str], number: int) -> Row | Refused:
    if len(cells) != len(header):
        return Refused(number, f"{len(cells)} cells under {len(header)} columns")
    fields = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    value = fields.pop("value")
    return Row(value=float(value) if NUMBER.fullmatch(value) else math.nan, **fields)
