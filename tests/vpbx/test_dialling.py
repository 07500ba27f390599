"""The dial rules, each with the numbers of the platform's manual; and against an obvious reference."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.config import VpbxConfig
from sorm_mediator.config.vpbx import DirectionRow, SipTrunkRow
from sorm_mediator.vpbx.dialling import Incoming, Outgoing, calling_number, incoming, outgoing, transformed
from sorm_mediator.vpbx.patterns import PatternError, parse_pattern
from tests.vpbx.tenants import changed, tenant


def dial(
    user: str, dialled: str, data: VpbxConfig | None = None, closed: dict[str, str] | None = None
) -> Outgoing:
    data = data or tenant()
    caller = next(one for one in data.users if one.number == user)
    return outgoing(data, caller, dialled, lambda trunk: (closed or {}).get(trunk.name, ""))


def steps(found: Outgoing | Incoming) -> list[str]:
    return [f"{one.what}: {one.digits}" for one in found.steps]


def test_a_call_within_russia_loses_plus_and_7_and_gets_8() -> None:
    found = dial("101", "+79257410726")

    assert steps(found) == [
        "dialled: +79257410726",
        "+ is removed: 79257410726",
        "dialplan_rg_substruct 1: leading digits dropped: 9257410726",
        "dial_rg_prefix 8: put in front: 89257410726",
    ]
    assert found.sent == "89257410726"
    assert found.trunk is not None
    assert found.trunk.name == "sip74952216005"


def test_082_and_five_digits_loses_three() -> None:
    found = dial("101", "08255123")

    assert (found.sent, found.trunk and found.trunk.id) == ("55123", 2)
    assert steps(found)[-1] == "substruct4other 3: leading digits dropped: 55123"


@pytest.mark.parametrize(("pattern", "digits"), [("_XXXXX", 5), ("_XXXXXX", 6), ("_XXXXXXX", 7)])
def test_numbering_of_five_six_and_seven_digits(pattern: str, digits: int) -> None:
    read = parse_pattern(pattern)

    assert [length for length in range(1, 10) if read.matches("1" * length)] == [digits]


def test_a_number_abroad_gets_810_in_place_of_what_was_dialled() -> None:
    for dialled in ("+4930123456", "8104930123456", "004930123456"):
        assert dial("101", dialled).sent == "8104930123456", dialled
    other = changed("sip_trunks", 0, dial_mn_prefix="00")
    assert dial("101", "8104930123456", other).sent == "004930123456"


def test_emergency_services_have_two_digits_and_get_0() -> None:
    assert dial("101", "01").sent == "001"
    assert dial("101", "112").reason == "+7(495)2216005 may not call 112: none of its directions fits"


def test_the_same_number_goes_by_the_trunk_of_its_direction() -> None:
    petersburg, moscow = dial("101", "88121112233"), dial("101", "84951112233")

    assert (petersburg.trunk and petersburg.trunk.id, petersburg.sent) == (2, "88121112233")
    assert (moscow.trunk and moscow.trunk.id, moscow.sent) == (1, "84951112233")


def test_what_no_direction_of_the_number_has_is_not_permitted() -> None:
    found = dial("102", "8104930123456")

    assert found.trunk is None
    assert [(one.direction.id, one.failed) for one in found.tried] == [
        (6, "8104930123456 does not fit _+7XXXXXXXXXX _7XXXXXXXXXX _8XXXXXXXXXX")
    ]
    assert found.reason == "+7(812)3334455 may not call 8104930123456: none of its directions fits"
    assert dial("103", "89257410726").reason == "103 has no number for outgoing calls (users.dial_number_id)"


def test_a_trunk_that_is_disabled_or_full_leaves_the_call_to_the_next_direction() -> None:
    more = [
        {"id": 1, "direction": "regional", "sip_trunk_id": 1, "dial_number_id": 1},
        {"id": 2, "direction": "regional", "sip_trunk_id": 2, "dial_number_id": 1},
    ]
    both = tenant(directions=more)

    found = dial("101", "89257410726", both, {"sip74952216005": "full"})
    assert [one.failed for one in found.tried] == ["full", ""]
    assert found.trunk is not None
    assert found.trunk.id == 2

    off = dial("102", "89257410726", changed("sip_trunks", 1, enabled=False))
    assert off.reason == "trunk sip78123334455 is not enabled"


def test_defaults_of_sip_trunks() -> None:
    trunk = SipTrunkRow(id=1)

    assert (trunk.dial_rg_prefix, trunk.dial_mn_prefix, trunk.dial_em_prefix) == ("8", "810", "0")
    assert (trunk.dialplan_rg_substruct, trunk.calllimit, trunk.sip_reg_port) == (1, 1000, 5060)
    assert (trunk.type, trunk.insecure, trunk.disallow, trunk.allow) == (
        "peer",
        "invite,port",
        "all",
        "alaw,ulaw",
    )
    assert (trunk.enabled, trunk.nat, trunk.canreinvite, trunk.tcpenable, trunk.qualify) == (
        True,
        True,
        False,
        False,
        True,
    )


def test_a_number_as_it_is_shown_is_7_and_ten_digits() -> None:
    assert tenant().dial_numbers[0].digits == "74952216005"


# --- calls from outside


def test_an_extension_leads_to_its_number_and_to_the_route_of_the_number() -> None:
    found = incoming(tenant(), "sip74952216005", "74952216005")

    assert [one.number for one in found.users] == ["101"]
    assert steps(found) == [
        "extension of sip74952216005: 74952216005",
        "number +7(495)2216005: 74952216005",
        "incoming route user: 101",
    ]


def test_a_queue_a_group_and_a_menu_ring_their_members_in_order() -> None:
    assert [one.number for one in incoming(tenant(), "sip78123334455", "78123334455").users] == ["103", "102"]
    for kind, target, members in (("callgroup", "sales", ["102"]), ("ivr", "menu", ["103", "101"])):
        data = tenant(
            ivr=[{"id": 1, "name": "menu"}],
            ivr_dtmf=[{"ivr_id": 1, "digit": "2", "user_id": 1}, {"ivr_id": 1, "digit": "1", "user_id": 3}],
            incoming_routes=[{"dial_number_id": 1, "kind": kind, "target": target}],
        )
        assert [one.number for one in incoming(data, "sip74952216005", "74952216005").users] == members


def test_a_call_that_goes_nowhere_says_why() -> None:
    def why(data: VpbxConfig, called: str = "74952216005") -> str:
        return incoming(data, "sip74952216005", called).reason

    assert why(tenant(), "123") == "no SIP trunk has the extension 123"
    assert why(changed("sip_trunks", 0, enabled=False)) == "trunk sip74952216005 is not enabled"
    assert why(changed("sip_trunks", 0, dial_number_id=None)) == (
        "trunk sip74952216005 belongs to no number (dial_number_id)"
    )
    assert why(tenant(incoming_routes=[])) == "+7(495)2216005 has no incoming route"
    assert why(changed("incoming_routes", 0, target="999")) == "user 999 has nobody to ring"


def test_a_calling_number_from_outside_by_its_form() -> None:
    told = {
        number: calling_number(tenant(), number)
        for number in (
            "9257410726",
            "89257410726",
            "79257410726",
            "1112233",
            "8121112233",
            "+4930123",
            "810493012",
            "55",
        )
    }

    assert told == {
        "9257410726": ("79257410726", "intercity"),
        "89257410726": ("79257410726", "intercity"),
        "79257410726": ("79257410726", "intercity"),
        "1112233": ("78121112233", "local"),
        "8121112233": ("78121112233", "local"),
        "+4930123": ("4930123", "international"),
        "810493012": ("493012", "international"),
        "55": ("55", ""),
    }


# --- against a reference


def reference(row: dict[str, Any], trunk: dict[str, Any], dialled: str) -> str:
    """The rule as the manual tells it, with nothing but slices."""
    digits = dialled.replace("+", "")
    if row["direction"] in ("regional", "spb"):
        return str(trunk["dial_rg_prefix"] + digits[trunk["dialplan_rg_substruct"] :])
    if row["direction"] == "international":
        for front in ("810", "00"):
            if not dialled.startswith("+") and digits.startswith(front):
                digits = digits[len(front) :]
                break
        return str(trunk["dial_mn_prefix"] + digits)
    if row["direction"] == "emergency":
        return str(trunk["dial_em_prefix"] + digits)
    return digits[row["substruct4other"] :]


@given(
    direction=st.sampled_from(["regional", "spb", "international", "emergency", "other"]),
    dropped=st.integers(0, 6),
    prefixes=st.tuples(*[st.from_regex(r"\A[0-9]{0,4}\Z")] * 3),
    dialled=st.from_regex(r"\A\+?[0-9]{1,15}\Z"),
)
def test_the_digits_on_the_trunk_are_those_of_the_reference(
    direction: Any, dropped: int, prefixes: tuple[str, str, str], dialled: str
) -> None:
    row = {"id": 1, "direction": direction, "pattern": "_.", "substruct4other": dropped}
    names = ("dial_rg_prefix", "dial_mn_prefix", "dial_em_prefix")
    trunk = {"id": 1, "dialplan_rg_substruct": dropped, **dict(zip(names, prefixes, strict=True))}

    found = [*transformed(DirectionRow(**row), SipTrunkRow(**trunk), dialled)]

    assert found[0].digits == dialled
    assert found[-1].digits == reference(row, trunk, dialled)


PATTERNS = st.lists(
    st.sampled_from(["X", "Z", "N", "[1234579]", "[2-4]", "[06]", "0", "8", "*"]), min_size=1, max_size=6
).flatmap(lambda places: st.sampled_from(["", ".", "!"]).map(lambda rest: "_" + "".join(places) + rest))
AS_REGEX = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".*", "!": ".*", "*": r"\*"}


def as_regex(pattern: str) -> str:
    return re.sub(r"\[[^]]*\]|.", lambda found: AS_REGEX.get(found[0], found[0]), pattern[1:])


@given(pattern=PATTERNS, dialled=st.text("0123456789*", max_size=8))
def test_a_pattern_fits_what_its_regular_expression_fits(pattern: str, dialled: str) -> None:
    assert parse_pattern(pattern).matches(dialled) == bool(re.fullmatch(as_regex(pattern), dialled))


@given(one=PATTERNS, other=PATTERNS, dialled=st.text("0123456789*", max_size=8))
def test_a_pattern_that_covers_another_fits_all_that_fits_the_other(
    one: str, other: str, dialled: str
) -> None:
    wide, narrow = parse_pattern(one), parse_pattern(other)

    if wide.covers(narrow) and narrow.matches(dialled):
        assert wide.matches(dialled)
    assert wide.covers(wide)


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "is empty; write one such as _082XXXXX"),
        ("_", "'_': nothing follows the _"),
        ("_8[12", "'_8[12': the [ at character 3 is never closed"),
        ("_8[]", "'_8[]': the [] at character 3 is empty"),
        ("_[5-1]", "'_[5-1]': [5-1] at character 2 must hold digits or rising ranges: [12], [1-5]"),
        ("_8.1", "'_8.1': nothing may follow the . at character 3"),
        ("_08я", "'_08я': 'я' at character 4 is none of: a digit, X, Z, N, [digits], . * # +"),
        ("08X", "'08X': 'X' at character 3 is none of: a digit, X, Z, N, [digits], . * # +"),
    ],
)
def test_a_wrong_pattern_says_where(pattern: str, complaint: str) -> None:
    with pytest.raises(PatternError) as raised:
        parse_pattern(pattern)
    assert str(raised.value) == complaint
