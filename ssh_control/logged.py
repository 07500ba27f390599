"""What happened, as one line of the log: its name, and fields. Nothing is rendered where it happens.

A value that is costly to write is an object with ``__str__``, which the writer of the log calls, if there is one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ssh_control.visible import visible

MOST_CAUSE = 64
"""Characters of the id that a line has of what caused it."""

Fields = dict[str, object]
Taker = Callable[[str, str, Fields, bool], None]
"""Takes a line: the logger's name, the line's name, its fields, and whether a stranger can cause it at will."""

_takers: list[Taker] = []


def take_events(taker: Taker | None) -> None:
    """Give lines to ``taker`` in place of the loggers, whose records cost more than all the rest; None: no more."""
    _takers[:] = [taker] if taker is not None else []


def log_event(logger: logging.Logger, event: str, /, *, stranger: bool = False, **fields: object) -> None:
    """Log at ``info``. Fields that are None or "" are left out. ``stranger``: a peer that has not logged in can cause
    the line at will, so their number is limited."""
    if not logger.isEnabledFor(logging.INFO):
        return
    if _takers:
        _takers[0](logger.name, event, fields, stranger)
    else:
        logger.info(event, extra={"fields": fields, "stranger": stranger})


def cause_of(value: object) -> str:
    """The id in a peer's request, in one line; "" for what is no id."""
    return visible(value) if isinstance(value, str) and len(value) <= MOST_CAUSE else ""
