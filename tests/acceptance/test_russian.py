"""A whole Russian report: of English it has names only."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.messages import MESSAGES
from protocol.texts import VALUES
from sorm_mediator.acceptance.compare import CODES
from sorm_mediator.acceptance.html import page
from sorm_mediator.acceptance.report import AcceptanceRun, table
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.routing.route import NUMBER_INDICATORS

WORD = re.compile(r"(?<![0-9A-Z])[A-Za-z][\w./@-]*\w")
KEY = re.compile(r"(acceptance|switch|mediator)\.[\w.]+")
"""Keys of a lab file."""
WORDS_OF_RULES = re.compile(r"<(calling|called)>|<actions>|\b(sorm_)?(digits|ni)=\"[^\"]*\"")
"""What a correction has to be written with, as contexts have it."""
WITH_MEANING = re.compile(rf"\b({'|'.join(sorted(VALUES, key=len, reverse=True))}) (?=\([А-я])")
"""A coded value with its meaning beside it."""
PROGRAM = {"prefix_8_to_cdpn", "sorm-mediator", "UTC", "on", "here", "lab.toml", "HTTP"}


@pytest.fixture
async def run(make: Any, carry_out: Callable[..., Any]) -> AcceptanceRun:
    """Checks that pass, that fail in many ways, and that do not apply."""
    config = make(
        "minimal.toml",
        formats={
            "own": {"prefix": "", "digits": 5},
            "local": {"prefix": "8"},
            "intercity": {"number_sign": "foreign", "prefix": "8"},
            "emergency": {"dial": "999"},
        },
        mediator={"adaptation": {"prefix_8_to_cdpn": True}},
        domain={"b_digits_mode": "route"},
    )
    outcomes = await carry_out(
        config,
        ("own", "outgoing", ""),
        ("own", "outgoing", "smg_trunk"),
        ("local", "outgoing", "smg_trunk"),
        ("local", "incoming", "city_trunk"),
        ("intercity", "incoming", "smg_trunk"),
        ("emergency", "outgoing", "city_trunk"),
        ("emergency", "incoming", "city_trunk"),
    )
    return AcceptanceRun(lab="lab.toml", against="here", time=0.0, config=config, outcomes=outcomes)


def names(run: AcceptanceRun) -> Iterator[str]:
    """Names that people gave: domains, trunks, contexts, rules, files and values of keys."""
    assert run.config.switch is not None
    for domain in Node(run.config.switch, run.config.directory).domains.values():
        yield domain.name
        yield from domain.trunks
        for context in domain.contexts.values():
            yield context.name
            yield from (rule.name for rule in context.rules)
            yield f"routing/{Path(context.source).name}"


def plain(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def english(text: str, allowed: set[str]) -> list[str]:
    plain = WITH_MEANING.sub(" ", WORDS_OF_RULES.sub(" ", KEY.sub(" ", text)))
    return [
        word for word in WORD.findall(plain) if word not in allowed and word.rpartition(":")[0] not in allowed
    ]


def test_a_russian_report_has_no_english_but_names(run: AcceptanceRun) -> None:
    assert {str(one.verdict) for one in run.outcomes} == {"PASS", "FAIL", "n/a"}
    allowed = {*PROGRAM, *names(run)}
    text = re.sub(r"(?s)<style.*?</style>|<pre.*?</pre>|<code>.*?</code>", " ", page(run, "ru"))
    # The lines of decoded units name values and units as JSON and scenarios do.
    unit = re.compile(r'(?s)<div class="decoded">(.*?)</div></div>')
    decoded = plain(" ".join(unit.findall(text)))
    assert "тип объекта" in decoded
    assert english(decoded, {*allowed, *VALUES, *(one.message_name for one in MESSAGES)}) == []
    assert english(plain(unit.sub(" ", text)), {*allowed, *CODES, *NUMBER_INDICATORS}) == []


def test_so_has_the_table_on_the_terminal(run: AcceptanceRun) -> None:
    allowed = {*PROGRAM, *names(run), *NUMBER_INDICATORS}
    text = "\n".join(table(run, "ru"))
    assert "->" in text
    assert english(text, allowed) == []


async def test_a_domain_without_context_is_said_to_have_none(
    make: Any, carry_out: Callable[..., Any]
) -> None:
    config = make(
        "minimal.toml",
        domain={
            "contexts": [],
            "default_context": "",
            "trunks": [],
            "subscribers": [{"number": "80000000001"}, {"number": "80000000002"}],
        },
        mediator={"adaptation": {"toll_8_to_7": True}},
    )
    outgoing, _ = await carry_out(config)
    assert outgoing.remedies[0] == (
        "called number 80000000002 (private): test.domain has no routing context, so no rule makes its numbers: "
        "give it one (switch.domains.contexts)"
    )
