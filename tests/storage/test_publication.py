"""What collectors are told of the registry, on real servers."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from storage import publication, registry
from storage.database import Database
from storage.publication import keep_published, publish
from storage.stream import Stream
from tests.storage.registry import USCC, Write, meter, text
from tests.waiting import until

pytestmark = pytest.mark.servers


async def test_collectors_learn_only_what_changed(database: Database, write: Write, stream: Stream) -> None:
    point = "  - {code: E-2, name: Line, carrier: electricity, level: 2}\n"
    second = meter(code="M-2", unit=2).replace("E-1", "E-2")
    both = text(meters=meter() + second, points=point)
    await registry.apply(database, write(both), actor="anna")
    assert await publish(database, stream.registry) == 3
    assert await publish(database, stream.registry) == 0
    keys = await stream.registry.keys("connection.")
    documents = [json.loads(await stream.registry.get(key) or b"") for key in keys]
    (points,) = {tuple(sorted(one["points"])) for one in documents if one["meter"] == "M-1"}
    assert points == ("active_energy_import", "active_power")
    assert {key: value for key, value in documents[0].items() if key not in ("id", "points")} == {
        "uscc": USCC,
        "meter": "M-1",
        "metering_point": "E-1",
        "site": "",
        "driver": "modbus-tcp",
        "address": "gw:502",
        "unit": 1,
        "cadence_s": 60,
        "profile": "chint-dtsu666",
        "mapping": "",
    }
    revision = await stream.registry.get("revision")
    await registry.apply(database, write(both.replace("unit: 2", "unit: 3")), actor="anna")
    assert await publish(database, stream.registry) == 1
    assert await stream.registry.get("revision") != revision
    await registry.apply(database, write(text(meters=meter())), actor="anna", prune=True)
    assert await publish(database, stream.registry) == 1
    assert len(await stream.registry.keys("connection.")) == 1


async def test_a_lost_bucket_heals(database: Database, write: Write, stream: Stream) -> None:
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    await publish(database, stream.registry)
    keys = await stream.registry.keys()
    for key in keys:
        await stream.registry.delete(key)
    assert await publish(database, stream.registry) == len(keys) - 1
    assert await stream.registry.keys() == keys


async def test_it_is_kept_published(
    database: Database, write: Write, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "CHECK_S", 0.2)
    async with keep_published(database, stream.registry):
        await until(lambda: stream.registry.get("revision"), what="a first publication")
        end = datetime.now(UTC) + timedelta(seconds=3)
        await registry.apply(database, write(text(meters=meter(f", to: '{end.isoformat()}'"))), actor="anna")
        await until(lambda: stream.registry.keys("connection."), what="the change")
        assert datetime.now(UTC) < end

        async def gone() -> bool:
            return not await stream.registry.keys("connection.")

        await until(gone, what="the end of the installation", every=0.1)
        assert datetime.now(UTC) >= end


async def test_what_fails_is_told_once_and_tried_again(
    database: Database,
    write: Write,
    stream: Stream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "storage.publication")
    monkeypatch.setattr(publication, "CHECK_S", 0.05)
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    await database.pool.execute("alter table profile rename to gone")
    async with keep_published(database, stream.registry):
        await until(lambda: "cannot be published" in caplog.text, what="a warning")
        await asyncio.sleep(0.3)
        await database.pool.execute("alter table gone rename to profile")
        await until(lambda: "can be published again" in caplog.text, what="the end of the trouble")
    assert caplog.text.count("cannot be published") == 1
    assert await stream.registry.keys("profile.") == ["profile.chint-dtsu666"]
