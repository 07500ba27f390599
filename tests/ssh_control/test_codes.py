"""The codes of refusals have the texts that people are shown, and no others."""

from __future__ import annotations

from protocol.texts import EXTENDED_FURTHER, EXTENDED_MANUAL
from ssh_control.codes import ExtendedError


def test_every_code_has_a_text_and_every_text_a_code() -> None:
    assert {*ExtendedError} == {*EXTENDED_MANUAL, *EXTENDED_FURTHER}
