"""Who is told of alerts, and what holds them back, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.alerts.receivers import receiver
from tests.browser.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]


async def test_a_target_is_added_tested_and_disabled(console: Console) -> None:
    async with receiver() as hook, console.signed_in("/alerts") as page:
        await page.get_by_role("link", name="通知与暂不告警").click()
        await page.get_by_role("button", name="添加通知对象").click()
        await page.fill("#name", "值班")
        await page.fill("#address", hook.url)
        await page.fill("#secret", "short")
        await page.click("dialog .primary")
        await expect(page.locator("dialog [role=alert]")).to_contain_text("at least 16 characters")
        await page.fill("#secret", "a secret of 24 characters")
        await page.select_option("#digest", "hourly")
        await page.click("dialog .primary")
        row = page.locator("tr[data-key=值班]")
        await expect(row).to_contain_text("每小时汇总")
        await row.locator("[data-action=test]").click()
        await expect(page.locator("[role=status]").last).to_contain_text("值班: 测试已送达", timeout=20_000)
        assert hook.bodies[0]["zh"] == "测试通知：值班 能收到告警。"
        await expect(page.locator(".card").last).to_contain_text("已送达")
        await row.locator("[data-action=disable]").click()
        await expect(row.locator("[data-action=enable]")).to_be_visible()
    console.problems = [text for text in console.problems if "422" not in text]


async def test_maintenance_is_announced_and_revoked(console: Console) -> None:
    async with console.signed_in("/notices") as page:
        await page.get_by_role("button", name="登记检修或停运").click()
        await page.fill("#code", "E-1")
        await page.fill("#from", "2026-01-01T08:00")
        await page.fill("#to", "2026-06-01T08:00")
        await page.fill("#reason", "变压器检修")
        await page.click("dialog .primary")
        await expect(page.locator("dialog")).to_have_count(0)
        (row,) = await console.db.pool.fetch("select kind, reason from suppression")
        assert tuple(row) == ("maintenance", "变压器检修")
        await console.db.pool.execute("update suppression set to_time = now() + interval '1 day'")
        await page.reload()
        held = page.locator("tr[data-key='1']")
        await expect(held).to_contain_text("变压器检修")
        await held.locator("[data-action=revoke]").click()
        await page.fill("#reason", "改期")
        await page.click("dialog .primary")
        await expect(held).to_have_count(0)
