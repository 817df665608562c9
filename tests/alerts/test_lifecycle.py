"""What becomes of findings: one alert a cause, what it is worth, what is held back, told again, escalated."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts import lifecycle
from alerts.finding import Finding, Subject
from alerts.lifecycle import Changes, Ending
from storage import alert_actions, notifications, suppressions, targets
from storage import alerts as table
from storage.alert_actions import By
from storage.alerts import Chosen
from storage.suppressions import Window
from storage.targets import Target
from storage.views import Sight
from tests.alerts.world import DAY, FLAP, HOUR, MINUTE, POLICY, START, USCC, World

pytestmark = pytest.mark.servers

SUBJECT = Subject(USCC, 1, "企业1", "Asia/Shanghai", 1, "E-1", "进线1", 1, "M-1", "10.0.0.0:502")
FINDING = Finding("balance", f"balance:{USCC}/E-1", "warning", SUBJECT, START, None, "不平衡", "out of balance", {})
OPS = By("ops", Sight())


class Life:
    """Findings and the alerts they become."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.running: dict[str, int] = {}

    async def commit(self, changes: Changes) -> list[int]:
        async with self.world.db.transaction() as conn:
            return await lifecycle.commit(conn, changes, self.running, self.world.clock.now, POLICY)

    async def open(self, finding: Finding = FINDING, **changes: Any) -> None:
        self.world.clock.now = max(self.world.clock.now, changes.get("onset", START))
        await self.commit(Changes(opened=[replace(finding, **changes)]))

    async def end(self, at: int, key: str = FINDING.key) -> None:
        self.world.clock.now = at
        await self.commit(Changes(ended=[Ending(key, at, "over")]))

    async def tend(self, at: int) -> list[int]:
        self.world.clock.now = at
        async with self.world.db.transaction() as conn:
            return await lifecycle.tend(conn, at, POLICY.patience)

    async def one(self, alert: int = 1) -> dict[str, Any]:
        found = await table.get(self.world.db, alert)
        assert found is not None
        return found

    async def events(self) -> list[str]:
        """What is still to be told, in order."""
        rows = await self.world.db.pool.fetch(
            "select event from notification_item where notification_id is null order by id"
        )
        return [row["event"] for row in rows]

    async def tell_all(self) -> list[str]:
        """Put everything due into a notification; what it tells."""
        async with self.world.db.transaction() as conn:
            items = await notifications.untold(conn, 1, self.world.clock.now)
            await notifications.put(conn, 1, items, {}, self.world.clock.now)
        return [item.event for item in items]


@pytest.fixture
async def life(world: World) -> Life:
    await world.register(2)
    await targets.put(world.db, Target("duty", "webhook", "http://127.0.0.1:1/", "a secret of 24 characters"), "ops")
    return Life(world)


async def test_what_comes_back_soon_goes_on_in_the_same_alert_and_is_told_once(life: Life) -> None:
    await life.open()
    assert await life.tell_all() == ["opened"]
    for number in range(1, 4):
        await life.end(START + number * 20 * MINUTE)
        await life.open(onset=life.world.clock.now + FLAP)
        assert await life.tell_all() == [], "its end is not told before it lasts"
    found = await life.one()
    assert (found["state"], found["reopened"], found["ended"]) == ("open", 3, None)
    assert found["onset"] == "2026-01-01T08:00:00+08:00"
    assert [event["action"] for event in found["events"]] == ["opened", *["resolved", "reopened"] * 3]
    async with life.world.db.connection() as conn:
        (running,) = await table.running(conn, ["balance"])
    assert running.onset == START + 70 * MINUTE, "the stretch that runs"
    await life.end(START + 2 * HOUR)
    life.world.clock.now += FLAP
    assert await life.tell_all() == ["resolved"]


async def test_who_was_told_of_the_end_is_told_that_it_is_back(life: Life) -> None:
    await life.open()
    await life.tell_all()
    await life.end(START + HOUR)
    life.world.clock.now += FLAP
    await life.tell_all()
    await life.open(onset=START + HOUR + MINUTE)  # found late: a day's figures come once a day
    assert await life.tell_all() == ["reopened"]
    await life.end(START + 2 * HOUR)
    await life.open(onset=START + 2 * HOUR + FLAP + 1)
    assert [item["id"] for item in (await table.page(life.world.db)).items] == [2], "too late to be the same"


async def test_what_somebody_cares_for_or_dismissed_stays_theirs_when_it_comes_back(life: Life) -> None:
    other = replace(FINDING, key="balance:other")
    await life.open()
    await life.open(other)
    await life.tell_all()
    await alert_actions.acknowledge(life.world.db, [1], OPS, "")
    await alert_actions.dismiss(life.world.db, [2], OPS, "the meter was moved", None)
    for key in (FINDING.key, other.key):
        await life.end(START + HOUR, key)
    assert await life.events() == ["resolved"], "nothing of what was dismissed"
    for finding in (FINDING, other):
        await life.open(finding, onset=START + HOUR + MINUTE)
    assert [(await life.one(alert))["state"] for alert in (1, 2)] == ["acknowledged", "dismissed"]
    assert await life.events() == []


async def test_whoever_an_alert_is_given_to_is_told_by_the_target_of_that_name(life: Life) -> None:
    far = Target("li", "mail", "li@example.org", min_severity="critical", escalations_only=True)
    await targets.put(life.world.db, far, "ops")
    await life.world.db.pool.execute("insert into enterprise (uscc, name, region) values ('OTHER', 'B', '110105')")
    await targets.put(life.world.db, replace(far, name="wang", enterprise="OTHER"), "ops")
    await life.open()
    for assignee in ("li", "wang", "nobody is called so", "ops", "duty"):
        await alert_actions.assign(life.world.db, 1, OPS, assignee, "")
    rows = await life.world.db.pool.fetch(
        "select name, event from notification_item join target on target.id = target_id order by name, event"
    )
    assert [tuple(row) for row in rows] == [("duty", "assigned"), ("duty", "opened"), ("li", "assigned")]
    await alert_actions.assign(life.world.db, 1, OPS, "li", "")
    assert len(await life.events()) == 3, "once is enough"


async def test_people_resolve_and_the_episode_goes_on_quietly(life: Life) -> None:
    await life.open()
    await life.tell_all()
    await alert_actions.resolve(life.world.db, 1, OPS, "wire replaced")
    assert await life.events() == ["resolved"]
    await life.commit(Changes(opened=[FINDING]))
    assert len((await table.page(life.world.db, Chosen(state="all"))).items) == 1
    assert (await life.one())["state"] == "resolved"
    await life.end(START + HOUR)
    assert await life.events() == ["resolved"], "told once"


async def test_planned_work_is_recorded_not_told_and_what_outlasts_it_opens(life: Life) -> None:
    window = Window(USCC, at(START), at(START + 2 * HOUR), "检修", address="10.0.0.0:502")
    await suppressions.plan(life.world.db, window, "ops")
    await life.open(rule="gap")
    assert (await life.one())["state"] == "suppressed"
    assert (await table.page(life.world.db)).items == []
    assert await life.events() == []
    assert await life.tend(START + 2 * HOUR - 1) == []
    assert await life.tend(START + 2 * HOUR) == [1]
    found = await life.one()
    assert (found["state"], found["suppression"]) == ("open", None)
    assert [(event["action"], event["note"]) for event in found["events"]] == [
        ("opened", ""),
        ("suppressed", "检修"),
        ("released", ""),
    ]
    assert await life.events() == ["opened"]


async def test_what_a_day_shows_of_planned_work_is_not_told_before_the_day_after_it_is_seen(life: Life) -> None:
    """A day is looked at when it is over: the alert is found, and seen to be over, after the work."""
    zero = replace(FINDING, rule="zero", key=f"zero:{USCC}/E-1")
    await suppressions.plan(life.world.db, Window(USCC, at(START), at(START + 10 * HOUR), "停产"), "ops")
    life.world.clock.now = START + 18 * HOUR
    await life.open(zero)
    await life.open(FINDING, rule="gap", key=f"gap:{USCC}/E-1")
    assert [(await life.one(alert))["state"] for alert in (1, 2)] == ["suppressed", "open"]
    assert await life.tend(START + 36 * HOUR) == []
    assert await life.tend(START + 37 * HOUR) == [1]
    assert (await life.one())["state"] == "open"


async def test_planned_work_that_is_announced_late_and_revoked(life: Life) -> None:
    await life.open()
    elsewhere = Window(USCC, at(START), at(START + DAY), "elsewhere", metering_point="E-2")
    await suppressions.plan(life.world.db, elsewhere, "ops")
    assert await life.tend(START + MINUTE) == []
    number = await suppressions.plan(life.world.db, Window(USCC, at(START), at(START + DAY), "all off"), "ops")
    assert await life.tend(START + MINUTE) == [1]
    assert await life.events() == []
    await life.world.db.pool.execute("update suppression set to_time = now() + interval '1 day'")  # time is the tests'
    assert await suppressions.revoke(life.world.db, number, "ops", "not today")
    assert not await suppressions.revoke(life.world.db, number, "ops", "not today")
    assert await life.tend(START + 2 * MINUTE) == [1]
    assert (await life.one())["state"] == "open"
    audit = await life.world.db.pool.fetch("select actor, action from audit where kind = 'suppression' order by id")
    assert [tuple(row) for row in audit] == [
        ("ops", "create"),
        ("ops", "create"),
        ("ops", "revoke"),
    ]


async def test_gaps_within_planned_work_are_planned(world: World) -> None:
    await world.register()
    async with world.watching() as watch:
        await world.poll(world.points(1), START + 5 * MINUTE)
        await suppressions.plan(
            world.db, Window(USCC, at(START), at(START + HOUR), "检修", metering_point="E-1"), "ops"
        )
        world.clock.now = START + 30 * MINUTE
        await watch.cycle()
        assert {row["cause"] for row in await world.db.pool.fetch("select cause from gap")} == {"planned"}
        assert await world.alerts() == [("offline:M-1", "suppressed")]
        await world.db.pool.execute("update suppression set to_time = now() + interval '1 day'")
        await suppressions.revoke(world.db, 1, "ops", "")
        assert {row["cause"] for row in await world.db.pool.fetch("select cause from gap")} == {"silent"}
        world.clock.now += MINUTE
        await watch.cycle()
        assert await world.alerts() == [("offline:M-1", "open")]


async def test_an_exception_holds_back_the_like_until_its_end(life: Life) -> None:
    await life.open()
    await alert_actions.dismiss(life.world.db, [1], OPS, "always so in winter", at(START + 30 * DAY))
    await life.end(START + DAY)
    await life.open(onset=START + 2 * DAY)
    await life.open(replace(FINDING, rule="night", key=f"night:{USCC}/E-1"), onset=START + 2 * DAY)
    assert [(await life.one(alert))["state"] for alert in (1, 2, 3)] == ["dismissed", "suppressed", "open"]
    assert await life.tend(START + 30 * DAY) == [3], "goes up a step"
    assert await life.tend(START + 31 * DAY + 3 * HOUR) == [2]
    assert [(await life.one(alert))["state"] for alert in (2, 3)] == ["open", "open"]
    (item,) = (
        await suppressions.page(
            life.world.db, enterprise=None, region=None, kind="exception", current=False, limit=9, after=None
        )
    ).items
    assert (item["rule"], item["metering_point"], item["reason"]) == ("balance", "E-1", "always so in winter")


async def test_an_open_alert_is_told_again_and_goes_up_a_step(life: Life) -> None:
    await life.open()
    await life.open(replace(FINDING, key="balance:2", severity="critical"))
    await life.tell_all()
    assert await life.tend(START + 4 * HOUR - 1) == []
    await life.tend(START + 4 * HOUR)
    assert await life.tell_all() == ["escalated"], "the critical one; it is not reminded of as well"
    await life.tend(START + 8 * HOUR)
    assert await life.tell_all() == ["reminded"]
    await alert_actions.acknowledge(life.world.db, [2], OPS, "")
    await life.tend(START + DAY)
    assert await life.tell_all() == ["escalated"]
    found = await life.one()
    assert found["severity"] == "critical"
    assert found["events"][1]["note"] == "warning → critical"
    assert await life.tend(START + 2 * DAY) == []
    assert await life.tell_all() == ["reminded"]


async def test_what_is_at_stake_ranks_the_list(life: Life) -> None:
    await life.open(amount=1000.0)
    await life.open(replace(FINDING, key="balance:2", amount=20_000.0))
    await life.open(replace(FINDING, key="balance:3", severity="info"))
    await life.open(replace(FINDING, key="balance:4", severity="critical"))
    first = (await table.page(life.world.db, sort="materiality", limit=3)).next
    ranked = [
        item
        for page in [
            await table.page(life.world.db, sort="materiality", limit=3),
            await table.page(life.world.db, sort="materiality", limit=3, after=first),
        ]
        for item in page.items
    ]
    assert [item["id"] for item in ranked] == [2, 1, 4, 3]
    assert [ranked[0][name] for name in ("amount", "unit", "money")] == [20_000.0, "kWh", 13_000.0]
    assert ranked[0]["tce"] == pytest.approx(20_000 * 0.1229 / 1000)
    assert [ranked[3][name] for name in ("amount", "tce", "money")] == [None, None, None]
    assert [item["id"] for item in (await table.page(life.world.db, Chosen(severity="info"))).items] == [3]


async def test_missing_readings_are_worth_what_is_usually_used_meanwhile(world: World) -> None:
    await world.register()
    await world.db.pool.execute(
        "insert into rollup_day (point_id, start, seconds, consumption, expected, received, quality, intervals,"
        " estimated, edited) values (1, $1, 86400, 240, 96, 96, 0, 96, 0, 0)",
        at(START - DAY),
    )
    async with world.watching() as watch:
        await world.poll(world.points(1), START + 5 * MINUTE)
        world.clock.now = START + 66 * MINUTE
        await watch.cycle()
        (item,) = (await table.page(world.db)).items
        assert (item["rule"], item["amount"]) == ("offline", 10.0)
        assert item["money"] == pytest.approx(6.5)


def at(instant: int) -> datetime:
    return datetime.fromtimestamp(instant / 1e6, UTC)
