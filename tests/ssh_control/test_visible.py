"""Text of a peer in logs and on terminals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ssh_control.visible import visible, visible_lines


def test_what_could_steer_a_terminal_or_forge_a_line_is_escaped() -> None:
    assert (
        visible("bye\n2026-11-28 [info] all is well\x1b[2J") == "bye\\n2026-11-28 [info] all is well\\x1b[2J"
    )
    assert visible("\r\t\x00\x7f\x9b\u202e\u2028\ud800") == "\\r\\t\\x00\\x7f\\x9b\\u202e\\u2028\\ud800"


def test_letters_of_any_script_stay() -> None:
    assert visible("Иванов, KSL №7 «ok»") == "Иванов, KSL №7 «ok»"


@given(st.text(st.characters(codec=None)))
def test_the_outcome_is_always_one_printable_line(text: str) -> None:
    assert visible(text).isprintable()
    assert all(line.isprintable() for line in visible_lines(text).split("\n"))
