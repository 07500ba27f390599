"""The frame check sequence of HDLC: CRC-16/X-25 (X.25 2.2.7, ISO/IEC 13239), from the standard library's CRC.

The standard's register is reflected: octets enter least significant bit first. A timeslot carries exactly those
bits, most significant first, so over timeslot octets the same register is the plain CCITT one of
:func:`binascii.crc_hqx`, without any table of our own.
"""

from __future__ import annotations

from binascii import crc_hqx

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
