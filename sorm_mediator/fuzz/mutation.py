"""Units made wrong on purpose, by someone who knows how they are declared.

The places of the fields are those of the declarations (:func:`protocol.codec.offsets`), and what is put into them is
what other units have there, or what tends to be handled wrongly: bounds, lengths, counts, half-bytes that are no
digits. Whole units are cut, lengthened, doubled, spliced, put behind each other and behind noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from protocol import Channel, Options
from protocol.codec import offsets
from protocol.codes import PREAMBLE
from protocol.messages import Message, classes, payload_lengths, wires

LONGEST = 4096
"""Octets of an input at the most (our choice: several of the longest units)."""
_BOUNDS = (
    0x00,
    0x01,
    0x02,
    0x0A,
    0x0F,
    0x10,
    0x12,
    0x13,
    0x1F,
    0x20,
    0x7F,
    0x80,
    0x99,
    0xA0,
    0xFE,
    0xFF,
    PREAMBLE,
)
_MOST_CHANGES = 4
_POOL = 64
"""Values kept for each type of field."""

Change = Callable[[bytearray, Random], None]


class Mutator:
    """Makes inputs of one channel under ``options``. The same state of ``random`` gives the same input."""

    def __init__(self, channel: Channel, options: Options) -> None:
        self._options = options
        self._classes = {code: cls for code, cls in classes(options.order).items() if cls.channel is channel}
        self._codes = sorted(classes(options.order))
        self._fields = {code: _layout(cls, options) for code, cls in self._classes.items()}
        self._types = {
            (code, name): type(wire).__name__
            for code, cls in self._classes.items()
            for name, wire in wires(cls, options).items()
        }
        self._pools: dict[str, list[bytes]] = {}
        self.units: list[bytes] = []
        """What inputs are made of."""
        self._changes: tuple[Change, ...] = (
            self._bound, self._pooled, self._pooled, self._length, self._count, self._half_byte,
            self._cut, self._longer, self._doubled, self._spliced, self._header, self._flipped, self._beginning,
        )  # fmt: skip

    def learn(self, unit: bytes) -> None:
        """Take the values of the fields of ``unit``, and make inputs of it from now on."""
        self.units.append(unit)
        code = unit[2] if len(unit) > 2 else -1
        for name, begin, end in self._fields.get(code, ()):
            pool = self._pools.setdefault(self._types.get((code, name), ""), [])
            value = unit[begin : end or len(unit)]
            if value and len(pool) < _POOL and value not in pool:
                pool.append(value)

    def made(self, random: Random, of: Sequence[bytes] = ()) -> bytes:
        """One input: a unit with some changes, or several, with noise between them. ``of``: made of these units."""
        pool = of or self.units
        octets = self._changed(random.choice(pool), random)
        if random.random() < 0.25:
            for _ in range(random.randrange(1, 4)):
                other = random.choice(self.units)
                octets += self._changed(other, random) if random.random() < 0.5 else other
                if random.random() < 0.3:
                    octets += random.randbytes(random.randrange(1, 12))
        return octets[:LONGEST]

    def _changed(self, unit: bytes, random: Random) -> bytes:
        octets = bytearray(unit)
        for _ in range(random.randrange(_MOST_CHANGES)):
            if len(octets) > 3:
                random.choice(self._changes)(octets, random)
        return bytes(octets)

    # --- one change each

    def _field(self, octets: bytearray, random: Random) -> tuple[str, int, int]:
        fields = self._fields.get(octets[2])
        if not fields:
            begin = random.randrange(len(octets))
            return "", begin, min(begin + 2, len(octets))
        name, begin, end = random.choice(fields)
        return name, min(begin, len(octets) - 1), min(end or len(octets), len(octets))

    def _bound(self, octets: bytearray, random: Random) -> None:
        _, begin, end = self._field(octets, random)
        value = random.choice(_BOUNDS)
        for at in range(begin, end):
            octets[at] = value

    def _pooled(self, octets: bytearray, random: Random) -> None:
        name, begin, end = self._field(octets, random)
        pool = self._pools.get(self._types.get((octets[2], name), ""))
        if pool:
            octets[begin:end] = random.choice(pool)[: max(end - begin, 1)]

    def _length(self, octets: bytearray, random: Random) -> None:
        cls = self._classes.get(octets[2])
        choice = random.randrange(4)
        if choice == 0 and cls is not None:
            octets[3] = random.choice(sorted(payload_lengths(cls, self._options)))
        elif choice == 1:
            octets[3] = (octets[3] + random.choice((-2, -1, 1, 2))) & 0xFF
        else:
            octets[3] = random.choice(_BOUNDS)
        if random.random() < 0.5 and cls is not None:  # as long as it says
            size = cls.channel.header_length + octets[3]
            missing = size - len(octets)
            if missing > 0:
                octets += random.choice((b"\xff", b"\x00", b"1")) * missing
            else:
                del octets[size:]

    def _count(self, octets: bytearray, random: Random) -> None:
        """The first octet of a field, which counts its digits or services where it has some."""
        _, begin, _ = self._field(octets, random)
        octets[begin] = random.choice((0, 1, 11, 12, 18, 19, 81, 82, octets[begin] ^ 1, 0xFF))

    def _half_byte(self, octets: bytearray, random: Random) -> None:
        _, begin, end = self._field(octets, random)
        at = random.randrange(begin, max(end, begin + 1))
        digit = random.randrange(0x0A, 0x10)
        octets[at] = octets[at] & 0xF0 | digit if random.random() < 0.5 else octets[at] & 0x0F | digit << 4

    def _cut(self, octets: bytearray, random: Random) -> None:
        _, begin, end = self._field(octets, random)
        del octets[random.choice((begin, end, random.randrange(3, len(octets)))) :]

    def _longer(self, octets: bytearray, random: Random) -> None:
        octets += random.choice(
            (b"\xff", b"\x00", bytes((PREAMBLE,)), random.randbytes(1))
        ) * random.randrange(1, 8)

    def _doubled(self, octets: bytearray, random: Random) -> None:
        _, begin, end = self._field(octets, random)
        octets[end:end] = octets[begin:end]

    def _spliced(self, octets: bytearray, random: Random) -> None:
        other = random.choice(self.units)
        at = random.randrange(len(octets) + 1)
        octets[at:] = other[min(at, len(other)) if random.random() < 0.5 else random.randrange(len(other)) :]

    def _header(self, octets: bytearray, random: Random) -> None:
        at = random.randrange(16 if len(octets) > 16 else len(octets))
        octets[at] = random.choice(self._codes) if at == 2 else random.choice(_BOUNDS)

    def _flipped(self, octets: bytearray, random: Random) -> None:
        octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)

    def _beginning(self, octets: bytearray, random: Random) -> None:
        """A header where data are expected."""
        at = random.randrange(4, len(octets) + 1)
        begin = random.choice(self.units)[: random.randrange(1, 5)]
        octets[at : at + len(begin) if random.random() < 0.5 else at] = begin


def _layout(cls: type[Message], options: Options) -> list[tuple[str, int, int]]:
    """Name, first octet and end of each field; the end of the last one is 0: that of the unit."""
    begins = sorted(offsets(cls, options).items(), key=lambda item: item[1])
    ends = [begin for _, begin in begins[1:]] + [0]
    return [(name, begin, end) for (name, begin), end in zip(begins, ends, strict=True)]
