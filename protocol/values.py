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

    It equals the plain value; :attr:`octets` is what it came from and is written back as. Without octets
    it is written as the plain value.
    """

    octets: bytes


class KeptInt(int, Kept):
    """A service code in the other place of its three octets (PROTOCOL 9 row 6)."""

    def __new__(cls, value: int, octets: bytes = b"") -> KeptInt:
        self = super().__new__(cls, value)
        self.octets = octets
        return self

    def __reduce__(self) -> tuple[type, tuple[object, bytes]]:
        return type(self), (int(self), self.octets)


class KeptStr(str, Kept):
    """A number whose zeros are spelled 0h where the options choose Ah (PROTOCOL 3.3)."""

    def __new__(cls, value: str, octets: bytes = b"") -> KeptStr:
        self = super().__new__(cls, value)
        self.octets = octets
        return self

    def __reduce__(self) -> tuple[type, tuple[object, bytes]]:
        return type(self), (str(self), self.octets)


class KeptTuple(tuple[int | Raw | None, ...], Kept):
    """Services of 25h in the length that the options don't choose (PROTOCOL 9 row 7)."""

    def __new__(cls, value: tuple[int | Raw | None, ...], octets: bytes = b"") -> KeptTuple:
        self = super().__new__(cls, value)
        self.octets = octets
        return self

    def __reduce__(self) -> tuple[type, tuple[object, bytes]]:
        return type(self), (tuple(self), self.octets)


class Ksl(NamedTuple):
    """One KSL (PROTOCOL 3.5). Stream 7 with KSL 31 would be FFh, which is "none"."""

    stream: int
    """0..7."""
    ksl: int
    """1..28; 0 and 29..31 can be written and are read, and a decoder says so."""


class Time(NamedTuple):
    """Day of month and time of day; the order sends neither month nor year (PROTOCOL 3.12)."""

    day: int
    hour: int
    minute: int
    second: int


class Party(NamedTuple):
    """One side of a call: a number and what kind it is (PROTOCOL 7.1)."""

    sign: NumberSign | Raw | None = None
    number: str | Raw | None = None
    """Digits. ``""`` is a number of no digits: count 00h, read for "absent" (PROTOCOL 9 row 8)."""


class KslRow(NamedTuple):
    """One row of 24h (PROTOCOL 5.4)."""

    ksl_group: int | None
    group_type: GroupType | Raw | None
    ksl_a: Ksl | None
    ksl_b: Ksl | None
