"""Thresholds of alert rules in a real Chromium: tried on stored data, set, removed."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from storage import access
from tests.browser.conftest import DAIRY, WORKS, Console

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]


async def test_a_threshold_is_tried_before_it_is_set_and_removed_again(console: Console) -> None:
    async with console.signed_in("/rules") as page:
        row = page.locator("tr[data-key=offline]")
        await expect(row).to_contain_text("再加多少秒：720 s")
        await expect(page.locator("tr[data-key=vee_spike]")).to_contain_text("停用")
        await expect(page.locator("tr[data-key=vee_spike]")).to_contain_text("数值未核实")
        await row.get_by_role("link").click()
        await page.get_by_label("范围").select_option("enterprise")
        await expect(page.locator(".entries")).to_contain_text("请先选定范围")
        await page.get_by_label("用能单位").select_option(WORKS)
        await page.get_by_label("回看").select_option("7")
        await page.fill("#seconds", "6000")
        await page.get_by_role("button", name="试算").click()
        # one is silent for two hours, the hole of yesterday lasts 90 minutes; what was before is the gateway's
        for name, count in (("count", "1"), ("present", "2"), ("more", "0"), ("fewer", "1"), ("same", "1")):
            await expect(page.locator(f"[data-tile={name}] .tile-value")).to_have_text(count)
        await expect(page.locator(".compared.fewer")).to_have_count(1)
        await expect(page.locator("tr:has(.compared.fewer)")).to_contain_text("北京示例工厂")
        await expect(page.locator("[data-chart=trial] canvas")).to_be_visible()
        await page.get_by_role("button", name="设为生效").click()
        await expect(page.locator("dialog")).to_contain_text("会报 1 条，现行阈值 2 条（多 0，少 1）")
        await page.click("dialog .primary")
        set_ = page.locator(f"tr[data-key='enterprise:{WORKS}']")
        await expect(set_).to_contain_text("再加多少秒：6000 s")
        await expect(set_).to_contain_text("逾期多少个采集周期：3")
        (body,) = await console.db.pool.fetch("select body::text from threshold")
        assert json.loads(body["body"]) == {"seconds": 6000}
        await set_.get_by_role("button", name="更改").click()
        await expect(page.locator("#seconds")).to_have_value("6000")
        await set_.get_by_role("button", name="删除设定").click()
        await page.click("dialog .primary")
        await expect(page.locator(".card").nth(1)).to_contain_text("尚未设定")
        assert await console.db.pool.fetchval("select count(*) from threshold") == 0


async def test_a_wrong_figure_is_refused_where_it_stands(console: Console) -> None:
    async with console.signed_in("/rules/balance", locale="en-US", width=390, height=844) as page:
        await page.fill("#max_loss", "7")
        await page.get_by_role("button", name="Dry run").click()
        assert await page.locator("#max_loss").evaluate("input => input.matches(':invalid')")
        await page.check("#max_loss-off")
        await expect(page.locator("#max_loss")).to_be_disabled()
        await page.get_by_role("button", name="Dry run").click()
        await expect(page.locator("[data-tile=count] .tile-value")).to_have_text("0")
        await expect(page.locator(".card").last).to_contain_text("nothing would have been raised")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_an_enterprise_sees_what_holds_for_it_and_changes_nothing(console: Console) -> None:
    put = "insert into threshold (rule, scope, body) values ('balance', $1, $2::text::jsonb)"
    for scope, days in ((f"point:{WORKS}/E-1", 4), (f"enterprise:{DAIRY}", 5)):
        await console.db.pool.execute(put, scope, json.dumps({"days": days}))
    console.key = await access.create(console.db, "厂长", "enterprise", WORKS, actor="test")
    async with console.signed_in("/rules/balance") as page:
        await expect(page.locator(f"tr[data-key='point:{WORKS}/E-1']")).to_contain_text("连续天数：4 d")
        await expect(page.locator(".card").nth(1).locator("tbody tr")).to_have_count(1)
        await expect(page.get_by_role("button", name="试算")).to_have_count(0)
        await expect(page.get_by_role("button", name="删除设定")).to_have_count(0)
        await page.goto(f"{console.address}/#/metering-points/{WORKS}/E-1")
        await expect(page.locator(".card", has_text="判定与修正")).to_contain_text("没有修正")
        await expect(page.locator("[data-action=edit]")).to_have_count(0)
