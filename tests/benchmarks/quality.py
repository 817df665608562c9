"""What the quality figures and indices of a month of 10,000 metering points cost: `python -m tests.benchmarks.quality`.

A city of 100 enterprises, registers read every 15 minutes; a month of day and hour rollups is there, one day in twenty
partly estimated, one day came late, some readings are in doubt or conflict. Printed are the seconds of each answer over
the API's routes in the process, the fastest of ROUNDS.
"""

import argparse
import asyncio
import time
from datetime import UTC, datetime

import httpx

from api.app import create_app
from api.services import Services
from storage import access
from storage.database import Database
from tests.benchmarks.watch import servers
from tests.collector.seed import seed

ALLOWED_S, INDICES_S = 2.0, 5.0
"""Of figures, which people look at all day, and of the indices, which look at hours and are asked for once a month."""
ROUNDS = 3
MONTH = "from=2026-01-01T00:00:00%2B08:00&to=2026-02-01T00:00:00%2B08:00"
QUESTIONS = {
    "a month by region": f"/v1/quality?by=region&{MONTH}",
    "its days by enterprise": f"/v1/quality?by=enterprise&each=day&{MONTH}",
    "one enterprise's days by metering point": f"/v1/quality?by=metering_point&each=day&enterprise={{uscc}}&{MONTH}",
    "the indices of the month": "/v1/quality/indices?month=2026-01",
}
_DAYS = """
insert into rollup_day
select id, 86400, day, 100, 96, 96 - id % 3,
    case when (id + extract(day from day)::integer) % 20 = 0 then 2 else 0 end, 96, 0, 0
from point, generate_series('2026-01-01 00:00+08'::timestamptz, '2026-01-31 00:00+08', '1 day') day
"""
_HOURS = """
insert into rollup_hour
select id, 3600, hour, 4, 4, 4, 0, 4, 0, 0
from point, generate_series('2026-01-01 00:00+08'::timestamptz, '2026-01-31 23:00+08', '1 hour') hour
"""
_LATE = "insert into late_day select id, '2026-01-05', 96 from point"
_CONFLICTS = """
insert into reading_conflict (point_id, flags, time, value, received)
select id, 0, '2026-01-06 12:00+08', 1, now() from point where id % 10 = 0
"""
_VERDICTS = """
insert into verdict (point_id, kind, from_time, to_time, base_time, told_time, evidence)
select id, 'transient', '2026-01-07 12:00+08', '2026-01-07 12:15+08', '2026-01-07 11:45+08', '2026-01-07 12:30+08', '{}'
from point where id % 10 = 0
"""


async def fill(db: Database, points: int) -> None:
    await db.pool.execute("set statement_timeout = 0")
    for number in range(100):
        await seed(db, points // 100, cadence_s=900, uscc=f"{number:018}")
    for statement in (_DAYS, _HOURS, _LATE, _CONFLICTS, _VERDICTS, "vacuum analyze"):
        async with db.connection() as conn:
            await conn.execute(statement, timeout=600)


async def ask(client: httpx.AsyncClient, path: str) -> tuple[float, int]:
    """Seconds of the fastest answer, and its bytes."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = await client.get(path)
        taken.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
    return min(taken), len(answer.content)


async def measure(points: int) -> int:
    async with servers() as (db, stream, _):
        began = datetime.now(UTC)
        await fill(db, points)
        print(f"{points} metering points, filled in {(datetime.now(UTC) - began).total_seconds():.0f} s")
        services = Services(db, stream)
        await services.reload()
        key = await access.create(db, "bench", "admin", "", actor="bench")
        transport = httpx.ASGITransport(create_app(services))
        headers = {"X-API-Key": key}
        slow = False
        async with httpx.AsyncClient(transport=transport, base_url="http://wanjia", headers=headers) as client:
            uscc = (await client.get("/v1/enterprises?limit=1")).json()["items"][0]["uscc"]
            for name, path in QUESTIONS.items():
                seconds, size = await ask(client, path.format(uscc=uscc))
                allowed = INDICES_S if "indices" in path else ALLOWED_S
                print(f"{name:42} {seconds:6.2f} s (allowed: {allowed} s)  {size / 1e6:6.2f} MB", flush=True)
                slow |= seconds > allowed
        return int(slow)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    return asyncio.run(measure(parser.parse_args().points))


if __name__ == "__main__":
    raise SystemExit(main())
