"""Add-on conferences: each that goes on is one licence, and has at most as many members as the licence says.

Source: ECSS-10 manual, Licence distribution (conferences, limit; conference, member, limit).
"""

from __future__ import annotations

from typing import Any

import pytest

from sorm_mediator.config import ConfigError
from sorm_mediator.switch.calls.call import Call, CallRefused, ServiceRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.changes.licence import add_licence
from sorm_mediator.switch.licence import make_licence
from tests.switch.conftest import Switch, refusals
from tests.switch.licence.test_licence_units import A, B, C, D, E, F, lab


class Lab(Switch):
    """A switch whose licence names these limits; its calls ring for a second and last a minute."""

    def __init__(self, **limits: Any) -> None:
        switch = lab(limits=limits).switch
        assert switch is not None
        super().__init__(Engine(switch), domain="one")

    def talk(self, a: str, b: str) -> Call:
        call = self.call(a, b, ring=1.0, talk=60.0)
        self.wait(2)
        return call

    def join(self, call: Call, number: str, by: Any = "a") -> Call:
        service = ServiceRequest(service="3pty", by=by, number=number, ring=0.1, talk=50.0)
        self.engine.use_service(call.id, service, self.now)
        self.wait(1)
        assert call.consultation is not None
        return call.consultation

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.engine.tick(self.now)

    @property
    def conferences(self) -> int:
        return self.engine.conferences.in_use


COUNT, MEMBERS = "addon.count", "addon.members"


def test_each_active_conference_is_one_licence() -> None:
    lab = Lab(**{COUNT: 1})
    first, second = lab.talk(A, B), lab.talk(C, D)
    third = lab.join(first, E)
    assert lab.conferences == 1

    with pytest.raises(CallRefused) as refused:
        lab.join(second, F)

    assert (refused.value.kind, refused.value.text) == (
        "licence",
        "licence 1 allows 1 add-on conferences (total count): 1 are in use; wait until one ends, or add a licence",
    )
    assert (second.state, second.consultation) == (State.TALKING, None), "the call goes on as before"
    lab.engine.hang_up(third.id, lab.now)
    assert lab.conferences == 0
    lab.join(second, F)
    assert lab.conferences == 1


def test_a_scripted_conference_beyond_the_limit_is_an_event_of_its_call() -> None:
    lab = Lab(**{COUNT: 0})

    call = lab.call(A, B, {"service": "3pty", "number": C, "at": 2}, ring=1.0, talk=9.0)
    lab.wait(3)

    (refused,) = refusals(call)
    assert refused.startswith("3pty: licence 1 allows 0 add-on conferences (total count)")


def test_a_conference_has_at_most_the_members_of_the_licence() -> None:
    lab = Lab(**{MEMBERS: 3})
    call = lab.talk(A, B)
    third = lab.join(call, C)
    assert lab.engine.conferences.participants(call) == 3

    with pytest.raises(CallRefused) as refused:
        lab.join(third, D, by="b")

    assert refused.value.text == (
        "licence 1 allows 3 members of the one add-on conference, and 4 would be in it"
    )


def test_a_member_may_bring_in_another_one_to_the_same_conference() -> None:
    lab = Lab(**{MEMBERS: 4, COUNT: 1})
    call = lab.talk(A, B)
    third = lab.join(call, C)

    fourth = lab.join(third, D, by="b")

    assert (lab.conferences, lab.engine.conferences.participants(call)) == (1, 4)
    assert lab.engine.units.in_use == 4, "one unit for each participant"
    lab.engine.hang_up(fourth.id, lab.now)
    assert lab.engine.conferences.participants(call) == 3


def two_conferences(**limits: Any) -> tuple[Lab, Call, Call, Call]:
    """A call, its consultation call, and a third call that makes the consultation a conference."""
    lab = Lab(**limits)
    call = lab.talk(A, B)
    consult = ServiceRequest(service="consultation", by="a", number=C, ring=0.1, talk=50.0)
    lab.engine.use_service(call.id, consult, lab.now)
    lab.wait(1)
    assert call.consultation is not None
    return lab, call, call.consultation, lab.join(call.consultation, D, by="b")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_conference_that_is_joined_to_a_call_becomes_one_with_it(order: tuple[int, ...]) -> None:
    lab, *calls = two_conferences(**{COUNT: 1, MEMBERS: 4})
    lab.engine.use_service(calls[0].id, ServiceRequest(service="3pty", by="a"), lab.now)

    assert (lab.conferences, lab.engine.conferences.participants(calls[0])) == (1, 4)
    for index in order:
        lab.engine.hang_up(calls[index].id, lab.now)
    assert (lab.conferences, lab.engine.active) == (0, 0)


def test_the_members_of_a_conference_that_is_joined_count() -> None:
    lab, call, _, _ = two_conferences(**{MEMBERS: 3})

    with pytest.raises(CallRefused, match="3 members of the one add-on conference, and 4 would be in it"):
        lab.engine.use_service(call.id, ServiceRequest(service="3pty", by="a"), lab.now)


def test_a_conference_of_two_is_none() -> None:
    lab = Lab(**{MEMBERS: 2})

    with pytest.raises(CallRefused, match="allows 2 members of the one add-on conference, and 3 would"):
        lab.join(lab.talk(A, B), C)


def test_a_conference_ends_with_its_first_call_and_with_a_transfer() -> None:
    lab = Lab()
    first, second = lab.talk(A, B), lab.talk(C, D)
    lab.join(lab.join(first, E), F, by="b")
    lab.engine.hang_up(first.id, lab.now)
    assert (lab.conferences, lab.engine.conferences.participants(first)) == (0, 0)

    lab.join(second, E)
    lab.engine.use_service(second.id, ServiceRequest(service="transfer", by="a"), lab.now)

    assert lab.conferences == 0


def test_a_licence_that_does_not_name_them_limits_no_conferences() -> None:
    lab = Lab()
    for a, b, c in ((A, B, C), (D, E, F)):
        lab.join(lab.talk(a, b), c)

    active = lab.engine.node.licences.active(lab.now)
    assert (lab.conferences, active.limits.values[COUNT], active.limits.kept(COUNT)) == (2, 30, None)


def test_an_added_licence_limits_them_by_its_key() -> None:
    key = make_licence({COUNT: 0}, ssw_id="ECSS 000000", description="", expires=None, now=0.0)
    switch = lab().switch
    assert switch is not None
    engine = Engine(switch)
    add_licence(engine.node, key, 1_700_000_000.0)
    call = Switch(engine, domain="one").call(A, B, ring=0.0, talk=9.0)

    with pytest.raises(CallRefused, match="licence 2 allows 0 add-on conferences"):
        engine.use_service(call.id, ServiceRequest(service="3pty", number=C), 1_700_000_001.0)


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"addon": 1}, r"switch\.licence\.limits: addon: there is no such limit; there are: .*addon\.count"),
        ({COUNT: "many"}, r"addon\.count: 'many' is not allowed: a whole number, 0 or more"),
        ({"concurrent_calls": 5}, "is a key of its own: set switch.licence.concurrent_calls"),
    ],
)
def test_what_can_be_no_row_is_refused(limits: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Lab(**limits)
