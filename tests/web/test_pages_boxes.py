"""The pages of a lab over E1, of a mediator alone, and of a switch alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from protocol import AddKsl, CommandExecuted, GroupType, Ksl, Start
from sorm_mediator.lab.lab import Lab
from sorm_mediator.web.pages.shown import LINKS, NONE, counted, link
from sorm_mediator.web.pages.table import PAGES
from ssh_control.client import LinkState
from tests.mediator.gateway_harness import Console, lab_config, small_switch
from tests.web.browser import Visitor, open_lab

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def e1() -> AsyncIterator[Lab]:
    async with open_lab("e1.toml") as lab:
        yield lab


async def test_a_stream_with_its_timeslots_channels_and_counters(e1: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{e1.web_url}/pages/streams")
    stream = page.get_by_role("region", name=re.compile("^Stream 0: "))
    await expect(stream).to_contain_text(re.compile("(LOS no signal|AIS alarm indication signal)"))
    slots = stream.get_by_role("list", name="Timeslots").get_by_role("listitem")
    await expect(slots).to_have_count(32)
    await expect(slots.nth(30)).to_contain_text("KPD1")
    await expect(slots.nth(31)).to_contain_text("KPD2")
    await expect(slots.nth(1)).to_contain_text("KSL 1")
    await expect(stream.get_by_role("row", name=re.compile("^KPD1 "))).to_contain_text("down")
    assert await visitor.axe() == []
    await visitor.picture("streams")


async def test_a_fault_at_a_click(e1: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{e1.web_url}/pages/streams")
    faults = page.get_by_role("form", name="Faults of stream 0")
    stream = page.get_by_role("region", name=re.compile("^Stream 0: "))
    end = faults.get_by_role("button", name="End the faults")
    await expect(end).to_have_class("quiet")  # there is nothing to end yet
    await faults.get_by_role("button", name="OFF").click()
    await expect(page.get_by_role("status")).to_contain_text("Stream 0: OFF is injected.")
    await expect(stream).to_contain_text("OFF switched off")
    await end.click()
    await expect(stream).to_contain_text(re.compile("(LOS no signal|AIS alarm indication signal)"))


async def test_a_faulty_line_says_the_alarm_and_what_to_do(visitor: Visitor) -> None:
    async with open_lab("tcp_voice.toml") as lab:
        console = await Console.connect(lab.endpoints["kpd1"])
        console.send(Start())
        await console.until(CommandExecuted, status=0)
        console.send(AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1)))
        await console.until(CommandExecuted, status=0)
        page = await visitor.open(f"{lab.web_url}/pages/ksl")
        line = page.get_by_role("listitem").filter(has_text="0/1")
        await expect(line).to_contain_text(re.compile("faulty: stream 0 has (LOS|AIS)"))
        told = page.get_by_role("note").filter(has_text="E1 stream 0")
        await expect(told).to_contain_text(re.compile(r"sorm-mediator console -c \S+tcp_voice.toml"))
        assert await visitor.axe() == []
        async with httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1", trust_env=False) as http:
            await http.post("/streams/0/fault", json={"state": "AIS"})
        await expect(told).to_contain_text("A fault is injected")
        console.close()
        await visitor.leave()


async def test_a_form_without_scripts_and_a_stream_that_is_not_there(e1: Lab) -> None:
    async with httpx.AsyncClient(base_url=e1.web_url) as http:
        page = (await http.get("/pages/streams")).text
        csrf = re.search('name="csrf" value="([^"]+)"', page)
        assert csrf is not None
        fields = {"csrf": csrf[1], "state": "LOS"}
        answer = await http.post("/pages/streams/7/fault", data=fields)
        assert answer.status_code == 404
        assert "there is no E1 stream 7" in answer.text
        answer = await http.post("/pages/streams/0/fault", data=fields | {"state": "FOG"})
        assert answer.status_code == 422
        answer = await http.post("/pages/streams/0/fault", data=fields | {"state": "clear"})
        assert answer.status_code == 200
        assert "Stream 0: the faults are ended." in answer.text, "a browser without scripts gets a page"
        answer = await http.post("/pages/streams/0/fault", json=fields)
        assert answer.status_code == 415


async def test_a_switch_alone(visitor: Visitor) -> None:
    async with open_lab(boxes="switch") as lab:
        page = await visitor.open(lab.web_url)
        pages = page.get_by_role("navigation", name="Pages")
        await expect(pages.get_by_role("link", name="Calls")).to_be_visible()
        await expect(pages.get_by_role("link", name="Objects")).to_have_count(0)
        async with httpx.AsyncClient(base_url=lab.web_url) as http:
            answer = await http.get("/pages/objects")
            assert answer.status_code == 404
            assert "This web server has no mediator." in answer.text
            path = "/api/v1/switch/domains/test.domain/calls"
            call = (await http.post(path, json={"a": "28331", "b": "28332"})).json()["call"]
        await page.goto(f"{lab.web_url}/pages/calls")
        await expect(page.get_by_role("row", name=re.compile(call))).to_contain_text("released")
        await page.get_by_role("link", name=call).click()
        await expect(page.get_by_role("img", name=re.compile("Ladder"))).to_contain_text("answer")
        await visitor.leave()


async def test_a_mediator_alone(visitor: Visitor, tmp_path_factory: pytest.TempPathFactory) -> None:
    async with small_switch() as (_, ssh, where):
        config = lab_config(tmp_path_factory.mktemp("mediator"), ssh, where)
        web = config.web.model_copy(update={"port": 0})
        async with Lab(config.model_copy(update={"web": web}), boxes="gateway") as lab:
            page = await visitor.open(lab.web_url)
            for one in PAGES:
                if one.in_navigation and one.box != "switch":
                    link = page.get_by_role("navigation", name="Pages").get_by_role("link", name=one.title)
                    await link.click()
                    await expect(page.get_by_role("heading", level=1)).to_have_text(one.title)
            await page.get_by_role("link", name="Calls", exact=True).first.click()
            await expect(page.get_by_role("form", name="Make a call")).to_have_count(0)
            await visitor.leave()


async def test_reading_a_page_of_tables_is_told_once() -> None:
    """Order 268, 9.6.4.1, option tell_table_access: opened once, it is told once, however often it looks again."""
    async with open_lab() as lab:
        assert lab.gateway is not None
        lab.gateway.core.config.options.__dict__["tell_table_access"] = "on"
        before = lab.gateway.core.counters.copy()
        async with httpx.AsyncClient(base_url=lab.web_url) as http:
            await http.get("/pages/objects")
            for _ in range(3):
                assert (await http.get("/pages/objects?part=now")).status_code == 200
        told = lab.gateway.core.counters - before
        assert told["unauthorized"] == 1


async def test_every_state_of_the_link_to_the_switch_has_words() -> None:
    assert {link(state.value) for state in LinkState} == set(LINKS.values())
    assert link("") == NONE
    assert counted({"reports": 2, "replies": 0, "malformed": {"short": 1, "length": 0}}, "radius") == (
        "malformed: too short: 1, call reports: 2"
    )
