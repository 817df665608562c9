"""What a registry file says for metering review: instruments, staff, equipment and stock."""

from datetime import date
from pathlib import Path

import pytest

from config.registry_models import Meter
from tests.config.test_registry import HEAD, POINTS, faults_of, loaded

LISTS = """\
  staff: staff.csv
  equipment:
  - {name: Ball mill, model: MQG, rated: 315 kW, carrier: electricity, at: E-2}
  stock:
  - {year: 2025, carrier: raw_coal, opening: 10, purchased: 1200.5, consumed: 1190, closing: 20.5}
"""


def test_lists_of_an_enterprise_also_from_a_table(tmp_path: Path) -> None:
    table = "name,duty,certified_until\n王工,计量管理,2027-06-30\n李工,,\n"
    enterprise = loaded(tmp_path, f"{HEAD}{LISTS}{POINTS}", staff=table)
    assert [(one.name, one.duty, one.certified_until) for one in enterprise.staff] == [
        ("王工", "计量管理", date(2027, 6, 30)),
        ("李工", "", None),
    ]
    assert [(one.name, one.at, one.count) for one in enterprise.equipment] == [("Ball mill", "E-2", 1)]
    assert [(one.year, one.purchased, one.sold) for one in enterprise.stock] == [(2025, 1200.5, 0.0)]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ("equipment: [{name: Mill}]", "equipment[0].carrier: is missing; give the carrier it uses"),
        ("equipment: [{name: M, carrier: coal}]", "equipment[0].carrier: unknown carrier 'coal'; did you mean"),
        (
            "equipment: [{name: M, carrier: electricity, at: E-9}]",
            "equipment[0].at: unknown metering point 'E-9'; did you mean E-2?",
        ),
        ("staff: [{name: A, certified_until: soon}]", "staff[0].certified_until: 'soon': Input should be a valid date"),
        ("staff: [{nam: A}]", "staff[0].name: is missing; give the person's name"),
        (
            "stock: [{year: 26, carrier: raw_coal}]",
            "stock[0].year: '26': Input should be greater than or equal to 2000",
        ),
        ("stock: {a: 1}", "stock: is not a list; write a list, or the name of a CSV file"),
    ],
)
def test_faults_of_the_lists(tmp_path: Path, lists: str, expected: str) -> None:
    faults = faults_of(tmp_path, f"{HEAD}  {lists}\n{POINTS}")
    assert any(fault.split(" ", 1)[1].startswith(f"enterprises[0].{expected}") for fault in faults), faults


@pytest.mark.parametrize(
    ("verified_on", "months", "until"),
    [
        ("2025-06-30", 12, date(2026, 6, 29)),
        ("2024-02-29", 12, date(2025, 2, 27)),  # the anniversary is February 28
        ("2025-08-31", 6, date(2026, 2, 27)),
        ("2025-12-01", 1, date(2025, 12, 31)),
        ("2025-06-30", None, None),
    ],
)
def test_the_end_of_a_verification_follows_from_its_date_and_period(
    verified_on: str, months: int | None, until: date | None
) -> None:
    meter = Meter.model_validate({"code": "M", "verified_on": verified_on, "verification_months": months})
    assert meter.verified_until == until


def test_a_date_on_the_certificate_counts_more() -> None:
    told = {"code": "M", "verified_on": "2025-06-30", "verification_months": 12, "verified_until": "2026-12-31"}
    assert Meter.model_validate(told).verified_until == date(2026, 12, 31)
