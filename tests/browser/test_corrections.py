"""Corrections of a metering point's data in a real Chromium: seen beforehand, put in force, undone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import DAY, WORKS, Console, iso
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]


async def test_an_edit_is_seen_beforehand_made_and_undone(console: Console) -> None:
    yesterday = iso(console.midnight - DAY)[:10]
    path = f"/metering-points/{WORKS}/E-1?from={yesterday}&to={yesterday}&interval=15m"
    async with console.signed_in(path) as page:
        total = page.locator(".total b")
        await expect(total).to_have_text("1,440")  # 24 h x 12 readings x 0.05 kWh x CT 100
        await page.locator("[data-action=edit]").click()
        await page.select_option("#action", "set")
        await page.fill("#from", f"{yesterday}T12:05")
        await page.fill("#to", f"{yesterday}T13:00")
        await page.fill("#amount", "30")
        await page.get_by_role("button", name="预览影响").click()
        await expect(page.locator("#from-wrong")).to_contain_text("no boundary")
        await page.fill("#from", f"{yesterday}T12:00")
        await page.get_by_role("button", name="预览影响").click()
        for name, text in (("before", "60 kWh"), ("after", "30 kWh"), ("difference", "-30 kWh")):
            await expect(page.locator(f"[data-tile={name}] .tile-value")).to_have_text(text)
        await expect(page.locator("[data-tile=difference]")).to_contain_text("4 个区间改变")
        await expect(page.locator("[data-chart=preview] canvas")).to_be_visible()
        assert await console.db.pool.fetchval("select count(*) from edit") == 0
        await page.get_by_role("button", name="确认修正").click()
        assert await page.locator("#reason").evaluate("input => input.matches(':invalid')"), "a reason is wanted"
        await page.fill("#reason", "现场抄表")
        await page.get_by_role("button", name="确认修正").click()
        row = page.locator("tr", has_text="现场抄表")
        await expect(row).to_contain_text("有效")
        await expect(total).to_have_text("1,410")
        await row.locator("[data-action=undo]").click()
        await page.fill("dialog #reason", "抄错了")
        await page.click("dialog .primary")
        await expect(row).to_contain_text("已撤销")
        await expect(row).to_contain_text("抄错了")
        await expect(total).to_have_text("1,440")
    console.problems = [text for text in console.problems if "422" not in text]


async def test_a_verdict_is_overruled(console: Console) -> None:
    async with console.signed_in(f"/metering-points/{WORKS}/E-1") as page:
        card = page.locator(".card", has_text="判定与修正")
        await expect(card).to_contain_text("没有判定", timeout=15_000)
        await console.push("M-1", "active_energy_import", 3.0)
        held = "select count(*) from verdict where kind = 'held'"
        await until(lambda: console.db.pool.fetchval(held), what="a verdict")
        await page.reload()
        row = card.locator("tr", has_text="待判定")
        await expect(row).to_be_visible()
        await row.locator("summary").click()
        await expect(row).to_contain_text("这些示值")
        await row.locator("[data-action=overrule]").click()
        await page.select_option("#action", "exclude")
        await page.fill("#reason", "装表时误发")
        await page.get_by_role("button", name="确认修正").click()
        await expect(card.locator("tr", has_text="装表时误发")).to_contain_text("剔除读数")
        await expect(card).to_contain_text("没有判定", timeout=15_000)
        (edit,) = await console.db.pool.fetch("select action, from_time = to_time as one, actor from edit")
        assert tuple(edit) == ("exclude", True, "班长")
