"""The two errors that leave this package, and the problems that a lenient decoder reports instead of
raising."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NoReturn


class ProtocolError(Exception):
    """Either of the two below."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One part of a unit that the order does not allow."""

    offset: int
    """Octet of the unit, from 0, where the field (or its wrong part) begins."""
    path: str
    """Field, dotted: ``calling.number``; empty for the unit as a whole."""
    message: str
    accepted: bool = False
    """The value is understood all the same, and a receiver goes on with it; strict decoding does so too."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a refused unit."""

    problem: Problem
    partial: Mapping[str, object]


class DecodeError(ProtocolError):
    """A unit was refused.

    Finding out why costs much more than refusing, so it is done when an attribute is first looked at.
    """

    def __init__(self, raw: bytes, diagnose: Callable[[bytes], Diagnosis]) -> None:
        super().__init__(raw)
        self.raw = raw
        self._diagnose = diagnose

    @cached_property
    def _diagnosis(self) -> Diagnosis:
        return self._diagnose(self.raw)

    @property
    def offset(self) -> int:
        """Octet of :attr:`raw`, from 0, at which the unit departs from its declaration."""
        return self._diagnosis.problem.offset

    @property
    def path(self) -> str:
        """Dotted field path; empty for the unit as a whole."""
        return self._diagnosis.problem.path

    @property
    def message(self) -> str:
        """The problem at that place, and the allowed values."""
        return self._diagnosis.problem.message

    @property
    def partial(self) -> Mapping[str, object]:
        """Fields decoded before the fault, by name, in wire order."""
        return self._diagnosis.partial

    def __str__(self) -> str:
        where = f"{self.path} at octet {self.offset}" if self.path else f"octet {self.offset}"
        return f"{where}: {self.message}"


class EncodeError(ProtocolError):
    """A message holds a value that its field can't carry."""

    def __init__(self, path: str, value: object, allowed: str) -> None:
        super().__init__(path, value, allowed)
        self.path = path
        self.value = value
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.path or 'message'}: {shown_value(self.value)} can't be sent; allowed: {self.allowed}"


def shown_value(value: object) -> str:
    """A value as errors show it: a coded one by the name that it has in messages, octets in hexadecimal."""
    if isinstance(value, Enum):
        return repr(str(value.value))
    if isinstance(value, (bytes, bytearray)):
        return f"0x{value.hex().upper()}"
    if isinstance(value, tuple):
        named = getattr(value, "_fields", None)
        parts = [shown_value(one) for one in value]
        return f"({', '.join(map('='.join, zip(named, parts, strict=True)) if named else parts)})"
    return repr(value)


def left_out(path: str) -> NoReturn:
    """Raises :class:`EncodeError`: a message without a value for the field ``path``, which has no default."""
    raise EncodeError(path, None, "a value: this field can't be left out")
