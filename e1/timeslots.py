"""Where a KSL lies in a 2048 kbit/s stream: KSL 1..15 in timeslots 1..15, KSL 16..28 in 17..29.

Source: PROTOCOL 1.2 (order I, former table 2, for 15..28; 1..14 inferred from the table's start).
Timeslot 0 carries alignment, 16 is skipped, 30 and 31 carry the data channels.
"""

from __future__ import annotations

KSL_PER_STREAM = 28


def timeslot_of_ksl(ksl: int) -> int:
    """The timeslot (1..15, 17..29) of KSL ``ksl`` (1..28). Raises :class:`ValueError` outside that range."""
    if not 1 <= ksl <= KSL_PER_STREAM:
        raise ValueError(f"KSL {ksl}: a stream has KSL 1..{KSL_PER_STREAM}")
    return ksl if ksl <= 15 else ksl + 1


def ksl_of_timeslot(timeslot: int) -> int | None:
    """The KSL in ``timeslot`` (0..31), or None for 0, 16, 30 and 31, which carry no speech."""
    if 1 <= timeslot <= 15:
        return timeslot
    if 17 <= timeslot <= 29:
        return timeslot - 1
    return None
