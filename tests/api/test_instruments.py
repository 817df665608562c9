"""The instrument register and equipping over HTTP."""

import csv
import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from config.samples import now_us
from storage.columns import instant
from tests.api.conftest import OTHER, USCC, World, assert_problem

pytestmark = pytest.mark.servers

_VERIFIED = """
update meter set verified_until = $2, accuracy_class = $3, name = '=SUM' from enterprise e
where e.uscc = $4 and e.id = enterprise_id and code = $1
"""


async def registered(world: World) -> None:
    """M-1's verification ends in 20 days, M-2's ended, of M-3 and GM-1 nothing is known; GM-1 is out of use."""
    today = instant(now_us()).date()
    await world.db.pool.execute(_VERIFIED, "M-1", today + timedelta(days=20), "0.5S", USCC)
    await world.db.pool.execute(_VERIFIED, "M-2", today - timedelta(days=1), "3.0", USCC)
    await world.db.pool.execute("update meter set state = 'out_of_use' where code = 'GM-1'")


async def codes(world: World, query: str, role: str = "admin") -> list[str]:
    items = (await world.ok(f"/v1/instruments?{query}", role))["items"]
    return [f"{item['uscc'][:4]}/{item['code']}" for item in items]


async def test_instruments_are_found_by_what_is_asked(world: World) -> None:
    await registered(world)
    assert await codes(world, "") == ["9111/GM-1", "9111/M-1", "9111/M-2", "9111/M-3", "9135/M-1"]
    assert await codes(world, "due_within=0") == ["9111/M-2"]
    assert await codes(world, "due_within=21") == ["9111/M-1", "9111/M-2"]
    assert await codes(world, "state=out_of_use") == ["9111/GM-1"]
    assert await codes(world, "carrier=natural_gas") == ["9111/GM-1"]
    assert await codes(world, "level=2") == ["9111/M-3"]
    assert await codes(world, f"enterprise={OTHER}") == ["9135/M-1"]
    assert await codes(world, "", "regulator") == ["9135/M-1"]
    assert await codes(world, f"enterprise={OTHER}", "enterprise") == []
    first = await world.ok("/v1/instruments?limit=2")
    rest = await world.ok(f"/v1/instruments?limit=5&after={first['next']}")
    assert [item["code"] for item in first["items"] + rest["items"]] == ["GM-1", "M-1", "M-2", "M-3", "M-1"]
    own = (await world.ok(f"/v1/instruments?enterprise={USCC}"))["items"][1]
    assert (own["verification"], own["category_zh"], own["metering_point"], own["level"]) == (
        "in_date",
        "电能表",
        "E-1",
        1,
    )
    assert own["days_left"] in (19, 20, 21)
    assert_problem(await world.get("/v1/instruments?carrier=x"), 400, "invalid-parameter", "carrier")
    assert_problem(await world.get("/v1/instruments?due_within=-1"), 400, "invalid-parameter", "due_within")


async def test_the_register_as_a_file(world: World) -> None:
    await registered(world)
    answer = await world.get(f"/v1/instruments.csv?enterprise={USCC}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [line["管理编号"] for line in lines] == ["GM-1", "M-1", "M-2", "M-3"]
    assert lines[1]["检定情况"] == "在有效期内"
    book = load_workbook(io.BytesIO((await world.get("/v1/instruments.xlsx", "regulator")).content))
    assert [row[7] for row in book["B.3"].iter_rows(min_row=3, values_only=True)] == ["M-1"]
    assert_problem(await world.get("/v1/instruments.pdf"), 400, "invalid-parameter", "form")


async def test_equipping_names_edition_figures_and_what_lacks(world: World) -> None:
    await registered(world)
    found = await world.ok(f"/v1/enterprises/{USCC}/equipping")
    assert found["edition"]["figures"] == "GB 17167-2006"
    assert [(row["energy"], row["level"], row["needed"], row["installed"]) for row in found["rates"]] == [
        ("electricity", 1, 2, 2),
        ("electricity", 2, 1, 1),
        ("natural_gas", 1, 1, 0),
    ]
    assert [row["code"] for row in found["unequipped"]] == ["G-1"]
    assert found["verification"] == {"total": 3, "in_date": 1, "expired": 1, "unknown": 1, "coverage": 33.33}
    assert [(row["meets"], row["fails"], row["unknown"]) for row in found["accuracy"]] == [(1, 1, 1)]
    assert_problem(await world.get(f"/v1/enterprises/{OTHER}/equipping", "enterprise"), 404, "not-found")
