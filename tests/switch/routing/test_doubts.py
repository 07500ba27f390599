"""Rules that no call comes to, and substitutions that no number can fill."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.switch.routing.context_file import parse_context
from sorm_mediator.switch.routing.doubts import doubts
from sorm_mediator.switch.routing.masks import MaskError, compile_mask

pytestmark = pytest.mark.core


def told(*rules: tuple[str, str]) -> list[tuple[str, str]]:
    """Each rule: its conditions and its actions, in XML; named r1, r2, ... in lines 2, 3, ..."""
    text = '<context name="c">\n' + "\n".join(
        f'<rule name="r{number}"><conditions>{conditions}</conditions><actions>{actions}</actions>'
        "<result><local/></result></rule>"
        for number, (conditions, actions) in enumerate(rules, 1)
    )
    context = parse_context((text + "</context>").encode(), "c.xml")
    return [(rule.name, text) for rule, text in doubts(context)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('<cdpn digits="8%"/>', '<cdpn digits="89???"/>'),
        ('<cdpn digits="%"/>', '<cgpn digits="1"/>'),
        ("", '<cdpn digits="1"/>'),
        ('<cdpn digits="(0-3)?"/>', '<cdpn digits="01,2(0-9)"/>'),
        ('<cdpn digits="1,8%"/>', '<cdpn digits="81%,1"/>'),
        ('<cgpn ni="local,zone"/>', '<cgpn ni="zone" digits="1"/>'),
        ('<cgpn digits="2%"/>', '<cgpn digits="28331"/><cdpn digits="1"/>'),
    ],
)
def test_a_rule_behind_a_wider_one_is_never_taken(first: str, second: str) -> None:
    assert told((first, ""), (second, "")) == [
        (
            "r2",
            "is never taken: rule 'r1' in line 2 fits every call that it fits; put it before that rule",
        )
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('<cdpn digits="89???"/>', '<cdpn digits="8%"/>'),
        ('<cdpn digits="8%"/><cgpn digits="1"/>', '<cdpn digits="81"/>'),
        ('<cdpn digits="8?"/>', '<cdpn digits="8*"/>'),
        ('<cdpn digits="8????"/>', '<cdpn digits="8%"/>'),
        ('<cgpn digits="1%"/>', '<cdpn digits="11"/>'),
        ('<cgpn ni="local"/>', '<cgpn ni="local,zone"/>'),
        ('<cgpn ni="local"/>', '<cgpn digits="1"/>'),
        ('<cdpn digits="1"/>', ""),
    ],
)
def test_a_rule_that_some_call_comes_to_is_not_told(first: str, second: str) -> None:
    assert told((first, ""), (second, "")) == []


@pytest.mark.parametrize(
    ("mask", "digits", "says"),
    [
        ("8??????????", "{12}", "digits {12}: cdpn has at most 11 digits here, so there is no digit 12"),
        ("01,112", "9{1,2,3}", "digits 9{1,2,3}: cdpn may have 2 digits only, and so no digit 3"),
    ],
)
def test_a_substitution_beyond_the_number_is_told(mask: str, digits: str, says: str) -> None:
    assert told((f'<cdpn digits="{mask}"/>', f'<cdpn digits="{digits}"/>')) == [("r1", says)]
    sorm = told((f'<cdpn digits="{mask}"/>', f'<called sorm_digits="{digits}"/>'))
    assert sorm == [("r1", f"sorm_{says}")]


@pytest.mark.parametrize(
    ("conditions", "digits"),
    [
        ('<cdpn digits="8??????????"/>', "{11}"),
        ('<cdpn digits="8%"/>', "{12}"),
        ('<cgpn digits="1"/>', "{12}"),
        ('<cdpn digits="112"/>', "112{3}"),
    ],
)
def test_a_substitution_that_can_be_filled_is_not_told(conditions: str, digits: str) -> None:
    assert told((conditions, f'<cdpn digits="{digits}"/>')) == []


MASKS = st.text("01?%,()-*", min_size=1, max_size=8)


@given(MASKS, MASKS, st.lists(st.text("012*", max_size=5), min_size=1, max_size=20))
def test_what_fits_a_covered_mask_fits_the_wider_one(wide: str, narrow: str, numbers: list[str]) -> None:
    try:
        wider, narrower = compile_mask(wide), compile_mask(narrow)
    except MaskError:
        return
    if wider.covers(narrower):
        assert all(wider.match(one) is not None for one in numbers if narrower.match(one) is not None)


@given(MASKS, st.text("012*", max_size=9))
def test_lengths_are_those_of_numbers_that_fit(text: str, number: str) -> None:
    try:
        mask = compile_mask(text)
    except MaskError:
        return
    least, most = mask.lengths
    if mask.match(number) is not None:
        assert least <= len(number) <= (len(number) if most is None else most)
