"""The watch on a real database and a real stream; only time is moved by hand."""

import asyncio

import msgspec
import pytest

from alerts.watch import SETTLED, run
from config.samples import SampleBatch
from config.settings import Settings
from storage import alerts as table
from storage import readings
from storage.alert_actions import By, CannotAct, acknowledge
from storage.alerts import Chosen
from storage.database import Database
from storage.views import Sight
from tests.alerts.world import DAY, HOUR, MINUTE, SECOND, START, USCC, World
from tests.waiting import until

pytestmark = pytest.mark.servers


async def test_a_gap_opens_once_grows_and_ends_with_the_next_reading(world: World) -> None:
    await world.register()
    points = world.points(1)
    async with world.watching() as watch:
        await world.poll(points, START + 10 * MINUTE)
        await watch.cycle()
        world.clock.now = START + 14 * MINUTE
        await watch.cycle()
        assert await world.gaps() == []
        world.clock.now += SECOND
        await watch.cycle()
        await watch.cycle()
        assert await world.gaps() == [(point, 11, None, 0) for point in points]
        assert await world.alerts() == [("gap:E-1", "open")]
        world.clock.now = START + 21 * MINUTE
        await world.read(points, [START + 20 * MINUTE])
        await watch.cycle()
        assert await world.gaps() == [(point, 11, 20, 9) for point in points]
        assert await world.alerts() == [("gap:E-1", "resolved")]
    found = (await table.page(world.db, Chosen(state="all"))).items[0]
    assert found["onset"] == "2026-01-01T08:11:00+08:00"
    assert found["ended"] == "2026-01-01T08:20:00+08:00"
    assert found["evidence"]["missing"] == 9
    assert "恢复" in found["zh"]
    assert "9 of each quantity" in found["en"]


async def test_one_silent_quantity_is_a_gap_of_its_metering_point_but_not_offline(world: World) -> None:
    await world.register()
    dead, alive = world.points(1)
    async with world.watching() as watch:
        await world.poll([dead, alive], START + 5 * MINUTE)
        await world.poll([alive], START + 60 * MINUTE)
        await watch.cycle()
        assert await world.gaps() == [(dead, 6, None, 0)]
        assert await world.alerts() == [("gap:E-1", "open")]
        found = (await table.page(world.db)).items[0]
        assert found["evidence"]["quantities"] == ["active_energy_import"]


async def test_a_gap_goes_on_as_offline_and_ends_when_the_device_returns(world: World) -> None:
    await world.register(2)
    points = world.points(1)
    async with world.watching() as watch:
        await world.poll(world.points(1, 2), START + 5 * MINUTE)
        for minute in range(6, 30):
            await world.poll(world.points(2), START + minute * MINUTE)
            await watch.cycle()
        assert await world.alerts() == [("offline:M-1", "open")]
        offline = await table.get(world.db, 1)
        assert offline is not None
        assert [event["action"] for event in offline["events"]] == ["opened", "updated", "turned"]
        assert offline["events"][-1]["note"] == "gap → offline"
        assert offline["severity"] == "critical"
        assert offline["onset"] == "2026-01-01T08:06:00+08:00"
        assert "10.0.0.0:502" in offline["zh"]
        await world.poll(world.points(1, 2), START + 31 * MINUTE)
        await watch.cycle()
        assert await world.alerts() == [("offline:M-1", "resolved")]
        assert await world.gaps() == [(point, 6, 30, 24) for point in points]


async def test_long_silence_is_offline_at_once_without_a_gap_alert(world: World) -> None:
    await world.register(cadence_s=900)
    async with world.watching() as watch:
        await world.poll(world.points(1), START + HOUR, cadence=15 * MINUTE)
        world.clock.now = START + 2 * HOUR + 12 * MINUTE + SECOND
        await watch.cycle()
        assert await world.alerts() == [("offline:M-1", "open")]


async def test_late_readings_shrink_split_and_close_a_gap(world: World) -> None:
    await world.register()
    points = world.points(1)
    async with world.watching() as watch:
        await world.poll(points, START + 10 * MINUTE)
        world.clock.now = START + 60 * MINUTE
        await watch.cycle()
        assert await world.gaps() == [(point, 11, None, 0) for point in points]
        await world.read(points, [START + 60 * MINUTE])
        await watch.cycle()
        assert await world.gaps() == [(point, 11, 60, 49) for point in points]
        late = [START + minute * MINUTE for minute in range(30, 41)]
        await world.read(points, late, received=world.clock.now)
        await watch.cycle()
        assert await world.gaps() == [row for point in points for row in [(point, 11, 30, 19), (point, 41, 60, 19)]]
        await world.read(points, [START + minute * MINUTE for minute in range(41, 60)], lane="backfill")
        await watch.cycle()
        assert await world.gaps() == [(point, 11, 30, 19) for point in points]
        await world.read(points, [START + minute * MINUTE for minute in range(11, 30)], lane="backfill")
        await watch.cycle()
        assert await world.gaps() == []
        closed = await world.db.pool.fetch("select closed_by, missing from gap where state = 'closed'")
        assert {tuple(row) for row in closed} == {("backfill", 0)}
        assert [state for _, state in await world.alerts()] == ["resolved"]


async def test_a_hole_between_two_readings_is_a_gap_with_both_ends_and_a_resolved_alert(world: World) -> None:
    await world.register()
    points = world.points(1)
    async with world.watching() as watch:
        await world.poll(points, START + 10 * MINUTE)
        world.clock.now = START + 16 * MINUTE
        await world.read(points, [START + 16 * MINUTE])
        await watch.cycle()
        assert await world.gaps() == [(point, 11, 16, 5) for point in points]
        assert await world.alerts() == [("gap:E-1", "resolved")]
        assert await world.db.pool.fetchval("select count(*) from notification_item") == 0


async def test_imported_history_has_old_silence_of_devices_as_alerts_that_are_over(world: World) -> None:
    await world.register(since=START - 30 * DAY)
    points = world.points(1)
    async with world.watching() as watch:
        await world.poll(points, START + 2 * MINUTE)
        await watch.cycle()
        assert await world.gaps() == [(point, -30 * 1440, 1, 30 * 1440 + 1) for point in points]
        before = await world.gaps()
        history = [START - 3 * DAY + minute * MINUTE for minute in range(1440) if not 600 <= minute < 700]
        await world.read(points, history, lane="backfill")
        await watch.cycle()
        assert await world.gaps() == before
        world.clock.now += SETTLED
        await watch.cycle()
        assert await world.gaps() == [
            row
            for point in points
            for row in [
                (point, -30 * 1440, -3 * 1440, 27 * 1440),
                (point, -3 * 1440 + 600, -3 * 1440 + 700, 100),
                (point, -2 * 1440, 1, 2 * 1440 + 1),
            ]
        ]
        found = (await table.page(world.db, Chosen(state="resolved"))).items
        assert [(item["rule"], item["onset"], item["ended"]) for item in found] == [
            ("offline", "2025-12-30T08:00:00+08:00", "2026-01-01T08:01:00+08:00"),
            ("offline", "2025-12-29T18:00:00+08:00", "2025-12-29T19:40:00+08:00"),
        ]
        told = await world.everything()
    async with world.watching() as watch:
        await watch.cycle()
        assert await world.everything() == told


async def test_history_that_comes_in_opens_no_gaps_that_more_history_fills(world: World) -> None:
    await world.register(since=START - 2 * DAY)
    points = world.points(1)
    async with world.watching() as watch:
        newest, oldest = range(-1440, 0), range(-2880, -1440)
        await world.read(points, [START + minute * MINUTE for minute in newest], lane="backfill")
        await world.read(points, [START])
        await watch.cycle()
        assert await world.gaps() == []
        await world.read(points, [START + minute * MINUTE for minute in oldest if minute != -2000], lane="backfill")
        await watch.cycle()
        world.clock.now += SETTLED
        await watch.cycle()
        assert await world.gaps() == []
        assert await world.gaps("closed") == []
        assert not watch._state.deadlines.waiting  # type: ignore[union-attr]


async def test_a_hole_in_history_is_a_gap_when_history_is_in_though_the_watch_changed(world: World) -> None:
    await world.register(since=START - DAY)
    points = world.points(1)
    async with world.watching() as watch:
        await world.read(points, [START + minute * MINUTE for minute in range(-1440, -60)], lane="backfill")
        await world.read(points, [START + minute * MINUTE for minute in range(-30, 1)], lane="backfill")
        await watch.cycle()
        assert await world.gaps() == []
        watch._revised = True
        await watch.cycle()
        world.clock.now += SETTLED
        await watch.cycle()
        assert await world.gaps() == [(point, -60, -30, 30) for point in points]


async def test_a_lost_event_raises_nothing_and_a_hole_behind_it_is_found(world: World) -> None:
    await world.register()
    points = world.points(1)
    async with world.watching() as watch:
        await world.poll(points, START + 10 * MINUTE)
        await watch.cycle()
        await world.poll(points, START + 20 * MINUTE, event=False)
        await watch.cycle()
        assert await world.gaps() == []
        world.clock.now = START + 30 * MINUTE
        await world.read(points, [START + 30 * MINUTE], event=False)
        world.clock.now = START + 31 * MINUTE
        await world.read(points, [START + 31 * MINUTE])
        await watch.cycle()
        assert await world.gaps() == [(point, 21, 30, 9) for point in points]


async def test_a_device_that_never_reported_is_offline_since_its_schedule_began(world: World) -> None:
    await world.register(2, since=START - DAY)
    async with world.watching() as watch:
        await world.poll(world.points(2), START + 3 * MINUTE)
        await watch.cycle()
        assert await world.alerts() == [], "it gets time to speak first"
        await world.poll(world.points(2), START + 5 * MINUTE)
        await watch.cycle()
        assert await world.alerts() == [("offline:M-1", "open")]
        found = (await table.page(world.db)).items[0]
        assert found["onset"] == "2025-12-31T08:00:00+08:00"
        assert found["evidence"]["last_reading"] is None


async def test_a_slow_clock_is_no_silence(world: World) -> None:
    await world.register(since=START - DAY)
    points = world.points(1)
    async with world.watching() as watch:
        for minute in range(30):
            world.clock.now = START + minute * MINUTE
            await world.read(points, [world.clock.now - 20 * MINUTE], received=world.clock.now)
            await watch.cycle()
        assert await world.gaps() == [(point, -1440, -20, 1420) for point in points], "only before the first reading"
        assert await world.alerts() == []
        world.clock.now = START + 29 * MINUTE + 4 * MINUTE + SECOND
        await watch.cycle()
        assert await world.alerts() == [("gap:E-1", "open")]


async def test_a_restart_changes_nothing(world: World) -> None:
    await world.register(3)
    async with world.watching() as watch:
        await world.poll(world.points(1, 2, 3), START + 5 * MINUTE)
        await world.poll(world.points(2, 3), START + 25 * MINUTE)
        await world.poll(world.points(3), START + 31 * MINUTE)
        world.clock.now = START + 31 * MINUTE
        await watch.cycle()
        assert await world.alerts() == [("offline:M-1", "open"), ("gap:E-2", "open")]
        before = await world.everything()
    async with world.watching() as watch:
        await watch.cycle()
        assert await world.everything() == before


async def test_what_happened_while_nobody_watched_is_found_at_start(world: World) -> None:
    await world.register(4)
    everybody, rest = world.points(1, 2, 3, 4), world.points(2, 3, 4)
    async with world.watching() as watch:
        await world.poll(everybody, START + 5 * MINUTE)
        world.clock.now = START + 7 * MINUTE
        await watch.cycle()
    world.clock.now = START + 5 * MINUTE
    await world.poll(rest, START + 30 * MINUTE, event=False)  # meter 1 falls silent
    await world.poll(world.points(3, 4), START + 40 * MINUTE, event=False)  # meter 2 has a hole
    await world.poll(world.points(2, 3, 4), START + 50 * MINUTE, event=False)
    async with world.watching() as watch:
        await watch.cycle()
        assert await world.gaps() == [
            *((point, 6, None, 0) for point in world.points(1)),
            *((point, 31, 41, 10) for point in world.points(2)),
        ]
        assert sorted(await world.alerts()) == [("gap:E-2", "resolved"), ("offline:M-1", "open")]


async def test_after_a_stop_of_the_whole_system_everybody_gets_time_to_speak(world: World) -> None:
    await world.register(2)
    async with world.watching() as watch:
        await world.poll(world.points(1, 2), START + 5 * MINUTE)
        await watch.cycle()
    world.clock.now = START + 3 * HOUR
    async with world.watching() as watch:
        await watch.cycle()
        assert await world.alerts() == []
        await world.poll(world.points(1), START + 3 * HOUR + 5 * MINUTE)
        await watch.cycle()
        assert sorted(await world.alerts()) == [("offline:M-1", "resolved"), ("offline:M-2", "open")]


async def test_silence_that_was_known_goes_on_through_a_stop_of_the_whole_system(world: World) -> None:
    await world.register(2)
    async with world.watching() as watch:
        await world.poll(world.points(1, 2), START + 5 * MINUTE)
        await world.poll(world.points(2), START + 25 * MINUTE)
        await watch.cycle()
    world.clock.now = START + 3 * HOUR
    before = await world.gaps()
    await world.stream.publish(USCC, SampleBatch.from_rows([(3, world.clock.now, 1.0)]))
    async with world.watching() as watch:  # and ingest is behind
        await watch.cycle()
        assert await world.gaps() == before
        assert await world.alerts() == [("offline:M-1", "open")]


async def test_an_installation_that_ends_ends_its_gap(world: World) -> None:
    await world.register()
    points = world.points(1)
    end = "update segment set valid_to = '2026-01-01T00:30:00Z'"
    async with world.watching() as watch:
        await world.poll(points, START + 5 * MINUTE)
        world.clock.now = START + 20 * MINUTE
        await watch.cycle()
        assert await world.gaps() == [(point, 6, None, 0) for point in points]
        await world.db.pool.execute(end)
        watch._revised = True
        await watch.cycle()
        world.clock.now = START + 40 * MINUTE
        await watch.cycle()
        assert await world.gaps() == [(point, 6, 30, 24) for point in points]
        trail = await table.get(world.db, 1)
        assert trail is not None
        assert trail["state"] == "resolved"
        assert "no readings are expected" in trail["events"][-1]["note"]


async def test_a_disabled_connection_is_not_expected(world: World) -> None:
    await world.register()
    async with world.watching() as watch:
        await world.poll(world.points(1), START + 5 * MINUTE)
        await world.db.pool.execute("update connection set enabled = false")
        watch._revised = True
        await watch.cycle()
        world.clock.now = START + 3 * HOUR
        await watch.cycle()
        assert await world.alerts() == []


async def test_an_acknowledged_alert_is_resolved_by_itself_too(world: World) -> None:
    await world.register()
    points = world.points(1)
    async with world.watching() as watch:
        await world.poll(points, START + 5 * MINUTE)
        world.clock.now = START + 10 * MINUTE
        await watch.cycle()
        await acknowledge(world.db, [1], By("ops", Sight()), "on my way")
        with pytest.raises(CannotAct, match="acknowledged"):
            await acknowledge(world.db, [1], By("ops", Sight()), "")
        assert [item["state"] for item in (await table.page(world.db)).items] == ["acknowledged"]
        await world.poll(points, START + 12 * MINUTE)
        await watch.cycle()
        assert await world.alerts() == [("gap:E-1", "resolved")]
        found = await table.get(world.db, 1)
        assert found is not None
        assert [event["actor"] for event in found["events"]] == ["watch", "ops", "watch"]
        assert await table.get(world.db, 1, enterprise="another") is None


async def test_silence_is_not_believed_while_ingest_is_behind(world: World) -> None:
    await world.register()
    points = world.points(1)
    async with world.watching() as watch:
        await world.poll(points, START + 5 * MINUTE)
        world.clock.now = START + 30 * MINUTE
        await world.stream.publish(USCC, SampleBatch.from_rows([(points[0], world.clock.now, 1.0)]))
        await watch.cycle()
        assert await world.gaps() == []
        lane = (await world.stream.lanes())["live"]
        await lane.ask()
        await until(lambda: len(lane), what="the batch")
        await lane.acknowledge(lane.take(1_000_000))
        await until(lambda: _empty(world), what="an empty lane")
        await watch.cycle()
        assert len(await world.gaps()) == 2


async def _empty(world: World) -> bool:
    return not (await world.stream.backlog())["live"]


async def test_a_standby_takes_over_and_a_lost_database_comes_back(world: World, database_settings: Settings) -> None:
    await world.register()
    told: list[dict[str, object]] = []

    async def listen() -> None:
        async for event in world.stream.events(f"events.alerts.{USCC}"):
            told.append(msgspec.json.decode(event.data))  # noqa: PERF401 (it never ends)

    listening = asyncio.create_task(listen())
    stops = [asyncio.Event(), asyncio.Event()]
    roles = [asyncio.create_task(run(database_settings, stop, world.clock)) for stop in stops]
    try:
        await until(lambda: _noted(world.db), what="an active watch")
        world.clock.now = START + 5 * MINUTE
        await until(lambda: len(told) == 1, what="the alert to be told", seconds=15)
        assert (told[0]["rule"], told[0]["uscc"], told[0]["state"]) == ("gap", USCC, "open")
        stops[0].set()
        await asyncio.wait_for(roles[0], 10)
        await until(lambda: _locked(world.db), what="the standby to take over")
        await world.db.pool.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'wanjia watch' and datname = current_database()"
        )
        batch = SampleBatch.from_rows([(point, world.clock.now, 1.0) for point in world.points(1)])
        async with world.db.transaction() as conn:
            await readings.store(conn, batch)  # the watch hears nothing of it
        await until(lambda: len(told) == 2, what="the watch to come back and find the reading", seconds=20)
        assert told[1]["state"] == "resolved"
    finally:
        for stop in stops:
            stop.set()
        await asyncio.wait_for(asyncio.gather(*roles), 20)
        listening.cancel()
    assert await world.alerts() == [("gap:E-1", "resolved")]


async def _noted(db: Database) -> bool:
    return bool(await db.pool.fetchval("select count(*) from watched"))


async def _locked(db: Database) -> bool:
    query = """
        select count(*) = 1 from pg_locks join pg_database on pg_database.oid = database
        where locktype = 'advisory' and granted and datname = current_database()
    """
    return bool(await db.pool.fetchval(query))
