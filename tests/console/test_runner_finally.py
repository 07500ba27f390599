"""What a run does at its end and says of itself: finally, hints, needs, Russian."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from protocol import (
    CommandExecuted,
    CommandReceived,
    Ksl,
    NumberReceived,
    NumberSign,
    ObjectType,
    Party,
    Priority,
    Time,
)
from protocol.texts import VALUES
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.replay.fields import READERS
from sorm_mediator.replay.printing import TextPrinter
from sorm_mediator.replay.results import ScriptResult
from sorm_mediator.replay.vocabulary import COMMANDS, KPD1, KPD2

A, B = Party(NumberSign.OWN, "28331"), Party(NumberSign.OWN, "28332")

NINE = Time(15, 9, 30, 5)


def event(kind: type, number: int = 1, *, call: int = 7, operation: int = 0, called: Party = B) -> Any:
    return kind(
        call, ObjectType.OWN_SUBSCRIBER, number, 1, 0x1C, 0, A, called, None, Ksl(0, 1), Ksl(0, 1), NINE,
        Priority.NORMAL, operation, None, None,
    )  # fmt: skip


def failure(result: ScriptResult) -> str:
    [step] = result.failures
    return str(step.failure)


FINALLY = """
finally:
  - send: {remove-object: {object_number: 1, object_type: own-subscriber, number_sign: own, number: "1"}}
    expect: [{command-executed: {status: 0}}]
  - send: stop
"""


async def test_finally_runs_after_a_failed_step_and_hides_nothing(mediator, run) -> None:
    mediator.answer(0x06, CommandReceived(6, 0), CommandExecuted(6, 0x34))
    result = await run("- send: start\n- {closed: kpd2, within: 0}\n- send: get-version", head=FINALLY)
    assert [raw[2] for raw in mediator.commands] == [0x01, 0x06, 0x02]
    assert [(step.number, str(step.verdict)) for step in result.steps] == [
        ("1", "PASS"),
        ("2", "FAIL"),
        ("finally.1", "FAIL"),
        ("finally.2", "PASS"),
    ]
    assert result.failures[0].number == "2"


async def test_finally_runs_after_all_has_passed_and_counts(mediator, run) -> None:
    result = await run("- send: start", head=FINALLY)
    assert result.verdict == "PASS"
    assert (len(result.steps), result.planned) == (3, 3)


async def test_finally_does_not_run_when_the_first_step_failed(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0x16))
    result = await run("- {send: start, expect: [{command-received: {status: 0}}]}", head=FINALLY)
    assert [raw[2] for raw in mediator.commands] == [0x01]
    assert [step.number for step in result.steps] == ["1"]


async def test_finally_runs_when_the_run_is_cancelled(mediator, run) -> None:
    waits = asyncio.Event()

    def write(text: str) -> None:
        if text.startswith("   2  "):
            waits.set()

    steps = "- send: start\n- {closed: kpd1, within: 60}"
    running = asyncio.ensure_future(run(steps, head=FINALLY, printer=TextPrinter(write)))
    async with asyncio.timeout(5):
        await waits.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert mediator.commands[-1][2] == 0x02


async def test_a_lost_connection_is_what_is_told_also_when_finally_fails(mediator, run) -> None:
    mediator.answer(0x11, lambda: mediator.hang_up("kpd1"))
    result = await run("- send: start\n- {send: get-version, expect: [version-info]}", head=FINALLY)
    assert "version-info" in str(result.failures[0].failure)
    assert "KPD1 is not connected" in str(result.failures[-1].failure)


@pytest.mark.parametrize(
    "answers",
    [[CommandReceived(1, 0x16)], [CommandReceived(1, 0), CommandExecuted(1, 7)]],
    ids=["extended", "plain"],
)
@pytest.mark.parametrize(
    "step", ["- send: start", "- {send: start, expect: [{command-executed: {status: 0}}]}"]
)
async def test_a_start_that_comes_too_late_gets_a_hint(mediator, run, printed, answers, step) -> None:
    mediator.answer(0x01, *answers)
    await run(step)
    hint = "the technical means are started already, perhaps by an earlier run: send stop first"
    assert f"      ({hint})\n" in printed


async def test_a_second_start_that_is_meant_to_be_refused_gets_none(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 0))
    mediator.answer(0x01, CommandReceived(1, 0x16))
    mediator.answer(0x01, CommandReceived(1, 0x16))
    result = await run(
        "- send: start\n- {send: start, expect: [{command-received: {status: 22}}]}\n- send: start"
    )
    assert [step.notes for step in result.steps] == [[], [], []]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ("- send: start\n- call: {domain: x, a: '1', b: '2'}", "call: needs a switch: give --web URL"),
        ("- send: start\n- {repeat: {times: 2, steps: [{http: {path: x}}]}}", "needs the web of a lab"),
        ("- send: start\n- restart: gateway", "restart: needs a lab of this run"),
    ],
)
async def test_what_a_later_step_needs_is_known_before_the_first_one(mediator, run, steps, says) -> None:
    result = await run(steps)
    assert isinstance(result.error, ScriptError)
    assert says in str(result.error)
    assert mediator.connected == []


async def test_all_of_a_failed_run_is_said_in_russian(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 0), b"\x00\x00", event(NumberReceived))
    printed: list[str] = []
    await run(
        """
- {send: start, silence: 0, expect: [command-received, command-executed]}
- {events: [{number-received: {called: {number: "1"}, operation: {one_of: [1, 2]}}}]}
- {expect: [{restart: {reserve: {not: 1}}}], within: 0}
- {silence: 0}
- {closed: kpd1, within: 0}
- {disconnect: both}
- {send: stop}
""",
        keep_going=True,
        printer=TextPrinter(printed.append, "ru"),
    )
    text = "".join(printed)
    names = {*COMMANDS, *KPD1, *KPD2, *READERS, "sign", "test", "yaml"}
    words = set(re.findall("[a-z][a-z_-]+", re.sub("[(][^()]*[)]$", "", text, flags=re.MULTILINE)))
    assert words - names - {name for name in words if name in VALUES} == set(), text
