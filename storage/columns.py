"""numpy columns ↔ PostgreSQL's binary COPY format, whole columns at a time.

A row on the wire is a field count and, per field, its length and its bytes, all big-endian. Rows without NULL are all
equally long, so a batch is one structured array. Reading, NULL must be given by the query as NaN
(`coalesce(x, 'NaN')`), which keeps rows equally long; writing, NaN in a nullable column becomes NULL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from storage.database import Connection

Array = NDArray[Any]

_TYPES = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "float8": ">f8", "float8?": ">f8", "timestamptz": ">i8"}
_EPOCH = 946_684_800_000_000
"""PostgreSQL counts microseconds from 2000-01-01T00:00Z."""
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PIECE = 2**18
"""Bytes handed to the server at a time: it works on one while the next is on its way."""


class Layout:
    """The columns of one COPY in their order: name and type, `float8?` being a float that may be NULL when written.

    In arrays an instant (timestamptz) is int64 microseconds since 1970.
    """

    def __init__(self, **columns: str) -> None:
        self.types = columns
        self.names = tuple(columns)
        fields = [(name, _TYPES[kind]) for name, kind in columns.items()]
        lengths = [(f"{name} length", ">i4") for name in columns]
        pairs = [item for pair in zip(lengths, fields, strict=True) for item in pair]
        self.row = np.dtype([("fields", ">i2"), *pairs])

    def encode(self, *arrays: Array) -> bytes:
        """A COPY file of these columns, all of one length."""
        table = np.empty(len(arrays[0]), self.row)
        table["fields"] = len(self.names)
        for (name, kind), array in zip(self.types.items(), arrays, strict=True):
            table[name] = array - _EPOCH if kind == "timestamptz" else array
            table[f"{name} length"] = self.row[name].itemsize
        return b"".join((_HEADER, self._rows(table), _TRAILER))

    def _rows(self, table: Array) -> bytes:
        """Bytes of the rows; a NULL has length -1 and no bytes."""
        kept = None
        for name in (name for name, kind in self.types.items() if kind == "float8?"):
            null = np.isnan(table[name])
            if null.any():
                kept = np.ones((len(table), self.row.itemsize), np.bool_) if kept is None else kept
                offset = self.row.fields[name][1]  # type: ignore[index]
                kept[null, offset : offset + 8] = False
                table[f"{name} length"][null] = -1
        rows = table.view(np.uint8).reshape(len(table), self.row.itemsize)
        return rows.tobytes() if kept is None else rows[kept].tobytes()

    def decode(self, data: bytes) -> list[Array]:
        """The columns of a COPY file. Raises ValueError if a row is not of this layout (a NULL among others)."""
        size = len(data) - len(_HEADER) - len(_TRAILER)
        count, rest = divmod(size, self.row.itemsize)
        if rest or size < 0 or not data.startswith(_HEADER):
            raise ValueError(f"{size} bytes of rows are not rows of {self.types} without NULL")
        table = np.frombuffer(data, self.row, count, len(_HEADER))
        return [self._column(table, name, kind) for name, kind in self.types.items()]

    def _column(self, table: Array, name: str, kind: str) -> Array:
        if (table[f"{name} length"] != self.row[name].itemsize).any():
            raise ValueError(f"column {name} is not {kind} in every row, or NULL in one")
        column = table[name].astype(self.row[name].newbyteorder("="))
        return column + _EPOCH if kind == "timestamptz" else column


def instant(microseconds: int) -> datetime:
    """An instant of an array as a query argument."""
    return _UNIX_EPOCH + timedelta(microseconds=int(microseconds))


async def copy_in(conn: Connection, table: str, layout: Layout, *arrays: Array) -> None:
    """Append columns to a table; the layout's names are the table's."""
    data = layout.encode(*arrays)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), _PIECE):
            yield data[start : start + _PIECE]

    await conn.copy_to_table(table, source=pieces(), columns=layout.names, format="binary")


async def copy_out(conn: Connection, query: str, layout: Layout, *arguments: object) -> list[Array]:
    """The result of a query as columns; the layout names its columns by position. Arrays may be arguments."""
    parts: list[bytes] = []

    async def take(data: bytes) -> None:
        parts.append(data)

    values = [value.tolist() if isinstance(value, np.ndarray) else value for value in arguments]
    await conn.copy_from_query(query, *values, output=take, format="binary")
    return layout.decode(b"".join(parts))
