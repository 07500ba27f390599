"""The user data of X.25 packets: in LAPB frames of an E1 timeslot, and in XOT (X.25 over TCP, RFC 1613).

Only reading, for captures; no state machine of either layer is needed for that.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.language import Phrase
from sorm_mediator.capture.events import Flow

LINKTYPE_USER0 = 147
"""What captures of a timeslot use."""
LINKTYPE_LAPB_WITH_DIRECTION = 207
LINKTYPES_LAPB = (LINKTYPE_USER0, LINKTYPE_LAPB_WITH_DIRECTION)
XOT_PORT = 1998
_XOT_HEADER = 4


def packet_data(packet: bytes) -> tuple[int, bytes] | None:
    """Logical channel and user data of a data packet; nothing for any other packet (X.25 clause 12.4)."""
    if len(packet) < 3:
        return None
    modulo = packet[0] >> 4 & 3  # of the general format identifier: 01 modulo 8, 10 modulo 128
    if packet[2] & 1 or modulo not in (1, 2):
        return None
    return (packet[0] & 0xF) << 8 | packet[1], packet[2 + modulo :]


class LapbFrames:
    """One direction of a LAPB link: gives the packet of every new I frame (modulo 8, X.25 clause 2.3)."""

    def __init__(self) -> None:
        self._recent: dict[int, bytes] = {}  # N(S) -> packet, of the last seven

    def packet(self, frame: bytes) -> bytes | None:
        """The packet in an I frame that does not repeat one of the seven before, which may be unacknowledged."""
        if len(frame) < 2 or frame[0] not in (1, 3):
            return None
        control = frame[1]
        if control & 1:
            if control & 3 == 3:  # unnumbered: set-up or end of the link, numbering begins anew
                self._recent.clear()
            return None
        number, packet = control >> 1 & 7, frame[2:]
        if self._recent.get(number) == packet:
            return None
        self._recent[number] = packet
        self._recent.pop((number + 1) % 8, None)
        return packet


class XotRecords:
    """Cuts the TCP stream of XOT into X.25 packets; bounded, since a record is at most 65,535 octets."""

    def __init__(self) -> None:
        self._buffer = b""
        self._broken = False
        self.problem: str = ""
        """Why the rest of the stream isn't read; whoever reports it empties it."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The packets that are complete now; nothing after octets that can't be XOT's header (version 0)."""
        if self._broken:
            return
        data = self._buffer + data
        self._buffer = b""
        start = 0  # not cut off record by record: a segment may hold very many
        while len(data) - start >= _XOT_HEADER:
            if data[start : start + 2] != b"\0\0":
                self._broken = True
                self.problem = Phrase(
                    "no X.25 over TCP from here on, the rest is not read",
                    "дальше не X.25 поверх TCP, остальное не прочитано",
                )
                return
            body = start + _XOT_HEADER
            end = body + int.from_bytes(data[start + 2 : body])
            if len(data) < end:
                break
            start = end
            yield data[body:end]
        self._buffer = data[start:]

    def reset(self) -> None:
        """Octets were lost: where the next record begins can't be known."""
        self._buffer = b""
        self._broken = True


def is_xot(flow: Flow) -> bool:
    """Whether a flow is on the port of XOT."""
    port = f":{XOT_PORT}"
    return flow.transport == "tcp" and (flow.source.endswith(port) or flow.destination.endswith(port))
