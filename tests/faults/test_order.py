"""The order of a fault: what it may have, and what it is told when it has something else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sorm_mediator.config.mistakes import mistakes
from sorm_mediator.faults.order import ENDS, FaultOrder


def read(**body: Any) -> FaultOrder:
    return FaultOrder.model_validate({key.rstrip("_"): value for key, value in body.items()})


def refused(**body: Any) -> list[str]:
    """What is told about a wrong order, a line each."""
    with pytest.raises(ValidationError) as caught:
        read(**body)
    return [
        ": ".join((*map(str, one.location), str(one.text)))
        for one in mistakes(caught.value.errors(), FaultOrder)
    ]


@pytest.mark.parametrize("link", ENDS)
@pytest.mark.parametrize("action", ["drop", "delay", "duplicate", "reorder", "cut", "clear"])
def test_every_link_has_every_action_of_the_contract(link: str, action: str) -> None:
    more = {"seconds": 0.1} if action == "delay" else {}
    order = read(link=link, action=action, **more)
    assert order.given == more
    if action != "clear":
        for direction in ENDS[link]:
            assert order.touches(link, direction, 0, None)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"link": "ssh", "action": "delay"}, "seconds: delay needs them, such as 0.5"),
        (
            {"link": "ssh", "action": "cut", "share": 0.5},
            "share: cut has no such parameter; allowed: address, for, pair",
        ),
        (
            {"link": "radius", "action": "restart"},
            "action: restart is of the switch, at the end of ssh: radius has none",
        ),
        ({"link": "radius", "action": "drop", "pair": 0}, "pair: belongs to kpd1, kpd2, not to radius"),
        (
            {"link": "kpd1", "action": "drop", "direction": "to-switch"},
            'direction: "to-switch" is not allowed with kpd1: both, to-console, from-console',
        ),
        (
            {"link": "ssh", "action": "duplicate", "domain": "d"},
            "domain: a domain answers late (delay) or never (drop); duplicate is of the link",
        ),
        (
            {"link": "ssh", "action": "drop", "domain": "d", "share": 0.5},
            "share: a fault of a domain has for, and of delay seconds, alone",
        ),
        ({"link": "ssh", "action": "drop", "for": 0}, "for: 0 is not allowed: more than 0"),
        ({"link": "ssh", "action": "drop", "for": float("nan")}, "for: nan is not allowed: a finite number"),
        ({"link": "ssh", "action": "drop", "share": 1.5}, "share: 1.5 is not allowed: at most 1"),
        ({"link": "ssh", "action": "duplicate", "copies": 1001}, "copies: 1001 is not allowed: at most 1000"),
        ({"link": "ssh", "action": "drop", "count": True}, "count: True is not allowed: a whole number"),
        ({"link": "ssh", "action": "drop", "share": "0.5"}, "share: '0.5' is not allowed: a number"),
        (
            {"link": "smtp", "action": "drop"},
            "link: 'smtp' is not allowed: 'ssh', 'radius', 'kpd1' or 'kpd2'",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_key(body: dict[str, Any], told: str) -> None:
    assert told in refused(**body)


def test_a_fault_touches_its_own_pair_address_and_direction() -> None:
    order = read(link="kpd2", action="drop", direction="to-console", pair=1)
    assert order.touches("kpd2", "to-console", 1, None)
    assert not order.touches("kpd2", "to-console", 0, None)
    assert not order.touches("kpd2", "from-console", 1, None)
    assert not order.touches("kpd1", "to-console", 1, None)
    backup = read(link="ssh", action="cut", address="backup")
    assert backup.touches("ssh", "both", None, "backup")
    assert not backup.touches("ssh", "both", None, "primary")
    assert not read(link="ssh", action="drop", domain="d").touches("ssh", "to-switch", None, "primary")


def test_each_parameter_has_a_meaning() -> None:
    meanings = FaultOrder.meanings()
    assert "for" in meanings
    assert all(meanings.values())
