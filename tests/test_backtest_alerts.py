"""`wanjia backtest` writes what the detector tells of the readings of a file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from tests.alerts.test_detect import START, span, works
from wanjia import main

SECOND = 1_000_000


def alerts(folder: Path, rows: list[str], **facts: object) -> list[dict[str, str]]:
    (folder / "r.csv").write_text("meter,arrived_at,read_at,register\n" + "\n".join(rows) + "\n")
    known = {"cadence_s": 3600, "resolution": 0.01, "rated_per_hour": None, "zone": "UTC"}
    (folder / "m.json").write_text(json.dumps({"E-1": known | facts}))
    assert main(["backtest", f"{folder}/r.csv", "--meters", f"{folder}/m.json", "--out", f"{folder}/out"]) == 0
    return list(csv.DictReader((folder / "out" / "alerts.csv").read_text().splitlines()))


def readings(value: np.ndarray, late_s: int = 5) -> list[str]:
    register = np.concatenate([[1000.0], 1000 + np.cumsum(value)])
    time = START // SECOND + np.arange(len(register)) * 3600
    return [f"E-1,{at + late_s},{at},{count:.2f}" for at, count in zip(time.tolist(), register, strict=True)]


def test_a_fault_is_an_alert_told_when_its_readings_had_arrived(tmp_path: Path) -> None:
    value = works(90)
    value[span(64.25, 66.5)] = 0
    (row,) = alerts(tmp_path, readings(value))
    start = START // SECOND
    assert (row["meter"], row["rule"], row["severity"]) == ("E-1", "zero", "critical")
    assert (int(row["start"]), int(row["end"])) == (start + 64 * 86400 + 6 * 3600, start + 66 * 86400 + 12 * 3600)
    assert int(row["detected_at"]) == start + 65 * 86400 + 5


def test_what_the_nameplate_refuses_is_seen_all_the_same(tmp_path: Path) -> None:
    value = works(90)
    value[span(64.25, 67.5)] *= 10
    assert [row["rule"] for row in alerts(tmp_path, readings(value), rated_per_hour=150)] == ["scale"]


def test_a_gap_is_no_alert_of_the_detector(tmp_path: Path) -> None:
    rows = readings(works(90))
    assert alerts(tmp_path, rows[: 24 * 60] + rows[24 * 63 :]) == []


def test_a_meter_read_once_a_day_has_no_alerts(tmp_path: Path) -> None:
    assert alerts(tmp_path, readings(works(90))[::24], cadence_s=86400) == []
