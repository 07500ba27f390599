"""What is proposed for a number that is shown otherwise than agreed: each form of rule, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protocol.codes import NumberSign, ObjectType
from sorm_mediator.acceptance.compare import advice
from sorm_mediator.acceptance.matrix import Agreed
from sorm_mediator.config import parse
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.path import Hop
from sorm_mediator.switch.trace import read_request, trace

Route = Callable[..., Hop]
MASK = '<cdpn digits="8%"/>'


@pytest.fixture
def route(tmp_path: Path) -> Route:
    """28331 dials 89001758964; the rule has these actions. What routing does in the domain."""

    def traced(actions: str, np: str = "default") -> Hop:
        (tmp_path / "c.xml").write_text(
            f'<context name="c" np="{np}"><rule name="out"><conditions>{MASK}</conditions><actions>{actions}</actions>'
            '<result><external><trunk value="t"/></external></result></rule></context>'
        )
        domain: dict[str, Any] = {
            "name": "d",
            "contexts": ["c.xml"],
            "trunks": [{"number": 1, "name": "t"}],
            "subscribers": [{"number": "28331"}],
            "numbering_plans": {"full": {"73832728331": {"alias": "28331"}}},
        }
        switch = parse({"switch": {"domains": [domain]}}).switch
        assert switch is not None
        node = Node(switch, tmp_path)
        request = read_request(["cgpn.digits=28331", "cdpn.digits=89001758964"])
        return trace(node.domains, node.domains["d"], request).last.hop

    return traced


def proposed(hop: Hop, side: Any, agreed: Agreed, tmp_path: Path) -> list[str]:
    return advice(hop, side, agreed, "intercity", "268", {"d": hop.domain}, tmp_path)


RUSSIA = Agreed("79001758964", NumberSign.RUSSIA)
OWN = Agreed("73832728331", NumberSign.OWN, ObjectType.OWN_SUBSCRIBER)


@pytest.mark.parametrize(
    ("actions", "side", "agreed", "change"),
    [
        ('<called sorm_digits="8{%}" sorm_ni="intercity"/>', "b", RUSSIA, '<called sorm_digits="7{%}"'),
        ('<called sorm_digits="8{%}"/>', "b", RUSSIA, '<called sorm_digits="7{%}" sorm_ni="intercity"'),
        (
            '<cdpn digits="{%}"/>',
            "b",
            RUSSIA,
            '<called sorm_digits="7{2,3,4,5,6,7,8,9,10,11}" sorm_ni="intercity"',
        ),
        ('<called sorm_digits="7{%}" sorm_ni="international"/>', "b", RUSSIA, '<called sorm_ni="intercity"'),
        ('<called sorm_ni="intercity"/>', "a", OWN, '<calling sorm_digits="738327{1,2,3,4,5}"'),
        ('<calling sorm_digits="{3,4,5}"/>', "a", OWN, '<calling sorm_digits="738327{1,2,3,4,5}"'),
    ],
)
def test_what_is_proposed_makes_the_number_that_was_agreed(
    route: Route, tmp_path: Path, actions: str, side: Any, agreed: Agreed, change: str
) -> None:
    (text,) = proposed(route(actions), side, agreed, tmp_path)
    tag, _, attributes = change[1:].partition(" ")
    assert text == f"in rule out (c.xml:1) let <{tag}> of its <actions> have {attributes}"

    # Written into the rule after what was there, it is what holds.
    assert proposed(route(f"{actions}{change}/>"), side, agreed, tmp_path) == []


def test_a_number_of_another_subscriber_is_no_form_of_this_one(route: Route, tmp_path: Path) -> None:
    hop = route('<called sorm_digits="8{%}" sorm_ni="intercity"/>')
    assert proposed(hop, "b", Agreed("74951112233", NumberSign.RUSSIA), tmp_path) == []


def test_an_own_subscriber_that_is_shown_by_its_full_number_may_have_been_agreed_so(
    route: Route, tmp_path: Path
) -> None:
    agreed = Agreed("28331", NumberSign.OWN, ObjectType.OWN_SUBSCRIBER)
    assert proposed(route('<called sorm_ni="intercity"/>', np="full"), "a", agreed, tmp_path) == [
        "73832728331 is the full number of 28331: if calls that leave the node are to show it, "
        'acceptance.formats.own.outside = "full"'
    ]
