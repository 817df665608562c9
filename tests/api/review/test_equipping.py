"""Equipping rates, accuracy and verification coverage from rows."""

from datetime import date
from typing import Any

from api.review.equipping import equipping, judged, verification

DAY = date(2026, 3, 1)


def place(code: str, carrier: str = "electricity", level: int = 1) -> dict[str, Any]:
    return {"code": code, "name": code, "carrier": carrier, "level": level}


def meter(at: str | None, **more: Any) -> dict[str, Any]:
    known = {"accuracy_class": "0.5S", "state": "qualified", "category": None, "required_class": "", "days_left": 10}
    return {"metering_point": at, "carrier": None if at is None else "electricity", **known, **more}


def test_the_rate_counts_places_with_a_meter_in_use() -> None:
    wanted = [place("E-1"), *(place(f"E-{n}", level=3) for n in range(10, 30)), place("S-1", "steam", 2)]
    own = [meter("E-1"), *(meter(f"E-{n}") for n in range(11, 30)), meter("E-10", state="out_of_use"), meter(None)]
    found = equipping(wanted, own, DAY)
    lines = [
        (row["energy"], row["level"], row["needed"], row["installed"], row["rate"], row["meets"])
        for row in found["rates"]
    ]
    assert lines == [
        ("electricity", 1, 1, 1, 100.0, True),
        ("electricity", 3, 20, 19, 95.0, True),  # 95 % is what the standard asks for
        ("steam", 2, 1, 0, 0.0, False),
    ]
    assert [row["code"] for row in found["unequipped"]] == ["E-10", "S-1"]
    assert found["edition"]["edition"] == "GB 17167-2025"
    assert found["edition"]["figures"] == "GB 17167-2006"


def test_two_meters_at_one_place_count_once() -> None:
    found = equipping([place("E-1"), place("E-2")], [meter("E-1"), meter("E-1")], DAY)
    assert [(row["installed"], row["rate"], row["meets"]) for row in found["rates"]] == [(1, 50.0, False)]


def test_accuracy_is_judged_by_what_is_demanded_there_or_the_loosest_limit() -> None:
    assert judged(meter("E-1", required_class="0.5S")) == "meets"
    assert judged(meter("E-1", required_class="0.5S", accuracy_class="0.5")) == "fails"
    assert judged(meter("E-1", accuracy_class="2.0")) == "meets"
    assert judged(meter("E-1", accuracy_class="3.0")) == "fails"
    assert judged(meter("E-1", accuracy_class="")) == "unknown"
    assert judged(meter("H-1", carrier="heat")) == "unknown"
    own = [meter("E-1"), meter("E-2", accuracy_class="3"), meter("E-3", accuracy_class="", category="weighing")]
    found = equipping([], own, DAY)["accuracy"]
    assert [(row["category"], row["total"], row["meets"], row["fails"], row["unknown"]) for row in found] == [
        ("electricity_meter", 2, 1, 1, 0),
        ("weighing", 1, 0, 0, 1),
    ]
    assert found[1]["classes"] == [{"accuracy_class": "?", "count": 1}]
    assert found[0]["verified"] is False


def test_a_verification_holds_through_its_last_day() -> None:
    assert verification(meter("E-1", days_left=0)) == "in_date"
    assert verification(meter("E-1", days_left=-1)) == "expired"
    assert verification(meter("E-1", days_left=None)) == "unknown"
    own = [meter("E-1"), meter("E-2", days_left=-3), meter("E-3", days_left=None), meter("E-4", state="limited")]
    counted = equipping([], own, DAY)["verification"]
    assert counted == {"total": 4, "in_date": 2, "expired": 1, "unknown": 1, "coverage": 50.0}
    assert equipping([], [], DAY)["verification"]["coverage"] is None
