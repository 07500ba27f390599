"""The X.25 packet layer of one circuit: a permanent or a switched one, on LAPB or on XOT. No input or output.

Each input returns the effects, in order; ``now`` is the time in seconds of any clock. :mod:`e1.x25.machine` has the
states and actions. Only a wrong argument raises an error (:class:`ValueError`): no packet of the peer does.
Source: X.25 3 to 5, ISO/IEC 8208.

A message is delivered once and in order, or given up (:class:`~e1.events.Undelivered`). This end acknowledges every
data packet as soon as it arrives; a peer may do so later. At a Reset, Clear or Restart on a link that holds, what LAPB
has seen acknowledged has arrived, and the rest is sent again. After a link loss the ends exchange their counts
(:class:`e1.x25.outbox.Numbering`). Where neither shows it, the option ``in_doubt`` decides.
"""

from __future__ import annotations

from collections.abc import Mapping

from e1.events import ChannelAlarm, Undelivered
from e1.x25 import packets
from e1.x25.config import Circuit
from e1.x25.effects import X25Effect
from e1.x25.machine import CONFIRMED_BY, CircuitMachine, X25Input, X25State
from e1.x25.packets import Packet, PacketError, decode, diagnostic_text
from e1.x25.terms import connected_terms, is_between, is_legal_call

_OUT_OF_ORDER: Mapping[Circuit, int] = {"svc": 0x09, "pvc": 0x01}
"""Causes that stand for the loss of the link: of a clear, of a reset."""
_WRONG_PS, _WRONG_PR, _UNASSIGNED, _INCONSISTENT_Q = 0x01, 0x02, 0x24, 0x53
_UNAUTHORISED_CONFIRMATION = 0x2B


class PacketLayer(CircuitMachine):
    """One circuit. ``state`` and ``up`` (data can cross) are for reading."""

    # inputs

    def link_up(self, now: float) -> list[X25Effect]:
        """The link below was set up or reset. Packets that it carried may be lost."""
        self._doubtful = self._doubtful or self._outbox.in_flight > 0
        self._hold = False
        self._why = ("the link was set up anew", None, None)
        return self._run(X25Input.LINK_UP, now)

    def link_down(self, reason: str, now: float) -> list[X25Effect]:
        """The link below is gone."""
        self._doubtful = self._doubtful or self._outbox.in_flight > 0
        self._why = (reason, _OUT_OF_ORDER[self.config.circuit], None)
        return self._run(X25Input.LINK_DOWN, now)

    def received(
        self, packet: bytes, now: float, unconfirmed: int | None = None, *, in_time: bool = True
    ) -> list[X25Effect]:
        """Take a packet from the link.

        ``unconfirmed``: how many of the last packets handed to the link had not reached the peer when it sent this one;
        None if the link can't show it. ``in_time``: the number is certain. Otherwise this packet may have waited on its
        way to the link, and the number may have been higher.
        """
        self._had_at_most = None if unconfirmed is None else self._handed - unconfirmed
        self._had = self._had_at_most if in_time else None
        try:
            decoded = decode(packet)
        except PacketError as error:
            return self._unreadable(error, now)
        if isinstance(decoded, packets.Diagnostic):
            text = f"the peer tells: {diagnostic_text(decoded.code)}, of {decoded.explanation.hex() or 'no'} packet"
            self._alarm("diagnostic", text)
            return self._take()
        if not isinstance(decoded, packets.INTERFACE) and not self._is_ours(decoded.lcn):
            return self._stranger(decoded.lcn, decoded.kind, packet)
        what = self._input_of(decoded)
        if self._is_stray(what):
            return self._run(None, now)
        self._error = self._check(decoded)
        if self._error is None:
            return self._run(what, now, decoded)
        self._alarm("protocol", f"{decoded.title}: {diagnostic_text(self._error)}")
        return self._run(X25Input.ERROR, now)

    def send(self, message: bytes, now: float) -> list[X25Effect]:
        """Send a message, or keep it until the circuit is up. :class:`ValueError` for an empty one."""
        if not message:
            raise ValueError("a message has 1 octet or more")
        if len(self._outbox) >= self.config.queue_limit:
            return [Undelivered(message, in_doubt=False)]
        self._outbox.add(message)
        return self._run(None, now)

    def interrupt(self, data: bytes, now: float) -> list[X25Effect]:
        """Send 1..32 octets ahead of the data, one Interrupt at a time. :class:`ValueError` for other lengths."""
        packets.Interrupt(data=data).encode()
        if not self.up:
            return [ChannelAlarm("interrupt", "an interrupt was not sent: the circuit is down")]
        self._interrupts.append(data)
        return self._run(None, now)

    def busy(self, on: bool, now: float) -> list[X25Effect]:
        """Ask the peer to stop sending data (RNR), or to go on (RR).

        Until this side is ready it keeps the packets that still arrive, at most a window, and neither delivers nor
        acknowledges them. So a Reset or a link loss meanwhile delivers no message twice.
        """
        if on is self._own_busy:
            return []
        self._own_busy = on
        return self._run(X25Input.BUSY if on else X25Input.READY, now)

    def reset(self, now: float) -> list[X25Effect]:
        """Reset the circuit if it is up."""
        return self._run(X25Input.RESET_WANTED, now)

    def clear(self, now: float) -> list[X25Effect]:
        """End the call, and place no other until :meth:`call` or a new link. A PVC ignores it."""
        self._hold = True
        self._why = ("cleared by this side", 0, 0)
        return self._run(X25Input.CLEAR_WANTED, now)

    def call(self, now: float) -> list[X25Effect]:
        """Place a call, if the circuit is free."""
        self._hold = False
        return self._run(X25Input.CALL_WANTED, now)

    def discard(self) -> list[bytes]:
        """Take out the messages of which no part was sent, without an effect."""
        return self._outbox.take_unsent()

    def tick(self, now: float) -> list[X25Effect]:
        """Time has passed."""
        if self._deadline is None or now < self._deadline:
            return []
        return self._run(X25Input.AGAIN if self._tries else X25Input.GIVE_UP, now)

    def next_deadline(self) -> float | None:
        """When :meth:`tick` is due."""
        return self._deadline

    @property
    def queued(self) -> int:
        """Messages that are not fully acknowledged."""
        return len(self._outbox)

    # the machine

    def _input_of(self, packet: Packet) -> X25Input:
        """The input of the machine that a packet is.

        The timer may have repeated a request, and a busy link may deliver all of them together. The peer then answers
        each one, and only its answer to the last one ends the state.
        """
        what, missed = X25Input(packet.title), self._missed()
        if missed and what is CONFIRMED_BY.get(self.state):
            return X25Input.EARLY_CONFIRMATION
        if missed > 1 and what is X25Input.RESTART:
            return X25Input.EARLY_RESTART
        return what

    def _run(self, what: X25Input | None, now: float, packet: Packet | None = None) -> list[X25Effect]:
        self._now = now
        if what is not None:
            self._input(what, packet)
        self._pump()
        return self._take()

    def _pump(self) -> None:
        """Send what may be sent now, and acknowledge with it, or else with RR or RNR."""
        if self.state is not X25State.DATA:
            return
        lcn = self.config.lcn
        if self._interrupts and not self._interrupt_out:
            self._interrupt_out = True
            self._transmit(packets.Interrupt(lcn=lcn, data=self._interrupts.popleft()))
        stopped = self._peer_busy or self._far_end_gone
        while not stopped and self._outbox.has_segment and self._outbox.in_flight < self._terms.window:
            data, more = self._outbox.segment(self._terms.send_size, self._handed + 1)
            self._transmit(packets.Data(lcn=lcn, ps=self._vs, pr=self._vr, more=more, data=data))
            self._vs = (self._vs + 1) % 8
            self._acknowledge = self._acknowledge and self._own_busy  # only RNR reports that we are busy
        if self._acknowledge:
            self._acknowledge = False
            ready = packets.ReceiveNotReady if self._own_busy else packets.ReceiveReady
            self._transmit(ready(lcn=lcn, pr=self._vr))

    # packets that break a rule

    def _check(self, packet: Packet) -> int | None:
        """The diagnostic of a packet that breaks a rule in the present state, None for a correct one."""
        match packet:
            case packets.CallRequest() if self.state in (X25State.READY, X25State.CALLING):
                return None if is_legal_call(packet) else packets.FACILITY_PARAMETER
            case packets.CallAccepted() if self.state is X25State.CALLING:
                agreed = is_legal_call(packet) and is_between(
                    connected_terms(packet, self._terms), self._terms, self.config
                )
                return None if agreed else packets.FACILITY_PARAMETER
            case packets.Data() if self.state is X25State.DATA:
                return self._check_data(packet)
            case packets.ReceiveReady() | packets.ReceiveNotReady() if self.state is X25State.DATA:
                return None if self._acknowledges(packet.pr) else _WRONG_PR
            case packets.InterruptConfirmation() if self.state is X25State.DATA and not self._interrupt_out:
                return _UNAUTHORISED_CONFIRMATION
            case _:
                return None

    def _check_data(self, packet: packets.Data) -> int | None:
        kept = len(self._kept)
        if packet.ps != (self._vr + kept) % 8 or kept >= self._terms.receive_window:
            return _WRONG_PS
        if not self._acknowledges(packet.pr):
            return _WRONG_PR
        before = self._unfinished()
        octets = sum(len(each.data) for each in before) + len(packet.data)
        if len(packet.data) > self._terms.receive_size or octets > self.config.max_message:
            return packets.TOO_LONG
        if before and before[0].q is not packet.q:
            return _INCONSISTENT_Q
        return None

    def _unfinished(self) -> list[packets.Data]:
        """The packets of the unfinished sequence, which the next packet continues; kept ones included."""
        every = [*self._received, *self._kept]
        ends = [at for at, each in enumerate(every, 1) if not each.more]
        return every[ends[-1] :] if ends else every

    def _unreadable(self, error: PacketError, now: float) -> list[X25Effect]:
        interface = error.kind in [each.kind for each in packets.INTERFACE]
        if error.diagnostic == packets.WRONG_GFI or error.lcn is None or interface:
            self._alarm("protocol", f"a packet was discarded: {error}")
            self._complain(error.diagnostic, error.raw)
            return self._take()
        if not self._is_ours(error.lcn):
            return self._stranger(error.lcn, error.kind or 0, error.raw)
        self._alarm("protocol", str(error))
        self._error = error.diagnostic
        return self._run(X25Input.ERROR, now)

    def _stranger(self, lcn: int, kind: int, raw: bytes) -> list[X25Effect]:
        """Answer a packet on a logical channel that this end does not have."""
        self._alarm("channel", f"a packet on logical channel {lcn}, ours is {self.config.lcn}")
        if self.state in (X25State.DOWN, X25State.RESTARTING) or kind == packets.ClearConfirmation.kind:
            return self._take()
        if self.config.unassigned == "diagnostic" or lcn == 0:
            self._complain(_UNASSIGNED, raw)
        else:
            cause = 0 if self.config.role == "dte" else 0x13
            self._transmit(packets.ClearRequest(lcn=lcn, cause=cause, diagnostic=_UNASSIGNED))
        return self._take()

    def _is_ours(self, lcn: int) -> bool:
        return lcn == self.config.lcn or self.config.transport == "xot"
