"""Tables as people hand them in: sheets with a title, headings and rows, as XLSX or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Cell = str | int | float | date | None

_THIN = Side(style="thin", color="999999")
_FRAME = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_HEADING = PatternFill("solid", fgColor="E8EEF4")
_WRAPPED = Alignment(vertical="center", wrap_text=True)
_WIDEST = 40


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. `name` stands on the sheet's tab, `title` above the headings, `note` below the rows."""

    name: str
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


def to_xlsx(sheets: Iterable[Sheet]) -> bytes:
    """A workbook with a sheet for each table. Text is never taken for a formula."""
    book = Workbook(write_only=True)
    for sheet in sheets:
        page = book.create_sheet(sheet.name)
        page.freeze_panes = "A3"
        for column, width in enumerate(_widths(sheet), 1):
            page.column_dimensions[get_column_letter(column)].width = width
        page.append([_cell(page, sheet.title, font=Font(bold=True, size=14))])
        page.append([_cell(page, text, font=Font(bold=True), fill=_HEADING, border=_FRAME) for text in sheet.headings])
        for row in sheet.rows:
            page.append([_cell(page, value, border=_FRAME) for value in row])
        if sheet.note:
            page.append([_cell(page, sheet.note, font=Font(italic=True, color="666666"), alignment=Alignment())])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(page: Any, value: Any, **style: Any) -> Any:
    cell = WriteOnlyCell(page, value)
    if isinstance(value, str):
        cell.data_type = "s"
    cell.alignment = _WRAPPED
    for name, part in style.items():
        setattr(cell, name, part)
    return cell


def _widths(sheet: Sheet) -> list[float]:
    """About as wide as what stands in a column; a Chinese character is as wide as two letters."""
    columns = zip(sheet.headings, *sheet.rows[:200], strict=True)
    return [min(max(_width(value) for value in column) + 2, _WIDEST) for column in columns]


def _width(value: Cell) -> int:
    text = "" if value is None else str(value)
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def to_csv(sheet: Sheet) -> bytes:
    """Headings and rows as UTF-8 with the mark by which spreadsheets know it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(sheet.headings)
    writer.writerows([["" if value is None else value for value in row] for row in sheet.rows])
    return out.getvalue().encode("utf-8-sig")
