"""Inspections on a real database: what is loaded, what becomes of findings, which thresholds hold."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from alerts.finding import Finding
from alerts.history import History
from alerts.inspect import Inspected, Inspections, Standing, closed, inspect, portions
from alerts.lifecycle import Changes
from alerts.loading import places
from alerts.rules import INSPECTIONS
from alerts.rules.balance import Balance
from alerts.thresholds import Thresholds
from config.quality import Flag, Quality
from config.rules import Limits, Setting
from config.samples import SampleBatch
from storage import history, intervals, proofs, readings, thresholds, verdicts
from storage.alerts import Running
from storage.changes import later_readings
from storage.columns import instant
from storage.intervals import IntervalColumns, Ranges
from storage.points import load_points
from storage.proofs import Proof
from storage.verdicts import Verdict
from tests.alerts.histories import MIDNIGHT, ZONE, place
from tests.alerts.histories import find as found_in
from tests.alerts.world import DAY, HOUR, MINUTE, SECOND, START, USCC, World

pytestmark = pytest.mark.servers


async def consume(world: World, point: int, daily: list[float], quality: Quality = Quality.MEASURED) -> None:
    """Store what was consumed on the days from MIDNIGHT on, evenly over their intervals."""
    count = 96 * len(daily)
    start = MIDNIGHT + np.arange(count) * 15 * MINUTE
    columns = IntervalColumns(
        np.full(count, point, np.int32),
        start,
        np.full(count, 900, np.int32),
        np.repeat(np.array(daily) / 96, 96),
        np.full(count, quality, np.int16),
        np.zeros(count, np.int16),
        np.full(count, 15, np.int32),
        np.full(count, 15, np.int32),
    )
    whole = Ranges(np.array([point], np.int32), start[:1], start[-1:] + 15 * MINUTE)
    async with world.db.transaction() as conn:
        await intervals.roll_up(conn, await intervals.replace(conn, columns, whole, later_readings()), {point: ZONE})


async def family(world: World) -> tuple[int, int]:
    """E-1 with E-2 below it; their registers."""
    await world.register(2, since=MIDNIGHT)
    await world.db.pool.execute("update metering_point set parent_id = 1, level = 2 where code = 'E-2'")
    return world.points(1)[0], world.points(2)[0]


async def look(world: World, rule: str, past: int, settings: tuple[Setting, ...] = ()) -> list[tuple[str, int | None]]:
    """(key without the enterprise, end) of what an inspection finds now."""
    async with world.db.connection() as conn:
        there = places(await history.sites(conn), await load_points(world.db))
        found = await inspect(conn, INSPECTIONS[rule], there, Thresholds(settings), past)
    return [(one.key.replace(f"{USCC}/", ""), one.ended) for one in found]


async def test_an_episode_opens_once_and_ends_by_itself(world: World) -> None:
    parent, child = await family(world)
    await consume(world, parent, [100.0] * 5)
    await consume(world, child, [90.0, 130.0, 130.0, 90.0, 90.0])
    world.clock.now = MIDNIGHT + 3 * DAY + 3 * HOUR
    async with world.watching() as watch:
        inspections = watch._inspections
        for _ in range(2):
            await inspections.turn(await load_points(world.db), world.clock.now)
            await watch.cycle()
        balance = [row for row in await world.alerts() if row[0].startswith("balance")]
        assert balance == [("balance:E-1", "open")]
    async with world.watching() as watch:  # another watch takes over
        await watch._inspections.turn(await load_points(world.db), world.clock.now)
        await watch.cycle()
        assert await world.db.pool.fetchval("select count(*) from alert where rule = 'balance'") == 1
        world.clock.now += DAY
        await watch._inspections.turn(await load_points(world.db), world.clock.now)
        await watch.cycle()
        row = await world.db.pool.fetchrow("select state, onset, ended, zh, evidence from alert where rule = 'balance'")
        assert row is not None
        assert (row["state"], row["onset"], row["ended"]) == (
            "resolved",
            instant(MIDNIGHT + DAY),
            instant(MIDNIGHT + 3 * DAY),
        )
        assert "130 kWh" in row["zh"]


async def test_a_day_is_looked_at_when_it_has_settled(world: World) -> None:
    balance, stale = INSPECTIONS["balance"], INSPECTIONS["stale"]
    assert closed(balance, ZONE, MIDNIGHT + DAY + 2 * HOUR - SECOND) == MIDNIGHT
    assert closed(balance, ZONE, MIDNIGHT + DAY + 2 * HOUR) == MIDNIGHT + DAY
    assert closed(stale, ZONE, START + HOUR + 5 * MINUTE) == START + HOUR
    await family(world)
    delivered: list[Inspected] = []
    inspections = Inspections(world.db, [balance, stale], delivered.append)
    points = await load_points(world.db)
    for now, rules in (
        (START, {"balance", "stale"}),
        (START + 4 * MINUTE, set()),
        (START + HOUR + 5 * MINUTE, {"stale"}),
        (MIDNIGHT + DAY + 2 * HOUR, {"balance", "stale"}),
    ):
        await inspections.turn(points, now)
        assert {one.rules[0] for one in delivered} == rules
        delivered.clear()
    inspections.forget()
    await inspections.turn(points, MIDNIGHT + DAY + 2 * HOUR)
    assert {one.rules[0] for one in delivered} == {"balance", "stale"}, "after a change of the registry at once"
    delivered.clear()
    inspections.history_came(MIDNIGHT + DAY + 2 * HOUR, MIDNIGHT)
    await inspections.turn(points, MIDNIGHT + DAY + 2 * HOUR + 4 * MINUTE)
    assert not delivered
    await inspections.turn(points, MIDNIGHT + DAY + 2 * HOUR + 6 * MINUTE)
    assert {one.rules[0] for one in delivered} == {"balance", "stale"}, "when history has come in"


async def test_a_rule_that_fails_stops_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Balance):
        name = "balance"

        def find(self, history: History, limits: Sequence[Limits]) -> Iterator[Finding]:
            raise ZeroDivisionError

    await family(world)
    delivered: list[Inspected] = []
    inspections = Inspections(world.db, [Broken(), INSPECTIONS["vee_zero"], INSPECTIONS["quota"]], delivered.append)
    for _ in range(2):
        await inspections.turn(await load_points(world.db), START)
    assert [one.rules for one in delivered] == [("vee_zero",), ("quota",)]
    assert caplog.text.count("inspection balance failed") == 1


async def test_the_narrowest_threshold_holds(world: World) -> None:
    parent, child = await family(world)
    await consume(world, parent, [100.0] * 3)
    await consume(world, child, [110.0] * 3)
    past = MIDNIGHT + 3 * DAY
    everywhere = Setting("balance", "default", {"min_loss": -0.2})
    electricity = Setting("balance", "carrier:electricity", {"min_loss": -0.05})
    enterprise = Setting("balance", f"enterprise:{USCC}", {"days": 4})
    here = Setting("balance", f"point:{USCC}/E-1", {"days": 3})
    assert await look(world, "balance", past) == [("balance:E-1", None)]
    assert await look(world, "balance", past, (everywhere,)) == []
    assert await look(world, "balance", past, (everywhere, electricity)) == [("balance:E-1", None)]
    assert await look(world, "balance", past, (everywhere, electricity, enterprise)) == []
    assert await look(world, "balance", past, (everywhere, electricity, enterprise, here)) == [("balance:E-1", None)]
    off = Setting("balance", "default", {"enabled": False})
    assert await look(world, "balance", past, (off,)) == []
    on_for_the_parent = Setting("balance", f"point:{USCC}/E-1", {"enabled": True})
    assert await look(world, "balance", past, (off, on_for_the_parent)) == [("balance:E-1", None)]


async def test_settings_are_kept_changed_and_audited(world: World) -> None:
    revision = "select max(id) from audit"
    async with world.db.transaction() as conn:
        await thresholds.put(conn, [Setting("gap", "default", {"cadences": 5})], "anna")
        await thresholds.put(conn, [Setting("gap", "default", {"cadences": 6})], "ben")
        assert await thresholds.read(conn) == [Setting("gap", "default", {"cadences": 6})]
        assert await thresholds.drop(conn, "gap", "default", "ben")
        assert not await thresholds.drop(conn, "gap", "default", "ben")
        audit = await conn.fetch("select actor, action, code, before, after from audit order by id")
        assert [tuple(row) for row in audit] == [
            ("anna", "create", "gap default", None, '{"cadences": 5}'),
            ("ben", "change", "gap default", '{"cadences": 5}', '{"cadences": 6}'),
            ("ben", "remove", "gap default", '{"cadences": 6}', None),
        ]
    assert (await load_points(world.db)).revision == await world.db.pool.fetchval(revision)


async def test_readings_of_hours_delays_and_conflicts(world: World) -> None:
    """The columns that are not rollups: through the rules that use them."""
    world.quantities = ("active_energy_import", "active_power", "voltage_a")
    await world.register(1, since=MIDNIGHT)
    energy, power, voltage = world.points(1)
    await world.db.pool.execute("update segment set multiplier = 10")
    quarter = np.arange(96 * 3)
    times = MIDNIGHT + quarter * 15 * MINUTE

    def batch(point: int, value: np.ndarray, late: int = 0, flags: int = 0) -> SampleBatch:
        rows = [(point, int(time), float(one)) for time, one in zip(times, value, strict=True)]
        return SampleBatch.from_rows(rows, received=int(times[-1]) + late, flags=flags)

    async with world.db.transaction() as conn:
        received = times + np.where(quarter >= 192, HOUR, SECOND)
        await readings.store(conn, batch(energy, quarter * 2.5), received)
        await readings.store(conn, batch(power, np.full(len(times), 25.0)), times + HOUR)
        await readings.store(conn, batch(voltage, np.full(len(times), 230.0), flags=int(Flag.BACKFILL)))
        await readings.store(conn, batch(energy, quarter * 2.5 + (quarter >= 280)))
    past = MIDNIGHT + 3 * DAY
    assert await look(world, "conflict", past) == [("conflict:E-1", None)]
    assert await look(world, "late", past) == [("late:E-1", None)]
    assert await look(world, "power_energy", past) == [("power_energy:E-1", None)], "25 kW are not 10 kWh an hour"
    assert await look(world, "stale", past) == [], "the register moves"
    async with world.db.transaction() as conn:
        await conn.execute("delete from reading where point_id = $1 and time >= $2", energy, instant(past - 8 * HOUR))
    assert await look(world, "stale", past) == [("stale:E-1", None)]


async def test_a_senders_clock_is_seen_by_when_its_readings_are_received(world: World) -> None:
    await world.register(3, since=MIDNIGHT)
    times = MIDNIGHT + np.arange(120) * MINUTE
    kinds = ((1, 200, Flag.SENDER_CLOCK), (2, 200, Flag.NONE), (3, 200, Flag.SENDER_CLOCK | Flag.BACKFILL))
    async with world.db.transaction() as conn:
        for meter, ahead, flags in kinds:
            rows = [(world.points(meter)[0], int(time), 1.0) for time in times]
            batch = SampleBatch.from_rows(rows, received=int(times[-1]), flags=int(flags))
            await readings.store(conn, batch, times - ahead * SECOND)
    assert await look(world, "meter_clock", MIDNIGHT + 2 * HOUR) == [("meter_clock:E-1", None)]
    kind = Setting("meter_clock", "default", {"seconds": 300})
    assert await look(world, "meter_clock", MIDNIGHT + 2 * HOUR, (kind,)) == []


async def test_what_is_estimated_is_told_from_what_is_measured(world: World) -> None:
    point, _ = await family(world)
    await consume(world, point, [100.0] * 8, Quality.ESTIMATED)
    await consume(world, point, [100.0] * 2)
    assert await look(world, "estimated_too_long", MIDNIGHT + 5 * DAY) == []
    assert await look(world, "estimated_too_long", MIDNIGHT + 6 * DAY) == [("estimated_too_long:E-1", None)]


async def test_verdicts_of_the_register_engine(world: World) -> None:
    point, _ = await family(world)
    await world.db.pool.execute("update segment set multiplier = 100")
    at = MIDNIGHT + 2 * DAY
    verdict = Verdict(point, "limit", at - 15 * MINUTE, at, at, at + HOUR, {"before": 10.0, "values": [60.0]})
    ranges = Ranges(np.array([point], np.int32), np.array([at]), np.array([at + 1]))
    async with world.db.transaction() as conn:
        await verdicts.replace(conn, ranges, [verdict])
        there = places(await history.sites(conn), await load_points(world.db))
        found = (await inspect(conn, INSPECTIONS["limit"], there, Thresholds(), at + DAY))[0]
        assert (found.onset, found.ended, found.amount) == (at, None, 5000.0)
        await verdicts.replace(conn, ranges, [])
        assert await inspect(conn, INSPECTIONS["limit"], there, Thresholds(), at + DAY) == [], "overruled"


async def test_the_detector_looks_at_hours_that_are_measured(world: World) -> None:
    point, other = await family(world)
    daily = [960.0, 1010.0, 940.0, 1000.0, 980.0, 1020.0, 990.0] * 5
    await consume(world, point, daily + [value / 2 for value in daily[:21]])
    await consume(world, other, daily + [value / 2 for value in daily[:21]], Quality.ESTIMATED)
    past = MIDNIGHT + 56 * DAY
    assert await look(world, "detection", past) == [("ratio:E-1", None)]
    off = Setting("ratio", "default", {"enabled": False})
    assert await look(world, "detection", past, (off,)) == []


async def test_what_becomes_critical_is_told_again(world: World) -> None:
    await world.register(1, since=MIDNIGHT)
    await world.db.pool.execute("update meter set verified_until = '2026-01-10'")
    async with world.watching() as watch:
        for day in (5, 12):
            world.clock.now = MIDNIGHT + day * DAY + 3 * HOUR
            await watch._inspections.turn(await load_points(world.db), world.clock.now)
            await watch.cycle()
    row = await world.db.pool.fetchrow("select id, severity, state from alert where rule = 'verification_due'")
    assert row is not None
    assert tuple(row)[1:] == ("critical", "open")
    trail = await world.db.pool.fetch("select action, note from alert_event where alert_id = $1 order by id", row["id"])
    assert ("escalated", "warning → critical") in [tuple(event) for event in trail]


def test_a_text_is_made_anew_when_it_stands_twice_as_long() -> None:
    vector = {"days": 4, "places": {"E-2": {"parent": "E-1"}}, "daily": {"E-1": [100], "E-2": [120]}}
    finding = found_in("balance", vector)[0]
    standing = Standing([Running(1, finding.key, "balance", START, START + HOUR, "warning")])
    updated = []
    for hour in range(2, 10):
        changes = Changes()
        standing.compare(Inspected(("balance",), frozenset({USCC}), [finding]), START + hour * HOUR, changes)
        assert not changes.opened
        updated += [hour] * len(changes.updated)
    assert updated == [2, 4, 8]
    graver = Changes()
    worse = replace(finding, severity="critical")
    standing.compare(Inspected(("balance",), frozenset({USCC}), [worse]), START + 9 * HOUR, graver)
    assert graver.updated == [worse], "what has become worse is told at once"
    others = Changes()
    standing.compare(Inspected(("balance",), frozenset({"other"}), []), START + 10 * HOUR, others)
    standing.compare(Inspected(("stale",), frozenset({USCC}), []), START + 10 * HOUR, others)
    assert not others, "neither another enterprise nor another rule ends it"


def test_what_is_over_when_it_is_found_is_told_once() -> None:
    vector = {"days": 4, "places": {"E-2": {"parent": "E-1"}}, "daily": {"E-1": [100], "E-2": [120]}}
    lasting = found_in("balance", vector)[0]
    first, second = (replace(lasting, onset=START - n * DAY, ended=START - (n - 1) * DAY) for n in (9, 5))
    standing = Standing([])
    changes = Changes()
    for _ in range(2):
        standing.compare(Inspected(("balance",), frozenset({USCC}), [first, second, lasting]), START, changes)
    assert (changes.past, changes.opened) == ([first, second], [lasting])
    over = replace(lasting, ended=START + HOUR)
    ends = Changes()
    standing.compare(Inspected(("balance",), frozenset({USCC}), [first, second, over]), START + DAY, ends)
    assert [(ending.key, ending.ended) for ending in ends.ended] == [(lasting.key, START + HOUR)]
    assert not ends.past


async def test_another_class_of_the_same_goes_on_in_its_alert(world: World) -> None:
    await world.register(1)
    (ratio,) = found_in(
        "detection", {"days": 70, "load": {"E-1": {"day": [2.0] * 12 + [6.0] * 12, "changes": [[50, 182, 0.5]]}}}
    )
    assert ratio.rule == "ratio"
    level = replace(ratio, rule="level", key=ratio.key.replace("ratio", "level"), severity="critical")
    frozen = replace(ratio, rule="frozen", key=ratio.key.replace("ratio", "frozen"), ended=ratio.onset + DAY)
    rules, world.clock.now = INSPECTIONS["detection"].rules, MIDNIGHT + 70 * DAY
    async with world.watching() as watch:
        for finding in (ratio, level, frozen):
            watch._deliver(Inspected(rules, frozenset({USCC}), [finding]))
            await watch.cycle()
    rows = await world.db.pool.fetch("select id, key, severity, state, ended from alert")
    assert [tuple(row) for row in rows] == [(1, frozen.key, "critical", "resolved", instant(ratio.onset + DAY))]
    trail = await world.db.pool.fetch("select action, note from alert_event order by id")
    assert [tuple(event) for event in trail] == [
        ("opened", ""),
        ("turned", "ratio → level"),
        ("turned", "level → frozen"),
        ("resolved", "数据恢复正常 · the data are as they should be again"),
    ]


async def test_history_is_looked_at_as_far_back_as_it_came(world: World) -> None:
    parent, child = await family(world)
    await consume(world, parent, [100.0] * 40)
    await consume(world, child, [90.0] * 5 + [130.0] * 3 + [90.0] * 10 + [130.0] * 4 + [90.0] * 18)
    now = MIDNIGHT + 40 * DAY + 3 * HOUR
    async with world.watching() as watch:
        watch._inspections.history_came(now - 10 * MINUTE, MIDNIGHT)
        await watch._inspections.turn(await load_points(world.db), now - 9 * MINUTE)
    async with world.watching() as watch:  # another one takes over before it has looked
        for at in (now, now + 6 * MINUTE, now + 30 * MINUTE):
            await watch._inspections.turn(await load_points(world.db), at)
            await watch.cycle()
    assert await world.db.pool.fetchval("select count(*) from uninspected") == 0
    rows = await world.db.pool.fetch("select onset, ended, state from alert where rule = 'balance' order by onset")
    assert [tuple(row) for row in rows] == [
        (instant(MIDNIGHT + first * DAY), instant(MIDNIGHT + past * DAY), "resolved")
        for first, past in ((5, 8), (18, 22))
    ]
    assert await world.db.pool.fetchval("select count(*) from notification_item") == 0


async def test_what_is_half_there_is_not_looked_at_yet_but_not_for_ever(world: World) -> None:
    await family(world)
    delivered: list[Inspected] = []
    inspections = Inspections(world.db, [INSPECTIONS["stale"]], delivered.append)
    points = await load_points(world.db)
    for minute in range(0, 62, 4):
        assert not delivered, minute
        inspections.history_came(START + minute * MINUTE, MIDNIGHT)
        await inspections.turn(points, START + minute * MINUTE)
    assert len(delivered) == 1


async def test_history_after_what_was_looked_at_is_looked_at_in_its_time(world: World) -> None:
    await family(world)
    delivered: list[Inspected] = []
    inspections = Inspections(world.db, [INSPECTIONS["stale"]], delivered.append)
    points = await load_points(world.db)
    await inspections.turn(points, START + HOUR + 5 * MINUTE)
    inspections.history_came(START + HOUR + 10 * MINUTE, START + HOUR)
    await inspections.turn(points, START + HOUR + 30 * MINUTE)
    assert len(delivered) == 1


def test_portions_hold_whole_enterprises() -> None:
    there = [place(f"E-{number}", {}) for number in range(400)]
    others = [replace(one, subject=replace(one.subject, uscc=f"U{u}")) for u in range(3) for one in there]
    assert [len(portion) for portion in portions(others)] == [800, 400]
    assert [len(portion) for portion in portions(others, 100)] == [400, 400, 400]
    assert list(portions([])) == []


async def test_days_that_do_not_add_up(world: World) -> None:
    one, _ = await family(world)
    day = date(2026, 1, 1)
    rows = [Proof(one, day + timedelta(days=at), 9.0, 0.0, 0.0, 0.0, 9.0 + by, by, 0, 0, by == 0) for at, by in _APART]
    async with world.db.transaction() as conn:
        await proofs.put(conn, rows)
    assert await look(world, "conservation", MIDNIGHT + 4 * DAY) == [("conservation:E-1", MIDNIGHT + 2 * DAY)]


_APART = ((0, 0.0), (1, 2.5), (2, 0.0))
"""(day, difference)"""
