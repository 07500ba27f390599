"""The fuzzer of the codec finds faults that were put into it, and makes each input small."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from protocol import Codec, Message, Problem, StreamFramer, UnknownUnit, render
from protocol.wire import Coded
from sorm_mediator.fuzz import units
from sorm_mediator.fuzz.corpus import Input
from sorm_mediator.fuzz.engine import Engine, Limits, Outcome
from sorm_mediator.fuzz.finding import Finding, Kind
from sorm_mediator.fuzz.units import CodecTarget, options_of, written

TEST = 0x0E
INPUTS = 1500


@pytest.fixture(autouse=True)
def _no_random_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """One choice of options, so that little has to be made ready."""
    monkeypatch.setattr(units, "_OTHER_OPTIONS", 0)


def fuzzed(inputs: int = INPUTS, *, findings: int = 1, limit: float = 2.0) -> Outcome:
    return Engine(CodecTarget(1), 1, limit=limit).run(Limits(inputs=inputs, findings=findings))


def the_one(outcome: Outcome) -> Finding:
    [finding] = outcome.findings.values()
    return finding


def test_a_sound_codec_has_no_findings() -> None:
    target = CodecTarget(5)
    outcome = Engine(target, 5).run(Limits(inputs=600))
    assert not outcome.findings, [one.summary for one in outcome.findings.values()]
    assert all(target.counts.values()), target.counts


def test_the_same_seed_makes_the_same_inputs() -> None:
    def made(seed: int) -> list[Input]:
        target = CodecTarget(seed)
        return [one for number in (1, 2) for one in target.block(number, Random(f"{seed}:{number}"))]  # noqa: S311

    assert made(3) == made(3)
    assert made(3) != made(4)


def test_an_undeclared_error_of_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Coded.read

    def reads(self: Coded, octets: bytes) -> Any:
        if self.what == "category" and octets >= b"\x10":
            raise LookupError("no such category")
        return read(self, octets)

    monkeypatch.setattr(Coded, "read", reads)
    finding = the_one(fuzzed(6000))
    assert finding.kind is Kind.UNDECLARED_ERROR
    assert "LookupError" in finding.place
    assert finding.size <= 29, finding.steps
    assert "no such category" in finding.trace


def test_an_octet_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    encode = Codec.encode

    def encodes(self: Codec, message: Message | UnknownUnit) -> bytes:
        octets = encode(self, message)
        return octets[:-1] if isinstance(message, UnknownUnit) and len(octets) > 6 else octets

    monkeypatch.setattr(Codec, "encode", encodes)
    finding = the_one(fuzzed())
    assert (finding.kind, finding.check) == (Kind.NOT_ROUND_TRIP, "decode-encode")
    assert finding.size == 7


def test_a_value_that_is_let_through_uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Codec.decode_lenient

    def decodes(
        self: Codec, unit: bytes, channel: Any = None
    ) -> tuple[Message | UnknownUnit, tuple[Problem, ...]]:
        message, problems = decode(self, unit, channel)
        return message, tuple(problem for problem in problems if problem.path != "category")

    monkeypatch.setattr(Codec, "decode_lenient", decodes)
    finding = the_one(fuzzed(6000))
    assert (finding.kind, finding.check) == (Kind.NOT_COUNTED, "agreement")


def test_a_stream_that_depends_on_how_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = StreamFramer.feed

    def feeds(self: StreamFramer, data: bytes) -> Any:
        return feed(self, data.replace(b"\xcc\x01\x0e", b"\xcc\x01\x0d") if len(data) > 2 else data)

    monkeypatch.setattr(StreamFramer, "feed", feeds)
    finding = the_one(fuzzed())
    assert finding.check in ("framing", "split")
    assert finding.size <= 12


def test_a_decoder_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Codec.decode

    def decodes(self: Codec, unit: bytes) -> Message:
        while len(unit) > 20 and unit[2] == 5:
            pass
        return decode(self, unit)

    monkeypatch.setattr(Codec, "decode", decodes)
    monkeypatch.setattr("sorm_mediator.fuzz.engine._HANG_LIMIT", 0.02)
    finding = the_one(fuzzed(limit=0.05))
    assert (finding.kind, finding.check) == (Kind.HANG, "strict")
    assert finding.size < 40


def test_time_that_grows_faster_than_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = StreamFramer.feed

    def feeds(self: StreamFramer, data: bytes) -> Any:
        for _ in range(len(data) // 64):
            bytes(data).count(b"\x00\x01\x02\x03" * 4)
            sum(data)
        return feed(self, data)

    monkeypatch.setattr(StreamFramer, "feed", feeds)
    monkeypatch.setattr("sorm_mediator.fuzz.engine._HANG_TRIES", 2)
    target = CodecTarget(1)
    outcome = Engine(target, 1).again([Input("command", bytes.fromhex("CC010100313233343536"), "grow=1")])
    assert the_one(outcome).kind is Kind.SUPERLINEAR


def test_a_password_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        units, "render", lambda message, lang="en", *, raw=b"", **more: render.render(message, lang, **more)
    )
    finding = the_one(fuzzed(6000))
    assert (finding.kind, finding.check) == (Kind.SECRET_SHOWN, "secrets")


def test_a_text_that_can_end_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        units,
        "one_line",
        lambda document, *_, **__: f"{document['name']}\n" if document["code"] == TEST else "",
    )
    finding = the_one(fuzzed())
    assert finding.kind is Kind.UNESCAPED


def test_options_are_written_and_read() -> None:
    for context in ("", "order=70 zero_digit=A", "extra_digits=True"):
        assert written(options_of(context)) == context
    with pytest.raises(ValueError, match="nothing"):
        options_of("nothing=1")


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A fault, and what mends it."""
    decode = Codec.decode

    def decodes(self: Codec, unit: bytes) -> Message:
        if len(unit) > 30:
            raise KeyError(unit[30])
        return decode(self, unit)

    monkeypatch.setattr(Codec, "decode", decodes)
    return lambda: monkeypatch.setattr(Codec, "decode", decode)


def test_two_runs_of_a_seed_find_the_same(planted: Callable[[], None]) -> None:
    found = [the_one(fuzzed()) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].size == 31
