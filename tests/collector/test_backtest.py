"""Backtests of files: what is written, that it is causal, and what is said of files that cannot be used."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from collector.backtest import backtest
from config.errors import ConfigError
from tests.benchmarks.faults import seeded
from wanjia import main

START = 1_767_225_600
"""2026-01-01T00:00Z"""
FACTS = {
    "carrier": "electricity", "cadence_s": 900, "resolution": 0.01, "modulus": None, "rated_per_hour": 100,
    "zone": "Asia/Shanghai",
}  # fmt: skip

Row = dict[str, str]


def run(folder: Path, rows: list[tuple[object, object, object]], **facts: object) -> dict[str, list[Row]]:
    """The files written for one meter from (arrived, read, register)."""
    (folder / "r.csv").write_text(
        "meter,arrived_at,read_at,register\n" + "".join(f"E-1,{a},{t},{v}\n" for a, t, v in rows)
    )
    (folder / "m.json").write_text(json.dumps({"E-1": FACTS | facts}))
    backtest(folder / "r.csv", folder / "m.json", folder / "out")
    return {
        name: list(csv.DictReader((folder / "out" / f"{name}.csv").read_text().splitlines()))
        for name in ("intervals", "totals", "verdicts")
    }


def steady(values: list[float | None]) -> list[tuple[object, object, object]]:
    """Readings each quarter of an hour, arriving 5 s later; None: missing."""
    return [(START + n * 900 + 5, START + n * 900, value) for n, value in enumerate(values) if value is not None]


def classes(found: dict[str, list[Row]]) -> list[tuple[str, int, int, int]]:
    """(class, quarter of the start, quarter of the end, quarter after which it was told)"""
    return [
        (row["class"], _quarter(row["start"]), _quarter(row["end"]), _quarter(row["detected_at"]))
        for row in found["verdicts"]
    ]


def _quarter(instant: str) -> int:
    return (int(instant) - START) // 900


def test_what_is_written(tmp_path: Path) -> None:
    found = run(tmp_path, steady([100, 101, 103, None, None, 109]))
    assert found["intervals"][0] == {
        "meter": "E-1", "start": str(START), "end": str(START + 900), "consumption": "1", "quality": "measured",
        "method": "register",
    }  # fmt: skip
    assert [row["quality"] for row in found["intervals"]] == ["measured"] * 2 + ["estimated"] * 3
    assert found["totals"] == [
        {
            "meter": "E-1", "first": str(START), "last": str(START + 4500), "consumption": "9.0", "estimated": "6.0",
            "missing_s": "0.0",
        }
    ]  # fmt: skip
    assert classes(found) == [("gap", 3, 4, 5)]


def test_times_as_iso_8601(tmp_path: Path) -> None:
    found = run(tmp_path, [("2026-01-01T08:00:01+08:00", "2026-01-01T08:00:00+08:00", 1),
                           ("2026-01-01T08:15:01+08:00", "2026-01-01T08:15:00+08:00", 2)])  # fmt: skip
    assert [(row["start"], row["end"], row["consumption"]) for row in found["intervals"]] == [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z", "1")
    ]


@pytest.mark.parametrize(
    ("values", "facts", "verdicts", "consumption"),
    [
        ([100, 101, 0, 103, 104], {}, [("transient", 2, 2, 3)], 4),
        ([100, 101, 9000, 9001, 9002, 104, 105], {}, [("transient", 2, 4, 5)], 5),
        ([9990, 9995, 3, 8], {"modulus": 10_000}, [("rollover", 2, 2, 3)], 18),
        ([9990, 9995, 3, 8], {}, [("rollover", 2, 2, 3)], 18),
        ([32220, 32228, 4, 9], {"resolution": 1, "rated_per_hour": 2500}, [("rollover", 2, 2, 3)], 557),
        ([5000, 5001, 0, 1, 2], {}, [("reset", 2, 2, 4)], 3),
        ([500, 502, 501, 499, 497, 498, 500], {}, [("reverse", 2, 4, 3)], 0),
        ([500, 502, -503, -504, 505, 506], {}, [("reverse", 2, 3, 2)], 6),
        ([500, 502, 501.99, 502, 503], {}, [("jitter", 2, 2, 2)], 3),
        ([500, 510, 510, 510, 510, 550, 560, 570], {"rated_per_hour": 50}, [("frozen", 2, 4, 6)], 70),
        ([500, 501, *range(900, 908)], {}, [("limit", 2, 2, 7)], 8),
    ],
)
def test_each_class(
    tmp_path: Path,
    values: list[float | None],
    facts: dict[str, object],
    verdicts: list[tuple[str, int, int, int]],
    consumption: float,
) -> None:
    found = run(tmp_path, steady(values), **facts)
    assert classes(found) == verdicts
    assert float(found["totals"][0]["consumption"]) == pytest.approx(consumption)
    evidence = json.loads(found["verdicts"][0]["evidence"])
    assert evidence["before"] == values[verdicts[0][1] - 1]


def test_the_first_value_stays_and_late_readings_fill_their_gap(tmp_path: Path) -> None:
    rows = steady([100, 101, 102, 103, 104])
    rows[2] = (START + 4 * 900 + 60, START + 2 * 900, 102)
    rows += [(START + 910, START + 900, 101), (START + 930, START + 900, 55)]
    found = run(tmp_path, rows)
    assert classes(found) == [("conflict", 1, 1, 1), ("duplicate", 1, 1, 1), ("late", 2, 2, 4)]
    assert [row["consumption"] for row in found["intervals"]] == ["1"] * 4


def test_a_frozen_register_is_booked_over_the_time_it_stood_still(tmp_path: Path) -> None:
    found = run(tmp_path, steady([500, 510, 510, 510, 510, 550, 560, 570]), rated_per_hour=50)
    booked = [(float(row["consumption"]), row["quality"]) for row in found["intervals"]]
    assert booked == [(10, "measured"), *[(10, "estimated")] * 4, (10, "measured"), (10, "measured")]


def test_intervals_add_up_to_the_totals_whatever_happened(tmp_path: Path) -> None:
    chance = Random(4)
    energy = np.array([chance.uniform(0.5, 2) for _ in range(3000)])
    meter = seeded("E-1", START, 900, energy, chance)
    found = run(tmp_path, list(meter.rows), **meter.facts())
    assert {kind for kind, *_ in classes(found)} >= {"gap", "late", "duplicate", "transient"}
    total = float(found["totals"][0]["consumption"])
    assert total == pytest.approx(meter.energy)
    assert sum(float(row["consumption"] or 0) for row in found["intervals"]) == pytest.approx(total)


def test_the_order_of_the_files_rows_does_not_matter(tmp_path: Path) -> None:
    chance = Random(5)
    meter = seeded("E-1", START, 900, np.array([chance.uniform(0.5, 2) for _ in range(1000)]), chance)
    found = run(tmp_path, list(meter.rows), **meter.facts())
    chance.shuffle(meter.rows)
    assert run(tmp_path, list(meter.rows), **meter.facts()) == found


def test_what_was_told_by_an_instant_is_told_without_what_came_after(tmp_path: Path) -> None:
    chance = Random(6)
    meter = seeded("E-1", START, 900, np.array([chance.uniform(0.5, 2) for _ in range(1500)]), chance)
    whole = run(tmp_path, list(meter.rows), **meter.facts())["verdicts"]
    until = START + 900_000
    part = run(tmp_path, [row for row in meter.rows if row[0] <= until], **meter.facts())["verdicts"]
    told = [row for row in whole if int(row["detected_at"]) <= until]
    assert [row for row in told if row not in part] == []


def test_files_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.csv").write_text("meter,arrived_at,read_at,register\nE-9,1,1,1\n")
    (tmp_path / "m.json").write_text(json.dumps({"E-1": FACTS}))
    files = [str(tmp_path / "r.csv"), "--meters", str(tmp_path / "m.json"), "--out", str(tmp_path / "out")]
    assert main(["backtest", *files]) == 2
    assert "E-9" in capsys.readouterr().err
    (tmp_path / "m.json").write_text(json.dumps({"E-9": FACTS | {"resolution": 0, "zone": "Nowhere"}}))
    with pytest.raises(ConfigError) as raised:
        backtest(tmp_path / "r.csv", tmp_path / "m.json", tmp_path / "out")
    assert len(raised.value.faults) == 2
    (tmp_path / "m.json").write_text(json.dumps({"E-9": FACTS}))
    (tmp_path / "r.csv").write_text(
        "meter,arrived_at,read_at,register\nE-9,2026-01-01T00:00:00,2026-01-01T00:00:00,1\n"
    )
    with pytest.raises(ConfigError, match="offset"):
        backtest(tmp_path / "r.csv", tmp_path / "m.json", tmp_path / "out")
    for row, reason in (("1767225605000,1767225600000,1", "not milliseconds"), ("1767225605,1767225600,?", "register")):
        (tmp_path / "r.csv").write_text(f"meter,arrived_at,read_at,register\nE-9,{row}\n")
        with pytest.raises(ConfigError, match=reason):
            backtest(tmp_path / "r.csv", tmp_path / "m.json", tmp_path / "out")
