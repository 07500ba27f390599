"""The fuzzer against gateways that were spoilt on purpose, and against one that was not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from protocol import Options
from sorm_mediator.cli.logs import LineForm
from sorm_mediator.config import load
from sorm_mediator.fuzz import finding as findings
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import rounds_of
from sorm_mediator.fuzz.live.fuzzer import Fuzzer, Progress
from sorm_mediator.fuzz.live.session import LiveSettings, finding_of
from sorm_mediator.fuzz.live.starting import own_lab
from sorm_mediator.fuzz.live.target import Gateway
from tests.fuzz import gateway_spoils as spoils

LABS = Path("captures/labs")
SEED = 1
BUDGET = 80
"""Rounds in which a spoilt gateway is found: about half a minute with one processor, most of it waiting."""


Wanted = tuple[str, Kind]


def found(progress: Progress) -> set[Wanted]:
    return {(one.breach.check, one.breach.kind) for one in progress.shown.values()}


@asynccontextmanager
async def lab(name: str) -> AsyncIterator[Gateway]:
    async with own_lab(load(LABS / name), name, LineForm()) as gateway:
        yield gateway


async def fuzzed(
    name: str, rounds: int, wanted: Wanted | None = None, *, tries: int = 0, patience: float = 1.0
) -> Progress:
    """A run with the default settings, up to a breach that is wanted: a busy machine may be late before."""
    fuzzer = Fuzzer(lambda: lab(name), SEED, fresh=True, tries=tries, patience=patience)
    return await fuzzer.run(lambda progress: progress.rounds < rounds and wanted not in found(progress))


@pytest.mark.parametrize(
    ("spoil", "name", "check", "kind"),
    [
        (spoils.forgets_an_answer, "minimal.toml", "commands", Kind.NO_ANSWER),
        (spoils.dies_of_an_unknown_code, "minimal.toml", "log", Kind.TRACE_LOGGED),
        (spoils.loses_the_tables, "minimal.toml", "commands", Kind.WRONG_ANSWER),
        (spoils.logs_a_password, "minimal.toml", "secrets", Kind.SECRET_SHOWN),
        (spoils.tells_another_object, "minimal.toml", "commands", Kind.WRONG_ANSWER),
        (spoils.doubles_an_event, "minimal.toml", "events", Kind.EVENT_LOST),
        (spoils.drops_an_event, "minimal.toml", "events", Kind.EVENT_LOST),
        (spoils.stands_still, "minimal.toml", "web", Kind.LATE_ANSWER),
        (spoils.keeps_descriptors, "minimal.toml", "process", Kind.DESCRIPTORS),
        (spoils.takes_commands_while_stopped, "minimal.toml", "commands", Kind.WRONG_ANSWER),
        (spoils.turns_events_round, "minimal.toml", "events", Kind.EVENT_LOST),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_spoilt_gateway_is_found_out(
    spoil: spoils.Spoil, name: str, check: str, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch)
    progress = await fuzzed(name, BUDGET, (check, kind))
    assert (check, kind) in found(progress)


async def test_a_finding_is_small_and_can_be_done_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoils.dies_of_an_unknown_code(monkeypatch)
    progress = await fuzzed("minimal.toml", BUDGET, ("log", Kind.TRACE_LOGGED), tries=12, patience=3.0)
    (shown,) = (one for one in progress.shown.values() if one.breach.check == "log")
    assert shown.reproduced
    kinds = [action.kind for one in shown.rounds for action in one.actions]
    assert kinds[:1] == ["connect"]
    assert len(kinds) <= 4

    settings = LiveSettings(target="minimal.toml", seed=SEED, findings=tmp_path)
    written = findings.write(tmp_path, finding_of(settings, shown, Options()))
    known = findings.read(written)
    assert known.command[-2:] == ("--again", str(written))
    rounds = rounds_of(known.options["rounds"])
    assert rounds == list(shown.rounds)

    monkeypatch.undo()
    again = Fuzzer(lambda: lab("minimal.toml"), SEED, fresh=True, patience=20.0)
    assert not await again.again(shown.breach, rounds)


async def test_a_right_gateway_stays_clean() -> None:
    # Limits of time belong to a machine that has nothing else to do.
    progress = await fuzzed("minimal.toml", 20, patience=20.0)
    assert progress.rounds == 20
    assert not progress.shown
