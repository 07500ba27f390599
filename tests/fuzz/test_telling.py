"""The actions of a finding in words: what was done to which surface, decoded where it decodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol import AddObject, Category, Codec, NumberSign, ObjectType, Options, Priority
from radius.packet import report_attributes
from radius.report import CallReport, Match, Party
from radius.wire import accounting_request
from sorm_mediator.fuzz.finding import Finding, Kind, read, write
from sorm_mediator.fuzz.live.action import Action, Round
from sorm_mediator.fuzz.live.telling import told
from sorm_mediator.fuzz.report import MOST_TOLD, FuzzReport, table
from sorm_mediator.language import Lang, translate
from sorm_mediator.reports.people import Look

CALLED = Party(digits="28399", ni="private")
REPORT = CallReport(
    call_id="fuzz-1", domain="d", sequence=2, time=1_700_000_000.0, connection=0x1C,
    calling=Party(digits="28398", ni="private"), called=CALLED,
    matches=(Match(object_number=902, role="a", called=CALLED, time=1_700_000_000.0),),
)  # fmt: skip
ADDED = AddObject(
    902, ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, "28331", None, Category.STATISTICAL, None, Priority.NORMAL,
    password="654321",
)  # fmt: skip


def datagram(attributes: bytes) -> bytes:
    return accounting_request(7, attributes, b"secret", message_authenticator=True)


def action(surface: str, kind: str, octets: bytes = b"", **values: Any) -> Action:
    return Action(surface, kind, {**values, **({"hex": octets.hex()} if octets else {})})


def said(*actions: Action, lang: Lang = "en") -> list[str]:
    return [translate(line, lang) for line in told([Round(3, actions[0].surface, actions)], Options())]


def test_a_report_is_told_by_its_call() -> None:
    sent = action("radius", "report", datagram(report_attributes(REPORT)[0]), port="known")
    assert said(sent) == [
        "radius report port=known: report 2 (interim) of call fuzz-1: 28398 calls 28399, objects 902"
    ]
    assert said(sent, lang="ru") == [
        "radius report port=known: отчёт 2 (interim) о вызове fuzz-1: 28398 вызывает 28399, объекты 902"
    ]


def test_a_datagram_that_is_no_report_has_its_reason() -> None:
    short, spoilt = said(
        action("radius", "send", b"\x04\x01\x00", port="stranger", times=200),
        action("radius", "send", datagram(report_attributes(REPORT)[0][:90]), port="known"),
    )
    assert (
        short == "radius send port=stranger, 200 times: no report, 3 octets are less than a header; 04 01 00"
    )
    assert spoilt.startswith("radius send port=known: no report, ")


def test_a_command_is_told_by_its_fields_and_never_by_its_password() -> None:
    unit = Codec(Options()).encode(ADDED)
    whole, half, guess = said(
        action("kpd", "send", unit * 5, wire="a", split=0, right=True),
        action("kpd", "half", unit[:20], wire="a", how="reset"),
        action("kpd", "guess", wire="a", units=[unit.hex()], times=30, secrets=["654321"]),
    )
    assert whole.startswith("kpd send wire=a: add-object object_number=902 ")
    assert whole.endswith("; and 2 more")
    assert half.startswith("kpd half wire=a how=reset: no unit, ")
    assert guess == "kpd guess wire=a, 30 times"
    for line in (whole, half, guess):
        assert "654321" not in line
        assert b"654321".hex(" ") not in line


@pytest.mark.parametrize(
    ("done", "line"),
    [
        (
            action("http", "request", b"POST /api/v1/calls?a=1 HTTP/1.1\r\nHost: x\r\n\r\n{}", method="POST", path="/"),
            "http request: POST /api/v1/calls?a=1 HTTP/1.1, body of 2 octets",
        ),
        (action("ssh", "shell", b"show\nset \x1b[31m\n"), "ssh shell: show, and 1 lines more"),
        (action("e1", "frame", b"\x03\x7f", channel="kpd1", times=60), "e1 frame channel=kpd1, 60 times: 03 7F"),
        (action("e1", "fault", state="LOS", seconds=0.2), "e1 fault state=LOS seconds=0.2"),
    ],
)  # fmt: skip
def test_other_surfaces_have_their_own_words(done: Action, line: str) -> None:
    assert said(done) == [line]


def test_a_report_tells_the_actions_and_the_document_keeps_all(tmp_path: Path) -> None:
    lines = told([Round(1, "e1", (action("e1", "wait"),) * 40), Round(2, "e1", ())], Options())
    finding = Finding(
        target="lab.toml", check="web", kind=Kind.HANG, place="p", summary="s", seed=1, steps=(), told=lines
    )
    report = FuzzReport(
        target="lab.toml", seed=1, began=0, seconds=1, inputs=1, checks={"web": 1}, titles={"web": "web"},
        findings=[finding],
    )  # fmt: skip
    shown = table(report, "en", Look())
    assert f"  {MOST_TOLD}. round 1, e1 wait" in shown
    assert "  and 10 actions more: finding.json" in shown
    assert read(write(tmp_path, finding)).told == lines
