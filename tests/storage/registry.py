"""The little of a registry that storage tests need."""

from storage.database import Connection


async def a_point(conn: Connection, zone: str = "Asia/Shanghai") -> int:
    """The only point of a new enterprise in this zone."""
    made = await conn.fetchval(
        """with e as (insert into enterprise (uscc, name, region, zone) values ('E', 'E', '150000', $1) returning id),
        m as (insert into metering_point (enterprise_id, code, name, carrier, level, direction, boundary)
              select id, 'M', 'M', 'electricity', 1, 'import', true from e returning id)
        insert into point (metering_point_id, quantity) select id, 'active_energy_import' from m returning id""",
        zone,
    )
    return int(made)
