"""The matrix: which call checks which kind, direction and operator, before anything is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocol.codes import NumberSign, ObjectType
from protocol.language import translate
from sorm_mediator.acceptance.matrix import FormatCheck, doubts, matrix
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.mediator.core.numbers import Numbers
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.trace import LabTrace, read_request, trace

Plan = Callable[[Config], tuple[FormatCheck, ...]]
TRUNKS = ("smg_trunk", "second_trunk", "city_trunk")


def only(checks: tuple[FormatCheck, ...], kind: str, direction: str, operator: str) -> FormatCheck:
    (found,) = [
        one for one in checks if (one.kind, one.direction, one.operator) == (kind, direction, operator)
    ]
    return found


def test_every_kind_is_there_in_both_directions_with_every_operator(make: Any, planned: Plan) -> None:
    checks = planned(make())
    for kind in ("own", "local", "intercity", "international", "emergency"):
        for direction in ("outgoing", "incoming"):
            there = [one.operator for one in checks if (one.kind, one.direction) == (kind, direction)]
            assert sorted(there) == sorted((*TRUNKS, "") if kind == "own" else TRUNKS)


def test_an_outgoing_call_has_the_network_number_under_control_as_its_called_party(
    make: Any, planned: Plan
) -> None:
    check = only(planned(make()), "intercity", "outgoing", "smg_trunk")
    assert check.call is not None
    assert (check.call.origin, check.call.a, check.call.b) == ("subscriber", "73832728331", "89001758964")
    assert check.role == "called"
    assert check.controlled is not None
    assert (check.controlled.number, check.controlled.sign) == ("79001758964", NumberSign.RUSSIA)
    assert check.controlled.object_type is ObjectType.NETWORK_FULL
    assert check.calling is not None
    assert check.calling.number == "73832728331"


def test_an_operator_is_chosen_by_what_its_table_dials(make: Any, planned: Plan) -> None:
    checks = planned(make())
    second = only(checks, "intercity", "outgoing", "second_trunk")
    assert second.call is not None
    assert second.call.b == "8539001758964"
    assert second.controlled == only(checks, "intercity", "outgoing", "smg_trunk").controlled


def test_an_operator_that_another_number_leads_to_does_not_apply_and_says_how_it_would(
    make: Any, planned: Plan
) -> None:
    check = only(planned(make()), "local", "outgoing", "smg_trunk")
    assert check.skipped == (
        "2234567 leaves by city_trunk; acceptance.formats.local.operators.smg_trunk.dial tells how this one is chosen"
    )
    assert translate(check.skipped, "ru").startswith("2234567 уходит через city_trunk")


def test_an_operator_whose_dialling_leads_elsewhere_has_failed(make: Any, planned: Plan) -> None:
    operators = {"second_trunk": {"dial": "89001758964"}}
    checks = planned(make(formats={"intercity": {"operators": operators}}))
    check = only(checks, "intercity", "outgoing", "second_trunk")
    assert check.problem == "89001758964 leaves by smg_trunk, not by second_trunk"


def test_an_operator_that_no_number_leaves_by_has_failed_for_every_kind(make: Any, planned: Plan) -> None:
    trunks = [
        {"number": number, "name": name, "context": "ctx_agreed_in"} for number, name in enumerate(TRUNKS)
    ]
    forgotten = {"number": 9, "name": "forgotten", "context": "ctx_agreed_in"}
    checks = planned(make(domain={"trunks": [*trunks, forgotten]}))
    for kind in ("local", "intercity", "international", "emergency", "own"):
        check = only(checks, kind, "outgoing", "forgotten")
        assert check.problem.startswith("no number of the table leaves by forgotten: ")
        assert not check.skipped


def test_a_direction_without_a_route_has_failed_with_the_reason_of_routing(make: Any, planned: Plan) -> None:
    check = only(planned(make(formats={"intercity": {"dial": "9"}})), "intercity", "outgoing", "smg_trunk")
    assert check.problem == (
        "9: no rule of context 'ctx_agreed_out' fits 73832728331 -> 9 (domain test.domain)"
    )


def test_a_trunk_of_one_direction_does_not_apply_in_the_other(make: Any, planned: Plan) -> None:
    trunks = [
        {"number": number, "name": name, "context": "ctx_agreed_in", "direction": "outgoing"}
        for number, name in enumerate(TRUNKS)
    ]
    checks = planned(make(domain={"trunks": trunks}))
    for check in checks:
        if check.direction == "incoming" and check.operator:
            assert check.skipped
    assert only(checks, "local", "incoming", "city_trunk").skipped == "city_trunk carries outgoing calls only"


def test_emergency_services_do_not_call(make: Any, planned: Plan) -> None:
    check = only(planned(make()), "emergency", "incoming", "city_trunk")
    assert check.skipped == "emergency services are called; they don't call"


def test_directions_that_are_not_agreed_do_not_apply(make: Any, planned: Plan) -> None:
    operators = {"city_trunk": {"directions": []}}
    check = only(
        planned(make(formats={"intercity": {"operators": operators}})), "intercity", "incoming", "city_trunk"
    )
    assert check.skipped == "no such calls are agreed (acceptance.formats.intercity.directions)"


def test_an_own_subscriber_shows_what_it_dialled_in_41h_and_the_agreed_number_later(
    make: Any, planned: Plan
) -> None:
    check = only(planned(make()), "own", "outgoing", "smg_trunk")
    assert check.first_called is not None
    assert check.called is not None
    assert (check.first_called.number, check.called.number) == ("89001758964", "79001758964")
    agreed = only(planned(make(formats={"own": {"dialled": "agreed"}})), "own", "outgoing", "smg_trunk")
    assert agreed.first_called == agreed.called


def test_another_prefix_may_be_agreed_for_the_called_side_of_a_controlled_caller(
    make: Any, planned: Plan
) -> None:
    checks = planned(make(formats={"intercity": {"prefix_by_a": "8"}}))
    own = only(checks, "own", "outgoing", "smg_trunk")
    network = only(checks, "intercity", "outgoing", "smg_trunk")
    assert own.called is not None
    assert network.called is not None
    assert (own.called.number, network.called.number) == ("89001758964", "79001758964")


def test_who_is_tested_is_found_in_a_lab_without_any_table(make: Any, planned: Plan) -> None:
    own = only(planned(make("minimal.toml")), "own", "incoming", "city_trunk")
    assert own.call is not None
    assert own.call.b == "28331"
    assert own.controlled is not None
    assert (own.controlled.number, own.controlled.sign) == ("28331", NumberSign.OWN)


def test_order_70_has_signs_of_its_own(make: Any, planned: Plan) -> None:
    checks = planned(make(mediator={"order": "70"}))
    signs = {one.kind: one.controlled.sign for one in checks if one.controlled is not None}
    assert signs == {
        "own": NumberSign.PRIVATE,
        "local": NumberSign.LOCAL,
        "intercity": NumberSign.INTERCITY,
        "international": NumberSign.INTERNATIONAL,
        "emergency": NumberSign.EMERGENCY,
    }


def test_own_numbers_that_have_not_the_agreed_format_have_failed(make: Any, planned: Plan) -> None:
    formats = {"own": {"digits": 11, "prefix": "7"}}
    check = only(planned(make("minimal.toml", formats=formats)), "own", "incoming", "")
    assert check.problem == "28331 has 5 digits, and 11 are agreed"
    check = only(planned(make("minimal.toml", formats={"own": {"prefix": "7"}})), "own", "incoming", "")
    assert check.problem == "28331 does not begin with the agreed prefix 7"


def test_a_caller_from_outside_who_does_not_reach_the_subscriber_is_a_failure_with_its_reason(
    make: Any, planned: Plan
) -> None:
    check = only(planned(make(formats={"own": {"called": "1"}})), "local", "incoming", "city_trunk")
    assert check.problem.startswith("1 by city_trunk: no rule of context 'ctx_agreed_called' fits")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"formats": {"local": {"operators": {"gone": {"dial": "1"}}}}},
            "acceptance.formats.local.operators.gone: 'gone' is not a trunk; "
            "there are: smg_trunk, second_trunk, city_trunk",
        ),
        (
            {"acceptance": {"domain": "gone"}},
            "acceptance.domain: 'gone' is not a domain of the mediator; there are: test.domain",
        ),
        (
            {"formats": {"local": {"number_sign": "own"}}},
            "acceptance.formats.local.number_sign: 'own' is not a sign of network-full in order 268; "
            "there are: emergency, foreign, imsi, russia",
        ),
        (
            {"ssh": {"user": "gone"}},
            "ssh.user: 'gone' is not a domain of the switch, nor an aggregate user; there are: test.domain",
        ),
        (
            {"domain": {"subscribers": []}},
            "switch.domains: no domain of the mediator (test.domain) has a subscriber that can be called: "
            "declare one without forwarding whose line is good",
        ),
    ],
)
def test_what_is_wrong_in_the_lab_file_is_told(make: Any, planned: Plan, changes: Any, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(make(**changes))
    assert str(caught.value) == text


def test_a_number_that_contradicts_its_length_is_told(make: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"acceptance\.formats\.local\.number: 3832234567 with the prefix 7 has 11 "
    ):
        make(formats={"local": {"digits": 7}})
    with pytest.raises(ConfigError, match=r"operators\.smg_trunk\.number: 1 with the prefix 7 has 2 digits"):
        make(formats={"local": {"operators": {"smg_trunk": {"number": "1"}}}})


def test_the_domains_of_an_aggregate_are_one_node(make: Any, planned: Plan) -> None:
    checks = planned(make("multisorm/lab.toml"))
    assert {one.domain for one in checks} == {"voip.local", "local.voip"}
    inside = [one for one in checks if (one.kind, one.direction, one.operator) == ("own", "outgoing", "")]
    assert all(one.controlled and one.controlled.object_type is ObjectType.OWN_SUBSCRIBER for one in inside)
    assert {len(one.called.number) for one in inside if one.called} == {6}
    city = [one for one in checks if (one.kind, one.operator) == ("own", "trunk1")]
    assert {one.controlled.number[:6] for one in city if one.controlled} == {"738327"}
    assert {one.controlled.object_type for one in city if one.controlled} == {ObjectType.NETWORK_FULL}


def inside(checks: tuple[FormatCheck, ...]) -> dict[str, tuple[str, str, str]]:
    """Domain -> the call to the partner."""
    return {
        one.domain: (one.call.a, one.call.b, one.problem)
        for one in reversed(checks)
        if one.call and (one.kind, one.direction, one.operator) == ("own", "outgoing", "")
    }


OWN_WAYS = {"partner": "300000", "dial": "300000", "digits": 6, "outside": "full"}


def test_each_domain_of_a_node_is_dialled_its_own_way(make: Any, planned: Plan) -> None:
    formats = {"own": {**OWN_WAYS, "domains": {"voip.local": {"partner": "200100", "dial": "7383270000"}}}}
    calls = inside(planned(make("multisorm/lab.toml", formats=formats)))
    assert calls["local.voip"] == ("300001", "300000", "")
    caller, dialled, problem = calls["voip.local"]
    assert (caller, dialled) == ("200119", "7383270000")
    assert problem.startswith("7383270000: no rule of context 'default_routing' fits 200119 -> 7383270000")
    # What is said of one domain is not used in another: voip.local is dialled by its partner's number.
    calls = inside(planned(make("multisorm/lab.toml", formats={"own": OWN_WAYS})))
    assert calls == {"local.voip": ("300001", "300000", ""), "voip.local": ("200100", "200119", "")}


@pytest.mark.parametrize("named", [{"subscriber": "200100"}, {"partner": "200119"}])
def test_what_is_dialled_is_about_the_domain_of_who_is_named(make: Any, planned: Plan, named: Any) -> None:
    """``dial`` and ``called`` would lead nowhere in the other domain."""
    formats = {"own": {"digits": 6, "outside": "full", "dial": "200119", "called": "73832700000", **named}}
    checks = planned(make("multisorm/lab.toml", formats=formats))
    assert [one.problem for one in checks if one.problem] == []
    called = {one.domain: one.call.b for one in checks if one.call and one.call.origin == "trunk:trunk1"}
    assert called == {"local.voip": "73832710001", "voip.local": "73832700000"}


@pytest.mark.parametrize(
    ("domains", "text"),
    [
        (
            {"voip.locl": {"dial": "1"}},
            "acceptance.formats.own.domains.\"voip.locl\": 'voip.locl' is not a tested domain; there are: local.voip, "
            "voip.local; did you mean voip.local?",
        ),
        (
            {"voip.local": {"partner": "300000"}},
            'acceptance.formats.own.domains."voip.local".partner: 300000 is not a subscriber of voip.local; '
            "there are: 200100, 200119",
        ),
    ],
)
def test_a_table_of_a_domain_names_a_domain_and_its_subscribers(
    make: Any, planned: Plan, domains: Any, text: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(make("multisorm/lab.toml", formats={"own": {"domains": domains}}))
    assert str(caught.value) == text


def test_one_cause_is_one_warning_with_the_count_and_the_places(make: Any, planned: Plan) -> None:
    formats = {kind: {"prefix": "7"} for kind in ("own", "local", "intercity")}
    formats |= {"international": {"prefix": "10"}, "emergency": {"number": "112"}}
    domain = {"contexts": [], "default_context": "", "trunks": [{"number": 1, "name": "t"}]}
    config = make("minimal.toml", domain=domain, formats=formats)
    checks = planned(config)
    found = list(doubts(config, checks))
    failing = [one for one in checks if one.problem]
    assert len(failing) > 10
    assert len(found) < 5
    (outgoing,) = [one for one in found if "outgoing by t:" in one]
    assert "there is no routing context" in outgoing
    assert "for the same reason: " in outgoing
    for kind in ("local", "intercity", "international", "emergency"):
        assert f"{kind} outgoing by t" in outgoing


@pytest.mark.parametrize("lab", ["acceptance.toml", "minimal.toml", "order70.toml", "multisorm/lab.toml"])
def test_what_an_agreement_that_is_kept_expects_is_what_the_trace_shows(make: Any, lab: str) -> None:
    """The party under control is shown as command 5 gives it, in both (order 268, 10.3.2.1)."""
    prefix = {} if lab == "acceptance.toml" else {"intercity": {"prefix": "8"}}
    config = make(lab, formats=prefix)
    domains = Node(config.switch, config.directory).domains
    tracer = LabTrace(config.mediator, Numbers(config.mediator))
    compared = 0
    for check in matrix(config, domains):
        if check.skipped or check.problem or check.kind not in ("own", "intercity"):
            continue
        assert check.call is not None
        traced = trace(domains, domains[check.call.domain], read_request(check.call.trace_arguments))
        role = "a" if check.role == "calling" else "b"
        rows = [row for hop in tracer.document(traced)["hops"] for row in hop["console"]]
        shown = {
            (
                row["events"],
                *((row[side]["digits"], row[side]["number_sign"]) for side in ("calling", "called")),
            )
            for row in rows
            if row["object"] == role
        }
        assert check.controlled == getattr(check, check.role)
        assert check.calling is not None
        for event in ("41h", "42h-44h") if role == "a" else ("41h-44h",):
            called = check.first_called if event == "41h" else check.called
            assert called is not None
            wanted = ((one.number, one.sign) for one in (check.calling, called))
            assert (event, *wanted) in shown, check
            compared += 1
    assert compared
