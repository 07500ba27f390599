"""B and A that are no objects, by the type of the node: order 268, 10.3.2.2 and 10.3.2.3."""

from __future__ import annotations

from typing import Any

import pytest

from sorm_mediator.switch.calls.call import Call
from tests.switch.conftest import Switch, obj

ROUTING = """<context name="out">
  <rule name="inside"><conditions><cdpn digits="28???"/></conditions><result><local/></result></rule>
  <rule name="shaped"><conditions><cdpn digits="99%"/></conditions>
    <actions><cdpn digits="{%}" ni="intercity"/><called sorm_digits="7{%}"/></actions>
    <result><external><direction value="city"/></external></result></rule>
  <rule name="abroad"><conditions><cdpn digits="810%"/></conditions>
    <actions><cdpn digits="{%}" ni="international"/><cgpn digits="38327{1,2,3,4,5}"/></actions>
    <result><external><direction value="city"/></external></result></rule>
  <rule name="far"><conditions><cdpn digits="8%"/></conditions>
    <actions><cdpn digits="7{%}" ni="intercity"/><cgpn digits="38327{1,2,3,4,5}"/></actions>
    <result><external><direction value="city"/></external></result></rule>
  <rule name="near"><conditions><cdpn digits="2????"/></conditions><actions><cdpn ni="local"/></actions>
    <result><external><direction value="city"/></external></result></rule>
  <rule name="emergency"><conditions><cdpn digits="112"/></conditions><actions><cdpn ni="emergency"/></actions>
    <result><external><direction value="city"/></external></result></rule>
</context>"""
ACROSS = """<context name="across">
  <rule name="inside"><conditions><cdpn digits="28???"/></conditions><result><local/></result></rule>
  <rule name="far"><conditions><cdpn digits="8%"/></conditions>
    <actions><cdpn ni="intercity"/></actions>
    <result><external><direction value="other"/></external></result></rule>
</context>"""


@pytest.fixture
def node(routed_switch: Any) -> Any:
    def make(form: str) -> Switch:
        switch: Switch = routed_switch(
            {"out.xml": ROUTING, "across.xml": ACROSS},
            default_context="out",
            b_number_format=form,
            area_code="38327",
            subscribers=[{"number": "28331"}, {"number": "28332"}],
            trunks=[
                {"number": 2, "name": "city", "context": "across"},
                {"number": 3, "name": "other", "context": "across"},
            ],
        )
        switch.control(obj(1, "28331"), obj(3, 3))
        return switch

    return make


def shown(switch: Switch, call: Call) -> tuple[str, str, str]:
    """A, B as 41h of the object shows it, and B as the later events do."""
    switch.run()
    report = switch.last(call)
    return report.calling.digits, report.matches[0].called.digits, report.called.digits


@pytest.mark.parametrize(
    ("form", "b", "expected"),
    [
        ("routed", "89001758964", ("3832728331", "89001758964", "79001758964")),
        ("terminal", "89001758964", ("28331", "89001758964", "89001758964")),
        ("terminal-transit", "89001758964", ("28331", "89001758964", "89001758964")),
        ("transit", "89001758964", ("28331", "9001758964", "9001758964")),
        ("terminal", "21234", ("28331", "21234", "21234")),
        ("terminal-transit", "21234", ("28331", "83832721234", "83832721234")),
        ("transit", "21234", ("28331", "3832721234", "3832721234")),
        ("terminal", "81049123456", ("28331", "81049123456", "81049123456")),
        ("terminal-transit", "81049123456", ("28331", "81049123456", "81049123456")),
        ("transit", "81049123456", ("28331", "49123456", "49123456")),
        ("terminal", "112", ("28331", "112", "112")),
        ("terminal-transit", "112", ("28331", "112", "112")),
        ("terminal", "28332", ("28331", "28332", "28332")),
        ("terminal-transit", "28332", ("28331", "3832728332", "3832728332")),
        # Where a rule sets the SORM number, it holds whatever the node is.
        ("transit", "999001758964", ("28331", "999001758964", "79001758964")),
    ],
)
def test_own_subscribers_calls(node: Any, form: str, b: str, expected: tuple[str, str, str]) -> None:
    switch = node(form)
    assert shown(switch, switch.call("28331", b)) == expected


@pytest.mark.parametrize("form", ["terminal", "terminal-transit", "transit"])
def test_what_comes_in_has_no_exit_prefix_and_a_as_it_came(node: Any, form: str) -> None:
    switch = node(form)
    through = switch.call("4951234567", "89001758964", origin="trunk:city")
    expected = "89001758964" if form == "terminal" else "9001758964"
    assert shown(switch, through) == ("4951234567", expected, expected)


def test_matching_goes_by_the_numbers_as_before(node: Any) -> None:
    """What is shown of B is no SORM number: its routed number still needs the sign."""
    switch = node("transit")
    switch.control(
        obj(10, "79001758964", "network-full", "russia"),
        obj(11, "9001758964", "network-full", "russia"),
        obj(12, "7900", "network-partial", "foreign"),
    )
    call = switch.call("28331", "89001758964")
    switch.run()
    assert sorted(match.object_number for match in switch.last(call).matches) == [1, 10]


@pytest.mark.parametrize("b", ["89001758964", "28332"])
@pytest.mark.parametrize("origin", ["subscriber", "trunk:city"])
def test_every_report_tells_the_trunks_of_both_sides(node: Any, b: str, origin: str) -> None:
    """Order 268, 10.3.1.5: also where no trunk is an object."""
    switch = node("routed")
    switch.control(obj(5, "28332"), mediator="m2")
    switch.control(
        obj(6, "8", "network-partial", "russia"), obj(7, "7", "network-partial", "russia"), mediator="m2"
    )
    switch.control(obj(1, "28331"), mediator="m2")
    call = switch.call("28331", b, origin=origin)
    switch.run()
    report = switch.last(call, "m2")
    out = None if b == "28332" else 2 if origin == "subscriber" else 3
    assert report.calling.trunk == (None if origin == "subscriber" else 2)
    assert report.called.trunk == out
    assert {match.called.trunk for match in report.matches} == {out}
    assert all(match.role != "trunk" for match in report.matches)


def test_domains_of_one_mediator_are_one_exchange_whose_trunk_is_told(lab_switch: Any) -> None:
    switch = lab_switch("multisorm/lab.toml", "voip.local")
    for domain in switch.engine.domains.values():
        domain.table("m1")
    switch.control(obj(1, "200100"))
    switch.control(obj(1, "200100"), mediator="local-only")
    call = switch.call("200100", "73832112233")
    switch.run()
    report = switch.last(call)
    assert (report.domain, report.calling.digits, report.called.trunk) == ("voip.local", "200100", 1)
    assert [match.called.trunk for match in report.matches] == [1]
    assert switch.last(call, "local-only").called.trunk is None
