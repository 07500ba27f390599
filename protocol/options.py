"""The options of a codec: choices about octets that the order leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args, get_origin, get_type_hints

from protocol.codes import VERSIONS, MessageCoding, Order

ByteOrder = Literal["little", "big"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of docs/protocol.md. Hashable: coders are generated once for each value.

    Raises :class:`ValueError` for a value outside those listed here.
    """

    order: Order = "268"
    """Which order's codes, number signs and version octet apply."""
    object_byte_order: ByteOrder = "little"
    """Object numbers in commands, 23h, 2Ch and the KPD2 header. The low octet is first (order 268, 5.4, 8.5, 10.4.1);
    ``big`` is for consoles that have it otherwise."""
    trunk_byte_order: ByteOrder = "little"
    """Trunk numbers; the low octet is first, as in object numbers."""
    count_byte_order: ByteOrder = "little"
    """Count and number in the header of KPD1 messages; the low octet is first (order 268, 8.5)."""
    service_code_position: Literal["third", "first"] = "third"
    """Which of its three octets carries a service code. The order leaves it open (9.5.5.2, 11.4.4): our choice."""
    m25_length: Literal["variable", "fixed45"] = "variable"
    """Content of 25h with services in it: as long as they need (order 268, 9.5.4), or padded to 45 octets
    always, as the order has it for a list without services (9.5.5.3). Both are read."""
    message_text: MessageCoding = "utf-8"
    """Coding of the text of 2Ch. The order leaves it open (9.12.4.16): our choice. The codec keeps the octets as they
    are; people read them in this coding, and :func:`~protocol.messagetext.encode_message_text` writes them in it."""
    zero_digit: Literal["0", "A"] = "0"
    """Half-byte that carries digit 0 (Eltex SMG1016M manual, "Настройки СОРМ"). With ``A`` both are read, and Ah is
    written."""
    extra_digits: bool = False
    """Half-bytes Bh and Ch are the digits ``*`` and ``#``. The order has digits alone (6.5.5.4): our choice."""
    requirements_version: int | None = None
    """Octet 10 of KPD1 messages; None: that of the order, 02h (order 268, 8.2.1.8) or FFh."""

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name}: {value!r} is none of {', '.join(map(repr, allowed))}")
        version = self.requirements_version
        if version is not None and not (isinstance(version, int) and 0 <= version <= 0xFF):
            raise ValueError(f"requirements_version: {version!r} is no octet 0..255 (nor None)")

    @property
    def version(self) -> int:
        """Octet 10 that KPD1 messages are to carry: what their header field ``version`` is set to."""
        return VERSIONS[self.order] if self.requirements_version is None else self.requirements_version


CHOICES: dict[str, tuple[object, ...]] = {
    name: get_args(hint) for name, hint in get_type_hints(Options).items() if get_origin(hint) is Literal
} | {"extra_digits": (False, True)}
"""Each choice with its values; the number :attr:`Options.requirements_version` is none."""
