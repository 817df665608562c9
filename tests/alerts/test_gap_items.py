"""The watch says why readings are missing, while it lasts and afterwards, and which gaps belong together."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from config.workdays import Calendar, RepairClock
from storage import gaps, ledger
from storage.columns import instant
from storage.grounds import note_rejected
from storage.ledger import Asked
from storage.views import Sight
from tests.alerts.world import MINUTE, START, World
from tests.waiting import until

pytestmark = pytest.mark.servers

CLOCK = RepairClock(3, Calendar())


async def items(world: World, **asked: Any) -> list[dict[str, Any]]:
    page = await ledger.page(world.db, Sight(), Asked(**asked), CLOCK, instant(world.clock.now))
    return page.items


async def causes(world: World, **asked: Any) -> dict[str, str]:
    return {item["metering_point"]: item["cause"] for item in await items(world, **asked)}


async def watched(world: World, minutes: int, *alive: int) -> None:
    """So many minutes, in which only these meters are read."""
    for _ in range(minutes):
        world.clock.now += MINUTE
        await world.read(world.points(*alive), [world.clock.now])
        await world.watch.cycle()


async def test_a_gateways_silence_is_one_group_while_it_lasts_and_afterwards(world: World) -> None:
    await world.register(4)
    await world.db.pool.execute("update connection set address = '10.0.0.9:502' where meter_id > 2")
    async with world.watching():
        await watched(world, 10, 1, 2, 3, 4)
        await watched(world, 10, 3)
        assert await causes(world) == {"E-1": "gateway", "E-2": "gateway", "E-4": "silent"}
        one, two = (await causes(world, cause="gateway"), await items(world, group=None, cause="gateway"))
        assert len(one) == 2
        assert len({item["group"] for item in two}) == 1
        (group,) = await items(world, together=True, cause="gateway")
        assert (group["metering_points"], group["id"]) == (2, two[0]["group"])
        assert group["evidence"]["devices"] == 2
        assert {item["id"] for item in await items(world, group=group["id"])} == {item["id"] for item in two}
        await watched(world, 10, 1, 3)
        assert await causes(world) == {"E-1": "gateway", "E-2": "silent", "E-4": "silent"}
        await watched(world, 5, 1, 2, 3, 4)
        assert await causes(world) == {"E-1": "gateway", "E-2": "silent", "E-4": "silent"}
        assert {len(item["quantities"]) for item in await items(world)} == {2}
        assert all(item["to"] for item in await items(world))


async def test_a_collectors_silence_and_one_found_only_afterwards(world: World) -> None:
    await world.register(3)
    await world.db.pool.execute("update connection set address = '10.0.0.9:502' where meter_id > 2")
    async with world.watching():
        await watched(world, 10, 1, 2, 3)
        await watched(world, 10)
        assert set((await causes(world)).values()) == {"collector"}
        assert len(await items(world, together=True)) == 1
        assert {item["owner"] for item in await items(world)} == {"centre"}
        await watched(world, 5, 1, 2, 3)
    world.clock.now += 20 * MINUTE
    await world.read(world.points(1, 2), [world.clock.now], event=False)
    await world.read(world.points(3), [START + minute * MINUTE for minute in range(26, 46)], event=False)
    async with world.watching() as watch:
        await watch.cycle()
        found = [(item["metering_point"], item["cause"]) for item in await items(world)]
        assert sorted(found) == [
            ("E-1", "collector"), ("E-1", "gateway"), ("E-2", "collector"), ("E-2", "gateway"), ("E-3", "collector"),
        ]  # fmt: skip


async def test_a_refused_register_speaks_for_itself(world: World) -> None:
    await world.register(2)
    _, power = world.points(1)
    async with world.watching() as watch:
        await watched(world, 5, 1, 2)
        following = asyncio.create_task(watch._follow_refusals())
        await world.stream.refusals.change({"1": f"[{power}]".encode(), "2": b"[1]"})
        await until(lambda: len(watch._refused) == 2 and watch._refusals_changed, what="the refusals")
        for _ in range(10):
            world.clock.now += MINUTE
            await world.read([*world.points(2), world.points(1)[0]], [world.clock.now])
            await watch.cycle()
        (item,) = await items(world)
        assert (item["cause"], item["quantities"]) == ("refused", ["active_power"])
        assert item["evidence"]["since"].startswith("2026-01-01T00:0")
        await world.stream.refusals.delete("1")
        await until(lambda: len(watch._refused) == 1, what="its end")
        await watched(world, 2, 1, 2)
        (item,) = await items(world)
        assert (item["cause"], item["to"] is None) == ("refused", False)
        following.cancel()


async def test_rejected_readings_speak_for_themselves(world: World) -> None:
    await world.register(2)
    one, two = world.points(1), world.points(2)
    async with world.watching():
        await watched(world, 10, 1, 2)
        async with world.db.transaction() as conn:
            at = np.array([START + minute * MINUTE for minute in range(11, 18)])
            await note_rejected(conn, "the value is not a finite number", np.full(7, one[0], np.int32), at)
            await note_rejected(conn, "the value is not a finite number", np.full(2, one[0], np.int32), at[:2])
            await note_rejected(conn, "too few", np.full(3, two[0], np.int32), at[:3])
        await watched(world, 12)
        assert await causes(world) == {"E-1": "rejected", "E-2": "gateway"}
        (item,) = await items(world, cause="rejected")
        assert item["evidence"] == {"readings": 9, "reasons": ["the value is not a finite number"]}


async def test_gaps_are_found_by_their_id_and_by_when_they_lasted(world: World) -> None:
    await world.register()
    async with world.watching():
        await watched(world, 10, 1)
        await watched(world, 10)
        await watched(world, 5, 1)
        await watched(world, 10)
    lasting, over = await items(world, metering_point="E-1")
    assert [item["id"] for item in await items(world, number=over["id"])] == [over["id"]]
    assert await items(world, number=over["id"] + 1) == []
    async with world.db.connection() as conn:
        for minutes, found in (((12, 14),), [over]), (((2, 4), (22, 23)), []), (((12, 12), (30, 31)), [over, lasting]):
            known = await gaps.around(conn, [(START + one * MINUTE, START + last * MINUTE) for one, last in minutes])
            assert set(known.lead.tolist()) == {item["id"] for item in found}


async def test_who_filled_it_and_what_is_overdue(world: World) -> None:
    await world.register()
    points = world.points(1)
    async with world.watching() as watch:
        await watched(world, 10, 1)
        await watched(world, 10)
        await watched(world, 5, 1)
        (item,) = await items(world, state="open")
        await world.read(points, [START + minute * MINUTE for minute in range(11, 21)], lane="backfill")
        world.clock.now += MINUTE
        await watch.cycle()
        (closed,) = await items(world, state="closed")
        assert (closed["id"], closed["closed_by"], closed["missing"]) == (item["id"], "backfill", 0)
        await watched(world, 10)
        assert await items(world, overdue=True) == []
        world.clock.now += 6 * 1440 * MINUTE
        (late,) = await items(world, overdue=True)
        assert late["overdue"] is True


async def test_energy_that_is_known_makes_a_gap_estimated(world: World) -> None:
    await world.register()
    energy = world.points(1)[0]
    async with world.watching():
        await watched(world, 15, 1)
        await watched(world, 30)
        await watched(world, 15, 1)
        await world.db.pool.execute("select make_room('metered_interval', array['2026-01-01'::date])")
        put = (
            "insert into metered_interval (point_id, start, seconds, consumption, expected, received, quality, method) "
            "select $1, $2::timestamptz + n * interval '15 minutes', 900, $3, 15, 0, 2, 1 from generate_series(0, 3) n"
        )
        await world.db.pool.execute(put, energy, instant(START), None)
        await watched(world, 2, 1)
        assert [item["state"] for item in await items(world)] == ["open"]
        await world.db.pool.execute("update metered_interval set consumption = 1")
        await watched(world, 2, 1)
        assert [item["state"] for item in await items(world)] == ["estimated"]
        await world.db.pool.execute(
            "update metered_interval set consumption = null where start = $1", instant(START + 15 * MINUTE)
        )
        await watched(world, 11, 1)
        assert [item["state"] for item in await items(world)] == ["open"]
