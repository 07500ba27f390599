"""IP fragments put together (RFC 791, RFC 8200 4.5), in any order and in bounded memory."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from typing import NamedTuple

MOST_DATAGRAMS = 256
"""Datagrams that wait for fragments; beyond that the oldest is given up."""
MOST_OCTETS = 4 << 20
"""Octets that wait for fragments; beyond that the oldest datagram is given up."""
MOST_SECONDS = 60
"""Seconds after which a datagram is given up (RFC 1122 3.3.2, RFC 8200 4.5)."""
MOST_REMEMBERED = 64
"""Whole datagrams that are remembered, so that a repeated fragment begins no new one."""

Key = tuple[bytes, int, int]
"""Both addresses, the protocol (0 in IPv6), the identification."""


class _Part(NamedTuple):
    """A fragment, without what fragments before it had."""

    offset: int
    data: bytes


class _Datagram:
    """A datagram of which fragments are missing."""

    def __init__(self, time_ns: int | None) -> None:
        self.time_ns = time_ns
        self.parts: list[_Part] = []
        self.octets = 0
        self.size: int | None = None  # once the last fragment has come
        self.protocol: int | None = None  # of the first fragment

    def add(self, offset: int, data: bytes) -> None:
        """Keep what is new of a fragment: the first copy of an octet counts."""
        at = bisect_left(self.parts, (offset,))
        if at:
            before = self.parts[at - 1]
            known = before.offset + len(before.data) - offset
            if known > 0:
                data, offset = data[known:], offset + known
        while data:
            following = self.parts[at] if at < len(self.parts) else None
            new = data if following is None else data[: max(following.offset - offset, 0)]
            if new:
                self.parts.insert(at, _Part(offset, new))
                self.octets += len(new)
                at += 1
            if following is None:
                return
            known = following.offset + len(following.data) - offset
            data, offset = data[known:], offset + known
            at += 1


class Fragments:
    """The datagrams of which fragments have come, and not all."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Key, _Datagram] = OrderedDict()
        self._whole: OrderedDict[Key, tuple[int, bytes]] = OrderedDict()
        self._octets = 0
        self.lost = 0
        """Datagrams that were given up, and those that wait when the capture ends (:meth:`finish`)."""
        self.first_lost: Key | None = None

    def add(
        self,
        key: Key,
        offset: int,
        data: bytes,
        *,
        length: int,
        last: bool,
        protocol: int,
        time_ns: int | None,
    ) -> tuple[int, bytes] | None:
        """Protocol and payload of the datagram if this fragment makes it whole.

        ``length``: the octets of the fragment on the wire; more than ``data`` has if the capture cut it.
        """
        known = self._whole.get(key)
        if known is not None and known[1][offset : offset + len(data)] == data:
            return None  # repeated
        if time_ns is not None:
            self._forget_before(time_ns - MOST_SECONDS * 1_000_000_000)
        datagram = self._waiting.get(key)
        if datagram is None:
            datagram = self._waiting[key] = _Datagram(time_ns)
        self._octets -= datagram.octets
        datagram.add(offset, data)
        self._octets += datagram.octets
        if last:
            datagram.size = offset + length
        if offset == 0:
            datagram.protocol = protocol
        if datagram.octets == datagram.size and datagram.protocol is not None:
            del self._waiting[key]
            self._octets -= datagram.octets
            whole = datagram.protocol, b"".join(part.data for part in datagram.parts)
            self._whole[key] = whole
            if len(self._whole) > MOST_REMEMBERED:
                self._whole.popitem(last=False)
            return whole
        while len(self._waiting) > MOST_DATAGRAMS or self._octets > MOST_OCTETS:
            self._give_up()
        return None

    def finish(self) -> None:
        """The end of the capture: what waits is lost."""
        while self._waiting:
            self._give_up()

    def _forget_before(self, time_ns: int) -> None:
        while self._waiting:
            begun = next(iter(self._waiting.values())).time_ns
            if begun is None or begun >= time_ns:
                return
            self._give_up()

    def _give_up(self) -> None:
        key, datagram = self._waiting.popitem(last=False)
        self._octets -= datagram.octets
        self.lost += 1
        self.first_lost = self.first_lost or key
