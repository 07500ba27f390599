"""Objects of the routed number: the manual's example, whose A is 28331 to SORM and 3832728331 to routing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import captures
from sorm_mediator import config
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.objects import SwitchObject
from tests.switch.conftest import Switch, obj

LAB = Path(captures.__file__).parent / "labs" / "minimal.toml"


def lab(match_routed: str) -> Switch:
    loaded = config.load(LAB)
    assert loaded.switch is not None
    switch = loaded.switch.model_copy(update={"match_routed": match_routed})
    return Switch(Engine(switch, loaded.directory))


def touched(switch: Switch, *call: str, **fields: Any) -> list[tuple[int, str]]:
    made = switch.call(*call, **fields)
    switch.run()
    if "m1" not in switch.reports:
        return []
    return sorted((match.object_number, match.role) for match in switch.last(made).matches)


NETWORK = obj(1, "3832728331", "network-full", "russia")
FOREIGN = obj(2, "3832728331", "network-full", "foreign")
LEADING = obj(3, "38327", "network-partial", "zone")
B_ROUTED = obj(4, "9001758964", "network-full", "foreign")
B_SORM = obj(5, "89001758964", "network-full", "foreign")
ALL = (NETWORK, FOREIGN, LEADING, B_ROUTED, B_SORM, obj(6, "28331"))


def test_any_is_the_default_and_the_sign_counts_for_the_sorm_number_alone() -> None:
    assert config.load(LAB).switch.match_routed == "any"  # type: ignore[union-attr]
    switch = lab("any")
    switch.control(*ALL)
    assert touched(switch, "28331", "89001758964") == [(1, "a"), (2, "a"), (3, "a"), (4, "b"), (6, "a")]


def test_by_kind_the_kind_and_the_sign_must_fit() -> None:
    switch = lab("by-kind")
    switch.control(*ALL)
    assert touched(switch, "28331", "89001758964") == [(6, "a")]


@pytest.mark.parametrize("match_routed", ["any", "by-kind"])
@pytest.mark.parametrize(("sign", "expected"), [("russia", [(1, "b")]), ("foreign", [])])
def test_where_both_numbers_are_the_same_the_sign_counts(
    match_routed: str, sign: str, expected: list[tuple[int, str]]
) -> None:
    """From a trunk to another one 89001758964 is routed as it came, and shown so."""
    switch = lab(match_routed)
    switch.control(obj(1, "89001758964", "network-full", sign))
    assert touched(switch, "3832112233", "89001758964", origin="trunk:smg_trunk") == expected


def test_the_report_says_which_number_b_had(switch: Switch) -> None:
    item = SwitchObject(1, "network-full", "foreign", "9001758964", None, "statistical", "normal")
    switch.control(item)
    call = switch.call("28331", "89001758964")
    switch.run()
    [match] = switch.last(call).matches
    assert (match.role, match.called.digits, match.called.trunk) == ("b", "89001758964", 2)


def test_a_domain_that_is_declared_later_matches_as_the_others(switch: Switch) -> None:
    from sorm_mediator.switch.changes import domains

    domains.declare_domain(switch.engine.node, "later")
    assert switch.engine.domains["later"].match_routed == "any"
