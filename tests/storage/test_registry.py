"""Plan, apply and export of a registry on the real database."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.errors import ConfigError
from config.samples import MICROSECOND, SampleBatch
from storage import intervals, readings, registry
from storage.database import Database
from storage.points import load_points
from storage.quality import count_late
from tests.storage.registry import OTHER, OWN_MAPPING, USCC, Write, meter, text
from tests.storage.test_intervals import put, quarters

pytestmark = pytest.mark.servers


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.connection() as conn:
        return [tuple(row) for row in await conn.fetch(query)]


SEGMENTS = """
    select quantity, valid_from, valid_to, multiplier, modulus, resolution, limit_per_hour, initial, final
    from segment join point on point.id = point_id order by point_id, valid_from
"""
SCHEDULES = "select quantity, valid_from, cadence_s from schedule join point on point.id = point_id order by 1, 2"
DIRTY = """
    select quantity, from_time, to_time from dirty_range join point on point.id = point_id order by dirty_range.id
"""


def day(month: int, number: int = 1) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


async def test_a_first_apply_makes_everything(database: Database, write: Write) -> None:
    path = write(text(meters=meter(", rated_per_hour: 50, initial: {active_energy_import: 7}")))
    planned = str(await registry.plan(database, path)).splitlines()
    assert await rows(database, "select * from enterprise") == [], "a plan changes nothing"
    done = await registry.apply(database, path, actor="anna")
    assert str(done).splitlines() == planned
    assert planned == [
        f"+ enterprise {USCC}",
        f"+ metering point {USCC}/E-1",
        f"+ meter {USCC}/M-1",
        "~ profile chint-dtsu666",
    ]
    assert await rows(database, SEGMENTS) == [
        ("active_energy_import", day(1), None, 100, None, 0, 60, 7, None),
        ("active_power", day(1), None, 100, None, 0, None, None, None),
    ]
    assert await rows(database, SCHEDULES) == [("active_energy_import", done.now, 60), ("active_power", done.now, 60)]
    assert await rows(database, DIRTY) == [], "a new point has no readings to compute from"
    audit = await rows(database, "select actor, action, kind, code from audit order by id")
    assert audit == [
        ("anna", "create", "enterprise", USCC),
        ("anna", "create", "metering_point", f"{USCC}/E-1"),
        ("anna", "create", "meter", f"{USCC}/M-1"),
        ("anna", "change", "profile", "chint-dtsu666"),
    ]


async def test_applying_twice_changes_nothing(database: Database, write: Write) -> None:
    path = write(text(meters=meter()))
    await registry.apply(database, path, actor="anna")
    before = await rows(database, "select max(id) from audit")
    plan = await registry.plan(database, path)
    assert plan.empty
    assert str(plan) == "nothing to change"
    assert (await registry.apply(database, path, actor="anna")).empty
    assert await rows(database, "select max(id) from audit") == before


async def test_after_a_large_apply_the_planner_knows_the_tables(
    database: Database, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MANY", 1)
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    counted = (
        "select relname::text, reltuples from pg_class where relname in ('meter', 'segment', 'schedule') order by 1"
    )
    assert await rows(database, counted) == [("meter", 1), ("schedule", 2), ("segment", 2)]


async def test_an_export_applies_without_change(database: Database, write: Write) -> None:
    first = """\
  - code: M-1
    profile: chint-dtsu666
    driver: modbus-tcp
    address: gw:502
    every: 90s
    baud: 9600
    verified_until: 2027-06-30
    installations:
    - {at: E-1, from: 2026-01-01T00:00:00Z, to: 2026-02-01T00:00:00Z, final: {active_energy_import: 12.25}}
    - {at: E-2, from: 2026-02-01T00:00:00Z, ct: 100, ratios: [{from: 2026-03-01T00:00:00Z, ct: 2.5, pt: 10}]}
  - {code: M-2, driver: mqtt-broker, address: 'mqtt://u:secret@h:1883/a/b', mapping: flat, at: W-1,
     from: 2026-01-01T00:00:00+08:00, maker: "厂 #1", enabled: false}
  - {code: M-3}
"""
    points = """\
  - {code: E-2, name: Line, carrier: electricity, level: 2, parent: E-1, boundary: true}
  - {code: W-1, name: Water, carrier: water, direction: internal}
"""
    await registry.apply(database, write(text(meters=first, points=points)), actor="anna")
    exported = await registry.export(database)
    assert (await registry.plan(database, write(exported))).empty
    assert await registry.export(database, [USCC]) == exported
    assert "M-1" not in await registry.export(database, [OTHER])
    audit = await rows(database, "select after::text from audit where kind = 'meter'")
    assert "secret" not in str(audit)
    assert "mqtt://u:***@h:1883/a/b" in str(audit)


async def test_a_virtual_metering_point_is_kept_like_any_other(database: Database, write: Write) -> None:
    """Applied, exported, audited, changed and turned into a metered one, all without computing anything anew."""
    virtual = "  - {code: V, name: V, carrier: electricity, level: 2, formula: {E-1: 1}}\n"
    await registry.apply(database, write(text(meters=meter(), points=virtual)), actor="anna")
    assert (await registry.plan(database, write(await registry.export(database)))).empty
    changed = write(text(meters=meter(), points=virtual.replace("E-1: 1", "E-1: -0.25")))
    line = f"~ metering point {USCC}/V: formula {{E-1: 1}} → {{E-1: -0.25}}"
    assert str(await registry.apply(database, changed, actor="anna")) == line
    assert (await registry.plan(database, changed)).empty
    assert (await load_points(database)).formulas == {(USCC, "V"): {"E-1": -0.25}}
    audit = await rows(database, "select before->>'formula', after->>'formula' from audit where code like '%/V'")
    assert audit == [(None, '{"E-1": 1}'), ('{"E-1": 1}', '{"E-1": -0.25}')]
    metered = write(text(meters=meter(), points=virtual.replace(", formula: {E-1: 1}", "")))
    assert str(await registry.apply(database, metered, actor="anna")) == (
        f"~ metering point {USCC}/V: formula {{E-1: -0.25}} → -"
    )
    assert not (await load_points(database)).formulas
    assert await rows(database, DIRTY) == []


async def test_a_new_ratio_makes_its_dates_dirty(database: Database, write: Write) -> None:
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    changed = meter(", ratios: [{from: 2026-02-01T00:00:00Z, ct: 200}, {from: 2026-03-01T00:00:00Z, ct: 100}]")
    plan = await registry.apply(database, write(text(meters=changed)), actor="anna")
    assert await rows(database, DIRTY) == [("active_energy_import", day(2), day(3))]
    assert [line for line in str(plan).splitlines() if line.startswith("!")] == [
        f"! metering point {USCC}/E-1: intervals from 2026-02-01T08:00:00+08:00 to 2026-03-01T08:00:00+08:00 "
        "are made again"
    ]
    assert [row[1:4] for row in await rows(database, SEGMENTS) if row[0] == "active_energy_import"] == [
        (day(1), day(2), 100),
        (day(2), day(3), 200),
        (day(3), None, 100),
    ]
    (line,) = [line for line in str(plan).splitlines() if line.startswith("~ meter")]
    assert "installations" in line
    assert "{from: 2026-02-01T08:00:00+08:00, ct: 200}" in line


async def test_a_corrected_ratio_makes_the_whole_stay_dirty(database: Database, write: Write) -> None:
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    plan = await registry.apply(database, write(text(meters=meter().replace("ct: 100", "ct: 80"))), actor="anna")
    assert await rows(database, DIRTY) == [("active_energy_import", day(1), plan.now)]


async def test_a_moved_border_makes_what_lies_between_dirty(database: Database, write: Write) -> None:
    ended = meter(", to: 2026-05-01T00:00:00Z, expected_from: 2026-01-01T00:00:00Z")
    await registry.apply(database, write(text(meters=ended)), actor="anna")
    await registry.apply(database, write(text(meters=ended.replace("2026-05", "2026-04"))), actor="anna")
    assert await rows(database, DIRTY) == [("active_energy_import", day(4), day(5))]
    assert await rows(database, SCHEDULES) == [
        ("active_energy_import", day(1), 60),
        ("active_energy_import", day(4), None),
        ("active_power", day(1), 60),
        ("active_power", day(4), None),
    ]


async def test_nothing_else_makes_dirty(database: Database, write: Write) -> None:
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    plan = await registry.apply(database, write(text(meters=meter(", every: 5m, maker: Chint"))), actor="anna")
    assert plan.dirty == []
    assert await rows(database, "select maker from meter") == [("Chint",)]


async def test_days_follow_the_zone(database: Database, write: Write) -> None:
    moved = meter().replace("M-1", "M-2").replace("unit: 1", "unit: 2").replace("gw", "other")
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    await registry.apply(database, write(text(meters=moved, uscc=OTHER)), actor="anna")
    [[mine], [others]] = await rows(
        database, "select id from point where quantity = 'active_energy_import' order by id"
    )
    start = int(day(1).timestamp()) * MICROSECOND
    for point in (mine, others):
        async with database.transaction() as conn:
            await put(conn, quarters(point, start, *[1.0] * 300))
            late = np.array([start + hour * 3600 * MICROSECOND for hour in (16, 17, 19)])
            await readings.store(conn, SampleBatch.from_rows([(point, at, 1.0) for at in late.tolist()]))
            await count_late(conn, np.full(3, point), late, {point: "Asia/Shanghai"})
    zoned = text(meters=meter()).replace("  region:", "  zone: Asia/Urumqi\n  region:")
    plan = await registry.apply(database, write(zoned), actor="anna")
    assert f"! enterprise {USCC}: all its days are made again" in str(plan)
    async with database.connection() as conn:
        ids = np.array([mine, others], np.int32)
        assert await intervals.prove(conn, ids, start - 10**12, start + 10**12) == []
    days = await rows(database, "select point_id, count(*), sum(consumption) from rollup_day group by 1 order by 1")
    assert days == [(mine, 4, 300.0), (others, 4, 300.0)]
    hours = "select distinct point_id, extract(hour from start at time zone 'UTC')::int from rollup_day order by 1"
    assert await rows(database, hours) == [(mine, 18), (others, 16)]
    late_days = "select point_id, readings from late_day order by point_id, day"
    assert await rows(database, late_days) == [(mine, 2), (mine, 1), (others, 3)]
    same = zoned.replace("name: Works", "name: Mill")
    assert "made again" not in str(await registry.apply(database, write(same), actor="anna"))


async def due(database: Database) -> list[tuple[datetime, int | None]]:
    return [row[1:] for row in await rows(database, SCHEDULES) if row[0] == "active_power"]


async def test_a_new_cadence_holds_from_now_on(database: Database, write: Write) -> None:
    since = ", expected_from: 2026-02-01T00:00:00Z"
    await registry.apply(database, write(text(meters=meter(since))), actor="anna")
    assert await due(database) == [(day(2), 60)]
    plan = await registry.apply(database, write(text(meters=meter(", every: 15m"))), actor="anna")
    assert await due(database) == [(day(2), 60), (plan.now, 900)]
    plan = await registry.apply(database, write(text(meters=meter(f", enabled: false{since}"))), actor="anna")
    own = await due(database)
    assert (own[0], own[-1]) == ((day(2), 60), (plan.now, None))
    await registry.apply(database, write(text(meters=meter(since))), actor="anna")
    assert (await due(database))[0] == (day(2), 60)


async def test_what_is_expected_can_be_corrected(database: Database, write: Write) -> None:
    first = await registry.apply(database, write(text(meters=meter())), actor="anna")
    assert await due(database) == [(first.now, 60)]
    for month in (3, 2, 4):
        since = f", expected_from: 2026-{month:02}-01T00:00:00Z"
        await registry.apply(database, write(text(meters=meter(since))), actor="anna")
        assert await due(database) == [(day(month), 60)]
        assert (await registry.plan(database, write(await registry.export(database)))).empty


async def test_an_exchange_registered_late_leaves_expected_what_was(database: Database, write: Write) -> None:
    old = meter(", expected_from: 2026-01-01T00:00:00Z")
    await registry.apply(database, write(text(meters=old)), actor="anna")
    new = meter(code="M-2", unit=2).replace("2026-01", "2026-04")
    exchanged = text(meters=old.replace(", ct", ", to: 2026-04-01T00:00:00Z, ct") + new)
    await registry.apply(database, write(exchanged), actor="anna")
    assert await due(database) == [(day(1), 60)]


async def test_a_meter_that_follows_later_is_expected_as_it_says(database: Database, write: Write) -> None:
    old = meter(", to: 2026-03-01T00:00:00Z, expected_from: 2026-01-01T00:00:00Z")
    await registry.apply(database, write(text(meters=old)), actor="anna")
    new = meter(", every: 15m, expected_from: 2026-05-01T00:00:00Z", code="M-2", unit=2).replace(
        "from: 2026-01", "from: 2026-04"
    )
    await registry.apply(database, write(text(meters=old + new)), actor="anna")
    assert await due(database) == [(day(1), 60), (day(3), None), (day(5), 900)]


async def test_what_is_not_in_the_file_is_kept(database: Database, write: Write) -> None:
    point = "  - {code: E-2, name: Line, carrier: electricity, level: 2}\n"
    second = meter(code="M-2", unit=2).replace("E-1", "E-2")
    await registry.apply(database, write(text(meters=meter() + second, points=point)), actor="anna")
    await registry.apply(
        database, write(text(meters=second.replace("E-2", "E-1"), uscc=OTHER).replace("gw", "h")), actor="b"
    )
    plan = await registry.plan(database, write(text(meters=meter())))
    assert plan.empty
    assert str(plan).splitlines() == [
        f"= metering point {USCC}/E-2: not in file, kept",
        f"= meter {USCC}/M-2: not in file, kept",
        "nothing to change",
    ]


async def test_prune_ends_and_deletes_nothing(database: Database, write: Write) -> None:
    point = "  - {code: E-2, name: Line, carrier: electricity, level: 2}\n"
    since = ", expected_from: 2026-01-01T00:00:00Z"
    first, second = meter(since), meter(since, code="M-2", unit=2).replace("E-1", "E-2")
    await registry.apply(database, write(text(meters=first + second, points=point)), actor="anna")
    plan = await registry.apply(database, write(text(meters=first)), actor="anna", prune=True)
    assert await rows(database, "select valid_to from installation order by id") == [(None,), (plan.now,)]
    assert await rows(database, "select enabled from connection order by id") == [(True,), (False,)]
    ended = [row for row in await rows(database, SCHEDULES) if row[1] == plan.now]
    assert ended
    assert all(cadence_s is None for _, _, cadence_s in ended)
    assert (await registry.plan(database, write(text(meters=first)), prune=True)).empty


async def test_a_kept_meter_at_the_same_place_is_a_fault(database: Database, write: Write) -> None:
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    new = meter(code="M-2", unit=2).replace("2026-01", "2026-02")
    with pytest.raises(ConfigError, match=r"registry\.yaml:8 .*from: meter M-1 is still at E-1 then .*give the inst"):
        await registry.apply(database, write(text(meters=new)), actor="anna")
    assert await rows(database, "select code from meter") == [("M-1",)], "nothing half applied"


async def test_another_enterprise_at_the_same_address_is_a_fault(database: Database, write: Write) -> None:
    await registry.apply(database, write(text(meters=meter())), actor="anna")
    path = write(text(meters=meter(), uscc=OTHER))
    with pytest.raises(
        ConfigError, match=f"meter M-1 of {USCC} has the address gw:502 unit 1 too|meter M-1 of {OTHER}"
    ):
        await registry.apply(database, path, actor="anna")
    assert await rows(database, "select uscc from enterprise") == [(USCC,)]


async def test_a_faulty_file_changes_nothing(database: Database, write: Write) -> None:
    with pytest.raises(ConfigError):
        await registry.apply(database, write(text(meters=meter(", pt: 0"))), actor="anna")
    assert await rows(database, "select 1 from enterprise union all select 1 from audit") == []


async def test_a_changed_profile_reaches_all_its_users(database: Database, write: Write, tmp_path: Path) -> None:
    own = (Path(registry.__file__).parents[1] / "config/profiles/chint-dtsu666.toml").read_text("utf-8")
    own = own.replace('name = "chint-dtsu666"', 'name = "own"')
    (tmp_path / "profiles").mkdir()
    file = tmp_path / "profiles" / "own.toml"
    file.write_text(own, "utf-8")
    await registry.apply(database, write(text(meters=meter()).replace("chint-dtsu666", "own")), actor="anna")
    other = text(meters=meter(), uscc=OTHER).replace("chint-dtsu666", "own").replace("gw", "h")
    await registry.apply(database, write(other), actor="anna")
    file.write_text(own.replace('side = "secondary"', 'side = "primary"'), "utf-8")
    plan = await registry.apply(database, write(other), actor="anna")
    assert str(plan).splitlines()[0] == "~ profile own"
    assert {(uscc, start) for (uscc, _, _), start, _ in plan.dirty} == {(USCC, day(1)), (OTHER, day(1))}
    assert {row[3] for row in await rows(database, SEGMENTS)} == {1.0}


async def test_a_changed_mapping_reaches_all_its_users(database: Database, write: Write, tmp_path: Path) -> None:
    (tmp_path / "payloads").mkdir()
    file = tmp_path / "payloads" / "own.toml"
    file.write_text(OWN_MAPPING, "utf-8")
    pushed = "  - {code: M-1, driver: mqtt, mapping: own, at: E-1, from: 2026-01-01T00:00:00Z, ct: 100}\n"
    plan = await registry.apply(database, write(text(meters=pushed)), actor="anna")
    assert str(plan).splitlines()[-1] == "~ mapping own"
    await registry.apply(database, write(text(meters=pushed, uscc=OTHER)), actor="anna")
    file.write_text(OWN_MAPPING.replace("}", ", modulus = 1000 }", 1), "utf-8")
    plan = await registry.apply(database, write(text(meters=pushed, uscc=OTHER)), actor="anna")
    assert str(plan).splitlines()[0] == "~ mapping own"
    assert {row[4] for row in await rows(database, SEGMENTS) if row[0] == "active_energy_import"} == {10.0}
    audit = await rows(database, "select kind, code from audit order by id desc limit 1")
    assert audit == [("mapping", "own")]
    file.unlink()
    plan = await registry.plan(database, write(text(meters="  - {code: M-9}\n", uscc=OTHER)))
    assert [line for line in str(plan).splitlines() if line[0] != "="] == [f"+ meter {OTHER}/M-9"]
    assert plan.stretches == {}


async def test_parents_and_removed_connections(database: Database, write: Write) -> None:
    points = "  - {code: A, name: N, carrier: water, level: 2, parent: B}\n  - {code: B, name: N, carrier: water}\n"
    await registry.apply(database, write(text(meters=meter(), points=points)), actor="anna")
    query = "select c.code, p.code from metering_point c join metering_point p on p.id = c.parent_id"
    assert await rows(database, query) == [("A", "B")]
    bare = "  - {code: M-1, profile: chint-dtsu666, at: E-1, from: 2026-01-01T00:00:00Z, ct: 100}\n"
    await registry.apply(database, write(text(meters=bare, points=points.replace(", parent: B", ""))), actor="anna")
    assert await rows(database, query) == []
    assert await rows(database, "select 1 from connection") == []


async def test_thresholds_are_planned_applied_exported_and_pruned(database: Database, write: Write) -> None:
    head = text(meters=meter())
    lines = (
        "thresholds:\n- {rule: gap, cadences: 5}\n"
        f"- {{rule: balance, scope: 'point:{USCC}/E-1', max_loss: 0.1, days: 3}}\n"
    )
    path = write(head + lines)
    planned = str(await registry.plan(database, path)).splitlines()
    assert str(await registry.apply(database, path, actor="anna")).splitlines() == planned
    assert [line for line in planned if "threshold" in line] == [
        "+ threshold gap default: cadences 5",
        f"+ threshold balance point:{USCC}/E-1: max_loss 0.1, days 3",
    ]
    audit = await rows(database, "select actor, action, code from audit where kind = 'threshold' order by id")
    assert audit == [("anna", "create", "gap default"), ("anna", "create", f"balance point:{USCC}/E-1")]
    exported = await registry.export(database)
    assert exported.splitlines()[-2:] == [
        f"- {{rule: balance, scope: 'point:{USCC}/E-1', days: 3, max_loss: 0.1}}",
        "- {rule: gap, scope: default, cadences: 5}",
    ]
    assert str(await registry.plan(database, write(exported))) == "nothing to change"
    assert "gap" not in await registry.export(database, [USCC]), "what holds for everybody is not one enterprise's"
    assert str(await registry.plan(database, write(head), prune=True)) == "nothing to change", "it says nothing of them"
    fewer = f"thresholds:\n- {{rule: balance, scope: 'point:{USCC}/E-1', days: 4}}\n"
    assert str(await registry.plan(database, write(head + fewer))).splitlines() == [
        f"~ threshold balance point:{USCC}/E-1: days 3 → 4, max_loss 0.1 → -",
        "= threshold gap default: not in file, kept",
    ]
    done = await registry.apply(database, write(head + fewer), actor="ben", prune=True)
    assert "- threshold gap default: cadences 5 → -" in str(done)
    assert await rows(database, "select rule, scope, body::text from threshold") == [
        ("balance", f"point:{USCC}/E-1", '{"days": 4}')
    ]


async def test_thresholds_of_what_does_not_exist_are_refused(database: Database, write: Write) -> None:
    await registry.apply(database, write(text(meters=meter(), uscc=OTHER)), actor="anna")
    lines = (
        f"thresholds:\n- {{rule: gap, scope: 'point:{OTHER}/E-1', cadences: 4}}\n"
        f"- {{rule: gap, scope: 'point:{OTHER}/E-9', cadences: 4}}\n"
        f"- {{rule: gap, scope: 'enterprise:{USCC}', cadences: 4}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        await registry.apply(database, write(lines), actor="anna")
    assert [str(fault).partition(" ")[2] for fault in caught.value.faults] == [
        f"thresholds[1].scope: {OTHER} has no metering point E-9; correct the code, or add the metering point",
        f"thresholds[2].scope: there is no enterprise {USCC}; correct the code, or add the enterprise",
    ]
    assert await rows(database, "select 1 from threshold") == []
