"""10,000 meters fall silent together and come back: few notifications, and the watch keeps up."""

import time

import pytest

from alerts.message import LISTED
from storage import targets
from tests.alerts.receivers import receiver
from tests.alerts.test_notify import duty, told
from tests.alerts.world import HOUR, MINUTE, SECOND, START, World

METERS = 10_000


@pytest.mark.servers
@pytest.mark.slow
async def test_ten_thousand_meters_offline_at_once(world: World) -> None:
    world.quantities = ("active_energy_import",)
    await world.register(METERS, enterprises=200)
    await world.db.pool.execute("update connection set address = 'meter-' || meter_id")  # no gateway makes it easier
    everybody = world.points(*range(1, METERS + 1))
    async with receiver() as hook, world.watching() as watch:
        await targets.put(world.db, duty(hook), "ops")
        await world.poll(everybody, START + 2 * MINUTE)
        await watch.cycle()
        longest = 0.0
        while world.clock.now < START + 35 * MINUTE:
            if world.clock.now == START + 32 * MINUTE:
                await world.read(everybody, [world.clock.now])
            world.clock.now += 10 * SECOND
            began = time.perf_counter()
            await watch.cycle()
            longest = max(longest, time.perf_counter() - began)
            await told(world)
        world.clock.now += HOUR
        await told(world)
    states = await world.db.pool.fetch("select rule, state, count(*) from alert group by 1, 2 order by 1, 2")
    assert [tuple(row) for row in states] == [("offline", "resolved", METERS)]
    counted = {("opened", "gap"): 0, ("escalated", "offline"): 0, ("resolved", "offline"): 0}
    for body in hook.bodies:
        for group in body["groups"]:
            counted[group["event"], group["rule"]] += group["count"]
        assert len(body["alerts"]) <= LISTED
    assert set(counted.values()) == {METERS}, "everyone is counted"
    print(f"{len(hook.requests)} notifications, longest cycle {longest:.1f} s")
    assert len(hook.requests) <= 20
    assert longest < 20


@pytest.mark.servers
@pytest.mark.slow
async def test_a_storm_that_spreads_over_a_quarter_of_an_hour(world: World) -> None:
    """Meters are polled at their own phases, so they fall silent one after the other."""
    world.quantities = ("active_energy_import",)
    await world.register(900, enterprises=30, cadence_s=900)
    async with receiver() as hook, world.watching() as watch:
        await targets.put(world.db, duty(hook), "ops")
        for minute in range(15):
            world.clock.now = START + minute * MINUTE
            await world.read(world.points(*range(1 + minute, 901, 15)), [world.clock.now])
        while world.clock.now < START + 2 * HOUR:
            world.clock.now += 30 * SECOND
            await watch.cycle()
            await told(world)
    counts = {
        row["rule"]: row["count"] for row in await world.db.pool.fetch("select rule, count(*) from alert group by 1")
    }
    assert counts == {"gateway": 120}, "30 enterprises with 4 gateways each"
    assert sum(body["count"] for body in hook.bodies) == 120
    print(f"{len(hook.requests)} notifications")
    assert len(hook.requests) <= 20
