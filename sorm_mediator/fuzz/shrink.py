"""Making an input smaller for as long as it still shows the same fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator

MOST_TRIES = 3000
"""How many smaller inputs are tried for one finding (our choice)."""
_PLAIN = (0x00, 0xFF)
"""Octets that replace others, so that those which matter stand out."""


def shrunk(octets: bytes, shows: Callable[[bytes], bool], most: int = MOST_TRIES) -> bytes:
    """The smallest input found for which ``shows`` holds, as it does for ``octets``.

    Pieces are left out, the larger ones first; then each octet becomes 00h or FFh where the fault stays. ``shows`` is
    called ``most`` times at the most, so the result can be larger than it need be.
    """
    tries = iter(range(most))
    best = octets
    while True:
        before = best
        best = _without_pieces(best, shows, tries)
        best = _plainer(best, shows, tries)
        if best == before:
            return best


def _without_pieces(octets: bytes, shows: Callable[[bytes], bool], tries: Iterator[int]) -> bytes:
    size = len(octets)
    while size >= 1:
        at = 0
        while at < len(octets):
            smaller = octets[:at] + octets[at + size :]
            if next(tries, None) is None:
                return octets
            if shows(smaller):
                octets = smaller
            else:
                at += size
        size //= 2
    return octets


def _plainer(octets: bytes, shows: Callable[[bytes], bool], tries: Iterator[int]) -> bytes:
    for at in range(len(octets)):
        for plain in _PLAIN[: 1 if octets[at] == _PLAIN[1] else 2]:
            if octets[at] == plain:
                break
            other = octets[:at] + bytes((plain,)) + octets[at + 1 :]
            if next(tries, None) is None:
                return octets
            if shows(other):
                octets = other
                break
    return octets
