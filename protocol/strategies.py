"""Hypothesis strategies for every message, made from the same declarations as the codec.

Not imported by the package itself, so that hypothesis is loaded only where tests and fuzzers ask for it.
Everything that :func:`message` draws encodes, and decodes strictly to an equal message.
"""

from __future__ import annotations

import string
from functools import singledispatch
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from protocol.codec import Codec
from protocol.codes import MAX_DIGITS, PREAMBLE, SERVICES, Channel
from protocol.composite import Digits, KslRows, Octets, PartyOctets, ServiceEntries, ServiceOctets, TimeOctets
from protocol.messages import Message, classes, payload_lengths, wires
from protocol.options import Options
from protocol.values import KslRow, Party, Raw, Time
from protocol.wire import Characters, Coded, Filler, Octet, Text, Wire, Word

M = TypeVar("M", bound=Message)

_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_LATIN_1 = "".join(map(chr, range(0x100)))


@singledispatch
def values(wire: Wire) -> SearchStrategy[Any]:
    """The values that are declared for a field. Raises :class:`TypeError` for a wire it does not know."""
    raise TypeError(f"no strategy for {type(wire).__name__}")


@values.register
def _(wire: Octet) -> SearchStrategy[Any]:
    return st.integers(0, 0xFF)


@values.register
def _(wire: Coded) -> SearchStrategy[Any]:
    return st.sampled_from(list(wire.decoding.values()))


@values.register
def _(wire: Word) -> SearchStrategy[Any]:
    return st.none() | st.integers(0, 0xFFFE) if wire.absent else st.integers(0, 0xFFFF)


@values.register
def _(wire: TimeOctets) -> SearchStrategy[Any]:
    moment = st.builds(Time, st.integers(1, 31), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
    return st.none() | moment


@values.register
def _(wire: Text) -> SearchStrategy[Any]:
    return st.text(_PRINTABLE, max_size=wire.size)


@values.register
def _(wire: Characters) -> SearchStrategy[Any]:
    digits = st.text(string.digits, min_size=wire.size, max_size=wire.size)
    return digits | st.text(_LATIN_1, min_size=wire.size, max_size=wire.size)


@values.register
def _(wire: Filler) -> SearchStrategy[Any]:
    return st.just(wire.octets)


@values.register
def _(wire: Digits) -> SearchStrategy[Any]:
    alphabet = string.digits + ("*#" if wire.extra else "")
    numbers = st.none() | st.text(alphabet, min_size=1, max_size=MAX_DIGITS)
    counts = st.integers(1, MAX_DIGITS).map(lambda count: Raw(bytes((count,)) + b"\xff" * 9))
    return numbers | counts if wire.parts else numbers


@values.register
def _(wire: PartyOctets) -> SearchStrategy[Any]:
    return st.builds(Party, values(wire.sign), values(wire.digits))


@values.register
def _(wire: ServiceOctets) -> SearchStrategy[Any]:
    return st.none() | st.sampled_from(sorted(SERVICES))


@values.register
def _(wire: KslRows) -> SearchStrategy[Any]:
    row = st.builds(KslRow, *map(values, wire.parts.values()))
    unused = KslRow(None, None, None, None)
    return st.lists(row, max_size=wire.rows).map(tuple).filter(lambda rows: not rows or rows[-1] != unused)


@values.register
def _(wire: ServiceEntries) -> SearchStrategy[Any]:
    return st.lists(st.sampled_from(sorted(SERVICES)), max_size=wire.most).map(tuple)


@values.register
def _(wire: Octets) -> SearchStrategy[Any]:
    return st.binary(max_size=wire.most)


def message(cls: type[M], options: Options | None = None) -> SearchStrategy[M]:
    """Messages of one class with declared values in every field."""
    options = Options() if options is None else options
    return st.builds(cls, **{name: values(wire) for name, wire in wires(cls, options).items()})


def any_message(options: Options | None = None, channel: Channel | None = None) -> SearchStrategy[Message]:
    """Messages of every class of the order, or of one channel."""
    options = Options() if options is None else options
    known = [cls for cls in classes(options.order).values() if channel in (None, cls.channel)]
    return st.sampled_from(known).flatmap(lambda cls: message(cls, options))


def unit(options: Options | None = None, channel: Channel | None = None) -> SearchStrategy[bytes]:
    """Units as whoever keeps to the order sends them."""
    return any_message(options, channel).map(Codec(options).encode)


def damaged_unit(options: Options | None = None, channel: Channel | None = None) -> SearchStrategy[bytes]:
    """Units with octets changed, cut off or added, preamble kept: food for lenient decoding."""

    @st.composite
    def damaged(draw: st.DrawFn) -> bytes:
        octets = bytearray(draw(unit(options, channel)))
        for _ in range(draw(st.integers(0, 3))):
            octets[draw(st.integers(1, len(octets) - 1))] = draw(st.integers(0, 0xFF))
        cut = draw(st.integers(-3, 3))
        if cut < 0:
            del octets[max(4, len(octets) + cut) :]
        return bytes(octets) + draw(st.binary(min_size=max(cut, 0), max_size=max(cut, 0)))

    return damaged()


def noise(options: Options | None = None, channel: Channel | None = None) -> SearchStrategy[bytes]:
    """Octets that belong to no unit, rich in CCh and in beginnings of headers."""
    options = Options() if options is None else options
    begun = [
        bytes((PREAMBLE, 1, code, length))[:size]
        for code, cls in classes(options.order).items()
        if channel in (None, cls.channel)
        for length in sorted(payload_lengths(cls, options))[:1]
        for size in (1, 2, 3)
    ]
    piece = st.binary(min_size=1, max_size=8) | st.sampled_from(begun)
    return st.lists(piece, min_size=1, max_size=6).map(b"".join)
