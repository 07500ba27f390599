"""Settings of a LAPB link (X.25 2.4.8), with the differences of real peers such as Linux; its effects and counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Annotated, Literal

from e1.events import ChannelAlarm
from e1.settings import Range, check

Role = Literal["dte", "dce"]

ADDRESS_A, ADDRESS_B = 0x03, 0x01
OVERHEAD = 4
"""Octets of an I frame that are not its information: address, control, FCS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LapbConfig:
    """One end of a link. Times in seconds. Defaults: X.25, at 64 kbit/s.

    Raises :class:`ValueError`, which names the field, for values that no link can have.
    """

    role: Role = "dte"
    """Side of X.25 that this end takes. DTE: sends commands with address 1, receives them with 3; DCE: the reverse."""
    k: Annotated[int, Range(1, 7)] = 7
    """I frames that may be unacknowledged, 1..7."""
    n1: Annotated[int, Range(OVERHEAD + 1)] = 135
    """Octets of the longest I frame, with address, control and FCS: 135 carries packets with 128 octets of data."""
    n2: Annotated[int, Range(1)] = 10
    """Attempts before giving up."""
    t1: Annotated[float, Range(above=0)] = 3.0
    """Seconds to wait for an answer or acknowledgement. More than two longest frames and T2."""
    t2: Annotated[float, Range(0)] = 0.2
    """Seconds that an acknowledgement waits for an I frame to carry it; 0: none. Less than T1."""
    t3: Annotated[float, Range(0)] = 60.0
    """Seconds of an idle channel (15 ones or more) that take the link down; 0: never. X.25: sufficiently greater
    than T1."""
    t4: Annotated[float, Range(0)] = 0.0
    """Seconds of silence in information transfer after which the peer is polled (ISO 7776); 0: never, as X.25
    has it."""
    resend: Literal["poll", "i-frame", "linux"] = "poll"
    """Action when T1 expires in information transfer: send RR P=1; or resend the oldest I frame with P=1; or, as
    Linux does, resend all with P=0 and without timer recovery."""
    on_reset: Literal["drop", "requeue"] = "drop"
    """Information from before a link reset that is not acknowledged: dropped and reported to layer 3 in ``LinkUp``, or
    sent again. The peer may have received some of it, so ``requeue`` may deliver twice."""
    s3_exhausted: Literal["reset", "down"] = "reset"
    """No acknowledgement after N2 attempts: link reset (SABM), or link down (Linux)."""
    set_up: Literal["either", "dte"] = "either"
    """The end that sets the link up (X.25 2.4.4.1 allows either). ``either``: this end sends SABM as soon as it has a
    line, and every T1, in either role. ``dte``: a DCE waits T1 and then invites the DTE (DM F=0). A peer whose link is
    still up follows after its own T1; a peer that has given up (Linux) ignores the invitation."""
    s0_exhausted: Literal["invite", "stay", "sabm"] = "invite"
    """Action of a DCE with ``set_up`` at ``dte`` after N2 unanswered invitations: it continues, is silent (X.25), or
    sends SABM (Linux). If all invitations were lost, a silent DCE waits for ever for a DTE whose link is still up and
    that has no frame to send."""
    s4_exhausted: Literal["reset", "down"] = "reset"
    """FRMR sent N2 times without an answer: link reset (SABM), or link down (Linux)."""
    poll_in_s0: Literal["dm", "ignore"] = "dm"
    """I or S command with P=1 while disconnected: DM F=1, or nothing (Linux)."""
    disc_in_s0: Literal["dm", "ua"] = "dm"
    """DISC while disconnected: DM, or UA (Linux)."""
    disc_in_s1: Literal["disconnect", "stay"] = "disconnect"
    """DISC during set-up, answered with DM: disconnected, or set-up goes on (Linux)."""
    disc_in_s4: Literal["ua", "ignore"] = "ua"
    """DISC after we sent FRMR: UA and disconnected, or nothing (Linux)."""
    command_in_s4: Literal["repeat", "ignore"] = "repeat"
    """I or S command after we sent FRMR: the same FRMR again, or nothing (Linux; T1 repeats it anyway)."""
    sabme: Literal["dm", "frmr"] = "dm"
    """SABME (modulo 128) in information transfer: DM, or FRMR W. Both are legal."""
    unsolicited_ua: Literal["reset", "ignore"] = "reset"
    """Unsolicited UA in information transfer: link reset, or nothing."""
    undefined_control: Literal["frmr", "ignore"] = "frmr"
    """Undefined control field in information transfer: FRMR W, or nothing (Linux)."""
    information_not_allowed: Literal["frmr", "accept"] = "frmr"
    """S or U frame with information, or FRMR without its three octets: FRMR W+X, or accepted (Linux)."""
    too_long: Literal["frmr", "accept"] = "frmr"
    """I frame longer than N1: FRMR Y, or accepted (Linux)."""

    def __post_init__(self) -> None:
        check(
            self,
            ("t2", self.t2 < self.t1, "0 or more, and less than t1"),
            ("t3", self.t3 == 0 or self.t3 > self.t1, "0 (off), or more than t1"),
        )

    @classmethod
    def linux(cls, role: Role) -> LapbConfig:
        """Settings for a peer that is ``net/lapb`` of Linux 6.1, or to emulate it. docs/lapb.md lists the differences.

        The set-up differs from Linux: either end begins at once, unless ``set_up`` is ``dte``.
        """
        return cls(
            role=role,
            n1=2048,
            n2=20,
            t1=5.0,
            t2=1.0,
            t3=0.0,
            resend="linux",
            s3_exhausted="down",
            s0_exhausted="sabm",
            s4_exhausted="down",
            poll_in_s0="ignore",
            disc_in_s0="ua",
            disc_in_s1="stay",
            disc_in_s4="ignore",
            command_in_s4="ignore",
            undefined_control="ignore",
            information_not_allowed="accept",
            too_long="accept",
        )

    @property
    def command_address(self) -> int:
        """The address of sent commands and received responses: it names the end that must answer."""
        return ADDRESS_B if self.role == "dte" else ADDRESS_A

    @property
    def response_address(self) -> int:
        """The address of sent responses and received commands."""
        return ADDRESS_A if self.role == "dte" else ADDRESS_B

    @property
    def most_data(self) -> int:
        """Octets of information in the longest I frame."""
        return self.n1 - OVERHEAD


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Send this frame (address, control, information; no FCS)."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class DeliverPacket:
    """The information of the next I frame in sequence, for layer 3."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Information may be sent. ``reset``: the link was up before and dropped ``undelivered`` pieces of information. The
    peer may have received some of them."""

    reset: bool
    undelivered: int = 0


@dataclass(frozen=True, slots=True)
class LinkDown:
    """Information can't be sent any more, or set-up failed. ``undelivered``: as in :class:`LinkUp`."""

    reason: str
    undelivered: int


LapbEffect = SendFrame | DeliverPacket | LinkUp | LinkDown | ChannelAlarm


@dataclass(slots=True)
class LapbCounters:
    """Counters of a link."""

    sent: Counter[str] = field(default_factory=Counter)
    """Frames sent, by kind."""
    received: Counter[str] = field(default_factory=Counter)
    """Frames with a known address that were received, by kind."""
    resent: int = 0
    """I frames sent again; they also count as sent."""
    invalid: int = 0
    """Frames discarded: too short, a foreign address, a command sent as a response, or anything from a dead line."""
    out_of_sequence: int = 0
    """I frames whose N(S) was not the expected one."""
    t1: int = 0
    """Times that T1 expired."""
    resets: int = 0
    """Link resets, begun by either end."""
    ups: int = 0
    """Times that the link came up."""
    downs: int = 0
    """Times that the link went down."""

    def row(self) -> dict[str, int]:
        """The counters for people, those by kind as sums."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        named["sent"], named["received"] = self.sent.total(), self.received.total()
        return named
