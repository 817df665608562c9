"""The application over a real database and stream, with a small registry and a key for every role."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from api.app import create_app
from api.services import Services
from api.times import parse
from config.quality import Quality
from config.samples import MICROSECOND, SampleBatch
from config.settings import Settings, load
from storage import access, intervals, publication, readings, registry
from storage.changes import later_readings
from storage.columns import instant
from storage.database import Database
from storage.intervals import IntervalColumns, Ranges
from storage.stream import Stream
from tests.conftest import NatsAddress

USCC = "91110000600037341L"
OTHER = "91350100M000100Y43"
START = parse("2026-01-01T00:00:00+08:00")
REGISTRY = """\
defaults: {expected_from: 2026-01-01T00:00:00+08:00}
enterprises:
  - uscc: 91110000600037341L
    name: Beijing Works
    region: "110105"
    industry: C31
    metering_points:
      - {code: E-1, name: Main incomer, carrier: electricity, boundary: true}
      - {code: E-2, name: Grid feed, carrier: electricity, direction: export, boundary: true}
      - {code: E-3, name: Hall 3, carrier: electricity, level: 2, parent: E-1}
      - {code: G-1, name: Gas, carrier: natural_gas, boundary: true}
    meters:
      - {code: M-1, profile: chint-dtsu666, at: E-1, from: 2026-01-01T00:00:00+08:00, ct: 100,
         driver: modbus-tcp, address: 10.0.0.5:502, unit: 1, every: 60s}
      - {code: M-2, profile: chint-dtsu666, at: E-2, from: 2026-01-01T00:00:00+08:00,
         driver: modbus-tcp, address: 10.0.0.5:502, unit: 2, every: 60s}
      - {code: M-3, profile: chint-dtsu666, at: E-3, from: 2026-01-01T00:00:00+08:00,
         driver: modbus-tcp, address: 10.0.0.5:502, unit: 3, every: 60s}
      - {code: GM-1, profile: generic-gas, at: G-1, from: 2026-01-01T00:00:00+08:00,
         driver: modbus-tcp, address: 10.0.0.6:502, unit: 1, every: 3600s}
  - uscc: 91350100M000100Y43
    name: Fuzhou Works
    region: "350102"
    industry: C14
    metering_points:
      - {code: E-1, name: Incomer, carrier: electricity, boundary: true}
    meters:
      - {code: M-1, profile: chint-dtsu666, at: E-1, from: 2026-01-01T00:00:00+08:00, ct: 10,
         driver: modbus-tcp, address: 10.0.1.5:502, unit: 1, every: 60s}
"""
_ALERT = """
insert into alert (key, rule, severity, enterprise_id, metering_point_id, onset, ended, state, zh, en, evidence)
select $1 || ':x', $1, 'warning', e.id, m.id, $3, $4, 'open', '句', 'sentence', $5::text::jsonb
from enterprise e left join metering_point m on m.enterprise_id = e.id and m.code = $2
where e.uscc = $6
returning id
"""
_EXPECTED = "update schedule set valid_from = $1 where cadence_s is not null"
"""Readings are expected since the meters are there, not only since the registry knows of them."""
ROLES = {
    "admin": ("admin", ""),
    "operator": ("operator", ""),
    "enterprise": ("enterprise", USCC),
    "regulator": ("regulator", "35"),
}


@dataclass
class World:
    """The application with its client, and what tests put into the database."""

    services: Services
    client: httpx.AsyncClient
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        return self.services.database

    async def get(self, path: str, role: str = "admin", *, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.client.get(path, headers={"X-API-Key": self.keys[role], **(headers or {})})

    async def ok(self, path: str, role: str = "admin") -> Any:
        """The JSON of a good answer."""
        response = await self.get(path, role)
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, path: str, role: str = "admin", **arguments: Any) -> httpx.Response:
        headers = {"X-API-Key": self.keys[role], **arguments.pop("headers", {})}
        return await self.client.post(path, headers=headers, **arguments)

    def point(self, code: str, quantity: str = "active_energy_import", uscc: str = USCC) -> int:
        return self.services.points.by_metering_point[uscc, code][quantity]

    async def intervals(
        self,
        point: int,
        values: Mapping[int, tuple[float | None, Quality]],
        *,
        start: int = START,
        seconds: int = 900,
        received: int = 15,
    ) -> None:
        """Store intervals by their number from `start` on, with rollups, as ingest does."""
        number = np.array(sorted(values), np.int64)
        rows = [values[index] for index in number.tolist()]
        count, full = len(rows), np.ones(len(rows), np.int32)
        columns = IntervalColumns(
            np.full(count, point, np.int32),
            start + number * seconds * MICROSECOND,
            full * seconds,
            np.array([np.nan if value is None else value for value, _ in rows]),
            np.array([quality for _, quality in rows], np.int16),
            np.zeros(count, np.int16),
            full * received,
            full * received,
        )
        whole = Ranges(np.array([point], np.int32), columns.start[:1], columns.start[-1:] + seconds * MICROSECOND)
        async with self.db.transaction() as conn:
            changed = await intervals.replace(conn, columns, whole, later_readings())
            await intervals.roll_up(conn, changed, {point: self.services.points.points[point].zone})

    async def alert(self, rule: str, onset: int, ended: int | None, code: str | None = "E-1", **evidence: Any) -> int:
        """The id of a new open alert of the first enterprise, found now."""
        span = instant(onset), None if ended is None else instant(ended)
        found: int = await self.db.pool.fetchval(_ALERT, rule, code, *span, json.dumps(evidence), USCC)
        return found

    async def readings(self, rows: list[tuple[int, int, float]]) -> None:
        """Store (point, time, value)."""
        async with self.db.transaction() as conn:
            await readings.store(conn, SampleBatch.from_rows(rows))
        await self.services.resync()


def assert_problem(response: httpx.Response, status: int, kind: str, field: str | None = None) -> dict[str, Any]:
    """The answer is a problem of this kind, naming the field at fault."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"/problems/{kind}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    if field is not None:
        assert field in [error["field"] for error in body["errors"]]
    return body


@pytest.fixture
async def world(database: Database, stream: Stream, tmp_path: Path) -> AsyncIterator[World]:
    file = tmp_path / "registry.yaml"
    file.write_text(REGISTRY, "utf-8")
    await registry.apply(database, file, actor="test")
    await database.pool.execute(_EXPECTED, instant(START))
    await publication.publish(database, stream.registry)
    services = Services(database, stream)
    await services.reload()
    transport = httpx.ASGITransport(create_app(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://wanjia") as client:
        made = World(services, client)
        for name, (role, scope) in ROLES.items():
            made.keys[name] = await access.create(database, name, role, scope, actor="test")
        yield made


@pytest.fixture
async def role_settings(world: World, postgres_url: str, nats: NatsAddress, tmp_path: Path) -> Settings:
    """Settings of the role on the world's database and stream, on a free port."""
    name = await world.db.pool.fetchval("select current_database()")
    url = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    variables = {"WANJIA_DATABASE_URL": url, "WANJIA_NATS_URL": nats.url, "WANJIA_HTTP": "127.0.0.1:0"}
    return load(variables, tmp_path / "none.toml")
