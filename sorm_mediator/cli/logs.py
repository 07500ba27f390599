"""Logging of the commands that run boxes: to stderr, without secrets, a line each, and limited in rate.

A line has the time, the level, the box and the text; what a box does (commands, calls, events) has a name and fields
(:func:`ssh_control.logged.log_event`). docs/monitoring.md describes both forms, text and JSON.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import sys
import threading
import time
from collections import deque
from functools import lru_cache
from typing import Final, Literal, TextIO

import msgspec

from ssh_control.logged import Fields, take_events
from ssh_control.visible import visible, visible_json, visible_lines

BURST = 100
"""Lines of one kind written at once."""
PER_SECOND = 1.0
"""Lines of one kind written each second after that."""
MOST_KINDS = 512
MOST_WAITING = 20_000
"""Lines that wait to be written; beyond that they are left out and counted."""
CLOSED_WITHIN = 2.0
"""Seconds at the end for what still waits."""
GATHERED = 0.1
"""Seconds for which lines of what boxes do are gathered: writing each by itself costs more than making it."""

Form = Literal["text", "json"]
_Waiting = tuple[float, str, str, Fields]

_VARYING = re.compile(r"[0-9A-Fa-f:.\[\]]*\d[0-9A-Fa-f:.\[\]]*")
_BOXES: Final = (
    ("sorm_mediator.mediator", "mediator"),
    ("ssh_control.client", "mediator"),
    ("radius.sink", "mediator"),
    ("sorm_mediator.switch", "switch"),
    ("ssh_control", "switch"),
    ("radius", "switch"),
    ("sorm_mediator.web", "web"),
    ("uvicorn", "web"),
    ("sorm_mediator.console", "console"),
    ("e1", "e1"),
)
"""The box of a logger, by the beginning of its name; of any other it is the process."""
_COLOURS: Final = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[1;31m"}
_PLAIN = re.compile(r"[^\s\"=]+")


class FloodGate(logging.Filter):
    """Passes ``BURST`` lines of a kind, then ``PER_SECOND``; the next one gives the number of lines left out.

    Lines that a peer can cause at will (connections, wrong passwords, late answers to a flood of commands)
    must not fill the disk. A kind is a logger, a level and a text without its numbers and addresses. Time is
    that of the records. Lines of level critical always pass.
    """

    def __init__(self, burst: int = BURST, per_second: float = PER_SECOND) -> None:
        super().__init__()
        self._burst = float(burst)
        self._rate = per_second
        self._kinds: dict[tuple[str, int, str], tuple[float, float, int]] = {}  # tokens, time, lines left out

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written. A record after lines left out gives their number."""
        if record.levelno >= logging.CRITICAL:
            return True
        text = record.getMessage() if record.msg == "%s" else str(record.msg)
        left_out = self.admit((record.name, record.levelno, _VARYING.sub("#", text)), record.created)
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} lines of this kind were left out)"
            record.args = ()
        return left_out is not None

    def admit(self, kind: tuple[str, int, str], at: float) -> int | None:
        """How many lines of this kind were left out before the one that passes now; None: it is left out."""
        tokens, since, kept_back = self._kinds.pop(kind, (self._burst, at, 0))
        tokens = min(self._burst, tokens + max(0.0, at - since) * self._rate)
        passes = tokens >= 1
        if len(self._kinds) >= MOST_KINDS:
            del self._kinds[next(iter(self._kinds))]
        # Moved to the end: the kind without lines for the longest time is dropped first.
        self._kinds[kind] = (tokens - 1, at, 0) if passes else (tokens, at, kept_back + 1)
        return kept_back if passes else None


class LineForm(logging.Formatter):
    """A record as one line: texts from peers can't imitate another line or control the terminal. A traceback follows
    on lines of its own, without the values of variables, since passwords and tokens are among them."""

    def __init__(self, form: Form = "text", process: str = "lab", *, colours: bool = False) -> None:
        """``process``: the box of what is logged by none of them."""
        super().__init__()
        self._json = form == "json"
        self._process = process
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record of :mod:`logging`."""
        level, text = record.levelname.lower(), record.getMessage()
        trace = visible_lines(self.formatException(record.exc_info)) if record.exc_info else ""
        if self._json:
            return self._document(record.created, level, record.name, "log", {"text": text, "trace": trace})
        if self._colours and record.levelno in _COLOURS:
            level = f"{_COLOURS[record.levelno]}{level}\x1b[0m"
        line = f"{_stamp(record.created)} {level} {self._box(record.name)} {visible(text)}"
        return f"{line}\n{trace}" if trace else line

    def event(self, at: float, logger: str, event: str, fields: Fields) -> str:
        """The line of :func:`~ssh_control.logged.log_event`."""
        if self._json:
            return self._document(at, "info", logger, event, fields)
        parts = [_stamp(at), "info", _box(logger) or self._process, event]
        for name, value in fields.items():
            if name == "unit":
                parts.append(str(value))
            elif type(value) in (int, float):
                parts.append(f"{name}={value}")
            elif value is not None and (text := str(value)):
                parts.append(f"{name}={text if text.isalnum() else _quoted(text)}")
        return visible(" ".join(parts))

    def own(self, at: float, level: str, text: str) -> str:
        """A line about the log itself."""
        if self._json:
            return self._document(at, level, "", "log", {"text": text})
        return f"{_stamp(at)} {level} log {visible(text)}"

    def unmade(self, at: float, what: str, error: Exception) -> str:
        """The line in place of one that can't be made."""
        return self.own(at, "error", f"a line {what!r} can't be made: {type(error).__name__}")

    def _document(self, at: float, level: str, logger: str, event: str, fields: Fields) -> str:
        # Texts and numbers alone: an encoder that looks into an object could find a password in it.
        plain = {
            name: value if isinstance(value, int | float) else str(value)
            for name, value in fields.items()
            if value is not None and value != ""
        }
        head = {"time": _stamp(at), "level": level, "box": self._box(logger), "event": event}
        return _json(head | {f"{name}_" if name in head else name: value for name, value in plain.items()})

    def _box(self, logger: str) -> str:
        return _box(logger) or self._process


@lru_cache(1024)
def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else _json(text)


def _json(value: object) -> str:
    """In one line that controls no terminal."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 does not have
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return visible_json(text)


@lru_cache(256)
def _box(logger: str) -> str:
    return next((box for begin, box in _BOXES if f"{logger}.".startswith(f"{begin}.")), "")


def _stamp(moment: float) -> str:
    """UTC with milliseconds."""
    return _millisecond(int(moment * 1000))


@lru_cache(16)
def _millisecond(moment: int) -> str:
    return f"{_second(moment // 1000)}.{moment % 1000:03d}Z"


@lru_cache(4)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


class LineWriter(logging.Handler):
    """Writes lines to ``stream``, in a thread of its own: who logs never waits for a disk or a reader. Lines of what
    boxes do are gathered, and made by the thread; a record of :mod:`logging` makes it write at once."""

    def __init__(self, stream: TextIO, form: LineForm, gate: FloodGate) -> None:
        super().__init__()
        self.addFilter(gate)
        self.setFormatter(form)
        self._stream = stream
        self._descriptor = _own_descriptor(stream)
        self._form = form
        self._gate = gate
        self._waiting: deque[_Waiting | str | threading.Event] = deque()
        self._some = threading.Event()
        self._at_once = threading.Event()
        self._counting = threading.Lock()
        self._left_out = 0
        self._cut = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def take(self, logger: str, event: str, fields: Fields, stranger: bool) -> None:
        """Take a line (:data:`~ssh_control.logged.Taker`)."""
        now = time.time()
        if stranger:
            left_out = self._gate.admit((logger, logging.INFO, event), now)
            if left_out is None:
                return
            fields["left_out"] = left_out or None
        self._queue((now, logger, event, fields))

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - told in its place; who logs goes on
            line = self._form.unmade(record.created, str(record.msg), error)
        self._queue(f"{line}\n")
        self._at_once.set()

    def flush(self) -> None:
        """Wait until what waits is written, at most :data:`CLOSED_WITHIN`."""
        if self._thread is not None and not self._closed:
            written = threading.Event()
            self._waiting.append(written)
            self._at_once.set()
            self._some.set()
            written.wait(CLOSED_WITHIN)

    def close(self) -> None:
        """Write what waits, for a moment; what comes later is not written."""
        self.flush()
        self._closed = True
        super().close()

    def _queue(self, line: _Waiting | str) -> None:
        if self._closed or len(self._waiting) >= MOST_WAITING:
            self._leave_out(1)
            return
        self._waiting.append(line)
        if not self._some.is_set():
            self._some.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)
                self._thread.start()

    def _leave_out(self, lines: int) -> None:
        with self._counting:
            self._left_out += lines

    def _write_on(self) -> None:
        while self._some.wait():
            self._at_once.wait(GATHERED)
            self._at_once.clear()
            self._some.clear()
            self._write_waiting()

    def _write_waiting(self) -> None:
        lines: list[str] = []
        written: list[threading.Event] = []
        for _ in range(len(self._waiting)):
            one = self._waiting.popleft()
            if isinstance(one, threading.Event):
                written.append(one)
            else:
                lines.append(one if isinstance(one, str) else f"{self._made(*one)}\n")
        with self._counting:
            left_out, self._left_out = self._left_out, 0
        if left_out:
            lines.append(f"{self._form.own(time.time(), 'warning', f'{left_out} lines were left out')}\n")
        try:
            self._write("".join(lines))
        except OSError:
            # The disk is full, or nobody reads: the boxes go on, and the next line that is written tells it.
            self._leave_out(left_out + len(lines) - bool(left_out))
        for one in written:
            one.set()

    def _write(self, text: str) -> None:
        if self._descriptor is None:
            if text and not self._stream.closed:
                self._stream.write(text)
                self._stream.flush()
            return
        octets = text.encode("utf-8", "backslashreplace")
        if octets and self._cut:  # no line is in the same line as half of another
            octets = b"\n" + octets
        # Not through the stream: a thread that waits in it holds a lock that the end of the process needs.
        while octets:
            written = os.write(self._descriptor, octets)
            self._cut = octets[written - 1 : written] != b"\n"
            octets = octets[written:]

    def _made(self, at: float, logger: str, event: str, fields: Fields) -> str:
        try:
            return self._form.event(at, logger, event, fields)
        except Exception as error:  # noqa: BLE001 - told in its place; the lines after it are written
            return self._form.unmade(at, event, error)


def _own_descriptor(stream: TextIO) -> int | None:
    """A descriptor of the same file; None: the stream has none."""
    try:
        stream.flush()
        return os.dup(stream.fileno())
    except OSError:
        return None


def set_up_logging(level: str, form: Form = "text", process: str = "lab") -> None:
    """Log to stderr from ``level`` (debug, info, warning, error) on. ``process``: see :class:`LineForm`."""
    line_form = LineForm(form, process, colours=sys.stderr.isatty())
    writer = LineWriter(sys.stderr, line_form, FloodGate())
    logging.basicConfig(level=level.upper(), handlers=[writer], force=True)
    take_events(writer.take)
    atexit.register(writer.close)
    for noisy in ("asyncssh", "uvicorn.access", "httpx"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
