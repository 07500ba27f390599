"""The fuzzer of parsers finds what they may not do, and every parser is called as the program calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from sorm_mediator.fuzz.corpus import Input
from sorm_mediator.fuzz.engine import Engine, Limits
from sorm_mediator.fuzz.finding import Finding, Kind
from sorm_mediator.fuzz.parsers import PARSERS, Parser, ParserTarget, clean_up

DAMAGED = ("journals", "states")


@pytest.fixture(autouse=True)
def _clean() -> object:
    yield
    clean_up()


def planted(
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[bytes], object],
    *,
    seeds: Sequence[bytes] = (b"<a>1</a>",),
    **more: Any,
) -> None:
    """A parser of tests, which declares that it raises ``ValueError``."""
    parser = Parser(
        PARSERS["contexts"].title, lambda: (read, (ValueError,)), lambda: seeds, (b"<", b">", b"12")
    )
    monkeypatch.setitem(PARSERS, "planted", replace(parser, **more))


def the_one(inputs: int = 400) -> Finding:
    [finding] = (
        Engine(ParserTarget(1, ["planted"]), 1).run(Limits(inputs=inputs, findings=1)).findings.values()
    )
    return finding


def test_an_error_that_is_not_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(octets: bytes) -> None:
        if octets.count(b"9") > 4300:
            raise OverflowError("too many digits")

    planted(monkeypatch, read)
    finding = the_one()
    assert (finding.kind, finding.check) == (Kind.UNDECLARED_ERROR, "planted")
    assert finding.steps[0].octets.count(b"9") < 4400


def test_a_declared_error_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(octets: bytes) -> None:
        raise ValueError("refused")

    planted(monkeypatch, read)
    assert not Engine(ParserTarget(1, ["planted"]), 1).run(Limits(inputs=100)).findings


def test_an_error_that_is_more_than_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(octets: bytes) -> None:
        raise ValueError(octets.decode("utf-8", "replace"))

    planted(monkeypatch, read, one_line=True)
    assert the_one().kind is Kind.UNESCAPED


def test_work_that_is_quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(octets: bytes) -> None:
        for _ in range(len(octets) // 16):
            octets.count(b"<>")

    planted(monkeypatch, read)
    monkeypatch.setattr("sorm_mediator.fuzz.engine._HANG_TRIES", 0)
    monkeypatch.setattr("sorm_mediator.fuzz.parsers._SLOW", 0.0)
    target = ParserTarget(1, ["planted"])
    assert (
        not Engine(target, 1).again([Input("planted", b"<" * 8000)]).findings
    )  # not known to repeat a piece
    [finding] = Engine(target, 1).again([Input("planted", b"<" * 8000, "repeated0,1")]).findings.values()
    assert finding.kind is Kind.SUPERLINEAR


@pytest.mark.parametrize("name", PARSERS)
def test_every_parser_takes_what_is_well(name: str) -> None:
    read, declared = PARSERS[name].load()
    taken = 0
    for seed in PARSERS[name].seeds():
        with suppress(declared):  # some are cut, or damaged on purpose
            read(seed)
            taken += 1
    assert taken


@pytest.mark.parametrize("name", PARSERS)
def test_every_parser_bears_a_few_inputs(name: str) -> None:
    outcome = Engine(ParserTarget(1, [name]), 1).run(Limits(inputs=12 if name in DAMAGED else 30))
    assert not outcome.findings, outcome.findings


def test_the_same_number_makes_the_same_inputs() -> None:
    def made() -> list[Input]:
        return [*ParserTarget(1, ["masks"]).block(1, Random("1"))]  # noqa: S311

    assert made() == made()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("contexts", b"<" + b"a" * 16_000 + b"><b"),
        (
            "contexts",
            b'<context name="c"><rule name="r"><actions><cdpn digits="{'
            + b"9" * 5000
            + b'}"/></actions></rule></context>',
        ),
        (
            "labs",
            b'[[switch.domains]]\nname = "d"\n[switch.domains.numbering_plans.p]\n"73" = { brige = "c2l" }',
        ),
        ("labs", b"[web]\nport = " + b"9" * 5000),
        ("scenarios", b"name: x\nsteps:\n  - \0"),
        ("scenarios", b"name: x\nsteps:\n  - " + b"[" * 3000),
        ("vendor-scripts", b"[" * 100_000),
        ("shell", b"sorm/set ssh_port " + b"9" * 5000),
    ],
)
def test_inputs_that_were_too_much_once(name: str, text: bytes) -> None:
    target = ParserTarget(1, [name])
    Engine(target, 1).again([Input(name, text)])
    assert not Engine(target, 1).again([Input(name, text)]).findings
