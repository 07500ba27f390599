"""What the licences of stations and trunks let pass of calls, and what they do not."""

from __future__ import annotations

from functools import partial

import pytest

from sorm_mediator import config
from sorm_mediator.switch.calls.call import RELEASE_FAULT, Call, CallRefused, ServiceRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.changes import stations
from sorm_mediator.switch.licence_grounds import state_ground, station_ground
from sorm_mediator.switch.licence_network.states import DAY, NodeLicence
from tests.switch.conftest import LABS, START, Switch

HAS, HAS_TOO, LEFT_OUT, NONE, EMERGENCY = "28331", "28332", "28333", "28334", "112"
OUTSIDE = "89001234567"


@pytest.fixture
def licensed() -> Switch:
    """The switch of captures/labs/stations.toml, with the ground of its licences."""
    loaded = config.load(LABS / "stations.toml")
    assert loaded.switch is not None
    engine = Engine(loaded.switch, loaded.directory)
    engine.node.admission.grounds.append(partial(station_ground, engine.node))
    return Switch(engine)


def reason(call: Call) -> tuple[str, int | None]:
    return str(call.not_admitted), call.release_cause


def test_licensed_subscribers_call_each_other(licensed: Switch) -> None:
    assert licensed.call(HAS, HAS_TOO).not_admitted == ""


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        (NONE, HAS, "28334 has no station licence"),
        (HAS, NONE, "28334 has no station licence"),
        (LEFT_OUT, HAS, "28333: its station licence ip is not licensed"),
        (HAS, LEFT_OUT, "28333: its station licence ip is not licensed"),
    ],
)
def test_a_subscriber_that_is_not_licensed_makes_and_takes_no_calls(
    licensed: Switch, a: str, b: str, why: str
) -> None:
    assert reason(licensed.call(a, b)) == (why, RELEASE_FAULT)


@pytest.mark.parametrize("a", [HAS, LEFT_OUT, NONE])
def test_emergency_numbers_are_called_in_any_case(licensed: Switch, a: str) -> None:
    assert licensed.call(a, EMERGENCY).not_admitted == ""


def test_a_forwarding_to_a_subscriber_without_a_licence_ends_the_call(licensed: Switch) -> None:
    licensed.engine.domains["test.domain"].subscribers[HAS_TOO].forwardings["cfu"] = NONE

    call = licensed.call(HAS, HAS_TOO)

    assert (call.state, call.release_cause) == (State.RELEASED, RELEASE_FAULT)
    assert [str(one.detail) for one in call.events if one.event == "not-admitted"] == [
        "28334 has no station licence"
    ]


@pytest.mark.parametrize("service", ["transfer", "pickup"])
@pytest.mark.parametrize(
    ("number", "why"),
    [
        (NONE, "28334 has no station licence"),
        (LEFT_OUT, "28333: its station licence ip is not licensed"),
    ],
)
def test_a_subscriber_that_is_not_licensed_gets_no_call_by_a_service(
    licensed: Switch, service: str, number: str, why: str
) -> None:
    call = licensed.call(HAS, HAS_TOO, ring=1 if service == "transfer" else 30, talk=60)
    licensed.run(2)
    before = call.state, call.called

    with pytest.raises(CallRefused) as refused:
        licensed.engine.use_service(
            call.id, ServiceRequest(at=0, service=service, number=number), licensed.now
        )

    assert str(refused.value.text) == why
    assert (call.state, call.called) == before, "the call stays where it was"


def test_a_call_is_transferred_to_an_emergency_number_in_any_case(licensed: Switch) -> None:
    call = licensed.call(HAS, HAS_TOO, ring=1, talk=60)
    licensed.run(2)

    licensed.engine.use_service(
        call.id, ServiceRequest(at=0, service="transfer", number=EMERGENCY), licensed.now
    )

    assert call.called.number.digits == EMERGENCY


def test_a_licence_that_is_checked_lets_calls_pass_and_one_that_is_lost_stops_none(licensed: Switch) -> None:
    node = licensed.engine.node
    going = licensed.call(HAS, HAS_TOO, talk=60)
    licensed.run(1)
    stations.release(node, HAS_TOO, "ip")
    stations.check(node)

    assert going.state is State.TALKING, "what runs goes on"
    assert reason(licensed.call(LEFT_OUT, HAS_TOO)) == ("28332 has no station licence", RELEASE_FAULT)
    assert licensed.call(LEFT_OUT, OUTSIDE).not_admitted == ""


def test_the_call_beyond_the_trunk_licences_takes_the_next_direction_or_fails_with_the_reason(
    licensed: Switch,
) -> None:
    trunks = licensed.engine.domains["test.domain"].trunks
    first = licensed.call(HAS, OUTSIDE, talk=60)
    second = licensed.call(HAS_TOO, OUTSIDE, talk=60)
    licensed.run(1)
    assert [call.called.trunk.name for call in (first, second) if call.called.trunk] == ["first", "second"]

    trunks["second"].config = trunks["second"].config.model_copy(update={"direction": "incoming"})
    third = licensed.call(HAS, OUTSIDE)

    failed = next(str(one.detail) for one in third.events if one.event == "routing-failed")
    assert "trunk first: all 1 channels that it has trunk licences for are in use" in failed


def test_in_emergency_only_emergency_numbers_are_called_and_running_calls_go_on() -> None:
    loaded = config.load(LABS / "stations.toml")
    assert loaded.switch is not None
    switch = Switch(Engine(loaded.switch, loaded.directory))
    licence = NodeLicence(30 * DAY, START)
    switch.engine.node.admission.grounds.append(state_ground(licence))
    switch.engine.display = lambda: licence.shown(START + 31 * DAY)
    going = switch.call(HAS, OUTSIDE, talk=60)
    licence.lost(START)
    switch.run(1)
    before = switch.call(NONE, HAS_TOO)
    assert (before.not_admitted, [one.event for one in before.events][:2]) == ("", ["dialling", "licence"])

    licence.tick(START + 31 * DAY)

    assert "the licence network is in emergency" in str(switch.call(LEFT_OUT, HAS).not_admitted)
    assert switch.call(LEFT_OUT, EMERGENCY).not_admitted == ""
    assert going.state is State.TALKING
