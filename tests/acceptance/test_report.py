"""The reports of one run, whose lab has a trunk and a domain with names that a page must not take as its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sorm_mediator.acceptance.html import page
from sorm_mediator.acceptance.report import AcceptanceRun, document, table, write_junit

NAME = "<b>&trunk"


@pytest.fixture
async def run(make: Any, carry_out: Callable[..., Any]) -> AcceptanceRun:
    """Two that pass, two that fail in different ways, one that does not apply."""
    trunks = [
        {"number": 1, "name": "smg_trunk", "context": "ctx_from_trunk"},
        {"number": 2, "name": "city_trunk", "context": "ctx_from_trunk"},
        {"number": 3, "name": NAME, "context": "ctx_from_trunk", "direction": "incoming"},
    ]
    config = make("minimal.toml", formats={"intercity": {"prefix": "7"}}, domain={"trunks": trunks})
    outcomes = await carry_out(
        config,
        ("own", "outgoing", "smg_trunk"),
        ("local", "incoming", NAME),
        ("intercity", "outgoing", "smg_trunk"),
        ("international", "outgoing", "smg_trunk"),
        ("emergency", "incoming", "city_trunk"),
    )
    return AcceptanceRun(
        lab="a <lab>.toml", against="here", time=1_700_000_000.0, config=config, outcomes=outcomes
    )


class Page(HTMLParser):
    """The tags of a page, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_json_has_the_keys_that_are_documented(run: AcceptanceRun) -> None:
    shown = json.loads(json.dumps(document(run)))
    assert set(shown) == {
        "report", "format", "lab", "against", "time", "time_utc", "version", "order", "orm_number", "user", "verdict",
        "counts", "formats", "checks",
    }  # fmt: skip
    assert (shown["verdict"], shown["order"], shown["lab"]) == ("FAIL", "268", "a <lab>.toml")
    assert shown["counts"] == {"pass": 2, "fail": 2, "not_applicable": 1}
    assert shown["formats"]["intercity"] == {
        "object_type": "network-full", "number_sign": "russia", "digits": 11, "prefix": "7",
    }  # fmt: skip
    for check in shown["checks"]:
        assert set(check) == {
            "kind", "direction", "operator", "domain", "verdict", "reason", "controlled", "call", "compared",
            "problems", "remedies", "units", "routing", "trace", "seconds",
        }  # fmt: skip


def test_json_holds_bytes_and_values_of_each_event(run: AcceptanceRun) -> None:
    local = next(one for one in document(run)["checks"] if one["kind"] == "local")
    assert (local["verdict"], local["operator"]) == ("PASS", NAME)
    assert local["controlled"]["number"] == "73832234567"
    event = next(unit for unit in local["units"] if unit["name"] == "answer")
    assert event["hex"].startswith("CC 01 42 ")
    assert event["fields"]["calling"] == {"sign": "russia", "number": "73832234567"}
    assert any("73832234567" in line for line in event["decoded"])
    row = next(row for row in local["compared"] if (row["code"], row["field"]) == ("42h", "calling.number"))
    assert (row["expected"], row["seen"], row["holds"]) == ("73832234567", "73832234567", True)


def test_a_failure_holds_the_trace_and_how_to_repeat_it(run: AcceptanceRun) -> None:
    failed = next(one for one in document(run)["checks"] if one["kind"] == "intercity")
    assert failed["call"]["trace"] == ["cgpn.digits=28331", "cdpn.digits=89001758964"]
    assert failed["trace"][0].startswith("Traceroute to 89001758964 from 28331")
    assert any("sorm_digits_b" in line for line in failed["trace"])
    assert failed["routing"][0]["path"][-1]["rule"] == "to_8"


def test_no_report_shows_the_password(run: AcceptanceRun) -> None:
    octets = "31 32 33 34 35 36"
    for text in (json.dumps(document(run)), page(run), "\n".join(table(run))):
        assert "123456" not in text.replace("4930123456", "")
        assert octets not in text
    assert "CC 01 05 13 ** ** ** ** ** **" in page(run)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_page_needs_nothing_from_elsewhere_and_takes_no_name_as_a_tag(
    run: AcceptanceRun, lang: Any
) -> None:
    text = page(run, lang)
    parsed = Page(text)
    assert "b" not in parsed.tags
    assert "script" not in parsed.tags
    assert all(target.startswith("#") for target in parsed.fetched)
    assert "url(" not in text
    assert "@import" not in text
    ids = set(re.findall(r'id="([^"]+)"', text))
    assert {target[1:] for target in parsed.fetched} <= ids
    assert NAME in "".join(parsed.text)


def test_the_report_has_a_page_for_each_kind_with_what_was_agreed_and_shown(run: AcceptanceRun) -> None:
    text = page(run)
    assert re.findall(r'<section class="kind" id="(\w+)">', text) == [
        "own", "local", "intercity", "international", "emergency",
    ]  # fmt: skip
    assert "section.kind { break-before: page; }" in text
    assert '<td class="wrong">89001758964</td>' in text
    assert '<td class="wrong">did not come</td>' in text
    assert "sorm-mediator trace -c a &lt;lab&gt;.toml --domain test.domain cgpn.digits=28331" in text


def test_the_page_in_russian(run: AcceptanceRun) -> None:
    text = page(run, "ru")
    for words in (
        "НЕ СООТВЕТСТВУЕТ",
        "междугородный",
        "спецслужбам звонят",
        "ни одно событие не пришло",
        "приказ",
    ):
        assert words in text


def test_junit_has_a_case_for_each_check(run: AcceptanceRun, tmp_path: Path) -> None:
    write_junit(tmp_path / "report.xml", run)
    root = ET.parse(tmp_path / "report.xml").getroot()  # noqa: S314 - our own file
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("5", "2", "1")
    assert [suite.get("name") for suite in root] == [
        "own",
        "local",
        "intercity",
        "international",
        "emergency",
    ]
    failure = root.find("testsuite[@name='intercity']/testcase/failure")
    assert failure is not None
    assert "no event came" in (failure.get("message") or "")
    assert "-> called number 89001758964" in (failure.text or "")
    skipped = root.find("testsuite[@name='emergency']/testcase/skipped")
    assert skipped is not None
    assert skipped.get("message") == "emergency services are called; they don't call"


def test_a_run_in_which_nothing_passed_has_not_passed(run: AcceptanceRun) -> None:
    nothing = [one for one in run.outcomes if one.check.skipped]
    empty = AcceptanceRun(lab="", against="", time=0.0, config=run.config, outcomes=nothing)
    assert document(empty)["verdict"] == "FAIL"


def test_the_table_ends_with_the_counts(run: AcceptanceRun) -> None:
    assert list(table(run))[-1] == "FAIL: 2 passed, 2 failed, 1 not applicable"
    assert list(table(run, "ru"))[-1].startswith("НЕ СООТВЕТСТВУЕТ: соответствует 2")


def test_the_table_tells_the_domain_of_each_check_where_there_are_several(run: AcceptanceRun) -> None:
    assert not any(line.startswith("Domain ") for line in table(run))
    first, *others = run.outcomes
    other = replace(first, check=replace(first.check, domain="b.domain"))
    lines = list(table(replace(run, outcomes=[first, other, *others])))

    heads = [place for place, line in enumerate(lines) if line.startswith("Domain ")]
    assert [lines[place] for place in heads] == [
        "Domain test.domain:",
        "Domain b.domain:",
        "Domain test.domain:",
    ]
    assert lines[heads[0] + 1] == lines[heads[1] + 1], "the rows alone are the same"
    assert max(len(line) for place in heads for line in lines[place : place + 2]) <= 80
    assert "Домен b.domain:" in table(replace(run, outcomes=[first, other]), "ru")
