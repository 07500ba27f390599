"""A tenant of the Sipteco virtual PBX in the engine, in the trace, and as SORM sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.mediator.core.numbers import Numbers
from sorm_mediator.switch.calls.call import RELEASE_BUSY, Call, CallRefused
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.mediators.session import check_object
from sorm_mediator.switch.node import Node, unresolved_references
from sorm_mediator.switch.trace import LabTrace, TraceError, read_request, text_of, trace
from ssh_control.dialect import Refused
from tests.switch.conftest import Switch, obj
from tests.vpbx.tenants import TENANT

Make = Callable[..., Switch]


def node_of(**vpbx: Any) -> Node:
    return Node(config.SwitchConfig.model_validate(document(**vpbx)))


def document(**vpbx: Any) -> dict[str, Any]:
    return {
        "profile": "sipteco",
        "domains": [{"name": "demo", "password": "123", "vpbx": {**TENANT, **vpbx}}],
    }


@pytest.fixture
def make() -> Make:
    """Makes the switch of the tests' tenant, with some of its keys replaced."""
    return lambda **vpbx: Switch(
        Engine(config.SwitchConfig.model_validate(document(**vpbx)), Path()), domain="demo"
    )


def reason(call: Call) -> str:
    return next((one.detail for one in call.events if one.event == "routing-failed"), "")


def numbers(call: Call) -> tuple[tuple[str, str], ...]:
    leg = call.legs[-1]
    return tuple((one.digits, one.ni) for one in (leg.calling.party, leg.called.party))


# --- calls


def test_each_direction_as_sorm_sees_it(make: Make) -> None:
    switch = make()
    told = {
        dialled: numbers(switch.call("101", dialled))[1]
        for dialled in ("+79257410726", "88121112233", "8104930123456", "01", "08255123", "102")
    }

    assert told == {
        "+79257410726": ("79257410726", "intercity"),
        "88121112233": ("78121112233", "local"),
        "8104930123456": ("4930123456", "international"),
        "01": ("01", "emergency"),
        "08255123": ("55123", "local"),
        "102": ("102", "private"),
    }


def test_what_sorm_is_shown_can_be_chosen(make: Make) -> None:
    trunk = {
        "user": "dial-number",
        "national": "trunk",
        "international": "trunk",
        "emergency": "trunk",
        "other": "zone",
    }
    switch = make(sorm=trunk)

    told = {
        dialled: numbers(switch.call("101", dialled))
        for dialled in ("+79257410726", "8104930123456", "01", "08255123")
    }
    own = ("74952216005", "private")
    assert told == {
        "+79257410726": (own, ("89257410726", "intercity")),
        "8104930123456": (own, ("8104930123456", "international")),
        "01": (own, ("001", "emergency")),
        "08255123": (own, ("55123", "zone")),
    }
    assert numbers(switch.call("103", "101"))[0] == ("103", "private"), "without a number it stays short"


def test_41h_has_the_digits_as_dialled(make: Make) -> None:
    switch = make()
    switch.control(obj(1, "101"))

    call = switch.call("101", "08255123")
    switch.run()

    assert switch.told(call, 1) == ["41 101>08255123", "42 101>55123", "43/05 101>55123"]


def test_an_object_may_be_the_number_that_a_user_calls_through(make: Make) -> None:
    switch = make()
    switch.control(obj(1, "78123334455"))

    out, within = switch.call("102", "89257410726"), switch.call("101", "102")
    switch.run()

    assert switch.told(out, 1)[0] == "41 102>89257410726"
    assert switch.told(within, 1)[0] == "41 101>102"


def test_a_number_that_is_not_permitted_ends_with_43h_and_01h(make: Make) -> None:
    switch = make()
    switch.control(obj(1, "102"))

    call = switch.call("102", "8104930123456")
    switch.run()

    assert switch.told(call, 1) == ["41 102>8104930123456", "43/01 102>8104930123456"]
    assert reason(call) == "+7(812)3334455 may not call 8104930123456: none of its directions fits"


def test_a_trunk_takes_calls_up_to_calllimit(make: Make) -> None:
    trunks = [{**one, "calllimit": 1} for one in TENANT["sip_trunks"]]
    switch = make(sip_trunks=trunks)

    first, second = switch.call("101", "89257410726"), switch.call("101", "89257410727")

    assert (first.called.trunk and first.called.trunk.name, reason(first)) == ("sip74952216005", "")
    assert reason(second) == "trunk sip74952216005: all 1 calls of its capacity are in use"


def test_a_call_from_outside_rings_at_the_route_of_its_extension(make: Make) -> None:
    switch = make()
    call = switch.call("9257410726", "74952216005", origin="trunk:sip74952216005")

    assert call.called.subscriber is not None
    assert (call.called.subscriber.number, numbers(call)[0]) == ("101", ("79257410726", "intercity"))
    assert reason(switch.call("9257410726", "123", origin="trunk:sip74952216005")) == (
        "no SIP trunk has the extension 123"
    )


def test_a_queue_rings_the_first_member_that_is_free(make: Make) -> None:
    switch = make()
    rung = [
        call.called.subscriber and call.called.subscriber.number
        for call in (switch.call("9", "78123334455", origin="trunk:sip78123334455") for _ in range(2))
    ]

    assert rung == ["103", "102"]


@pytest.mark.parametrize("kind", ["queue", "callgroup", "ivr"])
def test_members_that_are_free_ring_one_after_the_other_then_it_is_busy(kind: str, make: Make) -> None:
    numbers_ = ("201", "202", "203", "204", "205")
    switch = make(
        users=[
            {"id": at, "number": one, "callgroup_id": 1, "registrations": [] if one == "201" else ["lab"]}
            for at, one in enumerate(numbers_, 1)
        ],
        callgroups=[{"id": 1, "name": "all"}],
        queues=[{"id": 1, "name": "all"}],
        queue_members=[{"queue_id": 1, "user_id": at} for at in range(1, 6)],
        ivr=[{"id": 1, "name": "all"}],
        ivr_dtmf=[{"ivr_id": 1, "digit": str(at), "user_id": at} for at in range(1, 6)],
        incoming_routes=[{"dial_number_id": 1, "kind": kind, "target": "all"}],
    )
    switch.engine.domains["demo"].subscribers["202"].active = False
    rung = []
    for _ in range(4):
        call = switch.call("9", "74952216005", origin="trunk:sip74952216005")
        rung.append(call.called.subscriber and call.called.subscriber.number)

    assert rung == ["203", "204", "205", "203"]
    assert (call.state.value, call.release_cause) == ("released", RELEASE_BUSY)


def test_a_forwarding_of_a_user_goes_by_the_dial_rules(make: Make) -> None:
    switch = make()
    switch.engine.domains["demo"].subscribers["101"].forwardings["cfu"] = "89257410726"

    call = switch.call("9031112233", "74952216005", origin="trunk:sip74952216005")
    switch.run()

    assert call.called.party.digits == "79257410726"


def test_a_stopped_tenant_takes_no_calls(make: Make) -> None:
    switch = make(running=False)
    for a, b, origin in (("101", "102", "subscriber"), ("9", "74952216005", "trunk:sip74952216005")):
        with pytest.raises(CallRefused) as raised:
            switch.call(a, b, origin=origin)
        assert str(raised.value) == "tenant demo is stopped; xm create demo starts it"


def test_there_is_no_service_without_registration(make: Make) -> None:
    users = [{**one, "registrations": []} if one["number"] == "102" else one for one in TENANT["users"]]
    switch = make(users=users)
    why = "102 is not registered; there is no service without registration"

    with pytest.raises(CallRefused) as raised:
        switch.call("102", "101")
    assert str(raised.value) == why
    assert reason(switch.call("101", "102")) == why


def test_a_call_to_an_account_at_several_addresses_rings_at_the_last_one() -> None:
    users = [
        {**one, "registrations": ["192.0.2.1", "192.0.2.2"]} if one["number"] == "102" else one
        for one in TENANT["users"]
    ]
    node = node_of(users=users)

    traced = trace(node.domains, node.domains["demo"], read_request(["cgpn.digits=101", "cdpn.digits=102"]))

    assert "  102 rings at 192.0.2.2: 102" in text_of(traced, 0.0).split("\n")


def test_tenants_never_see_each_others_numbers() -> None:
    one = document()
    other = {"name": "other", "password": "1", "vpbx": {"users": [{"id": 1, "number": "777"}]}}
    engine = Engine(config.SwitchConfig.model_validate({**one, "domains": [*one["domains"], other]}), Path())
    switch = Switch(engine, domain="demo")

    assert reason(switch.call("101", "777")) == "+7(495)2216005 may not call 777: none of its directions fits"
    with pytest.raises(CallRefused, match="there is no domain 'elsewhere'"):
        switch.call("101", "102", domain="elsewhere")


def test_the_plus_of_another_profile_is_refused(switch: Switch) -> None:
    with pytest.raises(CallRefused, match=r"b: \+79257410726: this switch takes digits without \+"):
        switch.call("28331", "+79257410726")


# --- objects


def test_the_numbers_that_may_be_put_under_control() -> None:
    domain = node_of().domains["demo"]

    def taken(number: str) -> bool:
        try:
            check_object(domain, obj(1, number))
        except Refused as refused:
            return refused.code != 0x54
        return True

    assert [taken(one) for one in ("101", "103", "74952216005", "999")] == [True, True, True, False]
    assert domain.numbers_of(domain.subscribers["101"]) == ("101", "74952216005")


# --- the trace


def test_the_trace_explains_each_step() -> None:
    node = node_of()
    settings = config.MediatorConfig.model_validate({"order": "268"})
    traced = trace(
        node.domains, node.domains["demo"], read_request(["cgpn.digits=101", "cdpn.digits=+79257410726"])
    )

    text = LabTrace(settings, Numbers(settings)).text(traced, 0.0)

    assert text.split("\n")[1:8] == [
        "Tenant demo, outgoing through +7(495)2216005",
        "    direction 1 spb by sip78123334455: +79257410726 does not fit _+7812XXXXXXX _7812XXXXXXX _8812XXXXXXX",
        "    direction 2 regional by sip74952216005: taken",
        "  dialled: +79257410726",
        "  + is removed: 79257410726",
        "  dialplan_rg_substruct 1: leading digits dropped: 9257410726",
        "  dial_rg_prefix 8: put in front: 89257410726",
    ]
    assert "Trunk: sip74952216005" in text
    assert "SORM is shown: A 101 (private), B 79257410726 (intercity); as numbered in demo" in text
    assert (
        "  object A  41h-44h  101 (01h subscriber of this node) -> 79257410726 (04h PSTN subscriber of Russia)"
        in text
    )


def test_the_trace_in_json_has_the_steps() -> None:
    node = node_of()
    settings = config.MediatorConfig.model_validate({"order": "268"})
    traced = trace(
        node.domains, node.domains["demo"], read_request(["cgpn.digits=101", "cdpn.digits=08255123"])
    )

    (hop,) = LabTrace(settings, Numbers(settings)).document(traced)["hops"]

    assert hop["steps"] == [
        {"step": "dialled", "digits": "08255123"},
        {"step": "substruct4other 3: leading digits dropped", "digits": "55123"},
    ]
    assert [one["failed"] == "" for one in hop["tried"]] == [False] * 4 + [True]


def test_the_trace_does_what_a_call_does(make: Make) -> None:
    switch = make()
    domain: Domain = switch.engine.domains["demo"]
    for a, b, iface in (
        ("101", "+79257410726", ""),
        ("101", "08255123", ""),
        ("102", "84951112233", ""),
        ("102", "8104930123456", ""),
        ("103", "101", ""),
        ("103", "01", ""),
        ("9257410726", "74952216005", "sip74952216005"),
        ("9257410726", "1", "sip74952216005"),
    ):
        given = [f"cgpn.digits={a}", f"cdpn.digits={b}", *([f"iface={iface}"] if iface else [])]
        traced = trace(switch.engine.domains, domain, read_request(given))
        call = switch.call(a, b, origin=f"trunk:{iface}" if iface else "subscriber")
        assert numbers(call) == tuple(
            (one.digits, one.ni) for one in (traced.last.leg.calling.party, traced.last.leg.called.party)
        )
        assert traced.reason == reason(call)
        switch.run()


def test_a_plus_is_no_digit_for_the_other_profile(minimal: config.Config) -> None:
    assert minimal.switch is not None
    node = Node(minimal.switch, minimal.directory)

    with pytest.raises(TraceError, match=r"cdpn.digits: '\+7925' is not a number"):
        trace(
            node.domains,
            node.domains["test.domain"],
            read_request(["cgpn.digits=28331", "cdpn.digits=+7925"]),
        )


# --- the lab file


@pytest.mark.parametrize(
    ("switch", "told"),
    [
        (
            {"profile": "sipteco", "domains": [{"name": "d"}]},
            "domains.0.vpbx: is missing; with switch.profile",
        ),
        ({"domains": [{"name": "d", "vpbx": {}}]}, 'domains.0.vpbx: is of switch.profile = "sipteco"'),
        (
            {
                "profile": "sipteco",
                "domains": [
                    {"name": "a", "vpbx": {"address": "10.0.0.5"}},
                    {"name": "b", "vpbx": {"address": "10.0.0.5"}},
                ],
            },
            "domains.1.vpbx.address: 10.0.0.5 is the address of a already",
        ),
        (
            {"profile": "sipteco", "domains": [{"name": "d", "vpbx": {"address": "10.0.1.5"}}]},
            "'10.0.1.5' is no inner address: one of 10.0.0.0/24",
        ),
        (
            {"profile": "sipteco", "domains": [{"name": "d", "vpbx": {}, "subscribers": [{"number": "1"}]}]},
            "subscribers.0.number: 1 is no user of the tenant d",
        ),
        (
            {"profile": "sipteco", "domains": [{"name": "d", "vpbx": {}, "default_context": "x"}]},
            "default_context: a tenant has directions in place of it",
        ),
    ],
)
def test_a_mistake_of_the_lab_file(switch: dict[str, Any], told: str) -> None:
    with pytest.raises(config.ConfigError) as raised:
        config.parse({"switch": switch})
    assert told in str(raised.value)


def test_mistakes_in_the_tables_keep_the_switch_from_starting_and_doubts_are_warnings() -> None:
    trunks = [{**TENANT["sip_trunks"][0], "dial_number_id": 9}, TENANT["sip_trunks"][1]]
    with pytest.raises(
        config.ConfigError, match=r"switch.domains.0.vpbx.sip_trunks.0.dial_number_id: 9 is no id"
    ):
        node_of(sip_trunks=trunks)

    routes = TENANT["incoming_routes"][:1]
    assert [*unresolved_references(node_of(incoming_routes=routes))] == [
        "switch.domains.0.vpbx.sip_trunks.1.extension: calls to 78123334455 go nowhere: dial "
        "number 2 has no incoming_routes"
    ]


def test_further_settings_of_a_user_are_given_as_of_a_subscriber() -> None:
    given = document()
    given["domains"][0]["subscribers"] = [{"number": "101", "line_state": "faulty"}]
    node = Node(config.SwitchConfig.model_validate(given))

    subscribers = node.domains["demo"].subscribers
    assert {number: one.line_state for number, one in subscribers.items()} == {
        "101": "faulty",
        "102": "good",
        "103": "good",
    }
    assert subscribers["102"].group == "sales"
    assert {one.name: one.number for one in node.domains["demo"].trunks.values()} == {
        "sip74952216005": 1,
        "sip78123334455": 2,
    }


def test_a_user_that_is_not_active_gets_no_calls() -> None:
    given = document()
    given["domains"][0]["subscribers"] = [{"number": "102", "active": False}]
    switch = Switch(Engine(config.SwitchConfig.model_validate(given), Path()), domain="demo")

    assert reason(switch.call("101", "102")) == "102 is not active"
    assert reason(switch.call("101", "103")) == ""
