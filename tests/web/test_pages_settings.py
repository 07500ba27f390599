"""The settings page: forms of every tab, mistakes beside the fields, what needs a restart, saving."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from sorm_mediator.config import load
from sorm_mediator.config.settings import settings
from sorm_mediator.lab.lab import Lab, on_free_ports
from sorm_mediator.web.pages.settings import GROUPS, as_text, as_value, group_of
from tests.web.browser import LABS, Visitor

if TYPE_CHECKING:
    from playwright.async_api import Page

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = """\
[mediator]
state = ":memory:"
journal = "journal.db"            # beside this file

[ssh]
port = 0

[[e1]]

[[switch.domains]]
name = "test.domain"
password = "123"
subscribers = [{ number = "28331" }]
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    file = tmp_path_factory.mktemp("lab") / "lab.toml"
    file.write_text(FILE)
    async with Lab(on_free_ports(load(file))) as lab:
        yield lab


def file_of(lab: Lab) -> Path:
    assert lab.config.file is not None
    return lab.config.file


async def tab(lab: Lab, visitor: Visitor, group: str) -> Page:
    return await visitor.open(f"{lab.web_url}/pages/settings?group={group}")


@pytest.mark.parametrize("group", GROUPS)
async def test_nothing_serious_in_any_tab(lab: Lab, visitor: Visitor, group: str) -> None:
    page = await tab(lab, visitor, group)
    await expect(page.get_by_role("button", name="Apply", exact=True)).to_be_visible()
    assert await visitor.axe() == []


async def test_a_setting_is_applied_and_then_saved(lab: Lab, visitor: Visitor) -> None:
    page = await tab(lab, visitor, "options")
    await page.get_by_label("late_ksl", exact=True).select_option("on")
    await page.get_by_label("call_expiry", exact=True).fill("3600")
    await page.get_by_role("button", name="Apply", exact=True).click()
    told = page.get_by_role("status")
    await expect(told).to_contain_text("Holds now: mediator.options.late_ksl, mediator.options.call_expiry.")
    await expect(page.get_by_text("changed, not saved")).to_have_count(2)
    assert lab.config.mediator.options.late_ksl == "on"
    assert file_of(lab).read_text() == FILE

    await page.get_by_role("button", name="Apply and save").click()
    await expect(told).to_contain_text(f"Saved to {file_of(lab)}.")
    await expect(page.get_by_text("changed, not saved")).to_have_count(0)
    assert "# beside this file" in file_of(lab).read_text()
    assert load(file_of(lab)).mediator.options.call_expiry == 3600


async def test_mistakes_stand_beside_their_fields_and_what_was_typed_stays(
    lab: Lab, visitor: Visitor
) -> None:
    page = await tab(lab, visitor, "ssh")
    keepalive, server = page.get_by_label("keepalive", exact=True), page.get_by_label("server", exact=True)
    await keepalive.fill("soon")
    await server.fill("no host")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Nothing was changed: 2 mistakes.")
    await expect(keepalive).to_have_attribute("aria-invalid", "true")
    await expect(keepalive).to_have_value("soon")
    await expect(page.locator(".setting", has=keepalive)).to_contain_text("'soon' is not allowed: a number")
    await expect(page.locator(".setting", has=server)).to_contain_text("is not a host")
    assert await visitor.axe() == []
    await visitor.picture("settings-mistakes")

    await keepalive.fill("4")
    await server.fill("127.0.0.1")
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Holds now: ssh.keepalive.")
    await expect(page.locator("[aria-invalid]")).to_have_count(0)


async def test_what_needs_a_restart_says_so_before_and_after(lab: Lab, visitor: Visitor) -> None:
    page = await tab(lab, visitor, "sorm")
    place = page.locator(".setting", has=page.get_by_label("kpd1_port", exact=True))
    await expect(place).to_contain_text("needs a restart")
    running = await page.get_by_label("kpd1_port", exact=True).input_value()
    await page.get_by_label("kpd1_port", exact=True).fill("10007")
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Needs a restart: console.kpd1_port.")
    port = page.get_by_label("kpd1_port", exact=True)
    await expect(port).to_have_value("10007")
    await expect(place).to_contain_text(f"after a restart; now: {running}")


@pytest.mark.parametrize(
    ("group", "key", "other"),
    [("sorm", "console.kpd2_port", "10011"), ("options", "mediator.options.requirements_version", "7")],
)
async def test_a_value_that_waits_is_set_back_by_typing_the_running_one(
    lab: Lab, visitor: Visitor, group: str, key: str, other: str
) -> None:
    def saved() -> str:
        return as_text(next(one.value for one in settings(load(file_of(lab))) if one.key == key))

    name = key.rpartition(".")[2]
    page = await tab(lab, visitor, group)
    field, told = page.get_by_label(name, exact=True), page.get_by_role("status")
    running = await field.input_value()
    await field.fill(other)
    await page.get_by_role("button", name="Apply and save").click()
    await expect(told).to_contain_text(f"Needs a restart: {key}.")
    assert saved() == other
    page = await tab(lab, visitor, group)
    await expect(field).to_have_value(other)
    await field.fill(running)
    await page.get_by_role("button", name="Apply and save").click()
    await expect(told).to_contain_text(f"Holds now: {key}. Saved to")
    assert saved() == running
    await expect(field).to_have_value(running)
    await expect(page.locator(".setting", has=field)).not_to_contain_text("after a restart")


async def test_a_secret_is_never_in_the_page(lab: Lab, visitor: Visitor) -> None:
    page = await tab(lab, visitor, "radius")
    await page.get_by_label("clients", exact=True).fill("10.0.0.1 = seldom")
    await page.get_by_role("button", name="Apply and save").click()
    await expect(page.get_by_role("status")).to_contain_text("Holds now: radius.clients.")
    assert "seldom" not in await page.content()
    await page.get_by_label("clients", exact=True).press("End")
    await page.get_by_label("clients", exact=True).fill("10.0.0.1 = ******\n10.0.0.2 = second")
    await page.get_by_role("button", name="Apply and save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved to")
    clients = load(file_of(lab)).radius.clients
    assert {key: one.get_secret_value() for key, one in clients.items()} == {
        "10.0.0.1": "seldom",
        "10.0.0.2": "second",
    }


async def test_a_file_that_is_ahead_of_the_lab_is_told_until_the_value_is_back(
    lab: Lab, visitor: Visitor
) -> None:
    page = await tab(lab, visitor, "sorm")
    told = page.get_by_role("note").filter(has_text="mediator.orm_number")
    was = await page.get_by_label("orm_number", exact=True).input_value()
    await page.get_by_label("orm_number", exact=True).fill("7")
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Needs a restart: mediator.orm_number.")
    await expect(told).to_have_count(0)  # the file has the old value still
    await page.get_by_role("button", name="Apply and save").click()
    await expect(told).to_contain_text(f"-c {file_of(lab)} use the new value already")
    assert await visitor.axe() == []
    await tab(lab, visitor, "web")
    await expect(told).to_be_visible()
    async with httpx.AsyncClient(base_url=lab.web_url, trust_env=False) as http:
        change = {"values": {"mediator.orm_number": int(was)}, "save": True}
        assert (await http.put("/api/v1/settings", json=change)).status_code == 200
    await tab(lab, visitor, "sorm")
    await expect(told).to_have_count(0)


async def test_a_change_that_was_undone_is_marked_no_more(lab: Lab, visitor: Visitor) -> None:
    page = await tab(lab, visitor, "sorm")
    field, told = page.get_by_label("orm_number", exact=True), page.get_by_role("status")
    marked = page.get_by_text(re.compile("Not saved:.*mediator.orm_number"))
    was = await field.input_value()
    other = str(int(was) + 1)
    await field.fill(other)
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(told).to_contain_text("Needs a restart: mediator.orm_number.")
    await tab(lab, visitor, "sorm")
    await expect(marked).to_be_visible()
    await field.fill(was)
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(told).to_contain_text("Holds now: mediator.orm_number.")
    await tab(lab, visitor, "sorm")
    await expect(field).to_have_value(was)
    await expect(marked).to_have_count(0)
    await expect(page.locator(".setting", has=field)).not_to_contain_text("not saved")


async def test_the_form_works_without_scripts_and_in_russian(lab: Lab, visitor: Visitor) -> None:
    browser = visitor.context.browser
    assert browser is not None
    async with Visitor.arrive(browser, java_script_enabled=False, locale="ru-RU") as plain:
        page = await tab(lab, plain, "ssh")
        await page.get_by_label("retry_min", exact=True).fill("-1")
        await page.get_by_role("button", name="Применить", exact=True).click()
        await expect(page.get_by_text("Ничего не изменено: 1 ошибка.")).to_be_visible()
        await expect(page.get_by_label("retry_min", exact=True)).to_have_value("-1")
        await expect(page.locator(".mistake")).to_contain_text("недопустимо, нужно: больше 0")
        await page.get_by_label("retry_min", exact=True).fill("0.7")
        await page.get_by_role("button", name="Применить", exact=True).click()
        await expect(page.get_by_text("Действует: ssh.retry_min.")).to_be_visible()
    assert lab.config.ssh.retry_min == 0.7


async def test_the_configuration_of_the_switch_is_saved(lab: Lab, visitor: Visitor) -> None:
    assert lab.switch is not None
    page = await tab(lab, visitor, "sorm")
    await page.get_by_role("button", name="Save the configuration of the switch").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved to")
    assert load(file_of(lab)).switch is not None


@pytest.mark.parametrize("lab_file", sorted(LABS.glob("*.toml")), ids=lambda path: path.stem)
async def test_each_value_comes_back_from_its_field_as_it_was(lab_file: Path) -> None:
    for one in settings(load(lab_file)):
        assert group_of(one.key) in GROUPS
        if "$ref" not in str(one.form):
            assert as_value(one.form, as_text(one.value)) == one.value, one.key


@pytest.mark.parametrize(
    "was", ["", "[", "[" * 20_000, '["ssh.keepalive"]', "null", "1", '{"ssh.keepalive": []}']
)
async def test_a_form_of_somebody_else_is_out_of_date_and_no_error_of_ours(lab: Lab, was: str) -> None:
    async with httpx.AsyncClient(base_url=lab.web_url, trust_env=False, timeout=60) as http:
        page = await http.get("/pages/settings?group=ssh")
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert token is not None
        answer = await http.post(
            "/pages/settings?group=ssh", data={"csrf": token[1], "was": was, "ssh.keepalive": "5.0"}
        )
    assert answer.status_code == (200 if was.startswith("{") else 422), answer.text
