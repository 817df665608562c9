"""The cases about cumulative registers that OpenEnergyDashboard made for its CSV uploads, and where Wanjia differs.

Facts from OpenEnergyDashboard/OED, src/server/test/web/csvPipeline (MPL-2.0); a number is that of its `pipe` case.
There a reading is the register at the end of a stretch, most often a day; a file with one fault in it books nothing.
Cases about other data, forms of files and records of meters have nothing to do with registers and are left out.
"""

from __future__ import annotations

import random
from datetime import datetime

import numpy as np
import pytest

from collector.energy import metered
from collector.terms import Terms
from config.samples import MICROSECOND
from storage.intervals import Ranges
from storage.points import Edit
from storage.readings import ReadingColumns
from tests.collector.registerworld import MINUTE, START, World, point, segment

DAY = 24 * 60 * MINUTE
GROWS = [24.0, 72.0, 144.0, 240.0, 360.0, 504.0, 672.0]
BOOKED = [48.0, 72.0, 96.0, 120.0, 144.0, 168.0]
FALLS = [24.0, 72.0, 144.0, 96.0, 216.0]


def daily(values: list[float | None]) -> list[tuple[int, int, float]]:
    return [(1, START + day * DAY, value) for day, value in enumerate(values) if value is not None]


async def read(rows: list[tuple[int, int, float]]) -> World:
    """A meter whose readings come one by one."""
    world = World(point(segment(resolution=1), schedule=((0, 86_400),)))
    for row in rows:
        await world.take([row])
    return world


def booked(world: World) -> list[float]:
    return [consumption for _, consumption, _ in world.rows()]


@pytest.mark.parametrize("count", [5, 7])
async def test_a_register_that_grows(count: int) -> None:
    """3, 20, 40, 60, 80."""
    assert booked(await read(daily(list(GROWS[:count])))) == BOOKED[: count - 1]


async def test_readings_that_come_backwards_or_thrice() -> None:
    """4, 25: descending in time; 21, 74: each three times. OED must be told of both."""
    rows = daily(list(GROWS[:5]))
    assert booked(await read(rows[::-1])) == BOOKED[:4]
    assert booked(await read([row for row in rows for _ in range(3)])) == BOOKED[:4]
    assert booked(await read(random.Random(1).sample(rows * 3, 15))) == BOOKED[:4]


async def test_a_fall_that_comes_back_is_a_bad_reading() -> None:
    """7, 9, 11, 13, 70: without leave to reset, OED books nothing of the whole file. Here one reading is left out, and
    what flowed meanwhile is known from those around it."""
    assert booked(await read(daily(list(FALLS)))) == [48, 72, 36, 36]


@pytest.mark.parametrize(
    ("values", "wanted"), [(FALLS, [48, 72, 120]), ([*GROWS[:5], 144.0, 312.0], [*BOOKED[:4], 168])]
)
async def test_a_reset_that_people_tell_of(values: list[float], wanted: list[float]) -> None:
    """5, 6, 8, 10, 12, 71, 90; 52: OED lets a user allow resets, if they like at some hours only, and books 96 (144)
    for that day, as if the register had begun at 0 at midnight. Nobody read that, so here the day is missing."""
    world = await read(daily(list(values)))
    fell = next(day for day in range(1, len(values)) if values[day] < values[day - 1])
    at = START + fell * DAY
    await world.edit((Edit(1, "reset", at, at, None),), at, at)
    assert booked(world) == wanted


@pytest.mark.parametrize("values", [[24.0, 72.0, 144.0, -1.0, 360.0], [24.0, 72.0, -1.0, 240.0, 360.0]])
async def test_a_negative_reading(values: list[float | None]) -> None:
    """22 (there 119 follows), 33: OED books nothing of the file. Here the reading is left out, the total is known."""
    found = booked(await read(daily(values)))
    assert (len(found), sum(found)) == (4, 336)


async def test_a_register_that_is_no_number() -> None:
    """29: OED books nothing of the file. Here the row is refused and named, and the total is known."""
    found = booked(await read(daily([24.0, 72.0, 144.0, None, 360.0])))
    assert found == [48, 72, 108, 108]


async def test_stretches_whose_starts_do_not_fit() -> None:
    """31, 32: OED leaves out stretches that begin a minute after the one before ended, or before it did. A register has
    no start: what is known at the ends is booked, the ends being those of 3."""
    assert booked(await read(daily(list(GROWS[:5])))) == BOOKED[:4]


FORWARD = {"01:23-06:00": 0, "01:46-06:00": 23, "03:09-05:00": 69, "03:32-05:00": 138}
BACK = {
    "01:23-05:00": 0, "01:46-05:00": 23, "01:09-06:00": 23, "01:32-06:00": 23, "01:55-06:00": 69, "02:18-06:00": 138,
    "02:41-06:00": 230,
}  # fmt: skip


@pytest.mark.parametrize(
    ("day", "registers", "wanted"),
    [("2022-03-13", FORWARD, [23, 46, 69]), ("2022-11-06", BACK, [23, 0, 0, 46, 69, 92])],
)
def test_the_hours_in_which_clocks_change(day: str, registers: dict[str, int], wanted: list[int]) -> None:
    """114: OED shows 46 kWh as 28 before and 18 after the missing hour. 120: OED drops the readings of the hour that
    comes twice, and with them 28 of 230 kWh. Here time is UTC: all of these readings are 23 minutes apart."""
    times = [int(datetime.fromisoformat(f"{day}T{clock}").timestamp()) * MICROSECOND for clock in registers]
    readings = ReadingColumns(
        np.ones(len(times), np.int32), np.array(times), np.array(list(registers.values()), np.float64),
        np.zeros(len(times), np.int16),
    )  # fmt: skip
    ranges = Ranges(np.array([1]), np.array(times[:1]), np.array(times[-1:]))
    known = metered(readings, ranges, Terms([point(segment(resolution=1))])).knots
    assert np.diff(known.time).tolist() == [23 * MINUTE] * len(wanted)
    assert np.diff(known.value).tolist() == wanted
