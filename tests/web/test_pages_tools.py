"""Numbers, reports, journal, licence, and listening to a KSL line, in the browser."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from protocol import CommandExecuted, CommandReceived, Start
from sorm_mediator.config import load
from sorm_mediator.journal.book import JournalReader
from sorm_mediator.lab.lab import Lab, changed, on_free_ports
from sorm_mediator.replay.fitting import missing
from sorm_mediator.switch.licence import make_licence
from tests.lab.e1_bench import console_of, e1_lab, under_separate_control
from tests.mediator.gateway_harness import Console
from tests.web.browser import LABS, Visitor, open_lab

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    journal = tmp_path_factory.mktemp("lab") / "journal.db"
    async with open_lab(tables={"mediator": {"state": ":memory:", "journal": str(journal)}}) as lab:
        yield lab


# --- numbers


async def test_a_trace_shows_every_rule_and_what_the_console_is_sent(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{lab.web_url}/pages/numbers")
    await page.get_by_label("cgpn.digits").fill("28331")
    await page.get_by_label("cdpn.digits").fill("89001758964")
    await page.keyboard.press("Enter")
    path = page.get_by_role("table", name="The path in test.domain")
    await expect(path.get_by_role("row", name="to_8 28331")).to_contain_text("taken")
    await expect(path.get_by_role("row", name="inside")).to_contain_text("does not match 28???")
    sent = page.get_by_role("table", name="The console is sent (order 268)")
    await expect(sent).to_contain_text("04 0B 98 00 71 85 69 F4 FF FF FF")
    await expect(page.locator("pre")).to_contain_text("Routing result: external")
    assert await visitor.axe() == []


async def test_a_trace_that_can_not_be_asked_says_why(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{lab.web_url}/pages/numbers?cgpn.digits=28331&cdpn.digits=seven")
    await expect(page.get_by_role("alert").first).to_contain_text("cdpn.digits: 'seven' is not a number")
    await page.goto(f"{lab.web_url}/pages/numbers?cgpn.digits=28331&cdpn.digits=5555555")
    await expect(page.get_by_role("region", name="Result")).to_contain_text("failed")


# --- reports


async def test_a_scenario_is_run_watched_read_and_removed(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{lab.web_url}/pages/reports")
    await page.locator("select[name=script]").select_option("shipped/main-job.yaml")
    await page.get_by_role("form", name="Replay").get_by_role("button", name="Start").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Run 1")
    await page.get_by_role("link", name="All runs").click()
    row = page.get_by_role("row", name="shipped/main-job.yaml")
    await expect(row).to_contain_text("passed", timeout=60_000)
    await visitor.picture("reports")
    await row.get_by_role("link", name="1", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Run 1")
    await expect(page.get_by_label("Output")).to_contain_text("add-object")
    assert await visitor.axe() == []
    await page.get_by_role("link", name="junit.xml").click()
    await page.wait_for_url("**/files/junit.xml")
    await page.go_back()
    await page.get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("status")).to_contain_text("Run 1 was removed.")
    await page.goto(f"{lab.web_url}/pages/reports")
    await expect(page.get_by_text("Nothing has been run yet.")).to_be_visible()


async def test_a_report_opens_in_the_browser_and_a_run_is_cancelled(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{lab.web_url}/pages/reports")
    form = page.get_by_role("form", name="Conformance")
    await form.get_by_label("Clauses").fill("7.3")
    await form.get_by_role("button", name="Start").click()
    await page.get_by_role("link", name="report.html").click(timeout=90_000)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await page.evaluate("getComputedStyle(document.body).fontFamily") != "", "its own style"

    await page.goto(f"{lab.web_url}/pages/reports")
    await form.get_by_role("button", name="Start").click()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("status")).to_contain_text("was cancelled.", timeout=60_000)


async def test_technical_means_that_are_started_are_stopped_for_a_run(lab: Lab, visitor: Visitor) -> None:
    console = await Console.connect(lab.endpoints["kpd1"])
    console.send(Start())
    await console.until(CommandExecuted, status=0)
    console.close()
    page = await visitor.open(f"{lab.web_url}/pages/reports")
    await expect(page.get_by_text("The technical means are started already")).to_be_visible()
    assert await visitor.axe() == []
    await page.get_by_role("form", name="Replay").get_by_role("button", name="Start").click()
    await expect(page.locator("main .chip", has_text="failed")).to_be_visible(timeout=60_000)
    refused = page.url
    await page.get_by_role("button", name="Stop the technical means").click()
    await page.wait_for_url(lambda address: address != refused)
    await expect(page.get_by_role("group", name="State of the boxes")).to_contain_text(
        "Technical means: stopped"
    )
    await page.goto(refused)
    await expect(page.get_by_text("They are stopped now")).to_be_visible()
    await page.goto(f"{lab.web_url}/pages/reports")
    await expect(page.get_by_role("row", name="Stop of the technical means")).to_contain_text("passed")
    await page.get_by_role("form", name="Replay").get_by_role("button", name="Start").click()
    await expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    await expect(page.locator("main .chip", has_text="passed")).to_be_visible(timeout=60_000)
    await expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    await page.get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("status")).to_contain_text("was removed.")


async def test_scripts_that_can_not_hold_here_are_marked_and_not_startable(
    visitor: Visitor, tmp_path: Path
) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "own.yaml").write_text("name: ours\nsteps: [{send: get-version}]\n")
    file = folder / "lab.toml"
    text = (LABS / "laptop.toml").read_text(encoding="utf-8").replace('"routing/', f'"{LABS}/routing/')
    file.write_text(text, encoding="utf-8")
    memory = {"mediator": {"state": ":memory:", "journal": ""}, "switch": {"host_key_file": ""}}
    async with Lab(changed(on_free_ports(load(file)), memory), missing=missing) as lab:
        page = await visitor.open(f"{lab.web_url}/pages/reports")
        options = page.locator("select[name=script]").locator("optgroup:not([disabled]) option")
        names = await options.all_inner_texts()
        assert names[:2] == ["lab/own.yaml", "shipped/main-job.yaml"]
        assert "shipped/order70.yaml" not in names
        assert await page.locator("option", has_text="shipped/order70.yaml").is_disabled()
        await page.get_by_text(re.compile("scripts don't fit this lab: why")).click()
        await expect(page.get_by_role("row", name="shipped/order70.yaml ")).to_contain_text(
            'mediator.order = "70", here "268"'
        )
        assert await visitor.axe() == []
        await page.evaluate("document.querySelectorAll('option').forEach((one) => { one.disabled = false; })")
        await page.evaluate(
            "document.querySelectorAll('optgroup').forEach((one) => { one.disabled = false; })"
        )
        await page.locator("select[name=script]").select_option("shipped/order70.yaml")
        await page.get_by_role("form", name="Replay").get_by_role("button", name="Start").click()
        await expect(page.get_by_role("alert").first).to_contain_text("does not fit this lab")
        visitor.faults.clear()
        await visitor.leave()


async def test_a_lab_without_speech_names_one_with_it(lab: Lab, visitor: Visitor) -> None:
    for path in ("ksl", "streams"):
        page = await visitor.open(f"{lab.web_url}/pages/{path}")
        named = page.get_by_role("main").get_by_text(re.compile("captures/labs/tcp_voice.toml")).first
        await expect(named).to_be_visible()
        command = page.get_by_role("main").locator("code", has_text="sorm-mediator lab").first
        await expect(command).to_have_text(f"sorm-mediator lab -c {LABS}/tcp_voice.toml --auto-ports")
    assert (LABS / "tcp_voice.toml").is_file()


async def test_clauses_that_are_none_are_refused_in_place(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{lab.web_url}/pages/reports")
    form = page.get_by_role("form", name="Conformance")
    await form.get_by_label("Clauses").fill("all; rm")
    await form.get_by_role("button", name="Start").click()
    await expect(page.get_by_role("alert").first).to_contain_text("clauses")
    visitor.faults.clear()


# --- the journal


async def test_the_journal_by_page_and_kind_checked_and_exported(lab: Lab, visitor: Visitor) -> None:
    assert lab.gateway is not None
    for number in range(60):
        lab.gateway.note("note-of-a-test", number=number)
    page = await visitor.open(f"{lab.web_url}/pages/journal")
    await page.get_by_label("Kinds").select_option("note-of-a-test")
    await page.get_by_role("button", name="Show").click()
    table = page.get_by_role("table", name="Entries, the newest first")
    await expect(table.get_by_role("row")).to_have_count(51)
    await expect(table.get_by_role("row").nth(1)).to_contain_text("number 59")
    assert await visitor.axe() == []
    await page.get_by_role("link", name="Older").click()
    await expect(table.get_by_role("row")).to_have_count(11)
    await page.get_by_role("link", name="Newest").click()

    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export as JSON Lines").click()
    text = await asyncio.to_thread(Path(await (await download.value).path()).read_text, encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]
    assert [one["fields"]["number"] for one in entries] == list(range(60))

    await page.get_by_role("button", name="Check the chain").click()
    await expect(page.get_by_role("status")).to_contain_text("The journal is intact")


async def test_a_journal_that_was_tampered_with_is_told(visitor: Visitor, tmp_path: Path) -> None:
    import sqlite3

    async with open_lab(tables={"mediator": {"state": ":memory:", "journal": str(tmp_path / "j.db")}}) as lab:
        assert lab.gateway is not None
        lab.gateway.note("note-of-a-test", number=1)
        with sqlite3.connect(tmp_path / "j.db") as file:
            file.execute("DROP TRIGGER entries_no_update")
            file.execute("UPDATE entries SET body = replace(body, 'gateway-started', 'gateway-stopped')")
        file.close()
        page = await visitor.open(f"{lab.web_url}/pages/journal")
        await page.get_by_role("button", name="Check the chain").click()
        await expect(page.get_by_role("alert").first).to_contain_text("The journal is not intact")
        visitor.faults.clear()
        found = (await page.request.get(f"{lab.web_url}/api/v1/journal/verify")).json
        assert (await found())["intact"] is False
        reader = JournalReader(tmp_path / "j.db")
        assert "note-of-a-test" in reader.kinds()
        reader.close()
        await visitor.leave()


async def test_entries_name_their_commands_and_break_no_word(lab: Lab, visitor: Visitor) -> None:
    console = await Console.connect(lab.endpoints["kpd1"])
    console.send(Start())
    await console.until(CommandReceived)
    console.close()
    page = await visitor.open(f"{lab.web_url}/pages/journal")
    row = page.get_by_role("row").filter(has_text="command 1 start").first
    await expect(row).to_be_visible()
    lines = await row.evaluate(
        """row => [row.cells[1].firstChild, row.cells[2].firstChild].map((node) => {
            const range = document.createRange();
            range.selectNodeContents(node);
            return range.getClientRects().length;
        })"""
    )
    assert lines == [1, 1]


# --- the licence


async def test_the_licence_and_what_is_in_use(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{lab.web_url}/pages/licence")
    row = page.get_by_role("row", name="Calls at a time")
    await expect(row).to_contain_text("2100")
    async with httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1", trust_env=False) as http:
        call = {"a": "28331", "b": "28332", "ring": 0, "talk": 600}
        placed = await http.post("/switch/domains/test.domain/calls", json=call)
        await expect(row.get_by_role("cell").first).not_to_have_text("0", timeout=20_000)
        await http.delete(f"/calls/{placed.json()['call']}")
    await expect(row.get_by_role("cell").first).to_have_text("0", timeout=20_000)


async def test_a_licence_is_added_and_deleted_by_the_licence_manager(lab: Lab, visitor: Visitor) -> None:
    key = make_licence(
        {"concurrent_calls": 7}, ssw_id="ECSS 000000", description="seven calls", expires=None, now=0.0
    )
    page = await visitor.open(f"{lab.web_url}/pages/licence")
    await page.get_by_role("heading", name="Add a licence").click()
    await page.get_by_label("Key of the licence").fill(key)
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#told")).to_contain_text("Licence 2 is added and active.")
    await expect(page.get_by_role("row", name="Calls at a time")).to_contain_text("7", timeout=20_000)

    await page.get_by_role("form", name="Delete licence 2").get_by_role("button").click()

    await expect(page.locator("#told")).to_contain_text("Licence 2 is deleted.")
    await expect(page.get_by_role("row", name="Calls at a time")).to_contain_text("2100", timeout=20_000)
    await page.get_by_label("Key of the licence").fill("LAB1-LICENCE-X")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#told")).to_contain_text("this is not a key of a licence")


async def test_the_smart_licence_on_the_page(lab: Lab, visitor: Visitor) -> None:
    page = await visitor.open(f"{lab.web_url}/pages/licence")
    await expect(page.get_by_role("heading", name="Smart licence")).to_have_count(0)
    async with open_lab("smart_licence.toml") as smart:
        page = await visitor.open(f"{smart.web_url}/pages/licence")
        section = page.get_by_role("region", name="Smart licence", exact=True)
        await expect(section.get_by_role("row", name="ICV CUSP-5 calls per second")).to_contain_text(
            "30216-186Insufficient Licenses"
        )
        await expect(section).to_contain_text("calls are taken")
        await expect(section.get_by_role("row", name="Entitlement Count Requested")).to_contain_text("10")
        async with httpx.AsyncClient(base_url=f"{smart.web_url}/api/v1", trust_env=False) as http:
            await http.post("/switch/smart-licence/deregister")
            await expect(section).to_contain_text("calls are refused", timeout=20_000)
        found = await visitor.axe()
        await visitor.leave()
        assert found == []


async def test_the_days_of_evaluation_count_down_on_the_page(visitor: Visitor) -> None:
    config = load(LABS / "smart_licence.toml")
    assert config.switch is not None
    smart = config.switch.smart_licence.model_copy(
        update={"evaluation_days": 90.0, "register_at_start": False}
    )
    async with open_lab("smart_licence.toml", tables={"switch": {"smart_licence": smart}}) as lab:
        page = await visitor.open(f"{lab.web_url}/pages/licence")
        left = page.locator("#evaluation-left")
        await expect(left).to_have_text(re.compile(r"^89 d 23:59:\d\d$"))
        before = await left.text_content()
        await expect(left).not_to_have_text(before or "", timeout=20_000)
        await visitor.leave()


# --- listening


async def test_a_line_is_listened_to_until_its_call_is_over(visitor: Visitor, tmp_path: Path) -> None:
    async with Lab(e1_lab(tmp_path)) as lab, console_of(lab) as console:
        await under_separate_control(console)
        page = await visitor.open(f"{lab.web_url}/pages/ksl")
        async with httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1", trust_env=False) as http:
            call = {"a": "28331", "b": "28332", "ring": 0, "talk": 600}
            placed = await http.post("/switch/domains/test.domain/calls", json=call)
            await expect(page.get_by_role("button", name="Listen to KSL 0/4")).to_be_visible(timeout=20_000)
            button = page.get_by_role("button", name="Listen to KSL 0/3")
            await button.click()
            button = page.get_by_role("button", name="Stop listening to KSL 0/3")
            await expect(button).to_have_attribute("aria-pressed", "true")
            await expect(page.locator("li.heard")).to_have_count(1)
            await expect(page.locator("#listened")).to_have_text("Listening to KSL 0/3")
            await expect(page.locator("#heard")).to_have_text(re.compile(r"^[1-9]\d*\.\d s$"))
            assert await visitor.axe() == []
            await visitor.picture("ksl-listening")
            await http.delete(f"/calls/{placed.json()['call']}")
        await expect(page.locator("li.heard")).to_have_count(0)
        await expect(page.locator("#listened")).to_have_text("The line carries no call any more.")
        await visitor.leave()


async def test_a_line_is_heard_with_the_commands_that_the_page_names(
    visitor: Visitor, tmp_path: Path
) -> None:
    async def typed(command: str, text: str = "") -> asyncio.subprocess.Process:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        process = await asyncio.create_subprocess_shell(
            command, stdin=asyncio.subprocess.PIPE, cwd=tmp_path, env=os.environ | {"PATH": path}
        )
        assert process.stdin is not None
        process.stdin.write(text.encode())
        return process

    async with open_lab("tcp_voice.toml") as lab:
        page = await visitor.open(f"{lab.web_url}/pages/ksl")
        await expect(page.get_by_text("Link to the switch: up")).to_be_visible()
        main = page.get_by_role("main")
        send = await main.locator("code", has_text="sorm-mediator send").inner_text()
        console = await main.locator("p:not(.told p) code", has_text="sorm-mediator console").inner_text()
        lines = await page.get_by_label("Commands to hear a line").inner_text()
        assert await visitor.axe() == []
        to_here = send.partition(" add-ksl")[0]
        for command in (f"{to_here} start", send, f"{to_here} stop"):
            assert await (await typed(command)).wait() == 0, command
        kept_open = await typed(console, f"{lines}\n")
        assert kept_open.stdin is not None
        button = page.get_by_role("button", name="Listen to KSL 0/1")
        await button.click()
        await expect(page.locator("#listened")).to_have_text("Listening to KSL 0/1")
        await expect(page.locator("#heard")).to_have_text(re.compile(r"^[1-9]\d*\.\d s$"))
        await page.get_by_role("button", name="Stop listening to KSL 0/1").click()
        kept_open.stdin.close()
        assert await kept_open.wait() == 0
        await visitor.leave()
