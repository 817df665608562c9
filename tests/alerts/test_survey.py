"""Whatever the order, the lanes, the lost events and the restarts: the gap table says what the reading table lacks."""

import random
from datetime import UTC, datetime

import pytest

from config.workdays import Calendar, RepairClock
from storage import alerts, ledger
from storage.alerts import Chosen
from storage.ledger import Asked
from storage.views import Sight
from tests.alerts.world import DAY, HOUR, MINUTE, START, USCC, World

pytestmark = pytest.mark.servers

METERS = 30
MINUTES = 180


def missing(minutes: set[int]) -> list[tuple[int, int | None]]:
    """What a point lacks whose readings are at these minutes: one is due every minute from 0 on, now is MINUTES."""
    found: list[tuple[int, int | None]] = []
    previous = -1
    for minute in [*sorted(minutes), None]:
        end = MINUTES if minute is None else minute
        if end - (previous + 1) > 3:
            found.append((previous + 1, minute))
        previous = end
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_the_gap_table_is_what_the_reading_table_lacks(world: World, seed: int) -> None:
    chance = random.Random(seed)
    world.quantities = ("active_energy_import",)
    await world.register(METERS)
    kept: dict[int, set[int]] = {}
    for point in world.points(*range(1, METERS + 1)):
        minutes = set(range(chance.randrange(5), MINUTES - chance.choice([0, 0, 2, 60])))
        for _ in range(chance.randrange(4)):
            start = chance.randrange(MINUTES)
            minutes -= set(range(start, start + chance.randrange(60)))
        kept[point] = minutes
    arrivals: list[tuple[int, int, list[int]]] = []
    for point, minutes in kept.items():
        for start in range(0, MINUTES, 15):
            piece = sorted(minute for minute in minutes if start <= minute < start + 15)
            if piece:
                delay = chance.choice([0, 0, 0, 0, 1, 20, 70, 200])
                arrivals.append((min(piece[-1] + delay, MINUTES), point, piece))
    arrivals.sort()
    for start in range(0, MINUTES + 1, 60):
        async with world.watching() as watch:
            for minute in range(start, min(start + 60, MINUTES + 1), 5):
                now = min(minute + 5, MINUTES)
                world.clock.now = START + now * MINUTE
                while arrivals and arrivals[0][0] <= now:
                    arrived, point, piece = arrivals.pop(0)
                    times = [START + at * MINUTE for at in piece]
                    late = arrived - piece[-1] > 15
                    heard = chance.random() > 0.1
                    await world.read([point], times, event=heard, lane="backfill" if late else "live")
                await watch.cycle()
    async with world.watching() as watch:
        world.clock.now += DAY // 24  # everybody had time to speak; nobody did
        await watch.cycle()
        rows = await world.gaps()
    expected = {point: missing(minutes) for point, minutes in kept.items()}
    for point, stretches in expected.items():
        if stretches and stretches[-1][1] is None:
            continue
        expected[point] = [*stretches, (max(kept[point]) + 1, None)]  # silent for an hour by now
    found = {point: [(row[1], row[2]) for row in rows if row[0] == point] for point in kept}
    assert found == expected
    assert all(row[3] == row[2] - row[1] for row in rows if row[2] is not None)


async def test_lists_are_paged_newest_first_and_bounded(world: World) -> None:
    await world.register(7, enterprises=2)
    await world.db.pool.execute("update connection set address = ''")
    async with world.watching() as watch:
        await world.poll(world.points(*range(1, 8)), START + 5 * MINUTE)
        world.clock.now += HOUR
        await watch.cycle()
    first = await alerts.page(world.db, limit=5)
    assert first.next is not None
    second = await alerts.page(world.db, limit=5, after=first.next)
    assert second.next is None
    ids = [item["id"] for item in first.items + second.items]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 7
    mine = await alerts.page(world.db, Chosen(enterprise=USCC))
    assert {item["uscc"] for item in mine.items} == {USCC}
    assert len(mine.items) == 4
    assert len((await alerts.page(world.db, Chosen(region="1101"))).items) == 7
    assert (await alerts.page(world.db, Chosen(region="1102"))).items == []
    assert (await alerts.page(world.db, Chosen(state="resolved"))).items == []
    assert (await alerts.page(world.db, Chosen(rule="gap"))).items == []
    now, clock = datetime.now(UTC), RepairClock(3, Calendar())
    asked = Asked(enterprise=USCC, state="open")
    listed = await ledger.page(world.db, Sight(), asked, clock, now, limit=3)
    assert len(listed.items) == 3
    assert all(len(item["quantities"]) == 2 for item in listed.items)
    rest = await ledger.page(world.db, Sight(), asked, clock, now, after=listed.next)
    assert len(rest.items) == 1
    item = listed.items[0]
    assert (item["from"], item["to"], item["state"]) == ("2026-01-01T08:06:00+08:00", None, "open")
    assert item["missing"] > 0
    with pytest.raises(ValueError, match="invalid literal"):
        await ledger.page(world.db, Sight(), asked, clock, now, after="x")
