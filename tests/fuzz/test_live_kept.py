"""What a run does with the findings of earlier runs, and what ``--again`` says of one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from protocol import Codec, Options
from sorm_mediator.console.errors import UsageError
from sorm_mediator.errors import BoxError
from sorm_mediator.fuzz.finding import Finding, Kind, Step, read, write
from sorm_mediator.fuzz.live import fuzzer as module
from sorm_mediator.fuzz.live.action import Action, Round, documents
from sorm_mediator.fuzz.live.fuzzer import Bench, Fuzzer, Progress
from sorm_mediator.fuzz.live.judge import NotReady
from sorm_mediator.fuzz.live.session import LiveSettings, run_live
from sorm_mediator.fuzz.live.surface import Breach
from sorm_mediator.fuzz.report import FuzzReport, table
from sorm_mediator.reports.people import Look

TARGET = "127.0.0.1:1"


GATEWAY: Any = SimpleNamespace(run=SimpleNamespace(codec=Codec(Options())))


def kept(folder: Path, surface: str, target: str = TARGET) -> Path:
    rounds = documents([Round(0, surface, (Action(surface, "let_go"),))])
    return write(
        folder,
        Finding(
            target=target, check="web", kind=Kind.WRONG_ANSWER, place="/", summary="HTTP 500", seed=1, steps=(),
            options={"rounds": rounds},
        ),
    )  # fmt: skip


async def no_rounds(self: Fuzzer, _more: Any) -> Progress:
    return self.progress


def test_a_finding_of_a_surface_that_the_target_lacks_is_left_out_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody: Any = None

    @asynccontextmanager
    async def bench(*_: Any, **__: Any) -> AsyncIterator[Bench]:
        yield Bench(GATEWAY, nobody, {"http": nobody})

    monkeypatch.setattr(module, "bench", bench)
    monkeypatch.setattr(Fuzzer, "run", no_rounds)
    folder = kept(tmp_path, "switch")
    run_live(LiveSettings(target=TARGET, kpd2="2", rounds=1, findings=tmp_path, json=True))
    report = json.loads(capsys.readouterr().out)
    assert f"not tried again: {folder}: the target has no switch" in report["notes"]
    assert report["gone"] == []
    assert not report["passed"]  # nothing was checked


def test_a_finding_of_the_codec_names_its_target(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        Finding(
            target="codec", check="strict", kind=Kind.HANG, place="x", summary="y", seed=1,
            steps=(Step("kpd1", b"\xcc"),),
        ),
    )  # fmt: skip
    with pytest.raises(UsageError, match="is of the target codec: --target codec"):
        run_live(LiveSettings(target=TARGET, kpd2="2", again=folder))


@pytest.mark.parametrize("breaches", [[], [Breach("web", Kind.WRONG_ANSWER, "/", "HTTP 500")]])
def test_a_finding_again_has_a_document_that_says_whether_it_passed(
    breaches: list[Breach],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Played:
        gateway = GATEWAY

        async def again(self, _one: Round) -> list[Breach]:
            return breaches

    @asynccontextmanager
    async def bench(*_: Any, **__: Any) -> AsyncIterator[Played]:
        yield Played()

    monkeypatch.setattr("sorm_mediator.fuzz.live.session.bench", bench)
    folder = kept(tmp_path, "http")
    code = run_live(LiveSettings(target=TARGET, kpd2="2", again=folder, json=True))
    told = json.loads(capsys.readouterr().out)
    assert code == len(breaches)
    assert (told["target"], told["passed"], told["finding"]) == (TARGET, not breaches, str(folder))
    assert [one["place"] for one in told["shown"]] == [one.place for one in breaches]


def test_an_interrupted_run_has_not_passed() -> None:
    made = FuzzReport(
        target="codec", seed=1, began=0.0, seconds=1.0, inputs=1, checks={"strict": 1}, titles={}
    )
    assert made.document()["passed"]
    assert not replace(made, interrupted=True).document()["passed"]


def test_a_run_that_has_tried_nothing_has_not_passed_whatever_was_checked_at_its_start() -> None:
    made = FuzzReport(
        target="lab.toml", seed=1, began=0.0, seconds=7.3, inputs=0, checks={"web": 1}, titles={"web": "web"}
    )
    assert (made.failed, made.document()["passed"]) == (True, False)
    told = "nothing was tried: --seconds was over before; give more"
    assert table(made, "en", Look())[-1] == told
    assert told not in table(replace(made, inputs=1), "en", Look())


def test_a_finding_that_shows_again_keeps_its_seed_and_has_the_command_that_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Played:
        gateway = GATEWAY

        async def again(self, _one: Round) -> list[Breach]:
            return [Breach("web", Kind.WRONG_ANSWER, "/", "HTTP 500")]

    @asynccontextmanager
    async def bench(*_: Any, **__: Any) -> AsyncIterator[Played]:
        yield Played()

    monkeypatch.setattr(module, "bench", bench)
    monkeypatch.setattr(Fuzzer, "run", no_rounds)
    folder = kept(tmp_path, "http")
    run_live(
        LiveSettings(target=TARGET, kpd2="2", web="8080", seed=9, rounds=1, findings=tmp_path, json=True)
    )
    [finding] = json.loads(capsys.readouterr().out)["findings"]
    again = f"sorm-mediator fuzz --target {TARGET} --kpd2 2 --web 8080 --again {folder}"
    assert (finding["seed"], finding["command"], finding["reduced"]) == (1, again, True)
    assert read(folder).seed == 1


@pytest.mark.parametrize("error", [BoxError("port 5050 is in use"), NotReady("the console is not served")])
@pytest.mark.parametrize(("failures", "ends"), [(2, False), (3, True)])
async def test_a_lab_that_does_not_start_is_started_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, failures: int, ends: bool
) -> None:
    started: list[int] = []
    judge: Any = SimpleNamespace(checks={}, not_checked=dict)
    opened: Any = None

    @asynccontextmanager
    async def bench(*_: Any, **__: Any) -> AsyncIterator[Bench]:
        started.append(1)
        if len(started) <= failures:
            raise error
        yield Bench(GATEWAY, judge, {})

    monkeypatch.setattr(module, "bench", bench)
    fuzzer = Fuzzer(opened, 1, fresh=True)
    monkeypatch.setattr(fuzzer, "_note", lambda _bench: None)
    with pytest.raises(type(error)) if ends else nullcontext():
        await fuzzer.run(lambda _progress: True)
    assert len(started) == 3
