"""How lines look at a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from sorm_mediator.reports.people import Look


def test_a_line_is_broken_between_words_and_goes_on_below_its_last_column() -> None:
    look = Look(width=50)
    line = "    object type  own-subscriber  subscriber of this node of ours"
    assert look.wrapped(line) == [
        "    object type  own-subscriber  subscriber of",
        "                                 this node of ours",
    ]
    assert look.wrapped("      a line without columns, which is a little too long for it") == [
        "      a line without columns, which is a little",
        "      too long for it",
    ]


def test_octets_and_names_are_never_broken_inside() -> None:
    line = "  12.5 ms  -> KPD1  " + " ".join(["CC"] * 30)
    shown = Look(width=60).wrapped(line)
    assert all(len(one) <= 60 for one in shown)
    assert " ".join(" ".join(shown).split()) == " ".join(line.split())
    assert shown[1].startswith(" " * 20 + "CC")
    assert Look(width=40).wrapped("x" * 60 + " y") == ["x" * 60, "y"]


def test_a_code_stays_with_its_meaning() -> None:
    line = (
        "12:09:46.397 <- KPD2  release object_number=258 call_number=1 calling=28331 called=28332 "
        "operation=05h (released after conversation) ksl_a=0/1 selection=02h (A number, statistical) "
        "connection=1Ch (inside this node)"
    )
    assert Look(width=80).wrapped(line) == [
        "12:09:46.397 <- KPD2  release object_number=258 call_number=1 calling=28331",
        "                      called=28332 operation=05h (released after conversation)",
        "                      ksl_a=0/1 selection=02h (A number, statistical)",
        "                      connection=1Ch (inside this node)",
    ]
    narrow = Look(width=40).wrapped(line)
    assert " ".join(" ".join(narrow).split()) == " ".join(line.split())
    assert all(len(one) <= 40 for one in narrow)


def test_without_a_terminal_a_line_stays_as_it_is() -> None:
    assert Look().wrapped("x " * 200) == ["x " * 200]
    assert Look().style("PASS", "good") == "PASS"


PROGRAM = "from sorm_mediator.reports.people import Look; print(Look.of_stdout())"


def at_a_terminal(**environment: str) -> str:
    ours, theirs = pty.openpty()
    given = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    subprocess.run(
        [sys.executable, "-c", PROGRAM],
        stdout=theirs,
        env={**given, "COLUMNS": "72", **environment},
        check=True,
    )
    text = os.read(ours, 4096).decode().strip()
    os.close(ours)
    os.close(theirs)
    return text


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
    ],
)
def test_colours_are_those_of_the_environment(environment: dict[str, str], *, coloured: bool) -> None:
    assert at_a_terminal(**environment) == f"Look(width=72, coloured={coloured})"


def test_a_column_too_narrow_for_its_words_is_not_gone_on_with() -> None:
    assert Look(width=40).wrapped("=== the name of a script  (folder/of/scripts/script.yaml)") == [
        "=== the name of a script",
        "(folder/of/scripts/script.yaml)",
    ]
