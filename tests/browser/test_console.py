"""What people see and do in the console, in a real Chromium. Every test also fails on a console error, an exception or
a request to another origin (see conftest.py)."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from playwright.async_api import Page, expect

from storage import access
from tests.browser.conftest import DAIRY, DAY, WORKS, Console, iso

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]

POINT = f"/metering-points/{WORKS}/E-1"
PAGES = (
    "/",
    f"/enterprises/{WORKS}",
    POINT,
    "/alerts",
    "/alerts/1",
    "/quality",
    f"/quality?enterprise={WORKS}",
    "/rules",
    "/rules/offline",
    "/gaps",
    f"/instruments?enterprise={WORKS}",
    "/reviews",
)


async def test_sign_in_with_a_key_by_hand_and_from_the_address(console: Console) -> None:
    async with console.page() as page:
        await page.goto(console.address)
        await page.fill("#key", "wanjia_wrong")
        await page.click("button[type=submit]")
        await expect(page.get_by_role("alert")).to_contain_text("A valid API key is needed")
        await page.fill("#key", console.key)
        await page.keyboard.press("Enter")
        await expect(page.locator(".live")).to_have_attribute("data-state", "live")
        await expect(page.locator(".who")).to_have_text("班长")
        await page.click("text=退出")
        await expect(page.locator("#key")).to_be_visible()
        await page.reload()
        await expect(page.locator("#key")).to_be_visible()
        await page.goto(f"{console.address}/#key={console.key}")
        await expect(page.locator(".who")).to_have_text("班长")
        assert console.key not in page.url
    console.problems = [text for text in console.problems if "401" not in text]


async def test_overview_tells_how_things_stand_and_is_live(console: Console) -> None:
    async with console.signed_in() as page:
        values = {
            name: page.locator(f"[data-tile={name}] .tile-value")
            for name in ("enterprises", "metering_points", "online_rate", "open_alerts")
        }
        await expect(values["enterprises"]).to_have_text("2")
        await expect(values["metering_points"]).to_have_text("4")
        await expect(values["online_rate"]).to_contain_text("66.6 %")
        await expect(values["open_alerts"]).to_contain_text("1")
        works = page.locator(f"tr[data-key='{WORKS}']")
        await expect(works).to_contain_text("北京示例工厂")
        await expect(works).to_contain_text("黑色金属冶炼和压延加工业")
        await expect(works).to_contain_text("1 / 2")
        await expect(page.locator(f"tr[data-key='{DAIRY}']")).to_contain_text("1 / 1")
        names = page.locator("tbody tr .main-cell")
        await expect(names).to_have_text(["北京示例工厂", "福州示例乳品厂"])
        await page.get_by_role("button", name="在线器具").click()
        await page.get_by_role("button", name="在线器具").click()
        await expect(names).to_have_text(["福州示例乳品厂", "北京示例工厂"])
        await console.push("M-1", "active_power", 1.25)
        row = page.locator(f".ticker [data-point='{WORKS}/E-1']").first
        await expect(row).to_contain_text("125 kW")  # 1.25 kW on the meter, CT 100
        await expect(row).to_contain_text("有功功率")


async def test_metering_point_shows_what_was_measured_estimated_and_is_missing(console: Console) -> None:
    before = iso(console.midnight - 2 * DAY)[:10]
    yesterday = iso(console.midnight - DAY)[:10]
    async with console.signed_in(f"{POINT}?from={before}&to={yesterday}&interval=15m") as page:
        kinds = await drawn(page)
        assert kinds["missing"] == 24  # before 06:00 nothing was ever read
        assert kinds["estimated"] == 6  # the hole of 90 minutes, both ends known
        assert kinds["measured"] == 192 - 24 - 6
        await expect(page.locator(".kinds [data-kind=missing]")).to_contain_text("缺失 24")
        await expect(page.locator(".total b")).to_have_text("2,520")  # 42 h x 12 readings x 0.05 kWh x CT 100
        await page.hover("[data-chart=consumption] canvas")
        await expect(page.locator(".tip")).to_contain_text("收到 3 / 应收 3")
        await page.click("summary")
        await expect(page.locator(".numbers tbody tr")).to_have_count(192)
        await expect(page.locator(".numbers tbody tr").last).to_contain_text(f"{before} 00:00")
        await expect(page.locator(".numbers tbody tr").last).to_contain_text("–")  # never 0
        await page.get_by_role("button", name="日", exact=True).click()
        await until_drawn(page, {"incomplete": 1, "estimated": 1})
        async with page.expect_download() as download:
            await page.click("text=下载 CSV")
        text = (await (await download.value).path()).read_text("utf-8-sig")
        assert text.splitlines()[0].startswith("start,value,quality")
        assert len(text.splitlines()) == 3


async def test_a_click_on_a_bar_tells_where_its_number_comes_from(console: Console) -> None:
    yesterday = iso(console.midnight - DAY)[:10]
    panel = "[data-panel=lineage]"
    async with console.signed_in(f"{POINT}?from={yesterday}&to={yesterday}&interval=15m") as page:
        await drawn(page)
        canvas = page.locator("[data-chart=consumption] canvas")
        size = await canvas.bounding_box()
        assert size is not None
        await canvas.click(position={"x": size["width"] - 40, "y": size["height"] / 2})
        said = page.locator(f"{panel} .lineage-said li")
        await expect(said.first).to_contain_text("共 15 kWh（实测）")  # 3 readings x 0.05 kWh x CT 100
        await expect(said.nth(1)).to_contain_text("器具 M-1，倍率 100（CT 100 × PT 1）")
        await page.click(f"{panel} summary:has-text('两端读数')")
        await expect(page.locator(f"{panel} [data-details='lineage.readings'] code").first).to_contain_text("0x")
        await page.click(f"{panel} summary:has-text('器具、倍率与寄存器')")
        await expect(page.locator(f"{panel} [data-details='lineage.meters']")).to_contain_text("chint-dtsu666: 0x")
        await page.click(f"{panel} summary:has-text('时段明细')")
        await expect(page.locator(f"{panel} [data-details='lineage.intervals'] tbody tr")).to_have_count(1)
        await expect(page.locator(f"{panel} [data-details='lineage.intervals']")).to_contain_text("示数差")
        await page.click(f"{panel} >> text=关闭")
        await expect(said).to_have_count(0)


async def test_metering_point_is_live(console: Console) -> None:
    async with console.signed_in(f"{POINT}?range=today") as page:
        await expect(page.locator("h1")).to_contain_text("总进线")
        await expect(page.locator("[data-chart=flow]")).to_have_attribute("data-points", r := await points(page))
        await console.push("M-1", "active_power", 7.25)
        await expect(page.locator("[data-quantity=active_power]")).to_have_text("7.25 kW")
        await expect(page.locator("tr[data-key=active_power]")).to_contain_text("725 kW")
        await expect(page.locator("[data-chart=flow]")).to_have_attribute("data-points", str(int(r) + 1))


async def test_enterprise_shows_carriers_and_the_tree(console: Console) -> None:
    async with console.signed_in(f"/enterprises/{WORKS}") as page:
        await expect(page.locator("[data-carrier=electricity] h3")).to_have_text("电力")
        await expect(page.locator("[data-carrier=electricity] canvas")).to_be_visible()
        rows = page.locator(".tree tbody tr")
        await expect(rows).to_have_count(3)
        await expect(rows.nth(0)).to_contain_text("在线")
        await expect(rows.nth(1).locator(".depth-1")).to_contain_text("二车间")
        await expect(rows.nth(1)).to_contain_text("离线")
        await page.fill("input[type=search]", "E-2")
        await expect(rows).to_have_count(1)
        await page.click("text=二车间")
        await expect(page.locator("h1")).to_contain_text("E-2")


async def test_the_balance_and_a_virtual_metering_point(console: Console) -> None:
    """Yesterday E-1 has a hole of known energy: 288 readings of 0.05 times 100, against those of E-2 times 1."""
    async with console.signed_in(f"/enterprises/{WORKS}") as page:
        row = page.locator(f"tr[data-key='{WORKS}/E-1']")
        await expect(row.locator("[data-amount=own]")).to_have_text("1,440")
        await expect(row.locator("[data-amount=children]")).to_have_text("14.4")
        await expect(row).to_contain_text("99 %")
        await expect(row).to_contain_text("1 / 1")
        await page.get_by_role("button", name="近 7 天").last.click()
        await expect(row).to_contain_text("1 / 7")
        await expect(page.locator("tr[data-key='V-1']")).to_contain_text("虚拟")
        await page.get_by_role("link", name="其他").click()
        await expect(page.locator(".facts")).to_contain_text("虚拟 E-1 − 0.5 E-2")
        await expect(page.locator("section.card")).to_have_count(1)
        await expect(page.locator("[data-chart=consumption]")).to_have_attribute(
            "data-kinds", re.compile('"estimated":[1-9]')
        )


async def test_instruments_are_listed_and_how_well_an_enterprise_is_equipped(console: Console) -> None:
    verified = "update meter set verified_until = current_date + 10, accuracy_class = '0.5S' where code = 'M-1'"
    await console.db.pool.execute(verified)
    async with console.signed_in("/instruments") as page:
        rows = page.locator("tbody tr")
        await expect(rows).to_have_count(3)
        await page.select_option("select >> nth=0", WORKS)
        register = page.locator("section", has_text="能源计量器具一览表")
        await expect(register.locator("tbody tr")).to_have_count(2)
        await expect(register.locator(f"tr[data-key='{WORKS}/M-1']")).to_contain_text("0.5S")
        await expect(page.locator("tr[data-key='electricity:1']")).to_contain_text("达到")
        await expect(page.locator(".note")).to_contain_text("GB 17167")
        await page.select_option("select >> nth=3", "30")
        await expect(register.locator("tbody tr")).to_have_count(1)
        async with page.expect_download() as download:
            await register.get_by_role("link", name="CSV").click()
        assert "M-1" in (await (await download.value).path()).read_text("utf-8-sig")


async def test_a_report_is_made_by_one_and_signed_by_another_who_opens_its_pdf(console: Console) -> None:
    yesterday = iso(console.midnight - DAY)[:10]
    second = await access.create(console.db, "审核员", "admin", actor="test")
    async with console.signed_in(f"/reviews?enterprise={WORKS}&from={yesterday}&to={yesterday}") as page:
        await page.get_by_role("button", name="预览").click()
        await expect(page.locator("[data-report] tr[data-key=electricity]")).to_contain_text("1,440 kWh")
        await page.get_by_role("button", name="编制并冻结").click()
        row = page.locator("tbody tr[data-key='1']")
        await expect(row).to_contain_text("待第二人复核")
        await expect(row.get_by_role("button", name="签发")).to_have_count(0)
    async with console.page() as page:
        await page.goto(f"{console.address}/#key={second}")
        await expect(page.locator(".who")).to_have_text("审核员")
        await page.goto(f"{console.address}/#/reviews")
        row = page.locator("tbody tr[data-key='1']")
        await row.get_by_role("button", name="签发").click()
        await page.fill("dialog textarea", "核对无误")
        await page.click("dialog .primary")
        await expect(row).to_contain_text("已签发")
        await expect(row.locator("q")).to_have_text("核对无误")
        await expect(row.get_by_role("button")).to_have_count(0)
        async with page.expect_popup() as opened:
            await row.get_by_role("link", name="PDF").click()
        assert (await opened.value).url.endswith("/v1/reviews/1/report.pdf")


async def test_language_follows_the_browser_and_the_switch_is_remembered(console: Console) -> None:
    async with console.signed_in(locale="en-GB") as page:
        await expect(page.locator("[data-tile=enterprises] .tile-label")).to_have_text("Enterprises")
        await page.click("[data-language=zh]")
        await expect(page.locator("[data-tile=enterprises] .tile-label")).to_have_text("用能单位")
        assert await page.get_attribute("html", "lang") == "zh-CN"
        await page.reload()
        await expect(page.locator("[data-tile=enterprises] .tile-label")).to_have_text("用能单位")


async def test_problems_are_told_in_the_servers_words(console: Console) -> None:
    async with console.signed_in(f"/metering-points/{WORKS}/none") as page:
        await expect(page.get_by_role("alert")).to_contain_text(f"no metering point {WORKS}/none")
        await expect(page.get_by_role("button", name="重试")).to_be_visible()
        assert await page.title() == "万家能源计量"
    assert all("404" in text for text in console.problems)
    console.problems.clear()


async def test_lost_connection_is_shown_and_comes_back(console: Console) -> None:
    async with console.signed_in() as page:
        await page.route("**/v1/stream", lambda route: route.abort())
        await page.reload()
        await expect(page.locator(".live")).to_have_attribute("data-state", "lost")
        await page.unroute("**/v1/stream")
        await expect(page.locator(".live")).to_have_attribute("data-state", "live")
    assert all("/v1/stream" in text for text in console.problems)
    console.problems.clear()


async def test_nothing_scrolls_sideways(console: Console) -> None:
    for locale, (width, height) in itertools.product(("zh-CN", "en-GB"), ((1366, 768), (390, 844))):
        async with console.signed_in(width=width, height=height, locale=locale) as page:
            for path in PAGES:
                await page.goto(f"{console.address}/#{path}")
                await expect(page.locator(".card").first).to_be_visible()
                await expect(page.locator(".spinner")).to_have_count(0)
                assert await page.evaluate("document.documentElement.scrollWidth") <= width, (path, locale)


async def drawn(page: Page) -> dict[str, int]:
    """How many buckets of each kind the consumption chart shows."""
    chart = page.locator("[data-chart=consumption][data-kinds]")
    await chart.wait_for()
    found: dict[str, int] = json.loads(await chart.get_attribute("data-kinds") or "{}")
    return found


async def until_drawn(page: Page, wanted: dict[str, int]) -> None:
    """Wait until the chart shows exactly these kinds."""
    await page.wait_for_function(
        """wanted => {
            const kinds = JSON.parse(document.querySelector('[data-chart=consumption]').dataset.kinds);
            return JSON.stringify(Object.entries(kinds).filter(([, n]) => n).sort()) === wanted;
        }""",
        arg=json.dumps(sorted([name, count] for name, count in wanted.items()), separators=(",", ":")),
    )


async def points(page: Page) -> str:
    """How many readings the flow chart shows."""
    await page.locator("[data-chart=flow][data-points]").wait_for()
    return await page.get_attribute("[data-chart=flow]", "data-points") or ""
