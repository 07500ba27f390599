"""What the order leaves open about the octets themselves: the options a codec is built for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from protocol.codes import NUMBER_SIGNS, VERSIONS, Order

ByteOrder = Literal["little", "big"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of PROTOCOL 11.3 that concern octets. Hashable: coders are generated once for each value.

    Raises :class:`ValueError` for a value outside those listed here.
    """

    order: Order = "268"
    """Which order's codes, number signs and version octet apply (PROTOCOL 10)."""
    object_byte_order: ByteOrder = "little"
    """Object numbers in commands, 23h, 2Ch and the KPD2 header (PROTOCOL 9 row 1)."""
    trunk_byte_order: ByteOrder = "little"
    """Trunk numbers (PROTOCOL 9 row 2)."""
    count_byte_order: ByteOrder = "little"
    """Count and number in the header of KPD1 messages (PROTOCOL 9 row 4)."""
    service_code_position: Literal["third", "first"] = "third"
    """Which of its three octets carries a service code (PROTOCOL 9 row 6)."""
    m25_length: Literal["variable", "fixed45"] = "variable"
    """Payload of 25h with services in it: 12+3n octets, or 45 as when it is empty (PROTOCOL 9 row 7)."""
    zero_digit: Literal["0", "A"] = "0"
    """Half-byte that carries digit 0 (PROTOCOL 3.3). With ``A`` both are read, and Ah is written."""
    extra_digits: bool = False
    """Half-bytes Bh and Ch are the digits ``*`` and ``#`` (PROTOCOL 3.3)."""
    requirements_version: int | None = None
    """Octet 9 of KPD1 messages; None: that of the order, 02h or FFh (PROTOCOL 9 row 16)."""

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name}: {value!r} is none of {', '.join(map(repr, allowed))}")
        version = self.requirements_version
        if version is not None and not (isinstance(version, int) and 0 <= version <= 0xFF):
            raise ValueError(f"requirements_version: {version!r} is no octet 0..255 (nor None)")

    @property
    def version(self) -> int:
        """Octet 9 that KPD1 messages are to carry: what their header field ``version`` is set to."""
        return VERSIONS[self.order] if self.requirements_version is None else self.requirements_version


_ALLOWED: dict[str, tuple[object, ...]] = {
    "order": tuple(NUMBER_SIGNS),
    "object_byte_order": ("little", "big"),
    "trunk_byte_order": ("little", "big"),
    "count_byte_order": ("little", "big"),
    "service_code_position": ("third", "first"),
    "m25_length": ("variable", "fixed45"),
    "zero_digit": ("0", "A"),
    "extra_digits": (False, True),
}
