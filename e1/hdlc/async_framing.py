"""HDLC frames on an asynchronous line, octet by octet (RFC 1662, section 4). No input or output.

Frames have a flag 7Eh on either side and FCS-16 as on a synchronous line. An escaped octet has bit 6 inverted and 7Dh
before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from e1.hdlc.fcs import fcs16, with_fcs

FLAG, ESCAPE, TURN = 0x7E, 0x7D, 0x20
_FCS = 2
_SHORTEST = 2 + _FCS


@dataclass(slots=True)
class AsyncCounters:
    """Counters of a receiver. It discards bad frames without an answer.

    ``good`` frames; ``fcs_errors``; ``short`` (under 4 octets); ``long``; ``aborted`` (7Dh before the flag).
    """

    good: int = 0
    fcs_errors: int = 0
    short: int = 0
    long: int = 0
    aborted: int = 0

    @property
    def bad(self) -> int:
        """Frames discarded, for any reason."""
        return self.fcs_errors + self.short + self.long + self.aborted


class AsyncFraming:
    """Both directions of a line.

    ``max_octets``: the longest frame accepted, without FCS. ``accm``: bit n set means that control character n is
    escaped, and ignored when it arrives unescaped (the line inserted it); 0 for a transparent line.
    """

    def __init__(self, max_octets: int, accm: int = 0) -> None:
        if not 0 <= accm < 1 << 32:
            raise ValueError(f"accm {accm}: 32 bits")
        self.counters = AsyncCounters()
        self._most = max_octets + _FCS
        self._ignored = bytes(octet for octet in range(32) if accm >> octet & 1)
        escaped = {FLAG, ESCAPE, *self._ignored}
        self._codes = [
            bytes((ESCAPE, octet ^ TURN)) if octet in escaped else bytes((octet,)) for octet in range(256)
        ]
        self._held = bytearray()
        self._opened = False
        self._too_long = False

    def encode(self, frame: bytes) -> bytes:
        """The octets on the line for a frame (no FCS), with a flag on either side."""
        codes = self._codes
        return b"\x7e" + b"".join([codes[octet] for octet in with_fcs(frame)]) + b"\x7e"

    def feed(self, data: bytes) -> list[bytes]:
        """Take octets of the line; returns the good frames (without FCS) that end in them."""
        frames = []
        *ended, rest = data.translate(None, self._ignored).split(b"\x7e")
        for piece in ended:
            self._hold(piece)
            frame = self._end()
            if frame is not None:
                frames.append(frame)
        self._hold(rest)
        return frames

    def _hold(self, octets: bytes) -> None:
        if not self._opened or self._too_long:
            return
        self._held += octets
        if len(self._held) > 2 * self._most:  # every octet may be escaped
            self._too_long = True
            self._held.clear()

    def _end(self) -> bytes | None:
        """A flag: the held octets are a frame, or none."""
        held, self._held = bytes(self._held), bytearray()
        opened, too_long = self._opened, self._too_long
        self._opened, self._too_long = True, False
        counters = self.counters
        if too_long:
            counters.long += 1
            return None
        if not opened or not held:
            return None
        if held[-1] == ESCAPE:
            counters.aborted += 1
            return None
        octets = _unescaped(held)
        if len(octets) < _SHORTEST:
            counters.short += 1
        elif len(octets) > self._most:
            counters.long += 1
        elif fcs16(octets[:-_FCS]) != int.from_bytes(octets[-_FCS:], "little"):
            counters.fcs_errors += 1
        else:
            counters.good += 1
            return octets[:-_FCS]
        return None


def _unescaped(held: bytes) -> bytes:
    first, *rest = held.split(b"\x7d")
    # a second 7Dh in a row leaves an empty piece: the octets can't be right, and the FCS shows it
    return first + b"".join(bytes((piece[0] ^ TURN,)) + piece[1:] for piece in rest if piece)
