"""Edits at rest, on both engines."""

import numpy as np
import pytest

from config.errors import ConfigError
from config.samples import MICROSECOND, SampleBatch
from storage import edits, intervals, readings
from storage.database import Database
from storage.edits import Wish
from storage.points import Action, load_points
from tests.storage.registry import a_point

pytestmark = pytest.mark.servers

MINUTE = 60 * MICROSECOND
T0 = 1_767_225_600 * MICROSECOND  # 2026-01-01T00:00Z


async def read(db: Database, count: int) -> int:
    """A point with a reading each minute."""
    async with db.transaction() as conn:
        point = await a_point(conn)
        time = T0 + np.arange(count) * MINUTE
        flags = np.zeros(count, np.int16)
        await readings.store(
            conn, SampleBatch(np.full(count, point, np.int32), time, np.arange(count, dtype=np.float64), flags, T0)
        )
    return point


def wish(action: Action, first: int, last: int, amount: float | None = None) -> Wish:
    return Wish(action, T0 + first * MINUTE, T0 + last * MINUTE, amount, "seen on site")


async def seen(db: Database, point: int, first: int, last: int) -> list[int]:
    """Minutes of the readings that are looked at for [first, last], with three before and after."""
    one = np.array([point], np.int32)
    since, until = (np.array([T0 + minute * MINUTE], np.int64) for minute in (first, last))
    async with db.connection() as conn:
        found = await readings.around(conn, one, since, until, 3, 3)
    return [(at - T0) // MINUTE for at in found.time.tolist()]


async def test_excluded_readings_are_no_neighbours(engine: Database) -> None:
    point = await read(engine, 60)
    made = await edits.add(engine, point, wish("exclude", 21, 38), "ada")
    assert await seen(engine, point, 15, 20) == [*range(12, 21), 39, 40, 41]
    assert await seen(engine, point, 39, 40) == [18, 19, 20, *range(39, 44)]
    assert await seen(engine, point, 25, 26) == [18, 19, 20, 25, 26, 39, 40, 41]
    assert await edits.undo(engine, made, "bob", "they were right")
    assert await seen(engine, point, 15, 20) == list(range(12, 24))


async def test_what_is_in_force_belongs_to_the_point(engine: Database) -> None:
    point = await read(engine, 60)
    before = await load_points(engine)
    made = await edits.add(engine, point, wish("reset", 10, 10), "ada")
    after = await load_points(engine)
    assert [(one.id, one.action, one.start) for one in after.points[point].edits] == [(made, "reset", T0 + 10 * MINUTE)]
    assert after.revision > before.revision
    assert await edits.undo(engine, made, "ada", "a mistake")
    assert not await edits.undo(engine, made, "ada", "a mistake")
    undone = await load_points(engine)
    assert (undone.points[point].edits, undone.revision > after.revision) == ((), True)


async def test_what_an_edit_touches_is_to_be_computed_again_because_of_it(engine: Database) -> None:
    point = await read(engine, 60)
    await edits.add(engine, point, wish("set", 0, 30, 5.0), "ada")
    async with engine.transaction() as conn:
        ranges, change = await intervals.take_dirty(conn, 10)
        assert (ranges.point.tolist(), ranges.start.tolist()) == ([point], [T0])
        row = await conn.fetchrow("select actor, reason from change where id = $1", change)
    assert row is not None
    assert tuple(row) == ("ada", "set: seen on site")


async def test_one_reading_is_ruled_about_once(engine: Database) -> None:
    point = await read(engine, 60)
    await edits.add(engine, point, wish("reset", 9, 9), "ada")
    with pytest.raises(ConfigError, match="does the same there already"):
        await edits.add(engine, point, wish("reset", 9, 9), "bob")
    with pytest.raises(ConfigError, match="no reading then or later"):
        await edits.add(engine, point, wish("reset", 60, 60), "bob")
    await edits.add(engine, point, wish("accept", 9, 9), "bob")
