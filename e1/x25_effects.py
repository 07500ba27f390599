"""What the packet layer wants done, in order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transmit:
    """Give this packet to the link."""

    packet: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """A whole message arrived. ``qualified``: its packets had the Q bit."""

    message: bytes
    qualified: bool = False


@dataclass(frozen=True, slots=True)
class CircuitUp:
    """Data can cross."""


@dataclass(frozen=True, slots=True)
class CircuitDown:
    """Data can't cross any more. ``cause`` and ``diagnostic``: of the packet that said so, if one did."""

    reason: str
    cause: int | None = None
    diagnostic: int | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An Interrupt arrived."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """A message was given up. ``in_doubt``: it may have arrived all the same."""

    message: bytes
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class X25Alarm:
    """Something people should know. ``kind``: one word for programs; ``text``: a sentence."""

    kind: str
    text: str


X25Effect = Transmit | Deliver | CircuitUp | CircuitDown | Interrupted | Lost | X25Alarm
