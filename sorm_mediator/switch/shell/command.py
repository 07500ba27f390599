"""A command of the shell: its path, the form of its arguments, and the input of its handler.

The form is written as in help: ``<NAME>`` one word, ``<NAME>...`` one or more, ``[<NAME>]`` one or none,
``<a|b>`` one of these, ``--word`` or ``word`` itself; ``[--flag]``, ``[--one|--other]`` and ``[--option <NAME>]``
stand anywhere.

Answers have the forms of the switch: tables with their cells, and others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from sorm_mediator.config.stations import RegistrationConfig
from sorm_mediator.language import Lang, MessageId, Phrase, translate
from sorm_mediator.switch.changes import ChangeRefused, Notes
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.trace import TraceText, text_of

if TYPE_CHECKING:
    from sorm_mediator.switch.calls.call import Call, CallRequest, ServiceRequest
    from sorm_mediator.switch.calls.engine import Engine
    from sorm_mediator.switch.elph import ElphRegistrations
    from sorm_mediator.switch.smart.agent import SmartAgent

MASKED = "******"
"""Shown in place of a secret."""


def format_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table: the header centred, the cells to the left (ECSS-10 manual, SORM parameters of a domain)."""
    cells = [[*map(_cell, row)] for row in rows]
    widths = [max(len(row[column]) for row in [list(header), *cells]) for column in range(len(header))]

    def line(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * width for width in widths) + right

    def row(texts: Sequence[str]) -> str:
        return "│" + "│".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)) + "│"

    centred = [" " * ((width - len(text)) // 2) + text for text, width in zip(header, widths, strict=True)]
    return "\n".join(
        [line("┌", "┬", "┐"), row(centred), line("├", "┼", "┤"), *map(row, cells), line("└", "┴", "┘")]
    )


def _cell(value: object) -> str:
    text = flag(value) if isinstance(value, bool) else str(value)
    return "".join(symbol if symbol.isprintable() else f"\\x{ord(symbol):02x}" for symbol in text)


def flag(value: bool) -> str:
    """A flag in the form of the shell."""
    return "true" if value else "false"


def executed(at: float, took: float, version: str) -> str:
    """The line that ends a command: ``[exec at: 04.03.2021 10:44:19, exec time: 32ms, nodes: ds1@ecss1 v.0.1.0]``.

    ``at``: Unix time, shown as local time; ``took``: seconds.
    """
    when = datetime.fromtimestamp(at).astimezone().strftime("%d.%m.%Y %H:%M:%S")
    seconds, rest = divmod(round(took * 1000), 1000)
    time = f"{seconds}s {rest}ms" if seconds else f"{rest}ms"
    return f"[exec at: {when}, exec time: {time}, nodes: ds1@ecss1 v.{version}]"


def path_in(folder: Path, given: Path) -> Path:
    """The path of a file that was entered, which may lead out of the folder. Raises :class:`ChangeRefused`."""
    try:
        return (folder / given).resolve()
    except (ValueError, RuntimeError, OSError) as error:  # a NUL, or links in a circle
        raise ChangeRefused(f"{str(given)!r}: is no path of a file: {error}") from None


def ok(notes: Notes | None = None) -> str:
    """``OK``, and a line for each note."""
    return "\n".join(["OK", *(f"Note: {note}" for note in notes or ())])


_TOKEN = re.compile(r"\[[^\]]*\](?:\.\.\.)?|\S+")
_PLACE = re.compile(r"<([^>]+)>")


class FormError(Exception):
    """The words don't fit. ``known``: how many of them fit; of several forms the best one is reported."""

    def __init__(self, text: str, known: int, *, missing: bool = False) -> None:
        super().__init__(text)
        self.known = known
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a form."""

    text: str
    """The word itself, or the name of the place."""
    place: bool
    many: bool = False
    optional: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed words, when they are fixed."""
        if not self.place:
            return (self.text,)
        return tuple(self.text.split("|")) if "|" in self.text else ()

    @property
    def shown(self) -> str:
        """As in help."""
        return f"<{self.text}>" if self.place else self.text


@dataclass(frozen=True, slots=True)
class Form:
    """A parsed form. ``options``: name -> the place of the value that follows; "" for a flag."""

    tokens: tuple[Token, ...]
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a line by their meaning."""

    values: dict[str, str] = field(default_factory=dict)
    many: dict[str, tuple[str, ...]] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)


@cache
def form_of(text: str) -> Form:
    """Parse a form."""
    tokens: list[Token] = []
    options: dict[str, str] = {}
    for raw in _TOKEN.findall(text):
        many, optional = raw.endswith("..."), raw.startswith("[")
        inside = raw.removesuffix("...").strip("[]") if optional else raw.removesuffix("...")
        if optional and inside.startswith("--"):
            for option in inside.split("|"):
                name, _, value = option.partition(" ")
                options[name] = value
            continue
        many = many or inside.endswith("...")
        place = _PLACE.fullmatch(inside.removesuffix("..."))
        tokens.append(Token(place[1] if place else inside, place is not None, many, optional))
    return Form(tuple(tokens), options)


def fit(form: Form, words: list[str]) -> Words:
    """The words as values of the form. Raises :class:`FormError`."""
    found = Words()
    left, pending = _without_options(form, words, found)
    if pending:
        raise FormError(f"<{pending}> is missing", len(left), missing=True)
    position = 0
    for token in form.tokens:
        if position >= len(left):
            if token.optional:
                continue
            raise FormError(f"{token.shown} is missing", position, missing=True)
        word = left[position]
        if token.choices and word not in token.choices:
            if token.optional:
                continue
            raise FormError(f"{word!r} is not {' or '.join(token.choices)}", position)
        if token.many:
            found.many[token.text] = tuple(left[position:])
            return found
        if token.place:
            found.values[token.text] = word
        position += 1
    if position < len(left):
        raise FormError(f"{left[position]!r} is one word too many", position)
    return found


def expected(form: Form, words: list[str]) -> tuple[Token | None, tuple[str, ...]]:
    """What may follow these words: the next token, and options. Nothing when the words don't fit."""
    found = Words()
    left, pending = _without_options(form, words, found)
    if pending:
        return Token(pending, place=True), ()
    free = tuple(option for option in form.options if option not in found.flags)
    for token, word in zip(form.tokens, left, strict=False):
        if token.choices and word not in token.choices:
            return None, ()
        if token.many:
            return token, free
    if len(left) < len(form.tokens):
        return form.tokens[len(left)], free
    return None, free


def _without_options(form: Form, words: list[str], found: Words) -> tuple[list[str], str]:
    """The other words, and the name of the value that the last option lacks."""
    left: list[str] = []
    rest = iter(words)
    for word in rest:
        if word not in form.options:
            left.append(word)
        elif not form.options[word]:
            found.flags[word] = ""
        else:
            value = next(rest, None)
            if value is None:
                return left, form.options[word].strip("<>")
            found.flags[word] = value
    return left, ""


# --- commands

Talk = Generator[str, str, str]
"""A handler with questions: it yields questions, receives the answers, and returns its text."""

ANSWERS: Final = {"yes": True, "y": True, "no": False, "n": False}


def confirmed(question: str, *, empty: bool | None = None, again: str = "") -> Generator[str, str, bool]:
    """Ask until the answer is yes or no.

    ``empty``: what an empty line means; None: it is no answer. ``again``: the question from the second time on.
    """
    sure = None
    while sure is None:
        answer = (yield question).strip().lower()
        sure, question = ANSWERS.get(answer) if answer else empty, again or question
    return sure


def _nowhere(port: int) -> None:
    raise ChangeRefused(f"ssh_port: {port}: nothing listens here; set switch.ssh_port in the lab file")


def _no_licence_server(server: str, lac: str, locking_id: str, registration: RegistrationConfig) -> str:
    raise ChangeRefused(
        f"{lac}: this shell has no way to the licence server {server}; licence/load a licence file"
    )


class Exchange(Protocol):
    """The calls, as the shell drives them. Its methods raise :class:`CallRefused`."""

    engine: Engine

    def place_call(self, domain: str, request: CallRequest) -> Call:
        """Make a call."""

    def pick_up(self, call: str) -> Call:
        """Answer a ringing call."""

    def hang_up(self, call: str) -> bool:
        """End a call; false when there is none."""

    def use_service(self, call: str, service: ServiceRequest) -> Call:
        """Use a service in a call."""


@dataclass(slots=True, kw_only=True)
class ShellContext:
    """The part of the shell that all its users share."""

    node: Node
    clock: Callable[[], float]
    """Unix time."""
    stopwatch: Callable[[], float]
    """Seconds of a monotonic clock, for the duration of a command."""
    file: Path | None = None
    """The lab file, which ``config/save`` writes."""
    calls: Exchange | None = None
    """The calls of the switch; None: a shell without them."""
    smart: SmartAgent | None = None
    """The smart licence of the switch; None: there is none."""
    elph: ElphRegistrations | None = None
    """The registrations of Elph clients; None: a shell without them."""
    move_ssh: Callable[[int], None] = _nowhere
    """Listen on this port and the next one from now on. Raises :class:`ChangeRefused` when they are in use."""
    ask_licence_server: Callable[[str, str, str, RegistrationConfig], str] = _no_licence_server
    """Server, code, Locking ID and registration data -> licence file. Raises :class:`LicenceError` for a refusal, and
    :class:`OSError` without an answer."""
    activated: Callable[[], None] = lambda: None
    """Called after a licence file was activated."""
    licence_state: Callable[[], str] = lambda: ""
    """The text that a display shows for the licence state; "" in the regular one."""
    trace_with: TraceText = text_of
    """Writes traces; beside a mediator down to its console."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of a user of the shell (ECSS-10 manual, Internal protocol: ``ecss-<DOMAIN_NAME>-domain-admin``).

    domains: those that the user administers; None: the whole switch.
    """

    user: str
    domains: tuple[str, ...] | None = None

    def cover(self, domain: str) -> bool:
        """Whether the user administers a domain."""
        return self.domains is None or domain in self.domains

    def names(self, domains: Iterable[str]) -> tuple[str, ...]:
        """The rights by name. ``domains``: all of the switch."""
        return tuple(map(right_of, domains if self.domains is None else self.domains))

    def check(self, command: Command, path: Mapping[str, str]) -> None:
        """Raises :class:`ChangeRefused` for a command that needs another right. ``path``: its values."""
        if self.domains is None or command.for_everyone or ("D" in path and self.cover(path["D"])):
            return
        needed = right_of(path["D"]) if "D" in path else "the user of switch.admin"
        raise ChangeRefused(f"{command.path} needs {needed}; {self.user} has: {', '.join(self.names(()))}")


def right_of(domain: str) -> str:
    """The name of the right to administer a domain."""
    return f"ecss-{domain}-domain-admin"


@dataclass(slots=True)
class ShellState:
    """What a session keeps; its commands read and change it."""

    context: ShellContext
    rights: Rights
    """What the user may do."""
    lang: Lang = "en"
    """The language of help."""
    place: list[str] = field(default_factory=list)
    """The folder that the user is in."""
    history: list[str] = field(default_factory=list)
    """The lines entered so far."""
    leaving: bool = False
    """Whether the session ends after this command."""
    clearing: bool = False
    """Whether the screen is to be emptied."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command as it was entered."""

    shell: ShellState
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
        return self.shell.context.node

    @property
    def domain(self) -> str:
        """The domain of the path."""
        return self.path["D"]


Handler = Callable[[Invocation], str | Talk]


@dataclass(frozen=True, slots=True)
class Command:
    """A command. Several may share a path: the first one with arguments that fit is taken.

    path: with ``<D>`` for a domain and ``<CLUSTER>``. arguments: their form.
    summary: the help in English, one line. profile: the only ``switch.profile`` that has it; "": every one.
    quiet: a command of the shell itself, without the line with its time. own: it shows and changes what the user
    has a right to. choices: the words offered by completion at a place of the arguments, by the name of the place.
    """

    path: str
    arguments: str
    handler: Handler
    summary: MessageId
    quiet: bool = False
    own: bool = False
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    profile: str = ""

    @property
    def for_everyone(self) -> bool:
        """Whether every user of the shell may enter it."""
        return self.quiet or self.own

    @property
    def usage(self) -> str:
        """The whole command, as in help."""
        return f"{self.path} {self.arguments}".rstrip()

    @property
    def form(self) -> Form:
        """Its parsed arguments."""
        return form_of(self.arguments)

    def help(self, lang: Lang) -> str:
        """The help of the command."""
        return translate(Phrase(self.summary), lang)


def change(function: Callable[..., Notes | None], *names: str) -> Handler:
    """A handler that makes a change: ``function`` receives the switch, and the values of ``names`` in order."""
    return lambda call: ok(function(call.node, *(call[name] for name in names)))
