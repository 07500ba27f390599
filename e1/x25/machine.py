"""The X.25 packet layer as a table: state and input give what is done and the next state.

One circuit has one state. The states of the standard that answer at once are not kept: r2, p2, p6, d2 stand for
"our packet is out and waits for its answer" whichever side we are (r3, p3, p7, d3 for a DCE), and p5 is resolved
the moment it comes up. Source: X.25 3 and 4, annexes B, C and D.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from e1.x25 import calls, packets
from e1.x25 import packets as wrong
from e1.x25.codes import Kind, cause_text, diagnostic_text
from e1.x25.config import (
    Circuit,
    CircuitDown,
    CircuitUp,
    Deliver,
    Interrupted,
    Lost,
    Role,
    Transmit,
    X25Alarm,
    X25Config,
    X25Effect,
)
from e1.x25.outbox import COUNTS, FIRST_COUNT, Numbering, Outbox
from e1.x25.packets import Packet


class State(StrEnum):
    """What a circuit is doing; the value is shown to people."""

    DOWN = "no link"
    RESTARTING = "restarting"
    READY = "ready"
    CALLING = "calling"
    DATA = "data"
    RESETTING = "resetting"
    CLEARING = "clearing"


NAMES: Mapping[State, tuple[str, str]] = {
    State.DOWN: ("", ""),
    State.RESTARTING: ("r2", "r3"),
    State.READY: ("p1", "p1"),
    State.CALLING: ("p2", "p3"),
    State.DATA: ("d1", "d1"),
    State.RESETTING: ("d2", "d3"),
    State.CLEARING: ("p6", "p7"),
}
"""The standard's names of the states, of a DTE and of a DCE."""

TIMERS: Mapping[State, tuple[str, str]] = {
    State.RESTARTING: ("t20", "t10"),
    State.CALLING: ("t21", "t11"),
    State.RESETTING: ("t22", "t12"),
    State.CLEARING: ("t23", "t13"),
}
"""The timer that runs in a state, of a DTE and of a DCE."""


class Input(StrEnum):
    """What can happen to a circuit; the value is shown to people."""

    LINK_UP = "link up"
    LINK_DOWN = "link down"
    RESTART = "restart"
    RESTART_CONFIRMATION = "restart confirmation"
    CALL = "call"
    CALL_ACCEPTED = "call accepted"
    CLEAR = "clear"
    CLEAR_CONFIRMATION = "clear confirmation"
    DATA = "data"
    RR = "RR"
    RNR = "RNR"
    REJ = "REJ"
    INTERRUPT = "interrupt"
    INTERRUPT_CONFIRMATION = "interrupt confirmation"
    RESET = "reset"
    RESET_CONFIRMATION = "reset confirmation"
    ERROR = "packet that breaks a rule"
    AGAIN = "timer, tries left"
    GIVE_UP = "timer, no tries left"
    CALL_WANTED = "call wanted"
    RESET_WANTED = "reset wanted"
    CLEAR_WANTED = "clear wanted"
    BUSY = "this side is busy"
    READY = "this side is ready again"


class Rule(NamedTuple):
    """What to do (a method of the packet layer) and the next state.

    ``cause`` is what a DCE sends with the packet of the action (a DTE always sends 00); ``diagnostic`` is None when
    the reason itself carries it.
    """

    action: str
    next: State
    cause: int = 0x00
    diagnostic: int | None = 0x00


Table = Mapping[tuple[State, Input], Rule]

RESTART_ERROR, CLEAR_ERROR, RESET_ERROR = 0x01, 0x13, 0x05
"""Causes: local procedure error."""
NETWORK_OPERATIONAL = 0x07

_NUMBERED = (Input.DATA, Input.RR, Input.RNR)
_OF_A_CALL = (
    *_NUMBERED,
    Input.REJ,
    Input.INTERRUPT,
    Input.INTERRUPT_CONFIRMATION,
    Input.RESET,
    Input.RESET_CONFIRMATION,
)
"""Packets that only a call or a PVC has."""


@cache
def table(circuit: Circuit, role: Role, restarts: bool = True) -> Table:
    """Every (state, input) that does something; all others are discarded (the input is wrong or too late).

    ``restarts`` is off over XOT, where a connection is a circuit and there is no interface to restart.
    """
    rules = _restarts(State.READY if circuit == "svc" else State.DATA) if restarts else _connection(circuit)
    rules |= _data_transfer(restarts) | (_calls(role) if circuit == "svc" else _permanent())
    only_calls = (State.READY, State.CALLING, State.CLEARING)
    return {at: rule for at, rule in rules.items() if circuit == "svc" or at[0] not in only_calls}


def _rows(states: Iterable[State], inputs: Iterable[Input], rule: Rule) -> dict[tuple[State, Input], Rule]:
    return {(state, each): rule for state in states for each in inputs}


def _restarts(free: State) -> dict[tuple[State, Input], Rule]:
    """The interface; ``free`` is where a circuit is once a restart is done: p1 or d1."""
    begin = Rule("restart", State.RESTARTING, NETWORK_OPERATIONAL)
    wrong = Rule("restart", State.RESTARTING, RESTART_ERROR, 0x11)
    working = [state for state in State if state not in (State.DOWN, State.RESTARTING)]
    return {
        **_rows(State, [Input.LINK_UP], begin),
        **_rows(State, [Input.LINK_DOWN], Rule("lose_link", State.DOWN)),
        (State.RESTARTING, Input.RESTART): Rule("restarts_collide", free),
        (State.RESTARTING, Input.RESTART_CONFIRMATION): Rule("restarted", free),
        **_rows([State.RESTARTING], _NUMBERED, Rule("note_acknowledgement", State.RESTARTING)),
        (State.RESTARTING, Input.AGAIN): begin,
        (State.RESTARTING, Input.GIVE_UP): Rule("restart_unanswered", State.RESTARTING, NETWORK_OPERATIONAL),
        **_rows(working, [Input.RESTART], Rule("confirm_restart", free)),
        **_rows(working, [Input.RESTART_CONFIRMATION], wrong),
    }


def _connection(circuit: Circuit) -> dict[tuple[State, Input], Rule]:
    """Over TCP: a new connection is a free circuit; both ends reset a PVC first (RFC 1613)."""
    begin = Rule("ready", State.READY) if circuit == "svc" else Rule("reset", State.RESETTING)
    return {
        **_rows(State, [Input.LINK_UP], begin),
        **_rows(State, [Input.LINK_DOWN], Rule("lose_link", State.DOWN)),
    }


def _data_transfer(restarts: bool) -> dict[tuple[State, Input], Rule]:
    """d1 and d2, the same for a PVC and for a call."""
    reject = Rule("reset", State.RESETTING, RESET_ERROR, 0x25)
    return {
        **(_rows([State.DATA], [Input.REJ], reject) if restarts else {}),
        (State.DATA, Input.DATA): Rule("take_data", State.DATA),
        (State.DATA, Input.RR): Rule("take_rr", State.DATA),
        (State.DATA, Input.RNR): Rule("take_rnr", State.DATA),
        (State.DATA, Input.INTERRUPT): Rule("take_interrupt", State.DATA),
        (State.DATA, Input.INTERRUPT_CONFIRMATION): Rule("interrupt_done", State.DATA),
        (State.DATA, Input.RESET): Rule("confirm_reset", State.DATA),
        (State.DATA, Input.RESET_CONFIRMATION): Rule("reset", State.RESETTING, RESET_ERROR, 0x1B),
        (State.DATA, Input.ERROR): Rule("reset", State.RESETTING, RESET_ERROR, None),
        (State.DATA, Input.RESET_WANTED): Rule("reset", State.RESETTING),
        (State.DATA, Input.BUSY): Rule("say_busy", State.DATA),
        (State.DATA, Input.READY): Rule("say_ready", State.DATA),
        (State.RESETTING, Input.RESET): Rule("resets_collide", State.DATA),
        (State.RESETTING, Input.RESET_CONFIRMATION): Rule("reset_done", State.DATA),
        **_rows([State.RESETTING], _NUMBERED, Rule("note_acknowledgement", State.RESETTING)),
        (State.RESETTING, Input.AGAIN): Rule("reset", State.RESETTING, RESET_ERROR, 0x33),
    }


def _permanent() -> dict[tuple[State, Input], Rule]:
    """What a PVC has instead of calls."""
    packets_of_calls = (Input.CALL, Input.CALL_ACCEPTED, Input.CLEAR, Input.CLEAR_CONFIRMATION)
    return {
        **_rows([State.DATA], packets_of_calls, Rule("reset", State.RESETTING, RESET_ERROR, 0x23)),
        (State.RESETTING, Input.GIVE_UP): Rule("reset_unanswered", State.DATA),
    }


def _calls(role: Role) -> dict[tuple[State, Input], Rule]:
    """The p states. ``role`` decides who gives way when two calls collide."""
    accept, confirm = Rule("accept_call", State.DATA), Rule("confirm_clear", State.READY)
    collision = Rule("ignore_call", State.CALLING) if role == "dte" else accept
    out = [State.CALLING, State.DATA, State.RESETTING]

    def wrong(diagnostic: int | None) -> Rule:
        return Rule("clear", State.CLEARING, CLEAR_ERROR, diagnostic)

    return {
        (State.READY, Input.CALL): accept,
        (State.READY, Input.CLEAR): confirm,
        **_rows([State.READY], [*_OF_A_CALL, Input.CALL_ACCEPTED], wrong(0x14)),
        **_rows([State.READY], [Input.CALL_WANTED, Input.AGAIN, Input.GIVE_UP], Rule("call", State.CALLING)),
        **_rows([State.READY, State.CALLING], [Input.ERROR], wrong(None)),
        (State.CALLING, Input.CALL_ACCEPTED): Rule("call_connected", State.DATA),
        (State.CALLING, Input.CALL): collision,
        **_rows(
            [State.CALLING], [*_OF_A_CALL, Input.CLEAR_CONFIRMATION], wrong(0x15 if role == "dte" else 0x16)
        ),
        **_rows([State.CALLING], [Input.AGAIN, Input.GIVE_UP], wrong(0x31)),
        **_rows(out, [Input.CLEAR], confirm),
        **_rows(out, [Input.CLEAR_WANTED], Rule("clear", State.CLEARING)),
        **_rows([State.DATA], [Input.CALL, Input.CALL_ACCEPTED, Input.CLEAR_CONFIRMATION], wrong(0x17)),
        (State.RESETTING, Input.GIVE_UP): wrong(0x33),
        **_rows([State.CLEARING], [Input.CLEAR, Input.CLEAR_CONFIRMATION], Rule("cleared", State.READY)),
        **_rows([State.CLEARING], _NUMBERED, Rule("note_acknowledgement", State.CLEARING)),
        (State.CLEARING, Input.AGAIN): wrong(0x32),
        (State.CLEARING, Input.GIVE_UP): Rule("clear_unanswered", State.READY),
    }


ACTIONS: Mapping[str, str] = {
    "restart": "send Restart",
    "ready": "wait for a call",
    "lose_link": "drop what is on the way",
    "restarts_collide": "send nothing: it is the confirmation",
    "restarted": "counters to 0",
    "restart_unanswered": "alarm, send Restart again",
    "confirm_restart": "send Restart Confirmation",
    "take_data": "deliver, acknowledge; of a busy side: keep, send RNR",
    "take_rr": "go on sending",
    "take_rnr": "stop sending",
    "say_busy": "send RNR",
    "say_ready": "deliver what was kept, send RR",
    "take_interrupt": "deliver, send Interrupt Confirmation",
    "interrupt_done": "send the next interrupt",
    "note_acknowledgement": "discard, but note what is acknowledged",
    "reset": "send Reset",
    "confirm_reset": "send Reset Confirmation, counters to 0",
    "resets_collide": "send nothing: it is the confirmation",
    "reset_done": "counters to 0",
    "reset_unanswered": "alarm",
    "call": "send Call",
    "accept_call": "send Call Accepted",
    "ignore_call": "the DCE gives way",
    "call_connected": "counters to 0",
    "clear": "send Clear",
    "confirm_clear": "send Clear Confirmation",
    "cleared": "send nothing",
    "clear_unanswered": "alarm",
}
"""Every action in words; an action with a cause or diagnostic of its own sends it."""


# --- What the packet layer does, action by action; when it does it is in :mod:`e1.x25.machine`.


_INVALID_FACILITY = 0x03
_FACILITY_DIAGNOSTICS = frozenset({0x41, wrong.FACILITY_PARAMETER, wrong.FACILITY_LENGTH})
_RESTART_TIMER = 0x34
_FAR_END_GONE = frozenset({0x01, 0x1D})
"""Causes by which a DCE tells that the far end of a PVC is dead."""
_ON_A_PVC = 0x23
"""Diagnostic: a packet of calls on a permanent circuit."""
_BEFORE_A_CALL = frozenset({0x14, 0x15, 0x16})
"""Diagnostics: a packet that is invalid in p1, p2, p3, such as data before a call is set up."""


def _is_of_the_peer_itself(
    packet: packets.RestartRequest | packets.ResetRequest | packets.ClearRequest,
) -> bool:
    """Whether a Restart, Reset or Clear has no error and no network for its reason."""
    restart = isinstance(packet, packets.RestartRequest)
    count = restart and FIRST_COUNT <= (packet.diagnostic or 0) < FIRST_COUNT + COUNTS
    operational = restart and packet.cause == NETWORK_OPERATIONAL
    of_a_dte = packet.cause == 0 or packet.cause >= 0x80
    return (of_a_dte or operational) and (not packet.diagnostic or count)


class Actions:
    """The variables of a circuit and the actions of the table, each a method ``_do_...``."""

    def __init__(self, config: X25Config) -> None:
        self.config = config
        self.state = State.DOWN
        self.up = False
        self._effects: list[X25Effect] = []

        self._outbox = Outbox()
        self._numbering = Numbering(config.resume)
        self._own_diagnostic = 0  # of the Restart that is out
        self._handed = 0  # packets that were handed to the link
        self._had: int | None = (
            None  # how many of them the peer had when it sent the packet at hand; None: unknown
        )
        self._doubtful = False  # the link was lost: acknowledgements may have been lost with it
        self._hold = False  # cleared by us: don't call again

        self._terms = calls.fixed(config)
        self._vs = self._vr = 0
        self._peer_busy = self._own_busy = False
        self._acknowledge = False
        self._far_end_gone = False
        self._received: list[packets.Data] = []  # a sequence that goes on, joined to one packet
        self._kept: list[packets.Data] = []  # while this side is busy: neither acknowledged nor delivered
        self._interrupts: deque[bytes] = deque()
        self._interrupt_out = self._interrupt_in = False
        self._why: tuple[str, int | None, int | None] = ("", None, None)  # of the next CircuitDown
        self._stray: Input | None = None  # a confirmation that may come after two requests have crossed
        self._error: int | None = None  # diagnostic of the packet that broke a rule

    def _take(self) -> list[X25Effect]:
        effects, self._effects = self._effects, []
        return effects

    def _transmit(self, packet: Packet) -> None:
        self._handed += 1
        self._effects.append(Transmit(packet.encode()))

    def _alarm(self, kind: str, text: str) -> None:
        self._effects.append(X25Alarm(kind, text))

    def _cause(self, rule: Rule) -> tuple[int, int]:
        """Cause and diagnostic of what ``rule`` sends: a DTE may not give a cause."""
        diagnostic = rule.diagnostic if rule.diagnostic is not None else self._error or 0
        if self.config.role == "dte":
            return 0, diagnostic
        facility = rule.action == "clear" and diagnostic in _FACILITY_DIAGNOSTICS
        return _INVALID_FACILITY if facility else rule.cause, diagnostic

    def _tell(self) -> None:
        """Up and down, as the state has become."""
        up = self.up if self.state is State.RESETTING else self.state is State.DATA
        up = up and not self._far_end_gone
        if up is not self.up:
            self.up = up
            self._effects.append(CircuitUp() if up else CircuitDown(*self._why))

    def _complain(self, diagnostic: int, raw: bytes) -> None:
        """A Diagnostic packet, which only a DCE may send, and not about a Diagnostic."""
        sends = self.config.role == "dce" and self.config.transport == "lapb" and self.config.diagnostics
        about_one = len(raw) > 2 and raw[2] == packets.Diagnostic.kind
        if sends and not about_one and self.state not in (State.DOWN, State.RESTARTING):
            self._transmit(packets.Diagnostic(code=diagnostic, explanation=raw[:3]))

    def _acknowledges(self, pr: int) -> bool:
        """Whether a P(R) lies between the last one and the next P(S) that we will send."""
        return (self._vs - pr) % 8 <= self._outbox.in_flight

    # actions: restart

    def _do_restart(self, _packet: Packet | None, rule: Rule) -> None:
        cause, diagnostic = self._cause(rule)
        if diagnostic:
            self._why = (f"restart by this side: {diagnostic_text(diagnostic)}", cause, diagnostic)
            self._alarm("restart", self._why[0])
        else:
            diagnostic = self._numbering.diagnostic
        self._own_diagnostic = diagnostic
        self._begin_anew()
        self._transmit(packets.RestartRequest(cause=cause, diagnostic=diagnostic))

    def _do_restart_unanswered(self, packet: Packet | None, rule: Rule) -> None:
        self._alarm("timer", "the peer does not answer Restart")
        if self.config.role == "dce" and self.config.diagnostics:
            self._transmit(packets.Diagnostic(code=_RESTART_TIMER))
        self._do_restart(packet, rule)

    def _do_lose_link(self, _packet: Packet | None, _rule: Rule) -> None:
        self._begin_anew()

    def _do_restarts_collide(self, packet: packets.RestartRequest, _rule: Rule) -> None:
        peer = packet.diagnostic or 0
        self._came_through(packet)
        self._zero(peer)
        self._numbering.restarted(self._own_diagnostic, peer)

    def _do_restarted(self, packet: Packet, _rule: Rule) -> None:
        self._came_through(packet)
        self._zero()
        self._numbering.restarted(self._own_diagnostic)

    def _do_confirm_restart(self, packet: packets.RestartRequest, _rule: Rule) -> None:
        self._tell_packet("restart", packet)
        self._came_through(packet)
        self._transmit(packets.RestartConfirmation())
        self._begin_anew()
        self._zero()
        self._numbering.restarted(packet.diagnostic or 0)

    def _settle(self, peer: int | None) -> None:
        """What was on the way when the link was lost: it arrived, or is sent again, or is in doubt."""
        whole = self._outbox.whole
        arrived = self._numbering.arrived(peer, whole)
        if arrived is not None:
            self._outbox.arrived(arrived)
            self._numbering.acknowledged(arrived)
        else:
            self._doubt(whole)

    def _came_through(self, packet: Packet | None) -> None:
        """``packet`` ends what is under way, on a link that held: what was on the way arrived, is sent again, or is in
        doubt. None: the peer does not answer.

        A peer acknowledges when it likes. What it has not acknowledged while it says RNR it did not take.
        """
        if self._doubtful or not self._outbox.in_flight:
            return
        restart = packet.diagnostic if isinstance(packet, packets.RestartRequest) else None
        if self._numbering.arrived(restart, self._outbox.whole) is not None:
            self._settle(restart)
        elif not self._peer_busy:
            reached, sure = self._reached(packet)
            if sure:
                self._numbering.acknowledged(self._outbox.acknowledge(reached))
            else:
                self._doubt(self._outbox.messages_among(reached))
        self._outbox.rewind()

    def _doubt(self, messages: int) -> None:
        """Of the oldest ``messages`` nobody knows whether they arrived."""
        if not messages:
            return
        self._numbering.lost()
        if self.config.in_doubt == "report" or not self.config.keep_on_reset:
            self._effects += [Lost(message, in_doubt=True) for message in self._outbox.take_whole(messages)]

    def _reached(self, packet: Packet | None) -> tuple[int, bool]:
        """How many packets on the way reached the peer before it sent ``packet``, and whether it took them for sure.

        A confirmation comes after the peer has had all that went before our request. A request of the peer comes after
        what its LAPB had acknowledged, and it discards what comes later; but when it complains of a packet, or
        tells of the far end of a network, having a packet is not the same as having taken it.
        """
        match packet:
            case packets.RestartRequest() | packets.ResetRequest() | packets.ClearRequest():
                if self._had is not None:
                    return self._outbox.numbered_up_to(self._had), _is_of_the_peer_itself(packet)
                return self._outbox.in_flight, False
            case _:
                return self._outbox.in_flight, packet is not None and self.config.transport == "lapb"

    # actions: data

    def _do_take_data(self, packet: packets.Data, _rule: Rule) -> None:
        self._far_end_gone = False  # whoever sends is alive
        self._take_acknowledgement(packet.pr)
        self._acknowledge = True
        if self._own_busy:
            self._kept.append(packet)
        else:
            self._accept(packet)

    def _accept(self, packet: packets.Data) -> None:
        self._vr = (self._vr + 1) % 8
        data = b"".join(each.data for each in (*self._received, packet))
        self._received = [replace(packet, data=data)] if packet.more else []
        if not packet.more:
            self._numbering.delivered()
            self._effects.append(Deliver(data, packet.q))

    def _do_say_busy(self, _packet: None, _rule: Rule) -> None:
        self._acknowledge = True

    def _do_say_ready(self, _packet: None, _rule: Rule) -> None:
        kept, self._kept = self._kept, []
        for packet in kept:
            self._accept(packet)
        self._acknowledge = True

    def _do_take_rr(self, packet: packets.ReceiveReady, _rule: Rule) -> None:
        self._peer_busy = False
        self._take_acknowledgement(packet.pr)

    def _do_take_rnr(self, packet: packets.ReceiveNotReady, _rule: Rule) -> None:
        self._peer_busy = True
        self._take_acknowledgement(packet.pr)

    def _do_note_acknowledgement(
        self, packet: packets.Data | packets.ReceiveReady | packets.ReceiveNotReady, _rule: Rule
    ) -> None:
        # what arrived before the peer saw our Reset or Restart; after a link loss it may be older than that
        if not self._doubtful and self._acknowledges(packet.pr):
            self._take_acknowledgement(packet.pr)
            if not isinstance(packet, packets.Data):
                self._peer_busy = isinstance(packet, packets.ReceiveNotReady)

    def _take_acknowledgement(self, pr: int) -> None:
        packets_done = self._outbox.in_flight - (self._vs - pr) % 8
        self._numbering.acknowledged(self._outbox.acknowledge(packets_done))

    def _do_take_interrupt(self, packet: packets.Interrupt, _rule: Rule) -> None:
        self._effects.append(Interrupted(packet.data))
        if self.config.confirm_interrupts:
            self._transmit(packets.InterruptConfirmation(lcn=self.config.lcn))
        else:
            self._interrupt_in = True

    def _do_interrupt_done(self, _packet: Packet, _rule: Rule) -> None:
        self._interrupt_out = False

    # actions: reset

    def _do_reset(self, _packet: Packet | None, rule: Rule) -> None:
        cause, diagnostic = self._cause(rule)
        self._received, self._kept = [], []
        self._transmit(packets.ResetRequest(lcn=self.config.lcn, cause=cause, diagnostic=diagnostic))
        self._alarm(
            "reset", f"reset by this side: {diagnostic_text(diagnostic)}{self._other_circuit(diagnostic)}"
        )

    def _do_confirm_reset(self, packet: packets.ResetRequest, _rule: Rule) -> None:
        self._tell_packet("reset", packet)
        self._transmit(packets.ResetConfirmation(lcn=self.config.lcn))
        self._restore(packet)

    def _do_resets_collide(self, packet: packets.ResetRequest, _rule: Rule) -> None:
        self._tell_packet("reset", packet)
        self._restore(packet)
        self._stray = Input.RESET_CONFIRMATION

    def _do_reset_done(self, packet: Packet, _rule: Rule) -> None:
        self._came_through(packet)
        self._begin_anew()
        self._zero()

    def _do_reset_unanswered(self, _packet: None, _rule: Rule) -> None:
        self._alarm("timer", "the peer does not answer Reset")
        self._came_through(None)
        self._begin_anew()
        self._zero()

    def _restore(self, packet: packets.ResetRequest) -> None:
        self._came_through(packet)
        self._begin_anew()
        self._zero()
        self._far_end_gone = self.config.circuit == "pvc" and packet.cause in _FAR_END_GONE

    # actions: calls

    def _do_ready(self, _packet: None, _rule: Rule) -> None:
        self._begin_anew()

    def _do_call(self, _packet: Packet | None, _rule: Rule) -> None:
        self._terms, facilities = calls.offer(self.config)
        self._transmit(
            packets.CallRequest(
                lcn=self.config.lcn,
                called=self.config.called_address,
                calling=self.config.calling_address,
                facilities=facilities,
            )
        )

    def _do_accept_call(self, packet: packets.CallRequest, _rule: Rule) -> None:
        self._terms, facilities = calls.answer(packet, self.config)
        self._begin_anew()
        self._zero()
        self._transmit(packets.CallAccepted(lcn=self.config.lcn, facilities=facilities))

    def _do_ignore_call(self, _packet: Packet, _rule: Rule) -> None:
        self._alarm("collision", "both sides have called; the DCE gives way")

    def _do_call_connected(self, packet: packets.CallAccepted, _rule: Rule) -> None:
        self._terms = calls.connected(packet, self._terms)
        self._begin_anew()
        self._zero()

    def _do_clear(self, _packet: Packet | None, rule: Rule) -> None:
        cause, diagnostic = self._cause(rule)
        if rule.diagnostic != 0:
            why = f"cleared by this side: {diagnostic_text(diagnostic)}{self._other_circuit(diagnostic)}"
            self._why = (why, cause, diagnostic)
            self._alarm("clear", why)
        self._received, self._kept = [], []
        self._transmit(packets.ClearRequest(lcn=self.config.lcn, cause=cause, diagnostic=diagnostic))

    def _do_confirm_clear(self, packet: packets.ClearRequest, _rule: Rule) -> None:
        self._tell_packet("clear", packet)
        self._came_through(packet)
        self._transmit(packets.ClearConfirmation(lcn=self.config.lcn))
        self._begin_anew()

    def _do_cleared(self, packet: Packet, _rule: Rule) -> None:
        self._came_through(packet)
        self._begin_anew()
        if isinstance(packet, packets.ClearRequest):
            self._stray = Input.CLEAR_CONFIRMATION

    def _do_clear_unanswered(self, _packet: None, _rule: Rule) -> None:
        self._alarm("timer", "the peer does not answer Clear")
        self._came_through(None)
        self._begin_anew()

    # what several actions need

    def _other_circuit(self, diagnostic: int | None) -> str:
        """What an error tells that only a circuit of the other kind at the far end makes."""
        if diagnostic == _ON_A_PVC:
            return "; this end has a permanent circuit (pvc), the peer a switched one (svc): both must have the same"
        if diagnostic in _BEFORE_A_CALL:
            return (
                "; this end has a switched circuit (svc) without a call, has the peer a permanent one (pvc)?"
            )
        return ""

    def _begin_anew(self) -> None:
        """Everything under way is over: sequences that were not finished, interrupts, flow control."""
        self._received, self._kept = [], []
        if self._interrupts or self._interrupt_out:
            self._alarm("interrupt", f"{len(self._interrupts) + self._interrupt_out} interrupts may be lost")
        self._interrupts.clear()
        self._interrupt_out = self._interrupt_in = False
        self._acknowledge = self._own_busy
        self._far_end_gone = False
        self._stray = None
        if self.up and not self.config.keep_on_reset:
            self._give_up()

    def _give_up(self) -> None:
        doubtful = self._outbox.take_whole(self._outbox.whole)
        self._outbox.rewind()
        self._effects += [Lost(message, in_doubt=True) for message in doubtful]
        self._effects += [Lost(message, in_doubt=False) for message in self._outbox.take_unsent()]
        if doubtful:
            self._numbering.lost()

    def _zero(self, peer: int | None = None) -> None:
        """The circuit begins with P(S) = P(R) = 0, and what isn't acknowledged is sent again.

        ``peer``: diagnostic of the peer's Restart, if there was one.
        """
        if self._doubtful:
            self._settle(peer)
        self._doubtful = False
        self._outbox.rewind()
        self._peer_busy = False
        self._vs = self._vr = 0

    def _tell_packet(
        self, kind: Kind, packet: packets.RestartRequest | packets.ResetRequest | packets.ClearRequest
    ) -> None:
        what = f"{kind} by the peer: {cause_text(kind, packet.cause)}, {diagnostic_text(packet.diagnostic)}"
        self._why = (what, packet.cause, packet.diagnostic)
        self._alarm(kind, what)
