"""What every page has: a visitor without a mouse, in another language, in the dark, or without the token."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from sorm_mediator.lab.lab import Lab
from sorm_mediator.web.pages.site import HEADERS
from sorm_mediator.web.pages.table import PAGES
from tests.mediator.gateway_harness import Console
from tests.web.browser import Visitor, open_lab

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.asyncio(loop_scope="module")
OPENED = [page.path for page in PAGES if page.in_navigation]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab() -> AsyncIterator[Lab]:
    async with open_lab() as lab:
        yield lab


def address(lab: Lab, path: str) -> str:
    return f"{lab.web_url}{'' if path == '/' else '/pages'}{path}"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", OPENED)
async def test_nothing_serious_on_any_page(lab: Lab, visitor: Visitor, path: str, theme: str) -> None:
    page = await visitor.open(f"{address(lab, path)}?theme={theme}")
    await expect(page.locator("html")).to_have_attribute("data-theme", theme)
    assert await visitor.axe() == []


@pytest.mark.parametrize("path", OPENED)
async def test_a_page_in_russian(lab: Lab, visitor: Visitor, path: str) -> None:
    page = await visitor.open(f"{address(lab, path)}?lang=ru")
    await expect(page.locator("html")).to_have_attribute("lang", "ru")
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("[а-яё]"))


async def test_the_language_is_that_of_the_browser_until_one_is_chosen(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(lab.web_url)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    await page.get_by_role("link", name="Русский").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Обзор")
    await page.goto(lab.web_url)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Обзор")


async def test_the_colours_follow_the_system_or_the_choice(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(lab.web_url)

    async def back() -> str:
        return str(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))

    await page.emulate_media(color_scheme="light")
    light = await back()
    await page.emulate_media(color_scheme="dark")
    dark = await back()
    assert light != dark
    await page.get_by_role("link", name="light", exact=True).click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert await back() == light


async def test_the_keyboard_reaches_the_content_past_the_navigation(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(lab.web_url)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()


async def test_landmarks(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(lab.web_url)
    for role in ("banner", "main", "contentinfo"):
        await expect(page.get_by_role(role)).to_have_count(1)  # type: ignore[arg-type]
    await expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    await expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")


async def test_what_happens_is_shown_without_asking(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(lab.web_url)
    states = page.get_by_role("group", name="State of the boxes")
    await expect(states).to_contain_text("KPD1: not connected")
    console = await Console.connect(lab.endpoints["kpd1"])
    await expect(states).to_contain_text("KPD1: connected")
    console.close()
    await expect(states).to_contain_text("KPD1: not connected")


@pytest.mark.parametrize("path", ["/", "/pages/changes?x", "/pages/nothing"])
async def test_no_page_runs_what_does_not_come_from_this_server(lab: Lab, path: str) -> None:
    async with (
        httpx.AsyncClient(base_url=lab.web_url) as http,
        http.stream("GET", path) as answer,
    ):
        if answer.headers["content-type"].startswith("text/html"):
            for name, value in HEADERS.items():
                assert answer.headers[name] == value
            assert not re.search(
                r"<style|<script(?! src=)| on[a-z]+=| style=", (await answer.aread()).decode()
            )


async def test_what_is_not_there(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{lab.web_url}/pages/nothing")
    await expect(page.get_by_role("alert").first).to_contain_text("There is no such page: /pages/nothing")
    assert [one for one in visitor.faults if "404" not in one] == []
    visitor.faults.clear()


async def test_a_form_of_another_site_is_refused(lab: Lab) -> None:
    """Its token is bound to the cookie of the browser, which another site has not."""
    async with httpx.AsyncClient(base_url=lab.web_url) as http:
        await http.get("/")
        token = "0" * 64
        for fields in ({"x": "1"}, {"csrf": token}, {"csrf": "\N{SNOWMAN}"}):
            answer = await http.post("/pages/log-out", data=fields)
            assert answer.status_code == 403
            assert "out of date" in answer.text


async def test_two_labs_of_one_host_do_not_mix_their_sessions(lab: Lab) -> None:
    async with httpx.AsyncClient(base_url=lab.web_url) as http:
        cookie = (await http.get("/")).headers["set-cookie"]
    assert cookie.startswith(f"sorm_session_{lab.web_url.rpartition(':')[2]}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))


# --- with a token


async def test_logging_in_with_the_token(visitor: Visitor) -> None:
    async with open_lab(tables={"web": {"token": SecretStr("correct horse")}}) as lab:
        page = await visitor.open(f"{lab.web_url}/docs")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
        assert await visitor.axe() == []
        await page.get_by_label("Token").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert").first).to_contain_text("This is not the token.")
        await page.get_by_label("Token").fill("correct horse")
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/docs")
        await page.goto(lab.web_url)
        await expect(page.get_by_role("link", name="Overview")).to_be_visible()
        assert (await page.request.get(f"{lab.web_url}/api/v1/status")).ok
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
        assert (await page.request.get(f"{lab.web_url}/api/v1/status")).status == 401
        assert [one for one in visitor.faults if "401" not in one] == []
        visitor.faults.clear()
        await visitor.leave()


async def test_after_three_wrong_tokens_an_address_waits() -> None:
    async with (
        open_lab(tables={"web": {"token": SecretStr("right")}}) as lab,
        httpx.AsyncClient(base_url=lab.web_url) as http,
    ):
        csrf = re.search('name="csrf" value="([^"]+)"', (await http.get("/pages/log-in")).text)
        assert csrf is not None
        answers = [
            await http.post("/pages/log-in", data={"csrf": csrf[1], "token": token})
            for token in ("a", "b", "c", "right")
        ]
        assert [one.status_code for one in answers] == [401, 401, 401, 429]
        assert 0 < int(answers[-1].headers["retry-after"]) <= 5
        api = await http.get("/api/v1/status", headers={"authorization": "Bearer right"})
        assert api.status_code == 429
        assert "wait" in api.json()["detail"]
