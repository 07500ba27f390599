"""Options of one name read and look alike in every command."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from sorm_mediator.cli.app import TREE, app, config_app, journal_app, licence_app, wireshark_app

GROUPS = {
    id(config_app): ["config"],
    id(journal_app): ["journal"],
    id(licence_app): ["licence"],
    id(wireshark_app): ["wireshark"],
}
COMMANDS = [
    [*GROUPS.get(id(branch), []), command.__name__.removesuffix("_key").rstrip("_")]
    for branch, commands in TREE.items()
    for command in commands
]


def helps(option: str) -> list[str]:
    """What stands behind an option in the help of every command that has it, on one line."""
    found = []
    for words in COMMANDS:
        text = " ".join(CliRunner().invoke(app, [*words, "--help"]).stdout.split())
        found += re.findall(rf" {option} (.*?)(?: --| -\w, --|$)", text.partition("Options:")[2])
    return found


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ("--lang", "<en|ru>"),
        ("--link", "<tcp|x25|tcp+e1>"),
        ("--log-level", "<debug|info|warning|error>"),
        ("--order", "<268|70>"),
        ("--format", "<jsonl|csv>"),
    ],
)
def test_a_choice_is_shown_in_one_form(option: str, shown: str) -> None:
    found = helps(option)
    assert found
    assert {text.split()[0] for text in found} == {shown}


def test_json_is_a_flag_or_takes_a_file_and_says_which() -> None:
    assert {text.strip() for text in helps("--json")} == {
        "One JSON document on stdout and nothing else.",
        "One JSON object a line on stdout and nothing else.",
        "FILE Write the results as JSON; - is stdout, and nothing else there.",
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay", "x", "-j", "two"), "'-j' / '--jobs': 'two' is not allowed: a whole number"),
        (("replay", "x", "-j", "0"), "'-j' / '--jobs': '0' is not allowed: at least 1"),
        (("send", "start", "--within", "soon"), "'--within': 'soon' is not allowed: a number"),
        (("demo", "--lang", "fr"), "'--lang': 'fr' is not allowed: 'en', 'ru'"),
    ],
)
def test_a_wrong_value_is_told_in_our_words(words: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: Invalid value for {says}"


def test_an_option_of_commands_before_the_command_is_told_where_it_goes() -> None:
    done = CliRunner().invoke(app, ["--lang", "ru", "send", "start"])
    assert done.exit_code == 2
    assert "--lang goes after the command: sorm-mediator COMMAND --lang ..." in done.stderr
    assert "No such option: --colour" in CliRunner().invoke(app, ["--colour", "send"]).stderr
