"""The domain's SORM parameters of ``sorm/info``: each does what its name says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sorm_mediator.config import ConfigError, DomainConfig
from sorm_mediator.switch.objects import SwitchObject, Touched

CITY_RULE = (
    '<rule name="city"><conditions><cdpn digits="???????"/></conditions>'
    '<actions><called sorm_digits="7383{1,2,3,4,5,6,7}" sorm_ni="local"/>'
    '<calling sorm_digits="{1,2,3,4,5}" sorm_ni="private"/><cgpn digits="38327{1,2,3,4,5}"/></actions>'
    '<result><external><direction value="t"/></external></result></rule>'
)
ABROAD_RULE = (
    '<rule name="abroad"><conditions><cdpn digits="810%"/></conditions>'
    '<actions><called sorm_digits="{%}" sorm_ni="international"/></actions>'
    '<result><external><direction value="t"/></external></result></rule>'
)
OWN_RULE = '<rule name="own"><actions><called sorm_ni="private"/></actions><result><local/></result></rule>'
IN_RULES = (
    '<rule name="private"><conditions><cgpn digits="45???"/></conditions>'
    '<actions><calling sorm_ni="private"/><called sorm_digits="7{1,2,3,4,5}" sorm_ni="private"/></actions>'
    "<result><local/></result></rule>"
    '<rule name="unknown"><actions><called sorm_ni="private"/></actions><result><local/></result></rule>'
)
CONTEXTS = {
    "c.xml": f'<context name="c">{CITY_RULE}{ABROAD_RULE}{OWN_RULE}</context>',
    "in.xml": f'<context name="in">{IN_RULES}</context>',
}
A, B, C = "28331", "28332", "28333"


@pytest.fixture
def office(routed_switch: Any) -> Callable[..., Any]:
    """Makes a switch of one domain with these SORM parameters; ``more``: further contexts."""

    def make(more: dict[str, str] | None = None, **parameters: Any) -> Any:
        return routed_switch(
            CONTEXTS | (more or {}),
            default_context="c",
            subscribers=[{"number": A}, {"number": B}, {"number": C, "services": {"cfu": B}}],
            trunks=[{"number": 2, "name": "t", "context": "in"}],
            **parameters,
        )

    return make


def network(number: int, digits: str, sign: str | None = "russia") -> SwitchObject:
    return SwitchObject(number, "network-full", sign, digits, None, "statistical", "normal")


def called_in_41(switch: Any, make_object: Any, dialled: str) -> str:
    """The called number that 41h shows to an object at A."""
    switch.control(make_object(1, A))
    call = switch.call(A, dialled)
    switch.run()
    text: str = switch.told(call, 1)[0]
    return text.partition(">")[2]


@pytest.mark.parametrize(
    ("parameters", "dialled", "shown"),
    [
        # b_digits_mode: as the subscriber dialled it (order 268: unmodified), or the SORM number.
        ({"b_digits_mode": "user"}, "2123456", "2123456"),
        ({"b_digits_mode": "route"}, "2123456", "73832123456"),
        # full_dial_number: never less than the full number.
        ({"full_dial_number": True}, "2123456", "73832123456"),
        ({"full_dial_number": True}, "81044123456", "81044123456"),
        ({"full_dial_number": False}, "81044123456", "81044123456"),
        ({"full_dial_number": True, "b_digits_mode": "route"}, "81044123456", "44123456"),
        # private_phone_prefix: only in front of private numbers, and never in front of what was dialled.
        ({"private_phone_prefix": "0", "b_digits_mode": "route"}, B, f"0{B}"),
        ({"private_phone_prefix": "0"}, B, B),
        ({"private_phone_prefix": "0", "b_digits_mode": "route"}, "2123456", "73832123456"),
    ],
)
def test_the_called_number_of_41h(
    office: Any, make_object: Any, parameters: dict[str, Any], dialled: str, shown: str
) -> None:
    assert called_in_41(office(**parameters), make_object, dialled) == shown


@pytest.mark.parametrize("mode", ["user", "route"])
def test_of_a_call_that_comes_in_41h_shows_the_sorm_number_in_both_modes(office: Any, mode: str) -> None:
    switch = office(b_digits_mode=mode)
    switch.control(network(1, "45123", None))

    call = switch.call("45123", B, origin="trunk:t")
    switch.run()

    assert switch.told(call, 1)[0] == "41 45123>728332"


def test_private_phone_prefix_leaves_objects_under_control_by_the_number_without_it(
    office: Any, make_object: Any
) -> None:
    switch = office(private_phone_prefix="0")
    switch.control(make_object(1, A), make_object(2, B))

    call = switch.call(A, B)
    switch.run()

    assert switch.told(call, 2)[0] == f"41 0{A}>0{B}"
    assert switch.last(call).calling_station == A


@pytest.mark.parametrize(("strict", "ni", "touched"), [(False, "private", []), (True, "local", [1])])
def test_strict_private_numbers(office: Any, strict: bool, ni: str, touched: list[int]) -> None:
    """45123 is private by its rule, and no subscriber of the domain."""
    switch = office(strict_private_numbers=strict)
    switch.control(network(1, "45123"), network(2, "45123", None))

    call = switch.call("45123", B, origin="trunk:t")
    switch.run()

    report = switch.last(call)
    assert report.calling.ni == ni
    assert report.called.ni == "private"
    assert [match.object_number for match in report.matches if match.object_number == 1] == touched


@pytest.mark.parametrize(("strict", "touched"), [(False, [1, 2, 3]), (True, [3])])
def test_strict_intercity_numbers(office: Any, strict: bool, touched: list[int]) -> None:
    """Nothing tells what kind of number 9001758964 is."""
    switch = office(strict_intercity_numbers=strict)
    number = "9001758964"
    switch.control(network(1, number, "russia"), network(2, number, "intercity"), network(3, number, "local"))

    call = switch.call(number, B, origin="trunk:t")
    switch.run()

    assert [match.object_number for match in switch.last(call).matches] == touched


def test_strict_intercity_numbers_is_about_unknown_indicators_alone() -> None:
    item = network(1, "9001758964", "russia")

    assert item.fits(Touched(False, (), "intercity", strict=True))
    assert item.fits(Touched(False, (), "", strict=False))
    assert not item.fits(Touched(False, (), "", strict=True))
    assert not item.fits(Touched(False, (), "international", strict=True))


@pytest.mark.parametrize("optional", [True, False])
def test_send_optional_cf_notification(office: Any, make_object: Any, optional: bool) -> None:
    switch = office(send_optional_cf_notification=optional)
    switch.control(make_object(1, A))
    switch.control(make_object(2, C), make_object(3, B), mediator="m2")

    call = switch.call(A, C)
    switch.run()

    notified = f"44/21 {C}>{B}"
    assert (notified in switch.told(call, 1)) is optional
    assert notified in switch.told(call, 2, "m2")
    assert notified in switch.told(call, 3, "m2")


ADAPTATION = {
    "ctx_sorm.xml": '<context name="ctx_sorm">'
    '<rule name="own_to_own"><conditions><cgpn digits="28???"/><cdpn digits="28???"/></conditions>'
    '<actions><calling sorm_digits="738327{1,2,3,4,5}" sorm_ni="local"/>'
    '<called sorm_digits="738327{1,2,3,4,5}"/></actions><result><local/></result></rule>'
    '<rule name="own_to_city"><conditions><cgpn digits="28???"/></conditions>'
    '<actions><calling sorm_digits="738327{1,2,3,4,5}"/></actions><result><local/></result></rule></context>'
}


def test_adaptation_rewrites_for_sorm_what_routing_has_made(office: Any, make_object: Any) -> None:
    switch = office(ADAPTATION, adaptation="ctx_sorm")
    switch.control(make_object(1, A))

    own, city = switch.call(A, B), switch.call(A, "2123456")
    switch.run()

    report = switch.last(own)
    assert (report.calling.digits, report.calling.ni) == ("73832728331", "local")
    assert (report.called.digits, report.called.ni) == ("73832728332", "private")
    assert (report.calling_station, report.called_station) == (A, B)
    report = switch.last(city)
    assert (report.calling.digits, report.calling.ni) == ("73832728331", "private")
    # What the adaptation leaves alone stays as the rule of the call has it; so does the routing.
    assert (report.called.digits, report.called.ni) == ("73832123456", "local")
    assert report.calling_station == "3832728331"


def test_a_call_that_no_rule_of_the_adaptation_fits_is_shown_as_routed(office: Any) -> None:
    switch = office(ADAPTATION, adaptation="ctx_sorm")
    switch.control(network(1, "9001758964"))

    call = switch.call("9001758964", B, origin="trunk:t")
    switch.run()

    assert switch.told(call, 1)[0] == f"41 9001758964>{B}"


def test_adaptation_must_be_a_context_of_the_domain(office: Any) -> None:
    with pytest.raises(ConfigError, match=r"adaptation: there is no context 'ctx_sorm'; there are: c, in"):
        office(adaptation="ctx_sorm")


def test_platform_id_stands_in_front_of_the_ids_of_calls(office: Any) -> None:
    assert office(platform_id="999").call(A, B).id == "999-c1"
    assert office().call(A, B).id == "c1"


def test_all_the_parameters_that_the_switch_shows_are_settings_of_a_domain() -> None:
    """ECSS-10 manual, SORM parameters of a domain: the table of ``sorm/info``."""
    assert set(DomainConfig.model_fields) >= {
        "adaptation",
        "b_digits_mode",
        "enabled",
        "full_dial_number",
        "password",
        "platform_id",
        "private_phone_prefix",
        "radius_servers",
        "send_optional_cf_notification",
        "strict_intercity_numbers",
        "strict_private_numbers",
    }
