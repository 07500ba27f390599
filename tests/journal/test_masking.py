from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.journal.masking import masked_unit

START = bytes.fromhex("CC010100313233343536")
SET_PASSWORD = bytes.fromhex("CC010306313233343536363534333231")


def test_the_password_of_a_command_is_masked_and_nothing_else() -> None:
    assert masked_unit(START) == "CC 01 01 00 ** ** ** ** ** **"
    assert masked_unit(bytes.fromhex("CC010E0131323334353607")) == "CC 01 0E 01 ** ** ** ** ** ** 07"


def test_the_new_password_of_command_3_is_masked_too() -> None:
    assert masked_unit(SET_PASSWORD) == "CC 01 03 06" + " **" * 12


@given(cut=st.integers(0, len(SET_PASSWORD)), extra=st.binary(max_size=8))
def test_a_cut_or_overlong_unit_shows_no_octet_of_a_password(cut: int, extra: bytes) -> None:
    shown = masked_unit((SET_PASSWORD + extra)[: cut + len(extra)]).split()
    assert all(octet == "**" for octet in shown[4:])
