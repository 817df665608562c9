"""The gap ledger in a real Chromium: why readings are missing, and what is done about it."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from config.samples import MICROSECOND
from storage.columns import instant
from tests.browser.conftest import DAY, WORKS, Console

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]
_OVER = """
insert into gap (point_id, from_time, to_time, cadence_s, state, missing)
select point.id, $1::timestamptz, $1 + interval '90 minutes', 300, 'estimated', 17
from point join metering_point on metering_point.id = metering_point_id
where metering_point.code = 'E-1' and quantity = 'active_energy_import' and enterprise_id = 1
"""
_TOGETHER = """
update gap set evident = 'gateway', scope = 'gateway x', group_id = (select min(id) from gap), evidence = $1
"""


async def test_a_gap_is_understood_estimated_accepted_and_assigned(console: Console) -> None:
    await console.db.pool.execute(_OVER, instant((console.midnight - DAY + 10 * 3600) * MICROSECOND))
    async with console.signed_in() as page:
        await page.get_by_role("link", name="缺数台账").click()
        silent = page.locator("tbody tr", has_text="E-2 二车间")
        await expect(silent).to_contain_text("设备无数据")
        await expect(silent).to_contain_text("持续中")
        await silent.locator("summary").click()
        await expect(silent.locator("[data-step=import] pre").last).to_contain_text(
            f"wanjia import readings {WORKS}-E-2.csv"
        )
        await expect(silent.locator("[data-step=accept]")).to_contain_text("恢复后才能认可")
        await silent.locator("[data-action=estimate]").click()
        await page.fill("#said", "抄表员确认停表")
        await page.click("dialog .primary")
        await expect(page.locator("dialog")).to_have_count(0)
        (edit,) = await console.db.pool.fetch("select action, reason, actor from edit")
        assert tuple(edit) == ("estimate", "抄表员确认停表", "班长")

        await page.locator("[data-value=estimated]").click()
        over = page.locator("tbody tr", has_text="E-1 总进线").first
        await over.locator("summary").click()
        await expect(over.locator("[data-step=estimate]")).to_contain_text("不可行")
        await over.locator("[data-action=assign]").click()
        await page.click("dialog .primary")
        await expect(over).to_contain_text("指派：班长")
        await over.locator("[data-action=accept]").click()
        await page.fill("#said", "集中器断电，读数未保存")
        await page.click("dialog .primary")
        await expect(over).to_have_count(0)
        await page.locator("[data-value=accepted]").click()
        await expect(over).to_contain_text("缺失已认可")
        await over.locator("summary").click()
        await expect(over.locator("q").last).to_have_text("集中器断电，读数未保存")
        assert "state=accepted" in page.url


async def test_gaps_of_one_gateway_are_one_row(console: Console) -> None:
    await console.db.pool.execute(_OVER, instant((console.midnight - DAY + 10 * 3600) * MICROSECOND))
    await console.db.pool.execute(_TOGETHER, json.dumps({"at": "U 10.0.0.5:502", "devices": 2}))
    async with console.signed_in("/gaps?state=all", locale="en-US", width=390, height=844) as page:
        row = page.locator(".card tbody > tr").first
        await expect(row).to_contain_text("2 metering points silent together")
        await expect(row).to_contain_text("2 devices behind U 10.0.0.5:502 were silent together")
        await row.locator("summary").first.click()
        inner = row.locator("tbody > tr", has_text="E-1")
        await inner.locator("summary").click()
        await expect(inner.locator("[data-step=import]")).to_contain_text("try --dry-run first")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
