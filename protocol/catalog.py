"""Which messages exist, by order, code and name; and how long their payloads may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar, cast, get_type_hints

from protocol.base import Message
from protocol.codes import CODES, Channel, Order
from protocol.commands import COMMANDS
from protocol.composite import Tail
from protocol.events import EVENTS
from protocol.messages import KPD1_MESSAGES
from protocol.options import Options
from protocol.wire import Wire

P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """``lru_cache`` for functions of a message class and options.

    A class can be a key although its instances can't; the annotation of ``lru_cache`` does not know that.
    """
    return cast("Callable[P, R]", lru_cache(maxsize=1024)(function))


MESSAGES: tuple[type[Message], ...] = (*COMMANDS, *KPD1_MESSAGES, *EVENTS)
"""Every class, in order of code."""


@remembered
def classes(order: Order) -> Mapping[int, type[Message]]:
    """Code → class of what ``order`` has."""
    known = CODES[order]
    return MappingProxyType({cls.code: cls for cls in MESSAGES if cls.code in known[cls.channel]})


def by_name(name: str, channel: Channel | None = None) -> type[Message]:
    """The class of that name; ``test-reply`` is on two channels, and KPD1 is meant when none is given.

    Raises :class:`KeyError`.
    """
    for cls in MESSAGES:
        if cls.message_name == name and channel in (None, cls.channel):
            return cls
    raise KeyError(name)


@remembered
def wires(cls: type[Message], options: Options) -> Mapping[str, Wire]:
    """The declaration of ``cls`` under ``options``: field → wire, in wire order."""
    hints = get_type_hints(cls, include_extras=True)
    found: dict[str, Wire] = {}
    for declared in fields(cls):
        metadata: Iterable[Any] = hints[declared.name].__metadata__
        (wire,) = metadata
        found[declared.name] = wire if isinstance(wire, Wire) else wire(options)
    return MappingProxyType(found)


@remembered
def payload_lengths(cls: type[Message], options: Options) -> frozenset[int]:
    """What the length octet of ``cls`` may say.

    For 25h and 2Ch longer ones than the order allows are among them, since a capture may hold them.
    """
    fixed = 4 - cls.channel.header_length
    tail: Iterable[int] = (0,)
    for wire in wires(cls, options).values():
        if isinstance(wire, Tail):
            tail = wire.lengths
        else:
            fixed += wire.sizeof()
    # The ORM number is counted among the four octets before the rest of the header.
    return frozenset(fixed - 1 + length for length in tail)
