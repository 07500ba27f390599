"""What a reader finds in its input, in order: payload of flows, gaps in them, and what went wrong.

A flow is one direction of one conversation, or the whole of a hex text or a binary file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of one conversation; ``source`` and ``destination`` are ``address:port``."""

    label: str
    source: str = ""
    destination: str = ""
    transport: str = ""
    """``tcp``, ``udp``, ``x25`` or empty for text and raw bytes."""
    interface: str = ""
    """Name of the interface it was captured on, if the capture names it."""


@dataclass(frozen=True, slots=True)
class Data:
    """Payload of ``flow`` at ``offset`` (octets from the flow's first one)."""

    flow: Flow
    offset: int
    data: bytes
    time_ns: int | None = None
    """Nanoseconds since 1970, when the input has it."""
    whole: bool = False
    """Nothing of it goes on in the next one (a datagram): a unit not finished here is a broken one."""


@dataclass(frozen=True, slots=True)
class Gap:
    """``length`` octets of ``flow`` from ``offset`` on are not in the capture."""

    flow: Flow
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more comes in ``flow``."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about the input itself that its reader should know; what could be read is read."""

    text: str
    serious: bool = True
    """Units may be missing or damaged for it."""


Event = Data | Gap | End | Trouble


class CaptureError(ValueError):
    """The input can't be read at all; the text names what is wrong and where.

    What is merely damaged (a file cut short, a lost segment) doesn't raise: it is read as far as it goes and
    reported as :class:`Trouble`.
    """
