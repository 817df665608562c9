"""The calendar of data quality in a real Chromium: colours, numbers, keyboard, and where a day leads."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from storage import access
from tests.browser.conftest import DAIRY, DAY, WORKS, Console, iso

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]


async def test_the_calendar_leads_from_an_enterprise_to_a_metering_points_day(console: Console) -> None:
    yesterday = iso(console.midnight - DAY)[:10]
    async with console.signed_in() as page:
        await page.click("text=数据质量")
        await page.goto(f"{console.address}/#/quality?month={yesterday[:7]}")
        cell = page.locator(f"tr[data-key='{WORKS}'] td[data-day='{yesterday}']")
        await expect(cell).to_have_class(re.compile("fair"))  # 90 minutes of one of its two metering points are missing
        await expect(cell).to_have_text("97")
        await cell.hover()
        await expect(page.locator(".heat-told")).to_have_text(
            re.compile(rf"北京示例工厂 · {yesterday} · 完整率 97 %（559 / 576）")
        )
        await page.get_by_role("button", name="估算占比").click()
        await expect(cell).to_have_class(re.compile("fair"))  # of estimates less is better
        await expect(cell).to_have_text("4")  # 6 of 192 intervals, rounded up
        await page.get_by_role("button", name="完整率").click()
        await cell.click()
        await expect(page).to_have_url(re.compile(rf"enterprise={WORKS}&month={yesterday[:7]}&day={yesterday}"))
        await expect(page.locator("th.chosen")).to_have_attribute("title", yesterday)
        assert await page.locator(".heat tbody tr").evaluate_all("rows => rows.map(row => row.dataset.key)") == [
            "", f"{WORKS}/E-1", f"{WORKS}/E-2", f"{WORKS}/V-1",
        ]  # fmt: skip
        await page.locator(f"tr[data-key='{WORKS}/E-1'] td[data-day='{yesterday}']").click()
        await expect(page).to_have_url(re.compile(rf"metering-points/{WORKS}/E-1\?from={yesterday}&to={yesterday}"))


async def test_the_calendar_goes_by_keyboard_and_by_month(console: Console) -> None:
    today = iso(console.midnight)[:10]
    async with console.signed_in("/quality", locale="en-GB") as page:
        first = page.locator("[data-at='0:0']")
        await first.focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("[data-at='1:1']")).to_be_focused()
        await expect(page.locator(".heat-told")).to_contain_text(f"{today[:7]}-02 · completeness")
        assert await page.locator(".heat [tabindex='0']").count() == 1
        await page.get_by_role("button", name="Month before").click()
        await expect(page).to_have_url(re.compile(r"/quality\?month="))
        await expect(page.locator("[data-at='0:0']")).to_have_attribute("aria-label", re.compile("-01 · completeness"))
        await expect(page.get_by_role("button", name="Month after")).to_be_enabled()


async def test_the_indices_say_how_sure_they_are(console: Console) -> None:
    async with console.signed_in("/quality", locale="en-GB") as page:
        known = page.locator("tr[data-key=data_completeness]")
        await expect(known).to_contain_text("≥ 90 %")
        await expect(known).to_contain_text("second-hand")
        await expect(page.locator("tr[data-key=yunnan_composite]")).to_contain_text("formula not known")


async def test_an_enterprise_sees_its_own_metering_points(console: Console) -> None:
    console.key = await access.create(console.db, "厂长", "enterprise", DAIRY, actor="test")
    async with console.signed_in("/quality") as page:
        await expect(page.locator(".heat tbody tr")).to_have_count(2)
        await expect(page.locator(f"tr[data-key='{DAIRY}/E-1']")).to_be_visible()
        await expect(page.get_by_label("用能单位")).to_have_count(0)
