"""Days, months and years are the zone's, whatever its clock does: 23 to 25 hours, offsets of half and quarter hours."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from api.times import parse
from config.quality import Quality
from config.samples import MICROSECOND
from storage import registry
from storage.columns import instant
from tests.api.conftest import USCC, World

pytestmark = pytest.mark.servers

VIRTUAL = """\
enterprises:
  - uscc: 91110000600037341L
    name: Beijing Works
    region: "110105"
    industry: C31
    zone: ZONE
    metering_points:
      - {code: E-1, name: Main incomer, carrier: electricity, boundary: true}
      - {code: E-3, name: Hall 3, carrier: electricity, level: 2, parent: E-1}
      - {code: V, name: Rest, carrier: electricity, level: 2, formula: {E-1: 1, E-3: -1}}
"""
CLOCKS = [
    ("Europe/Berlin", date(2026, 3, 29), 23.0),
    ("Europe/Berlin", date(2026, 10, 25), 25.0),
    ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
    ("Asia/Kolkata", date(2026, 2, 1), 24.0),
    ("Asia/Kathmandu", date(2026, 2, 28), 24.0),
    ("America/Santiago", date(2026, 9, 6), 23.0),  # the clock is put forward at midnight: the day begins at 01:00
]
"""(zone, a day, its hours)"""


def starts(zone: ZoneInfo, first: date, past: date) -> range:
    """Quarters of an hour of the days [first, past), in microseconds."""

    def midnight(day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * MICROSECOND

    return range(midnight(first), midnight(past), 900 * MICROSECOND)


def value(start: int) -> float:
    """What flowed in a quarter: no two of a few days the same, and all sums exact."""
    return float(start // (900 * MICROSECOND) % 4096)


@pytest.mark.parametrize(("name", "day", "hours"), CLOCKS)
async def test_calendars(world: World, tmp_path: Path, name: str, day: date, hours: float) -> None:
    """The day, its neighbours, its month and its year are the sums of the quarters that start in them, of a metered and
    of a virtual metering point alike; expected readings follow."""
    zone = ZoneInfo(name)
    (tmp_path / "zoned.yaml").write_text(VIRTUAL.replace("ZONE", name), "utf-8")
    await registry.apply(world.db, tmp_path / "zoned.yaml", actor="test")
    first, past = day - timedelta(days=2), day + timedelta(days=3)
    quarters = starts(zone, first, past)
    await world.db.pool.execute(
        "update schedule set valid_from = $1 where cadence_s is not null", instant(quarters.start)
    )
    await world.db.pool.execute("insert into schedule select id, $1, null from point", instant(quarters.stop))
    await world.services.reload()
    for code, share in (("E-1", 1.0), ("E-3", 0.5)):
        filled = {index: (value(start) * share, Quality.MEASURED) for index, start in enumerate(quarters)}
        await world.intervals(world.point(code), filled, start=quarters.start)

    def wanted(since: date, until: date) -> float:
        return sum(value(start) for start in starts(zone, max(since, first), min(until, past)))

    span = f"from={first}T12:00:00Z&to={past - timedelta(days=1)}T12:00:00Z"
    days = [day + timedelta(days=offset) for offset in (-1, 0, 1)]
    for code, share in (("E-1", 1.0), ("V", 0.5)):
        path = f"/v1/metering-points/{USCC}/{code}/consumption?{span}"
        found = await world.ok(f"{path}&interval=1d")
        shown = {text[:10]: place for place, text in enumerate(found["start"])}
        for one in days:
            place = shown[one.isoformat()]
            assert found["value"][place] == share * wanted(one, one + timedelta(days=1)), one
            assert found["quality"][place] == "measured"
        length = parse(found["start"][shown[days[2].isoformat()]]) - parse(found["start"][shown[day.isoformat()]])
        assert length == hours * 3600 * MICROSECOND
        assert found["expected"][shown[day.isoformat()]] == hours * 60 * (1 if code == "E-1" else 2)
        for interval in ("1mo", "1y"):
            longer = await world.ok(f"{path}&interval={interval}")
            borders = [*(date.fromisoformat(text[:10]) for text in longer["start"]), past]
            for (since, until), amount in zip(pairwise(borders), longer["value"], strict=True):
                assert since.day == 1
                assert interval == "1mo" or since.month == 1
                assert amount == (share * wanted(since, until) or None)
