"""The content of an input, in order: payload of flows, gaps in them, troubles, and pauses of a live one.

A flow is one direction of one conversation, or the whole of a hex text or a binary file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Flow(NamedTuple):
    """One direction of one conversation; ``source`` and ``destination`` are ``address:port``."""

    label: str
    source: str = ""
    destination: str = ""
    transport: str = ""
    """``tcp``, ``udp``, ``x25`` or empty for text and raw bytes."""
    interface: str = ""
    """Name of the interface it was captured on, if the capture names it."""


class Data(NamedTuple):
    """Payload of ``flow`` at ``offset`` (octets from the flow's first one)."""

    flow: Flow
    offset: int
    data: bytes
    time_ns: int | None = None
    """Nanoseconds since 1970, when the input has it."""
    whole: bool = False
    """The data ends a datagram: a unit not finished here is broken."""
    comment: str = ""
    """Of the packet that had it, if the capture has one."""


@dataclass(frozen=True, slots=True)
class Gap:
    """``length`` octets of ``flow`` from ``offset`` on are missing from the capture."""

    flow: Flow
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class End:
    """The end of ``flow``."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of the input, for the user; the rest of the input is read."""

    text: str
    serious: bool = True
    """Units may be missing or damaged because of it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A live input has nothing more at the moment: what is known is to be shown."""

    long: bool
    """:data:`HOLD` seconds have passed, in silence or not, since the last one of these: nothing waits any longer for
    what may still come."""


HOLD = 0.5
"""Seconds for which a live unit waits for an earlier one. It waits from one long pause to the next at most."""

Event = Data | Gap | End | Trouble | Pause


class CaptureError(ValueError):
    """The input can't be read at all; the text names the error and its position.

    Damage (a file cut short, a lost segment) does not raise: the rest is read, and the damage is reported as
    :class:`Trouble`.
    """
