"""One user at the shell: lines in, texts out. Without I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os.path import commonprefix
from types import GeneratorType, MappingProxyType
from typing import Final

from sorm_mediator import __version__
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes.sorm import PARAMETERS, TRUTH
from sorm_mediator.switch.shell import tables
from sorm_mediator.switch.shell.command import CLUSTER, Call, Command, Desk, Language, Talk
from sorm_mediator.switch.shell.commands import commands
from sorm_mediator.switch.shell.domain_commands import ALIAS_AS_USER, AUTHENTICATIONS
from sorm_mediator.switch.shell.parser import Found, NotUnderstood, Parser, split
from sorm_mediator.switch.shell.routing_commands import HOSTS
from sorm_mediator.switch.trace.request import PARAMETERS as TRACE_PARAMETERS

FIXED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "CLUSTER": (CLUSTER,),
        "HOST": HOSTS,
        "PARAMETER": PARAMETERS,
        "DUPLEX": tuple(TRUTH),
        "STRICT": tuple(TRUTH),
        "CAPACITY": ("unbounded",),
        "ALIAS": (ALIAS_AS_USER,),
        "PARAMETER=VALUE": tuple(f"{name}=" for name in TRACE_PARAMETERS),
        "AUTH": AUTHENTICATIONS,
        "LOGIN": ("login-as-user",),
    }
)
"""What may stand at some places of the commands' arguments."""


MOST_HISTORY: Final = 500
"""Lines that ``history`` shows: a script may have any number of them."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What came of a line: text to show, an error to show, and whether the user leaves."""

    text: str = ""
    error: str = ""
    ended: bool = False


class ShellSession:
    """``enter`` lines, show what comes back; a question that is open takes the next line as its answer."""

    def __init__(self, desk: Desk, user: str = "admin", lang: Language = "en") -> None:
        self.desk = desk
        self.user = user
        self.lang: Language = lang
        self.place: list[str] = []
        """The folder that the user is in."""
        self.history: list[str] = []
        self._parser = Parser(commands(), self._names)
        self._talk: Talk | None = None
        self._question = ""
        self._began = (0.0, 0.0)
        self._before = ""
        self._leaving = False

    # --- what a terminal needs

    @property
    def commands(self) -> tuple[Command, ...]:
        """All that can be entered."""
        return commands()

    @property
    def parser(self) -> Parser:
        """What understands the lines."""
        return self._parser

    @property
    def asking(self) -> bool:
        """Whether a question is open."""
        return self._talk is not None

    @property
    def prompt(self) -> str:
        """What stands before the next line: a question, or ``admin@mycelium1@ecss1:/$ ``."""
        return (
            self._question if self.asking else f"{self.user}@mycelium1@{HOSTS[0]}:/{'/'.join(self.place)}$ "
        )

    def complete(self, line: str, position: int) -> tuple[str, int, list[str]]:
        """The line and the position with what is certain added; and what it may be, when it is not certain."""
        if self.asking:
            return line, position, []
        before, after = line[:position], line[position:]
        last, found = self._parser.candidates(before, self.place)
        if not found:
            return line, position, []
        common = commonprefix(found)  # noqa: RUF071 - of characters: what is typed need not be a whole name
        added = common[len(last) :]
        if len(found) == 1 and not common.endswith(("/", "=")):
            added += " "
        return before + added + after, position + len(added), found if not added else []

    # --- lines

    def enter(self, line: str) -> Entered:
        """Do what a line says, or take it as the answer of the open question. Never raises for what a user enters."""
        if self._talk is not None:
            return self._answered(line.strip())
        line = line.strip()
        if not line or line.startswith("#"):
            return Entered()
        self.history.append(line)
        del self.history[:-MOST_HISTORY]
        before, self._before = self._before, line
        self._began = (self.desk.clock(), self.desk.stopwatch())
        try:
            found = self._understood(line, before)
            result = found.command.handler(Call(self, found.words, found.path))
        except ChangeRefused as refusal:
            return Entered(error=f"Error: {refusal}\n")
        if isinstance(result, GeneratorType):
            self._talk = result
            return self._answered(None)
        assert isinstance(result, str)
        return self._done(result, quiet=found.command.quiet)

    def leave(self) -> None:
        """The user wants to go; for the command ``exit``."""
        self._leaving = True

    def interrupt(self) -> Entered:
        """Ctrl-C: an open question is not answered, and its command does nothing."""
        return self._given_up("interrupted") if self.asking else Entered()

    def end(self) -> Entered:
        """No more lines come."""
        return self._given_up("there was no answer") if self.asking else Entered(ended=True)

    def _given_up(self, why: str) -> Entered:
        assert self._talk is not None
        self._talk.close()
        self._talk, self._question = None, ""
        return Entered(error=f"Error: not done: {why}\n")

    def _understood(self, line: str, before: str) -> Found:
        words = split(line)
        try:
            return self._parser.understand(words, self.place)
        except NotUnderstood as error:
            self._before = error.meant or line
            whole, complete = self._parser.continues(before, words, self.place) if before else ("", False)
            if not whole:
                raise
            self._before = whole
            how = f"In one line: {whole}" if complete else "Write it all in one line"
            raise NotUnderstood(
                f"{error}. The rest of the line before, which was wrapped when it was copied? {how}"
            ) from None

    def _answered(self, answer: str | None) -> Entered:
        """Go on with the open command."""
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
        if text and not text.endswith("\n"):
            text += "\n"
        if not quiet:
            at, began = self._began
            text += f"\n{tables.executed(at, self.desk.stopwatch() - began, __version__)}\n"
        leaving, self._leaving = self._leaving, False
        return Entered(text, ended=leaving)

    # --- names

    def _names(self, name: str, path: Mapping[str, str]) -> Iterable[str]:
        """The names that are there, for what the commands call ``<name>``."""
        node = self.desk.node
        if name in ("D", "DOMAIN", "DOMAIN_A", "DOMAIN_B"):
            return tuple(node.domains)
        if name == "BRIDGE":
            return tuple(node.bridges)
        if name == "USER":
            return tuple(one.user for one in node.config.aggregates)
        if name in FIXED:
            return FIXED[name]
        domain = node.domains.get(path.get("D", ""))
        if domain is None:
            return ()
        found: dict[str, Iterable[str]] = {
            "PLAN": domain.plans,
            "CONTEXT": domain.contexts,
            "TRUNK": domain.trunks,
            "LOCAL": domain.subscribers,
        }
        return tuple(found.get(name, ()))
