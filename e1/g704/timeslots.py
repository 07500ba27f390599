"""Where a KSL lies in a 2048 kbit/s stream: KSL 1..15 in timeslots 1..15, KSL 16..28 in 17..29.

Source: order 268, 6.4.5, tables 1 and 2.
Timeslot 0 carries alignment, 16 is skipped, 30 and 31 carry the data channels.
"""

from __future__ import annotations

from collections.abc import Sequence

KSL_PER_STREAM = 28
KSL_TIMESLOTS = (*range(1, 16), *range(17, 30))
"""Timeslots of KSL 1..28. Another map is an option of a stream (some equipment may count otherwise)."""


def timeslot_of_ksl(ksl: int, timeslots: Sequence[int] = KSL_TIMESLOTS) -> int:
    """The timeslot of KSL ``ksl`` (1..28). Raises :class:`ValueError` outside that range."""
    if not 1 <= ksl <= KSL_PER_STREAM:
        raise ValueError(f"KSL {ksl}: a stream has KSL 1..{KSL_PER_STREAM}")
    return timeslots[ksl - 1]


def check_ksl_timeslots(timeslots: Sequence[int]) -> None:
    """Raises :class:`ValueError` unless each KSL has a timeslot of its own."""
    if len(timeslots) != KSL_PER_STREAM:
        raise ValueError(
            f"ksl_timeslots has {len(timeslots)} of them: one for each of KSL 1..{KSL_PER_STREAM}"
        )
    for ksl, slot in enumerate(timeslots, 1):
        if not 1 <= slot <= 31 or slot in timeslots[: ksl - 1]:
            raise ValueError(f"ksl_timeslots: KSL {ksl} in timeslot {slot}: another one of 1..31 for each")
