"""Coded values that have names, and the tables that tell which octet means which.

A name is a :class:`enum.StrEnum` member, so it prints, compares and serialises as the text of PROTOCOL 14.
Codes that stay integers (status, operation, service, ...) have their texts in :mod:`protocol.texts`; here
are only the sets of values that the order's clauses list for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypeVar

Order = Literal["268", "70"]

PREAMBLE: Final = 0xCC
"""First octet of every unit (PROTOCOL 2)."""
ABSENT: Final = 0xFF
"""Filler of a field that does not apply (PROTOCOL 3.15)."""


class Channel(StrEnum):
    """What a unit travels on: commands and KPD1 messages share one channel, in opposite directions."""

    COMMAND = "command"
    KPD1 = "kpd1"
    KPD2 = "kpd2"

    @property
    def header_length(self) -> int:
        """Octets before the payload (PROTOCOL 2.1-2.3)."""
        return 12 if self is Channel.KPD2 else 10


def channel_of(code: int) -> Channel:
    """The channel a code belongs to; for codes that no table knows, by their place between those that are.

    PROTOCOL 2.1-2.3; the limits 20h and 40h are inferred from the codes in use.
    """
    if code < 0x20:
        return Channel.COMMAND
    return Channel.KPD1 if code < 0x40 else Channel.KPD2


class ObjectType(StrEnum):
    """What is controlled (PROTOCOL 3.1)."""

    OWN_SUBSCRIBER = "own-subscriber"
    NETWORK_FULL = "network-full"
    NETWORK_PARTIAL = "network-partial"
    TRUNK = "trunk"


class NumberSign(StrEnum):
    """Sign of a phone number; which names exist depends on the order (PROTOCOL 3.2)."""

    OWN = "own"
    RUSSIA = "russia"
    FOREIGN = "foreign"
    EMERGENCY = "emergency"
    IMSI = "imsi"
    PRIVATE = "private"
    LOCAL = "local"
    ZONE = "zone"
    INTERCITY = "intercity"
    INTERNATIONAL = "international"


class Category(StrEnum):
    """How an object is controlled (PROTOCOL 3.6)."""

    COMBINED = "combined"
    SEPARATE = "separate"
    STATISTICAL = "statistical"


class GroupType(StrEnum):
    """What lines a KSL group has (PROTOCOL 3.6)."""

    COMBINED = "combined"
    SEPARATE = "separate"


class Priority(StrEnum):
    """Priority mark of an object (PROTOCOL 3.7)."""

    HIGH = "high"
    NORMAL = "normal"


class StationType(StrEnum):
    """Kind of node (PROTOCOL 5.11)."""

    TERMINAL = "terminal"
    TRANSIT = "transit"
    TERMINAL_TRANSIT = "terminal-transit"


_Name = TypeVar("_Name", bound=StrEnum)


def _table(values: dict[int, _Name]) -> Mapping[int, _Name]:
    return MappingProxyType(values)


OBJECT_TYPES: Final = _table(
    {
        0x01: ObjectType.OWN_SUBSCRIBER,
        0x02: ObjectType.NETWORK_FULL,
        0x12: ObjectType.NETWORK_PARTIAL,
        0x03: ObjectType.TRUNK,
    }
)
NUMBER_SIGNS: Final[Mapping[Order, Mapping[int, NumberSign]]] = MappingProxyType(
    {
        "268": _table(
            {
                0x01: NumberSign.OWN,
                0x04: NumberSign.RUSSIA,
                0x05: NumberSign.FOREIGN,
                0x06: NumberSign.EMERGENCY,
                0x07: NumberSign.IMSI,
            }
        ),
        "70": _table(
            {
                0x01: NumberSign.PRIVATE,
                0x02: NumberSign.LOCAL,
                0x03: NumberSign.ZONE,
                0x04: NumberSign.INTERCITY,
                0x05: NumberSign.INTERNATIONAL,
                0x06: NumberSign.EMERGENCY,
            }
        ),
    }
)
CATEGORIES: Final = _table({0x01: Category.COMBINED, 0x11: Category.SEPARATE, 0x02: Category.STATISTICAL})
GROUP_TYPES: Final = _table({0x01: GroupType.COMBINED, 0x11: GroupType.SEPARATE})
PRIORITIES: Final = _table({0x01: Priority.HIGH, 0x02: Priority.NORMAL})
STATION_TYPES: Final = _table(
    {0x01: StationType.TERMINAL, 0x02: StationType.TRANSIT, 0x03: StationType.TERMINAL_TRANSIT}
)

CONNECTIONS: Final = frozenset({0x11, 0x12, 0x14, 0x18, 0x1C, 0x21, 0x22, 0x24, 0x28, 0x2C})
"""Connection parameters that PROTOCOL 3.9 calls legal."""
SELECTIONS: Final = frozenset(range(1, 0xFF))
"""Selection signs: every pair of bits is a reason or none, and one reason is needed (PROTOCOL 3.8)."""
SERVICE_PHASES: Final = frozenset(range(6))
"""PROTOCOL 3.10."""
SERVICES: Final = frozenset(
    {0x20, 0x21, 0x28, 0x29, 0x2A, 0x2B, 0x31, 0x32, 0x33, 0x40, 0x41, 0x42, 0x43, 0x50, 0x51, 0x52}
)
"""PROTOCOL 3.11."""
LINE_STATES: Final = frozenset({0x00, 0x01, 0x03, 0x07, 0xFF})
"""PROTOCOL 5.3; FFh is "unknown"."""
ALARM_TYPES: Final = frozenset({0x01, 0x02, 0x03, 0x04})
"""PROTOCOL 5.1."""
ACCESS_CODES: Final = frozenset({0x01, 0x02, 0x03, 0x04, 0x05})
"""PROTOCOL 5.6."""
OPERATIONS_CONNECT: Final = frozenset({0x00, 0x01})
"""Operation code of 41h, 42h, 44h besides FFh (PROTOCOL 3.13)."""
OPERATIONS_RELEASE: Final = frozenset(range(1, 6))
"""Operation code of 43h (PROTOCOL 3.13)."""
OPERATIONS_KSL_CONNECTED: Final = frozenset({0x00})
"""Operation code of 51h (PROTOCOL 3.13)."""
OPERATIONS_KSL_RELEASED: Final = frozenset(range(1, 7))
"""Operation code of 52h (PROTOCOL 3.13)."""

KSL_NUMBERS: Final = range(1, 29)
"""KSL of one stream (PROTOCOL 3.5)."""
STREAMS: Final = range(8)
"""Streams that the byte stream+KSL can name (PROTOCOL 3.5)."""
MAX_DIGITS: Final = 18
"""Longest number (PROTOCOL 3.3)."""

VERSIONS: Final[Mapping[Order, int]] = MappingProxyType({"268": 0x02, "70": 0xFF})
"""Octet 9 of KPD1 messages by order (PROTOCOL 2.2, 9 row 16, 10)."""

CODES: Final[Mapping[Order, Mapping[Channel, frozenset[int]]]] = MappingProxyType(
    {
        "268": MappingProxyType(
            {
                Channel.COMMAND: frozenset(range(0x01, 0x12)),
                Channel.KPD1: frozenset(range(0x21, 0x2D)),
                Channel.KPD2: frozenset({0x41, 0x42, 0x43, 0x44, 0x51, 0x52, 0x53}),
            }
        ),
        "70": MappingProxyType(
            {
                Channel.COMMAND: frozenset(range(0x01, 0x10)),
                Channel.KPD1: frozenset(range(0x21, 0x2A)),
                Channel.KPD2: frozenset({0x41, 0x42, 0x43, 0x44, 0x51, 0x52, 0x53}),
            }
        ),
    }
)
"""Which units an order has (PROTOCOL 10; for order 70 inferred: commands 1..15, messages 1..9)."""
