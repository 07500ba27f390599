"""Logging of the commands that run boxes: to stderr, without secrets, a line each, and limited in rate.

A line has the time, the level, the box and the text; what a box does (commands, calls, events) has a name and fields
(:func:`ssh_control.logged.log_event`). docs/monitoring.md describes both forms, text and JSON.
"""

from __future__ import annotations

import atexit
import logging
import re
import sys
import threading
import time
from collections import deque
from functools import lru_cache
from typing import Final, Literal, TextIO

import msgspec

from ssh_control.logged import Fields, take_events
from ssh_control.visible import visible, visible_lines

BURST = 100
"""Lines of one kind written at once."""
PER_SECOND = 1.0
"""Lines of one kind written each second after that."""
MOST_KINDS = 512
MOST_WAITING = 20_000
"""Lines that wait to be written; beyond that they are left out and counted."""
GATHERED = 0.1
"""Seconds for which lines of what boxes do are gathered: writing each by itself costs more than making it."""

Form = Literal["text", "json"]

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
            elif type(value) is int:
                parts.append(f"{name}={value}")
            elif value is not None and (text := str(value)):
                parts.append(f"{name}={text if text.isalnum() else _quoted(text)}")
        return visible(" ".join(parts))

    def _document(self, at: float, level: str, logger: str, event: str, fields: Fields) -> str:
        # Texts and numbers alone: an encoder that looks into an object could find a password in it.
        plain = {
            name: value if isinstance(value, int | float) else str(value)
            for name, value in fields.items()
            if value is not None and value != ""
        }
        head = {"time": _stamp(at), "level": level, "box": self._box(logger), "event": event}
        return msgspec.json.encode(head | plain).decode()

    def _box(self, logger: str) -> str:
        return _box(logger) or self._process


@lru_cache(1024)
def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else msgspec.json.encode(text).decode()


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
    """Writes lines to ``stream``. Those of what boxes do are gathered, and made and written by a thread; a record of
    :mod:`logging` is written at once, after those before it."""

    def __init__(self, stream: TextIO, form: LineForm, gate: FloodGate) -> None:
        super().__init__()
        self.addFilter(gate)
        self.setFormatter(form)
        self._stream = stream
        self._form = form
        self._gate = gate
        self._waiting: deque[tuple[float, str, str, Fields]] = deque()
        self._some = threading.Event()
        self._writing = threading.Lock()
        self._left_out = 0
        self._thread: threading.Thread | None = None

    def take(self, logger: str, event: str, fields: Fields, stranger: bool) -> None:
        """Take a line (:data:`~ssh_control.logged.Taker`)."""
        now, waiting = time.time(), self._waiting
        if stranger:
            left_out = self._gate.admit((logger, logging.INFO, event), now)
            if left_out is None:
                return
            fields["left_out"] = left_out or None
        if len(waiting) >= MOST_WAITING:
            self._left_out += 1
            return
        waiting.append((now, logger, event, fields))
        if not self._some.is_set():
            self._some.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)
                self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, and what waits before it."""
        self._write(f"{self.format(record)}\n")

    def flush(self) -> None:
        """Write what waits."""
        self._write("")

    def _write(self, last: str) -> None:
        with self._writing:
            waiting = self._waiting
            lines = [f"{self._made(*waiting.popleft())}\n" for _ in range(len(waiting))]
            if self._left_out:
                left_out, self._left_out = self._left_out, 0
                lines.append(f"{_stamp(time.time())} warning log {left_out} lines were left out\n")
            text = "".join([*lines, last])
            if not text or self._stream.closed:
                return
            try:
                self._stream.write(text)
                self._stream.flush()
            except OSError:
                # The disk is full, or nobody reads: the boxes go on, and the next line that is written tells it.
                self._left_out += text.count("\n")

    def _made(self, at: float, logger: str, event: str, fields: Fields) -> str:
        try:
            return self._form.event(at, logger, event, fields)
        except Exception as error:  # noqa: BLE001 - told in its place; the lines after it are written
            return f"{_stamp(at)} error log a line {event!r} can't be made: {type(error).__name__}"

    def _write_on(self) -> None:
        while self._some.wait():
            time.sleep(GATHERED)
            self._some.clear()
            self.flush()


def set_up_logging(level: str, form: Form = "text", process: str = "lab") -> None:
    """Log to stderr from ``level`` (debug, info, warning, error) on. ``process``: see :class:`LineForm`."""
    line_form = LineForm(form, process, colours=sys.stderr.isatty())
    writer = LineWriter(sys.stderr, line_form, FloodGate())
    logging.basicConfig(level=level.upper(), handlers=[writer], force=True)
    take_events(writer.take)
    atexit.register(writer.flush)
    for noisy in ("asyncssh", "uvicorn.access", "httpx"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
