"""Tariff plans: the rule of a day, its periods by the clock, and all faults of a file at once."""

from datetime import date
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.tariffs import NoTariff, Rule, load, tariff, tariffs

PLAN = """
[[tariff]]
name = "mine"
region = ["13"]
edition = "E"
valid_from = 2020-01-01
source = "S"
verified = false
holidays = [2026-01-01]
workdays = [2026-01-04]

[[tariff.rule]]
days = ["weekend", "holiday"]
valley = ["00:00-24:00"]

[[tariff.rule]]
months = [1, 12]
sharp = ["17:00-19:00"]
peak = ["08:00-11:00"]
deep_valley = ["12:00-14:00"]
valley = ["23:00-24:00", "00:00-07:00"]

[[tariff.rule]]
peak = ["08:00-11:00"]
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "tariffs.toml"
    file.write_text(text, "utf-8")
    return file


def test_seasons_weekends_and_holidays(tmp_path: Path) -> None:
    (plan,) = load(write(tmp_path, PLAN))
    all_valley = ((0, "valley"),)
    assert plan.day(date(2026, 1, 1)).clock() == all_valley
    assert plan.day(date(2026, 1, 3)).clock() == all_valley
    winter = plan.day(date(2026, 1, 4)).clock()
    assert winter == (
        (0, "valley"), (420, "flat"), (480, "peak"), (660, "flat"), (720, "deep_valley"), (840, "flat"),
        (1020, "sharp"), (1140, "flat"), (1380, "valley"),
    )  # fmt: skip
    assert plan.day(date(2026, 7, 1)).clock() == ((0, "flat"), (480, "peak"), (660, "flat"))


def test_periods_side_by_side_have_no_flat_between() -> None:
    assert Rule(peak=("08:00-10:00",), sharp=("10:00-11:00",)).clock() == (
        (0, "flat"), (480, "peak"), (600, "sharp"), (660, "flat"),
    )  # fmt: skip
    assert Rule().clock() == ((0, "flat"),)


def test_the_plan_is_that_of_region_and_day() -> None:
    assert tariff(tariffs(), "440300", date(2026, 1, 1)).name == "guangdong-2021"
    assert all(plan.verified is False for plan in tariffs())
    with pytest.raises(NoTariff, match="region 130200 on 2026-01-01"):
        tariff(tariffs(), "130200", date(2026, 1, 1))
    with pytest.raises(NoTariff):
        tariff(tariffs(), "440300", date(2021, 9, 30))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = PLAN.replace('sharp = ["17:00-19:00"]', 'sharp = ["10:00-12:00"]').replace('"00:00-24:00"', '"22:00-06:00"')
    text += PLAN.replace('"mine"', '""').replace('"08:00-11:00"]\ndeep', '"8-11"]\ndeep')
    text += PLAN.replace("\n[[tariff.rule]]\npeak", "\n[[tariff.rule]]\nmonths = [2]\npeak")
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    found = [str(fault) for fault in caught.value.faults]
    for expected in (
        "peak and sharp overlap at 10:00",
        "'22:00-06:00' does not end after its start",
        "'8-11' is not a span of the clock",
        "at least 1 character",
        "no rule fits a workday in month 3",
    ):
        assert any(expected in fault for fault in found), (expected, found)


def test_two_plans_for_one_day_are_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds on the same days as mine"):
        load(write(tmp_path, PLAN + PLAN))
