"""Frames of an E1 stream (ITU-T G.704, G.706): CRC-4, timeslot 0, the sending side, the search for alignment.

Frames alternate: even ones begin with FAS (C/Si 0011011), odd ones with NFAS (Si/M/E 1 A Sa4..Sa8). With CRC-4 sixteen
of them are a multiframe whose bit 1 carries C1..C4, the alignment signal 001011 and E1, E2 (G.704 2.3).

A submultiframe (SMF) is 8 frames of 32 octets. Its check value is the remainder by x^4 + x + 1 of its 2048 bits in
line order, its own C bits (bit 1 of the even frames) taken as 0, start value 0, nothing inverted; C1 is the most
significant of the four bits. It travels in the *next* SMF (G.704 2.3.3). The remainder is linear in the bits, so each
of its four bits is the parity of the SMF under a mask. The masks leave the C bits out, so nothing has to be cleared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SMF_FRAMES = 8
SMF_OCTETS = SMF_FRAMES * 32
_BITS = SMF_OCTETS * 8

Octets = NDArray[np.uint8]


def _masks() -> NDArray[np.uint64]:
    """The four parity masks, one a row, as 32 words: the weight of each bit is a power of x modulo the polynomial."""
    weights = np.zeros((4, _BITS), dtype=np.uint8)
    weight = 0b0011  # x^4: the last bit of the SMF, before the four places of the remainder
    for position in reversed(range(_BITS)):
        for row in range(4):
            weights[row, position] = weight >> (3 - row) & 1
        weight <<= 1
        if weight & 0b10000:
            weight ^= 0b10011
    weights[:, 0 : _BITS : 2 * 256] = 0
    return np.packbits(weights, axis=1).view(np.uint64)


_MASKS = _masks()
_PLACES = np.array([8, 4, 2, 1], dtype=np.uint8)
C_BITS: Octets = np.array(
    [[(value >> (3 - row) & 1) << 7 for row in range(4)] for value in range(16)], np.uint8
)
"""C1..C4 of every check value as bit 1 (80h or 0) of frames 0, 2, 4, 6 of an SMF."""


def crc4(smfs: Octets) -> Octets:
    """The check values (0..15) of whole SMFs: a contiguous array of n * 256 octets in, n values out."""
    words = smfs.reshape(-1, 1, SMF_OCTETS).view(np.uint64)
    parity: Octets = np.bitwise_count(np.bitwise_xor.reduce(words & _MASKS, axis=2)) & np.uint8(1)
    return parity @ _PLACES


def carried(ts0: Octets) -> Octets:
    """The check values in the C bits of whole SMFs, given timeslot 0 of their frames (n * 8 octets)."""
    bits: Octets = ts0.reshape(-1, 4, 2)[:, :, 0] >> np.uint8(7)
    return bits @ _PLACES


# --- timeslot 0 -----------------------------------------------------------------------------------------------------


TIMESLOTS = 32
MULTIFRAME = 16
FAS, FAS_MASK = 0x1B, 0x7F
NFAS, REMOTE_ALARM = 0x40, 0x20
"""Bit 2 of the odd frames, always 1, and A."""
BIT_1 = 0x80
MULTIFRAME_SIGNAL = 0b001011
"""The alignment signal, in bit 1 of frames 1, 3, 5, 7, 9, 11."""
E_FRAMES = (13, 15)
"""Frames whose bit 1 reports SMF I and SMF II as received: 0 = errored."""
BATCH = 2048
"""The most frames processed at once."""


def pattern(crc4: bool, remote_alarm: bool) -> Octets:
    """Timeslot 0 of frames 0..15, repeated over a batch from any phase: C bits 0, E bits and Sa bits 1."""
    nfas = 0x5F | (REMOTE_ALARM if remote_alarm else 0)
    bit_1 = [0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1] if crc4 else [1] * MULTIFRAME
    octets = [(nfas if frame & 1 else FAS) | bit_1[frame] << 7 for frame in range(MULTIFRAME)]
    return np.tile(np.array(octets, np.uint8), BATCH // MULTIFRAME + 2)


def mux(timeslots: Octets) -> Octets:
    """Frames, one a row, of 32 timeslots, one a row: shape (32, n) in, (n, 32) out, contiguous."""
    return np.ascontiguousarray(timeslots.T)


def demux(frames: Octets) -> Octets:
    """Timeslots, one a row, of frames, one a row: shape (n, 32) in, (32, n) out, contiguous."""
    return np.ascontiguousarray(frames.T)


class FrameTransmitter:
    """Fills timeslot 0 of frames. The line receives whole frames, the first bit in the most significant place."""

    __slots__ = ("_aligned", "_check", "_crc4", "_errored", "_frame", "_patterns", "_smf")

    def __init__(self, crc4: bool = True) -> None:
        self._crc4 = crc4
        self._patterns = (pattern(crc4, remote_alarm=False), pattern(crc4, remote_alarm=True))
        self._frame = 0
        self._smf = np.zeros((SMF_FRAMES, TIMESLOTS), np.uint8)
        self._check = 0
        self._aligned = False
        self._errored = [0, 0]

    def set_e_bits(self, aligned: bool, errored: Sequence[int] = (0, 0)) -> None:
        """Set the reports of E1 and E2 to the far end.

        Not ``aligned`` (our receiver lacks frame or multiframe alignment): both 0. Otherwise 1, and 0 once for
        each of the further ``errored`` SMFs I and II, one multiframe after the other.
        """
        self._aligned = aligned
        self._errored = [a + b for a, b in zip(self._errored, errored, strict=True)] if aligned else [0, 0]

    def frames(self, timeslots: Octets, remote_alarm: bool = False) -> bytes:
        """Octets for the line, from frames of shape (n, 32). Timeslot 0 of the input is ignored."""
        if len(timeslots) > BATCH:
            cuts = range(0, len(timeslots), BATCH)
            return b"".join(self.frames(timeslots[cut : cut + BATCH], remote_alarm) for cut in cuts)
        first, count = self._frame, len(timeslots)
        self._frame = (first + count) % MULTIFRAME
        begun = first % SMF_FRAMES
        joined = np.concatenate((self._smf[:begun], timeslots))
        sent = joined[begun:]
        sent[:, 0] = self._patterns[remote_alarm][first : first + count]
        if self._crc4:
            self._fill_e_bits(sent, first)
            whole = len(joined) // SMF_FRAMES
            checks = np.empty(whole + 1, np.uint8)
            checks[0] = self._check
            checks[1:] = crc4(joined[: whole * SMF_FRAMES])
            even = joined[0::2]
            even[:, 0] |= C_BITS[checks].ravel()[: len(even)]
            self._check = checks[whole]
            rest = joined[whole * SMF_FRAMES :]
            self._smf[: len(rest)] = rest
        return sent.tobytes()

    def _fill_e_bits(self, sent: Octets, first: int) -> None:
        if self._aligned and not any(self._errored):
            return
        for half, frame in enumerate(E_FRAMES):
            places = sent[(frame - first) % MULTIFRAME :: MULTIFRAME, 0]
            zeros = min(len(places), self._errored[half]) if self._aligned else len(places)
            places[:zeros] &= BIT_1 ^ 0xFF
            if self._aligned:
                self._errored[half] -= zeros


def search_bits(double_frames: int = 1) -> int:
    """The number of bits that :func:`search` needs to check one place."""
    return double_frames * 512 + 8


def search(bits: Octets, double_frames: int = 1) -> int | None:
    """The first bit at which frames may begin: FAS there, bit 2 = 1 in the next frame, FAS in the one after.

    The pattern must continue for ``double_frames``. Every place with enough bits after it (:func:`search_bits`) is
    tried.
    Source: ITU-T G.706 4.1.2.
    """
    places = len(bits) - search_bits(double_frames) + 1
    if places <= 0:
        return None
    found = np.ones(places, np.bool_)
    for start in range(0, 512 * (double_frames + 1), 512):
        for bit in range(7):
            found &= bits[start + 1 + bit :][:places] == (FAS >> (6 - bit) & 1)
        if start:
            found &= bits[start - 256 + 1 :][:places] == 1
    first = int(found.argmax())
    return first if found[first] else None


def _shift_register() -> tuple[int, ...]:
    """Bit 1 of the six NFAS before each frame of an errorless multiframe, as a shift register holds them."""
    ones = {5, 9, 11, 13, 15}
    odd = [frame for frame in range(-MULTIFRAME, MULTIFRAME) if frame & 1]
    register = []
    for frame in range(MULTIFRAME):
        last = [n for n in odd if n < frame][-6:]
        register.append(sum((n % MULTIFRAME in ones) << (5 - place) for place, n in enumerate(last)))
    return tuple(register)


SHIFT_REGISTER = _shift_register()
