"""What all messages have in common: the header of their channel.

A message's fields, in the order of :func:`dataclasses.fields`, are the octets of the unit in wire order;
preamble, code and length are not fields. Header fields with defaults are keyword-only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from protocol.codes import Channel
from protocol.fields import (
    CallNumber,
    Connection,
    Count,
    ObjectNumber,
    ObjectTypeCode,
    OrmNumber,
    Password,
    Reserve,
    Selection,
    ServicePhase,
    Version,
)


@dataclass(slots=True)
class Message:
    """Any command, message or event. Treat it as immutable; ``dataclasses.replace`` makes a changed one."""

    code: ClassVar[int]
    """Third octet of the unit."""
    message_name: ClassVar[str]
    """Its name in JSON and scenarios (docs/messages.md)."""
    channel: ClassVar[Channel]
    clause: ClassVar[str]
    """Where the order has it: appendix and clause."""

    orm_number: OrmNumber = field(default=1, kw_only=True)


@dataclass(slots=True)
class Command(Message):
    """Console to technical means (order 268, 5.2)."""

    channel = Channel.COMMAND

    password: Password = field(default="123456", kw_only=True)


@dataclass(slots=True)
class Kpd1Header(Message):
    """Octets 5..9 of a KPD1 message, counted from 1 (order 268, 8.2)."""

    channel = Channel.KPD1

    total: Count = field(default=1, kw_only=True)
    """Messages in this answer, 1..65535 (order 268, 8.2.1.5). 0 is read, too."""
    index: Count = field(default=1, kw_only=True)
    """Number of this one, 1..65535 (order 268, 8.2.1.6). 0 is read, too."""
    reserve: Reserve = field(default=0xFF, kw_only=True)


@dataclass(slots=True)
class Kpd1Message(Kpd1Header):
    """Technical means to console on KPD1 (order 268, 8.2)."""

    version: Version = field(default=0x02, kw_only=True)
    """Version of requirements: ``Options.version`` of the codec in use."""


@dataclass(slots=True)
class Event(Message):
    """Technical means to console on KPD2 (order 268, 10.2)."""

    channel = Channel.KPD2


@dataclass(slots=True)
class CallHeader(Event):
    """Octets 5..12 of a call's events, counted from 1; the first five are the call id that commands 7 and 8 echo
    (order 268, 10.2.1.5, 6.7.8.2)."""

    call_number: CallNumber
    object_type: ObjectTypeCode
    object_number: ObjectNumber
    selection: Selection
    connection: Connection
    service_phase: ServicePhase
