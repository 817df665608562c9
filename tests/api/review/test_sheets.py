"""Tables as files that spreadsheets open."""

import csv
import io
from datetime import date

from openpyxl import load_workbook

from api.review.sheets import Cell, Sheet, to_csv, to_xlsx

ROWS: list[list[Cell]] = [["=1+1", 1.5, date(2026, 1, 2)], ["电表，甲", None, None]]
TABLE = Sheet("B.3", "一览表", ("名称", "值", "日期"), ROWS, note="无")


def test_a_workbook_holds_what_was_put_in_and_no_formula() -> None:
    page = load_workbook(io.BytesIO(to_xlsx([TABLE, Sheet("B.4", "空", ("名称",), [])])))["B.3"]
    rows = list(page.iter_rows(values_only=True))
    assert rows[0][0] == "一览表"
    assert rows[1] == ("名称", "值", "日期")
    assert rows[2][:2] == ("=1+1", 1.5)
    assert page["A3"].data_type == "s"
    assert rows[3] == ("电表，甲", None, None)
    assert rows[4][0] == "无"


def test_csv_is_known_as_utf8() -> None:
    body = to_csv(TABLE)
    assert body.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))) == [
        ["名称", "值", "日期"],
        ["=1+1", "1.5", "2026-01-02"],
        ["电表，甲", "", ""],
    ]
