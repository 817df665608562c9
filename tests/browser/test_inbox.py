"""The review inbox and the page of an alert, in a real Chromium."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.browser.conftest import DAIRY, WORKS, Console

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]

_ALERTS = """
insert into alert (key, rule, severity, enterprise_id, metering_point_id, onset, money, amount, zh, en, evidence)
select
    $2 || ':' || n, $2, 'warning', m.enterprise_id, m.id, now() - interval '3 hours', n * 10, n, '第 ' || n || ' 条',
    'number ' || n, '{"factor": 1.5}'
from metering_point m join enterprise e on e.id = m.enterprise_id, generate_series(1, $3::integer) n
where m.code = 'E-1' and e.uscc = $1
"""


async def raised(console: Console, count: int, rule: str = "level", uscc: str = DAIRY) -> None:
    """Alerts beside the one about the silent meter of the works; number n has 10 n yuan at stake."""
    await console.db.pool.execute(_ALERTS, uscc, rule, count)


async def states(console: Console, rule: str = "level") -> list[str]:
    rows = await console.db.pool.fetch("select state from alert where rule = $1 order by id", rule)
    return [row["state"] for row in rows]


async def test_the_keyboard_goes_through_the_list_and_acknowledges(console: Console) -> None:
    await raised(console, 3)
    async with console.signed_in("/alerts") as page:
        rows, current = page.locator(".inbox-row"), page.locator(".inbox-row[aria-current]")
        await expect(rows).to_have_count(4)
        await expect(rows.first).to_contain_text("第 3 条")  # most at stake first
        await expect(rows.first).to_contain_text("¥ 30")
        await page.keyboard.press("j")
        await expect(current).to_contain_text("第 3 条")
        await page.keyboard.press("j")
        await expect(current).to_contain_text("第 2 条")
        await page.keyboard.press("a")
        await expect(current.locator(".inbox-state")).to_contain_text("已确认")
        assert await states(console) == ["open", "acknowledged", "open"]
        await page.keyboard.press("k")
        await expect(current).to_contain_text("第 3 条")
        await page.keyboard.press("?")
        await expect(page.locator("dialog")).to_contain_text("下一行")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("第 3 条")
        await expect(page.locator(".ways")).to_contain_text("1 / 4")
        await page.keyboard.press("j")
        await expect(page.locator("h1")).to_have_text("第 2 条")
        await page.keyboard.press("u")
        await expect(current).to_contain_text("第 2 条")  # the list is where it was left


async def test_many_are_acknowledged_and_dismissed_at_once(console: Console) -> None:
    await raised(console, 6)
    async with console.signed_in("/alerts?rule=level") as page:
        rows = page.locator(".inbox-row")
        await expect(rows).to_have_count(1)  # six alike are one row
        await expect(rows.first).to_contain_text("福州示例乳品厂 · 水平变化 · 6 条")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(rows).to_have_count(7)
        await rows.nth(1).locator("input").check()
        await rows.nth(2).locator("input").check()
        await expect(page.locator(".bulk")).to_contain_text("已选 2 条")
        await page.click("[data-bulk=acknowledge]")
        await expect(page.locator("[role=status].note")).to_have_text("已确认 2 条。")
        assert (await states(console)).count("acknowledged") == 2
        await expect(page.locator(".bulk")).to_be_hidden()
        await page.keyboard.press("x")  # the whole group
        await expect(page.locator(".bulk")).to_contain_text("已选 6 条")
        await page.keyboard.press("d")
        await page.click("dialog .primary")
        await expect(page.locator("dialog")).to_be_visible()  # not without a reason
        await page.fill("#said", "设备试运行")
        await page.click("dialog .primary")
        await expect(page.locator(".card .state")).to_contain_text("已检查 2 家用能单位的 4 个计量点")
        assert await states(console) == ["dismissed"] * 6
        await page.get_by_role("link", name="查看全部未解除告警").click()
        await expect(rows).to_have_count(1)
        await expect(rows.first).to_contain_text("离线")


async def test_more_are_dealt_with_than_one_request_takes(console: Console) -> None:
    await raised(console, 501)
    async with console.signed_in("/alerts?rule=level") as page:
        await expect(page.locator(".inbox-row").first).to_contain_text("水平变化")
        while "501" not in await page.locator(".inbox-row").first.inner_text():
            await page.click("[data-focus=more]")
        await page.keyboard.press("j")
        await page.keyboard.press("a")
        await expect(page.locator("[role=status].note")).to_have_text("已确认 501 条。")
    assert set(await states(console)) == {"acknowledged"}


async def test_an_alert_shows_its_evidence_and_is_dealt_with(console: Console) -> None:
    async with console.signed_in("/alerts") as page:
        await page.locator(".inbox-go").click()
        await expect(page.locator("[data-chart=evidence] canvas")).to_be_visible()
        await expect(page.locator("[data-chart=evidence]")).to_have_attribute("data-which", "now")
        await expect(page.locator(".card", has_text="数据依据")).to_contain_text("0x")
        await expect(page.locator(".card", has_text="判定规则与阈值")).to_contain_text("逾期多少个采集周期")
        await expect(page.locator(".card:has(h2:text-is('缺数'))")).to_contain_text("E-2")
        await page.click("[data-value=found]")
        await expect(page.locator("[data-chart=evidence]")).to_have_attribute("data-which", "found")
        async with page.expect_download() as download:
            await page.click("text=下载 CSV")
        assert (await (await download.value).path()).read_text("utf-8-sig").startswith("start,found,found_quality")
        await page.click("[data-action=acknowledge]")
        await page.fill("#said", "已派人查看")
        await page.click("dialog .primary")
        await expect(page.locator(".alert-state")).to_have_text("已确认")
        await expect(page.locator(".trail q")).to_have_text("已派人查看")
        await page.click("[data-action=assign]")
        await expect(page.locator("#assignee")).to_have_value("班长")
        await page.click("dialog .primary")
        await expect(page.locator(".facts")).to_contain_text("指派：班长")
        await page.click("[data-action=comment]")
        await page.fill("#said", "表计在检修")
        await page.click("dialog .primary")
        await expect(page.locator(".trail q").last).to_have_text("表计在检修")
        await page.click("[data-action=dismiss]")
        await page.fill("#said", "每月检修，不是故障")
        await page.fill("#until", (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d"))
        await page.click("dialog .primary")
        await expect(page.locator(".alert-state")).to_have_text("已驳回")
        [exception] = await console.db.pool.fetch("select kind, reason from suppression")
        assert tuple(exception) == ("exception", "每月检修，不是故障")
        await page.click("[data-action=reopen]")
        await page.fill("#said", "驳回有误")
        await page.click("dialog .primary")
        await expect(page.locator(".alert-state")).to_have_text("已确认")
        assert await console.db.pool.fetchval("select revoked_by from suppression") == "班长"


async def test_what_comes_takes_its_place_and_the_keyboard_keeps_its_own(console: Console) -> None:
    await raised(console, 1)
    async with console.signed_in("/alerts?rule=level") as page:
        rows = page.locator(".inbox-row")
        await expect(rows).to_have_count(1)
        await page.keyboard.press("j")
        await raised(console, 2, "night")
        await console.db.pool.execute("update alert set rule = 'level' where rule = 'night' and zh = '第 2 条'")
        newer = await console.db.pool.fetchval("select id from alert where zh = '第 2 条'")
        await console.post(f"/v1/alerts/{newer}/comment", {"note": "x"})
        await expect(rows).to_have_count(2)  # without a reload, in its place
        await expect(rows.first).to_contain_text("第 2 条")
        await expect(page.locator(".inbox-row[aria-current]")).to_contain_text("第 1 条")


async def test_filters_are_in_the_address_and_what_ends_goes(console: Console) -> None:
    await raised(console, 2)
    async with console.signed_in(f"/alerts?enterprise={WORKS}") as page:
        rows = page.locator(".inbox-row")
        await expect(rows).to_have_count(1)
        await page.get_by_role("button", name="未指派").click()
        await expect(rows).to_have_count(1)
        assert "whose=nobody" in page.url
        await page.get_by_role("button", name="我的").click()
        await expect(page.locator(".card .state")).to_contain_text("没有符合条件的告警")
        await page.goto(f"{console.address}/#/alerts?rule=offline")
        await expect(rows).to_have_count(1)
        await console.push("M-2", "active_power", 0.5)
        await console.push("M-2", "active_energy_import", 1100)
        await expect(rows).to_have_count(0, timeout=30_000)  # it ends before our eyes
        await page.goto(f"{console.address}/#/alerts?sort=newest&carrier=electricity&severity=warning&rule=level")
        await expect(rows).to_have_count(2)
