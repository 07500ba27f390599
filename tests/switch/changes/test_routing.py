"""Ranges are cut and put together again without losing or inventing a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator import config
from sorm_mediator.config import NumberBinding
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes import routing as numbering
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.routing.route import expand_numbers


def a_node() -> Node:
    lab = config.parse(
        {"switch": {"domains": [{"name": "d", "subscribers": [{"number": "1"}, {"number": "2"}]}]}}
    )
    assert lab.switch is not None
    node = Node(lab.switch)
    numbering.declare_plan(node, "d", "p")
    return node


def kept(node: Node) -> dict[str, NumberBinding]:
    return node.domains["d"].config.numbering_plans["p"]


@pytest.mark.parametrize(
    ("numbers", "ranges"),
    [
        ([], []),
        (["7"], ["7"]),
        (["70", "71", "72"], ["7{0-2}"]),
        (["70", "72"], ["7{0,2}"]),
        (["100", "101", "110", "111"], ["1{0-1}{0-1}"]),
        (["1", "11"], ["1", "11"]),
    ],
)
def test_compact(numbers: list[str], ranges: list[str]) -> None:
    assert numbering.compact(numbers) == ranges


@given(st.sets(st.text("0123456789", min_size=1, max_size=4), max_size=40))
def test_compact_is_the_reverse_of_expand(numbers: set[str]) -> None:
    expanded = [number for part in numbering.compact(numbers) for number in expand_numbers(part)]
    assert len(expanded) == len(set(expanded))
    assert set(expanded) == numbers


def test_a_range_that_loses_numbers_is_cut() -> None:
    node = a_node()
    numbering.add_numbers(node, "d", "p", "7{0-9}")
    numbering.bind_to_alias(node, "d", "p", "7{3-4}", "1")
    assert {key: binding.alias for key, binding in kept(node).items()} == {
        "7{0,1,2,5,6,7,8,9}": "",
        "7{3-4}": "1",
    }
    numbering.unbind(node, "d", "p", "73")
    assert {key: binding.alias for key, binding in kept(node).items()} == {
        "7{0,1,2,5,6,7,8,9}": "", "74": "1", "73": "",
    }  # fmt: skip
    numbering.remove_numbers(node, "d", "p", "7{0-4}")
    assert [*kept(node)] == ["7{5-9}"]


def test_several_subscribers_in_order() -> None:
    node = a_node()
    numbering.bind_to_alias(node, "d", "p", "5{0-1}", "{1-2}", group="g", iface="i", master=True)
    assert {key: (one.alias, one.master) for key, one in kept(node).items()} == {
        "50": ("1", True),
        "51": ("2", True),
    }
    assert node.domains["d"].plans["p"].number_of("2") == "51"


_WHAT = st.sampled_from(["add", "remove", "alias", "unbind"])
_NUMBERS = st.sampled_from(["1", "1{0-3}", "1{2-5}", "12", "{1-3}{0-4}"])


@given(st.lists(st.tuples(_WHAT, _NUMBERS), max_size=12))
def test_any_order_of_changes(steps: list[tuple[str, str]]) -> None:
    """The plan against a dictionary of single numbers; what is refused changes neither."""
    node = a_node()
    plain: dict[str, str] = {}
    for step, numbers in steps:
        single = expand_numbers(numbers)
        there = [number in plain for number in single]
        try:
            if step == "add":
                numbering.add_numbers(node, "d", "p", numbers)
            elif step == "remove":
                numbering.remove_numbers(node, "d", "p", numbers)
            elif step == "unbind":
                numbering.unbind(node, "d", "p", numbers)
            else:
                numbering.bind_to_alias(node, "d", "p", numbers, "1")
        except ChangeRefused:
            assert any(there) if step == "add" else not all(there)
            continue
        for number in single:
            if step == "remove":
                del plain[number]
            else:
                plain[number] = "1" if step == "alias" else ""
    live = node.domains["d"].plans["p"].numbers
    assert {number: binding.alias for number, binding in live.items()} == plain
    written = {number: one.alias for key, one in kept(node).items() for number in expand_numbers(key)}
    assert written == plain
