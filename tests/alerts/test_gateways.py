"""A gateway's whole silence is one alert, and nothing else is."""

import pytest

from alerts.watch import SETTLED
from storage import alerts as table
from storage.alerts import Chosen
from storage.columns import instant
from tests.alerts.world import DAY, FLAP, HOUR, MINUTE, SECOND, START, USCC, World

pytestmark = pytest.mark.servers

GATEWAY = "gateway:10.0.0.0:502"


async def phased(world: World, meters: range, until: int) -> None:
    """Each meter is read every minute, ten seconds after the one before."""
    for start in range(world.clock.now, until, MINUTE):
        for number, meter in enumerate(meters):
            await world.read(world.points(meter), [start + number * 10 * SECOND])
    world.clock.now = until


async def watched(world: World, until: int, every: int = 5 * SECOND) -> None:
    while world.clock.now < until:
        world.clock.now += every
        await world.watch.cycle()


async def test_all_that_is_behind_a_gateway_is_one_alert(world: World) -> None:
    await world.register(4)
    async with world.watching() as watch:
        await phased(world, range(1, 5), START + 5 * MINUTE)
        await watched(world, START + 30 * MINUTE)
        assert await world.alerts() == [(GATEWAY, "open")]
        (item,) = (await table.page(world.db)).items
        assert (item["severity"], item["onset"]) == ("critical", "2026-01-01T08:05:00+08:00")
        assert (item["metering_point"], item["meter"]) == (None, None)
        assert item["evidence"]["meters"] == ["M-1", "M-2", "M-3", "M-4"]
        assert "其后 4 台计量器具（M-1、M-2、M-3、M-4）均无读数，最近一条为 2026-01-01 08:04:" in item["zh"]
        before = await world.everything()
    async with world.watching() as watch:
        await watch.cycle()
        assert await world.everything() == before, "a restart changes nothing"
        await phased(world, range(1, 5), START + 32 * MINUTE)
        await watch.cycle()
        assert await world.alerts() == [(GATEWAY, "resolved")]
        (item,) = (await table.page(world.db, Chosen(state="resolved"))).items
        assert item["zh"].endswith("恢复。")


async def test_when_one_comes_back_the_others_have_alerts_of_their_own(world: World) -> None:
    await world.register(3)
    async with world.watching():
        await phased(world, range(1, 4), START + 5 * MINUTE)
        await watched(world, START + 30 * MINUTE, MINUTE)
        await phased(world, range(2, 3), START + 31 * MINUTE)
        await world.watch.cycle()
        assert await world.alerts() == [(GATEWAY, "resolved")], "the others have time to speak too"
        await phased(world, range(2, 3), START + 37 * MINUTE)
        await world.watch.cycle()
        assert await world.alerts() == [(GATEWAY, "resolved"), ("offline:M-1", "open"), ("offline:M-3", "open")]
        await phased(world, range(2, 3), START + 38 * MINUTE)
        await watched(world, START + 38 * MINUTE + FLAP, MINUTE)
        assert await world.alerts() == [(GATEWAY, "open"), ("offline:M-1", "resolved"), ("offline:M-3", "resolved")]
        (item,) = (await table.page(world.db)).items
        assert item["reopened"] == 1


async def test_a_device_that_is_silent_while_others_speak_is_none(world: World) -> None:
    await world.register(3)
    async with world.watching():
        await phased(world, range(1, 4), START + 5 * MINUTE)
        for minute in range(5, 30):
            await phased(world, range(1, 3), START + (minute + 1) * MINUTE)
            await world.watch.cycle()
        assert await world.alerts() == [("offline:M-3", "open")]
        await watched(world, START + 40 * MINUTE, 10 * SECOND)
        assert await world.alerts() == [("offline:M-3", "resolved"), (GATEWAY, "open")]
        (item,) = (await table.page(world.db)).items
        assert item["onset"] == "2026-01-01T08:30:00+08:00", "since nobody speaks, not since the first fell silent"


async def test_the_only_device_at_an_address_and_devices_without_are_no_gateway(world: World) -> None:
    await world.register(3)
    await world.db.pool.execute("update connection set address = case meter_id when 1 then 'a:502' else '' end")
    async with world.watching():
        await phased(world, range(1, 4), START + 5 * MINUTE)
        await watched(world, START + 30 * MINUTE, MINUTE)
        offline = [key for key, state in await world.alerts() if state == "open"]
        assert sorted(offline) == ["offline:M-1", "offline:M-2", "offline:M-3"]


async def test_what_is_read_rarely_is_not_waited_for(world: World) -> None:
    await world.register(3)
    await world.db.pool.execute("update schedule set cadence_s = 86400 where point_id in (5, 6)")
    async with world.watching():
        await phased(world, range(1, 4), START + 5 * MINUTE)
        await watched(world, START + 15 * MINUTE, 10 * SECOND)
        assert await world.alerts() == [(GATEWAY, "open")]


async def test_its_worth_is_that_of_all_behind_it(world: World) -> None:
    await world.register(2)
    await world.db.pool.execute(
        "insert into rollup_day (point_id, start, seconds, consumption, expected, received, quality, intervals,"
        " estimated, edited) select id, $1, 86400, 240, 96, 96, 0, 96, 0, 0 from point",
        instant(START - DAY),
    )
    async with world.watching():
        await phased(world, range(1, 3), START + 5 * MINUTE)
        await watched(world, START + 5 * MINUTE + HOUR, 10 * MINUTE)
        (item,) = (await table.page(world.db)).items
        assert (item["rule"], item["amount"]) == ("gateway", None)
        assert item["money"] > 0
        assert item["uscc"] == USCC


async def test_nobody_has_a_gap_while_it_may_be_the_gateway(world: World) -> None:
    await world.register(3)
    await world.db.pool.execute("update schedule set cadence_s = 90 where point_id > 2")
    async with world.watching():
        await phased(world, range(1, 4), START + 5 * MINUTE)
        await watched(world, START + 30 * MINUTE)
        assert await world.alerts() == [(GATEWAY, "open")]
        assert await world.db.pool.fetchval("select count(*) from alert_event where action = 'turned'") == 0


async def test_a_first_gap_goes_on_as_the_gateways_alert(world: World) -> None:
    await world.register(2)
    await world.db.pool.execute("update schedule set cadence_s = 600 where point_id in (3, 4)")
    async with world.watching():
        await phased(world, range(1, 3), START + 5 * MINUTE)
        await watched(world, START + 20 * MINUTE)
        assert await world.alerts() == [("gap:E-1", "open")]
        await watched(world, START + 50 * MINUTE)
        assert await world.alerts() == [(GATEWAY, "open")]


async def test_a_gateway_that_was_silent_in_history_is_one_alert_that_is_over(world: World) -> None:
    await world.register(3, since=START - 3 * DAY)
    async with world.watching():
        await world.poll(world.points(1, 2, 3), START + 2 * MINUTE)
        history = [START - 3 * DAY + minute * MINUTE for minute in range(3 * 1440) if not 600 <= minute < 700]
        for meter in (1, 2, 3):
            lone = [time for time in history if meter > 1 or not 2000 <= (time - START + 3 * DAY) // MINUTE < 2100]
            await world.read(world.points(meter), lone, lane="backfill")
        await world.watch.cycle()
        world.clock.now += SETTLED
        await world.watch.cycle()
        assert sorted(await world.alerts()) == [(GATEWAY, "resolved"), ("offline:M-1", "resolved")]
        assert await world.db.pool.fetchval("select count(*) from notification_item") == 0
