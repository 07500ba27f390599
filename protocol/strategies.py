"""Hypothesis strategies for every message, made from the same declarations as the codec.

Not imported by the package itself, so that hypothesis is loaded only where tests and fuzzers ask for strategies.
Everything that :func:`message` draws encodes, and decodes strictly to an equal message.
"""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from protocol.codec import Codec
from protocol.codes import PREAMBLE, Channel
from protocol.messages import Message, classes, payload_lengths, wires
from protocol.options import Options

M = TypeVar("M", bound=Message)


def message(cls: type[M], options: Options | None = None) -> SearchStrategy[M]:
    """Messages of one class with declared values in every field."""
    options = Options() if options is None else options
    return st.builds(cls, **{name: wire.strategy() for name, wire in wires(cls, options).items()})


def any_message(options: Options | None = None, channel: Channel | None = None) -> SearchStrategy[Message]:
    """Messages of every class of the order, or of one channel."""
    options = Options() if options is None else options
    known = [cls for cls in classes(options.order).values() if channel in (None, cls.channel)]
    return st.sampled_from(known).flatmap(lambda cls: message(cls, options))


def unit(options: Options | None = None, channel: Channel | None = None) -> SearchStrategy[bytes]:
    """Units that keep to the order."""
    return any_message(options, channel).map(Codec(options).encode)


def damaged_unit(options: Options | None = None, channel: Channel | None = None) -> SearchStrategy[bytes]:
    """Units with octets changed, cut off or added, preamble kept, for lenient decoding."""

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
