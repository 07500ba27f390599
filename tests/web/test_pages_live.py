"""The pages while the lab works: a call under control is watched, driven and looked at afterwards."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from protocol import (
    AddKsl,
    AddObject,
    Category,
    Channel,
    CommandExecuted,
    GroupType,
    NumberSign,
    ObjectType,
    Priority,
    Release,
    Start,
)
from protocol.values import Ksl
from sorm_mediator.lab.lab import Lab
from sorm_mediator.mediator.binding.feed import PAST
from sorm_mediator.mediator.core.tables import ControlledObject
from sorm_mediator.web.pages.objects import ROWS
from tests.mediator.gateway_harness import Console
from tests.web.browser import Visitor, open_lab

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Scene:
    """A lab whose console has put subscriber 28331 under combined control as object 258."""

    lab: Lab
    kpd1: Console
    kpd2: Console

    def page(self, path: str) -> str:
        return f"{self.lab.web_url}/pages{path}"

    async def call(self, **body: object) -> str:
        async with httpx.AsyncClient(base_url=self.lab.web_url) as http:
            path = "/api/v1/switch/domains/test.domain/calls"
            answer = await http.post(path, json={"a": "28331", "b": "28332", **body})
            assert answer.status_code == 202, answer.text
            return str(answer.json()["call"])


OBJECT = {
    "object_number": 258,
    "object_type": ObjectType.OWN_SUBSCRIBER,
    "number_sign": NumberSign.OWN,
    "number": "28331",
    "trunk": None,
    "category": Category.COMBINED,
    "ksl_group": 1,
    "priority": Priority.NORMAL,
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def scene() -> AsyncIterator[Scene]:
    async with open_lab() as lab:
        kpd1 = await Console.connect(lab.endpoints["kpd1"])
        kpd2 = await Console.connect(lab.endpoints["kpd2"], Channel.KPD2)
        for command in (
            Start(),
            AddKsl(1, GroupType.COMBINED, Ksl(0, 3), Ksl(0, 3)),
            AddKsl(2, GroupType.SEPARATE, Ksl(0, 5), Ksl(0, 6)),
            AddObject(**OBJECT),
        ):
            kpd1.send(command)
            await kpd1.until(CommandExecuted, command=command.code, status=0)
        yield Scene(lab, kpd1, kpd2)
        kpd1.close()
        kpd2.close()


async def test_a_call_is_made_answered_and_ended_by_hand(scene: Scene, visitor: Visitor) -> None:
    page = await visitor.open(scene.page("/calls"))
    form = page.get_by_role("form", name="Make a call")
    await form.get_by_label("A calls").fill("28331")
    await form.get_by_label("B, as dialled").fill("28332")
    await form.get_by_label("Ringing, s").fill("600")
    await form.get_by_role("button", name="Call", exact=True).click()
    told = page.get_by_role("status").locator("p")
    await expect(told).to_contain_text("28331 calls 28332")
    await expect(told).not_to_have_class(re.compile("good|bad"))  # a call that begins is no success yet
    row = page.get_by_role("row").nth(1)
    await expect(row).to_contain_text("ringing")
    await expect(row.get_by_role("link", name="258")).to_be_visible()
    await row.get_by_role("button", name="Answer").click()
    await expect(row).to_contain_text("talking")
    assert await visitor.axe() == []
    await row.get_by_role("button", name="Hang up").click()
    await expect(row).to_contain_text("released after conversation")
    await expect(row.get_by_role("link", name="258")).to_be_visible()  # as the page of the call has it
    await scene.kpd2.until(Release)


async def test_what_is_shown_anew_keeps_the_focus(scene: Scene, visitor: Visitor) -> None:
    first = await scene.call()
    await scene.kpd2.until(Release)
    page = await visitor.open(scene.page("/calls"))
    link = page.get_by_role("link", name=first)
    await link.focus()
    second = await scene.call()
    await expect(page.get_by_role("row").nth(1)).to_contain_text(second)
    await expect(link).to_be_focused()
    await scene.kpd2.until(Release)


async def test_what_can_not_be_called_is_told(scene: Scene, visitor: Visitor) -> None:
    page = await visitor.open(scene.page("/calls"))
    form = page.get_by_role("form", name="Make a call")
    await form.get_by_label("A calls").fill("99999")
    await form.get_by_label("B, as dialled").fill("28332")
    await form.get_by_role("button", name="Call", exact=True).click()
    await expect(page.get_by_role("alert").first).to_contain_text("99999")
    await form.get_by_label("Ringing, s").fill("-1")
    await form.get_by_role("button", name="Call", exact=True).click()
    await expect(page.get_by_role("alert").first).to_contain_text("ring: ")


async def test_the_form_says_what_it_takes(scene: Scene, visitor: Visitor) -> None:
    page = await visitor.open(scene.page("/calls"))
    form = page.get_by_role("form", name="Make a call")
    called = form.get_by_label("B, as dialled")
    await expect(form.get_by_label("A calls")).to_have_attribute("title", "1 to 18 digits, * or #")
    await expect(called).to_have_attribute("title", "1 to 18 digits, * or #, perhaps with + in front")
    for dialled, taken in (("+79257410726", True), ("*21#", True), ("7+9", False), ("+", False)):
        await called.fill(dialled)
        assert await called.evaluate("field => field.checkValidity()") is taken, dialled
    assert scene.lab.switch is not None
    trunks = {one for domain in scene.lab.switch.engine.domains.values() for one in domain.trunks}
    origins = await form.get_by_label("A comes from").locator("option").all_inner_texts()
    assert trunks
    own = {"system:alarm", "system:custom-cb", "system:dialer"}
    assert set(origins) == {"subscriber", *own, *(f"trunk:{one}" for one in trunks)}


async def test_who_holds_which_line(scene: Scene, visitor: Visitor) -> None:
    page = await visitor.open(scene.page("/ksl"))
    combined = page.get_by_role("region", name=re.compile("Group 1"))
    await expect(combined.get_by_role("listitem")).to_contain_text(["free"])
    separate = page.get_by_role("region", name=re.compile("Group 2"))
    await expect(separate.get_by_role("listitem")).to_contain_text(["0/5 A"])
    call = await scene.call(talk=600)
    await expect(combined.get_by_role("listitem")).to_contain_text(["object 258"])
    assert await visitor.axe() == []
    await page.get_by_role("link", name=re.compile("call ")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Call {call}")
    drive = page.get_by_role("form", name=f"Drive call {call}")
    await expect(drive.get_by_role("button", name="Answer")).to_be_disabled()  # it is answered
    await drive.get_by_role("button", name="Hang up").click()
    await expect(page.get_by_role("status")).to_contain_text("is ended")
    await scene.kpd2.until(Release)
    await expect(drive).to_have_count(0)


async def test_a_call_that_rings_is_answered_on_its_page(scene: Scene, visitor: Visitor) -> None:
    call = await scene.call(ring=600, talk=600)
    page = await visitor.open(scene.page(f"/calls/{call}"))
    await page.get_by_role("button", name="Answer").click()
    await expect(page.get_by_role("status")).to_contain_text("is answered")
    await expect(page.get_by_role("button", name="Answer")).to_be_disabled()
    await page.get_by_role("button", name="Hang up").click()
    await scene.kpd2.until(Release)


async def test_the_ladder_of_a_call_from_the_command_to_the_release(scene: Scene, visitor: Visitor) -> None:
    call = await scene.call(talk=0.1)
    await scene.kpd2.until(Release)
    page = await visitor.open(scene.page(f"/calls/{call}"))
    await expect(page.get_by_role("img", name=re.compile("Ladder"))).to_be_visible()
    assert await visitor.axe() == []
    await page.get_by_text("The same as a table").click()
    rows = await page.locator("#ladder-table tbody tr").all_inner_texts()
    said = ["\t".join(row.split("\t")[1:]) for row in rows]

    def place(pattern: str) -> int:
        return next(at for at, text in enumerate(said) if re.search(pattern, text))

    story = [
        place(r"Console\tMediator\tadd-object object_number=258"),
        place(r"Mediator\tConsole\tcommand-received command=add-object"),
        place(r"Mediator\tSwitch\tadd "),
        place(r"Switch\tMediator\tadd: ok"),
        place(r"Mediator\tConsole\tcommand-executed command=add-object"),
        place(r"Switch\tMediator\tstart, report 1"),
        place(r"Mediator\tConsole\tnumber-received"),
        place(r"Mediator\tConsole\tanswer"),
        place(r"Mediator\tConsole\trelease"),
    ]
    assert story == sorted(story)
    assert place(r"Switch\tMediator\tstop, report") < story[-1]
    assert any("Switch\t–\tanswer" in text for text in said)
    await visitor.page.get_by_text("The same as a table").click()
    await page.get_by_role("heading", level=1).scroll_into_view_if_needed()
    await visitor.picture("call")


async def test_labels_of_a_ladder_are_whole_and_beside_the_arrow_heads(
    scene: Scene, visitor: Visitor
) -> None:
    call = await scene.call(b="89001758964", talk=0.1)
    await scene.kpd2.until(Release)
    page = await visitor.open(scene.page(f"/calls/{call}"))
    labels = await page.locator("svg.ladder g.arrow .middle").all_text_contents()
    assert "05h add-object 258 28331 1" in labels
    assert any(re.fullmatch(r"41h number-received 28331 → \S+", text) for text in labels)
    assert not [text for text in labels if "…" in text]
    over = await page.evaluate(
        """[...document.querySelectorAll("svg.ladder g.arrow")].filter((arrow) => {
            const text = arrow.querySelector(".middle").getBBox();
            const line = arrow.querySelector("line").getBBox();
            return text.x < line.x + 8 || text.x + text.width > line.x + line.width - 8;
        }).map((arrow) => arrow.querySelector(".middle").textContent)"""
    )
    assert over == []
    broken = await page.evaluate(
        """[...document.querySelectorAll(".facts dd")].filter((one) => one.getClientRects().length &&
            /^[\\d:.]+$/.test(one.textContent) && one.offsetHeight > 40).map((one) => one.textContent)"""
    )
    assert broken == []


async def test_the_ladder_over_http(scene: Scene) -> None:
    call = await scene.call()
    await scene.kpd2.until(Release)
    async with httpx.AsyncClient(base_url=scene.lab.web_url) as http:
        found = (await http.get(f"/api/v1/calls/{call}/ladder")).json()
        assert found["objects"] == [258]
        assert {step["kind"] for step in found["steps"]} == {
            "command", "message", "event", "request", "reply", "report", "call",
        }  # fmt: skip
        times = [step["time"] for step in found["steps"]]
        assert times == sorted(times)
        assert (await http.get("/api/v1/calls/nobody/ladder")).status_code == 404


async def test_units_are_shown_as_they_cross_and_opened(scene: Scene, visitor: Visitor) -> None:
    page = await visitor.open(scene.page("/units"))
    lines = page.get_by_role("option")
    await expect(lines.first).to_be_visible()
    await scene.call()
    await scene.kpd2.until(Release)
    released = lines.filter(has_text=re.compile(r"<- KPD2  release object_number=258"))
    await expect(released.last).to_be_visible()
    await released.last.click()
    opened = page.get_by_role("article")
    await expect(opened).to_contain_text("CC 01 43")
    await expect(opened).to_contain_text("release: ")
    assert await visitor.axe() == []
    await visitor.picture("units")


async def test_units_by_kind_object_and_text(scene: Scene, visitor: Visitor) -> None:
    page = await visitor.open(scene.page("/units"))
    lines = page.get_by_role("option")
    await expect(lines.first).to_be_attached()
    await page.get_by_label("Object number").fill("259")
    await expect(lines).to_have_count(0)
    await page.get_by_label("Object number").fill("258")
    await page.get_by_label("Text in the line").fill("ADD-object ob")
    await expect(lines.first).to_contain_text("-> KPD1  add-object object_number=258")
    await page.get_by_label("commands").uncheck()
    await expect(lines.filter(has_text="-> KPD1")).to_have_count(0)


async def test_a_password_is_nowhere_on_the_page(scene: Scene, visitor: Visitor) -> None:
    page = await visitor.open(scene.page("/units"))
    await page.get_by_label("Text in the line").fill("add-object object_number=258")
    await page.get_by_role("option").first.click()
    await expect(page.get_by_role("article")).to_contain_text("** ** ** ** ** **")
    text = await page.content()
    assert "123456" not in text
    assert "31 32 33 34 35 36" not in text


async def test_pause_keeps_the_lines_and_going_on_shows_what_came(scene: Scene, visitor: Visitor) -> None:
    await scene.call()
    await scene.kpd2.until(Release)
    page = await visitor.open(scene.page("/units"))
    lines = page.get_by_role("option")
    await page.get_by_label("Text in the line").fill("KPD2  release")
    await expect(lines.last).to_be_visible()
    before = await lines.last.get_attribute("id")
    await page.get_by_role("button", name="Pause").click()
    await scene.call()
    await scene.kpd2.until(Release)
    await expect(page.locator("#count")).to_contain_text("are waiting")
    assert await lines.last.get_attribute("id") == before
    await page.get_by_role("button", name="Pause").click()
    await expect(lines.last).not_to_have_id(before or "")


async def test_ten_thousand_events_stay_usable(scene: Scene, visitor: Visitor) -> None:
    """The page holds a window of them, and only lines in sight are elements."""
    assert scene.lab.gateway is not None
    events = scene.lab.gateway.events
    for number in range(PAST + 500):
        events.publish("link", 1.0, lambda number=number: {"link": f"test-{number}", "state": "up"})
    page = await visitor.open(scene.page("/units"))
    await expect(page.locator("#count")).to_contain_text(f"{PAST} of {PAST} shown")
    await expect(page.get_by_role("option").last).to_contain_text(f"link=test-{PAST + 499}")
    assert await page.get_by_role("option").count() < 100
    events.publish("link", 1.0, lambda: {"link": "one more", "state": "up"})
    await expect(page.get_by_role("option").last).to_contain_text("one more")
    await page.get_by_role("listbox").focus()
    await page.keyboard.press("Home")
    await expect(page.get_by_role("option", selected=True)).to_contain_text("link=test-501")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("article")).to_contain_text("test-502")
    await page.get_by_label("Text in the line").fill(f"test-{PAST + 1}")
    await expect(page.get_by_role("option")).to_have_count(1)


async def test_a_thousand_objects_stay_usable(visitor: Visitor) -> None:
    async with open_lab() as lab:
        assert lab.gateway is not None
        objects = lab.gateway.core.tables.objects
        for number in range(1000):
            row = OBJECT | {"object_number": number, "number": f"7{number:06d}"}
            objects[number] = ControlledObject(**row)
        page = await visitor.open(f"{lab.web_url}/pages/objects")
        await expect(page.get_by_role("row")).to_have_count(ROWS + 1)
        await expect(page.get_by_text(f"1 to {ROWS} of 1000")).to_be_visible()
        await page.get_by_role("link", name="Next").click()
        await expect(page.get_by_role("row").nth(1)).to_contain_text(f"{ROWS}")
        await page.get_by_role("searchbox").fill("7000999")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("row")).to_have_count(2)
        await expect(page.get_by_role("row").nth(1)).to_contain_text("999")
        assert await visitor.axe() == []
        await visitor.leave()


async def test_the_first_page_is_pictured(scene: Scene, visitor: Visitor) -> None:
    page = await visitor.open(scene.lab.web_url)
    await expect(page.get_by_role("group", name="State of the boxes")).to_contain_text("KPD2: connected")
    await expect(page.get_by_role("main")).to_contain_text("Console channels")
    await visitor.picture("overview")
