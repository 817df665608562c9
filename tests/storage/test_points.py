"""The point table as ingest, api and watch see it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.payload import mappings
from storage import registry
from storage.database import Database
from storage.points import PointTable, Segment, load_points

pytestmark = pytest.mark.servers

USCC = "91110000600037341L"
REGISTRY = """\
defaults: {expected_from: 2026-01-01T00:00:00Z}
enterprises:
- uscc: 91110000600037341L
  name: Works
  region: "110105"
  zone: Asia/Urumqi
  metering_points:
  - {code: E-1, name: Incomer, carrier: electricity, quantities: [active_energy_import, active_power]}
  - {code: W-1, name: Water, carrier: water, quantities: [volume]}
  meters:
  - code: M-1
    profile: chint-dtsu666
    driver: modbus-tcp
    address: gw:502
    installations:
    - {at: E-1, from: 2026-01-01T00:00:00Z, to: 2026-03-01T00:00:00Z, ct: 100, initial: {active_energy_import: 5},
       ratios: [{from: 2026-02-01T00:00:00Z, ct: 200}], final: {active_energy_import: 9}}
  - {code: M-2, profile: chint-dtsu666, at: E-1, from: 2026-03-01T00:00:00Z}
  - {code: M-3, driver: mqtt, mapping: flat, every: 15m, at: W-1, from: 2026-01-01T00:00:00Z}
  - {code: M-4}
"""


def us(month: int) -> int:
    return int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) * 1_000_000


async def table(database: Database, folder: Path) -> PointTable:
    (folder / "registry.yaml").write_text(REGISTRY, "utf-8")
    await registry.apply(database, folder / "registry.yaml", actor="anna")
    return await load_points(database)


async def test_an_empty_registry_is_an_empty_table(database: Database) -> None:
    assert await load_points(database) == PointTable()


async def test_points(database: Database, tmp_path: Path) -> None:
    found = await table(database, tmp_path)
    ids = found.by_metering_point[USCC, "E-1"]
    assert set(ids) == {"active_energy_import", "active_power"}
    point = found.points[ids["active_energy_import"]]
    assert (point.uscc, point.metering_point, point.carrier) == (USCC, "E-1", "electricity")
    assert (point.zone, point.register) == ("Asia/Urumqi", True)
    assert not found.points[ids["active_power"]].register
    one, two = (found.devices[USCC, code].meter_id for code in ("M-1", "M-2"))
    assert point.segments == (
        Segment(us(1), us(2), one, 100.0, None, 0.0, None, 5.0, None),
        Segment(us(2), us(3), one, 200.0, None, 0.0, None, None, 9.0),
        Segment(us(3), None, two, 1.0, None, 0.0, None, None, None),
    )
    assert point.schedule == ((us(1), 60), (us(3), None))


async def test_devices(database: Database, tmp_path: Path) -> None:
    found = await table(database, tmp_path)
    ids = found.by_metering_point[USCC, "E-1"]
    first, second, water, bare = (found.devices[USCC, code] for code in ("M-1", "M-2", "M-3", "M-4"))
    assert (first.driver, first.cadence_s, first.points) == ("modbus-tcp", 60, ((us(1), us(3), ids),))
    assert (second.driver, second.cadence_s, second.points) == ("", 0, ((us(3), None, ids),))
    assert (water.driver, water.mapping, water.cadence_s) == ("mqtt", "flat", 900)
    assert water.points[0][2] == found.by_metering_point[USCC, "W-1"]
    assert bare.points == ()
    assert found.mappings[water.mapping].quantities == mappings()["flat"].quantities
    assert set(found.mappings) == {"flat"}


async def test_the_revision_rises_with_the_registry_only(database: Database, tmp_path: Path) -> None:
    first = (await table(database, tmp_path)).revision
    async with database.connection() as conn:
        await conn.execute("insert into audit (actor, action, kind, code) values ('a', 'create', 'api_key', 'k')")
    assert (await table(database, tmp_path)).revision == first
    (tmp_path / "registry.yaml").write_text(REGISTRY.replace("Works", "Mill"), "utf-8")
    await registry.apply(database, tmp_path / "registry.yaml", actor="anna")
    assert (await load_points(database)).revision > first
