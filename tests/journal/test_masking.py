from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import Problem
from sorm_mediator.journal.masking import masked_unit, why_masked

START = bytes.fromhex("CC010100313233343536")
SET_PASSWORD = bytes.fromhex("CC010306313233343536363534333231")
ADD_OBJECT = bytes.fromhex("CC01051431323334353600010101058224F3FFFFFFFFFFFFFFFF0101FF02")


def test_the_password_of_a_command_is_masked_and_nothing_else() -> None:
    assert masked_unit(START) == "CC 01 01 00 ** ** ** ** ** **"
    assert masked_unit(bytes.fromhex("CC010E0131323334353607")) == "CC 01 0E 01 ** ** ** ** ** ** 07"


def test_the_new_password_of_command_3_is_masked_too() -> None:
    assert masked_unit(SET_PASSWORD) == "CC 01 03 06" + " **" * 12


@given(cut=st.integers(0, len(SET_PASSWORD)), extra=st.binary(max_size=8))
def test_a_cut_or_overlong_unit_shows_no_octet_of_a_password(cut: int, extra: bytes) -> None:
    shown = masked_unit((SET_PASSWORD + extra)[: cut + len(extra)]).split()
    assert all(octet == "**" for octet in shown[4:])


@given(cut=st.integers(1, len(ADD_OBJECT) - 3), following=st.sampled_from([START, SET_PASSWORD, ADD_OBJECT]))
def test_a_command_that_breaks_off_shows_nothing_of_the_one_behind_it(cut: int, following: bytes) -> None:
    unit = (ADD_OBJECT[:cut] + following * 3)[: len(ADD_OBJECT)]
    shown = masked_unit(unit, why_masked(unit)).split()
    assert shown[:4] == [f"{octet:02X}" for octet in unit[:4]]
    assert set(shown[4:]) == {"**"}


def test_a_whole_command_is_shown_with_its_fields() -> None:
    assert why_masked(ADD_OBJECT) == ""
    assert masked_unit(ADD_OBJECT).endswith("00 01 01 01 05 82 24 F3 FF FF FF FF FF FF FF FF 01 01 FF 02")


@pytest.mark.parametrize(
    ("problems", "whole", "why"),
    [
        ((), False, "not a whole command"),
        (
            (Problem(14, "number.digits", "no digit: Eh"), Problem(10, "", "x")),
            True,
            "can't be read: unit, number",
        ),
        ((Problem(14, "number.digits", "no digit: Ah", accepted=True),), True, ""),
    ],
)
def test_what_is_no_readable_command_says_why_it_is_masked(
    problems: tuple[Problem, ...], whole: bool, why: str
) -> None:
    assert why_masked(ADD_OBJECT, problems, whole=whole) == why
