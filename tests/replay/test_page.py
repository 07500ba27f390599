"""The page of a replay: verdicts, ladders, steps; whole without a network, and without passwords."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sorm_mediator.console.errors import ConnectError, ScriptError
from sorm_mediator.replay.page import page
from sorm_mediator.replay.results import ScriptResult
from sorm_mediator.replay.session import ReplaySettings, run_scripts

PASSES = """
name: a call <of> 28331
lab: labs/minimal.toml
variables: {number: "28331"}
steps:
  - send: start
  - send: {add-object: {object_number: 258, object_type: own-subscriber, number_sign: own, number: "${number}",
                        category: statistical, priority: normal}}
  - alarm: {type: 2, code: 7}
    expect: [alarm]
  - call: {domain: test.domain, a: "28331", b: "28332", ring: 0, talk: 0.05}
  - events: [number-received, answer, release]
"""
FAILS = """
name: refused
lab: labs/minimal.toml
steps:
  - {send: start, console: second}
  - {send: {set-password: {new_password: "654321"}}, console: second}
  - send: {remove-object: {object_number: 7, object_type: own-subscriber, number_sign: own, number: "28331"}}
    console: second
"""


class Drawn(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def arrows(self, style: str) -> list[bool]:
        """For each arrow of a style, from top to bottom, whether it points to the right."""
        row, found = "", []
        for tag, one in self.elements:
            row = one["class"] if tag == "g" else row
            if tag == "line" and row == f"arrow {style}":
                found.append(int(one["x1"]) < int(one["x2"]))
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of two scenarios, one of which fails."""
    folder = tmp_path_factory.mktemp("page")
    for name, text in (("passes", PASSES), ("fails", FAILS)):
        (folder / f"{name}.yaml").write_text(text)
    report = folder / "out.html"
    scripts = (folder / "passes.yaml", folder / "fails.yaml")
    assert run_scripts(ReplaySettings(scripts=scripts, report=report), lambda text: None) == 1
    return report.read_text(encoding="utf-8")


def test_a_ladder_has_an_arrow_for_each_unit_and_each_report_of_a_call(made: str) -> None:
    drawn = Drawn(made.partition('id="s2"')[0])
    # start, 22h, 27h, 28h; the same for command 5; 21h
    assert drawn.arrows("kpd1") == [True, False, False, False, True, False, False, False]
    assert drawn.arrows("kpd2") == [False, False, False]
    reports = drawn.arrows("report")
    assert reports
    assert not any(reports)
    for text in ("console", "mediator", "switch", "call 28331 -> 28332", "call report start"):
        assert text in drawn.texts
    assert "alarm 2 -> 7" in drawn.texts


def test_verdicts_steps_and_variables_are_shown(made: str) -> None:
    texts = Drawn(made).texts
    assert "1 of 2 scripts passed" in texts
    assert [texts.count(word) for word in ("5/5", "2/3")] == [1, 1]
    assert "number = '28331'" in texts
    assert "a call &lt;of&gt; 28331" in made


def test_a_failed_step_is_open_and_shows_octets_and_meaning(made: str) -> None:
    failed = made.partition('id="s2"')[2]
    assert failed.count("<details open>") == 1
    assert re.search(r"status: expected 0 \(00h: \w+\), came \d+ \(..h: ", failed)
    assert "second -&gt; KPD1  CC 01 06 " in failed
    assert "console second" in Drawn(failed).texts
    assert Drawn(failed).arrows("bad")


def test_the_page_needs_no_network_and_has_no_password(made: str) -> None:
    links = [one.get("href", one.get("src", "")) for _, one in Drawn(made).elements]
    assert all(link.startswith("#") for link in links if link)
    assert "http" not in made.replace("http-equiv", "")
    assert "<script" not in made
    for secret in ("31 32 33 34 35 36", "36 35 34 33 32 31", "654321", "123456"):
        assert secret not in made
    assert "@media screen and (prefers-color-scheme: dark)" in made


def test_in_russian() -> None:
    broken = ScriptResult("x", Path("x.yaml"), error=ConnectError("127.0.0.1:1: KPD2 can't be reached"))
    made = page([broken], "ru")
    assert '<html lang="ru">' in made
    assert "Прогон сценариев: выполнено сценариев: 0 из 1" in made
    assert "127.0.0.1:1: KPD2 can&#39;t be reached" in made


def test_several_mistakes_of_a_file_stand_in_lines_of_their_own() -> None:
    error = ScriptError("a.yaml:3: <first>\na.yaml:5: second")
    made = page([ScriptResult("a", Path("a.yaml"), error=error)])
    assert "a.yaml:3: &lt;first&gt;<br>a.yaml:5: second</td>" in made
