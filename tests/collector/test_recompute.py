"""How much one transaction looks at, and that what it leaves for later comes to the same."""

import numpy as np
import pytest

from collector import recompute
from collector.terms import Terms
from config.samples import SampleBatch
from storage import intervals, readings
from storage.database import Connection, Database
from storage.points import load_points
from tests.collector.registerworld import HOUR, MINUTE, START
from tests.collector.seed import seed

pytestmark = pytest.mark.servers

DAYS = 10
DAY = 24 * HOUR


async def take(conn: Connection, terms: Terms, point: int, minutes: range) -> None:
    number = np.array(minutes)
    ids, flags = np.full(len(number), point, np.int32), np.zeros(len(number), np.int16)
    new = SampleBatch(ids, START + number * MINUTE, number.astype(float), flags, START)
    await recompute.recompute(conn, (await readings.store(conn, new)).new, terms)


async def found(conn: Connection, point: int) -> list[tuple[int, float]]:
    rows = await intervals.series(conn, np.array([point], np.int32), "15m", START, START + DAYS * DAY)
    return list(zip(rows.start.tolist(), rows.consumption.tolist(), strict=True))


async def queued(conn: Connection) -> int:
    count: int = await conn.fetchval("select count(*) from dirty_range")
    return count


async def test_what_is_too_much_for_one_transaction_is_worked_off_in_portions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = await seed(database, 2)
    terms = Terms((await load_points(database)).points.values())
    async with database.transaction() as conn:
        await take(conn, terms, large, range(DAYS * 1440))
        whole = await found(conn, large)
        assert len(whole) == DAYS * 96 - 1
        await conn.execute("delete from metered_interval")
        await conn.execute("delete from reading")

        monkeypatch.setattr(recompute, "READINGS", 1440)
        await take(conn, terms, large, range(DAYS * 1440))
        assert await queued(conn) == 1
        assert await found(conn, large) == []
        await take(conn, terms, small, range(31))
        assert len(await found(conn, small)) == 2
        portions = 0
        while await recompute.work_off(conn, terms, 0, 1440):
            portions += 1
        assert await found(conn, large) == whole
    assert DAYS <= portions <= 2 * DAYS


async def test_readings_far_apart_are_looked_at_without_all_between(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    [point] = await seed(database)
    terms = Terms((await load_points(database)).points.values())
    looked = 0

    async def around(*args):  # type: ignore[no-untyped-def]
        nonlocal looked
        rows = await readings.around(*args)
        looked += len(rows)
        return rows

    async with database.transaction() as conn:
        missing = set(range(700, DAYS * 1440, 1440))
        for start in range(DAYS):
            day = range(start * 1440, (start + 1) * 1440)
            for part in (range(day.start, day.start + 700), range(day.start + 701, day.stop)):
                await take(conn, terms, point, part)
        monkeypatch.setattr(recompute, "around", around)
        late = np.array(sorted(missing))
        ids, flags = np.full(len(late), point, np.int32), np.zeros(len(late), np.int16)
        new = SampleBatch(ids, START + late * MINUTE, late.astype(float), flags, START)
        await recompute.recompute(conn, (await readings.store(conn, new)).new, terms)
        assert await queued(conn) == 0
        assert [value for _, value in await found(conn, point)] == [pytest.approx(15.0)] * (DAYS * 96 - 1)
    assert looked < 200 * DAYS
