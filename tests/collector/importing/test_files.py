"""Real files of each kind: lines are told right, one faulty line spoils no other, blocks join without a seam."""

import gzip
from datetime import datetime
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from collector.importing import files
from collector.importing.files import Block, open_file, read
from collector.importing.report import Reason
from config.errors import ConfigError
from config.readingsform import CsvForm, Form


def whole(path: Path, columns: list[str], form: Form | None = None) -> tuple[list[tuple[object, ...]], list[Block]]:
    """(line, cells…) of every row, and the blocks."""
    blocks = list(read(open_file(path, form or Form()), columns))
    rows = [
        (line, *cells)
        for block in blocks
        for line, *cells in zip(
            block.line.tolist(), *(block.columns[name].to_pylist() for name in columns), strict=True
        )
    ]
    return rows, blocks


def test_csv_lines_and_faults(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(
        b'\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3\r\n"x,y",4\r\n"open,5\r\n6,\xff\r\n7,8,9\r\n\n"say ""hi""",10\r\n11,12'
    )
    rows, blocks = whole(file, ["b", "a"])
    assert rows == [(2, "2", "1"), (5, "4", "x,y"), (10, "10", 'say "hi"'), (11, "12", "11")]
    wrong = sorted((line, reason) for block in blocks for line, _, reason in block.wrong)
    assert wrong == [(4, Reason.CELLS), (6, Reason.QUOTE), (7, Reason.ENCODING), (8, Reason.CELLS)]


def test_a_quote_swallows_no_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    good = [f"{n},v{n}" for n in range(50)]
    file.write_text("a,b\n" + "\n".join([*good[:20], 'x"y,"z', *good[20:40], '"two', 'lines",1', "5\r6,7", *good[40:]]))
    rows, blocks = whole(file, ["a"])
    assert [cell for _, cell in rows if str(cell).isdigit()] == [str(n) for n in range(50)]
    assert (22, 'x"y') in rows
    assert (45, "5 6") in rows
    assert sorted(line for block in blocks for line, *_ in block.wrong) == [43, 44]


@pytest.mark.parametrize("size", [7, 64, 1 << 20])
def test_blocks_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", size)
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_text("n,text\n" + "".join(f"{n},value {n}\n" + "\n" * (n % 3 == 0) for n in range(200)))
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    lines = plain.read_text().split("\n")
    for file in (plain, packed):
        rows, blocks = whole(file, ["n", "text"])
        assert [lines[int(str(line)) - 1] for line, *_ in rows] == [f"{n},value {n}" for n in range(200)]
        assert len(rows) == 200
        assert sum(block.size for block in blocks) <= file.stat().st_size


def test_csv_of_other_habits(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("报表\n\n时间;表号\n1;一号表\n".encode("gbk"))
    rows, _ = whole(file, ["表号"], Form(csv=CsvForm(encoding="gbk", skip=2)))
    assert rows == [(4, "一号表")]
    with pytest.raises(ConfigError, match="is not utf-8; save it as UTF-8, or name its encoding"):
        open_file(file, Form(csv=CsvForm(skip=2)))


def test_parquet(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"a": [1, 2, None], "b": pa.array(["x", "y", "x"]).dictionary_encode()}), file)
    assert whole(file, ["b", "a"])[0] == [(1, "x", 1), (2, "y", 2), (3, "x", None)]


def test_xlsx(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["time", "meter", "value"], [datetime(2026, 1, 31, 8), 101, 1.1], [], ["2026-02-01", "007", None]):  # noqa: DTZ001
        sheet.append(row)
    book.save(file)
    assert whole(file, ["time", "meter", "value"])[0] == [
        (2, "2026-01-31T08:00:00", "101", "1.1"),
        (4, "2026-02-01", "007", None),
    ]
    with pytest.raises(ConfigError, match="has no sheet 'Data'; use one of Sheet"):
        open_file(file, Form(sheet="Data"))


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"", "no header"),
        ("a.doc", b"x", "no known kind"),
        ("a.parquet", b"x", "cannot be read"),
        ("a.xlsx", b"x", "cannot be read"),
        ("a.csv.gz", b"x", "cannot be read"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=said):
        open_file(tmp_path / name, Form())


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        open_file(tmp_path / "none.csv", Form())


def test_damaged_further_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 1 << 16)
    file = tmp_path / "a.csv.gz"
    text = "a,b\n" + "".join(f"{n},{n}\n" for n in np.random.default_rng(1).integers(0, 1 << 40, 50_000).tolist())
    file.write_bytes(gzip.compress(text.encode())[:-50_000])
    blocks = read(open_file(file, Form()), ["a"])
    assert len(next(blocks).line)
    with pytest.raises(ConfigError, match="it is damaged"):
        list(blocks)
