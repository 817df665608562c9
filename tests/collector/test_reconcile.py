"""Stored days are proved against their readings on a real database, and what differs is found, told and healed."""

import logging
from datetime import date

import numpy as np
import pytest

from collector import nightly, recompute
from collector.reconcile import verify
from collector.terms import Terms
from config.samples import SampleBatch
from storage import edits, intervals, proofs, readings
from storage.database import Database
from storage.edits import Wish
from storage.points import load_points
from storage.proofs import Proof
from tests.collector.registerworld import HOUR, MINUTE, START
from tests.collector.seed import REVISE, seed

pytestmark = pytest.mark.servers

DAY = date(2026, 1, 2)
MORNING = START + 44 * HOUR
"""Four o'clock after DAY in Shanghai."""
REPLACED = "select v.consumption, c.actor from interval_version v join change c on c.id = v.change_id"
TAMPER = "update metered_interval set consumption = consumption + 5 where point_id = $1 and start = '2026-01-02T04:00Z'"


async def filled(database: Database, count: int = 2) -> list[int]:
    """Points with minutely readings from DAY's midnight, in all rollups."""
    points = await seed(database, count, multiplier=10.0)
    minute = np.arange(24 * 60 + 120)
    async with database.transaction() as conn:
        for point in points:
            ids, flags = np.full(len(minute), point, np.int32), np.zeros(len(minute), np.int16)
            times, values = START + 16 * HOUR + minute * MINUTE, np.array(minute * 0.5, np.float64)
            new = SampleBatch(ids, times, values, flags, MORNING)
            stored = await readings.store(conn, new)
            await recompute.recompute(conn, stored.new, await terms(database))
    return points


async def terms(database: Database) -> Terms:
    return Terms((await load_points(database)).points.values())


async def proved(database: Database, points: list[int]) -> dict[int, Proof]:
    table = await load_points(database)
    parts = [part async for part in verify(database, table, points, DAY, 0)]
    return {one.point: one for part in parts for one in part.proofs}


async def heal(database: Database) -> None:
    """What ingest does with the queue."""
    async with database.transaction() as conn:
        while await recompute.work_off(conn, await terms(database), 0):
            pass


async def test_a_whole_day_adds_up(database: Database) -> None:
    points = await filled(database)
    found = await proved(database, points)
    assert list(found) == points
    for one in found.values():
        assert one.register == one.intervals == pytest.approx(24 * 60 * 0.5 * 10)
        assert (one.open, one.allocated, one.edited, one.difference) == (0, 0, 0, 0)
        assert one.sound
    async with database.connection() as conn:
        kept = await proofs.days(conn, points, DAY, DAY)
    assert [(row["point_id"], row["day"], row["sound"]) for row in kept] == [(point, DAY, True) for point in points]


async def test_an_interval_that_was_changed_is_told_once_and_healed(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = await filled(database)
    await database.pool.execute(TAMPER, bad)
    for _ in range(2):
        found = await proved(database, [good, bad])
        if bad in found:
            assert found[bad].difference == pytest.approx(5.0)
            assert (found[bad].intervals_wrong, found[bad].rollups_wrong) == (1, 2)
        assert found[good].sound
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "stored data of 2026-01-02 do not add up to what the registers counted, or are not what follows from the "
        "readings; they are made again: 91110000600037341L/E-2 active_energy_import (difference 5, 1 intervals, "
        "2 rollups)"
    ]
    await heal(database)
    assert (await proved(database, [good, bad]))[bad].sound
    async with database.connection() as conn:
        row = await conn.fetchrow(REPLACED)
        assert row is not None
        assert (row["consumption"], row["actor"]) == (pytest.approx(80.0), "reconciler")
        assert await intervals.prove(conn, np.array([good, bad]), START, START + 60 * HOUR) == []


@pytest.mark.parametrize(
    "fault",
    [
        "delete from metered_interval where point_id = $1 and start = '2026-01-02T04:00Z'",
        "update rollup_hour set received = 1 where point_id = $1",
        "delete from rollup_day where point_id = $1",
    ],
)
async def test_whatever_is_missing_or_wrong_is_found_and_healed(database: Database, fault: str) -> None:
    [point] = await filled(database, 1)
    await database.pool.execute(fault, point)
    assert not (await proved(database, [point]))[point].sound
    await heal(database)
    assert (await proved(database, [point]))[point].sound


async def test_what_waits_to_be_computed_is_not_judged(database: Database) -> None:
    [point] = await filled(database, 1)
    async with database.transaction() as conn:
        span = (np.array([at]) for at in (point, START, START + HOUR))
        await intervals.mark_dirty(conn, intervals.Ranges(*span), None)
    table = await load_points(database)
    parts = [part async for part in verify(database, table, [point], DAY, 0)]
    assert [(part.proofs, part.waiting) for part in parts] == [([], [point])]


async def test_a_day_whose_readings_are_gone_is_left_out(database: Database) -> None:
    points = await filled(database)
    parts = [part async for part in verify(database, await load_points(database), points, DAY, START + 17 * HOUR)]
    assert parts == []


async def test_a_changed_registry_is_looked_up_again(database: Database) -> None:
    points = await filled(database)
    table = await load_points(database)
    await database.pool.execute(REVISE)
    parts = [part async for part in verify(database, table, points, DAY, 0)]
    assert [one.sound for part in parts for one in part.proofs] == [True, True]


async def test_every_night_once_and_again_what_differed(database: Database) -> None:
    [point] = await filled(database, 1)
    await database.pool.execute(TAMPER, point)
    await nightly.prove_due(database, MORNING - 2 * HOUR, 400)
    async with database.connection() as conn:
        assert await proofs.last_runs(conn) == {"Asia/Shanghai": date(2026, 1, 1)}
    await nightly.prove_due(database, MORNING, 400)
    assert await proofs.unsound_count(database) == 1
    await heal(database)
    await database.pool.execute("update proof set checked = '2026-01-02T20:00Z'")
    await nightly.prove_due(database, MORNING + HOUR, 400)
    assert await proofs.unsound_count(database) == 0
    async with database.connection() as conn:
        assert await proofs.last_runs(conn) == {"Asia/Shanghai": DAY}


async def test_a_day_that_changes_is_proved_again(database: Database) -> None:
    [point] = await filled(database, 1)
    await nightly.prove_due(database, MORNING, 400)
    about = "select stale, edited from proof where point_id = $1 and day = $2"
    assert [tuple(row) for row in await database.pool.fetch(about, point, DAY)] == [(False, 0.0)]
    noon = START + 28 * HOUR
    await edits.add(database, point, Wish("set", noon, noon + HOUR, 400.0, "read on site"), "ada")
    await heal(database)
    assert [tuple(row) for row in await database.pool.fetch(about, point, DAY)] == [(True, 0.0)]
    await database.pool.execute("update proof set checked = '2026-01-02T20:00Z'")
    await nightly.prove_due(database, MORNING + HOUR, 400)
    assert [tuple(row) for row in await database.pool.fetch(about, point, DAY)] == [(False, 100.0)]
