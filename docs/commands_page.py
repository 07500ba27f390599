"""The page of the command line: every command with its arguments and options, from their declarations."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import typer

from sorm_mediator.cli.app import app

_TOP = """\
# Commands

Every command has `--help`. `--version` prints the version; `--install-completion` installs completion for the shell.

| exit code | meaning |
|---|---|
| 0 | all was as expected |
| 1 | an expectation failed: a check, a command, a message with problems |
| 2 | wrong usage, or a mistake in a lab file, a script or an option; the error names it |
| 3 | the mediator, its web or the switch can't be reached |
| 130 | interrupted by Ctrl-C, SIGTERM or SIGHUP (a box that runs until then ends with 0) |

With `--json` stdout has one JSON document, or for streams one object a line, and nothing else. Logs and progress bars
are on stderr. Colours are for terminals; `NO_COLOR=1` turns them off.
"""


def _leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        yield from _leaves(one, f"{path} {name}".strip())


def _prose(text: str) -> str:
    """The help of a command; its examples are code."""
    paragraphs = []
    examples = False
    for paragraph in dedent(text).strip().split("\n\n"):
        line = " ".join(paragraph.split())
        if line in ("Examples:", "Example:"):
            examples = True
            continue
        is_one = line.startswith(("Example: ", "sorm-mediator ")) or examples
        paragraphs.append(f"`{line.removeprefix('Example: ')}`" if is_one else _escaped(line))
    return "\n\n".join(paragraphs)


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|").replace("[[", "\\[\\[").replace("*", "\\*")


def _row(parameter: Any, context: Any) -> str | None:
    record = parameter.get_help_record(context)
    if record is None or "--help" in parameter.opts:
        return None
    name, meaning = record
    return (
        f"| `{' '.join(name.split()).replace('|', chr(92) + '|')}` | {_escaped(' '.join(meaning.split()))} |"
    )


def page() -> str:
    """The whole page."""
    parts = [_TOP]
    for path, command in _leaves(typer.main.get_command(app), ""):
        context = command.context_class(command, info_name=f"sorm-mediator {path}")
        usage = " ".join(command.collect_usage_pieces(context))
        parts += [
            f"## {path}\n",
            f"```text\nsorm-mediator {path} {usage}\n```\n",
            _prose(command.help or "") + "\n",
        ]
        rows = [row for one in command.get_params(context) if (row := _row(one, context)) is not None]
        if rows:
            parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)
