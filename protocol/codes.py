"""Coded values that have names, and the tables of their octets.

A name is a member of a :class:`Named`, so it prints, compares and serialises as the text of docs/messages.md.
Codes that stay integers (status, operation, service, ...) are declared with their texts in :mod:`protocol.texts`;
here are those that a rule composes, and the sizes that the order sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, Self, TypeVar

from protocol.language import MessageId, Phrase

Order = Literal["268", "70"]
MessageCoding = Literal["utf-8", "gsm7", "ucs2", "cp1251"]

PREAMBLE: Final = 0xCC
"""First octet of every unit (order 268, 5.2.2.1, 8.2.1.1, 10.2.1.1)."""
ABSENT: Final = 0xFF
"""Filler of a field that does not apply (order 268, 6.10.4, 6.11.4, 9.3.5)."""


class Channel(StrEnum):
    """The channel of a unit. Commands and KPD1 messages share one console channel, in opposite directions."""

    COMMAND = "command"
    KPD1 = "kpd1"
    KPD2 = "kpd2"

    @property
    def header_length(self) -> int:
        """Octets before the content (order 268, 5.2, 8.2, 10.2)."""
        return 12 if self is Channel.KPD2 else 10


def channel_of(code: int) -> Channel:
    """The channel of a code; a code that no order has gets the channel of its neighbours.

    The order has commands at 01h..11h, messages of KPD1 at 21h..2Ch and of KPD2 at 41h..53h (order 268, appendices 6, 9
    and 11); where one range ends for codes that it does not have, 20h and 40h, is our choice.
    """
    if code < 0x20:
        return Channel.COMMAND
    return Channel.KPD1 if code < 0x40 else Channel.KPD2


class Named(StrEnum):
    """A named value: its octet, None in order 268 for what order 70 alone has, and what it is for people."""

    octet: int | None
    phrase: Phrase

    # The defaults are for the look-up of a member by its name: Enum takes that call over.
    def __new__(cls, name: str, octet: int | None = None, phrase: MessageId = "") -> Self:
        self = str.__new__(cls, name)
        self._value_, self.octet, self.phrase = name, octet, Phrase(phrase)
        return self


N = TypeVar("N", bound=Named)


def _by_octet(kind: type[N]) -> Mapping[int, N]:
    return {value.octet: value for value in kind if value.octet is not None}


class ObjectType(Named):
    """What is controlled (order 268, 6.5.5.1)."""

    OWN_SUBSCRIBER = "own-subscriber", 0x01, Phrase("subscriber of this node")
    NETWORK_FULL = "network-full", 0x02, Phrase("PSTN subscriber with a full number, or an identifier")
    NETWORK_PARTIAL = "network-partial", 0x12, Phrase("PSTN subscriber with an incomplete number")
    TRUNK = "trunk", 0x03, Phrase("trunk")


class NumberSign(Named):
    """Sign of a phone number or identifier (order 268, 6.5.5.2); order 70 has names of its own."""

    OWN = "own", 0x01, Phrase("subscriber of this node")
    RUSSIA = "russia", 0x04, Phrase("PSTN subscriber of Russia")
    FOREIGN = "foreign", 0x05, Phrase("PSTN subscriber of another country")
    EMERGENCY = "emergency", 0x06, Phrase("emergency or information service")
    IMSI = "imsi", 0x07, Phrase("IMSI or another mobile identifier")
    PRIVATE = "private", None, Phrase("this exchange")
    LOCAL = "local", None, Phrase("local network")
    ZONE = "zone", None, Phrase("zone network")
    INTERCITY = "intercity", None, Phrase("long-distance network")
    INTERNATIONAL = "international", None, Phrase("international network")


_BOTH = Phrase("both parties on one line")
_EACH = Phrase("a line for each party")


class Category(Named):
    """How an object is controlled (order 268, 6.5.5.6)."""

    COMBINED = "combined", 0x01, _BOTH
    SEPARATE = "separate", 0x11, _EACH
    STATISTICAL = "statistical", 0x02, Phrase("without lines")


class GroupType(Named):
    """What lines a KSL group has (order 268, 6.4.4.2)."""

    COMBINED = "combined", 0x01, _BOTH
    SEPARATE = "separate", 0x11, _EACH


class Priority(Named):
    """Priority mark of an object (order 268, 6.5.5.8)."""

    HIGH = "high", 0x01, Phrase("priority", context="values")
    NORMAL = "normal", 0x02, Phrase("ordinary")


class StationType(Named):
    """Kind of node (order 268, 9.11.4.2)."""

    TERMINAL = "terminal", 0x01, Phrase("terminal node")
    TRANSIT = "transit", 0x02, Phrase("transit node")
    TERMINAL_TRANSIT = "terminal-transit", 0x03, Phrase("terminal and transit node")


OBJECT_TYPES: Final = _by_octet(ObjectType)
NUMBER_SIGNS: Final[Mapping[Order, Mapping[int, NumberSign]]] = {
    "268": _by_octet(NumberSign),
    "70": {
        0x01: NumberSign.PRIVATE,
        0x02: NumberSign.LOCAL,
        0x03: NumberSign.ZONE,
        0x04: NumberSign.INTERCITY,
        0x05: NumberSign.INTERNATIONAL,
        0x06: NumberSign.EMERGENCY,
    },
}
CATEGORIES: Final = _by_octet(Category)
GROUP_TYPES: Final = _by_octet(GroupType)
PRIORITIES: Final = _by_octet(Priority)
STATION_TYPES: Final = _by_octet(StationType)

CONNECTIONS: Final = frozenset({0x11, 0x12, 0x14, 0x18, 0x1C, 0x21, 0x22, 0x24, 0x28, 0x2C})
"""Connection parameters: a kind of connection and how it was set up (order 268, 10.2.1.7, table 2)."""
SELECTIONS: Final = frozenset(range(1, 0xFF))
"""Selection signs: every pair of bits is a reason or none, and one is needed (order 268, 10.2.1.6, table 1)."""
KSL_NUMBERS: Final = range(1, 29)
"""KSL of one stream (order 268, 6.4.4.3)."""
STREAMS: Final = range(8)
"""Streams that the octet of a KSL can name (order 268, 6.4.4.3)."""
KSL_GROUPS: Final = range(0x01, 0xFF)
"""Numbers of KSL groups (order 268, 6.4.4.1, 6.5.5.7)."""
PASSWORD_CHARACTERS: Final = 6
"""Length of a password (order 268, 5.2.2.5)."""
MAX_DIGITS: Final = 18
"""Longest number or identifier (order 268, 6.5.5.4)."""

MAX_CONTENT: Final = 245
"""Most octets of content that a message of KPD1 has (order 268, 8.2.1.4, 8.3)."""
KSL_ROWS_PER_MESSAGE: Final = 11
"""Lines, or pairs of lines, that one 24h has room for (order 268, 9.4.4)."""
SERVICES_PER_MESSAGE: Final = 11
"""Services that one 25h has room for: 45 octets of content, 12 of them before the first (order 268, 9.5.4)."""
TRUNK_NAME_OCTETS: Final = 43
"""Octets of a trunk's name that one 2Ah has room for (order 268, 9.10.5)."""
MESSAGE_FIXED_OCTETS: Final = 53
"""Octets of 2Ch before the telecommunication message itself (order 268, 9.12.4.16)."""
MESSAGE_TEXT_OCTETS: Final = MAX_CONTENT - MESSAGE_FIXED_OCTETS
"""Octets of a telecommunication message that one 2Ch has room for: 192 (order 268, 8.3, 9.12.4.16)."""

# Octet 15 of 2Ch, the transfer parameters (order 268, 9.12.4.4, table 1): direction in bits 1-0, sign of selection in
# bits 3-2, result of delivery in bits 5-4. The order does not speak of bits 7-6; they are 0 here. The tables of
# protocol/texts.py say what each value means.
MESSAGE_SENT: Final = 0b01
MESSAGE_RECEIVED: Final = 0b10
MESSAGE_SELECTION_SHIFT: Final = 2
MESSAGE_BY_SENDER_IMSI: Final = 0b00
MESSAGE_BY_SENDER_NUMBER: Final = 0b01
MESSAGE_BY_RECEIVER_NUMBER: Final = 0b10
MESSAGE_BY_RECEIVER_IMSI: Final = 0b11
MESSAGE_DELIVERY_SHIFT: Final = 4
MESSAGE_DELIVERY_UNKNOWN: Final = 0b00
MESSAGE_DELIVERED: Final = 0b01
MESSAGE_NOT_DELIVERED: Final = 0b10


def transfer_parameters(direction: int, selected_by: int, delivery: int = MESSAGE_DELIVERY_UNKNOWN) -> int:
    """Octet 15 of 2Ch, its field ``delivery_state`` (order 268, 9.12.4.4, table 1).

    ``direction`` is one of the two directions, ``selected_by`` one of the four signs, ``delivery`` one of the three
    results above. Raises :class:`ValueError` for a value that the order reserves or does not have.
    """
    for name, value, allowed in (
        ("direction", direction, (MESSAGE_SENT, MESSAGE_RECEIVED)),
        ("selected_by", selected_by, range(4)),
        ("delivery", delivery, range(3)),
    ):
        if value not in allowed:
            raise ValueError(f"{name}: {value!r} is none of {', '.join(map(str, allowed))}")
    return direction | selected_by << MESSAGE_SELECTION_SHIFT | delivery << MESSAGE_DELIVERY_SHIFT


VERSIONS: Final[Mapping[Order, int]] = {"268": 0x02, "70": 0xFF}
"""Octet 10 of KPD1 messages by order (order 268, 8.2.1.8); for order 70 our choice."""

OF_268_ALONE: Final = frozenset({0x10, 0x11, 0x2A, 0x2B, 0x2C})
"""Codes that order 70 does not have. It has commands 1..15 and messages 1..9: our choice."""
