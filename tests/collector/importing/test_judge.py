"""What is taken of a file and what is refused, with file, line and column; nothing is lost between the two."""

import gzip
import time
from pathlib import Path

import numpy as np
import pytest

from collector.importing import files
from collector.importing.files import open_file
from collector.importing.judge import Judge
from collector.importing.report import Reason
from config.errors import ConfigError
from config.quality import Flag
from config.readingsform import Form, Place, TimeForm
from config.samples import MICROSECOND, SampleBatch
from tests.collector.importing.works import DAY, MOVED, START, checked, table

HEADER = "uscc,meter,metering_point,quantity,time,value,unit\n"


def sent(form: Form, file: Path) -> SampleBatch:
    judge = Judge(table(), form, 3650 * DAY)
    opened = open_file(file, form)
    [part] = judge.parts(opened, judge.layout(opened))
    return part.batches["W"]


def test_rows_find_their_points(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        HEADER
        + "W,M-1,,active_energy_import,2026-01-10T23:59:59Z,1.5,MWh\n"
        + "W,M-1,,active_energy_import,2026-01-11T00:00:00Z,2,\n"
        + "W,,E-1,active_power,2026-01-02T08:00:00+08:00,3000,W\n"
    )
    batch = sent(Form(), file)
    assert batch.point.tolist() == [1, 3, 2]
    assert batch.value.tolist() == [1500, 2, 3]
    assert batch.time.tolist() == [MOVED - MICROSECOND, MOVED, START + DAY]
    assert set(batch.flags.tolist()) == {Flag.SENDER_CLOCK}


def test_every_refusal_is_said_with_its_place(tmp_path: Path) -> None:
    ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 400))
    rows = {
        "W,M-1,,active_power,2026-01-02T00:00:00Z,1,": None,
        "X,M-1,,active_power,2026-01-02T00:00:00Z,1,": Reason.NO_ENTERPRISE,
        "W,M-9,,active_power,2026-01-02T00:00:00Z,1,": Reason.NO_METER,
        "W,,E-9,active_power,2026-01-02T00:00:00Z,1,": Reason.NO_PLACE,
        "W,M-1,E-1,active_power,2026-01-02T00:00:00Z,1,": Reason.NEITHER,
        "W,,,active_power,2026-01-02T00:00:00Z,1,": Reason.NEITHER,
        "W,M-1,,active_pow,2026-01-02T00:00:00Z,1,": Reason.NO_QUANTITY,
        "W,M-1,,heat,2026-01-02T00:00:00Z,1,": Reason.NOT_KEPT,
        "W,,E-1,heat,2026-01-02T00:00:00Z,1,": Reason.NOT_KEPT,
        "W,M-1,,active_power,2026-01-02T00:00:00Z,1,kWh": Reason.NO_UNIT,
        "W,M-1,,active_power,2025-12-31T00:00:00Z,1,": Reason.NOT_INSTALLED,
        "W,,E-1,active_power,2026-01-12T00:00:00Z,1,": Reason.NOT_INSTALLED,
        "W,M-1,,active_power,2026-01-02T00:00:00,1,": Reason.NO_ZONE,
        "W,M-1,,active_power,yesterday,1,": Reason.BAD_TIME,
        "W,M-1,,active_power,,1,": Reason.NO_TIME,
        f"W,M-1,,active_power,{ahead},1,": Reason.FUTURE,
        "W,M-1,,active_power,2026-01-02T00:00:00Z,nan,": Reason.NOT_FINITE,
        "W,M-1,,active_power,2026-01-02T00:00:00Z,,": Reason.NO_VALUE,
        "W,M-1,,active_power,2026-01-02T00:00:00Z,--,": Reason.BAD_VALUE,
        "W,M-1": Reason.CELLS,
    }
    file = tmp_path / "a.csv"
    file.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    report = checked(Form(), file)
    found = {example.place.split()[0]: example.reason for example in report.examples}
    assert found == {f"{file}:{line}": reason for line, reason in enumerate(rows.values(), 2) if reason}
    assert report.accepted == 1
    assert report.refused.total() == len(rows) - 1
    assert f"{file}:4 meter: 'M-9' the enterprise has no such meter; correct it, or register it" in report.text("ok")


def test_before_2000_and_before_what_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,value\n1999-12-31T00:00:00Z,1\n2003-01-01T00:00:00Z,1\n1970-01-01,1\n9999-01-01,1\n")
    form = Form(fixed=Place(uscc="W", metering_point="E-1", quantity="active_power"), time=TimeForm(zone="UTC"))
    assert checked(form, file).refused == {Reason.EARLY: 2, Reason.OLD: 1, Reason.FUTURE: 1}


def test_wide_files_have_holes(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,E-1,E-2\n2026-01-02 08:00,1,\n2026-01-12 08:00,,2\n2026-01-13 08:00,x,3\n")
    form = Form(
        fixed=Place(uscc="W", quantity="active_energy_import", unit="MWh"),
        time=TimeForm(zone="Asia/Shanghai"),
        wide="metering_point",
    )
    batch = sent(form, file)
    assert (batch.point.tolist(), batch.value.tolist()) == ([1, 3, 3], [1000, 2000, 3000])
    assert batch.time[0] == START + DAY
    assert set(batch.flags.tolist()) == {Flag.SENDER_CLOCK | Flag.DECLARED_ZONE}
    report = checked(form, file)
    assert (report.accepted, report.empty, dict(report.refused)) == (3, 2, {Reason.BAD_VALUE: 1})
    assert report.examples[0].place == f"{file}:4 E-1"


def test_a_heading_of_a_wide_file_that_is_no_metering_point_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,E-1,X-9\n2026-01-02T08:00:00Z,1,2\n")
    form = Form(fixed=Place(uscc="W", quantity="active_energy_import"), wide="metering_point")
    report = checked(form, file)
    assert (report.accepted, dict(report.refused)) == (1, {Reason.NO_PLACE: 1})
    assert report.examples[0].place == f"{file}:2 X-9"


def test_words_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("表号,项目,时间,读数\nM-1,正向有功,2026/1/2 8:00,7\n")
    form = Form(
        columns={"meter": "表号", "quantity": "项目", "time": "时间", "value": "读数"},
        fixed=Place(uscc="W"),
        quantities={"正向有功": "active_energy_import"},
        time=TimeForm(format="%Y/%m/%d %H:%M", zone="Asia/Shanghai"),
    )
    assert sent(form, file).point.tolist() == [1]


def test_only_the_first_refusals_are_listed_but_all_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 4096)
    file = tmp_path / "a.csv"
    file.write_text(HEADER + "W,M-9,,active_power,2026-01-02T00:00:00Z,1,\n" * 1000)
    report = checked(Form(), file)
    assert (len(report.examples), report.refused) == (20, {Reason.NO_METER: 1000})
    assert "… and 980 more" in report.text("ok")


def test_nothing_is_lost_between_taken_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 2000)
    random = np.random.default_rng(7)
    pick = [["W", "X", ""], ["M-1", "M-2"], ["", "E-1"], ["active_power", "heat"], ["2026-01-02T00:00:00Z", "?"],
            ["1", "x", ""], ["", "kW", "J"]]  # fmt: skip
    lines = [",".join(words[random.integers(len(words))] for words in pick) for _ in range(500)]
    lines[100:101] = ["", "a,b", '"']
    file = tmp_path / "a.csv"
    file.write_text(HEADER + "\n".join(lines))
    report = checked(Form(), file)
    assert report.accepted + report.refused.total() == len(lines) - 1


def test_all_faulty_files_are_said_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,value\n")
    with pytest.raises(ConfigError) as error:
        checked(Form(), tmp_path / "a.csv", tmp_path / "b.csv")
    assert "a.csv:1" in str(error.value)
    assert "b.csv: cannot be read" in str(error.value)


def test_a_damaged_file_is_said_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 1 << 14)
    rows = [f"W,M-1,,active_power,2026-01-02T00:00:00Z,{n * 7919 % 100_003},\n" for n in range(20_000)]
    damaged, sound = tmp_path / "a.csv.gz", tmp_path / "b.csv"
    damaged.write_bytes(gzip.compress((HEADER + "".join(rows)).encode())[:-5000])
    sound.write_text(HEADER + "".join(rows[:10]))
    before = checked(Form(), damaged)
    report = checked(Form(), damaged, sound)
    assert 0 < before.accepted < len(rows)
    assert report.accepted == before.accepted + 10
    assert len(report.damaged) == 1
    assert f"{damaged}: cannot be read: it is damaged" in report.text("ok")
