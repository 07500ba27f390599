"""A command line over SSH: with a terminal, from a script on stdin, or one command of ``ssh HOST COMMAND``.

On a terminal asyncssh's line editor does the editing, the history and the keys. A :class:`Shell` carries out the lines;
it has no I/O. Without a terminal there is no prompt and no echo, errors go to stderr with the number of their line, and
the exit code is 1 when a line failed.
"""

from __future__ import annotations

import asyncio
import logging
import textwrap
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

import asyncssh

from ssh_control.visible import visible, visible_lines

log = logging.getLogger(__name__)

LINES_A_TURN = 32
"""Lines of a script that are carried out in one turn of the event loop."""
MOST_LINE = 64 * 1024
"""Limit of the characters of a line; a longer one ends the session."""
CLEAR = "\n\x1b[H\x1b[2J\x1b[3J\x1b[m"
"""Empties a terminal's screen and what was scrolled off it (ECMA-48, and 3J of xterm). asyncssh's editor, which counts
columns, begins anew at a line feed, and takes an escape to end with an m."""
MORE = "-- Enter: more, q: no more -- "
HISTORY = 500
"""Limit of the lines that the arrow keys show again."""


class Outcome(Protocol):
    """The outcome of a line."""

    @property
    def text(self) -> str:
        """The text to show, with its line breaks."""

    @property
    def error(self) -> str:
        """The error to show; "" when the line was carried out."""

    @property
    def ended(self) -> bool:
        """Whether the session ends."""

    @property
    def cleared(self) -> bool:
        """Whether the screen is to be emptied first."""


class Shell(Protocol):
    """The command line of one user."""

    @property
    def prompt(self) -> str:
        """The text before the next line."""

    @property
    def asking(self) -> bool:
        """Whether a question is open; the next line is its answer."""

    def enter(self, line: str) -> Outcome:
        """Carry out a line."""

    def complete(self, line: str, position: int) -> tuple[str, int, list[str]]:
        """The line and the position after completion; and the candidates, when there are several."""

    def interrupt(self) -> Outcome:
        """Ctrl-C."""

    def end(self) -> Outcome:
        """The input has ended."""


class ShellChannel(asyncssh.SSHServerSession[str]):
    """One session of a user. The end of the session calls ``closed``."""

    _channel: asyncssh.SSHLineEditorChannel

    def __init__(self, shell: Shell, peer: str, closed: Callable[[], None]) -> None:
        self._shell = shell
        self._peer = peer
        self._closed = closed
        self._commands: list[str] | None = None
        self._terminal = False
        self._rest: list[str] = []
        """Pieces of the unfinished line. They are joined once, even if they come octet by octet."""
        self._resting = 0
        self._lines: deque[str] = deque()
        self._number = 0
        self._failed = False
        self._eof = False
        self._over = False
        self._paused = False
        self._pump_due = False
        self._more: list[str] = []
        """Lines that did not fit on the screen."""

    def connection_made(self, chan: asyncssh.SSHServerChannel[str]) -> None:
        self._channel = cast(asyncssh.SSHLineEditorChannel, chan)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        if self._shell.asking:
            self._shell.interrupt()
        self._closed()

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:
        self._terminal = bool(term_type)
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._commands = command.splitlines()
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        log.info("%s: subsystem %s refused to the user of the shell", self._peer, ascii(subsystem))
        return False

    def session_started(self) -> None:
        if self._terminal:
            self._channel.register_key("\t", self._tab)
            self._channel.register_key("\f", self._clear)
        if self._commands is not None:
            self._lines.extend(self._commands)
        elif self._terminal:
            self._channel.write(self._shell.prompt)
        self._pump()

    def data_received(self, data: str, datatype: asyncssh.DataType) -> None:
        *lines, rest = data.split("\n")
        if lines:
            lines[0] = "".join([*self._rest, lines[0]])
            self._rest, self._resting = [], 0
            self._lines.extend(line.removesuffix("\r") for line in lines)
        if rest:
            self._rest.append(rest)
            self._resting += len(rest)
        if self._resting > MOST_LINE:
            self._channel.write_stderr(f"Error: a line of more than {MOST_LINE} characters\n")
            self._exit(1)
            return
        self._pump()

    def eof_received(self) -> bool:
        self._eof = True
        if self._rest:
            self._lines.append("".join(self._rest))
            self._rest, self._resting = [], 0
        self._pump()
        return True

    def soft_eof_received(self) -> None:
        """Ctrl-D on an empty line: an open question has no answer, else the user leaves."""
        if self._shell.asking:
            self._show(self._shell.interrupt())
            self._prompt_or_leave()
        else:
            self._channel.write("exit\n")
            self._exit(int(self._failed))

    def break_received(self, msec: int) -> bool:
        """Ctrl-C: drop the line, and an open question."""
        if self._terminal:
            self._channel.clear_input()
            self._channel.write("^C\n")
        self._lines.clear()
        self._more = []
        self._show(self._shell.interrupt())
        self._prompt_or_leave()
        return True

    def pause_writing(self) -> None:
        # While the user does not read, no line is carried out.
        self._paused = True
        self._channel.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()

    def _pump(self) -> None:
        """Carry out the lines so far, some at a time."""
        self._pump_due = False
        for _ in range(LINES_A_TURN):
            if self._over or self._paused or not self._lines:
                break
            self._enter(self._lines.popleft())
        if self._over or self._paused:
            return
        if self._lines:
            self._channel.pause_reading()
            if not self._pump_due:
                self._pump_due = True
                asyncio.get_running_loop().call_soon(self._pump)
            return
        self._channel.resume_reading()
        if self._commands is not None and not self._shell.asking:
            self._exit(int(self._failed))
        elif self._eof:
            if self._shell.asking:
                self._show(self._shell.end())
            self._exit(int(self._failed))

    def _enter(self, line: str) -> None:
        if self._more:
            if not line.strip():
                self._page(self._more)
                self._prompt_or_leave()
                return
            self._more = []  # any other line ends the pages
            if line.strip() in ("q", "Q"):
                self._prompt_or_leave()
                return
        self._number += 1
        outcome = self._shell.enter(line)
        self._show(outcome)
        if outcome.ended:
            self._exit(int(self._failed))
        elif self._shell.asking or self._terminal:
            self._prompt_or_leave()

    def _show(self, outcome: Outcome) -> None:
        self._failed = bool(outcome.error) if self._terminal else self._failed or bool(outcome.error)
        if outcome.cleared and self._terminal:
            self._channel.write(CLEAR)
        if outcome.text and self._terminal and self._commands is None and not self._lines:
            self._page(visible_lines(outcome.text.removesuffix("\n")).split("\n"))
        elif outcome.text:
            # Of a script, "OK" alone tells nothing: the number of its line stands before it, on a line of its own.
            if outcome.text.startswith("OK\n") and self._where():
                self._channel.write(f"{self._where().rstrip()}\n")
            self._channel.write(visible_lines(outcome.text))
        if outcome.error and self._terminal:
            self._channel.write(visible_lines(outcome.error))
        elif outcome.error:
            self._channel.write_stderr(self._where() + visible_lines(outcome.error))

    def _where(self) -> str:
        """The number of the line in a script, which has no echo: only the number identifies the line."""
        script = not self._terminal and (self._commands is None or len(self._commands) > 1)
        return f"line {self._number}: " if script else ""

    def _page(self, lines: list[str]) -> None:
        """Show as many lines as the terminal has, and keep the others."""
        columns, rows = self._channel.get_terminal_size()[:2]
        room, fit = rows - 1, 0
        if rows > 2:
            for line in lines:
                room -= max(1, -(-len(line) // max(1, columns)))
                if room < 0 and fit:
                    break
                fit += 1
        shown, self._more = (lines[:fit], lines[fit:]) if fit else (lines, [])
        self._channel.write("".join(f"{line}\n" for line in shown))

    def _prompt_or_leave(self) -> None:
        """Show a question always, and the prompt only on a terminal."""
        if self._over:
            return
        if self._more:
            self._channel.write(MORE)
        elif self._shell.asking or (self._terminal and self._commands is None):
            self._channel.write(self._shell.prompt)
        elif self._commands is not None and not self._lines:
            self._exit(int(self._failed))

    def _exit(self, code: int) -> None:
        if not self._over:
            self._over = True
            self._channel.exit(code)

    def _clear(self, line: str, position: int) -> tuple[str, int] | bool:
        """Ctrl-L: the line stays, on an empty screen."""
        self._channel.clear_input()
        self._channel.write(f"{CLEAR}{MORE if self._more else self._shell.prompt}")
        return line, position

    def _tab(self, line: str, position: int) -> tuple[str, int] | bool:
        """Complete the line. Several candidates are shown below it, and then the line again."""
        completed, place, choices = self._shell.complete(line, position)
        if choices:
            shown = "  ".join(
                visible(choice).rstrip("/").rpartition("/")[2] or visible(choice) for choice in choices
            )
            width = self._channel.get_terminal_size()[0] or 80
            shown = textwrap.fill(shown, width, break_long_words=False, break_on_hyphens=False)
            self._channel.clear_input()
            self._channel.write(f"{line}\n{shown}\n{self._shell.prompt}")
            return line, position
        if completed == line:
            return False
        return completed, place
