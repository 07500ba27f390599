"""Routing: which rule is taken, what becomes of the numbers, and why it fails."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.switch.routing.context_file import parse_context
from sorm_mediator.switch.routing.route import (
    MOST_CONTEXTS,
    Context,
    Number,
    NumberBinding,
    Plan,
    RoutingRequest,
    RoutingResult,
    route,
)

CITY = """
<context name="default_routing">
  <rule name="to_voip">
    <conditions><cgpn digits="??????"/><cdpn digits="2?????"/></conditions>
    <result><external><trunk value="bridge:c2v_inter"/></external></result>
  </rule>
  <rule name="to_local_city_users">
    <conditions><cgpn digits="???????????"/><cdpn digits="738327(0-1)????"/></conditions>
    <actions><called sorm_ni="local"/><calling sorm_ni="local"/></actions>
    <result><continue context="ctx_city"/></result>
  </rule>
  <rule name="to_gorod">
    <conditions><cgpn digits="???????????"/><cdpn digits="73832??????"/></conditions>
    <actions><calling sorm_ni="local"/><called sorm_ni="local"/></actions>
    <result><external><trunk value="trunk1"/></external></result>
  </rule>
</context>"""
USERS = '<context name="ctx_city" np="city"><rule name="to_users"><result><local/></result></rule></context>'


def contexts(*texts: str) -> dict[str, Context]:
    parsed = [parse_context(text.encode(), "test.xml") for text in texts]
    return {context.name: context for context in parsed}


def routed(found: dict[str, Context], a: str, b: str, *, start: str, ni: str = "") -> RoutingResult:
    return route(RoutingRequest(a=Number(digits=a, ni=ni), b=Number(digits=b), context=start), found)


def test_rules_are_tried_from_the_first_and_continue_leads_on() -> None:
    found = contexts(CITY, USERS)

    result = routed(found, "73832112233", "73832700001", start="default_routing")

    assert (result.result, result.np) == ("local", "city")
    assert [(step.context, step.rule) for step in result.path] == [
        ("default_routing", "to_local_city_users"),
        ("ctx_city", "to_users"),
    ]
    assert result.tried[0].failed == "cgpn 73832112233 does not match ??????"
    assert (result.b.shown_digits, result.b.shown_ni, result.b.ni) == ("73832700001", "local", "")


def test_a_class_leaves_the_others_to_the_next_rule() -> None:
    result = routed(contexts(CITY, USERS), "73832112233", "73832720001", start="default_routing")

    assert (result.result, result.via, result.path[-1].rule) == ("external", ("trunk1",), "to_gorod")


def test_no_rule_fits() -> None:
    result = routed(contexts(CITY, USERS), "1", "2", start="default_routing")

    assert result.result == "failed"
    assert result.reason == "no rule of context 'default_routing' fits 1 -> 2"
    assert not result.path
    assert len(result.tried) == 3


def test_a_circle_is_shown() -> None:
    def on(name: str, to: str) -> str:
        return f'<context name="{name}"><rule name="on"><result><continue context="{to}"/></result></rule></context>'

    result = routed(contexts(on("in", "x"), on("x", "y"), on("y", "x")), "1", "2", start="in")

    assert (result.result, result.reason) == ("failed", "a circle of contexts: x -> y -> x")


def test_the_same_context_may_come_again_with_another_number() -> None:
    strip = (
        '<context name="c">'
        '<rule name="strip"><conditions><cdpn digits="9%"/></conditions><actions><cdpn digits="{%}"/></actions>'
        '<result><continue context="c"/></result></rule>'
        '<rule name="own"><result><local/></result></rule></context>'
    )

    result = routed(contexts(strip), "1", "99123", start="c")

    assert (result.result, result.b.digits) == ("local", "123")
    assert [step.rule for step in result.path] == ["strip", "strip", "own"]


def test_a_number_that_grows_for_ever_is_a_circle_too() -> None:
    grow = (
        '<context name="c"><rule name="grow"><conditions><cdpn digits="%"/></conditions>'
        '<actions><cdpn digits="1{%}"/></actions><result><continue context="c"/></result></rule></context>'
    )

    result = routed(contexts(grow), "1", "2", start="c")

    assert result.result == "failed"
    assert result.reason == f"a circle of contexts: {' -> '.join('c' * (MOST_CONTEXTS + 1))}"


def test_a_digit_that_is_missing_fails_the_call() -> None:
    five = (
        '<context name="c"><rule name="five"><actions><called sorm_digits="{5}"/></actions>'
        "<result><local/></result></rule></context>"
    )

    result = routed(contexts(five), "1", "112", start="c")

    assert (result.result, result.reason) == ("failed", "rule 'five' of context 'c': {5}: 112 has no digit 5")


def test_other_attributes_are_conditions_and_actions() -> None:
    by_ni = (
        '<context name="c">'
        '<rule name="far"><conditions><cgpn ni="intercity,international"/></conditions>'
        '<actions><cdpn nai="nationalNumber" ni="zone"/></actions><result><continue context="d"/></result></rule>'
        '<rule name="near"><result><local/></result></rule></context>'
    )
    then = (
        '<context name="d"><rule name="national"><conditions><cdpn nai="nationalNumber"/></conditions>'
        '<result><external><direction value="t"/></external></result></rule></context>'
    )
    found = contexts(by_ni, then)

    assert routed(found, "1", "2", start="c", ni="private").path[-1].rule == "near"
    far = routed(found, "1", "2", start="c", ni="international")
    assert (far.path[-1].rule, far.b.ni, far.b.attributes["nai"]) == ("national", "zone", "nationalNumber")


def test_substitutions_start_from_the_numbers_as_they_came_whatever_the_order_of_the_actions() -> None:
    swap = (
        '<context name="c"><rule name="r"><conditions><cdpn digits="8%"/></conditions><actions>{}{}</actions>'
        "<result><local/></result></rule></context>"
    )
    routing, sorm = '<cdpn digits="7{%}"/>', '<called sorm_digits="8{%}"/>'

    results = [
        routed(contexts(swap.replace("{}{}", order)), "1", "8900", start="c")
        for order in (routing + sorm, sorm + routing)
    ]

    assert results[0] == results[1]
    assert (results[0].b.digits, results[0].b.shown_digits) == ("7900", "8900")


def test_what_sorm_is_shown_survives_a_later_rewriting() -> None:
    first = (
        '<context name="c"><rule name="r"><actions><called sorm_digits="5" sorm_ni="zone"/></actions>'
        '<result><continue context="d"/></result></rule></context>'
    )
    then = (
        '<context name="d"><rule name="r"><actions><cdpn digits="6" ni="local"/></actions>'
        "<result><local/></result></rule></context>"
    )

    b = routed(contexts(first, then), "1", "2", start="c").b

    assert (b.digits, b.ni, b.shown_digits, b.shown_ni) == ("6", "local", "5", "zone")


def test_without_contexts_own_numbers_are_local_and_nothing_else() -> None:
    request = RoutingRequest(a=Number(digits="1"), b=Number(digits="28331"))

    assert route(request, {}, {"28331"}).result == "local"
    failed = route(replace(request, b=Number(digits="28332")), {}, {"28331"})
    assert (failed.result, failed.reason) == (
        "failed",
        "28332 is not a subscriber, and there is no routing context",
    )


def test_without_contexts_the_numbers_of_the_plan_of_the_call_are_local_too() -> None:
    plans = {"city": Plan("city", {"73832700001": NumberBinding()})}
    request = RoutingRequest(a=Number(digits="1"), b=Number(digits="73832700001"), np="city")

    assert route(request, {}, (), plans).result == "local"
    assert route(replace(request, np="other"), {}, (), plans).result == "failed"
    assert route(replace(request, b=Number(digits="73832700002")), {}, (), plans).result == "failed"


@given(
    a=st.text("0123456789", max_size=12),
    b=st.text("0123456789", max_size=12),
    start=st.sampled_from(["default_routing", "ctx_city", "nowhere"]),
)
def test_routing_always_ends_and_says_why_it_failed(a: str, b: str, start: str) -> None:
    result = routed(contexts(CITY, USERS), a, b, start=start)

    assert bool(result.reason) == (result.result == "failed")
    assert bool(result.via) == (result.result == "external")
