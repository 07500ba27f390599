"""LAPB frames, modulo 8, without FCS (X.25 2.3), and the window of I frames that wait for their acknowledgement.

The window has the variables V(A) and V(S) (X.25 2.4.5).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from e1.lapb.config import LapbConfig

MODULUS = 8


class Window:
    """The sending side: first the I frames that are out, then those that wait. At most ``k`` are out."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._queue: deque[bytes] = deque()
        self._va = 0
        self.out = 0
        """V(S) - V(A): I frames that wait for an acknowledgement."""
        self.most_out = 0
        """The highest value of ``out``; it is more than ``out`` after going back. The peer may acknowledge so
        many."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def vs(self) -> int:
        """V(S): the number of the I frame that is sent next."""
        return (self._va + self.out) % MODULUS

    @property
    def open(self) -> bool:
        """Whether an I frame waits and may be sent."""
        return self.out < min(len(self._queue), self._k)

    def append(self, data: bytes) -> None:
        """Append the information of an I frame."""
        self._queue.append(data)

    def take(self) -> tuple[int, bytes, bool]:
        """The next I frame: N(S), information, and whether it was out before. V(S) goes up."""
        ns, data, again = self.vs, self._queue[self.out], self.out < self.most_out
        self.out += 1
        self.most_out = max(self.most_out, self.out)
        return ns, data, again

    def valid(self, nr: int) -> bool:
        """Whether N(R) acknowledges only I frames that were out."""
        return (nr - self._va) % MODULUS <= self.most_out

    def acknowledge(self, nr: int) -> int:
        """V(A) := a valid N(R); returns the number of I frames that it acknowledges."""
        done = (nr - self._va) % MODULUS
        for _ in range(done):
            self._queue.popleft()
        self._va = nr
        self.most_out -= done
        self.out = max(self.out - done, 0)
        return done

    def go_back(self) -> None:
        """V(S) := V(A): the I frames that are out are sent again."""
        self.out = 0

    def zero(self) -> None:
        """V(A) and V(S) := 0; the queue stays."""
        self._va = self.out = self.most_out = 0

    def drop(self) -> int:
        """Drop the queue; returns its length."""
        lost = len(self._queue)
        self._queue.clear()
        self.out = self.most_out = 0
        return lost


class Kind(StrEnum):
    """The meaning of a control field."""

    I = "I"  # noqa: E741 - the frame's name in X.25
    RR = "RR"
    RNR = "RNR"
    REJ = "REJ"
    SABM = "SABM"
    SABME = "SABME"
    DISC = "DISC"
    DM = "DM"
    UA = "UA"
    FRMR = "FRMR"
    UNDEFINED = "undefined"


SUPERVISORY = {0x01: Kind.RR, 0x05: Kind.RNR, 0x09: Kind.REJ}
UNNUMBERED = {
    0x2F: Kind.SABM,
    0x6F: Kind.SABME,
    0x43: Kind.DISC,
    0x0F: Kind.DM,
    0x63: Kind.UA,
    0x87: Kind.FRMR,
}
CONTROL = {kind: base for base, kind in (SUPERVISORY | UNNUMBERED).items()}
COMMANDS = frozenset({Kind.I, Kind.SABM, Kind.SABME, Kind.DISC})
"""Never a response."""
RESPONSES = frozenset({Kind.DM, Kind.UA, Kind.FRMR})
"""Never a command: 0Fh as a command would be SARM of the older LAP, which is undefined here."""
NUMBERED = frozenset({Kind.I, Kind.RR, Kind.RNR, Kind.REJ})
"""Frames that carry N(R)."""

POLL_FINAL = 0x10
W, X, Y, Z = 0x01, 0x02, 0x04, 0x08
"""Bits of the third octet of FRMR."""
FRMR_BITS = {
    W: "control field undefined or not implemented",
    X: "information where none is allowed, or a frame of wrong length",
    Y: "information longer than N1 allows",
    Z: "invalid N(R)",
}
FRMR_OCTETS = 3


@dataclass(slots=True)
class Frame:
    """A frame as it was received. ``pf``: the P bit of a command, the F bit of a response."""

    kind: Kind
    command: bool
    pf: bool
    ns: int
    nr: int
    control: int
    data: bytes


def parse(raw: bytes, config: LapbConfig) -> Frame | None:
    """The frame in ``raw``, read by the end with ``config``. None if it is too short or has another
    address."""
    if len(raw) < 2 or raw[0] not in (config.command_address, config.response_address):
        return None
    control = raw[1]
    if not control & 1:
        kind = Kind.I
    elif not control & 2:
        kind = SUPERVISORY.get(control & 0x0F, Kind.UNDEFINED)
    else:
        kind = UNNUMBERED.get(control & ~POLL_FINAL & 0xFF, Kind.UNDEFINED)
    command = raw[0] == config.response_address
    return Frame(kind, command, bool(control & POLL_FINAL), control >> 1 & 7, control >> 5, control, raw[2:])


def information(address: int, ns: int, nr: int, *, poll: bool, data: bytes) -> bytes:
    """An I frame."""
    return bytes((address, nr << 5 | poll << 4 | ns << 1)) + data


def supervisory(address: int, kind: Kind, nr: int, *, pf: bool) -> bytes:
    """RR, RNR or REJ."""
    return bytes((address, nr << 5 | pf << 4 | CONTROL[kind]))


def unnumbered(address: int, kind: Kind, *, pf: bool, data: bytes = b"") -> bytes:
    """A frame without numbers; ``data`` in FRMR only."""
    return bytes((address, CONTROL[kind] | pf << 4)) + data


def frmr_octets(rejected: Frame, vr: int, vs: int, bits: int) -> bytes:
    """The information of FRMR about ``rejected`` (X.25 2.3)."""
    return bytes((rejected.control, vr << 5 | (not rejected.command) << 4 | vs << 1, bits))


def frmr_text(data: bytes) -> str:
    """The three octets of FRMR in words."""
    control, variables, bits = data
    why = [text for bit, text in FRMR_BITS.items() if bits & bit] or ["no reason given"]
    sort = "response" if variables & POLL_FINAL else "command"
    numbers = f"V(R)={variables >> 5} V(S)={variables >> 1 & 7}"
    return f"control field {control:02X}h of a {sort} rejected at {numbers}: {'; '.join(why)}"
