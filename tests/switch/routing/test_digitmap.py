"""Digit maps: when digits that are still being dialled are enough."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.switch.routing.masks import DigitMapError, compile_digitmap

SEED = "(*[0-9*][0-9*].#|#[0-9*][0-9*].#|*#[0-9*][0-9*].#|1xx.|10xx.)"
"""Of the MultiSORM contexts."""


@pytest.mark.parametrize(
    ("digits", "incomplete"),
    [
        ("", True),
        ("1", True),
        ("11", False),
        ("112", False),
        ("*", True),
        ("*2", True),
        ("*21*28333", True),
        ("*21*28333#", False),
        ("*#21#", False),
        ("200100", False),
        ("89001758964", False),
    ],
)
def test_the_map_of_the_manual(digits: str, incomplete: bool) -> None:
    assert compile_digitmap(SEED).incomplete(digits) is incomplete


def test_white_space_and_a_timer_have_no_effect() -> None:
    broken = compile_digitmap("(*xx# |\n 2xxxxxT)")

    assert [broken.incomplete(digits) for digits in ("20010", "200100", "*2", "*21#")] == [
        True,
        False,
        True,
        False,
    ]


@given(st.text("0123456789*#", max_size=5))
def test_incomplete_is_what_begins_a_map_and_fulfils_none(digits: str) -> None:
    assert compile_digitmap("(2xx|*5)").incomplete(digits) == bool(re.fullmatch(r"|2[0-9]?|\*", digits))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "an empty map"),
        ("(1x", "belong together"),
        ("(1x||2x)", "an empty map"),
        ("[0-9", "never closed"),
        ("[]", "allows no digit"),
        ("[9-0]", "rising"),
        (".", "nothing before it"),
        ("x..", "nothing before it"),
        ("1T2", "'T' is not allowed"),
        ("1a", "'a' is not allowed"),
    ],
)
def test_a_wrong_map_is_refused_in_words(text: str, complaint: str) -> None:
    with pytest.raises(DigitMapError, match=complaint):
        compile_digitmap(text)
