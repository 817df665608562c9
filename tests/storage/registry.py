"""The little of a registry that tests need: rows, and files."""

from collections.abc import Callable
from pathlib import Path

from storage.database import Connection

USCC = "91110000600037341L"
OTHER = "91350100M000100Y43"
OWN_MAPPING = """\
name = "own"
source = "made for tests"
values = [
  { quantity = "active_energy_import", pointer = "/a/0", unit = "kWh", scale = 0.01 },
  { quantity = "active_power", pointer = "/a/1", unit = "kW" },
]
"""
Write = Callable[[str], Path]
"""Writes a registry file."""


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


def text(*, meters: str, points: str = "", uscc: str = USCC) -> str:
    return f"""\
enterprises:
- uscc: {uscc}
  name: Works
  region: "110105"
  metering_points:
  - {{code: E-1, name: Incomer, carrier: electricity, quantities: [active_energy_import, active_power]}}
{points}  meters:
{meters}"""


def meter(more: str = "", code: str = "M-1", unit: int = 1) -> str:
    return (
        f"  - {{code: {code}, profile: chint-dtsu666, at: E-1, from: 2026-01-01T00:00:00Z, ct: 100, "
        f"driver: modbus-tcp, address: 'gw:502', unit: {unit}{more}}}\n"
    )
