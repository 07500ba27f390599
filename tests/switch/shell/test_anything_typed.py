"""Whatever is typed, the shell answers; what it completes can be typed."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sorm_mediator.switch.shell.command import Command
from sorm_mediator.switch.shell.session import commands

PIECES = [
    *(part for command in commands() for part in command.path.split("/")),
    *(word.strip("[].") for command in commands() for word in command.arguments.split()),
    "voip.local", "central_voip", "city", "c2v", "200100", "73832700000", "738327{0-1}000{0-1}", "default_routing",
    "true", "false", "unbounded", "/", "..", "'", '"', "\\", "#", "--", "{", "*", "-test", "",
]  # fmt: skip
HOSTILE = [
    "\0",
    "a\0b",
    "\ud800",
    "9" * 5000,
    "٣",
    "../../x",
    "+7" + "9" * 1000,
    "_X.",
    "a..b:1",
    "\x1b[31m",
    "1e999",
]


def _line(command: Command, words: list[str]) -> str:
    return f"{command.path.replace('<D>', 'voip.local').replace('<CLUSTER>', 'ds1')} {' '.join(words)}"


LINES = st.one_of(
    st.text(max_size=40),
    st.builds(
        _line,
        st.sampled_from(commands()),
        st.lists(st.sampled_from(HOSTILE + PIECES), min_size=1, max_size=4),
    ),
    st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join),
    st.builds(
        lambda path, rest: "/".join(path) + " " + " ".join(rest),
        st.lists(st.sampled_from(PIECES), max_size=5),
        st.lists(st.sampled_from(PIECES), max_size=6),
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(LINES, max_size=5), st.text(max_size=20))
def test_it_answers(typist: Any, lines: list[str], half: str) -> None:
    shell = typist.shell
    for line in lines:
        outcome = shell.enter(line)
        assert isinstance(outcome.text, str)
        assert shell.prompt
        completed, position, _ = shell.complete(line + half, len(line))
        assert completed[:position].startswith(line)
        assert completed.endswith(half)
    # What runs can still be described, so it can be saved and shown.
    shell.interrupt()
    shell.enter("cd /")
    assert not shell.enter("domain/list").error
    assert not shell.enter("bridge/list").error


def test_every_command_answers_to_words_that_no_file_number_or_host_has(typist: Any) -> None:
    shell = typist.shell
    for command in commands():
        for count in (1, 2, 3):
            for word in HOSTILE:
                outcome = shell.enter(_line(command, [word] * count))
                assert isinstance(outcome.text, str)
                shell.interrupt()
        shell.enter("cd /")
    assert not shell.enter("domain/list").error
