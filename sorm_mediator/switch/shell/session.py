"""The session of one user of the shell: lines in, texts out. Without I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from os.path import commonprefix
from types import GeneratorType
from typing import Final

from sorm_mediator import __version__
from sorm_mediator.language import Lang
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.shell.call_commands import CALL_COMMANDS
from sorm_mediator.switch.shell.command import (
    Command,
    Invocation,
    Rights,
    ShellContext,
    ShellState,
    Talk,
    executed,
    format_table,
)
from sorm_mediator.switch.shell.config_commands import CONFIG_COMMANDS
from sorm_mediator.switch.shell.domain_commands import BRIDGE_COMMANDS, DOMAIN_COMMANDS, SORM_COMMANDS
from sorm_mediator.switch.shell.licence_commands import LICENCE_COMMANDS
from sorm_mediator.switch.shell.parser import (
    Filter,
    Found,
    NotUnderstood,
    Parser,
    asked,
    filtered,
    match,
    resolve,
    split,
)
from sorm_mediator.switch.shell.routing_commands import HOSTS, PLAN_COMMANDS, ROUTING_COMMANDS
from sorm_mediator.switch.shell.service_commands import SERVICE_COMMANDS
from sorm_mediator.switch.shell.smart_commands import SMART_COMMANDS
from sorm_mediator.switch.shell.station_commands import ACTIVATION_COMMANDS, STATION_COMMANDS
from sorm_mediator.switch.shell.vpbx_commands import VPBX_COMMANDS

MOST_HISTORY: Final = 500
"""Limit of lines in ``history``, since a script may have any number of lines."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The result of a line: text to show, an error to show, and whether the session ends."""

    text: str = ""
    error: str = ""
    ended: bool = False
    cleared: bool = False
    """The screen is to be emptied first."""


class ShellSession:
    """One session: ``enter`` takes a line and returns its result. The line after a question is its answer.

    domains: those that the user administers; None: the whole switch.
    """

    def __init__(
        self, context: ShellContext, user: str = "admin", domains: tuple[str, ...] | None = None
    ) -> None:
        self.user = user
        self.state = ShellState(context, Rights(user, domains))
        self._parser = _parser_of(context.node, self.state.rights)
        self._talk: Talk | None = None
        self._question = ""
        self._began = (0.0, 0.0)
        self._before = ""
        self._filter: Filter | None = None

    # --- for a terminal

    @property
    def asking(self) -> bool:
        """Whether a question is open."""
        return self._talk is not None

    @property
    def prompt(self) -> str:
        """The prompt of the next line: a question, or ``admin@mycelium1@ecss1:/$ ``."""
        if self.asking:
            return self._question
        place, shown = "/".join(self.state.place), self.state.context.licence_state()
        return f"{f'[{shown}] ' if shown else ''}{self.user}@mycelium1@{HOSTS[0]}:/{place}$ "

    def complete(self, line: str, position: int) -> tuple[str, int, list[str]]:
        """The line and the position after completion; and the candidates, when there are several."""
        if self.asking:
            return line, position, []
        before, after = line[:position], line[position:]
        last, found = self._parser.candidates(before, self.state.place)
        if not found:
            return line, position, []
        common = commonprefix(found)  # noqa: RUF071 - of characters: what is typed need not be a whole name
        added = common[len(last) :]
        if len(found) == 1 and not common.endswith(("/", "=")):
            added += " "
        return before + added + after, position + len(added), found if not added else []

    # --- lines

    def enter(self, line: str) -> Entered:
        """Carry out a line, or use it as the answer of the open question. Never raises."""
        if self._talk is not None:
            return self._answered(line.strip())
        line = line.strip()
        if not line or line.startswith("#"):
            return Entered()
        state = self.state
        state.history.append(line)
        del state.history[:-MOST_HISTORY]
        before, self._before = self._before, line
        self._began = (state.context.clock(), state.context.stopwatch())
        try:
            words, self._filter = filtered(asked(split(line)))
            found = self._understood(words, line, before)
            state.rights.check(found.command, found.path)
            result = found.command.handler(Invocation(state, found.words, found.path))
        except ChangeRefused as refusal:
            return Entered(error=f"Error: {refusal}\n")
        if isinstance(result, GeneratorType):
            self._talk = result
            return self._answered(None)
        assert isinstance(result, str)
        return self._done(result, quiet=found.command.quiet)

    def interrupt(self) -> Entered:
        """Ctrl-C: drop an open question and its command."""
        return self._given_up("interrupted") if self.asking else Entered()

    def end(self) -> Entered:
        """The input has ended."""
        return self._given_up("there was no answer") if self.asking else Entered(ended=True)

    def _given_up(self, why: str) -> Entered:
        assert self._talk is not None
        self._talk.close()
        self._talk, self._question = None, ""
        return Entered(error=f"Error: not done: {why}\n")

    def _understood(self, words: list[str], line: str, before: str) -> Found:
        try:
            return self._parser.understand(words, self.state.place)
        except NotUnderstood as error:
            self._before = error.meant or line
            whole, complete = self._parser.continues(before, words, self.state.place)
            if not whole:
                raise
            self._before = whole
            how = f"In one line: {whole}" if complete else "Write it all in one line"
            raise NotUnderstood(
                f"{error}. Is it the rest of the line before, which was wrapped when it was copied? {how}"
            ) from None

    def _answered(self, answer: str | None) -> Entered:
        """Continue the open command with an answer."""
        assert self._talk is not None
        try:
            self._question = next(self._talk) if answer is None else self._talk.send(answer)
        except StopIteration as end:
            self._talk, self._question = None, ""
            return self._done(end.value or "")
        except ChangeRefused as refusal:
            self._talk, self._question = None, ""
            return Entered(error=f"Error: {refusal}\n")
        return Entered()

    def _done(self, text: str, *, quiet: bool = False) -> Entered:
        text = text if self._filter is None else self._filter.of(text)
        if text and not text.endswith("\n"):
            text += "\n"
        if not quiet:
            at, began = self._began
            text += f"\n{executed(at, self.state.context.stopwatch() - began, __version__)}\n"
        state = self.state
        leaving, clearing = state.leaving, state.clearing
        state.leaving = state.clearing = False
        return Entered(text, ended=leaving, cleared=clearing)


def _parser_of(node: Node, rights: Rights) -> Parser:
    return Parser(_commands_of(node), partial(_names, node, rights))


def _commands_of(node: Node) -> tuple[Command, ...]:
    """The commands that a switch of this profile has."""
    return tuple(one for one in commands() if one.profile in ("", node.config.profile))


def _names(node: Node, rights: Rights, name: str, path: Mapping[str, str]) -> Iterable[str]:
    """The present names for the commands' ``<name>``; those in a domain only for whoever has a right to it."""
    found: dict[str, Iterable[str]] = {
        **dict.fromkeys(("D", "DOMAIN", "DOMAIN_A", "DOMAIN_B"), node.domains),
        "BRIDGE": node.bridges,
        "USER": (one.user for one in node.config.aggregates),
        "CLUSTER": {name for one in node.licences.installed.values() for name in one.limits.storage},
    }
    domain = node.domains.get(path.get("D", ""))
    if domain is not None and rights.cover(domain.name):
        found |= {
            "PLAN": domain.plans,
            "CONTEXT": domain.contexts,
            "TRUNK": domain.trunks,
            "LOCAL": domain.subscribers,
        }
    return found.get(name, ())


# --- the shell's own commands: help, moving about, leaving

LANGUAGES: dict[str, Lang] = {"en": "en", "ru": "ru"}


def _help(call: Invocation) -> str:
    lang = LANGUAGES.get(call.option("--lang"), call.shell.lang)
    if call.option("--lang") not in ("", *LANGUAGES):
        raise ChangeRefused(f"--lang: {call.option('--lang')!r} is not allowed: en or ru")
    wanted = resolve(call["COMMAND"], call.shell.place) if call["COMMAND"] else [[]]
    for parts in wanted:
        found = [
            one
            for one in _commands_of(call.node)
            if match(one.path.split("/"), parts, whole=False) is not None
        ]
        if found:
            break
    else:
        raise ChangeRefused(f"there is no command {call['COMMAND']!r}; help lists all")
    return "\n".join(f"{command.usage}\n    {command.help(lang)}" for command in found)


def _cd(call: Invocation) -> str:
    place = resolve(call["FOLDER"] or "/", call.shell.place)[0]
    parser = _parser_of(call.node, call.shell.rights)
    for depth in range(len(place)):
        if not parser.is_folder(place[: depth + 1]):
            raise ChangeRefused(f"there is no folder {call['FOLDER']!r}; ls shows what there is")
    call.shell.place = place
    return ""


def _pwd(call: Invocation) -> str:
    return "/" + "/".join(call.shell.place)


def _ls(call: Invocation) -> str:
    place = resolve(call["FOLDER"], call.shell.place)[0]
    names = _parser_of(call.node, call.shell.rights).children(place)
    if not names:
        raise ChangeRefused(f"there is no folder {call['FOLDER']!r}; ls / shows what there is")
    return "\n".join(f"{name}/" if folder else name for name, folder in names)


def _lang(call: Invocation) -> str:
    call.shell.lang = LANGUAGES[call["en|ru"]]
    return ""


def _rights(call: Invocation) -> str:
    """The user's rights, one for each domain; and that to the whole switch, whose name is ours."""
    rights = call.shell.rights
    rows = [(name,) for name in rights.names(call.node.domains)]
    if rights.domains is None:
        rows.insert(0, ("switch.admin: the whole switch",))
    return format_table((f"Rights of {rights.user}",), rows)


def _history(call: Invocation) -> str:
    return "\n".join(f"{number:5}  {line}" for number, line in enumerate(call.shell.history, 1))


def _clear(call: Invocation) -> str:
    call.shell.clearing = True
    return ""


def _exit(call: Invocation) -> str:
    call.shell.leaving = True
    return ""


SHELL_COMMANDS: Final = (
    Command(
        "help", "[<COMMAND>] [--lang <en|ru>]", _help,
        "All commands, those of a folder, or one; ? in place of help, or behind a command, does the same", quiet=True,
    ),
    Command("cd", "[<FOLDER>]", _cd, "Go to a folder", quiet=True),
    Command("pwd", "", _pwd, "The folder you are in", quiet=True),
    Command("ls", "[<FOLDER>]", _ls, "What is in a folder", quiet=True),
    Command("lang", "<en|ru>", _lang, "Language of the help", quiet=True),
    Command("rights", "", _rights, "Your rights: the domains that you may set up", quiet=True),
    Command("history", "", _history, "The lines entered so far", quiet=True),
    Command("clear", "", _clear, "Empty the screen; so does Ctrl-L", quiet=True),
    Command("exit", "", _exit, "Leave", quiet=True),
)  # fmt: skip


def commands() -> tuple[Command, ...]:
    """Every command of the shell, in the order of help."""
    return (
        *SHELL_COMMANDS,
        *DOMAIN_COMMANDS,
        *CALL_COMMANDS,
        *SORM_COMMANDS,
        *ROUTING_COMMANDS,
        *PLAN_COMMANDS,
        *BRIDGE_COMMANDS,
        *LICENCE_COMMANDS,
        *SMART_COMMANDS,
        *STATION_COMMANDS,
        *ACTIVATION_COMMANDS,
        *SERVICE_COMMANDS,
        *CONFIG_COMMANDS,
        *VPBX_COMMANDS,
    )
