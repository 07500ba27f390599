"""The text of 2Ch in its codings: written, read, and split over messages.

The order rules where header and content of a telecommunication message stand (order 268, 9.12.4.16) and that a content
over 245 octets goes on in further messages (8.3). It does not rule the coding: that is the option ``message_text``.

========== =====================================================================================
``utf-8``  RFC 3629; the default, our choice
``gsm7``   the default alphabet and its extension table of 3GPP TS 23.038, 6.2.1 and 6.2.1.1, packed
           as in 6.1.2.3.1: a last septet that is all padding is <CR>, for a zero there would be @
``ucs2``   16 bits a character, high octet first; a character beyond them is a UTF-16 pair (RFC 2781)
``cp1251`` Windows-1251
========== =====================================================================================

A character that a coding lacks becomes ``?``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

from protocol.codes import MESSAGE_TEXT_OCTETS, MessageCoding

CODINGS: Final[tuple[MessageCoding, ...]] = get_args(MessageCoding)
DEFAULT_CODING: Final[MessageCoding] = "utf-8"
SMALLEST_LIMIT: Final = 7
"""Octets of a part that have room for any one character in every coding, and for eight septets."""

_PYTHON: dict[str, str] = {"utf-8": "utf-8", "ucs2": "utf-16-be", "cp1251": "cp1251"}

_ESCAPE = 0x1B
_CR = 0x0D
_UNKNOWN = "\ufffd"
# 3GPP TS 23.038, 6.2.1: sixteen septets a line. 1Bh is the escape to the extension table.
_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
# 3GPP TS 23.038, 6.2.1.1.
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_SEPTETS = {character: (septet,) for septet, character in enumerate(_ALPHABET) if septet != _ESCAPE} | {
    character: (_ESCAPE, septet) for septet, character in _EXTENSION.items()
}


def encode_message_text(text: str, coding: MessageCoding) -> bytes:
    """``text`` as octets; ``?`` for what ``coding`` lacks. Raises :class:`ValueError` for an unknown coding."""
    _known(coding)
    if coding == "gsm7":
        question = _SEPTETS["?"]
        return _pack([septet for character in text for septet in _SEPTETS.get(character, question)])
    return text.encode(_PYTHON[coding], "replace")


def decode_message_text(octets: bytes, coding: MessageCoding) -> str:
    """``octets`` as text; U+FFFD for what is no character. Raises :class:`ValueError` for an unknown coding alone."""
    _known(coding)
    if coding != "gsm7":
        return bytes(octets).decode(_PYTHON[coding], "replace")
    characters = []
    escaped = False
    septets = _unpack(octets)
    if septets and len(septets) % 8 == 0 and septets[-1] == _CR:
        septets.pop()  # padding
    for septet in septets:
        if escaped:
            characters.append(_EXTENSION.get(septet, _UNKNOWN))
            escaped = False
        elif septet == _ESCAPE:
            escaped = True
        else:
            characters.append(_ALPHABET[septet])
    return "".join(characters) + _UNKNOWN * escaped


def split_message_text(
    octets: bytes, coding: MessageCoding, limit: int = MESSAGE_TEXT_OCTETS
) -> tuple[bytes, ...]:
    """``octets`` in parts of at most ``limit``, each of which can be read by itself; joined they are ``octets``.

    No part ends inside a character. The one exception is ``gsm7``, whose parts are of whole septets, eight in seven
    octets: when every eighth septet of a part is an escape, one of its two septets goes into the next part. Octets
    that are no text in ``coding`` are split all the same, anywhere. Nothing is one empty part. Raises
    :class:`ValueError` for an unknown coding or a limit below :data:`SMALLEST_LIMIT`.
    """
    _known(coding)
    if limit < SMALLEST_LIMIT:
        raise ValueError(f"limit: {limit!r} is below {SMALLEST_LIMIT}")
    octets = bytes(octets)
    parts = []
    at = 0
    while len(octets) - at > limit:
        end = _CUTS[coding](octets, at, at + limit)
        parts.append(octets[at:end])
        at = end
    return (*parts, octets[at:])


def _known(coding: str) -> None:
    if coding not in CODINGS:
        raise ValueError(f"coding: {coding!r} is none of {', '.join(map(repr, CODINGS))}")


# --- where a part may end: from ``at`` to ``end`` at most


def _cut_utf8(octets: bytes, at: int, end: int) -> int:
    for cut in range(end, max(at, end - 4), -1):
        if octets[cut] & 0xC0 != 0x80:  # a character begins here
            return cut
    return end


def _cut_ucs2(octets: bytes, at: int, end: int) -> int:
    end -= (end - at) % 2
    is_high, is_low = octets[end - 2] & 0xFC == 0xD8, octets[end] & 0xFC == 0xDC
    return end - 2 if is_high and is_low and end - 2 > at else end


def _cut_gsm7(octets: bytes, at: int, end: int) -> int:
    """Eight septets are seven octets. A <CR> before the end of those would be taken for padding (6.1.2.3.1)."""
    last = end - (end - at) % 7
    septets = _unpack(octets[at:last])
    whole = 0
    for cut in range(last, at, -7):
        part = septets[: (cut - at) // 7 * 8]
        escapes = 0
        while escapes < len(part) and part[-1 - escapes] == _ESCAPE:
            escapes += 1
        if escapes % 2:
            continue  # the septet after the escape belongs to it
        if part[-1] != _CR:
            return cut
        whole = whole or cut
    return whole or last


_CUTS: dict[str, Callable[[bytes, int, int], int]] = {
    "utf-8": _cut_utf8,
    "gsm7": _cut_gsm7,
    "ucs2": _cut_ucs2,
    "cp1251": lambda octets, at, end: end,  # anywhere
}


# --- septets


def _pack(septets: list[int]) -> bytes:
    """The first septet lies in the low bits of the first octet (3GPP TS 23.038, 6.1.2.3.1)."""
    if len(septets) % 8 == 7 or (septets and len(septets) % 8 == 0 and septets[-1] == _CR):
        septets = [*septets, _CR]
    bits = sum(septet << 7 * place for place, septet in enumerate(septets))
    return bits.to_bytes(-(-7 * len(septets) // 8), "little")


def _unpack(octets: bytes) -> list[int]:
    bits = int.from_bytes(octets, "little")
    return [bits >> 7 * place & 0x7F for place in range(len(octets) * 8 // 7)]
