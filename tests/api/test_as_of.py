"""Every answer can be asked for again as of when it was given, byte for byte, whatever has changed since."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from storage import registry
from storage.exclusive import exclusive
from storage.queries import SQL
from tests.api.conftest import REGISTRY, START, USCC, World, assert_problem
from tests.api.ingesting import MINUTE, come, ingest
from tests.api.test_edits import at, rising

pytestmark = pytest.mark.servers

E1 = f"/v1/metering-points/{USCC}/E-1/consumption"
DAY = "from=2026-01-01T00:00:00%2B08:00&to=2026-01-02T00:00:00%2B08:00"
JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
QUESTIONS = [
    (f"{E1}?interval=15m&{DAY}", JSON),
    (f"{E1}?interval=1h&{DAY}", CSV),
    (f"{E1}?interval=1d&{DAY}", ARROW),
    (f"{E1}?interval=1h&{DAY}", ARROW),
    (f"{E1}?interval=1mo&{DAY}&unit=tco2", JSON),
    (f"{E1}?interval=1d", JSON),
    (f"/v1/enterprises/{USCC}/consumption?{DAY}", JSON),
    (f"/v1/enterprises/{USCC}/consumption?{DAY}&group_by=metering_point&interval=15m", CSV),
    (f"/v1/enterprises/{USCC}/consumption?{DAY}&unit=tce&group_by=total", JSON),
    (f"/v1/enterprises/{USCC}/balance?{DAY}&interval=1h", JSON),
    (f"/v1/regions/11/consumption?{DAY}", JSON),
]
NEWCOMER = """\
      - {code: E-9, name: Second incomer, carrier: electricity, boundary: true}
    meters:
      - {code: M-9, profile: chint-dtsu666, at: E-9, from: 2026-01-01T00:00:00+08:00,
         driver: modbus-tcp, address: 10.0.0.9:502, unit: 1, every: 60s}
"""
Answer = tuple[str, str, str, bytes]
"""Question, form, as of when, body."""


async def asked(world: World, path: str, form: str) -> tuple[str, bytes]:
    response = await world.get(path, headers={"Accept": form})
    assert response.status_code == 200, response.text
    return response.headers["Wanjia-As-Of"], response.content


async def events(world: World, tmp_path: Path) -> AsyncIterator[str]:
    """What happens to the data, one after the other."""
    yield "nothing"
    await come(world, rising(600))
    await come(world, rising(61), code="E-3")
    yield "readings came"
    await come(world, [200.0, 200.1, 0.0], first=800)
    yield "a gap, and something suspect"
    await come(world, [200.2, 200.3], first=803)
    yield "the suspicion is cleared up"
    await come(world, [170.0], first=700)
    yield "a reading came late"
    wish = {"action": "set", "from": at(15), "to": at(45), "amount": 100.0, "reason": "seen"}
    assert (await world.post(f"/v1/metering-points/{USCC}/E-1/edits", json=wish)).status_code == 201
    yield "an edit, not computed yet"
    await ingest(world)
    yield "an edit"
    for ct, since in ((120, START), (120, START + 300 * MINUTE)):
        file = tmp_path / "registry.yaml"
        text = REGISTRY.replace("ct: 100", f"ct: {ct}").replace(
            "expected_from: 2026-01-01T00:00:00+08:00", f'expected_from: "{at((since - START) // MINUTE)}"'
        )
        file.write_text(text, "utf-8")
        await registry.apply(world.db, file, actor="ada")
        await ingest(world)
        yield f"CT {ct}, readings expected from {since}"
    file.write_text(text.replace("    meters:\n", NEWCOMER, 1), "utf-8")
    await registry.apply(world.db, file, actor="ada")
    yield "another incomer, whose readings are expected, too"
    assert (await world.post("/v1/edits/1/undo", json={"reason": "a mistake"})).status_code == 200
    await ingest(world)
    yield "undone"


async def test_answers_can_be_asked_for_again(world: World, tmp_path: Path) -> None:
    kept: list[Answer] = []
    async for _ in events(world, tmp_path):
        kept += [(path, form, *await asked(world, path, form)) for path, form in QUESTIONS]
    await world.services.reload()
    for path, form, as_of, body in kept:
        again = await asked(world, f"{path}&as_of={quote(as_of)}", form)
        assert again == (as_of, body), path
    changing = {body for path, form, _, body in kept if form == CSV and path.startswith(E1)}
    assert len(changing) >= 7  # every event but the edit that is not computed yet shows


async def test_what_is_not_over_is_refused(world: World) -> None:
    response = await world.get(f"{E1}?{DAY}&as_of=2099-01-01T00:00:00Z")
    assert_problem(response, 400, "invalid-parameter", "as_of")
    assert_problem(await world.get(f"{E1}?{DAY}&as_of=2026-01-01T00:00:00"), 400, "time-without-offset", "as_of")


async def test_an_answer_is_never_of_a_transaction_under_way(world: World) -> None:
    """While ingest writes, answers hold as of before it began, whatever others have committed since."""
    await come(world, rising(61))
    question = QUESTIONS[0]
    async with exclusive(world.db, "ingest", asyncio.Event()) as conn:
        assert conn
        async with conn.transaction():
            began = await conn.fetchval("select now()")
            first = await asked(world, *question)
            await come(world, rising(200)[61:], first=61)
            second = await asked(world, *question)
    assert first == second
    assert datetime.fromisoformat(first[0]) < began
    later = await asked(world, *question)
    assert (later[0] > first[0], later[1] != first[1]) == (True, True)
    assert await asked(world, f"{question[0]}&as_of={quote(first[0])}", JSON) == first


async def test_an_apply_that_has_only_read_so_far_hides_nothing(world: World) -> None:
    """It began before the answer, but what it changes was in force when the answer was given."""
    await come(world, rising(61))
    point = world.point("E-1")
    async with world.db.connection() as conn:
        await conn.execute("insert into schedule values ($1, '2026-01-01T08:00Z', null)", point)
        await world.services.reload()
        async with conn.transaction():
            await conn.fetchval("select now()")
            first = await asked(world, E1 + f"?{DAY}", JSON)
            await conn.execute(SQL["registry_drop_schedules"], [point])
    await world.services.reload()
    assert (await asked(world, E1 + f"?{DAY}", JSON))[1] != first[1]
    assert await asked(world, f"{E1}?{DAY}&as_of={quote(first[0])}", JSON) == first


async def test_before_readings_were_expected_none_were(world: World) -> None:
    """Also where nothing at all was said of that."""
    await come(world, rising(61))
    point = world.point("E-1")
    async with world.db.connection() as conn:
        await conn.execute("delete from schedule where point_id = $1", point)
        await world.services.reload()
        first = await asked(world, E1 + f"?{DAY}", JSON)
        await conn.execute(SQL["registry_drop_schedules"], [point])
        await conn.execute("insert into schedule values ($1, '2026-01-01Z', 60)", point)
    await world.services.reload()
    assert (await asked(world, E1 + f"?{DAY}", JSON))[1] != first[1]
    assert await asked(world, f"{E1}?{DAY}&as_of={quote(first[0])}", JSON) == first
