"""What reached something new is kept for the next run, and known faults are tried first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest

from sorm_mediator.fuzz.corpus import FAULTS, KEPT, Corpus, Input, default_folder
from sorm_mediator.fuzz.engine import Engine, Limits
from sorm_mediator.fuzz.finding import Kind, Step
from sorm_mediator.fuzz.target import Violation
from sorm_mediator.language import Phrase

ONE = Input("command", b"\xcc\x01", "order=70")


class Letters:
    """A target whose features are letters; one that holds ``bad`` has a fault."""

    name = "letters"
    titles: ClassVar = {"letters": Phrase("letters")}

    def __init__(self, bad: str = "") -> None:
        self.counts = {"letters": 0}
        self.at = "letters"
        self.bad = bad
        self.tried: list[str] = []
        self.learned: list[str] = []

    def block(self, _number: int, random: Random) -> Iterator[Input]:
        for _ in range(50):
            yield Input("text", "".join(random.choices("abcdefgh", k=4)).encode())

    def learn(self, one: Input) -> None:
        self.learned.append(one.octets.decode())

    def check(self, one: Input, *, afresh: bool = False) -> frozenset[str]:
        self.counts["letters"] += 1
        text = one.octets.decode()
        self.tried.append(text)
        if self.bad and self.bad in text:
            raise Violation(Kind.WRONG_ANSWER, "bad", "bad letters")
        return frozenset(text)

    def done(self) -> int:
        return self.counts["letters"]

    def steps(self, one: Input) -> tuple[Step, ...]:
        return (Step("text", one.octets),)

    def options(self, one: Input) -> dict[str, object]:
        return {}

    def wanted(self, file: str) -> bool:
        return file == __file__


def test_an_input_is_kept_and_read_again(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, "codec")
    corpus.keep(KEPT, ONE)
    corpus.keep(KEPT, ONE)
    assert Corpus(tmp_path, "codec").read(KEPT) == [ONE]
    corpus.forget(KEPT, ONE)
    assert corpus.read(KEPT) == []


def test_a_file_that_is_no_input_is_noted(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, "codec")
    corpus.keep(KEPT, ONE)
    for name, text in (("a", "{"), ("b", '{"kind": "x"}'), ("c", "[" * 100_000), ("d", "[]")):
        (tmp_path / "codec" / KEPT / f"{name}.json").write_text(text)
    assert corpus.read(KEPT) == [ONE]
    assert len(corpus.unread) == 4


def test_without_a_folder_nothing_is_kept() -> None:
    corpus = Corpus(None, "codec")
    corpus.keep(KEPT, ONE)
    corpus.forget(KEPT, ONE)
    assert corpus.read(KEPT) == []


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "sorm-mediator" / "fuzz"


def test_what_was_new_is_tried_first_in_the_next_run(tmp_path: Path) -> None:
    first = Letters()
    outcome = Engine(first, 1, corpus=Corpus(tmp_path, first.name)).run(Limits(inputs=100))
    assert 0 < outcome.kept < 10
    second = Letters()
    Engine(second, 2, corpus=Corpus(tmp_path, second.name)).run(Limits(inputs=outcome.kept))
    assert set(second.tried) == set(first.learned)


def test_a_known_fault_is_tried_first_and_forgotten_when_it_is_gone(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, "letters")
    found = Engine(Letters("ab"), 1, corpus=corpus).run(Limits(inputs=1000, findings=1))
    [finding] = found.findings.values()
    assert finding.steps[0].octets == b"ab"
    assert corpus.read(FAULTS) == [Input("text", b"ab")]

    again = Letters("ab")
    assert Engine(again, 2, corpus=corpus).run(Limits(inputs=1)).findings
    assert again.tried[0] == "ab"

    mended = Engine(Letters(), 3, corpus=corpus).run(Limits(inputs=1))
    assert mended.gone == [Input("text", b"ab")]
    assert not mended.findings
    assert corpus.read(FAULTS) == []


def test_workers_share_the_blocks() -> None:
    def tried(part: int, parts: int, inputs: int) -> list[str]:
        target = Letters()
        Engine(target, 9, part=part, parts=parts).run(Limits(inputs=inputs))
        return target.tried

    assert set(tried(0, 1, 200)) == set(tried(0, 2, 100)) | set(tried(1, 2, 100))
