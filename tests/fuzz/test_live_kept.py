"""What a run does with the findings of earlier runs, and what ``--again`` says of one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.fuzz.finding import Finding, Kind, write
from sorm_mediator.fuzz.live import fuzzer as module
from sorm_mediator.fuzz.live.action import Action, Round, documents
from sorm_mediator.fuzz.live.fuzzer import Bench, Fuzzer, Progress
from sorm_mediator.fuzz.live.session import LiveSettings, run_live

TARGET = "127.0.0.1:1"


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
    @asynccontextmanager
    async def bench(*_: Any, **__: Any) -> AsyncIterator[Bench]:
        yield Bench(None, None, {"http": None})  # type: ignore[arg-type, dict-item]

    monkeypatch.setattr(module, "bench", bench)
    monkeypatch.setattr(Fuzzer, "run", no_rounds)
    folder = kept(tmp_path, "switch")
    run_live(LiveSettings(target=TARGET, kpd2="2", rounds=1, findings=tmp_path, json=True))
    report = json.loads(capsys.readouterr().out)
    assert f"not tried again: {folder}: the target has no switch" in report["notes"]
    assert report["gone"] == []
    assert not report["passed"]  # nothing was checked
