"""A registry written straight into the tables: one enterprise with as many metering points as wanted."""

from __future__ import annotations

import asyncpg

from config.payload import mappings
from storage.database import Database

USCC = "91110000600037341L"
_ENTERPRISE = """
insert into enterprise (uscc, name, region, zone) values ($1, 'Works', '110105', 'Asia/Shanghai') returning id
"""
_POINTS = """
with place as (
    insert into metering_point (enterprise_id, code, name, carrier, level, direction, boundary)
    select $1, 'E-' || n, 'E', 'electricity', 1, 'import', true from generate_series(1, $2) n returning id, code
), meter as (
    insert into meter (enterprise_id, code) select $1, 'M-' || n from generate_series(1, $2) n returning id, code
), pair as (
    select place.id as place, meter.id as meter from place join meter on substr(place.code, 3) = substr(meter.code, 3)
), installed as (
    insert into installation (meter_id, metering_point_id, valid_from) select meter, place, '2020-01-01Z' from pair
), connected as (
    insert into connection (meter_id, driver, cadence_s, mapping) select meter, 'mqtt', $4, 'flat' from pair
), new as (
    insert into point (metering_point_id, quantity) select place, q from pair, unnest($3::text[]) q
    returning id, metering_point_id
), segments as (
    insert into segment (point_id, valid_from, meter_id, multiplier, modulus, resolution)
    select new.id, '2020-01-01Z', pair.meter, $5, 1e6, 0.01 from new join pair on pair.place = new.metering_point_id
), due as (
    insert into schedule (point_id, valid_from, cadence_s) select id, '2020-01-01Z', $4 from new
)
select id from new order by id
"""
_MAPPING = "insert into payload_mapping (name, body) values ($1, $2) on conflict (name) do nothing"
REVISE = "insert into audit (actor, action, kind, code) values ('test', 'change', 'point', '')"


async def seed(
    db: Database,
    count: int = 1,
    *quantities: str,
    cadence_s: int = 60,
    multiplier: float = 1.0,
    uscc: str = USCC,
) -> list[int]:
    """Ids of the points made, metering point by metering point."""
    async with db.transaction() as conn:
        enterprise = await conn.fetchval(_ENTERPRISE, uscc)
        named = list(quantities) or ["active_energy_import"]
        rows: list[asyncpg.Record] = await conn.fetch(_POINTS, enterprise, count, named, cadence_s, multiplier)
        flat = mappings()["flat"]
        await conn.execute(_MAPPING, flat.name, flat.model_dump_json())
        await conn.execute(REVISE)
    return [row["id"] for row in rows]
