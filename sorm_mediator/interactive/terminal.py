"""``console``: the words of :mod:`sorm_mediator.interactive.bench` at a terminal, or from a pipe.

At a terminal (prompt_toolkit): completion and help from the declarations, history, what comes is printed above the
prompt. On a pipe each line is carried out in turn, and the exit code tells whether all went well.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import wrap
from threading import Thread
from typing import TYPE_CHECKING

from protocol import Options
from protocol.messages import caption
from sorm_mediator.config import Config
from sorm_mediator.config.places import state_folder
from sorm_mediator.console.errors import (
    ConnectError,
    StepError,
    UsageError,
    report_error,
    words,
)
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.console.target import RunTarget
from sorm_mediator.errors import ConfigError
from sorm_mediator.interactive.bench import OWN_WORDS, Bench, Style, Verdict, from_pipe
from sorm_mediator.interactive.station import Where, calls_of, reach
from sorm_mediator.interactive.words import about_field, about_key, title, values_of
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.output import BROKEN_PIPE, INTERRUPTED, OutputLostError
from sorm_mediator.replay.vocabulary import COMMANDS, REQUESTS
from sorm_mediator.reports.people import Look
from sorm_mediator.switch.domain import SERVICE_CODES

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

COLOURS: Mapping[Style, str] = {"command": "36", "answer": "32", "event": "33", "bad": "31", "note": "2"}
"""The colour of each kind of line, as a parameter of SGR (ECMA-48, 8.3.117)."""
_SECRET = re.compile(r"\b(new_password|password)=(\S+)|^(?=\s*raw\b)")

_WELCOME = Phrase(
    "Connected; events come after the first command. help lists the words, Tab completes them, exit leaves."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """The options of ``console``; the help of the command describes each."""

    where: Where
    octets: bool = False
    details: bool = False
    within: float = 15.0


def run_console(settings: ConsoleSettings) -> int:
    """Run the console until its end. Returns the exit code; errors go to stderr."""
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    lang = settings.where.language
    try:
        code = asyncio.run(until_signal(_console(settings, at_terminal)))
    except (UsageError, ConfigError) as error:
        return report_error(translate(words(error), lang), 2)
    except ConnectError as error:
        return report_error(f"{translate(words(error), lang)}{settings.where.hint}", 3)
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EPIPE):
            raise
        return BROKEN_PIPE  # the terminal was closed
    return report_error(translate(Phrase("interrupted"), lang), INTERRUPTED) if code is None else code


async def _console(settings: ConsoleSettings, at_terminal: bool) -> int:
    lang = settings.where.language
    write = _Output()
    known = Known.of(settings.where.load())
    async with reach(settings.where) as target:
        bench = Bench(
            target, write, lang=lang, octets=settings.octets, details=settings.details,
            within=settings.within, clear=_clear_screen if at_terminal else lambda: None,
            domains=tuple(known.domains),
        )  # fmt: skip
        await bench.open()
        try:
            if at_terminal:
                write(translate(_WELCOME, lang), "note")
                return await _prompt(bench, target, known)
            code = await from_pipe(bench, _lines())
        finally:
            await bench.close()
    return BROKEN_PIPE if write.gone else code


class _Output:
    """Writes lines to stdout until it is gone: a terminal that was closed, or a pipe without a reader.

    Most lines are written where an exception would only break a connection, so the end is noted here.
    """

    def __init__(self) -> None:
        self.gone = False

    def __call__(self, line: str, style: Style) -> None:
        if self.gone:
            return
        look = Look.of_stdout()  # at every line: a window changes its size
        colour, end = (f"\x1b[{COLOURS[style]}m", "\x1b[0m") if look.coloured else ("", "")
        try:
            sys.stdout.write("".join(f"{colour}{part}{end}\n" for part in look.wrapped(line)))
            sys.stdout.flush()
        except OutputLostError:
            self.gone = True


async def _lines() -> AsyncIterator[str]:
    """The lines of stdin, as they come. A thread reads them that does not keep the program from ending."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(queue.put_nowait, line)
        loop.call_soon_threadsafe(queue.put_nowait, "")

    Thread(target=read, daemon=True).start()
    while line := await queue.get():
        yield line


def prompt_session(lang: Lang, options: Options, target: RunTarget, known: Known) -> PromptSession[str]:
    """The prompt, with completion, history and the line of help. ``options``: of the mediator."""
    from prompt_toolkit import PromptSession

    return PromptSession(
        "sorm> ",
        completer=_completer(lang, target, known),
        complete_while_typing=False,
        history=_history(),
        bottom_toolbar=_toolbar(lang, options) if os.environ.get("TERM") != "dumb" else None,
        key_bindings=_keys(),
    )


def _keys() -> KeyBindings:
    """``=`` behind a field or key that Tab has completed, with its ``=``, is the same one."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("=")
    def _(event: KeyPressEvent) -> None:
        *before, word = event.current_buffer.document.text_before_cursor.split(" ")
        first = next(filter(None, before), "")
        entry, request = COMMANDS.get(first), _ASKED.get(first)
        known: Iterable[str] = entry.fields if entry else request.meanings if request else ()
        if not (word.endswith("=") and word[:-1] in known):
            event.current_buffer.insert_text(event.data)

    return keys


async def _prompt(bench: Bench, target: RunTarget, known: Known) -> int:
    from prompt_toolkit.patch_stdout import patch_stdout

    session = prompt_session(bench.lang, bench.client.codec.options, target, known)
    with patch_stdout(raw=True):
        while True:
            try:
                line = await session.prompt_async()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return 0
            if await _interruptible(bench, line) == "exit":
                return 0


def _clear_screen() -> None:
    from prompt_toolkit.shortcuts import clear

    clear()


async def _interruptible(bench: Bench, line: str) -> Verdict:
    """Carry out a line; Ctrl-C ends the wait for it."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(bench.run(line))
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await asyncio.wait((task,))
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        task.cancel()  # nothing, unless the console itself ends
    return "failed" if task.cancelled() else task.result()


def _history() -> FileHistory | None:
    """The history, without passwords and octets; None when its folder can't be made."""
    from prompt_toolkit.history import FileHistory

    class History(FileHistory):
        def store_string(self, string: str) -> None:
            if not _SECRET.search(string):
                super().store_string(string)

    folder = state_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "history").touch(0o600)
    except OSError:
        return None
    return History(str(folder / "history"))


# --- completion and the line of help


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the lab, to complete its requests."""

    domains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The numbers of each domain's subscribers."""
    calls: Mapping[str, str] = field(default_factory=dict)
    """The calls that go on, by id, each with its numbers."""

    @classmethod
    def of(cls, config: Config) -> Known:
        """From the lab file."""
        domains = config.switch.domains if config.switch is not None else ()
        return cls({one.name: [each.number for each in one.subscribers] for one in domains})

    def values(self, request: str, key: str, given: Sequence[str]) -> Mapping[str, str]:
        """The values of a key of a request, each with what it means; ``given``: the words before."""
        if key == "call":
            return self.calls
        if key == "domain":
            return dict.fromkeys(self.domains, "")
        if key == "service":
            return {name: f"{code:02X}h" for name, code in SERVICE_CODES.items()}
        if key in ("a", "b", "to", "number") or (request, key) == ("message", "from"):
            domain = next((word.removeprefix("domain=") for word in given if word.startswith("domain=")), "")
            domains = [domain] if domain in self.domains else list(self.domains)
            return {number: name for name in domains for number in self.domains[name]}
        return {}


async def known_calls(target: RunTarget) -> Mapping[str, str]:
    """The calls of the switch that go on, the newest first, as far as its web can be asked."""
    try:
        return {one["call"]: f"{one['a']} -> {one['b']}" for one in await calls_of(target)}
    except (StepError, ConnectError):
        return {}


_ASKED = {name: request for name, request in REQUESTS.items() if name != "http"}
"""The requests that are words of the console."""


def candidates(text: str, lang: Lang, known: Known | None = None) -> Iterable[tuple[str, str]]:
    """What may stand in place of the word that ``text`` ends with, each with what it means."""
    *before, word = re.split(r"\s+", text.lstrip()) if text.strip() else [""]
    if not before:
        yield from ((name, title(name, lang)) for name in COMMANDS if name.startswith(word))
        others: dict[str, str] = {name: one.title for name, one in _ASKED.items()}
        others |= {name: what for name, (_, what) in OWN_WORDS.items()}
        yield from ((name, translate(what, lang)) for name, what in others.items() if name.startswith(word))
    elif before[0] == "help":
        yield from ((name, "") for name in (*COMMANDS, *_ASKED, *OWN_WORDS) if name.startswith(word))
    elif before[0] in COMMANDS:
        yield from _fields(before[0], before[1:], word, lang)
    elif before[0] in _ASKED:
        keys = (*REQUESTS[before[0]].required, *REQUESTS[before[0]].optional)
        key, equals, begun = word.partition("=")
        values = (known or Known()).values(before[0], key, before) if equals and key in keys else {}
        yield from ((f"{key}={one}", what) for one, what in values.items() if one.startswith(begun))
        yield from ((f"{key}=", about_key(before[0], key, lang)) for key in keys if key.startswith(word))


def _fields(command: str, given: list[str], word: str, lang: Lang) -> Iterable[tuple[str, str]]:
    field, equals, begun = word.partition("=")
    fields = COMMANDS[command].fields
    if equals and field in fields:
        yield from (
            (f"{field}={value}", "") for value in values_of(command, field) if value.startswith(begun)
        )
        return
    taken = {pair.partition("=")[0] for pair in given}
    for name in fields:
        if name.startswith(word) and name not in taken:
            yield f"{name}=", translate(caption(name), lang)


def about(text: str, lang: Lang, options: Options) -> str:
    """One line of help for what stands before the cursor; "" where there is none. ``options``: of the mediator."""
    given = text.split()
    field = given[-1].partition("=")[0] if given else ""
    if given and given[0] in _ASKED:
        known = len(given) > 1 and field in _ASKED[given[0]].meanings
        return f"{field}: {about_key(given[0], field, lang)}" if known else ""
    if not given or given[0] not in COMMANDS:
        return ""
    if len(given) > 1 and field in COMMANDS[given[0]].fields:
        return f"{field}: {about_field(given[0], field, lang, options)}"
    return f"{given[0]}: {title(given[0], lang)}"


def _completer(lang: Lang, target: RunTarget, known: Known) -> Completer:
    from prompt_toolkit.completion import Completer, Completion

    class WordCompleter(Completer):
        def __init__(self) -> None:
            self.known = known

        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
            text = document.text_before_cursor
            word = re.split(r"\s+", text)[-1]
            first = not text[: len(text) - len(word)].strip()
            for candidate, meaning in candidates(text, lang, self.known):
                typed = f"{candidate} " if first else candidate
                yield Completion(typed, start_position=-len(word), display=candidate, display_meta=meaning)

        async def get_completions_async(
            self, document: Document, complete_event: CompleteEvent
        ) -> AsyncGenerator[Completion]:
            if document.text_before_cursor.split(" ")[-1].startswith("call="):
                self.known = replace(self.known, calls=await known_calls(target))
            for completion in self.get_completions(document, complete_event):
                yield completion

    return WordCompleter()


def _toolbar(lang: Lang, options: Options) -> Callable[[], str]:
    from prompt_toolkit.application import get_app

    def shown() -> str:
        app = get_app()
        text = about(app.current_buffer.document.text_before_cursor, lang, options)
        return "\n".join(wrap(text, app.output.get_size().columns, break_on_hyphens=False))

    return shown
