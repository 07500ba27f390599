"""Cutting a stream of octets into units, and finding the next unit after damage (docs/protocol.md, "Framing").

The rules, all of them independent of how the stream is cut into pieces:

* In step, the header is trusted: the length octet gives the length of the unit, and its data are never searched.
* A header with an unknown code, or a length that its code may not have, is followed for the length it
  claims, unless an acceptable header begins inside it: there it is cut, so that neither a damaged length
  octet nor half a header swallows the next unit.
* Out of step, everything is skipped up to an acceptable header: CCh, one of ``orm_numbers`` if they are given,
  a code of the channel, a length allowed for that code.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum
from typing import NamedTuple

from protocol.codes import PREAMBLE, Channel, channel_of
from protocol.language import Phrase, join
from protocol.messages import classes, payload_lengths, wrong_length
from protocol.options import Options


class BrokenReason(Enum):
    """Why a unit is broken; :attr:`phrase` is the text for people."""

    LENGTH = Phrase("length not allowed for the code")
    CUT = Phrase("cut short by the next unit")
    UNFINISHED = Phrase("begun and not finished")

    @property
    def phrase(self) -> Phrase:
        """The reason in both languages."""
        return self.value


class Unit(NamedTuple):
    """A whole unit, of a known code and an allowed length, or of an unknown code."""

    offset: int
    """Octets of the stream before it."""
    raw: bytes


class Broken(NamedTuple):
    """Octets that begin like a unit but are not one."""

    offset: int
    raw: bytes
    code: int | None
    """None if the stream ended before it."""
    reason: BrokenReason

    def explain(self, options: Options) -> Phrase:
        """What is wrong with it: with the name of the unit, its octets, and those that it should have, if known."""
        cls = classes(options.order).get(self.code) if self.code is not None else None
        if cls is None or len(self.raw) < 4:
            return self.reason.phrase
        length = self.raw[3]
        wrong = wrong_length(cls, length, options)
        if wrong is not None:
            return wrong if self.reason is BrokenReason.LENGTH else join(": ", [self.reason.phrase, wrong])
        return Phrase(
            "{reason}: {size} of {whole} octets of {name}",
            reason=self.reason.phrase,
            size=len(self.raw),
            whole=cls.channel.header_length + length,
            name=cls.message_name,
        )


class Noise(NamedTuple):
    """Octets that were skipped to get into step again."""

    offset: int
    length: int
    sample: bytes
    """The first of them, at most :data:`SAMPLE`."""


Item = Unit | Broken | Noise

SAMPLE = 64
"""Octets of skipped noise that are kept to be shown."""


def _one_of(octets: Collection[int]) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % octet for octet in sorted(octets)) + b"]"


class StreamFramer:
    """Cuts one direction of one channel into units. Holds at most one unit's octets (270) between calls.

    ``channel`` None: of any channel, each unit by its code, as in a text or a capture that mixes them.
    ``orm_numbers``: those that a header may carry to be taken for one after damage; None: any.
    """

    def __init__(
        self,
        channel: Channel | None,
        options: Options | None = None,
        orm_numbers: Collection[int] | None = None,
    ) -> None:
        options = Options() if options is None else options
        self.channel = channel
        self._lengths = {
            code: payload_lengths(cls, options)
            for code, cls in classes(options.order).items()
            if channel in (None, cls.channel)
        }
        self._known = {
            code: ((channel or channel_of(code)).header_length, allowed)
            for code, allowed in self._lengths.items()
        }
        """Octets of the header, and the lengths that the code may have."""
        orm = b"." if orm_numbers is None else _one_of(orm_numbers) if orm_numbers else b"(?!)"
        kinds = b"|".join(b"\\x%02x" % code + _one_of(allowed) for code, allowed in self._lengths.items())
        codes = _one_of(self._lengths)
        start = b"\\x%02x" % PREAMBLE
        self._header = re.compile(start + orm + b"(?:" + kinds + b")", re.DOTALL)
        self._header_begun = re.compile(start + b"(?:" + orm + b"(?:" + codes + b")?)?\\Z", re.DOTALL)
        self._buffer = bytearray()
        self._offset = 0
        self._searched = 0
        """How far the unit at the front was searched for a header inside it, in vain."""
        self._in_step = True
        self._noise_length = 0
        self._noise_sample = b""

    @property
    def pending(self) -> int:
        """Octets held of a unit that isn't finished."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Item]:
        """The items that ``data`` completes, in order of the stream."""
        items: list[Item] = []
        if self._in_step and not self._buffer:
            at, size = 0, len(data)
            while size - at >= 4 and data[at] == PREAMBLE:  # what is in order, without copies
                length = data[at + 3]
                known = self._known.get(data[at + 2])
                if known is None or length not in known[1] or (end := at + known[0] + length) > size:
                    break
                items.append(Unit(self._offset + at, bytes(data[at:end])))
                at = end
            self._offset += at
            if at == size:
                return items
            data = data[at:]
        self._buffer += data
        return items + self._take(final=False)

    def flush(self) -> list[Item]:
        """End of stream, or a pause of the other side: what is held comes out, and a new unit may begin.

        The octets of an unfinished unit are searched for acceptable headers, since its own is no longer trusted: a
        whole unit after half a one is found.
        """
        items = self._take(final=True)
        self._end_noise(items)
        self._in_step = True
        return items

    def _take(self, *, final: bool) -> list[Item]:
        items: list[Item] = []
        at = 0
        while at < len(self._buffer):
            step = self._follow(at, items, final) if self._in_step else self._skip(at, items, final)
            if step is None:
                break
            at = step
        if at:
            del self._buffer[:at]
            self._offset += at
            self._searched = 0
        return items

    def _follow(self, at: int, items: list[Item], final: bool) -> int | None:
        """One unit at ``at``: the place after it, or None to wait for more."""
        buffer = self._buffer
        size = len(buffer)
        if buffer[at] != PREAMBLE:
            self._in_step = False
            return at
        if size - at < 4:
            return self._give_up(at, items) if final else None
        code, length = buffer[at + 2], buffer[at + 3]
        end = at + (self.channel or channel_of(code)).header_length + length
        known = self._lengths.get(code)
        if known is not None and length in known:
            if end <= size:
                items.append(Unit(self._offset + at, bytes(buffer[at:end])))
                return end
            return self._give_up(at, items) if final else None
        # A header may begin inside and end up to three octets outside.
        begin = max(1, self._searched) if at == 0 else at + 1
        inside = self._header.search(buffer, begin, min(size, end + 3))
        if inside is not None:
            return self._break(at, inside.start(), BrokenReason.CUT, items)
        if end > size:
            self._searched = size - at - 3
            return self._break(at, size, BrokenReason.UNFINISHED, items) if final else None
        if not final and size < end + 3:
            begun = self._header_begun.search(buffer, max(at + 1, size - 3))
            if begun is not None and begun.start() < end:
                return None
        if known is None:
            items.append(Unit(self._offset + at, bytes(buffer[at:end])))
            return end
        return self._break(at, end, BrokenReason.LENGTH, items)

    def _give_up(self, at: int, items: list[Item]) -> int:
        """An unfinished unit whose header was trusted."""
        inside = self._header.search(self._buffer, at + 1)
        end = len(self._buffer) if inside is None else inside.start()
        return self._break(at, end, BrokenReason.UNFINISHED, items)

    def _break(self, at: int, end: int, reason: BrokenReason, items: list[Item]) -> int:
        raw = bytes(self._buffer[at:end])
        items.append(Broken(self._offset + at, raw, raw[2] if len(raw) > 2 else None, reason))
        return end

    def _skip(self, at: int, items: list[Item], final: bool) -> int | None:
        """Out of step: the place of an acceptable header, or None when there is none yet."""
        size = len(self._buffer)
        found = self._header.search(self._buffer, at)
        begun = None
        if found is None and not final:
            begun = self._header_begun.search(self._buffer, max(at, size - 3))
        match = found or begun
        end = size if match is None else match.start()
        self._noise_length += end - at
        if len(self._noise_sample) < SAMPLE:
            self._noise_sample += bytes(self._buffer[at : min(end, at + SAMPLE - len(self._noise_sample))])
        if found is not None:
            self._end_noise(items, self._offset + end)
            self._in_step = True
        elif begun is not None and end == at:
            return None
        return end

    def _end_noise(self, items: list[Item], end: int | None = None) -> None:
        if self._noise_length:
            end = self._offset if end is None else end
            items.append(Noise(end - self._noise_length, self._noise_length, self._noise_sample))
            self._noise_length = 0
            self._noise_sample = b""
