"""Logging of the commands that run boxes: to stderr, without secrets, and limited in rate."""

from __future__ import annotations

import io
import logging
import re
import sys
from typing import Any, TextIO

import structlog

from ssh_control.visible import visible, visible_lines

BURST = 100
"""Lines of one kind written at once."""
PER_SECOND = 1.0
"""Lines of one kind written each second after that."""
MOST_KINDS = 512

_VARYING = re.compile(r"[0-9A-Fa-f:.\[\]]*\d[0-9A-Fa-f:.\[\]]*")


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
        kind = record.name, record.levelno, _VARYING.sub("#", text)
        tokens, since, kept_back = self._kinds.pop(kind, (self._burst, record.created, 0))
        tokens = min(self._burst, tokens + max(0.0, record.created - since) * self._rate)
        passes = tokens >= 1
        if len(self._kinds) >= MOST_KINDS:
            del self._kinds[next(iter(self._kinds))]
        # Moved to the end: the kind without lines for the longest time is dropped first.
        self._kinds[kind] = (
            (tokens - 1, record.created, 0) if passes else (tokens, record.created, kept_back + 1)
        )
        if passes and kept_back:
            record.msg = f"{record.getMessage()} ({kept_back} lines of this kind were left out)"
            record.args = ()
        return passes


class OneLine(logging.Filter):
    """Makes each record one line. Texts from peers can't imitate another line or control the terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: the record is written, with characters that are not printable escaped."""
        record.msg, record.args = visible(record.getMessage()), ()
        return True


def _plain_trace(stream: TextIO, exc_info: Any) -> None:
    """A traceback without the values of variables, since passwords and tokens are among them."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write(visible_lines(text.getvalue()))


def set_up_logging(level: str) -> None:
    """Log to stderr from ``level`` (debug, info, warning, error) on: time, level, logger and text."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(FloodGate())
    handler.addFilter(OneLine())
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_plain_trace)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso"),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("asyncssh", "uvicorn.access", "httpx"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
