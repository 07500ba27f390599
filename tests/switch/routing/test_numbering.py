"""Numbering plans: ranges, what a number leads to, and by which numbers a subscriber is known."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.config import NumberBinding
from sorm_mediator.switch.mediators.session import check_object, line_state
from sorm_mediator.switch.routing.route import (
    MOST_DIGITS,
    Number,
    NumberingError,
    Plan,
    expand_numbers,
    translate,
)
from ssh_control.dialect import Refused


def alias(number: str, *, master: bool = False) -> NumberBinding:
    return NumberBinding(alias=number, master=master)


def test_a_number_that_is_too_long_is_told_by_its_begin() -> None:
    assert len(expand_numbers("1" * MOST_DIGITS)[0]) == MOST_DIGITS
    with pytest.raises(NumberingError) as error:
        expand_numbers("12345678901234567890" + "1" * MOST_DIGITS)
    assert str(error.value).startswith(f"'12345678901234567890'... has {MOST_DIGITS + 20} digits")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("73832700000", ["73832700000"]),
        ("738327{0-1}000{0-1}", ["73832700000", "73832700001", "73832710000", "73832710001"]),
        ("738327(0-1)0000", ["73832700000", "73832710000"]),
        ("1{0,2-3}", ["10", "12", "13"]),
        ("1{3, 1}", ["11", "13"]),
    ],
)
def test_a_range_stands_for_numbers_in_order(text: str, numbers: list[str]) -> None:
    assert expand_numbers(text) == numbers


PART = st.one_of(
    st.sampled_from("0123456789"),
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted).map(lambda ends: f"{{{ends[0]}-{ends[1]}}}"),
)


@given(st.lists(PART, min_size=1, max_size=4))
def test_a_range_means_what_a_search_through_all_numbers_finds(parts: list[str]) -> None:
    pattern = re.compile("".join(parts).replace("{", "[").replace("}", "]"))
    every = (f"{number:0{len(parts)}d}" for number in range(10 ** len(parts)))

    assert expand_numbers("".join(parts)) == [number for number in every if pattern.fullmatch(number)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "an empty number"),
        ("12{0-1", "the { at 3 is never closed"),
        ("12{1-0}", "rising ranges"),
        ("12{}", "rising ranges"),
        ("12{a}", "rising ranges"),
        ("12x", "'x' is neither a digit nor a range"),
        ("1 2", "' ' is neither a digit nor a range"),
        ("{0-9}" * 6, "more than 100000 numbers"),
    ],
)
def test_a_wrong_range_is_refused_in_words(text: str, complaint: str) -> None:
    with pytest.raises(NumberingError, match=re.escape(complaint)):
        expand_numbers(text)


def test_a_number_is_in_a_plan_once() -> None:
    with pytest.raises(NumberingError, match="101 is in plan 'city' twice"):
        Plan("city", {"10{0-1}": NumberBinding(), "101": NumberBinding()})


def test_a_subscriber_is_known_by_its_master_else_by_its_first_number() -> None:
    plan = Plan(
        "city", {"101": alias("1"), "102": alias("1", master=True), "201": alias("2"), "202": alias("2")}
    )

    assert (plan.number_of("1"), plan.number_of("2"), plan.number_of("3")) == ("102", "201", None)
    assert list(plan.numbers_of("1")) == ["102", "101"]
    full = {alias: set(numbers) for alias, numbers in plan.of_alias.items()}
    assert full == {"1": {"101", "102"}, "2": {"201", "202"}}


def test_one_master_is_possible() -> None:
    with pytest.raises(NumberingError, match="1 has two master numbers in plan 'city': 101 and 102"):
        Plan("city", {"101": alias("1", master=True), "102": alias("1", master=True)})


def test_a_number_leads_to_one_thing() -> None:
    with pytest.raises(ValueError, match="not to both"):
        NumberBinding(alias="1", bridge="b")


@pytest.mark.parametrize(
    ("here", "there", "digits", "made"),
    [
        ("default", "city", "200100", "73832700000"),
        ("default", "city", "200199", "200199"),
        ("default", "city", "73832700000", "73832700000"),
        ("city", "default", "73832700000", "200100"),
        ("city", "default", "73832710000", "73832710000"),
        ("city", "other", "73832700000", "0100"),
        ("city", "nowhere", "73832700000", "200100"),
        ("city", "city", "200100", "200100"),
    ],
)
def test_a_number_in_another_plan(here: str, there: str, digits: str, made: str) -> None:
    plans = {
        "city": Plan("city", {"73832700000": alias("200100"), "73832710000": NumberBinding(bridge="c2l")}),
        "other": Plan("other", {"0100": alias("200100")}),
    }

    assert translate(Number(digits=digits, ni="zone"), here, there, plans) == Number(digits=made, ni="zone")


FULL = {"7383272833{1-2}": {"alias": "28331"}, "73832728333": {"alias": "28333"}, "73832728399": {}}


def test_an_own_subscriber_is_put_on_control_by_its_full_number_too(
    plain_switch: Any, make_object: Any
) -> None:
    """Subscribers of the node are controlled by 11 digits that begin with 7 in Russia.

    Source: ECSS-10 manual, Number format check, item 1.
    """
    subscribers = [{"number": "28331", "line_state": "restricted"}, {"number": "28332"}]
    switch = plain_switch(subscribers=subscribers, numbering_plans={"city": FULL})
    domain = switch.engine.domains["test.domain"]

    for target in ("28331", "73832728331", "73832728332"):
        check_object(domain, make_object(1, target))
        assert line_state(domain, make_object(1, target)) == 0x07
    for target in ("73832728333", "73832728399", "73832728398"):
        with pytest.raises(Refused, match=r"is not a subscriber of test\.domain") as refused:
            check_object(domain, make_object(1, target))
        assert refused.value.code == 0x54


def test_a_call_touches_every_number_of_its_subscriber(plain_switch: Any, make_object: Any) -> None:
    switch = plain_switch(
        subscribers=[{"number": "28331"}, {"number": "28332"}], numbering_plans={"city": FULL}
    )
    switch.control(
        make_object(1, "28331"),
        make_object(2, "73832728331"),
        make_object(3, "73832728332"),
        make_object(4, "28332"),
    )

    call = switch.call("28331", "28332")
    switch.run()

    assert sorted((match.object_number, match.role) for match in switch.last(call).matches) == [
        (1, "a"),
        (2, "a"),
        (3, "a"),
        (4, "b"),
    ]
