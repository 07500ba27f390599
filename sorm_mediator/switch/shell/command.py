"""What a command of the shell is, and what its handler is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes.sorm import parse_port
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.shell.forms import Form, Words, form_of

if TYPE_CHECKING:
    from sorm_mediator.switch.shell.session import ShellSession

Language = Literal["en", "ru"]

Talk = Generator[str, str, str]
"""A handler that asks: it yields questions, is sent the answers, and returns its text."""

CLUSTER = "ds1"
"""The cluster with the role STORAGE (ECSS-10 manual, Licences in the CLI)."""


def _nowhere(port: int) -> None:
    raise ChangeRefused(f"ssh_port: {port}: nothing listens here; set switch.ssh_port in the lab file")


@dataclass(slots=True, kw_only=True)
class Desk:
    """What all users of the shell of one switch work at."""

    node: Node
    file: Path | None = None
    """The lab file, which ``config/save`` writes."""
    move_ssh: Callable[[int], None] = _nowhere
    """Listen on this port and the next one from now on. Raises :class:`ChangeRefused` when they can't be had."""
    clock: Callable[[], float] = time.time
    """Unix time."""
    stopwatch: Callable[[], float] = time.perf_counter
    """Seconds, for how long a command took."""


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it was entered."""

    shell: ShellSession
    """Who entered it; ``shell.node`` is the switch."""
    words: Words
    path: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        """The value of ``<name>``, of the path or of the arguments; "" for an optional one that was left out."""
        return self.path.get(name) or self.words.values.get(name, "")

    def many(self, name: str) -> tuple[str, ...]:
        """The values of ``<name>...``."""
        return self.words.many.get(name, ())

    def flag(self, name: str) -> bool:
        """Whether ``--name`` was given."""
        return name in self.words.flags

    def option(self, name: str) -> str:
        """The value after ``--name``; "" when it wasn't given."""
        return self.words.flags.get(name, "")

    @property
    def node(self) -> Node:
        """The switch."""
        return self.shell.desk.node

    @property
    def domain(self) -> str:
        """The domain of the path."""
        return self.path["D"]


Handler = Callable[[Call], str | Talk]


@dataclass(frozen=True, slots=True)
class Command:
    """A command. Several may share a path; the words of their arguments tell them apart, the first that fits is taken.

    path: with ``<D>`` for a domain and ``<CLUSTER>``. arguments: see :mod:`sorm_mediator.switch.shell.forms`.
    en, ru: what it does, in a line. ``quiet``: of the shell itself, without the line that tells when it ran.
    """

    path: str
    arguments: str
    handler: Handler
    en: str
    ru: str
    quiet: bool = False

    @property
    def usage(self) -> str:
        """The whole command, as help writes it."""
        return f"{self.path} {self.arguments}".rstrip()

    @property
    def form(self) -> Form:
        """Its arguments, taken apart."""
        return form_of(self.arguments)

    def help(self, lang: Language) -> str:
        """What it does."""
        return self.ru if lang == "ru" else self.en


def set_ssh_port(desk: Desk, value: str) -> None:
    """Move the listeners first: a port that can't be had is refused and changes nothing."""
    from sorm_mediator.switch.changes.sorm import set_ssh_port as keep

    desk.move_ssh(parse_port(value))
    keep(desk.node, value)
