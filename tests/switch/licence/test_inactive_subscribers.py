"""Inactive subscribers, which are created without a licence and activated later, and virtual subscribers.

Source: ECSS-10 manual, Licence distribution: subscribers, limit; subscribers, virtual, limit.
"""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import CallRefused, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.calls.messages import MessageRequest
from sorm_mediator.switch.mediators.session import check_object
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.config_commands import written
from sorm_mediator.switch.shell.session import ShellSession
from ssh_control.dialect import Refused
from tests.switch.conftest import START, Switch, obj

USER = "domain/one/sip/user"
NO_ROOM = (
    "licence 1 allows 2 subscribers (Subscribers limit): 2 are active, and 1 more would be needed; "
    "remove or deactivate some, declare inactive ones, or add a licence"
)


def document(**licence: Any) -> config.Config:
    domain = {"name": "one", "subscribers": [{"number": "101"}, {"number": "102"}]}
    return config.parse({"switch": {"domains": [domain], "licence": licence}})


class Lab(Switch):
    """A switch with two active subscribers, and somebody at its shell."""

    def __init__(self, **licence: Any) -> None:
        switch = document(**licence).switch
        assert switch is not None
        super().__init__(Engine(switch), domain="one")
        node = self.engine.node
        self.shell = ShellSession(ShellContext(node=node, clock=lambda: START, stopwatch=lambda: 0.0))

    def types(self, *lines: str) -> str:
        text = ""
        for line in lines:
            outcome = self.shell.enter(line)
            assert not outcome.error, outcome.error
            text = outcome.text
        return text

    def is_refused(self, line: str) -> str:
        return self.shell.enter(line).error.removeprefix("Error: ").rstrip("\n")


def test_an_inactive_subscriber_is_created_where_no_licence_is_free_and_activated_when_one_is() -> None:
    lab = Lab(subscribers=2)
    assert lab.is_refused(f"{USER}/declare ctx g 103@one") == NO_ROOM

    lab.types(f"{USER}/declare ctx g 103@one --inactive")
    assert lab.is_refused(f"{USER}/activate 103") == NO_ROOM
    lab.types(f"{USER}/deactivate 102", f"{USER}/activate 103")

    listed = lab.types(f"{USER}/list")
    assert ["inactive" in line for line in listed.splitlines() if "│102" in line] == [True]
    assert ["inactive" in line for line in listed.splitlines() if "│103" in line] == [False]
    assert lab.is_refused(f"{USER}/activate 10{{2-3}}") == NO_ROOM


def test_an_inactive_subscriber_makes_and_takes_no_calls() -> None:
    lab = Lab()
    lab.types(f"{USER}/deactivate 102")

    with pytest.raises(CallRefused) as refused:
        lab.call("102", "101")
    call = lab.call("101", "102")

    assert (refused.value.kind, refused.value.text) == ("refused", "a: 102 is not active")
    assert (call.state, call.release_cause) == (State.RELEASED, 1)
    assert [event.detail for event in call.events if event.event == "routing-failed"] == ["102 is not active"]
    with pytest.raises(CallRefused, match="from: 102 is not active"):
        lab.engine.send_message("one", MessageRequest(sender="102", receiver="101", text="?"), START)
    lab.types(f"{USER}/activate 102")
    assert lab.call("101", "102").state is State.RINGING


def test_it_is_no_object_until_it_is_active_and_an_object_of_before_stays() -> None:
    lab = Lab()
    lab.control(obj(1, "102"))
    lab.types(f"{USER}/deactivate 102")

    with pytest.raises(Refused) as refused:
        check_object(lab.engine.domains["one"], obj(2, "102"))
    lab.call("101", "102")
    lab.run()
    assert (refused.value.code, refused.value.text) == (0x54, "102 of one is not active")
    assert lab.reports == {}

    lab.types(f"{USER}/activate 102")
    lab.call("101", "102")
    lab.run()

    assert lab.reports["m1"][-1].matches[0].object_number == 1


def test_it_is_not_deactivated_during_a_call() -> None:
    lab = Lab()
    lab.call("101", "102")

    assert lab.is_refused(f"{USER}/deactivate 102") == "102 is in a call; wait until it has ended"
    assert lab.is_refused(f"{USER}/activate 109") == "109 is not a subscriber of one"


def test_virtual_subscribers_have_a_limit_of_their_own() -> None:
    lab = Lab(subscribers=2, limits={"virtual_subscribers": 1})

    lab.types(f"{USER}/declare ctx g 201@one --virtual", f"{USER}/declare ctx g 202@one --virtual --inactive")

    assert lab.is_refused(f"{USER}/activate 202") == (
        "licence 1 allows 1 virtual subscribers (Virtual subscribers limit): 1 are active, and 1 more would be "
        "needed; remove or deactivate some, declare inactive ones, or add a licence"
    )
    lab.types(f"{USER}/remove 201", f"{USER}/activate 202")
    assert "virtual, active" in lab.types(f"{USER}/list")


def test_a_virtual_subscriber_has_no_terminal_and_is_forwarded() -> None:
    numbers = [{"number": "101"}, {"number": "201", "virtual": True}]
    numbers += [{"number": "202", "virtual": True, "services": {"cfnrc": "101"}}, {"number": "103"}]
    parsed = config.parse({"switch": {"domains": [{"name": "one", "subscribers": numbers}]}}).switch
    assert parsed is not None
    lab = Switch(Engine(parsed), domain="one")

    with pytest.raises(CallRefused, match="a: 201 is virtual, and has no terminal"):
        lab.call("201", "101")

    assert lab.call("103", "201").release_cause == 1
    assert lab.call("103", "202").called.number.digits == "101"


def test_what_is_saved_has_their_state() -> None:
    lab = Lab()
    lab.types(f"{USER}/declare ctx g 103@one --inactive --virtual", f"{USER}/deactivate 101")

    saved = tomllib.loads(written(lab.engine.node.config, ""))

    (domain,) = saved["switch"]["domains"]
    state = [(one["number"], one.get("active"), one.get("virtual")) for one in domain["subscribers"]]
    assert state == [("101", False, None), ("102", None, None), ("103", False, True)]


async def test_the_licence_counts_the_active_ones() -> None:
    box = SwitchBox(document(subscribers=5, limits={"virtual_subscribers": 3}))
    shell = ShellSession(ShellContext(node=box.engine.node, clock=lambda: START, stopwatch=lambda: 0.0))
    for line in ("declare ctx g 201@one --virtual", "declare ctx g 103@one --inactive"):
        assert not shell.enter(f"{USER}/{line}").error

    units = box.licence()["units"]

    assert units["subscribers"] == {"in_use": 2, "limit": 5}
    assert units["virtual_subscribers"] == {"in_use": 1, "limit": 3}
