"""Steps that ask the lab for one thing over HTTP, against a scripted mediator: what is asked, what may be expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol import (
    Alarm,
    Codec,
    CommandReceived,
    ElectronicMessage,
    NumberSign,
    ObjectType,
    Options,
    Party,
    Restart,
    Time,
    TrunkInfo,
    UnauthorizedAccess,
    encode_message_text,
)
from protocol.messagetext import CODINGS, MessageCoding
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.replay import scenario
from sorm_mediator.replay.results import ScriptResult

Asked = list[tuple[str, str, Any]]


def answering(asked: Asked, status: int, reply: Any, then: Callable[[], Any] = lambda: None) -> Any:
    """An HTTP API that notes what it is asked, answers this, and does ``then``."""

    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked.append((method, path, body))
        then()
        return status, reply

    return request


def failure(result: ScriptResult) -> str:
    [step] = result.failures
    return str(step.failure)


@pytest.mark.parametrize(
    ("step", "status", "asked", "title"),
    [
        (
            "alarm: {type: 2, code: 7}",
            202,
            ("POST", "mediator/alarm", {"type": 2, "code": 7}),
            "alarm 2 -> 7",
        ),
        (
            'unauthorized-access: {code: 3, text: "by hand"}',
            202,
            ("POST", "mediator/unauthorized-access", {"code": 3, "text": "by hand"}),
            "unauthorised access 3",
        ),
        ("restart: {}", 202, ("POST", "mediator/restart", {}), "restart the node's software"),
        (
            'line-state: {object: "${n}", state: 3}',
            202,
            ("POST", "mediator/line-state", {"object": 258, "state": 3}),
            "state of the line of object 258 -> 3",
        ),
        (
            'message: {domain: a/b, from: "28331", to: "2833${two}", text: "Hello", delivered: null}',
            202,
            (
                "POST",
                "switch/domains/a%2Fb/messages",
                {"from": "28331", "to": "28332", "text": "Hello", "delivered": None},
            ),
            "message 28331 -> 28332",
        ),
        (
            "rename-trunk: {domain: test.domain, trunk: 2, name: north}",
            200,
            ("PUT", "switch/domains/test.domain/trunks/2", {"name": "north"}),
            "rename trunk 2 -> north",
        ),
        (
            'fault: {link: ssh, action: cut, for: "${two}"}',
            200,
            ("POST", "faults", {"link": "ssh", "action": "cut", "for": 2}),
            "fault ssh -> cut",
        ),
    ],
)
async def test_each_step_is_one_request(
    mediator: Any, run: Any, around: Any, step: str, status: int, asked: tuple[str, str, Any], title: str
) -> None:
    seen: Asked = []
    around_ = replace(around, request=answering(seen, status, {}))
    result = await run(f"- {step}", head="variables: {n: 258, two: 2}", around_=around_)
    assert result.verdict == "PASS"
    assert seen == [asked]
    assert result.steps[0].title == title


async def test_what_comes_by_itself_is_expected_in_the_same_step(
    mediator: Any, run: Any, around: Any
) -> None:
    """The console is connected before the request; what was asked for by a command stays in its own order."""
    asked: Asked = []

    def say() -> None:
        mediator.say(
            TrunkInfo(2, "north", total=1, index=1),
            UnauthorizedAccess(3, Time(15, 9, 30, 5), "x"),
            Alarm(2, 7),
        )

    result = await run(
        """
- alarm: {type: 2, code: 7}
  expect: [{alarm: {alarm_code: 7}}, {unauthorized-access: {access_code: 3}}, {trunk-info: {name: north}}]
  silence: 0
""",
        around_=replace(around, request=answering(asked, 202, {}, say)),
    )
    assert result.verdict == "PASS", failure(result)
    assert mediator.connected == ["kpd2", "kpd1"]


@pytest.mark.parametrize("told", [False, True])
async def test_a_restart_is_told_by_what_comes_after_it_alone(
    mediator: Any, run: Any, around: Any, told: bool
) -> None:
    mediator.answer(0x0E, CommandReceived(0x0E, 0), Restart(), TrunkInfo(2, "north", total=1, index=1))

    def restart() -> None:
        if told:
            mediator.say(Restart())

    result = await run(
        """
- send: {test: {test_number: 1}}
  expect: []
- expect: [{trunk-info: {name: north}}]
- restart: {}
  expect: [restart]
  within: 0.2
""",
        around_=replace(around, request=answering([], 202, {}, restart)),
    )
    if told:
        assert result.verdict == "PASS", failure(result)
    else:
        assert failure(result).startswith("expected: restart\n")


async def test_a_new_name_of_a_trunk_does_not_pass_over_the_answers_before_it(
    mediator: Any, run: Any, around: Any
) -> None:
    mediator.answer(0x0E, CommandReceived(0x0E, 0), TrunkInfo(2, "north", total=1, index=1))
    result = await run(
        """
- send: {test: {test_number: 1}}
  expect: []
- expect: [{trunk-info: {name: north}}, {command-received: {command: 14}}]
""",
        around_=around,
    )
    assert result.verdict == "PASS", failure(result)


async def test_a_refusal_fails_the_step_and_says_why(mediator: Any, run: Any, around: Any) -> None:
    asked: Asked = []
    step = "- line-state: {object: 259, state: 3}"
    refusing = answering(asked, 404, {"detail": "there is no object 259"})
    result = await run(step, around_=replace(around, request=refusing))
    assert failure(result) == "POST mediator/line-state: refused with HTTP 404: there is no object 259"
    wrong = [{"loc": ["body", "text"], "msg": "at most 40 characters", "type": "string_too_long"}]
    result = await run(step, around_=replace(around, request=answering(asked, 422, {"detail": wrong})))
    assert failure(result) == "POST mediator/line-state: refused with HTTP 422: text: at most 40 characters"


async def test_the_id_of_a_message_is_saved(mediator: Any, run: Any, around: Any) -> None:
    asked: Asked = []
    result = await run(
        """
- message: {domain: d, from: "1", to: "2", text: "a"}
  save: {message: m}
- http: {method: POST, path: "x/${m}"}
""",
        around_=replace(around, request=answering(asked, 202, {"message": "3fa9c1-2"})),
    )
    assert result.verdict == "PASS"
    assert asked[1] == ("POST", "x/3fa9c1-2", None)


async def test_without_the_web_it_is_a_mistake_of_the_script(mediator: Any, run: Any) -> None:
    result = await run("- alarm: {type: 2, code: 7}")
    assert "steps[1].alarm: needs the web of a lab: give --web URL" in str(result.error)


@pytest.mark.parametrize(
    ("message", "again"),
    [(Restart(), "123456"), (Alarm(1, 0), "123456"), (Alarm(2, 0), "654321")],
)
async def test_after_a_restart_and_with_lost_tables_the_first_password_holds(
    mediator: Any, run: Any, around: Any, message: Any, again: str
) -> None:
    """Order 268, 9.2.4 and 9.1.4.1."""
    asked: Asked = []
    name = message.message_name
    result = await run(
        f"""
- send: {{set-password: {{new_password: "654321"}}}}
- restart: {{}}
  expect: [{name}]
- send: get-version
  expect: [command-received]
""",
        around_=replace(around, request=answering(asked, 202, {}, lambda: mediator.say(message))),
    )
    assert result.verdict == "PASS"
    assert mediator.commands[-1][4:10].decode() == again


async def test_with_restored_tables_the_password_holds_too(mediator: Any, run: Any, around: Any) -> None:
    asked: Asked = []
    await run(
        """
- send: {set-password: {new_password: "654321"}}
- restart: {}
  expect: [restart]
- send: start
""",
        around_=replace(
            around,
            restart_resets_password=False,
            request=answering(asked, 202, {}, lambda: mediator.say(Restart())),
        ),
    )
    assert mediator.commands[-1][4:10].decode() == "654321"


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (
            "alarm: {type: 5, code: 0}",
            "steps[1].alarm.type: 5 is not allowed here; allowed: an integer from 1 to 4",
        ),
        ("alarm: {type: 1}", "steps[1].alarm: code is missing"),
        ("alarm: {type: 1, code: 0, text: x}", "steps[1].alarm.text: unknown key; allowed: type, code"),
        ("unauthorized-access: {code: 6}", "allowed: an integer from 1 to 5"),
        (
            "line-state: {object: 1, state: 2}",
            "2 is not allowed here; allowed: 0 (fine), 1 (faulty), 3 (blocked)",
        ),
        ("message: {domain: d, from: 1, to: '2', text: x}", "from: 1 is not allowed here; allowed: a string"),
        ("message: {domain: d, from: '1', to: '2'}", "steps[1].message: text is missing"),
        (
            "message: {domain: d, from: '1', to: '2', text: x, delivered: maybe}",
            "delivered: 'maybe' is not allowed here; allowed: true, false, null",
        ),
        ("rename-trunk: {domain: d, trunk: 65535, name: x}", "allowed: an integer from 0 to 65534"),
        ("alarm: {type: '${n}', code: 0}", "the variable 'n' isn't known here"),
        ("restart: switch", "'switch' is not allowed here; allowed: gateway, which ends the program, or {}"),
        ("alarm: {type: 1, code: 0}\n    save: {alarm: a}", "save: belongs to a step with call or message"),
        ("message: {domain: d, from: '1', to: '2', text: x}\n    save: {call: c}", "allowed: message"),
    ],
)
def test_a_mistake_is_found_when_the_script_is_read(step: str, told: str) -> None:
    with pytest.raises(ScriptError) as caught:
        scenario.parse(f"name: a\nsteps:\n  - {step}\n")
    assert told in str(caught.value)


async def test_a_value_of_a_variable_is_checked_when_the_step_runs(
    mediator: Any, run: Any, around: Any
) -> None:
    asked: Asked = []
    result = await run(
        '- alarm: {type: "${n}", code: 0}',
        head="variables: {n: 9}",
        around_=replace(around, request=answering(asked, 202, {})),
    )
    assert "9 is not allowed here; allowed: an integer from 1 to 4" in str(result.error)
    assert asked == []


@pytest.mark.parametrize("coding", CODINGS)
async def test_the_text_of_a_message_is_read_in_the_coding_of_the_mediator(
    mediator: Any, run: Any, around: Any, coding: MessageCoding
) -> None:
    asked: Asked = []
    codec = Codec(Options(message_text=coding))
    party = Party(NumberSign.OWN, "28331")
    nobody = Party(None, None)
    message = ElectronicMessage(
        258, ObjectType.OWN_SUBSCRIBER, party, 0x15, 0xFF, Time(15, 9, 30, 5), party, nobody, nobody,
        encode_message_text("Come at ten.", coding), total=1, index=1,
    )  # fmt: skip
    result = await run(
        """
- message: {domain: d, from: "1", to: "2", text: "Come at ten."}
  expect: [{electronic-message: {object_number: 258, text: "Come at ten."}}]
""",
        around_=replace(
            around,
            codec=codec,
            request=answering(asked, 202, {"message": "m"}, lambda: mediator.say(message)),
        ),
    )
    assert result.verdict == "PASS", failure(result)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("fault: {link: ssh, action: cuts}", "fault.action: 'cuts' is not allowed: 'drop'"),
        ("fault: {link: kpd1, action: delay}", "fault: seconds: delay needs them, such as 0.5"),
        ("fault: {link: kpd1, action: drop, address: primary}", "fault.address: belongs to ssh, not to kpd1"),
        ("fault: {link: kpd1, action: drop, share: 2}", "fault.share: 2 is not allowed: at most 1"),
        (
            "fault: {link: kpd1, action: drop, chance: 1}",
            "fault.chance: unknown key; allowed: link, action, for",
        ),
        ("fault: {action: drop}", "fault: link is missing"),
    ],
)
def test_a_fault_is_checked_by_its_declaration_before_the_run(step: str, told: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(told)):
        scenario.parse(f"name: a test\nsteps:\n- {step}\n", Path("test.yaml"))


async def test_a_fault_that_the_lab_refuses_fails_its_step_with_the_reason(run: Any, around: Any) -> None:
    around_ = replace(around, request=answering([], 409, {"detail": "the lab file has no ssh.backup"}))
    result = await run("- fault: {link: ssh, action: cut, address: backup}", around_=around_)
    assert "refused with HTTP 409" in failure(result)
    assert "the lab file has no ssh.backup" in failure(result)


def test_without_a_web_a_fault_is_refused_before_the_run() -> None:
    script = scenario.parse("name: a test\nsteps:\n- fault: {link: ssh, action: cut}\n", Path("test.yaml"))
    with pytest.raises(ScriptError, match="needs the web of a lab: give --web URL"):
        script.check(calls=False, web=False, restart=False)
