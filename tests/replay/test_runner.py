"""Scenarios against a scripted mediator: what passes, what fails and how it is told."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol import (
    Answer,
    CommandExecuted,
    CommandReceived,
    Ksl,
    NumberReceived,
    NumberSign,
    ObjectInfo,
    ObjectType,
    Party,
    Priority,
    Release,
    Restart,
    TestReplyKpd1,
    Time,
    UnauthorizedAccess,
)
from protocol.texts import VALUES
from sorm_mediator.console.errors import ConnectError, ScriptError, StepError
from sorm_mediator.console.target import RunTarget
from sorm_mediator.replay import scenario
from sorm_mediator.replay.results import ScriptResult, TextPrinter
from sorm_mediator.replay.runner import ScenarioRunner
from sorm_mediator.replay.vocabulary import COMMANDS, KPD1, KPD2

A, B = Party(NumberSign.OWN, "28331"), Party(NumberSign.OWN, "28332")
NINE = Time(15, 9, 30, 5)


def event(kind: type, number: int = 1, *, call: int = 7, operation: int = 0, called: Party = B) -> Any:
    return kind(
        call, ObjectType.OWN_SUBSCRIBER, number, 1, 0x1C, 0, A, called, None, Ksl(0, 1), Ksl(0, 1), NINE,
        Priority.NORMAL, operation, None, None,
    )  # fmt: skip


def object_info(number: int, index: int, total: int) -> ObjectInfo:
    own = ObjectType.OWN_SUBSCRIBER
    return ObjectInfo(number, own, NumberSign.OWN, "1", None, None, 1, None, 0, total=total, index=index)


def failure(result: ScriptResult) -> str:
    [step] = result.failures
    return str(step.failure)


async def test_a_command_and_its_answers(mediator, run, printed) -> None:
    result = await run(
        """
- send: start
  expect: [{command-received: {status: 0}}, {command-executed: {status: 0}}]
"""
    )
    assert result.verdict == "PASS"
    assert mediator.commands == [bytes.fromhex("CC010100313233343536")]
    text = "".join(printed)
    assert "-> KPD1  CC 01 01 00 ** ** ** ** ** **" in text
    assert "<- KPD1  CC 01 28 02 01 00 01 00 FF 02 01 00" in text
    assert "PASS  a test" in text


async def test_kpd2_is_connected_before_kpd1(mediator, run) -> None:
    await run("- send: start")
    assert mediator.connected == ["kpd2", "kpd1"]


async def test_a_wrong_status_fails_at_once_and_says_both(mediator, run, printed) -> None:
    mediator.answer(0x04, CommandReceived(4, 0), CommandExecuted(4, 0x3A))
    result = await run(
        """
- send: {add-ksl: {ksl_group: 1, group_type: combined, ksl_a: {stream: 0, ksl: 1}}}
  expect: [command-received, {command-executed: {status: 0}}]
  within: 60
- send: stop
"""
    )
    assert failure(result).splitlines() == [
        "expected: command-executed {status: 0 (00h)}",
        "came:     command-executed {command: 4 (04h), status: 58 (3Ah)}",
        "  status: expected 0 (00h: done), came 58 (3Ah: KSL-A already assigned)",
    ]
    assert len(mediator.commands) == 1, "a failed step ends the scenario"
    assert any(
        "status: expected 0 (00h: done), came 58 (3Ah: KSL-A already assigned)" in line for line in printed
    )


async def test_keep_going_runs_the_rest(mediator, run) -> None:
    result = await run(
        """
- send: start
  expect: [{command-received: {status: 1}}]
- send: stop
  expect: [command-received, command-executed]
""",
        keep_going=True,
    )
    assert [step.verdict for step in result.steps] == ["FAIL", "PASS"]
    assert result.verdict == "FAIL"


async def test_a_missing_answer_is_told_with_what_came_instead(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0))
    result = await run("- {send: start, expect: [command-received, command-executed], within: 0.05}")
    assert failure(result) == "expected: command-executed\nnothing that fits came within 0.05 s"


async def test_a_mediator_that_says_nothing_times_out(mediator, run) -> None:
    mediator.answer(0x11)
    result = await run("- {send: get-version, expect: [command-received, version-info], within: 0.05}")
    assert "nothing that fits came within 0.05 s" in failure(result)


async def test_an_unchecked_command_is_waited_for_before_the_next_one(mediator, run) -> None:
    later = mediator.codec.encode(CommandExecuted(5, 0))
    mediator.answer(0x05, CommandReceived(5, 0), later)
    result = await run(
        """
- send: {add-object: {object_number: 1, object_type: own-subscriber, number_sign: own, number: "28331",
                      category: combined, ksl_group: 1, priority: normal}}
- raw: "CC 01 0B 03 31 32 33 34 35 36 FF FF FF FF"
  expect: [{command-received: {command: 11, status: 0x10}}]
"""
    )
    # The scripted mediator knows only whole units: it leaves the broken one unanswered.
    assert [step.verdict for step in result.steps] == ["PASS", "FAIL"]
    assert mediator.received.endswith(bytes.fromhex("CC010B03313233343536FFFFFFFF"))


async def test_answers_to_an_earlier_command_of_the_same_code_are_not_taken(mediator, run) -> None:
    mediator.answer(0x05, CommandReceived(5, 0x33))
    mediator.answer(0x05, CommandReceived(5, 0), CommandExecuted(5, 0))
    add = "add-object: {object_number: 1, object_type: own-subscriber, number_sign: own, number: '1'}"
    result = await run(
        f"""
- send: {{{add}}}
  expect: []
- send: {{{add}}}
  expect: [{{command-received: {{status: 0}}}}, {{command-executed: {{status: 0}}}}]
"""
    )
    assert result.verdict == "PASS"


async def test_unauthorised_access_may_stand_before_or_after_28h(mediator, run) -> None:
    access = UnauthorizedAccess(2, NINE, "KPD1")
    mediator.answer(0x01, CommandReceived(1, 0), access, CommandExecuted(1, 3))
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 3), access)
    step = """
- send: {start: {password: "000000"}}
  expect: [command-received, {command-executed: {status: 3}}, {unauthorized-access: {access_code: 2}}]
"""
    result = await run(step + step)
    assert [step.verdict for step in result.steps] == ["PASS", "PASS"]


async def test_events_of_one_object_keep_their_order(mediator, run) -> None:
    mediator.answer(
        0x01, CommandReceived(1, 0), CommandExecuted(1, 0),
        event(Answer), event(NumberReceived), event(Release, operation=5),
    )  # fmt: skip
    result = await run("- send: start\n- {events: [number-received, answer, release], within: 0.05}")
    assert "expected: answer\nnothing that fits came" in failure(result)


async def test_events_of_two_objects_may_mix(mediator, run) -> None:
    mediator.answer(
        0x01, CommandReceived(1, 0), CommandExecuted(1, 0),
        event(NumberReceived, 2), event(NumberReceived, 1), event(Answer, 1), event(Answer, 2),
    )  # fmt: skip
    result = await run(
        """
- send: start
- events: [{number-received: {object_number: 1}}, {answer: {object_number: 1}},
           {number-received: {object_number: 2}}, {answer: {object_number: 2}}]
"""
    )
    assert result.verdict == "PASS"


async def test_order_free_takes_them_as_they_come(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 0), event(Answer), event(NumberReceived))
    result = await run("- send: start\n- {events: [number-received, answer], order_free: true}")
    assert result.verdict == "PASS"


async def test_a_difference_inside_a_party_names_its_path(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 0), event(NumberReceived))
    result = await run('- send: start\n- events: [{number-received: {called: {number: "28333"}}}]')
    assert failure(result).splitlines()[-1] == '  called.number: expected "28333", came "28332"'


async def test_a_value_is_saved_and_used_in_the_same_list_and_later(mediator, run) -> None:
    mediator.answer(
        0x01,
        CommandReceived(1, 0),
        CommandExecuted(1, 0),
        event(NumberReceived, call=0x1234),
        event(Answer, call=0x1234),
    )
    result = await run(
        """
- send: start
- events:
    - {number-received: {object_number: 1}, save: {call_number: cn}}
    - {answer: {call_number: "${cn}"}}
- send: {connect-ksl: {call_number: "${cn}", object_type: own-subscriber, object_number: 1, ksl_group: 1}}
"""
    )
    assert result.verdict == "PASS"
    assert mediator.commands[-1] == bytes.fromhex("CC010706313233343536341201010001")


async def test_repeat_counts_and_calculates(mediator, run) -> None:
    result = await run(
        """
- repeat:
    times: 3
    as: n
    steps:
      - send: {test: {test_number: "${n+9}"}}
        expect: [command-received, command-executed]
"""
    )
    assert result.verdict == "PASS"
    assert [raw[10] for raw in mediator.commands] == [10, 11, 12]
    assert [step.number for step in result.steps] == ["1.1.1", "1.2.1", "1.3.1"]
    assert result.planned == 3


async def test_silence_fails_when_something_comes(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 0), event(Answer))
    result = await run("- send: start\n- {events: [], silence: 0.05}")
    assert "expected: nothing on KPD2 for 0.05 s\n1 came, the first:\ncame:     answer" in failure(result)


async def test_silence_passes_when_all_has_been_read_or_forgotten(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 0), event(Answer), event(Release))
    result = await run(
        "- send: start\n- {events: [answer]}\n- events: [release]\n- forget: both\n- silence: 0.02"
    )
    assert result.verdict == "PASS", result.failures


async def test_the_22h_of_the_connection_does_not_break_a_silence_and_a_later_one_does(mediator, run) -> None:
    mediator.greeting = Restart()
    result = await run("- {send: start, silence: 0.05}\n- expect: [restart]\n- silence: 0.02")
    assert result.verdict == "PASS", result.failures
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 0), Restart())
    result = await run("- send: start\n- silence: 0.05")
    assert "1 came, the first:\ncame:     restart" in failure(result)


async def test_a_refused_field_that_was_not_given_is_told(mediator, run) -> None:
    for _ in range(2):
        mediator.answer(0x05, CommandReceived(5, 0x12))
    result = await run('- send: {add-object: {object_number: 258, number: "28331"}}')
    assert [*map(str, result.failures[0].notes)] == ["object_type was not given, which the mediator refuses"]
    result = await run(
        '- send: {add-object: {object_number: 258, object_type: own-subscriber, number: "28331"}}'
    )
    assert result.failures[0].notes == []


async def test_a_new_password_is_used_from_the_next_command_on(mediator, run) -> None:
    await run(
        '- send: {set-password: {new_password: "654321"}}\n- send: get-version\n- send: stop\n- send: start'
    )
    assert [raw[4:10] for raw in mediator.commands] == [b"123456", b"654321", b"654321", b"123456"]


async def test_a_refused_new_password_is_not_used(mediator, run) -> None:
    mediator.answer(0x03, CommandReceived(3, 0), CommandExecuted(3, 1))
    await run('- {send: {set-password: {new_password: "654321"}}, expect: any}\n- send: get-version')
    assert [raw[4:10] for raw in mediator.commands] == [b"123456", b"123456"]


async def test_passwords_are_masked_in_what_people_are_shown(mediator, run, printed) -> None:
    await run(
        """
- send: {set-password: {new_password: "987789"}}
- send: get-version
- raw: "00 CC 01 01 00 39 38 37 37 38 39"
  expect: []
"""
    )
    text = "".join(printed)
    assert "CC 01 03 06 ** ** ** ** ** ** ** ** ** ** ** **" in text
    assert "CC 01 11 00 ** ** ** ** ** **" in text
    assert "-> KPD1  00 CC 01 01 00 ** ** ** ** ** **" in text
    for secret in ("987789", "123456", "39 38 37", "31 32 33"):
        assert secret not in text


async def test_bytes_one_at_a_time_reach_the_mediator_whole(mediator, run) -> None:
    result = await run("- {send: start, split: 1, expect: [command-received, command-executed]}")
    assert result.verdict == "PASS"


async def test_coalesced_units_are_a_finding_not_an_error(mediator, run, printed) -> None:
    together = mediator.codec.encode(CommandReceived(1, 0)) + mediator.codec.encode(CommandExecuted(1, 0))
    mediator.answer(0x01, together)
    result = await run("- {send: start, expect: [command-received, command-executed]}")
    assert result.verdict == "PASS"
    assert result.findings == {"coalesced": 2}
    assert "FF 02 01 00  [coalesced]" in "".join(printed)


async def test_a_channel_closed_by_the_mediator(mediator, run) -> None:
    mediator.answer(0x02, lambda: mediator.hang_up("kpd1"))
    result = await run("- send: start\n- {send: stop, expect: []}\n- closed: kpd1\n- send: start")
    assert [step.verdict for step in result.steps] == ["PASS", "PASS", "PASS", "FAIL"]
    assert failure(result) == f"127.0.0.1:{mediator.ports['kpd1']}: the mediator has closed KPD1"


@pytest.mark.parametrize(
    ("channel", "silence", "where"),
    [("kpd1", "600", "KPD1, KPD2"), ("kpd2", "600", "KPD1, KPD2"), ("kpd1", "{kpd1: 600}", "KPD1")],
)
async def test_silence_fails_at_once_when_the_mediator_has_hung_up(
    mediator, run, channel, silence, where
) -> None:
    mediator.answer(0x02, CommandReceived(2, 0), CommandExecuted(2, 0), lambda: mediator.hang_up(channel))
    result = await run(f"- send: start\n- send: stop\n- silence: {silence}")
    assert failure(result) == (
        f"expected: nothing on {where} for 600 s\nthe mediator has closed {channel.upper()}"
    )


@pytest.mark.parametrize(
    "steps",
    [
        "- closed: kpd1\n- silence: 0.02",
        "- disconnect: kpd1\n- silence: 0.02",
        "- silence: {kpd2: 0.02}",
        "- restart: gateway\n- silence: 0.02",
    ],
)
async def test_silence_passes_after_an_end_that_the_scenario_wants(mediator, run, around, steps) -> None:
    async def restart() -> None:
        mediator.hang_up("kpd1")
        mediator.hang_up("kpd2")

    if "restart" not in steps:
        mediator.answer(
            0x11, CommandReceived(0x11, 0), CommandExecuted(0x11, 0), lambda: mediator.hang_up("kpd1")
        )
    result = await run(f"- send: get-version\n{steps}", around_=replace(around, restart=restart))
    assert result.verdict == "PASS", result.failures


async def test_a_channel_that_was_connected_again_may_not_be_closed_again(mediator, run) -> None:
    for _ in range(2):
        mediator.answer(
            0x11, CommandReceived(0x11, 0), CommandExecuted(0x11, 0), lambda: mediator.hang_up("kpd1")
        )
    result = await run(
        "- send: get-version\n- closed: kpd1\n- connect: kpd1\n- send: get-version\n- silence: 600"
    )
    assert "the mediator has closed KPD1" in failure(result)


async def test_a_silence_connects_a_console_that_only_the_web_was_asked_by(mediator, run, around) -> None:
    async def make(domain: str, request: dict[str, Any]) -> str:
        return "c1"

    call = "- call: {domain: test.domain, a: '28331', b: '28332'}"
    for steps in (f"{call}\n- silence: 0", f"{call}\n  silence: 0", f"{call}\n- send: start"):
        mediator.connected.clear()
        result = await run(steps, around_=replace(around, make_call=make))
        assert result.verdict == "PASS", result.failures
        assert mediator.connected == ["kpd2", "kpd1"]


async def test_a_channel_that_stays_open_fails_closed(mediator, run) -> None:
    result = await run("- connect: both\n- {closed: kpd2, within: 0.02}")
    assert failure(result) == "expected: the mediator closes KPD2\nstill open after 0.02 s"


async def test_disconnect_and_connect_again(mediator, run) -> None:
    result = await run("- send: start\n- disconnect: both\n- connect: both\n- send: stop")
    assert result.verdict == "PASS"
    assert mediator.connected == ["kpd2", "kpd1"] * 2


async def test_a_refused_connection_names_host_and_port(mediator, run, around) -> None:
    port = mediator.ports["kpd2"]
    await mediator.stop()
    result = await run("- send: start")
    assert isinstance(result.error, ConnectError)
    assert str(result.error).startswith(f"127.0.0.1:{port}: KPD2 can't be reached: ")


async def test_a_call_is_made_by_the_call_maker(mediator, run, around) -> None:
    asked = []

    async def make(domain: str, request: dict[str, Any]) -> str:
        asked.append((domain, request))
        mediator.say(event(NumberReceived))
        return "c1"

    result = await run(
        """
- send: start
- call: {domain: test.domain, a: "${who}", b: "28332", talk: 0.2}
  events: [{number-received: {called: {number: "28332"}}}]
""",
        head="variables: {who: '28331'}",
        around_=replace(around, make_call=make),
    )
    assert result.verdict == "PASS"
    assert asked == [("test.domain", {"a": "28331", "b": "28332", "talk": 0.2})]


async def test_a_call_whose_events_are_waited_for_connects_the_console(mediator, run, around) -> None:
    async def make(domain: str, request: dict[str, Any]) -> str:
        await asyncio.wait_for(mediator.both.wait(), 5)
        mediator.say(event(NumberReceived))
        return "c1"

    step = "- call: {domain: test.domain, a: '28331', b: '28332'}\n  events: [number-received]"
    result = await run(step, around_=replace(around, make_call=make))
    assert result.verdict == "PASS"


async def test_a_refused_call_fails_its_step(mediator, run, around) -> None:
    async def make(domain: str, request: dict[str, Any]) -> str:
        raise StepError("the switch refused the call with HTTP 404: no domain x")

    result = await run("- call: {domain: x, a: '1', b: '2'}", around_=replace(around, make_call=make))
    assert failure(result) == "the switch refused the call with HTTP 404: no domain x"


async def test_a_call_without_a_switch_is_a_mistake_of_the_script(mediator, run) -> None:
    result = await run("- call: {domain: x, a: '1', b: '2'}")
    assert isinstance(result.error, ScriptError)
    assert "test.yaml:5: steps[1]: call: needs a switch: give --web URL" in str(result.error)


async def test_http_is_asked_again_until_the_reply_fits(mediator, run, around) -> None:
    states = iter(["stopped", "started"])

    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        return 200, {"state": next(states), "objects": 3}

    step = "- http: {path: status, status: 200, reply: {state: started}}"
    result = await run(step, around_=replace(around, request=request))
    assert result.verdict == "PASS"


async def test_an_http_reply_that_differs_fails(mediator, run, around) -> None:
    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        return 404, {"detail": "no"}

    step = "- {http: {method: POST, path: faults, status: 200}, within: 0}"
    result = await run(step, around_=replace(around, request=request))
    assert "status: expected 200 (C8h), came 404 (194h)" in failure(result)


async def test_tables_come_in_order(mediator, run) -> None:
    mediator.answer(
        0x0A, CommandReceived(10, 0), object_info(1, 1, 2), object_info(2, 2, 2), CommandExecuted(10, 0)
    )
    result = await run(
        """
- send: get-objects
  expect: [command-received, {object-info: {object_number: 1, total: 2, index: 1}},
           {object-info: {object_number: {one_of: [2, 3]}, number: {not: null}}}, command-executed]
"""
    )
    assert result.verdict == "PASS"
    assert mediator.commands == [bytes.fromhex("CC010A10313233343536" + "FF" * 16)]


async def test_two_consoles(mediator, run) -> None:
    result = await run("- {send: start}\n- {send: get-version, console: second}")
    assert result.verdict == "PASS"
    assert mediator.connected == ["kpd2", "kpd1", "kpd2", "kpd1"]


async def test_a_value_that_can_not_be_sent_fails_the_step(mediator, run) -> None:
    result = await run("- send: {add-ksl: {ksl_group: 1, group_type: combined, ksl_a: {stream: 7, ksl: 31}}}")
    assert "ksl" in failure(result)
    assert mediator.commands == []


async def test_two_commands_in_one_write_are_shown_one_by_one(mediator, run, printed) -> None:
    result = await run(
        """
- raw: "CC 01 11 00 31 32 33 34 35 36 CC 01 0E 01 31 32 33 34 35 36 2A"
  expect: [{command-executed: {command: 0x11}}, {command-executed: {command: 0x0E}}]
"""
    )
    assert result.verdict == "PASS"
    sent = [line.partition("KPD1  ")[2].strip() for line in printed if "-> KPD1" in line]
    assert sent == ["CC 01 11 00 ** ** ** ** ** **", "CC 01 0E 01 ** ** ** ** ** ** 2A"]


# --- the end of a run, and what it shows: finally, hints, needs, Russian


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
    assert "the mediator has closed KPD1" in str(result.failures[-1].failure)


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


@pytest.mark.parametrize(
    ("events", "is_told"),
    [("[answer]", True), ("[answer, {release: {operation: 3}}]", False)],
)
async def test_a_call_to_a_busy_party_gets_a_hint(mediator, run, events, is_told) -> None:
    mediator.answer(0x11, CommandReceived(0x11, 0), event(Release, operation=3), CommandExecuted(0x11, 0))
    result = await run(f"- {{send: get-version, events: {events}, within: 0.1}}")
    notes = result.failures[0].notes
    assert any("28332 is busy, perhaps in another call" in note for note in notes) is is_told


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
    fields = {name for table in (COMMANDS, KPD1, KPD2) for entry in table.values() for name in entry.fields}
    names = {*COMMANDS, *KPD1, *KPD2, *fields, "sign", "test", "yaml"}
    words = set(re.findall("[a-z][a-z_-]+", re.sub("[(][^()]*[)]$", "", text, flags=re.MULTILINE)))
    assert words - names - {name for name in words if name in VALUES} == set(), text


# --- cancellation

CANCELLED = scenario.parse(
    "name: a test\nsteps:\n  - send: start\nfinally:\n  - send: stop\n  - send: get-version\n",
    Path("test.yaml"),
)


class Cancelling(TextPrinter):
    """Cancels the run in the step of this number: as it begins, or as its command goes out."""

    def __init__(self, number: str, *, sent: bool) -> None:
        super().__init__(lambda _: None)
        self.run: asyncio.Task[ScriptResult] | None = None
        self._number, self._sent, self._now = number, sent, ""

    def step(self, number: str, title: str, line: int, file: Path) -> None:
        super().step(number, title, line, file)
        self._now = number
        if not self._sent:
            self._cancel()

    def crossed(self, client: Any, crossed: Any, elapsed: float) -> None:
        super().crossed(client, crossed, elapsed)
        if self._sent and crossed.outbound:
            self._cancel()

    def _cancel(self) -> None:
        if self._now == self._number:
            assert self.run is not None
            self.run.cancel()


async def cancelled(around: RunTarget, number: str, *, sent: bool) -> ScriptResult:
    printer = Cancelling(number, sent=sent)
    runner = ScenarioRunner(CANCELLED, around, printer)
    printer.run = asyncio.ensure_future(runner.run())
    with pytest.raises(asyncio.CancelledError):
        await printer.run
    return runner.result


@pytest.mark.parametrize(("number", "sent"), [("1", True), ("finally.1", False), ("finally.1", True)])
async def test_a_cancellation_at_any_step_carries_finally_through(number, sent, mediator, around) -> None:
    result = await cancelled(around, number, sent=sent)
    assert [step.number for step in result.steps][-2:] == ["finally.1", "finally.2"]
    assert [command[2] for command in mediator.commands] == [0x01, 0x02, 0x11]
    assert result.verdict == ("ERROR" if number == "1" else "PASS")


async def test_a_cancellation_before_anything_was_sent_puts_nothing_back(mediator, around) -> None:
    """The mediator may be another console's."""
    result = await cancelled(around, "1", sent=False)
    assert str(result.error) == "interrupted in step 1, test.yaml:3"
    assert mediator.commands == []


# --- green means done


REFUSED = [CommandReceived(4, 0), CommandExecuted(4, 0x3A)]
ADD_KSL = "send: {add-ksl: {ksl_group: 1, group_type: combined, ksl_a: {stream: 0, ksl: 1}}}"


@pytest.mark.parametrize("expect", ["", ", expect: ok"])
async def test_a_command_must_succeed(mediator, run, expect) -> None:
    mediator.answer(0x04, *REFUSED)
    result = await run("- {" + ADD_KSL + expect + "}")
    assert failure(result).splitlines() == [
        "expected: the command is accepted and executed",
        "came:     command-executed {command: 4 (04h), status: 58 (3Ah)}",
        "  status: expected 0 (00h: done), came 58 (3Ah: KSL-A already assigned)",
    ]


async def test_a_command_may_end_in_any_way_where_the_step_says_so(mediator, run) -> None:
    mediator.answer(0x04, *REFUSED)
    result = await run("- {" + ADD_KSL + ", expect: any}\n- {silence: 0}")
    assert result.verdict == "PASS", "its answers count as read"


@pytest.mark.parametrize("expect", ["ok", "any"])
async def test_a_command_without_an_answer_fails(mediator, run, expect) -> None:
    mediator.answer(0x02)
    result = await run("- send: start\n- {send: stop, within: 0.02, expect: " + expect + "}")
    assert failure(result).splitlines() == [
        "expected: the command is accepted and executed",
        "no end of the command within 0.02 s",
    ]


async def test_the_test_of_the_channels_has_succeeded_with_its_reply(mediator, run) -> None:
    mediator.answer(0x0E, CommandReceived(14, 0), TestReplyKpd1(7, 1, 1))
    result = await run("- send: {test: {test_number: 7}}")
    assert result.verdict == "PASS", failure(result)


@pytest.mark.parametrize(
    ("octets", "verdict"),
    [("CC 01 01 00 31 32 33 34 35 36", "PASS"), ("CC 01 02 00 31 32 33 34 35 36", "FAIL"), ("00", "FAIL")],
)
async def test_octets_may_have_to_succeed_too(mediator, run, octets, verdict) -> None:
    mediator.answer(0x02, CommandReceived(2, 0x17))
    result = await run(f'- {{raw: "{octets}", expect: ok}}')
    assert result.verdict == verdict


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("- {send: start, expect: fine}", "expect: 'fine'"),
        ("- {connect: both, expect: ok}", "ok belongs to a step with send or raw"),
    ],
)
def test_how_a_command_ends_is_said_of_commands(step, says) -> None:
    with pytest.raises(ScriptError, match=re.escape(says)):
        scenario.parse(f"name: a\nsteps:\n{step}\n", Path("test.yaml"))


async def test_a_channel_closed_by_the_mediator_ends_the_wait_for_its_messages(mediator, run) -> None:
    mediator.answer(0x02, CommandReceived(2, 0), lambda: mediator.hang_up("kpd2"))
    result = await run("- send: start\n- {send: stop, expect: [], events: [release]}", within=600)
    assert "nothing that fits came before the mediator closed KPD2" in failure(result)


async def test_a_mediator_that_hangs_up_before_it_says_anything_was_not_reached(mediator, run) -> None:
    mediator.answer(0x01, lambda: mediator.hang_up("kpd1"))
    result = await run("- send: start", head=FINALLY, within=600)
    assert isinstance(result.error, ConnectError)
    assert str(result.error) == (
        f"127.0.0.1:{mediator.ports['kpd1']}: the mediator hung up before it had answered: has it another console, "
        "or is this address not in its console.allow?"
    )
    assert len(mediator.commands) == 1, "nothing is put back"


async def test_a_message_of_an_earlier_step_is_told_with_its_step(mediator, run) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), event(NumberReceived), CommandExecuted(1, 0))
    mediator.answer(0x11, event(Answer), CommandReceived(0x11, 0), CommandExecuted(0x11, 0))
    result = await run(
        """
- send: start
- send: get-version
- events: [{answer: {object_number: 9}}]
  within: 0.02
- events: [{answer: {operation: 99}}]
""",
        keep_going=True,
    )
    notes = [note for step in result.steps for note in step.notes]
    says = "this message belongs to step 1, test.yaml:6"
    assert notes == [says, says], "the answer came in step 2, and its call began in step 1"


async def test_a_fault_that_the_scenario_leaves_is_cleared_and_told(around, run) -> None:
    asked: list[tuple[str, str]] = []

    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked.append((method, path))
        if method == "POST":
            return 200, {"id": 3 + len(asked)}
        return 200, [{"id": 1}, {"id": 4}] if method == "GET" else {"ended": 1}

    steps = "- fault: {link: kpd2, action: delay, seconds: 0.1}\n- fault: {link: ssh, action: cut, for: 1}"
    result = await run(steps, around_=replace(around, request=request))
    assert result.verdict == "PASS"
    assert asked == [("POST", "faults"), ("POST", "faults"), ("GET", "faults"), ("DELETE", "faults/4")]
    assert result.steps[-1].title == "clear the faults that the scenario has left: 1"
    assert (result.passed, result.planned) == (3, 3)
