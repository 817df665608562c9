"""Columns as ready bytes: columnar JSON, CSV or Arrow. No object per row is ever made."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from fastapi import Response
from numpy.typing import NDArray

from api.consumption import Buckets
from api.problems import Problem
from api.times import iso
from config.quality import Quality
from config.samples import Instants

if TYPE_CHECKING:
    import pyarrow

Form = Literal["application/json", "text/csv", "application/vnd.apache.arrow.stream"]
FORMS: dict[str, Form] = {
    "application/json": "application/json",
    "text/csv": "text/csv",
    "application/vnd.apache.arrow.stream": "application/vnd.apache.arrow.stream",
    "application/*": "application/json",
    "text/*": "text/csv",
    "*/*": "application/json",
}
RESPONSES: dict[int | str, dict[str, Any]] = {200: {"content": {form: {} for form in FORMS if "*" not in form}}}
"""How a route documents that it answers in these forms."""
QUALITY = tuple(quality.word for quality in Quality)


@dataclass(frozen=True, slots=True)
class Times:
    """A column of instants, shown in the zone of the answer."""

    instants: Instants


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words given by their places in a table."""

    codes: NDArray[Any]
    table: tuple[str, ...]


Column = Times | Words | NDArray[Any]
Columns = Mapping[str, Column]
"""Numbers are arrays; NaN in them means missing."""


def bucket_columns(found: Buckets) -> dict[str, Column]:
    """The columns of a consumption series, without its starts."""
    return {
        "value": found.value,
        "quality": Words(found.quality, QUALITY),
        "expected": found.expected,
        "received": found.received,
        "estimated": found.estimated,
    }


def accepted(header: str) -> Form:
    """The form to answer in, by an `Accept` header. Raises Problem when it accepts none."""
    wishes: list[tuple[float, Form]] = []
    for wish in header.split(","):
        media, *options = (part.strip().lower() for part in wish.split(";"))
        weight = next((option[2:] for option in options if option.startswith("q=")), "1")
        if media in FORMS and _number(weight) > 0:
            wishes.append((_number(weight), FORMS[media]))
    if wishes:
        return max(wishes, key=lambda wish: wish[0])[1]
    raise Problem("not-acceptable", f"Accept: {header}; a series is {', '.join(dict.fromkeys(FORMS.values()))}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def answer(form: Form, head: Mapping[str, Any], columns: Columns, zone: str) -> Response:
    """A series in the form asked for. `head`: what holds for all of it."""
    if form == "text/csv":
        body = to_csv(columns, zone)
    elif form == "application/vnd.apache.arrow.stream":
        body = to_arrow(head, columns, zone)
    else:
        body = to_json(head, columns, zone)
    return reply(form, head, body)


def reply(form: Form, head: Mapping[str, Any], body: bytes) -> Response:
    """Bytes that are ready to go; they depend on `Accept`. As of when they hold is said in the headers too."""
    media = "text/csv; charset=utf-8" if form == "text/csv" else form
    held = {"Wanjia-As-Of": head["as_of"].isoformat()} if "as_of" in head else {}
    return Response(body, media_type=media, headers={"Vary": "Accept", **held})


def to_json(head: Mapping[str, Any], columns: Columns, zone: str) -> bytes:
    """One object: the members of `head`, then an array per column."""
    pieces: list[bytes | memoryview] = []
    for name, value in head.items():
        pieces += [b',"%s":' % name.encode(), msgspec.json.encode(value)]
    for name, column in columns.items():
        pieces += [b',"%s":' % name.encode(), *_array(column, zone)]
    pieces[0] = b"{" + bytes(pieces[0][1:])
    return b"".join([*pieces, b"}"])  # the only copy of what may be megabytes


def _array(column: Column, zone: str) -> list[bytes | memoryview]:
    if isinstance(column, Times):
        return [b"[", iso(column.instants, zone, b'"', b'",')[:-1], b"]"]
    if isinstance(column, Words):
        return [msgspec.json.encode(_spelled(column))]
    if len(column) and column.dtype.kind == "i" and (column == column[0]).all():
        return [b"[", (b"%d," % column[0] * (len(column) - 1)), b"%d]" % column[0]]
    return [msgspec.json.encode(column.tolist())]  # NaN becomes null


def to_csv(columns: Columns, zone: str) -> bytes:
    """A header line and a line per row; what is missing is empty."""
    cells = [_cells(column, zone) for column in columns.values()]
    lines = [",".join(columns), *map(",".join, zip(*cells, strict=True)), ""]
    return "\r\n".join(lines).encode()


def _cells(column: Column, zone: str) -> list[str]:
    if isinstance(column, Times):
        return bytes(iso(column.instants, zone, b"", b"\n")).decode().split("\n")[:-1]
    if isinstance(column, Words):
        return _spelled(Words(column.codes, tuple(_quoted(word) for word in column.table)))
    if column.dtype.kind == "f":
        return ["" if number != number else repr(number) for number in column.tolist()]
    return [str(number) for number in column.tolist()]


def _spelled(column: Words) -> list[str]:
    spelled: list[str] = np.array(column.table, object)[column.codes].tolist()
    return spelled


def _quoted(word: str) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([word, ""])
    return line.getvalue()[:-1]


def to_arrow(head: Mapping[str, Any], columns: Columns, zone: str) -> bytes:
    """An Arrow IPC stream of one batch; `head` is the metadata of its schema, as JSON texts."""
    import pyarrow as pa  # heavy, and few ask for it

    names, arrays = list(columns), [_arrow(column, zone) for column in columns.values()]
    metadata = {name: msgspec.json.encode(value) for name, value in head.items()}
    table = pa.Table.from_arrays(arrays, names=names).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _arrow(column: Column, zone: str) -> pyarrow.Array[Any]:
    import pyarrow as pa

    if isinstance(column, Times):
        return pa.array(column.instants, pa.timestamp("us", zone))
    if isinstance(column, Words):
        return pa.DictionaryArray.from_arrays(column.codes.astype(np.int32), list(column.table))
    return pa.array(column, from_pandas=True)
