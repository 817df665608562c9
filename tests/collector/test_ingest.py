"""Ingest on real servers: from messages in the stream to readings, intervals, rollups, quarantine and events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date

import aiomqtt
import numpy as np
import pytest

from collector import recompute
from collector.ingest import Ingest
from config.payload import mappings
from config.quality import Flag
from config.samples import MICROSECOND, SampleBatch, now_us
from storage import history as history_rows
from storage import intervals, readings
from storage.changes import later_readings
from storage.database import Database
from storage.errors import StreamFull, TooSlow
from storage.exclusive import exclusive
from storage.intervals import IntervalColumns, Ranges
from storage.stream import Event, Stream
from tests.collector.seed import REVISE, USCC, seed
from tests.conftest import NatsAddress
from tests.waiting import until

pytestmark = pytest.mark.servers

MINUTE = 60 * MICROSECOND
QUARTER = 15 * MINUTE
START = 1_767_225_600 * MICROSECOND


@asynccontextmanager
async def ingesting(database: Database, stream: Stream) -> AsyncIterator[Ingest]:
    stop = asyncio.Event()
    async with exclusive(database, "ingest", stop) as conn:
        assert conn is not None
        ingest = Ingest(database, stream, conn, await stream.lanes(), 1826)
        task = asyncio.create_task(ingest.run(stop))
        try:
            yield ingest
        finally:
            stop.set()
            await task


def batch(rows: list[tuple[int, int, float]], received: int | None = None) -> SampleBatch:
    return SampleBatch.from_rows(rows, received=received)


def settled(stream: Stream) -> Callable[[], object]:
    async def empty() -> bool:
        return not any((await stream.backlog()).values())

    return empty


async def drained(stream: Stream) -> None:
    await until(settled(stream), seconds=15, what="all messages ingested")


async def stored(database: Database, point: int) -> list[tuple[int, float]]:
    async with database.connection() as conn:
        found = await readings.series(conn, point, 0, START * 2)
    return list(zip(found.time.tolist(), found.value.tolist(), strict=True))


async def consumption(database: Database, point: int, interval: str = "15m") -> dict[int, float]:
    async with database.connection() as conn:
        found = await intervals.series(conn, np.array([point], np.int32), interval, 0, START * 2)  # type: ignore[arg-type]
    return dict(zip(((found.start - START) // MINUTE).tolist(), found.consumption.tolist(), strict=True))


async def test_a_reading_reaches_its_interval_hour_and_day(database: Database, stream: Stream) -> None:
    [point] = await seed(database, multiplier=10.0)
    rows = [(point, START + minute * MINUTE, 100 + minute / 10) for minute in range(0, 121)]
    async with ingesting(database, stream):
        await stream.publish(USCC, batch(rows[::2]))
        await stream.publish(USCC, batch(rows[1::2]), "backfill")
        await drained(stream)
    assert await stored(database, point) == [(time, value) for _, time, value in rows]
    quarters = await consumption(database, point)
    assert list(quarters) == list(range(0, 120, 15))
    assert np.allclose(list(quarters.values()), 15.0)
    assert await consumption(database, point, "hour") == pytest.approx({0: 60.0, 60: 60.0})
    assert sum((await consumption(database, point, "day")).values()) == pytest.approx(120.0)
    async with database.connection() as conn:
        assert await intervals.prove(conn, np.array([point], np.int32), 0, START * 2) == []


async def test_what_comes_twice_is_stored_once(
    database: Database, stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    [point] = await seed(database)
    rows = [(point, START + minute * MINUTE, float(minute)) for minute in range(60)]
    async with ingesting(database, stream):
        for _ in range(3):
            await stream.publish(USCC, batch(rows))
        await stream.publish(USCC, batch([(point, START, 7.0)]))
        await drained(stream)
    assert len(await stored(database, point)) == 60
    async with database.connection() as conn:
        assert await conn.fetchval("select value from reading_conflict") == 7.0
    (warning,) = [record.message for record in caplog.records if "differ from stored ones" in record.message]
    assert warning.startswith("1 readings differ")
    assert warning.endswith(f"{USCC}/E-1 active_energy_import (1)")


async def test_what_can_never_be_stored_goes_to_quarantine_with_its_reason(database: Database, stream: Stream) -> None:
    [point] = await seed(database)
    [foreign] = await seed(database, uscc="91110000600037342X")
    now = now_us()
    rows = [
        (point, START, 1.0),
        (point, START + 1, float("nan")),
        (point, START + 2, float("inf")),
        (point, 1, 1.0),
        (point, now + 600 * MICROSECOND, 1.0),
        (999_999, START, 1.0),
        (foreign, START, 1.0),
    ]
    async with ingesting(database, stream):
        await stream.publish(USCC, batch(rows, received=now))
        await stream._link.append(f"samples.live.{USCC}", b"rubbish")
        await drained(stream)
    assert await stored(database, point) == [(START, 1.0)]
    found = {item.reason: item for item in await stream.quarantined()}
    assert set(found) == {
        "the value is not a finite number",
        "its time is before the year 2000",
        "its time is more than 5 minutes after it was received",
        "there is no such point in the registry",
        "the point belongs to another enterprise than the sender",
        "not a sample batch: shorter than its header",
    }
    refused = SampleBatch.from_bytes(found["the value is not a finite number"].payload)
    assert refused.time.tolist() == [START + 1, START + 2]
    assert {item.uscc for item in found.values()} == {USCC}
    rejected = await database.pool.fetch("select point_id, reason, readings from rejection order by reason")
    assert [tuple(row) for row in rejected] == [
        (point, "its time is before the year 2000", 1),
        (point, "its time is more than 5 minutes after it was received", 1),
        (point, "the value is not a finite number", 2),
    ], "what a stranger sent is not missed"


async def test_a_device_payload_is_decoded_by_its_mapping(database: Database, stream: Stream) -> None:
    energy, power = await seed(database, 1, "active_energy_import", "active_power")
    good = json.dumps({"ts": "2026-01-01T08:00:00+08:00", "active_energy_import": 12.5, "active_power": 3.0}).encode()
    async with ingesting(database, stream):
        await stream.publish_raw(f"meters.{USCC}.M-1.up", good)
        await stream.publish_raw(f"meters.{USCC}.M-1.up", b"{nonsense")
        await stream.publish_raw(f"meters.{USCC}.M-9", good)
        await stream.publish_raw("meters.nobody", good)
        await drained(stream)
    assert await stored(database, energy) == [(START, 12.5)]
    assert await stored(database, power) == [(START, 3.0)]
    reasons = [item.reason for item in await stream.quarantined()]
    assert len(reasons) == 3
    assert any("not JSON" in reason for reason in reasons)
    assert any("has no meter M-9" in reason for reason in reasons)
    rejected = await database.pool.fetch("select point_id, reason from rejection order by point_id")
    assert [row["point_id"] for row in rejected] == [energy, power]
    assert all("not JSON" in row["reason"] for row in rejected)


async def test_a_payload_far_too_large_goes_to_quarantine_and_stops_nobody(
    database: Database, stream: Stream, nats: NatsAddress
) -> None:
    [energy] = await seed(database)
    good = json.dumps({"ts": "2026-01-01T08:00:00+08:00", "active_energy_import": 12.5})
    async with ingesting(database, stream), aiomqtt.Client("127.0.0.1", nats.mqtt_port) as device:
        await device.publish(f"meters/{USCC}/M-1/up", bytes(5_000_000), qos=1)
        await device.publish(f"meters/{USCC}/M-1/up", good, qos=1)
        await drained(stream)
    assert await stored(database, energy) == [(START, 12.5)]
    [item] = await stream.quarantined()
    assert len(item.payload) == 5_000_000


async def test_poison_is_found_and_the_rest_gets_through(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    [point] = await seed(database)

    async def store(conn, rows, received):  # type: ignore[no-untyped-def]
        if 666.0 in rows.value:
            raise ValueError("a value nobody expected")
        return await readings.store(conn, rows, received)

    monkeypatch.setattr("collector.ingest.store", store)
    for number in range(20):
        value = 666.0 if number == 7 else float(number)
        await stream.publish(USCC, batch([(point, START + number * MINUTE, value)]))
    async with ingesting(database, stream):
        await drained(stream)
    assert len(await stored(database, point)) == 19
    [item] = await stream.quarantined()
    assert item.reason == "cannot be stored: a value nobody expected"
    assert SampleBatch.from_bytes(item.payload).value.tolist() == [666.0]


async def test_a_reading_outside_the_installation_is_refused_alone(database: Database, stream: Stream) -> None:
    [energy] = await seed(database)
    shared = {"code": "EPI", "unit": "kWh"}
    rows = [{"value": "1.0", "time": 1_577_000_000_000}, {"value": "2.0", "time": START // 1000}]
    payload = json.dumps({"data": [shared | row for row in rows]}).encode()
    async with database.transaction() as conn:
        await conn.execute("update payload_mapping set body = $1", mappings()["ems-gateway"].model_dump_json())
        await conn.execute(REVISE)
    async with ingesting(database, stream):
        await stream.publish_raw(f"meters.{USCC}.M-1.up", payload)
        await drained(stream)
    assert await stored(database, energy) == [(START, 2.0)]
    [item] = await stream.quarantined()
    assert item.reason == "meter M-1 was not installed at the time of a reading in it"
    assert item.payload == payload


async def test_a_full_quarantine_holds_up_nothing_but_what_it_should_take(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    [point] = await seed(database)

    async def full(*_: object) -> None:
        raise StreamFull("no room")

    monkeypatch.setattr(stream, "quarantine", full)
    async with ingesting(database, stream):
        await stream.publish_raw("meters.nobody", b"rubbish")
        for number in range(3):
            await stream.publish(USCC, batch([(point, START + number * MINUTE, float(number))]))

        async def through() -> bool:
            return len(await stored(database, point)) == 3 and (await stream.backlog())["live"] == 0

        await until(through, seconds=15, what="what is good ingested")
        assert (await stream.backlog())["meters"] == 1


async def test_much_goes_to_quarantine_side_by_side(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed(database)
    together = most = 0
    keep = stream.quarantine

    async def quarantine(uscc: str, payload: bytes, reason: str, source: str) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await keep(uscc, payload, reason, source)
        together -= 1

    monkeypatch.setattr(stream, "quarantine", quarantine)
    for _ in range(150):
        await stream.publish_raw("meters.nobody", b"rubbish")
    async with ingesting(database, stream):
        await drained(stream)
    assert len(await stream.quarantined(200)) == 150
    assert 10 < most <= 100


async def test_intervals_that_are_too_slow_are_made_later_and_in_small_portions(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    [point] = await seed(database)
    portions: list[int] = []

    async def slow(*_: object) -> None:
        raise TooSlow("cut")

    async def work_off(conn, terms, kept_from, portion):  # type: ignore[no-untyped-def]
        portions.append(portion)
        if portion > 1000:
            raise TooSlow("cut")
        return await recompute.work_off(conn, terms, kept_from, portion)

    monkeypatch.setattr("collector.ingest.recompute", slow)
    monkeypatch.setattr("collector.ingest.work_off", work_off)
    async with ingesting(database, stream):
        await stream.publish(USCC, batch([(point, START + n * MINUTE, float(n)) for n in range(2881)]))
        await drained(stream)

        async def all_there() -> bool:
            return len(await consumption(database, point)) == 192

        await until(all_there, seconds=15, what="all intervals made")
    assert await consumption(database, point) == {n * 15: 15.0 for n in range(192)}
    assert min(portions) < 1000


async def test_a_range_that_is_always_too_slow_lets_others_come_first(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    hopeless, point = await seed(database, 2)

    async def work_off(conn, terms, kept_from, portion):  # type: ignore[no-untyped-def]
        first = await conn.fetch("select point_id from dirty_range order by id limit $1", portion)
        if any(row["point_id"] == hopeless for row in first):
            raise TooSlow("cut")
        return await recompute.work_off(conn, terms, kept_from, portion)

    async def put_off(*of: object) -> None:
        await recompute.put_off(*of)  # type: ignore[arg-type]

    monkeypatch.setattr("collector.ingest.recompute", put_off)
    monkeypatch.setattr("collector.ingest.work_off", work_off)
    async with ingesting(database, stream):
        both = [(hopeless, START, 0.0), (hopeless, START + QUARTER, 1.0), (point, START, 0.0)]
        await stream.publish(USCC, batch([*both, (point, START + QUARTER, 1.0)]))

        async def there() -> bool:
            return await consumption(database, point) == {0: 1.0}

        await until(there, seconds=15, what="the other point's interval")
        assert await consumption(database, hopeless) == {}


async def test_new_points_are_known_as_soon_as_the_registry_has_them(database: Database, stream: Stream) -> None:
    await seed(database, uscc="91110000600037342X")
    async with ingesting(database, stream):
        [point] = await seed(database)
        await stream.publish(USCC, batch([(point, START, 1.0)]))
        await drained(stream)
    assert len(await stored(database, point)) == 1
    assert await stream.quarantined() == []


async def test_a_changed_ratio_recomputes_what_the_registry_marked(database: Database, stream: Stream) -> None:
    [point] = await seed(database)
    async with ingesting(database, stream):
        await stream.publish(USCC, batch([(point, START + n * QUARTER, float(n)) for n in range(5)]))
        await drained(stream)
        assert await consumption(database, point) == {0: 1.0, 15: 1.0, 30: 1.0, 45: 1.0}
        async with database.transaction() as conn:
            await conn.execute("update segment set multiplier = 40")
            one = (np.array([point]), np.array([START + QUARTER]), np.array([START + 3 * QUARTER]))
            await intervals.mark_dirty(conn, Ranges(*one), None)
            await conn.execute(REVISE)

        async def recomputed() -> bool:
            return (await consumption(database, point)).get(15) == 40.0

        await until(recomputed, what="the marked range computed again")
    async with database.connection() as conn:
        assert await conn.fetchval("select count(*) from dirty_range") == 0
        assert await intervals.prove(conn, np.array([point], np.int32), 0, START * 2) == []


async def test_new_readings_are_told_live_ones_all_history_by_its_ends(database: Database, stream: Stream) -> None:
    [point] = await seed(database)
    heard: list[Event] = []
    probes: list[Event] = []

    async def listen() -> None:
        async for event in stream.events("events.readings.>"):
            (heard if event.data else probes).append(event)

    listener = asyncio.create_task(listen())
    async with ingesting(database, stream):
        await until(lambda: _heard(stream, probes), what="listening")
        now = now_us()
        await stream.publish(USCC, batch([(point, now - n * MICROSECOND, 9.0 - n / 10) for n in range(5)]))
        await until(lambda: heard, what="live readings told")
        await stream.publish(USCC, batch([(point, START + n * MINUTE, float(n)) for n in range(100)]), "backfill")
        await until(lambda: len(heard) == 2, what="history told")
    listener.cancel()
    live, history = heard
    assert live.subject == f"events.readings.{USCC}"
    assert dict(live.headers)["Lane"] == "live"
    assert len(SampleBatch.from_bytes(live.data)) == 5
    assert dict(history.headers)["Lane"] == "backfill"
    ends = SampleBatch.from_bytes(history.data)
    assert ends.time.tolist() == [START, START + 99 * MINUTE]
    assert (ends.flags == Flag.BACKFILL).all()
    async with database.connection() as conn:
        assert await history_rows.uninspected(conn) == START, "kept for a watch that is not there now"
    late = await database.pool.fetch("select day, readings from late_day where point_id = $1", point)
    assert [tuple(row) for row in late] == [(date(2026, 1, 1), 100)]


async def _heard(stream: Stream, probes: list[Event]) -> bool:
    await stream.notify("events.readings.probe", b"")
    return bool(probes)


async def test_only_one_ingest_is_active(database: Database) -> None:
    stop = asyncio.Event()
    async with exclusive(database, "ingest", stop) as first:
        assert first is not None
        standby = asyncio.create_task(_hold(database, stop))
        await asyncio.sleep(0.3)
        assert not standby.done()
        stop.set()
        assert await standby is None


async def _hold(database: Database, stop: asyncio.Event) -> object:
    async with exclusive(database, "ingest", stop) as conn:
        return conn


async def test_readings_older_than_wanted_are_dropped(database: Database, stream: Stream) -> None:
    [point] = await seed(database)
    old = START - 10 * 365 * 86_400 * MICROSECOND
    async with database.transaction() as conn:
        await readings.store(conn, batch([(point, old, 1.0), (point, now_us(), 2.0)]))
    async with ingesting(database, stream):

        async def dropped() -> bool:
            async with database.connection() as conn:
                return [row["value"] for row in await conn.fetch("select value from reading")] == [2.0]

        await until(dropped, what="only the new reading left")


async def test_intervals_whose_readings_are_gone_stay(database: Database, stream: Stream) -> None:
    [point] = await seed(database)
    day = 86_400 * MICROSECOND
    old = (now_us() - 1836 * day) // day * day
    ids, span = np.array([point], np.int32), (np.array([old]), np.array([old + 20 * day]))
    counts, codes = np.array([15], np.int32), np.array([0], np.int16)
    kept = IntervalColumns(ids, np.array([old]), counts * 60, np.array([7.0]), codes, codes, counts, counts)
    async with database.transaction() as conn:
        await intervals.replace(conn, kept, Ranges(ids, np.array([old]), np.array([old + QUARTER])), later_readings())
        await intervals.mark_dirty(conn, Ranges(ids, *span), None)

    async def worked_off() -> bool:
        async with database.connection() as conn:
            return not await conn.fetchval("select count(*) from dirty_range")

    async with ingesting(database, stream):
        await until(worked_off, what="the queue worked off")
    async with database.connection() as conn:
        assert await conn.fetchval("select consumption from metered_interval") == 7.0
