"""HDLC frames and their check sequence (FCS), in a timeslot and on an asynchronous line. No input or output.

In a timeslot: flags, zero insertion, abort, idle, FCS-16; incremental both ways (X.25 2.2, ISO/IEC 13239). On an
asynchronous line: octet by octet between flags 7Eh, FCS-16 (RFC 1662, section 4); an escaped octet has bit 6 inverted
and 7Dh before it. The FCS is CRC-16/X-25 (X.25 2.2.7): octets enter least significant bit first. A timeslot carries
exactly those bits, most significant first, so over timeslot octets the same register is the plain CCITT one of
:func:`binascii.crc_hqx`.

Octets in a timeslot are timeslot octets: the first bit on the line is the most significant, so they hold the octets of
HDLC bit-reversed. Callers pass and receive frames as HDLC octets, address first, without FCS.

Both ways work on many bits at once. The transmitter stuffs all waiting frames in one pass over unpacked bits. The
receiver holds unfinished bits as one big integer; a dozen operations mark every flag, abort and stuffed zero in it.
"""

from __future__ import annotations

from binascii import crc_hqx
from dataclasses import dataclass
from typing import Literal

import numpy as np

REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
"""For :meth:`bytes.translate`: an octet with its bits in the opposite order; its own inverse."""

INITIAL = 0xFFFF
GOOD = 0x1D0F
"""The register after a good frame and its FCS, over timeslot octets: F0B8 of the standard, mirrored."""


def fcs16(data: bytes) -> int:
    """The FCS of ``data`` (HDLC octets) as a number; it is sent low octet first. ``b"123456789"`` gives 906Eh."""
    mirrored = crc_hqx(data.translate(REVERSED), INITIAL) ^ 0xFFFF
    return REVERSED[mirrored & 0xFF] << 8 | REVERSED[mirrored >> 8]


def with_fcs(data: bytes) -> bytes:
    """``data`` (HDLC octets) and its FCS, as they go to the line."""
    return data + fcs16(data).to_bytes(2, "little")


def timeslot_order(frame: bytes) -> bytes:
    """The octets of ``frame`` and its FCS in timeslot order: first line bit most significant."""
    mirrored = frame.translate(REVERSED)
    return mirrored + (crc_hqx(mirrored, INITIAL) ^ 0xFFFF).to_bytes(2, "big")


FLAG = 0x7E
ESCAPE, TURN = 0x7D, 0x20
"""On an asynchronous line: the octet before an escaped one, and the bit inverted in that one."""
IDLE_ONES = 15
"""Ones in a row that make an idle channel (X.25 2.2.12.2)."""
ABORT_ONES = 8
"""Ones that :meth:`HdlcTransmitter.abort` sends: with up to six before them they are the 7 to 14 of an abort."""
MAX_OCTETS = 4101
"""The largest frame accepted by default: a packet of 4096 octets of data in an I frame."""

MIN_BITS = 32
"""Fewer bits between two flags are not a frame (X.25 2.2.7: invalid)."""
FCS_OCTETS = 2

_FIVE, _FIVE_AND_ZERO = b"\1" * 5, b"\1" * 5 + b"\0"
_FLAG_BITS = b"\0\1\1\1\1\1\1\0"
_MARK = b"\2"
"""A flag among unpacked bits during zero insertion: no run of ones reaches across it."""
_FEW = 4
"""The most inserted zeros for which removing them one by one from the integer is quicker than numpy."""

Fill = Literal["flags", "ones"]


@dataclass(slots=True)
class FrameCounters:
    """Counters of a receiver. It discards bad frames without an answer (X.25 2.2.7).

    ``good`` frames; ``fcs_errors``; ``short`` (under 32 bits between flags); ``long`` (over the receiver's limit);
    ``aborted`` (in a timeslot: seven ones or more in a frame; on an asynchronous line: 7Dh before the flag).
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


@dataclass(slots=True)
class HdlcCounters(FrameCounters):
    """In a timeslot also: ``unaligned`` (not a multiple of eight bits), and ``octets`` of good frames without FCS."""

    unaligned: int = 0
    octets: int = 0

    @property
    def bad(self) -> int:
        return self.fcs_errors + self.short + self.long + self.aborted + self.unaligned


MOST_WAITING = 65_536
"""Octets: eight seconds of a timeslot. Frames of a peer can be shorter than the answers to them."""


class HdlcTransmitter:
    """Frames in, timeslot octets out. One flag closes a frame and opens the next one if it already waits.

    ``fill`` is sent while no frame waits: ``flags``, or ``ones`` (an idle channel). ``limit``: octets that may
    wait. A frame beyond that is dropped and counted; the link layer repeats it if necessary.
    """

    def __init__(self, fill: Fill = "flags", *, limit: int = MOST_WAITING) -> None:
        self._fill: Fill = fill
        self.limit = limit
        self.dropped = 0
        self._waiting: list[bytes] = []
        self._waiting_octets = 0
        self._ready = b""
        """Rendered octets; the first ``_taken`` are sent."""
        self._taken = 0
        self._rest = b""
        """Unpacked bits (0..7) after ``_ready`` that don't fill an octet yet. The rendered bits end in a flag."""
        self._after_flag = False
        """Whether the line ends in a flag, so that a frame may follow at once."""

    def queue(self, frame: bytes) -> None:
        """Append ``frame`` (HDLC octets, no FCS) to the waiting frames."""
        if self.pending + len(frame) > self.limit:
            self.dropped += 1
            return
        octets = timeslot_order(frame)
        self._waiting.append(octets)
        self._waiting_octets += len(octets) + 1

    @property
    def pending(self) -> int:
        """Octets that wait. Frames that are not rendered yet count without inserted zeros."""
        return len(self._ready) - self._taken + self._waiting_octets

    def take(self, n: int) -> bytes:
        """The next ``n`` octets of the timeslot: waiting frames, then fill."""
        if self._waiting and len(self._ready) - self._taken < n:
            self._render()
        octets = self._ready[self._taken : self._taken + n]
        self._taken += len(octets)
        return octets if len(octets) == n else octets + self._filling(n - len(octets))

    def abort(self) -> None:
        """Drop all waiting frames. A frame that is partly sent ends with eight ones and a flag."""
        self._waiting, self._waiting_octets = [], 0
        if self._taken < len(self._ready):
            self._ready, self._taken, self._rest = b"", 0, b""
            self._append(b"\1" * ABORT_ONES + _FLAG_BITS)

    def _render(self) -> None:
        """Stuff all waiting frames in one pass: a zero follows every fifth one; a flag breaks a run of ones."""
        bits = np.unpackbits(np.frombuffer(b"".join(self._waiting), np.uint8)).tobytes()
        pieces, begin = [], 0
        for octets in self._waiting:
            end = begin + 8 * len(octets)
            pieces.append(bits[begin:end])
            begin = end
        self._waiting, self._waiting_octets = [], 0
        pieces.append(b"")
        marked = _MARK.join(pieces)
        if not self._after_flag:
            marked = _MARK + marked
        # Split and join pass over the bits once, bytes.replace twice.
        self._append(_FIVE_AND_ZERO.join(marked.split(_FIVE)).replace(_MARK, _FLAG_BITS))

    def _append(self, bits: bytes) -> None:
        bits = self._rest + bits
        whole = len(bits) & ~7
        packed = np.packbits(np.frombuffer(bits, np.uint8, whole)).tobytes()
        self._ready, self._taken, self._rest = self._ready[self._taken :] + packed, 0, bits[whole:]
        self._after_flag = True

    def _filling(self, n: int) -> bytes:
        """``n`` octets of fill in the present phase of the line; the number of remaining bits stays the same."""
        begun = len(self._rest)
        first = int(np.packbits(np.frombuffer(self._rest, np.uint8))[0]) if begun else 0
        if self._fill == "ones":
            self._rest, self._after_flag = b"\1" * begun, False
            return bytes((first | 0xFF >> begun,)) + b"\xff" * (n - 1)
        self._rest, self._after_flag = _FLAG_BITS[8 - begun :], True
        turned = (FLAG << 8 | FLAG) >> begun & 0xFF
        return bytes((first | FLAG >> begun,)) + bytes((turned,)) * (n - 1)


class HdlcReceiver:
    """Timeslot octets in, frames out. The octets may arrive in pieces of any size.

    ``max_octets``: the largest frame accepted, without FCS. A longer one is counted as soon as it is too long and
    skipped to the next flag, so a line without flags takes no more memory than one frame.
    """

    def __init__(self, max_octets: int = MAX_OCTETS) -> None:
        if max_octets < 2:
            raise ValueError(f"max_octets {max_octets}: the shortest frame has 2 octets")
        self.counters = HdlcCounters()
        self.idle = False
        """Whether the channel is idle: 15 ones or more in a row arrived, and no flag since."""
        self._max_bits = 8 * (max_octets + FCS_OCTETS)
        self._most_held = self._max_bits * 6 // 5 // 8 + 3
        self._held: list[bytes] = []
        """Octets from the one in which the last flag (or abort) ended."""
        self._held_octets = 0
        self._skip = 0
        """Processed bits (0..7) of the first held octet."""
        self._in_frame = False
        """Whether a flag opened the held bits. Bits after an abort are not used."""
        self._last = b""
        """The last octet: a run of ones may have begun there."""
        self._ones = 0
        """Ones in a run that continues after an abort; 0: none."""

    def feed(self, octets: bytes) -> list[bytes]:
        """Take ``octets`` of the timeslot; returns the good frames (HDLC octets without FCS) that end in them."""
        if self._ones:
            zeros = int.from_bytes(octets, "big") ^ (1 << 8 * len(octets)) - 1
            ones = 8 * len(octets) - zeros.bit_length()
            self._run(self._ones + ones)
            if not zeros:
                return []
            self._ones, self._skip, self._last = 0, ones % 8, b""
            octets = octets[ones // 8 :]
        seen = int.from_bytes(self._last + octets, "big")
        self._last = octets[-1:] or self._last
        self._held.append(octets)
        self._held_octets += len(octets)
        twos = seen & seen >> 1
        if twos & twos >> 2 & twos >> 4:
            return self._scan()
        self._bound()
        return []

    def _run(self, ones: int) -> None:
        self._ones = ones
        self.idle = self.idle or ones >= IDLE_ONES

    def _bound(self) -> None:
        """Drop bits that can't become a frame any more. Two octets hold an unfinished run of ones."""
        if self._held_octets > (self._most_held if self._in_frame else 2):
            self.counters.long += self._in_frame
            self._in_frame = False
            self._hold(b"".join(self._held)[-2:], 0)

    def _hold(self, octets: bytes, skip: int) -> None:
        self._held, self._held_octets, self._skip = [octets], len(octets), skip

    def _scan(self) -> list[bytes]:
        """Find every flag and abort in the held bits. The bits between two flags are a frame.

        In these integers the first bit of the line is the highest one, so ``x >> 1`` lays each bit over the next.
        """
        octets = b"".join(self._held)
        bits = 8 * len(octets)
        x = int.from_bytes(octets, "big") & (1 << bits - self._skip) - 1
        twos = x & x >> 1
        fours = twos & twos >> 2
        fives = fours & x >> 4
        stuffed = fives >> 1 & ~x
        # Each run of six ones or more, by the place of its sixth. The bits after the last one are not known yet.
        runs = (fives & x >> 5 & ~(x >> 6)) & ~1
        flags = runs & ~(x << 1)
        # Time fill: consecutive flags, with separate or shared zeros, have no bits between them.
        follows = flags & (flags >> 8 | flags >> 7)
        marks = runs & ~(follows & (flags << 8 | flags << 7))
        frames: list[bytes] = []
        begin = bits - self._skip
        while marks:
            sixth = marks.bit_length() - 1
            mark = 1 << sixth
            marks ^= mark
            if flags & mark:
                size = begin - sixth - 8
                if size > 0 and self._in_frame and not follows & mark:
                    inside = (1 << size) - 1
                    frame = self._frame(x >> sixth + 7 & inside, stuffed >> sixth + 7 & inside, size)
                    if frame is not None:
                        frames.append(frame)
                begin, self._in_frame, self.idle = sixth, True, False
                continue
            self.counters.aborted += self._in_frame and begin - sixth > 7
            self._in_frame = False
            begin = (~x & mark - 1).bit_length()
            self._run(sixth + 6 - begin)
            if begin:
                self._ones = 0
        if self._ones:
            self._held, self._held_octets = [], 0
            return frames
        done = bits - begin
        self._hold(octets[done // 8 :], done % 8)
        self._bound()
        return frames

    def _frame(self, bits: int, stuffed: int, size: int) -> bytes | None:
        """The frame in ``size`` line bits; those marked in ``stuffed`` are inserted zeros. None: a bad frame."""
        inserted = stuffed.bit_count()
        length = size - inserted
        counters = self.counters
        if length < MIN_BITS:
            counters.short += 1
            return None
        if length > self._max_bits:
            counters.long += 1
            return None
        if length & 7:
            counters.unaligned += 1
            return None
        if inserted <= _FEW:
            while stuffed:
                place = stuffed.bit_length() - 1
                stuffed ^= 1 << place
                bits = bits >> place + 1 << place | bits & (1 << place) - 1
            octets = bits.to_bytes(length >> 3, "big")
        else:
            # Both integers are unpacked together.
            pad, whole = -size % 8, size + 7 >> 3
            kept = ((1 << size) - 1 ^ stuffed) << pad
            both = (bits << pad).to_bytes(whole, "big") + kept.to_bytes(whole, "big")
            spread = np.unpackbits(np.frombuffer(both, np.uint8))
            octets = np.packbits(spread[: 8 * whole][spread[8 * whole :].view(np.bool_)]).tobytes()
        if crc_hqx(octets, INITIAL) != GOOD:
            counters.fcs_errors += 1
            return None
        counters.good += 1
        counters.octets += len(octets) - FCS_OCTETS
        return octets[:-FCS_OCTETS].translate(REVERSED)


class AsyncFraming:
    """Both directions of a line.

    ``max_octets``: the longest frame accepted, without FCS. ``accm``: bit n set means that control character n is
    escaped, and ignored when it arrives unescaped (the line inserted it); 0 for a transparent line.
    """

    def __init__(self, max_octets: int, accm: int = 0) -> None:
        if not 0 <= accm < 1 << 32:
            raise ValueError(f"accm {accm}: 32 bits")
        self.counters = FrameCounters()
        self._most = max_octets + FCS_OCTETS
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
        if 8 * len(octets) < MIN_BITS:
            counters.short += 1
        elif len(octets) > self._most:
            counters.long += 1
        elif fcs16(octets[:-FCS_OCTETS]) != int.from_bytes(octets[-FCS_OCTETS:], "little"):
            counters.fcs_errors += 1
        else:
            counters.good += 1
            return octets[:-FCS_OCTETS]
        return None


def _unescaped(held: bytes) -> bytes:
    first, *rest = held.split(b"\x7d")
    # a second 7Dh in a row leaves an empty piece: the octets can't be right, and the FCS shows it
    return first + b"".join(bytes((piece[0] ^ TURN,)) + piece[1:] for piece in rest if piece)
