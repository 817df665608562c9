"""Intervals and their rollups, on both engines."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.samples import MICROSECOND
from storage import intervals
from storage.changes import Cause, later_readings
from storage.database import Connection, Database
from storage.intervals import Changed, IntervalColumns, Ranges, RollupColumns
from tests.storage.registry import a_point

pytestmark = pytest.mark.servers

QUARTER = 900 * MICROSECOND
HOUR = 4 * QUARTER
DAY = 24 * HOUR
T0 = 1_767_225_600 * MICROSECOND  # 2026-01-01T00:00Z
NOTHING = float("nan")
Which = Literal["15m", "hour", "day"]
WHICH: tuple[Which, ...] = ("15m", "hour", "day")


def quarters(point: int, start: int, *consumption: float, quality: int = 0) -> IntervalColumns:
    """Consecutive quarters of an hour from `start` on."""
    count = len(consumption)
    return IntervalColumns(
        np.full(count, point, np.int32),
        start + np.arange(count) * QUARTER,
        np.full(count, 900, np.int32),
        np.array(consumption, np.float64),
        np.full(count, quality, np.int16),
        np.zeros(count, np.int16),
        np.full(count, 15, np.int32),
        np.full(count, 14, np.int32),
    )


def joined(*parts: IntervalColumns) -> IntervalColumns:
    return IntervalColumns(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(IntervalColumns))
    )


def ranges(*rows: tuple[int, int, int]) -> Ranges:
    point, start, past = zip(*rows, strict=True)
    return Ranges(np.array(point, np.int32), np.array(start), np.array(past))


def pairs(changed: Changed) -> list[tuple[int, int]]:
    return list(zip(changed.point.tolist(), changed.start.tolist(), strict=True))


async def stored(conn: Connection, point: int) -> IntervalColumns:
    found = await intervals.series(conn, np.array([point], np.int32), "15m", T0 - 4000 * DAY, T0 + 4000 * DAY)
    assert isinstance(found, IntervalColumns)
    return found


async def rollups(conn: Connection, which: str, *points: int) -> RollupColumns:
    assert which in ("hour", "day")
    found = await intervals.series(
        conn,
        np.array(points, np.int32),
        "hour" if which == "hour" else "day",
        T0 - 4000 * DAY,
        T0 + 4000 * DAY,
    )
    assert isinstance(found, RollupColumns)
    return found


async def make(conn: Connection, new: IntervalColumns, within: Ranges) -> Changed:
    return await intervals.replace(conn, new, within, later_readings())


async def put(conn: Connection, new: IntervalColumns, zone: str = "Asia/Shanghai") -> Changed:
    """Store intervals of one point as ingest does: all of their stretch is made of them."""
    point = int(new.point[0])
    changed = await make(conn, new, ranges((point, int(new.start.min()), int(new.start.max()) + 1)))
    await intervals.roll_up(conn, changed, {point: zone})
    return changed


async def test_only_differences_are_written(engine: Database) -> None:
    async with engine.transaction() as conn:
        first = joined(quarters(1, T0, 1.0, 2.0, NOTHING, 4.0), quarters(2, T0, 5.0))
        both = ranges((1, T0, T0 + HOUR), (2, T0, T0 + HOUR))
        assert pairs(await make(conn, first, both)) == [
            *((1, T0 + n * QUARTER) for n in range(4)),
            (2, T0),
        ]
        assert pairs(await make(conn, first, both)) == []
        second = joined(quarters(1, T0, 1.0, 2.5, NOTHING), quarters(2, T0, 5.0, 6.0))
        assert pairs(await make(conn, second, both)) == [
            (1, T0 + QUARTER),
            (1, T0 + 3 * QUARTER),
            (2, T0 + QUARTER),
        ]
        assert pairs(await make(conn, second, both)) == []
        np.testing.assert_array_equal((await stored(conn, 1)).consumption, [1.0, 2.5, NOTHING])
        assert (await stored(conn, 2)).consumption.tolist() == [5.0, 6.0]


async def test_every_column_counts_as_a_difference(engine: Database) -> None:
    async with engine.transaction() as conn:
        whole = ranges((1, T0, T0 + HOUR))
        now = quarters(1, T0, 1.0)
        await make(conn, now, whole)
        for name in ("seconds", "consumption", "quality", "method", "expected", "received"):
            now = replace(now, **{name: getattr(now, name) + 1})
            assert len(await make(conn, now, whole)) == 1
            assert getattr(await stored(conn, 1), name).tolist() == getattr(now, name).tolist()


async def test_outside_the_ranges_nothing_changes(engine: Database) -> None:
    async with engine.transaction() as conn:
        await put(conn, quarters(1, T0, 1.0, 2.0, 3.0, 4.0))
        changed = await make(
            conn, quarters(1, T0 + QUARTER, 9.0), ranges((1, T0 + QUARTER, T0 + 2 * QUARTER), (7, T0, T0 + DAY))
        )
        assert pairs(changed) == [(1, T0 + QUARTER)]
        assert (await stored(conn, 1)).consumption.tolist() == [1.0, 9.0, 3.0, 4.0]
        nothing = quarters(1, T0)
        assert len(await make(conn, nothing, Ranges(nothing.point, nothing.start, nothing.start))) == 0


async def test_an_interval_that_reaches_into_a_range_goes(engine: Database) -> None:
    async with engine.transaction() as conn:
        point = await a_point(conn)
        await conn.execute("insert into grid values ($1, 'epoch', 3600)", point)
        hours = replace(quarters(point, T0, 4.0), seconds=np.array([3600], np.int32))
        await make(conn, hours, ranges((point, T0, T0 + HOUR)))
        after = ranges((point, T0 + HOUR, T0 + 2 * HOUR))
        assert pairs(await make(conn, quarters(point, T0 + HOUR, 1.0), after)) == [(point, T0 + HOUR)]
        inside = ranges((point, T0 + QUARTER, T0 + HOUR))
        changed = await make(conn, quarters(point, T0 + QUARTER, 1.0, 1.0, 1.0), inside)
        assert pairs(changed) == [(point, T0 + n * QUARTER) for n in range(4)]
        assert (await stored(conn, point)).start.tolist() == [T0 + n * QUARTER for n in (1, 2, 3, 4)]


async def test_what_an_hour_says(engine: Database) -> None:
    async with engine.transaction() as conn:
        await put(conn, quarters(1, T0, 1.0, 2.0))
        await put(conn, quarters(1, T0 + 2 * QUARTER, 4.0, quality=2))
        await put(conn, quarters(1, T0 + 3 * QUARTER, NOTHING, quality=3))
        await put(conn, quarters(1, T0 + HOUR, NOTHING, quality=3))
        hour = await rollups(conn, "hour", 1)
        assert hour.start.tolist() == [T0, T0 + HOUR]
        np.testing.assert_array_equal(hour.consumption, [7.0, NOTHING])
        assert (hour.seconds.tolist(), hour.intervals.tolist()) == ([2700, 0], [3, 0])
        assert (hour.expected.tolist(), hour.received.tolist()) == ([60, 15], [56, 14])
        assert (hour.quality.tolist(), hour.estimated.tolist(), hour.edited.tolist()) == ([3, 3], [1, 0], [0, 0])
        quarter = await stored(conn, 1)
        assert (quarter.intervals.tolist(), quarter.estimated.tolist()) == ([1, 1, 1, 0, 0], [0, 0, 1, 0, 0])


async def test_a_rollup_without_interval_goes(engine: Database) -> None:
    async with engine.transaction() as conn:
        await put(conn, quarters(1, T0, 1.0, 2.0, 3.0, 4.0, 5.0))
        changed = await make(conn, quarters(1, T0), ranges((1, T0, T0 + HOUR)))
        await intervals.roll_up(conn, changed, {1: "Asia/Shanghai"})
        assert (await rollups(conn, "hour", 1)).consumption.tolist() == [5.0]
        assert (await rollups(conn, "day", 1)).consumption.tolist() == [5.0]
        changed = await make(conn, quarters(1, T0), ranges((1, T0, T0 + DAY)))
        await intervals.roll_up(conn, changed, {1: "Asia/Shanghai"})
        assert len(await rollups(conn, "hour", 1)) == len(await rollups(conn, "day", 1)) == 0


@pytest.mark.parametrize(
    ("zone", "date", "quarters_of_day"),
    [
        ("Asia/Shanghai", "2026-01-05", 96),
        ("Europe/Berlin", "2026-03-29", 92),
        ("Europe/Berlin", "2026-10-25", 100),
        ("Asia/Kolkata", "2026-01-05", 96),
        ("Asia/Kathmandu", "2026-01-05", 96),
        ("Australia/Lord_Howe", "2026-04-05", 98),
        ("Africa/Cairo", "2026-04-24", 92),
    ],
)
async def test_days_of_a_zone(database: Database, zone: str, date: str, quarters_of_day: int) -> None:
    begin = int(datetime.fromisoformat(date).replace(tzinfo=ZoneInfo(zone)).timestamp()) * MICROSECOND
    if zone == "Africa/Cairo":  # the clock goes from 00:00 to 01:00: the day begins at what would have been midnight
        assert datetime.fromtimestamp(begin / MICROSECOND, ZoneInfo(zone)).hour == 1
    async with database.transaction() as conn:
        await put(conn, quarters(1, begin - DAY // 2, *[1.0] * 200), zone)
        day = await rollups(conn, "day", 1)
        here = day.start.tolist().index(begin)
        assert day.intervals[here] == quarters_of_day
        assert day.seconds[here] == quarters_of_day * 900
        assert day.consumption.sum() == 200.0


async def test_points_of_several_zones(engine: Database) -> None:
    async with engine.transaction() as conn:
        new = joined(quarters(1, T0, *[1.0] * 96), quarters(2, T0, *[1.0] * 96))
        changed = await make(conn, new, ranges((1, T0, T0 + DAY), (2, T0, T0 + DAY)))
        await intervals.roll_up(conn, changed, {1: "UTC", 2: "Asia/Shanghai"})
        day = await rollups(conn, "day", 1, 2)
        assert list(zip(day.point.tolist(), day.start.tolist(), day.consumption.tolist(), strict=True)) == [
            (1, T0, 96.0),
            (2, T0 - 8 * HOUR, 64.0),
            (2, T0 + 16 * HOUR, 32.0),
        ]


async def test_intervals_longer_than_an_hour(engine: Database) -> None:
    async with engine.transaction() as conn:
        day = replace(quarters(1, T0, 240.0), seconds=np.array([86400], np.int32))
        await put(conn, day)
        assert (await rollups(conn, "hour", 1)).seconds.tolist() == [86400]
        assert (await rollups(conn, "day", 1)).consumption.tolist() == [240.0]


async def test_rollups_are_proven(engine: Database) -> None:
    async with engine.transaction() as conn:
        point = await a_point(conn)
        value = np.random.default_rng(7).random(500) * 1e-3 + 0.1
        await put(conn, quarters(point, T0, *value.tolist()))
        asked = (np.array([point], np.int32), T0 - DAY, T0 + 30 * DAY)
        assert await intervals.prove(conn, *asked) == []
        await conn.execute(
            "update rollup_hour set consumption = consumption + 1e-9 where start = to_timestamp($1)", T0 / 1e6
        )
        await conn.execute("delete from rollup_day where start = (select max(start) from rollup_day)")
        await conn.execute(
            "insert into rollup_day select * from rollup_day where false union all "
            "select point_id, seconds, start - interval '1 hour', consumption, expected, received, quality, intervals, "
            "estimated, edited from rollup_day where start = (select min(start) from rollup_day)"
        )
        found = await intervals.prove(conn, *asked)
        assert [(difference.rollup, difference.start - T0) for difference in found] == [
            ("hour", 0),
            ("day", -9 * HOUR),
            ("day", -8 * HOUR + 5 * DAY),
        ]
        assert (found[0].stored is None, found[2].stored is None) == (False, True)


async def test_dirty_ranges_are_a_queue_by_change(engine: Database) -> None:
    async with engine.transaction() as conn:
        change = await Cause("ada", "the ratio changed").number(conn)
        await intervals.mark_dirty(conn, ranges((3, T0, T0 + DAY), (1, T0 + 1, T0 + HOUR)), change)
        await intervals.mark_dirty(conn, ranges((4, T0, T0 + HOUR)), None)
        await intervals.mark_dirty(conn, ranges((2, T0, T0 + DAY)), change)
        first, why = await intervals.take_dirty(conn, 2)
        assert (first.point.tolist(), first.start.tolist(), first.past.tolist(), why) == (
            [3, 1], [T0, T0 + 1], [T0 + DAY, T0 + HOUR], change,
        )  # fmt: skip
        second, why = await intervals.take_dirty(conn, 2)
        assert (second.point.tolist(), why) == ([4], None)
        third, why = await intervals.take_dirty(conn, 2)
        assert (third.point.tolist(), why) == ([2], change)
        assert len((await intervals.take_dirty(conn, 2))[0].point) == 0


async def now(conn: Connection) -> int:
    """The instant by the server's clock: later than every transaction so far, earlier than all that follow."""
    clock = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint"
    found: int = await conn.fetchval(clock)
    while await conn.fetchval(clock) == found:  # some clocks count milliseconds
        pass
    return found


Shown = list[tuple[int, float, int]]


def rows_of(columns: IntervalColumns | RollupColumns) -> Shown:
    return list(zip(columns.start.tolist(), columns.consumption.tolist(), columns.expected.tolist(), strict=True))


async def test_what_was_shown_stays_known(engine: Database) -> None:
    """Whatever is replaced, removed and brought back: every state can be asked for again, also as hours and days."""
    values = np.random.default_rng(7).uniform(0, 9, 60)
    states = [values, np.append(values[:30], values[30:] + 1), values[:40], values, np.full(60, NOTHING)]
    async with engine.transaction() as conn:
        point = await a_point(conn, "Asia/Kathmandu")
    points, span = np.array([point], np.int32), (T0 - DAY, T0 + 9 * DAY)
    was: list[tuple[int, dict[Which, Shown]]] = []
    for state in states:
        async with engine.transaction() as conn:
            changed = await make(conn, quarters(point, T0, *state), ranges((point, T0, T0 + DAY)))
            await intervals.roll_up(conn, changed, {point: "Asia/Kathmandu"})
        async with engine.connection() as conn:
            kept = {which: rows_of(await intervals.series(conn, points, which, *span)) for which in WHICH}
            was.append((await now(conn), kept))
    async with engine.connection() as conn:
        for at, kept in was:
            for which in WHICH:
                found = await intervals.series_at(conn, points, which, *span, at)
                np.testing.assert_array_equal(rows_of(found), kept[which])


async def test_a_version_says_what_changed_it_and_nothing_is_kept_of_what_nobody_saw(engine: Database) -> None:
    whole = ranges((1, T0, T0 + DAY))
    async with engine.transaction() as conn:
        await make(conn, quarters(1, T0, 1.0, 2.0), whole)
        await make(conn, quarters(1, T0, 1.0, 3.0), whole)
    async with engine.transaction() as conn:
        assert await conn.fetch("select * from interval_version") == []
        await intervals.replace(conn, quarters(1, T0, 1.0, 4.0), whole, Cause("ada", "ratio of E-1"))
        await intervals.replace(conn, quarters(1, T0, 1.0, 4.0), whole, Cause("bob", "the same again"))
    async with engine.connection() as conn:
        rows = await conn.fetch(
            "select consumption, actor, reason from interval_version join change on change.id = change_id"
        )
        assert [tuple(row) for row in rows] == [(3.0, "ada", "ratio of E-1")]
        assert await conn.fetchval("select count(*) from change") == 2  # that of the first transaction and ada's


async def test_not_a_number_is_never_stored(engine: Database) -> None:
    async with engine.transaction() as conn:
        await put(conn, quarters(1, T0, NOTHING))
        row = await conn.fetchrow("select consumption is null as none from metered_interval")
        assert row is not None
        assert row["none"]
