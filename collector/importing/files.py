"""Files of readings as blocks of columns: CSV (also gzipped), Parquet and XLSX, a part at a time."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, Protocol
from xml.etree.ElementTree import ParseError

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from collector.importing.report import Reason
from config.errors import ConfigError, Fault, unreadable
from config.readingsform import Form

BLOCK_BYTES = 8 << 20
DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, ParseError, KeyError, ValueError)
"""What the readers of the kinds raise for files that are not what they should be."""
LONGEST_LINE = 1 << 26
BLOCK_CELLS = 800_000
SHEET_ROWS = 10_000
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows: the wanted columns, the line each stands on, and the lines that could not be read."""

    columns: Mapping[str, pa.Array[Any]]
    line: NDArray[np.int64]
    wrong: Sequence[tuple[int, str, Reason]] = ()
    """(line, its text, why)."""
    size: int = 0
    """How much of the file this was, in units of `File.size`."""


class File(Protocol):
    """A file that is open for reading."""

    path: Path
    header: tuple[str, ...]
    where: str
    """File and line of the header."""
    size: int

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]: ...


def open_file(path: Path, form: Form) -> File:
    """Raises ConfigError for a file that has no rows to be told apart."""
    kinds: dict[str, type[CsvFile | ParquetFile | XlsxFile]] = {
        **dict.fromkeys((".csv", ".csv.gz", ".txt", ".tsv"), CsvFile),
        ".parquet": ParquetFile,
        ".xlsx": XlsxFile,
    }
    kind = next((kind for ending, kind in kinds.items() if path.name.lower().endswith(ending)), None)
    if kind is None:
        raise ConfigError([Fault(str(path), "is of no known kind", f"give one of {', '.join(kinds)}")])
    try:
        return kind(path, form)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise ConfigError([unreadable(path, error)]) from None
    except DAMAGE as error:
        raise _unreadable(path, str(error)) from None


def read(file: File, columns: Sequence[str]) -> Iterator[Block]:
    """All blocks of a file. Raises ConfigError where it turns out to be damaged; what came before is good."""
    try:
        yield from file.blocks(columns)
    except DAMAGE as error:
        raise _unreadable(file.path, f"it is damaged: {error}") from None


def _unreadable(path: Path, why: str) -> ConfigError:
    return ConfigError([Fault(str(path), f"cannot be read: {why}", "give an undamaged file of the kind its name says")])


class CsvFile:
    """A line is a row; what is wrong in one line does not touch the next."""

    def __init__(self, path: Path, form: Form) -> None:
        self.path, self._form = path, form.csv
        self.size = path.stat().st_size
        with self._open() as (_, file):
            head = list(islice(file, form.csv.skip + 1))
        line = form.csv.skip + 1
        self.where = f"{path}:{line}"
        if len(head) < line or not head[-1].strip():
            raise ConfigError([Fault(self.where, "there is no header", "begin with the names of the columns")])
        text = self._text(head[-1]).strip("\r\n")
        self._delimiter = form.csv.delimiter or max(_DELIMITERS, key=text.count)
        self.header = tuple(name.strip() for name in next(csv.reader([text], delimiter=self._delimiter)))

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        with self._open() as (raw, file):
            for _ in range(self._form.skip + 1):
                file.readline()
            line, rest, before = self._form.skip + 2, b"", 0
            while data := file.read(BLOCK_BYTES):
                data, newline, tail = (rest + data).rpartition(b"\n")
                rest = tail
                if len(rest) > LONGEST_LINE:
                    raise _unreadable(self.path, f"line {line} is longer than {LONGEST_LINE} bytes")
                if newline:
                    at = raw.tell()
                    yield self._block(data, line, columns, at - before)
                    line, before = line + data.count(b"\n") + 1, at
            if rest:
                yield self._block(rest, line, columns, self.size - before)

    @contextmanager
    def _open(self) -> Iterator[tuple[IO[bytes], IO[bytes] | gzip.GzipFile]]:
        """The file as it is on disk, which knows how far it is read, and what is in it."""
        with self.path.open("rb") as raw:
            if self.path.suffix != ".gz":
                yield raw, raw
                return
            with gzip.open(raw) as unpacked:
                yield raw, unpacked

    def _text(self, data: bytes) -> str:
        try:
            return data.decode(self._form.encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            what, fix = f"is not {self._form.encoding}", "save it as UTF-8, or name its encoding (csv: encoding: gbk)"
            raise ConfigError([Fault(self.where, what, fix)]) from None

    def _block(self, data: bytes, first: int, columns: Sequence[str], size: int) -> Block:
        wrong: list[tuple[int, str, Reason]] = []
        line = np.arange(first, first + data.count(b"\n") + 1, dtype=np.int64)
        data = data.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b" ")
        data, line = self._sound(data, line, wrong)
        tables = list(self._tables(data, line, columns, wrong)) if len(line) else []
        empty = pa.array([], pa.string())
        found = {name: pa.concat_arrays([empty, *(table[name] for table, _ in tables)]) for name in columns}
        return Block(found, np.concatenate([line[:0], *(kept for _, kept in tables)]), wrong, size)

    def _tables(
        self, data: bytes, line: NDArray[np.int64], columns: Sequence[str], wrong: list[tuple[int, str, Reason]]
    ) -> Iterator[tuple[Mapping[str, pa.Array[Any]], NDArray[np.int64]]]:
        """The columns of these lines, in pieces. Where a quote swallows line ends, halves until its line is alone."""
        refused: list[arrow_csv.InvalidRow] = []

        def refuse(row: arrow_csv.InvalidRow) -> Literal["skip"]:
            refused.append(row)
            return "skip"

        table = arrow_csv.read_csv(
            io.BytesIO(data),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=list(self.header)),
            arrow_csv.ParseOptions(delimiter=self._delimiter, ignore_empty_lines=False, invalid_row_handler=refuse),
            arrow_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=list(columns),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        if table.num_rows + len(refused) != len(line):
            lines, middle = data.split(b"\n"), len(line) // 2
            for part in (slice(middle), slice(middle, None)):
                yield from self._tables(b"\n".join(lines[part]), line[part], columns, wrong)
            return
        skipped = [(row.number or 1) - 1 for row in refused]
        wrong += [(int(line[at]), row.text, Reason.CELLS) for at, row in zip(skipped, refused, strict=True)]
        yield {name: _joined(table.column(name)) for name in columns}, np.delete(line, skipped)

    def _sound(
        self, data: bytes, line: NDArray[np.int64], wrong: list[tuple[int, str, Reason]]
    ) -> tuple[bytes, NDArray[np.int64]]:
        """The lines that can be read as UTF-8 text, without the empty ones; the others to `wrong`."""
        kept = _filled(data)
        if b'"' in data:
            kept &= (closed := _closed(data))
            lines = data.split(b"\n")
            wrong += [
                (int(line[n]), lines[n].decode("utf-8", "replace"), Reason.QUOTE) for n in np.flatnonzero(~closed)
            ]
        if not kept.all():
            lines = data.split(b"\n")
            data, line = b"\n".join(lines[n] for n in np.flatnonzero(kept)), line[kept]
        try:
            if self._form.encoding != "utf-8":
                data = data.decode(self._form.encoding).encode()
            elif not data.isascii():
                data.decode()
        except UnicodeDecodeError:
            data, line = self._decodable(data, line, wrong)
        return data, line

    def _decodable(
        self, data: bytes, line: NDArray[np.int64], wrong: list[tuple[int, str, Reason]]
    ) -> tuple[bytes, NDArray[np.int64]]:
        good: list[bytes] = []
        kept = np.ones(len(line), np.bool_)
        for number, one in enumerate(data.split(b"\n")):
            try:
                good.append(one.decode(self._form.encoding).encode())
            except UnicodeDecodeError:
                kept[number] = False
                wrong.append((int(line[number]), one.decode("ascii", "backslashreplace"), Reason.ENCODING))
        return b"\n".join(good), line[kept]


def _joined(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())


def _filled(data: bytes) -> NDArray[np.bool_]:
    """Which lines hold anything."""
    ends = np.append(np.flatnonzero(np.frombuffer(data, np.uint8) == 10), len(data))
    return np.asarray(np.diff(ends, prepend=-1) > 1)


def _closed(data: bytes) -> NDArray[np.bool_]:
    """Which lines have an even number of quotes."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.append(np.flatnonzero(raw == 10), len(raw))
    before = np.searchsorted(np.flatnonzero(raw == 34), ends)
    return np.asarray(np.diff(before, prepend=0) % 2 == 0)


class ParquetFile:
    """Lines are rows, counted from 1."""

    def __init__(self, path: Path, form: Form) -> None:
        self.path, self.where = path, str(path)
        with parquet.ParquetFile(path) as file:
            self.header = tuple(file.schema_arrow.names)
            self.size = file.metadata.num_rows

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        line = 1
        with parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(
                max(BLOCK_CELLS // len(columns), 1), columns=list(columns), use_threads=False
            ):
                found = {name: batch.column(name) for name in columns}
                yield Block(found, np.arange(line, line + len(batch)), size=len(batch))
                line += len(batch)


@dataclass
class XlsxFile:
    """One sheet of a workbook, read row by row; cells become texts. Its first row is the header."""

    path: Path
    form: Form
    header: tuple[str, ...] = field(init=False)
    where: str = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        with self._rows() as rows:
            self.size = rows.last
            self.where = f"{self.path}:1"
            self.header = tuple(_cell(cell) or "" for cell in next(iter(rows), ()))
        if not any(self.header):
            raise ConfigError([Fault(self.where, "there is no header", "begin with the names of the columns")])

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        places = [self.header.index(name) for name in columns]
        line = 2
        with self._rows() as sheet:
            rows = iter(sheet)
            next(rows, None)
            while taken := list(islice(rows, SHEET_ROWS)):
                lines = np.arange(line, line + len(taken))
                filled = np.array([any(cell is not None for cell in row) for row in taken])
                kept = [row for row, full in zip(taken, filled.tolist(), strict=True) if full]
                found = {
                    name: pa.array([_cell(row[place]) if place < len(row) else None for row in kept], pa.string())
                    for name, place in zip(columns, places, strict=True)
                }
                yield Block(found, lines[filled], size=len(taken))
                line += len(taken)

    def _rows(self) -> _Rows:
        return _Rows(self.path, self.form.sheet)


class _Rows:
    """The rows of a sheet, while it is open."""

    def __init__(self, path: Path, sheet: str) -> None:
        from openpyxl import load_workbook

        self._book = load_workbook(path, read_only=True, data_only=True)
        if sheet and sheet not in self._book.sheetnames:
            self._book.close()
            what = f"has no sheet {sheet!r}"
            raise ConfigError([Fault(str(path), what, f"use one of {', '.join(self._book.sheetnames)}")])
        self._sheet: Any = self._book[sheet] if sheet else self._book.worksheets[0]
        self.last = int(self._sheet.max_row or 1)

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        rows: Iterable[tuple[Any, ...]] = self._sheet.iter_rows(values_only=True)
        return iter(rows)


def _cell(cell: Any) -> str | None:
    """A cell's text; times as ISO 8601 without offset, numbers so that they read back the same."""
    if cell is None or isinstance(cell, str):
        return cell or None
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
