"""What the readers of captures raise."""

from __future__ import annotations


class CaptureError(ValueError):
    """The input can't be read at all; the text says what is wrong and where.

    What is merely damaged (a file cut short, a lost segment) doesn't raise: it is read as far as it goes and
    reported as :class:`~sorm_mediator.capture.events.Trouble`.
    """
