"""The way of a call across domains: every way, and every refusal in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import captures
from sorm_mediator import config
from sorm_mediator.config import NumberBinding
from sorm_mediator.switch.domain import Subscriber, Trunk
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.path import MOST_DOMAINS, Hop, find_path
from sorm_mediator.switch.routing.context_file import parse_context
from sorm_mediator.switch.routing.route import Number, Plan, RoutingRequest

LAB = config.load(Path(captures.__file__).parent / "labs" / "multisorm" / "lab.toml")


@pytest.fixture
def multi() -> Node:
    assert LAB.switch is not None
    return Node(LAB.switch, LAB.directory)


def go(node: Node, domain: str, a: str, b: str, np: str = "default") -> tuple[Hop, ...]:
    found = node.domains[domain]
    request = RoutingRequest(
        a=Number(digits=a, ni="private"), b=Number(digits=b), context=found.default_context, np=np
    )
    return find_path(node.domains, found, request)


def way(hops: tuple[Hop, ...]) -> list[str]:
    """Each domain with what the call leaves it by."""
    found = []
    for hop in hops:
        bridge = hop.bridge
        if isinstance(hop.exit, Subscriber):
            found.append(f"{hop.domain.name}: {hop.exit.number}")
        elif isinstance(hop.exit, Trunk):
            found.append(f"{hop.domain.name}: {hop.exit.name}")
        else:
            found.append(f"{hop.domain.name}: {bridge.bridge.name if bridge else 'nothing'}")
    return found


def settings(node: Node, bridge: str, **changed: Any) -> None:
    found = node.bridges[bridge]
    found.config = found.config.model_copy(update=changed)


def rule(name: str, verdict: str, conditions: str = "", actions: str = "") -> str:
    inside = f"<conditions>{conditions}</conditions>" if conditions else ""
    inside += f"<actions>{actions}</actions>" if actions else ""
    return f'<rule name="{name}">{inside}<result>{verdict}</result></rule>'


def replace_context(node: Node, domain: str, context: str, *rules: str, np: str = "") -> None:
    plan = f' np="{np}"' if np else ""
    text = f'<context name="{context}"{plan}>{"".join(rules)}</context>'
    node.domains[domain].contexts[context] = parse_context(text.encode(), "test.xml")


def out(by: str) -> str:
    return f'<external><trunk value="{by}"/></external>'


# --- the ways


def test_within_a_domain(multi: Node) -> None:
    hops = go(multi, "voip.local", "200100", "200119")

    assert way(hops) == ["voip.local: 200119"]
    assert hops[-1].problem == ""


def test_between_local_domains_by_the_short_numbers(multi: Node) -> None:
    hops = go(multi, "voip.local", "200100", "300001")

    assert way(hops) == ["voip.local: c2v_inter", "central_voip: c2l_inter", "local.voip: 300001"]
    assert {(hop.request.a.digits, hop.request.b.digits) for hop in hops} == {("200100", "300001")}


def test_between_local_domains_by_the_full_number(multi: Node) -> None:
    hops = go(multi, "voip.local", "200119", "73832710001")

    assert way(hops) == ["voip.local: c2v", "central_voip: c2l", "local.voip: 300001"]
    assert [hop.request.a.digits for hop in hops] == ["200119", "73832700001", "73832700001"]
    assert [hop.request.np for hop in hops] == ["default", "city", "city"]


def test_to_the_city_and_from_it(multi: Node) -> None:
    assert way(go(multi, "voip.local", "200100", "73832112233")) == [
        "voip.local: c2v",
        "central_voip: trunk1",
    ]
    assert way(go(multi, "central_voip", "73832112233", "73832700000")) == [
        "central_voip: c2v",
        "voip.local: 200100",
    ]


def test_what_a_rule_showed_sorm_stays_in_its_domain(multi: Node) -> None:
    first, second = go(multi, "voip.local", "200100", "73832112233")

    assert (first.result.a.shown_digits, first.result.a.shown_ni) == ("200100", "private")
    assert (second.request.a.sorm_digits, second.request.a.sorm_ni) == (None, None)
    assert (second.result.a.shown_digits, second.result.a.shown_ni) == ("73832700000", "local")


def test_a_direction_that_is_closed_leaves_the_call_to_the_next(multi: Node) -> None:
    replace_context(
        multi,
        "central_voip",
        "default_routing",
        rule(
            "r",
            '<external><trunk value="none"/><trunk value="trunk1"/><trunk value="bridge:c2l_inter"/></external>',
        ),
    )
    trunk = multi.domains["central_voip"].trunks["trunk1"]

    assert way(go(multi, "central_voip", "1", "300000")) == ["central_voip: trunk1"]
    trunk.config = trunk.config.model_copy(update={"direction": "incoming"})
    assert way(go(multi, "central_voip", "1", "300000")) == ["central_voip: c2l_inter", "local.voip: nothing"]


def test_a_bridge_that_takes_no_call_leaves_it_to_the_next_direction(multi: Node) -> None:
    replace_context(
        multi,
        "central_voip",
        "default_routing",
        rule("r", '<external><trunk value="bridge:c2l_inter"/><trunk value="trunk1"/></external>'),
    )
    settings(multi, "c2l_inter", capacity=1)
    multi.bridges["c2l_inter"].active = 1

    assert way(go(multi, "central_voip", "1", "300000")) == ["central_voip: trunk1"]


# --- the refusals


def problem(hops: tuple[Hop, ...]) -> str:
    assert all(not hop.problem for hop in hops[:-1])
    return hops[-1].problem


def test_strict_from_a_to_b_needs_the_called_number_in_the_plan_of_b(multi: Node) -> None:
    del multi.domains["voip.local"].plans["city"].numbers["73832700000"]

    hops = go(multi, "central_voip", "73832112233", "73832700000")

    assert (
        problem(hops)
        == "bridge c2v is strict: the called number 73832700000 is not in plan city of voip.local"
    )


def test_strict_from_b_to_a_needs_the_calling_number_in_the_plan_of_b(multi: Node) -> None:
    multi.domains["voip.local"].plans["city"] = Plan("city", {"73832700001": NumberBinding(alias="200119")})

    assert problem(go(multi, "voip.local", "200100", "73832112233")) == (
        "bridge c2v is strict: the calling number 200100 is not in plan city of voip.local"
    )
    assert not problem(go(multi, "voip.local", "200119", "73832112233"))
    settings(multi, "c2v", strict=False)
    # The number is not translated, and no rule of the centre fits it.
    assert problem(go(multi, "voip.local", "200100", "73832112233")).startswith("no rule of context")


def test_strict_in_the_plan_default_is_about_subscribers(multi: Node) -> None:
    settings(multi, "c2l_inter", strict=True)

    assert not problem(go(multi, "voip.local", "200100", "300000"))
    assert problem(go(multi, "voip.local", "200100", "300007")) == (
        "bridge c2l_inter is strict: the called number 300007 is not in plan default of local.voip"
    )


def test_a_bridge_that_is_not_duplex_carries_calls_from_a_to_b_only(multi: Node) -> None:
    settings(multi, "c2v", duplex=False)

    assert problem(go(multi, "voip.local", "200100", "73832112233")) == (
        "bridge c2v carries calls from central_voip only (duplex is false)"
    )
    assert not problem(go(multi, "central_voip", "73832112233", "73832700000"))


def test_a_full_bridge(multi: Node) -> None:
    settings(multi, "c2v", capacity=2)
    multi.bridges["c2v"].active = 1
    assert not problem(go(multi, "voip.local", "200100", "73832112233"))

    multi.bridges["c2v"].active = 2
    assert problem(go(multi, "voip.local", "200100", "73832112233")) == (
        "bridge c2v: all 2 calls of its capacity are in use"
    )


def test_a_trunk_that_is_not_there_is_full_or_is_for_incoming_calls(multi: Node) -> None:
    trunk = multi.domains["central_voip"].trunks["trunk1"]

    trunk.config = trunk.config.model_copy(update={"capacity": 3})
    trunk.active = 3
    assert problem(go(multi, "voip.local", "200100", "73832112233")) == (
        "trunk trunk1: all 3 calls of its capacity are in use"
    )
    trunk.config = trunk.config.model_copy(update={"direction": "incoming"})
    assert (
        problem(go(multi, "voip.local", "200100", "73832112233")) == "trunk trunk1 is for incoming calls only"
    )
    del multi.domains["central_voip"].trunks["trunk1"]
    assert problem(go(multi, "voip.local", "200100", "73832112233")) == "central_voip has no trunk trunk1"


@pytest.mark.parametrize(
    ("binding", "reason"),
    [
        (NumberBinding(), "73832700000 of plan city in central_voip is bound to nothing"),
        (
            NumberBinding(alias="200100"),
            "73832700000 of plan city in central_voip leads to 200100, which is not a subscriber",
        ),
        (
            NumberBinding(bridge="c3v"),
            "73832700000 of plan city in central_voip leads to the bridge c3v, which central_voip has not",
        ),
    ],
)
def test_a_number_of_a_plan_that_leads_nowhere(multi: Node, binding: NumberBinding, reason: str) -> None:
    multi.domains["central_voip"].plans["city"] = Plan("city", {"73832700000": binding})

    assert problem(go(multi, "central_voip", "73832112233", "73832700000")) == reason


def test_a_number_of_no_plan(multi: Node) -> None:
    assert problem(go(multi, "central_voip", "73832112233", "73832701111")) == (
        "73832701111 is not a subscriber of central_voip nor in its plan city"
    )
    del multi.domains["central_voip"].plans["city"]
    assert problem(go(multi, "central_voip", "73832112233", "73832701111")) == (
        "73832701111 is not a subscriber of central_voip nor in its plan city, which is not declared"
    )


def test_a_context_of_a_bridge_that_was_not_imported(multi: Node) -> None:
    del multi.domains["voip.local"].contexts["from_v2c"]

    assert (
        problem(go(multi, "central_voip", "73832112233", "73832700000")) == "there is no context 'from_v2c'"
    )


def test_a_side_without_a_context_of_its_own_has_that_of_its_domain(multi: Node) -> None:
    side = multi.bridges["c2v_inter"].config.b.model_copy(update={"context": ""})
    settings(multi, "c2v_inter", b=side)

    hops = go(multi, "local.voip", "300000", "200100")

    assert way(hops) == ["local.voip: c2l_inter", "central_voip: c2v_inter", "voip.local: 200100"]
    assert hops[-1].request.context == "default_routing"


def test_a_domain_that_was_removed(multi: Node) -> None:
    del multi.domains["voip.local"]

    assert problem(go(multi, "central_voip", "73832112233", "73832700000")) == (
        "bridge c2v: there is no domain voip.local"
    )


def test_a_circle_of_domains_is_shown(multi: Node) -> None:
    replace_context(multi, "voip.local", "default_routing", rule("r", out("bridge:v2c_inter")))
    replace_context(multi, "central_voip", "default_routing", rule("r", out("bridge:c2v_inter")))

    hops = go(multi, "voip.local", "200100", "999999")

    assert problem(hops) == "a circle of domains: voip.local -> central_voip -> voip.local"


def test_a_circle_that_is_entered_from_outside_of_it(multi: Node) -> None:
    replace_context(multi, "voip.local", "default_routing", rule("r", out("bridge:v2c_inter")))
    replace_context(multi, "central_voip", "default_routing", rule("r", out("bridge:c2v_inter")))

    hops = go(multi, "local.voip", "300000", "200199")

    assert problem(hops) == "a circle of domains: central_voip -> voip.local -> central_voip"


def test_numbers_that_grow_from_domain_to_domain_are_a_circle_too(multi: Node) -> None:
    grow = rule("r", out("bridge:v2c_inter"), '<cdpn digits="%"/>', '<cdpn digits="1{%}"/>')
    replace_context(multi, "voip.local", "default_routing", grow)
    replace_context(multi, "central_voip", "default_routing", rule("r", out("bridge:c2v_inter")))

    hops = go(multi, "voip.local", "200100", "9")

    assert problem(hops).startswith("a circle of domains: voip.local -> central_voip -> voip.local -> ")
    assert len(hops) == MOST_DOMAINS + 1


def test_a_circle_of_contexts_beyond_a_bridge_is_shown(multi: Node) -> None:
    on = rule("on", '<continue context="from_v2c"/>')
    replace_context(multi, "voip.local", "from_v2c", on)

    hops = go(multi, "central_voip", "73832112233", "73832700000")

    assert [hop.domain.name for hop in hops] == ["central_voip", "voip.local"]
    assert problem(hops) == "a circle of contexts: from_v2c -> from_v2c"


VERDICT = st.sampled_from(
    [
        "<local/>",
        '<continue context="default_routing"/>',
        '<continue context="second"/>',
        out("bridge:c2v_inter"),
        out("bridge:v2c_inter"),
        out("bridge:c2l_inter"),
        out("bridge:l2c_inter"),
        out("bridge:c2v"),
        out("bridge:v2c"),
        out("trunk1"),
    ]
)
ACTION = st.sampled_from(
    ["", '<cdpn digits="1{%}"/>', '<cdpn digits="{%}"/>', '<cgpn digits="2"/><cdpn digits="9{%}"/>']
)
RULE = st.builds(
    lambda mask, action, verdict: (f'<cdpn digits="{mask}%"/>', action, verdict),
    st.sampled_from(["", "1", "2", "9", "3"]),
    ACTION,
    VERDICT,
)
RULES = st.lists(RULE, min_size=1, max_size=3)


@given(
    tables=st.lists(RULES, min_size=6, max_size=6),
    start=st.sampled_from(["voip.local", "local.voip", "central_voip"]),
    b=st.text("0123456789", min_size=1, max_size=11),
    np=st.sampled_from(["default", "city"]),
)
def test_whatever_the_rules_are_a_way_ends(
    tables: list[list[tuple[str, str, str]]], start: str, b: str, np: str
) -> None:
    assert LAB.switch is not None
    node = Node(LAB.switch, LAB.directory)
    places = [(domain, context) for domain in node.domains for context in ("default_routing", "second")]
    for (domain, context), rules in zip(places, tables, strict=True):
        replace_context(
            node,
            domain,
            context,
            *(rule(f"r{n}", verdict, mask, action) for n, (mask, action, verdict) in enumerate(rules)),
            np="city" if context == "second" else "",
        )

    hops = go(node, start, "200100", b, np)

    assert 1 <= len(hops) <= MOST_DOMAINS + 1
    assert all(hop.bridge is not None and not hop.problem for hop in hops[:-1])
    last = hops[-1]
    assert bool(last.problem) != isinstance(last.exit, Subscriber | Trunk)
