"""What a plan says of the past is what ingest then makes of it; a plan itself changes nothing."""

from datetime import UTC, datetime

import numpy as np
import pytest

from collector import preview, recompute
from collector.terms import Terms
from config.samples import MICROSECOND, SampleBatch
from storage import readings, registry
from storage.database import Database
from storage.points import load_points
from storage.registry_plan import Foreseen, Month
from tests.storage.registry import USCC, Write, meter, text

pytestmark = pytest.mark.servers

KEY = (USCC, "E-1", "active_energy_import")
FIRST = datetime(2026, 2, 20, tzinfo=UTC)
QUARTER = 900 * MICROSECOND
COUNT = 18 * 96
CORRECTED = ", ratios: [{from: 2026-02-25T00:00:00Z, ct: 200}]"
Sums = dict[str, float]


async def take(database: Database, code: str = "E-1") -> None:
    """18 days of readings every quarter of an hour, rising by 0.5, with a hole and a fall that stays."""
    table = await load_points(database)
    point = table.by_metering_point[USCC, code]["active_energy_import"]
    number = np.array([n for n in range(COUNT) if not 600 < n < 640])
    value = number * 0.5 - np.where(number >= 1200, 550.0, 0.0)
    time = int(FIRST.timestamp()) * MICROSECOND + number * QUARTER
    ids, flags = np.full(len(number), point, np.int32), np.zeros(len(number), np.int16)
    new = SampleBatch(ids, time, value, flags, int(time[-1]))
    async with database.transaction() as conn:
        stored = (await readings.store(conn, new)).new
        await recompute.recompute(conn, stored, Terms(table.points.values()))


async def work_off(database: Database) -> None:
    terms = Terms((await load_points(database)).points.values())
    async with database.transaction() as conn:
        while await recompute.work_off(conn, terms, 0):
            pass


async def sums(database: Database, since: datetime) -> Sums:
    """What is stored from then on, by month of the zone."""
    query = """select to_char(start at time zone 'Asia/Shanghai', 'YYYY-MM'), sum(consumption)
               from metered_interval where start >= $1 group by 1 order by 1"""
    return {row[0]: row[1] for row in await database.pool.fetch(query, since)}


async def everything(database: Database) -> list[tuple[object, ...]]:
    tables = ("metered_interval", "interval_version", "verdict", "segment", "audit", "dirty_range", "change")
    queries = {name: f"select * from {name} order by 1, 2, 3" for name in tables}  # noqa: S608
    return [(name, *row) for name, query in queries.items() for row in await database.pool.fetch(query)]


@pytest.mark.parametrize("portion", [200_000, 100])
async def test_a_corrected_ratio_shows_what_it_changes(
    database: Database, write: Write, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    monkeypatch.setattr(preview, "READINGS", portion)
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    await take(database)
    since = datetime(2026, 2, 25, tzinfo=UTC)
    before, stored = await sums(database, since), await everything(database)

    path = write(text(meters=meter(CORRECTED)))
    plan = await registry.plan(database, path)
    found = await preview.foresee(database, plan, 0)
    assert await everything(database) == stored
    (dirty,) = plan.dirty
    assert (dirty.key, dirty.start) == (KEY, since)
    foreseen = found[dirty]

    await registry.apply(database, path, actor="anna")
    await work_off(database)
    after = await sums(database, since)
    assert after["2026-03"] == pytest.approx(2 * before["2026-03"])
    assert foreseen.unit == "kWh"
    assert {month.name: month.before for month in foreseen.months if month.before} == pytest.approx(before)
    assert {month.name: month.after for month in foreseen.months if month.after} == pytest.approx(after)
    changed = await database.pool.fetchval("select count(*) from interval_version where start >= $1", since)
    assert foreseen.different == changed > 1000
    plan.foreseen = found
    lines = str(plan).splitlines()
    told = f"    active_energy_import: {changed} of {foreseen.intervals} intervals change; kWh: 2026-02 "
    assert lines[-1].startswith(told)
    assert lines[-1].endswith(f"2026-03 {before['2026-03']:,.10g} → {after['2026-03']:,.10g}")


async def test_what_lies_before_the_readings_kept_stays(database: Database, write: Write) -> None:
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    await take(database)
    plan = await registry.plan(database, write(text(meters=meter(CORRECTED))))
    kept_from = int(datetime(2026, 3, 5, tzinfo=UTC).timestamp()) * MICROSECOND
    (foreseen,) = (await preview.foresee(database, plan, kept_from)).values()
    assert foreseen.months[0].name == "2026-03"
    assert foreseen.different <= 5 * 96


async def test_a_hole_across_the_border_is_seen_whole(database: Database, write: Write) -> None:
    """The new ratio holds from within the hole, before the first reading that it is for."""
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    await take(database)
    since = datetime(2026, 2, 26, 8, tzinfo=UTC)
    path = write(text(meters=meter(", ratios: [{from: 2026-02-26T08:00:00Z, ct: 200}]")))
    plan = await registry.plan(database, path)
    (foreseen,) = (await preview.foresee(database, plan, 0)).values()
    await registry.apply(database, path, actor="anna")
    await work_off(database)
    after = await sums(database, since)
    assert {month.name: month.after for month in foreseen.months if month.after} == pytest.approx(after)


async def test_beyond_what_can_be_looked_at_the_rest_is_counted(
    database: Database, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = "  - {code: E-2, name: Two, carrier: electricity, level: 2, quantities: active_energy_import}\n"
    two = meter(CORRECTED) + meter(CORRECTED, "M-2", 2).replace("at: E-1", "at: E-2")
    await registry.apply(database, write(text(meters=two.replace(CORRECTED, ""), points=places)), actor="anna")
    for code in ("E-1", "E-2"):
        await take(database, code)
    plan = await registry.plan(database, write(text(meters=two, points=places)))
    assert len(plan.dirty) == 2
    monkeypatch.setattr(preview, "MOST_READINGS", COUNT)
    plan.foreseen = await preview.foresee(database, plan, 0)
    assert list(plan.foreseen) == plan.dirty[:1]
    assert str(plan).splitlines()[-1] == "! of 1 more ranges of registers the difference was not computed beforehand"


def test_how_a_change_is_told() -> None:
    months = (Month("2026-01", 1_234_567.5, None), Month("2026-02", 5.0, 5.0), Month("2026-03", None, 7.25))
    assert str(Foreseen(96, 3, "kWh", months)) == (
        "3 of 96 intervals change; kWh: 2026-01 1,234,567.5 → -, 2026-03 - → 7.25"
    )
    assert str(Foreseen(96, 0, "kWh", months[1:2])) == "96 intervals, none changes"
