"""The values that fields carry besides plain integers, texts and the names of :mod:`protocol.codes`."""

from __future__ import annotations

from typing import NamedTuple

from protocol.codes import GroupType, NumberSign


class Raw(bytes):
    """Octets of a field that no declared value fits: kept as they are, and written back so.

    ``str()`` shows them as ``0x1A``.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "0x" + self.hex().upper()

    def __repr__(self) -> str:
        return f"Raw({bytes(self)!r})"


class Kept:
    """A value that is understood although its octets aren't those the encoder would choose.

    It equals the plain value; :attr:`octets` are those that it was read from and is written back as. Without octets
    it is written as the plain value.
    """

    octets: bytes


class KeptInt(int, Kept):
    """A service code in the other place of its three octets (``service_code_position``)."""

    def __new__(cls, value: int, octets: bytes = b"") -> KeptInt:
        self = super().__new__(cls, value)
        self.octets = octets
        return self


class KeptStr(str, Kept):
    """A number whose zeros are spelled 0h where the options choose Ah, or one given without its count."""

    def __new__(cls, value: str, octets: bytes = b"") -> KeptStr:
        self = super().__new__(cls, value)
        self.octets = octets
        return self


class KeptTuple(tuple[int | Raw | None, ...], Kept):
    """Services of 25h in the length that the options don't choose, or more than the order has in one message."""

    def __new__(cls, value: tuple[int | Raw | None, ...], octets: bytes = b"") -> KeptTuple:
        self = super().__new__(cls, value)
        self.octets = octets
        return self


class Ksl(NamedTuple):
    """One KSL (order 268, 6.4.4.3). Stream 7 with KSL 31 would be FFh, which is "none"."""

    stream: int
    """0..7."""
    ksl: int
    """1..28; 0 and 29..31 can be written and are read, with a problem reported."""


class Time(NamedTuple):
    """Day of month and time of day; the order sends neither month nor year (order 268, 10.3.1.7, 10.3.1.8)."""

    day: int
    hour: int
    minute: int
    second: int


class Party(NamedTuple):
    """One side of a call or message: a number and what kind it is (order 268, 10.3.1.1..10.3.1.4, 9.12.4)."""

    sign: NumberSign | Raw | None = None
    number: str | Raw | None = None
    """Digits. ``""`` is a number of no digits: count 00h, which some consoles send for "absent"."""


NOBODY = Party()
"""A side that is not given."""


class KslRow(NamedTuple):
    """One row of 24h (order 268, 9.4.7)."""

    ksl_group: int | None
    group_type: GroupType | Raw | None
    ksl_a: Ksl | None
    ksl_b: Ksl | None
