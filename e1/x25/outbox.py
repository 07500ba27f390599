"""The messages that a circuit sends, cut into packets, until the peer has acknowledged them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from itertools import islice
from typing import Final

COUNTS = 16
"""Counts of delivered messages are sent modulo this: more than the 7 packets that can be on the way."""
FIRST_COUNT = 0x80
"""Diagnostics 80h..8Fh of a Restart carry a count: neither X.25 nor ISO 8208 gives these codes a meaning."""


class Outbox:
    """Messages in order. All packets of the first ``whole`` are sent, and perhaps some of the next one."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._offset = 0
        # on the way: last of its message? number of the packet on the link
        self._flight: deque[tuple[bool, int]] = deque()
        self.whole = 0

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def in_flight(self) -> int:
        """Packets that are sent and not acknowledged."""
        return len(self._flight)

    @property
    def has_segment(self) -> bool:
        """Whether a packet is left to send."""
        return self.whole < len(self._messages)

    def add(self, message: bytes) -> None:
        """Append a message."""
        self._messages.append(message)

    def segment(self, size: int, number: int) -> tuple[bytes, bool]:
        """The user data of the next packet, of up to ``size`` octets, and its M bit (X.25 4.3).

        ``number`` counts all packets that are handed to the link.
        """
        message = self._messages[self.whole]
        data = message[self._offset : self._offset + size]
        self._offset += len(data)
        last = self._offset == len(message)
        self._flight.append((last, number))
        if last:
            self.whole, self._offset = self.whole + 1, 0
        return data, not last

    def acknowledge(self, packets: int) -> int:
        """The oldest ``packets`` have arrived. Returns how many messages this completes."""
        messages = sum(self._flight.popleft()[0] for _ in range(packets))
        self.take_whole(messages)
        return messages

    def numbered_up_to(self, number: int) -> int:
        """How many packets on the way have at most this number."""
        return sum(each <= number for _, each in self._flight)

    def rewind(self) -> None:
        """Send all unacknowledged messages again, each from its beginning."""
        self._flight.clear()
        self.whole = self._offset = 0

    def messages_among(self, packets: int) -> int:
        """How many messages end within the oldest ``packets`` on the way."""
        return sum(last for last, _ in islice(self._flight, packets))

    def take_whole(self, messages: int) -> list[bytes]:
        """Take out the oldest ``messages`` (up to ``whole``). If their packets are out, :meth:`rewind` follows."""
        taken = [self._messages.popleft() for _ in range(messages)]
        self.whole -= messages
        return taken

    def take_unsent(self) -> list[bytes]:
        """Take out the messages of which no part was sent."""
        keep = self.whole + (1 if self._offset else 0)
        taken = list(islice(self._messages, keep, None))
        while len(self._messages) > keep:
            self._messages.pop()
        return taken


class Agreement(StrEnum):
    """Whether both ends count from the same message."""

    NONE = "no agreement"
    """Our count has no meaning for the peer: this end has just started, or gave up a message in doubt."""
    OFFERED = "offered"
    """Both counts began at 0 with the last Restart, if the peer got ours."""
    KNOWN = "known"
    """The peer has sent something after that Restart, so it got ours."""


class AgreementInput(StrEnum):
    """Input of the counts."""

    RESTARTED = "Restart with count 0"
    HEARD = "packet after the Restart"
    """A peer sends it only when it has our Restart."""
    LOST = "message given up in doubt"
    """The message may have arrived, so the counts no longer agree."""


AGREEMENT_TABLE: Final[Mapping[tuple[Agreement, AgreementInput], Agreement]] = {
    (Agreement.OFFERED, AgreementInput.HEARD): Agreement.KNOWN,
    **{(state, AgreementInput.RESTARTED): Agreement.OFFERED for state in Agreement},
    **{(state, AgreementInput.LOST): Agreement.NONE for state in Agreement},
}
"""Other packets change nothing."""


class Numbering:
    """How many messages arrived, sent to the peer in the diagnostic of the Restart after a link loss.

    X.25 loses data on a Restart and does not report which. Two ends of this product do, so no message is
    lost or repeated; other equipment receives a diagnostic without a meaning.
    """

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._agreement = Agreement.NONE
        self.delivered = 0
        """Messages handed up."""
        self.acknowledged = 0
        """Messages that the peer has acknowledged."""

    @property
    def diagnostic(self) -> int:
        """The diagnostic of our Restart: the count, or 0 to begin counting."""
        if not self._enabled or self._agreement is not Agreement.KNOWN:
            return 0
        return FIRST_COUNT + self.delivered % COUNTS

    def note(self, what: AgreementInput) -> None:
        """Apply a row of :data:`AGREEMENT_TABLE`."""
        self._agreement = AGREEMENT_TABLE.get((self._agreement, what), self._agreement)

    def arrived(self, diagnostic: int | None, whole: int) -> int | None:
        """How many of ``whole`` unacknowledged messages had arrived, by the peer's Restart. None: unknown."""
        if not self._enabled or self._agreement is not Agreement.KNOWN or diagnostic is None:
            return None
        if not FIRST_COUNT <= diagnostic < FIRST_COUNT + COUNTS:
            return None
        messages = (diagnostic - FIRST_COUNT - self.acknowledged) % COUNTS
        return messages if messages <= whole else None

    def restarted(self, *diagnostics: int) -> None:
        """A Restart is done. ``diagnostics``: those of the Restarts that were sent and received for it."""
        if 0 in diagnostics:
            self.note(AgreementInput.RESTARTED)
            self.delivered = self.acknowledged = 0
