"""What is printed of a report: charts by day or month, lists cut to what paper holds."""

from datetime import date, timedelta
from typing import Any

from api.review import printed as page
from api.review.printed import printed


def report(days: int, daily: list[float | None], instruments: int = 0) -> dict[str, Any]:
    names = [(date(2025, 12, 1) + timedelta(days=day)).isoformat() for day in range(days)]
    meter = {"name": "", "category_zh": "电能表", "state": "qualified", "verification": "expired"}
    return {
        "consumption": {"carriers": [{"zh": "电力", "unit": "kWh", "daily": daily}], "days": names},
        "quality": {"days": [{"day": name, "completeness": None} for name in names]},
        "gaps": {"count": 50, "items": [{"number": number} for number in range(50)]},
        "alerts": {"count": 700, "items": [{"number": number} for number in range(200)]},
        "edits": [{"number": number} for number in range(201)],
        "rules": [{"rule": "gap", "zh": "缺数", "set": [{"scope": "default"}]}],
        "instruments": [meter] * instruments,
    }


def test_short_periods_are_charted_by_day_and_long_ones_by_month() -> None:
    made_at = {"made_at": "2026-01-01"}
    (short,) = printed(report(2, [1.0, None]), made_at)["charts"]
    assert (short["labels"], short["values"]) == (["12-01", "12-02"], [1.0, None])
    (long,) = printed(report(90, [2.0] * 31 + [None] * 31 + [1.0, None] * 14), made_at)["charts"]
    assert (long["labels"], long["values"]) == (["2025-12", "2026-01", "2026-02"], [62.0, None, 14.0])


def test_what_is_left_out_is_counted() -> None:
    data = printed(report(1, [1.0], page.MOST_INSTRUMENTS + 1), {"made_at": "2026-01-01"})
    assert data["left"] == {"gaps": 10, "alerts": 660, "edits": 1, "instruments": 1}
    assert len(data["gaps"]["items"]) == 40
    assert data["edits"][-1] == {"number": 200}  # the newest are printed
    assert data["instruments"][0]["name"] == "电能表"
    assert (data["instruments"][0]["state"], data["instruments"][0]["verified"]) == ("合格", "已过期")
    assert data["thresholds"][0]["set"] == {"scope": "default"}
