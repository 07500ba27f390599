"""One question to many domains: the answer is that of a slow, obvious reference, in whatever order they answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.state_tables import arrows
from ssh_control.codes import NOT_EXECUTED
from ssh_control.dialect import Reply, Request
from ssh_control.multisorm.domains import DOMAIN_TABLE
from ssh_control.multisorm.fanout import FANOUT_TABLE, SPECIFICITY, FanOut, FanOutState

DOCS = Path(__file__).parents[3] / "docs"
ADD = Request("add", {})
TRUNKS = Request("trunks", {"trunk": None})
SYNC = Request("sync", {})
HERE = Reply(True, {"line_state": 0})


def no(code: int, text: str = "no") -> Reply:
    return Reply.refusal(code, text)


def play(request: Request, *answers: tuple[str, Reply], domains: str = "abc") -> list[Reply | None]:
    fan_out = FanOut(request, domains)
    return [fan_out.answered(domain, reply) for domain, reply in answers]


def test_the_first_yes_is_passed_on_at_once_and_no_other() -> None:
    assert play(ADD, ("b", HERE), ("a", HERE), ("c", no(0x54))) == [HERE, None, None]


def test_a_yes_after_a_no() -> None:
    assert play(ADD, ("a", no(0x54)), ("c", no(0x36)), ("b", HERE)) == [None, None, HERE]


def test_all_say_no() -> None:
    *others, last = play(ADD, ("a", no(0x54, "none of a")), ("c", no(0x54, "none of c")), ("b", no(0x54)))

    assert others == [None, None]
    assert last == Reply(False, {}, 0x54, "none of a (refused by 2 more)")


@pytest.mark.parametrize(
    ("codes", "most"),
    [
        ((0x54, 0x54, 0x36), 0x36),  # the domain that has the number knows that it is on control
        ((0x33, 0x54, 0x54), 0x33),
        ((0x54, 0x56, 0x57), 0x56),
        ((0x57, 0x54, 0x57), 0x57),
        ((0x34, 0x34, 0x34), 0x34),
        ((0x54, NOT_EXECUTED, 0x54), NOT_EXECUTED),  # the silent one may have it
        ((NOT_EXECUTED, 0x36, 0x54), 0x36),
        ((NOT_EXECUTED, 0x14, NOT_EXECUTED), 0x14),
        ((NOT_EXECUTED, NOT_EXECUTED, NOT_EXECUTED), NOT_EXECUTED),
        ((0x25, 0x4A, 0x25), 0x4A),
        ((0x54, 0xEE, 0x54), 0xEE),  # a code that nobody knows is at least not "not here"
    ],
)
def test_the_most_specific_refusal(codes: tuple[int, int, int], most: int) -> None:
    reply = play(ADD, *((domain, no(code)) for domain, code in zip("abc", codes, strict=True)))[-1]

    assert reply is not None
    assert (reply.ok, reply.code) == (False, most)


def test_who_does_not_answer_is_named() -> None:
    fan_out = FanOut(ADD, ["local.voip"])

    assert fan_out.no_answer("local.voip") == Reply(False, {}, NOT_EXECUTED, "local.voip does not answer")


def test_lists_of_trunks_are_put_together() -> None:
    def trunks(*pairs: tuple[int, str]) -> Reply:
        return Reply(True, {"trunks": [{"trunk": number, "name": name} for number, name in pairs]})

    replies = play(
        TRUNKS, ("a", trunks((2, "x"), (7, "y"))), ("b", no(0x25)), ("c", trunks((2, "x"), (1, "z")))
    )

    assert replies == [None, None, trunks((1, "z"), (2, "x"), (7, "y"))]
    assert play(TRUNKS, *((domain, no(0x25)) for domain in "abc"))[-1] == no(0x25, "no (refused by 2 more)")


def test_an_object_is_refused_only_if_every_domain_refuses_it() -> None:
    def synced(states: dict[str, int], **refused: int) -> Reply:
        entries = [{"object_number": int(key[1:]), "code": code} for key, code in refused.items()]
        return Reply(True, {"line_states": states, "refused": entries})

    reply = play(
        SYNC,
        ("a", synced({"1": 0, "4": 255}, n2=0x54, n3=0x54)),
        ("b", synced({"2": 1, "4": 255}, n1=0x54, n3=0x36)),
        ("c", synced({"4": 7}, n1=0x54, n2=0x54, n3=0x54)),
    )[-1]

    assert reply == synced({"1": 0, "2": 1, "4": 7}, n3=0x36)


def test_a_silent_domain_refuses_no_object() -> None:
    refused = Reply(True, {"line_states": {}, "refused": [{"object_number": 1, "code": 0x54}]})
    fan_out = FanOut(SYNC, "ab")
    fan_out.answered("a", refused)

    assert fan_out.no_answer("b") == Reply(True, {"line_states": {}, "refused": []})


def test_who_was_given_up_and_is_asked_again_decides() -> None:
    fan_out = FanOut(ADD, "ab")
    fan_out.no_answer("a")
    fan_out.ask_too("a")

    assert fan_out.answered("b", no(0x54)) is None
    assert fan_out.answered("a", HERE) == HERE


def reference(request: Request, answers: list[tuple[str, Reply]]) -> Reply | None:
    """Slow and obvious: what is to be answered after these, of three domains."""
    if request is ADD:
        for _, reply in answers:
            if reply.ok:
                return reply
    if len(answers) < 3:
        return None
    in_order = [dict(answers)[domain] for domain in "abc"]
    if request is TRUNKS and any(reply.ok for reply in in_order):
        numbers = {trunk["trunk"] for reply in in_order if reply.ok for trunk in reply.data["trunks"]}
        return Reply(True, {"trunks": [{"trunk": number, "name": "t"} for number in sorted(numbers)]})
    best = in_order[0]
    for reply in in_order[1:]:
        if SPECIFICITY.get(reply.code or 0, 2) > SPECIFICITY.get(best.code or 0, 2):
            best = reply
    return Reply(False, {}, best.code, "no (refused by 2 more)")


codes = st.sampled_from([*SPECIFICITY, 0x11, 0x14, 0xEE])
lists = st.sets(st.integers(1, 4)).map(
    lambda numbers: Reply(True, {"trunks": [{"trunk": number, "name": "t"} for number in sorted(numbers)]})
)


@given(st.sampled_from([ADD, TRUNKS]), st.permutations("abc"), st.data())
def test_in_any_order_it_is_the_reference(request_: Request, order: list[str], data: Any) -> None:
    fan_out, told, expected = FanOut(request_, "abc"), [], []
    answers: list[tuple[str, Reply]] = []
    for domain in order:
        reply = data.draw(st.one_of(lists, codes.map(no)))
        answers.append((domain, reply))
        told.append(fan_out.answered(domain, reply))
        said = reference(request_, answers)
        expected.append(None if any(expected) else said)

    assert told == expected
    assert fan_out.state is FanOutState.CLOSED


def test_the_states_shown_are_those_of_the_tables() -> None:
    page = (DOCS / "multisorm.md").read_text(encoding="utf-8")
    shown = re.findall(r"```text\n(.*?)\n```", page.partition("## States")[2], re.DOTALL)

    assert shown == [arrows(FANOUT_TABLE), arrows(DOMAIN_TABLE)]


def test_every_code_of_the_order_of_specificity_is_shown() -> None:
    page = (DOCS / "multisorm.md").read_text(encoding="utf-8")
    table = page.partition("## The most specific refusal")[2].partition("\n## ")[0]
    rows = {
        frozenset(int(code, 16) for code in re.findall(r"\b([0-9A-F]{2})h\b", row))
        for row in table.splitlines()
        if row.startswith("| ")
    }
    by_rank: dict[int, set[int]] = {}
    for code, rank in SPECIFICITY.items():
        by_rank.setdefault(rank, set()).add(code)

    assert {frozenset(codes) for codes in by_rank.values()} <= rows
