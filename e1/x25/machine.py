"""The packet layer of X.25 as a table of states and inputs, and the machine of one circuit that runs on it.

A circuit has one state. States of the standard in which an end answers at once are left out. RESTARTING, CALLING,
CLEARING and RESETTING mean on either side that our packet waits for its answer (r2, p2, p6, d2 of a DTE; r3, p3, p7, d3
of a DCE). A collision of calls (p5) ends at once. The file is long because tables and actions are one subject.
Source: X.25 3 and 4, annexes B, C and D.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final, NamedTuple

from e1.events import ChannelAlarm, InterruptReceived, Undelivered, Up
from e1.x25 import packets
from e1.x25.config import X25Config
from e1.x25.effects import CircuitDown, DeliverMessage, SendPacket, X25Effect
from e1.x25.outbox import COUNTS, FIRST_COUNT, AgreementInput, Numbering, Outbox
from e1.x25.packets import Kind, Packet, cause_text, diagnostic_text
from e1.x25.terms import answered_terms, connected_terms, fixed_terms, offered_terms


class X25State(StrEnum):
    """State of a circuit; the value is shown to people."""

    DOWN = "no link"
    """LAPB is not up."""
    RESTARTING = "restarting"
    """A restart request was sent and is not confirmed."""
    READY = "ready"
    """No call; a permanent circuit is never in this state."""
    CALLING = "calling"
    """A call request was sent and is not answered."""
    DATA = "data"
    """A call, or a permanent circuit, carries data."""
    RESETTING = "resetting"
    """A reset request was sent and is not confirmed."""
    CLEARING = "clearing"
    """A clear request was sent and is not confirmed."""


NAMES: Mapping[X25State, tuple[str, str]] = {
    X25State.DOWN: ("", ""),
    X25State.RESTARTING: ("r2", "r3"),
    X25State.READY: ("p1", "p1"),
    X25State.CALLING: ("p2", "p3"),
    X25State.DATA: ("d1", "d1"),
    X25State.RESETTING: ("d2", "d3"),
    X25State.CLEARING: ("p6", "p7"),
}
"""The standard's names of the states, of a DTE and of a DCE."""

TIMERS: Mapping[X25State, tuple[str, str]] = {
    X25State.RESTARTING: ("t20", "t10"),
    X25State.CALLING: ("t21", "t11"),
    X25State.RESETTING: ("t22", "t12"),
    X25State.CLEARING: ("t23", "t13"),
}
"""The timer that runs in a state, of a DTE and of a DCE."""


class X25Input(StrEnum):
    """Input of a circuit; the value is shown to people."""

    LINK_UP = "link up"
    LINK_DOWN = "link down"
    RESTART = "restart"
    RESTART_CONFIRMATION = "restart confirmation"
    EARLY_RESTART = "restart sent before several of ours arrived"
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
    EARLY_CONFIRMATION = "confirmation sent before our last request arrived"
    ERROR = "packet that breaks a rule"
    AGAIN = "timer, tries left"
    GIVE_UP = "timer, no tries left"
    CALL_WANTED = "call wanted"
    RESET_WANTED = "reset wanted"
    CLEAR_WANTED = "clear wanted"
    BUSY = "this side is busy"
    READY = "this side is ready again"


class X25Action(StrEnum):
    """An action: the method of :class:`CircuitMachine` that has its name in lower case, as ``_restart``.

    An action with a cause or diagnostic of its own sends it.
    """

    RESTART = "send Restart"
    READY = "wait for a call"
    LOSE_LINK = "drop what is on the way"
    RESTARTS_COLLIDE = "send nothing: that Restart is the confirmation"
    RESTARTED = "restart done, counters to 0"
    RESTART_UNANSWERED = "alarm, send Restart again"
    CONFIRM_RESTART = "send Restart Confirmation"
    TAKE_DATA = "deliver and acknowledge; when busy, keep and send RNR"
    TAKE_RR = "go on sending"
    TAKE_RNR = "stop sending"
    SAY_BUSY = "send RNR"
    SAY_READY = "deliver what was kept, send RR"
    TAKE_INTERRUPT = "deliver, send Interrupt Confirmation"
    INTERRUPT_DONE = "send the next interrupt"
    NOTE_ACKNOWLEDGEMENT = "discard, but note what is acknowledged"
    AWAIT_LAST = "discard: wait for the confirmation of the last"
    RESET = "send Reset"
    CONFIRM_RESET = "send Reset Confirmation, counters to 0"
    RESETS_COLLIDE = "send nothing: that Reset is the confirmation"
    RESET_DONE = "reset done, counters to 0"
    RESET_UNANSWERED = "alarm: no answer to Reset"
    CALL = "send Call"
    ACCEPT_CALL = "send Call Accepted"
    IGNORE_CALL = "alarm: the DCE gives way"
    CALL_CONNECTED = "call set up, counters to 0"
    CLEAR = "send Clear"
    CONFIRM_CLEAR = "send Clear Confirmation"
    CLEARED = "call ended, send nothing"
    CLEAR_UNANSWERED = "alarm: no answer to Clear"


COUNTED: Final[Mapping[X25Action, str]] = {
    X25Action.RESTART: "restarts",
    X25Action.CONFIRM_RESTART: "restarts",
    X25Action.RESET: "resets",
    X25Action.CONFIRM_RESET: "resets",
    X25Action.CLEAR: "clears",
    X25Action.CONFIRM_CLEAR: "clears",
    X25Action.CALL_CONNECTED: "calls",
    X25Action.ACCEPT_CALL: "calls",
}
"""What is counted of a circuit."""


class X25Move(NamedTuple):
    """One cell of the table.

    A DCE sends ``cause`` with the packet of the action, a DTE always 00. ``diagnostic`` None: that of the error.
    """

    next: X25State
    actions: tuple[X25Action, ...]
    cause: int = 0x00
    diagnostic: int | None = 0x00


class CircuitKind(StrEnum):
    """Kind of a circuit, its carrier, and this end's side of X.25. Each kind has its own machine."""

    PVC_DTE = "permanent circuit, DTE"
    PVC_DCE = "permanent circuit, DCE"
    SVC_DTE = "switched circuit, DTE"
    SVC_DCE = "switched circuit, DCE"
    XOT_PVC_DTE = "permanent circuit over TCP, DTE"
    XOT_PVC_DCE = "permanent circuit over TCP, DCE"
    XOT_SVC_DTE = "switched circuit over TCP, DTE"
    XOT_SVC_DCE = "switched circuit over TCP, DCE"

    @classmethod
    def of(cls, config: X25Config) -> CircuitKind:
        """The kind of a configured circuit."""
        carried = "XOT_" if config.transport == "xot" else ""
        return cls[f"{carried}{config.circuit}_{config.role}".upper()]


Request = packets.RestartRequest | packets.ResetRequest | packets.ClearRequest
_Rows = dict[tuple[X25State, X25Input], X25Move]

RESTART_ERROR, CLEAR_ERROR, RESET_ERROR = 0x01, 0x13, 0x05
"""Causes: local procedure error."""
NETWORK_OPERATIONAL = 0x07

_NUMBERED = (X25Input.DATA, X25Input.RR, X25Input.RNR)
_OF_A_CALL = (
    *_NUMBERED,
    X25Input.REJ,
    X25Input.INTERRUPT,
    X25Input.INTERRUPT_CONFIRMATION,
    X25Input.RESET,
    X25Input.RESET_CONFIRMATION,
)
"""Packets that only a call or a PVC has."""


_A = X25Action


def _to(state: X25State, action: X25Action, cause: int = 0x00, diagnostic: int | None = 0x00) -> X25Move:
    return X25Move(state, (action,), cause, diagnostic)


def _rows(states: Iterable[X25State], inputs: Iterable[X25Input], rule: X25Move) -> _Rows:
    return {(state, each): rule for state in states for each in inputs}


def _restarts(free: X25State) -> _Rows:
    """The interface. ``free``: the state of a circuit after a restart, p1 or d1."""
    begin = _to(X25State.RESTARTING, _A.RESTART, NETWORK_OPERATIONAL)
    wrong = _to(X25State.RESTARTING, _A.RESTART, RESTART_ERROR, 0x11)
    working = [state for state in X25State if state not in (X25State.DOWN, X25State.RESTARTING)]
    return {
        **_rows(X25State, [X25Input.LINK_UP], begin),
        **_rows(X25State, [X25Input.LINK_DOWN], _to(X25State.DOWN, _A.LOSE_LINK)),
        (X25State.RESTARTING, X25Input.RESTART): _to(free, _A.RESTARTS_COLLIDE),
        (X25State.RESTARTING, X25Input.RESTART_CONFIRMATION): _to(free, _A.RESTARTED),
        # The peer confirms each Restart except one that crossed its own. Until it has our last one, its data is old.
        (X25State.RESTARTING, X25Input.EARLY_RESTART): _to(X25State.RESTARTING, _A.RESTARTS_COLLIDE),
        (X25State.RESTARTING, X25Input.EARLY_CONFIRMATION): _to(X25State.RESTARTING, _A.AWAIT_LAST),
        **_rows([X25State.RESTARTING], _NUMBERED, _to(X25State.RESTARTING, _A.NOTE_ACKNOWLEDGEMENT)),
        (X25State.RESTARTING, X25Input.AGAIN): begin,
        (X25State.RESTARTING, X25Input.GIVE_UP): _to(
            X25State.RESTARTING, _A.RESTART_UNANSWERED, NETWORK_OPERATIONAL
        ),
        **_rows(working, [X25Input.RESTART], _to(free, _A.CONFIRM_RESTART)),
        **_rows(working, [X25Input.RESTART_CONFIRMATION], wrong),
    }


def _connection(switched: bool) -> _Rows:
    """Over TCP: a new connection is a free circuit; both ends reset a PVC first (RFC 1613)."""
    begin = _to(X25State.READY, _A.READY) if switched else _to(X25State.RESETTING, _A.RESET)
    return {
        **_rows(X25State, [X25Input.LINK_UP], begin),
        **_rows(X25State, [X25Input.LINK_DOWN], _to(X25State.DOWN, _A.LOSE_LINK)),
    }


def _data_transfer(restarts: bool) -> _Rows:
    """d1 and d2, the same for a PVC and for a call."""
    reject = _to(X25State.RESETTING, _A.RESET, RESET_ERROR, 0x25)
    return {
        **(_rows([X25State.DATA], [X25Input.REJ], reject) if restarts else {}),
        (X25State.DATA, X25Input.DATA): _to(X25State.DATA, _A.TAKE_DATA),
        (X25State.DATA, X25Input.RR): _to(X25State.DATA, _A.TAKE_RR),
        (X25State.DATA, X25Input.RNR): _to(X25State.DATA, _A.TAKE_RNR),
        (X25State.DATA, X25Input.INTERRUPT): _to(X25State.DATA, _A.TAKE_INTERRUPT),
        (X25State.DATA, X25Input.INTERRUPT_CONFIRMATION): _to(X25State.DATA, _A.INTERRUPT_DONE),
        (X25State.DATA, X25Input.RESET): _to(X25State.DATA, _A.CONFIRM_RESET),
        (X25State.DATA, X25Input.RESET_CONFIRMATION): _to(X25State.RESETTING, _A.RESET, RESET_ERROR, 0x1B),
        (X25State.DATA, X25Input.ERROR): _to(X25State.RESETTING, _A.RESET, RESET_ERROR, None),
        (X25State.DATA, X25Input.RESET_WANTED): _to(X25State.RESETTING, _A.RESET),
        (X25State.DATA, X25Input.BUSY): _to(X25State.DATA, _A.SAY_BUSY),
        (X25State.DATA, X25Input.READY): _to(X25State.DATA, _A.SAY_READY),
        (X25State.RESETTING, X25Input.RESET): _to(X25State.DATA, _A.RESETS_COLLIDE),
        (X25State.RESETTING, X25Input.RESET_CONFIRMATION): _to(X25State.DATA, _A.RESET_DONE),
        (X25State.RESETTING, X25Input.EARLY_CONFIRMATION): _to(X25State.RESETTING, _A.AWAIT_LAST),
        **_rows([X25State.RESETTING], _NUMBERED, _to(X25State.RESETTING, _A.NOTE_ACKNOWLEDGEMENT)),
        (X25State.RESETTING, X25Input.AGAIN): _to(X25State.RESETTING, _A.RESET, RESET_ERROR, 0x33),
    }


def _permanent() -> _Rows:
    """The states of a PVC, which replace calls."""
    packets_of_calls = (X25Input.CALL, X25Input.CALL_ACCEPTED, X25Input.CLEAR, X25Input.CLEAR_CONFIRMATION)
    return {
        **_rows([X25State.DATA], packets_of_calls, _to(X25State.RESETTING, _A.RESET, RESET_ERROR, 0x23)),
        (X25State.RESETTING, X25Input.GIVE_UP): _to(X25State.DATA, _A.RESET_UNANSWERED),
    }


def _calls(dte: bool) -> _Rows:
    """The p states. ``dte``: this end is a DTE, to which the DCE gives way when two calls collide."""
    accept, confirm = _to(X25State.DATA, _A.ACCEPT_CALL), _to(X25State.READY, _A.CONFIRM_CLEAR)
    collision = _to(X25State.CALLING, _A.IGNORE_CALL) if dte else accept
    out = [X25State.CALLING, X25State.DATA, X25State.RESETTING]

    def wrong(diagnostic: int | None) -> X25Move:
        return _to(X25State.CLEARING, _A.CLEAR, CLEAR_ERROR, diagnostic)

    return {
        (X25State.READY, X25Input.CALL): accept,
        (X25State.READY, X25Input.CLEAR): confirm,
        **_rows([X25State.READY], [*_OF_A_CALL, X25Input.CALL_ACCEPTED], wrong(0x14)),
        **_rows(
            [X25State.READY],
            [X25Input.CALL_WANTED, X25Input.AGAIN, X25Input.GIVE_UP],
            _to(X25State.CALLING, _A.CALL),
        ),
        **_rows([X25State.READY, X25State.CALLING], [X25Input.ERROR], wrong(None)),
        (X25State.CALLING, X25Input.CALL_ACCEPTED): _to(X25State.DATA, _A.CALL_CONNECTED),
        (X25State.CALLING, X25Input.CALL): collision,
        **_rows(
            [X25State.CALLING],
            [*_OF_A_CALL, X25Input.CLEAR_CONFIRMATION],
            wrong(0x15 if dte else 0x16),
        ),
        **_rows([X25State.CALLING], [X25Input.AGAIN, X25Input.GIVE_UP], wrong(0x31)),
        **_rows(out, [X25Input.CLEAR], confirm),
        **_rows(out, [X25Input.CLEAR_WANTED], _to(X25State.CLEARING, _A.CLEAR)),
        **_rows(
            [X25State.DATA], [X25Input.CALL, X25Input.CALL_ACCEPTED, X25Input.CLEAR_CONFIRMATION], wrong(0x17)
        ),
        (X25State.RESETTING, X25Input.GIVE_UP): wrong(0x33),
        **_rows(
            [X25State.CLEARING],
            [X25Input.CLEAR, X25Input.CLEAR_CONFIRMATION],
            _to(X25State.READY, _A.CLEARED),
        ),
        (X25State.CLEARING, X25Input.EARLY_CONFIRMATION): _to(X25State.CLEARING, _A.AWAIT_LAST),
        **_rows([X25State.CLEARING], _NUMBERED, _to(X25State.CLEARING, _A.NOTE_ACKNOWLEDGEMENT)),
        (X25State.CLEARING, X25Input.AGAIN): wrong(0x32),
        (X25State.CLEARING, X25Input.GIVE_UP): _to(X25State.READY, _A.CLEAR_UNANSWERED),
    }


def _rules(kind: CircuitKind) -> _Rows:
    switched, over_tcp, dte = "SVC" in kind.name, "XOT" in kind.name, "DTE" in kind.name
    free = X25State.READY if switched else X25State.DATA
    rows = _connection(switched) if over_tcp else _restarts(free)
    rows |= _data_transfer(not over_tcp) | (_calls(dte) if switched else _permanent())
    only_calls = (X25State.READY, X25State.CALLING, X25State.CLEARING)
    return {at: move for at, move in rows.items() if switched or at[0] not in only_calls}


_TABLES: Final = {kind: _rules(kind) for kind in CircuitKind}

X25_TABLE: Final[Mapping[tuple[CircuitKind, X25State, X25Input], X25Move]] = {
    (kind, *at): move for kind, rules in _TABLES.items() for at, move in rules.items()
}
"""The circuit discards inputs that are not in the table: they are wrong, or too late."""


_INVALID_FACILITY = 0x03
_FACILITY_DIAGNOSTICS = frozenset({0x41, packets.FACILITY_PARAMETER, packets.FACILITY_LENGTH})
_RESTART_TIMER = 0x34
_FAR_END_GONE = frozenset({0x01, 0x1D})
"""Causes by which a DCE reports that the far end of a PVC has failed."""
_ON_A_PVC = 0x23
"""Diagnostic: a packet of calls on a permanent circuit."""
_BEFORE_A_CALL = frozenset({0x14, 0x15, 0x16})
"""Diagnostics: a packet that is invalid in p1, p2, p3, such as data before a call is set up."""


def _is_of_the_peer_itself(packet: Request) -> bool:
    """Whether the peer itself is the reason of a Restart, Reset or Clear, not an error or a network."""
    restart = isinstance(packet, packets.RestartRequest)
    count = restart and FIRST_COUNT <= (packet.diagnostic or 0) < FIRST_COUNT + COUNTS
    operational = restart and packet.cause == NETWORK_OPERATIONAL
    of_a_dte = packet.cause == 0 or packet.cause >= 0x80
    return (of_a_dte or operational) and (not packet.diagnostic or count)


class CircuitMachine:
    """The variables of a circuit, the transition function, and the actions of the table, each by one method."""

    def __init__(self, config: X25Config) -> None:
        self.config = config
        self.state = X25State.DOWN
        self.up = False
        self.counters = dict.fromkeys(COUNTED.values(), 0)
        """Restarts, resets and clears, begun by either end, and calls that were set up."""
        self._effects: list[X25Effect] = []

        self._outbox = Outbox()
        self._numbering = Numbering(config.resume)
        self._own_diagnostic = 0  # of the Restart that is out
        self._handed = 0  # packets that were handed to the link
        # how many of them the peer had when it sent the packet at hand; None: unknown
        self._had: int | None = None
        self._had_at_most: int | None = None  # the same, also when that packet may have waited for the link
        # the last Restarts, Resets or Clears out, by their numbers
        self._requests: deque[int] = deque(maxlen=2)
        self._doubtful = False  # the link was lost: acknowledgements may have been lost with it
        self._hold = False  # cleared by us: don't call again

        self._terms = fixed_terms(config)
        self._vs = self._vr = 0
        self._peer_busy = self._own_busy = False
        self._acknowledge = False
        self._far_end_gone = False
        self._received: list[packets.Data] = []  # a sequence that goes on, joined to one packet
        self._kept: list[packets.Data] = []  # while this side is busy: neither acknowledged nor delivered
        self._interrupts: deque[bytes] = deque()
        self._interrupt_out = False
        self._why: tuple[str, int | None, int | None] = ("", None, None)  # of the next CircuitDown
        self._stray: X25Input | None = None  # a confirmation that may come after two requests have crossed
        self._error: int | None = None  # diagnostic of the packet that broke a rule
        self._table = _TABLES[CircuitKind.of(config)]
        self._deadline: float | None = None
        self._tries = 0
        self._now = 0.0

    # the transition function

    @property
    def _calls(self) -> bool:
        """Whether this side places calls by itself."""
        return self.config.calls and not self._hold

    def _input(self, what: X25Input, packet: Packet | None = None) -> None:
        """The transition function."""
        move = self._table.get((self.state, what))
        if move is None:
            return
        of_the_circuit = packet is not None and not isinstance(packet, packets.INTERFACE)
        if of_the_circuit and self.state is not X25State.RESTARTING:
            self._numbering.note(AgreementInput.HEARD)
        before, self.state = self.state, move.next
        if before is not self.state:
            self._requests.clear()
        for action in move.actions:
            if (counted := COUNTED.get(action)) is not None:
                self.counters[counted] += 1
            _METHODS[action](self, packet, move)
        if before is not self.state or what in (X25Input.AGAIN, X25Input.GIVE_UP, X25Input.LINK_UP):
            self._start_timer(again=what is X25Input.AGAIN)
        self._report_state()
        if self.state is X25State.READY and _FREED & set(move.actions) and self._calls:
            self._input(X25Input.CALL_WANTED)

    def _is_stray(self, what: X25Input) -> bool:
        """Whether this is the confirmation that some peers send after two Resets or two Clears crossed."""
        if self._stray is not what or self.state is not _STRAY_IN[what]:
            return False
        self._stray = None
        return True

    def _start_timer(self, *, again: bool) -> None:
        self._deadline = None
        if self.state in TIMERS:
            name = TIMERS[self.state][self.config.role == "dce"]
            retries: int = getattr(self.config, f"r{name[1:]}", 0)
            self._tries = self._tries - 1 if again else retries
            self._deadline = self._now + getattr(self.config, name)
        elif self.state is X25State.READY and self._calls:
            self._tries = 0
            self._deadline = self._now + self.config.call_retry

    def _take(self) -> list[X25Effect]:
        effects, self._effects = self._effects, []
        return effects

    def _transmit(self, packet: Packet) -> None:
        self._handed += 1
        self._effects.append(SendPacket(packet.encode()))

    def _request(self, packet: Request) -> None:
        self._transmit(packet)
        self._requests.append(self._handed)

    def _missed(self) -> int:
        """How many of our requests had certainly not reached the peer when it sent the present packet.

        0: none, or unknown; 2: two or more.
        """
        most = self._had_at_most
        return 0 if most is None else sum(number > most for number in self._requests)

    def _alarm(self, kind: str, text: str) -> None:
        self._effects.append(ChannelAlarm(kind, text))

    def _cause(self, rule: X25Move) -> tuple[int, int]:
        """Cause and diagnostic of the packet that ``rule`` sends. A DTE may not give a cause."""
        diagnostic = rule.diagnostic if rule.diagnostic is not None else self._error or 0
        if self.config.role == "dte":
            return 0, diagnostic
        facility = X25Action.CLEAR in rule.actions and diagnostic in _FACILITY_DIAGNOSTICS
        return _INVALID_FACILITY if facility else rule.cause, diagnostic

    def _report_state(self) -> None:
        """Report up or down when a new state changes it."""
        up = self.up if self.state is X25State.RESETTING else self.state is X25State.DATA
        up = up and not self._far_end_gone
        if up is not self.up:
            self.up = up
            self._effects.append(Up() if up else CircuitDown(*self._why))

    def _complain(self, diagnostic: int, raw: bytes) -> None:
        """Send a Diagnostic packet. Only a DCE may do so, and not about another Diagnostic."""
        sends = self.config.role == "dce" and self.config.transport == "lapb" and self.config.diagnostics
        about_one = len(raw) > 2 and raw[2] == packets.Diagnostic.kind
        if sends and not about_one and self.state not in (X25State.DOWN, X25State.RESTARTING):
            self._transmit(packets.Diagnostic(code=diagnostic, explanation=raw[:3]))

    def _acknowledges(self, pr: int) -> bool:
        """Whether a P(R) lies between the last one and the next P(S) that we will send."""
        return (self._vs - pr) % 8 <= self._outbox.in_flight

    # actions: restart

    def _restart(self, _packet: Packet | None, rule: X25Move) -> None:
        cause, diagnostic = self._cause(rule)
        if diagnostic:
            self._why = (f"restart by this side: {diagnostic_text(diagnostic)}", cause, diagnostic)
            self._alarm("restart", self._why[0])
        else:
            diagnostic = self._numbering.diagnostic
        self._own_diagnostic = diagnostic
        self._begin_anew()
        self._request(packets.RestartRequest(cause=cause, diagnostic=diagnostic))

    def _restart_unanswered(self, packet: Packet | None, rule: X25Move) -> None:
        self._alarm("timer", "the peer does not answer Restart")
        if self.config.role == "dce" and self.config.diagnostics:
            self._transmit(packets.Diagnostic(code=_RESTART_TIMER))
        self._restart(packet, rule)

    def _lose_link(self, _packet: Packet | None, _rule: X25Move) -> None:
        self._begin_anew()

    def _restarts_collide(self, packet: packets.RestartRequest, _rule: X25Move) -> None:
        peer = packet.diagnostic or 0
        self._came_through(packet)
        self._zero(peer)
        self._numbering.restarted(self._own_diagnostic, peer)

    def _restarted(self, packet: Packet, _rule: X25Move) -> None:
        self._came_through(packet)
        self._zero()
        self._numbering.restarted(self._own_diagnostic)

    def _confirm_restart(self, packet: packets.RestartRequest, _rule: X25Move) -> None:
        self._report("restart", packet)
        self._came_through(packet)
        self._transmit(packets.RestartConfirmation())
        self._begin_anew()
        self._zero()
        self._numbering.restarted(packet.diagnostic or 0)

    def _settle(self, peer: int | None) -> None:
        """Decide for the messages on the way at a link loss whether they arrived, are sent again, or are in doubt."""
        whole = self._outbox.whole
        arrived = self._numbering.arrived(peer, whole)
        if arrived is not None:
            self._outbox.take_whole(arrived)
            self._numbering.acknowledged += arrived
        else:
            self._doubt(whole)

    def _came_through(self, packet: Packet | None) -> None:
        """As :meth:`_settle`, when ``packet`` restarts, resets or clears the circuit on a link that held.

        ``packet`` None: the peer does not answer. A peer may acknowledge at any time. A busy peer (RNR) has not taken
        the packets that it has not acknowledged.
        """
        if self._doubtful or not self._outbox.in_flight:
            return
        restart = packet.diagnostic if isinstance(packet, packets.RestartRequest) else None
        if self._numbering.arrived(restart, self._outbox.whole) is not None:
            self._settle(restart)
        elif not self._peer_busy:
            reached, sure = self._reached(packet)
            if sure:
                self._numbering.acknowledged += self._outbox.acknowledge(reached)
            else:
                self._doubt(self._outbox.messages_among(reached))
        self._outbox.rewind()

    def _doubt(self, messages: int) -> None:
        """Treat the oldest ``messages`` as in doubt: they may have arrived."""
        if not messages:
            return
        self._numbering.note(AgreementInput.LOST)
        if self.config.in_doubt == "report" or not self.config.keep_on_reset:
            self._effects += [
                Undelivered(message, in_doubt=True) for message in self._outbox.take_whole(messages)
            ]

    def _reached(self, packet: Packet | None) -> tuple[int, bool]:
        """How many packets on the way reached the peer before it sent ``packet``, and whether it certainly took them.

        A peer that confirms our request has received all packets before it. A peer that sends a request of its own has
        received those that its LAPB had acknowledged, and discards later ones. But a peer that reports an error, or the
        far end of a network, has not necessarily taken every packet that it received.
        """
        match packet:
            case packets.RestartRequest() | packets.ResetRequest() | packets.ClearRequest():
                if self._had is not None:
                    return self._outbox.numbered_up_to(self._had), _is_of_the_peer_itself(packet)
                return self._outbox.in_flight, False
            case _:
                return self._outbox.in_flight, packet is not None and self.config.transport == "lapb"

    # actions: data

    def _take_data(self, packet: packets.Data, _rule: X25Move) -> None:
        self._far_end_gone = False  # a far end that sends is alive
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
            self._numbering.delivered += 1
            self._effects.append(DeliverMessage(data, packet.q))

    def _say_busy(self, _packet: None, _rule: X25Move) -> None:
        self._acknowledge = True

    def _say_ready(self, _packet: None, _rule: X25Move) -> None:
        kept, self._kept = self._kept, []
        for packet in kept:
            self._accept(packet)
        self._acknowledge = True

    def _take_rr(self, packet: packets.ReceiveReady, _rule: X25Move) -> None:
        self._peer_busy = False
        self._take_acknowledgement(packet.pr)

    def _take_rnr(self, packet: packets.ReceiveNotReady, _rule: X25Move) -> None:
        self._peer_busy = True
        self._take_acknowledgement(packet.pr)

    def _note_acknowledgement(
        self, packet: packets.Data | packets.ReceiveReady | packets.ReceiveNotReady, _rule: X25Move
    ) -> None:
        # The peer sent it before it saw our Reset or Restart. After a link loss it may be older still.
        if not self._doubtful and self._acknowledges(packet.pr):
            self._take_acknowledgement(packet.pr)
            if not isinstance(packet, packets.Data):
                self._peer_busy = isinstance(packet, packets.ReceiveNotReady)

    def _await_last(self, _packet: Packet, _rule: X25Move) -> None:
        """Nothing: the timer goes on."""

    def _take_acknowledgement(self, pr: int) -> None:
        packets_done = self._outbox.in_flight - (self._vs - pr) % 8
        self._numbering.acknowledged += self._outbox.acknowledge(packets_done)

    def _take_interrupt(self, packet: packets.Interrupt, _rule: X25Move) -> None:
        self._effects.append(InterruptReceived(packet.data))
        self._transmit(packets.InterruptConfirmation(lcn=self.config.lcn))

    def _interrupt_done(self, _packet: Packet, _rule: X25Move) -> None:
        self._interrupt_out = False

    # actions: reset

    def _reset(self, _packet: Packet | None, rule: X25Move) -> None:
        cause, diagnostic = self._cause(rule)
        self._received, self._kept = [], []
        self._request(packets.ResetRequest(lcn=self.config.lcn, cause=cause, diagnostic=diagnostic))
        self._alarm(
            "reset", f"reset by this side: {diagnostic_text(diagnostic)}{self._other_circuit(diagnostic)}"
        )

    def _confirm_reset(self, packet: packets.ResetRequest, rule: X25Move) -> None:
        self._report("reset", packet)
        self._transmit(packets.ResetConfirmation(lcn=self.config.lcn))
        self._restore(packet, rule)

    def _resets_collide(self, packet: packets.ResetRequest, rule: X25Move) -> None:
        self._report("reset", packet)
        self._restore(packet, rule)
        self._stray = X25Input.RESET_CONFIRMATION

    def _reset_done(self, packet: Packet | None, _rule: X25Move) -> None:
        self._came_through(packet)
        self._begin_anew()
        self._zero()

    def _reset_unanswered(self, packet: None, rule: X25Move) -> None:
        self._alarm("timer", "the peer does not answer Reset")
        self._reset_done(packet, rule)

    def _restore(self, packet: packets.ResetRequest, rule: X25Move) -> None:
        self._reset_done(packet, rule)
        self._far_end_gone = self.config.circuit == "pvc" and packet.cause in _FAR_END_GONE

    # actions: calls

    def _ready(self, _packet: None, _rule: X25Move) -> None:
        self._begin_anew()

    def _call(self, _packet: Packet | None, _rule: X25Move) -> None:
        self._terms, facilities = offered_terms(self.config)
        self._transmit(
            packets.CallRequest(
                lcn=self.config.lcn,
                called=self.config.called_address,
                calling=self.config.calling_address,
                facilities=facilities,
            )
        )

    def _accept_call(self, packet: packets.CallRequest, _rule: X25Move) -> None:
        self._terms, facilities = answered_terms(packet, self.config)
        self._begin_anew()
        self._zero()
        self._transmit(packets.CallAccepted(lcn=self.config.lcn, facilities=facilities))

    def _ignore_call(self, _packet: Packet, _rule: X25Move) -> None:
        self._alarm("collision", "both sides have called; the DCE gives way")

    def _call_connected(self, packet: packets.CallAccepted, _rule: X25Move) -> None:
        self._terms = connected_terms(packet, self._terms)
        self._begin_anew()
        self._zero()

    def _clear(self, _packet: Packet | None, rule: X25Move) -> None:
        cause, diagnostic = self._cause(rule)
        if rule.diagnostic != 0:
            why = f"cleared by this side: {diagnostic_text(diagnostic)}{self._other_circuit(diagnostic)}"
            self._why = (why, cause, diagnostic)
            self._alarm("clear", why)
        self._received, self._kept = [], []
        self._request(packets.ClearRequest(lcn=self.config.lcn, cause=cause, diagnostic=diagnostic))

    def _confirm_clear(self, packet: packets.ClearRequest, _rule: X25Move) -> None:
        self._report("clear", packet)
        self._came_through(packet)
        self._transmit(packets.ClearConfirmation(lcn=self.config.lcn))
        self._begin_anew()

    def _cleared(self, packet: Packet | None, _rule: X25Move) -> None:
        self._came_through(packet)
        self._begin_anew()
        if isinstance(packet, packets.ClearRequest):
            self._stray = X25Input.CLEAR_CONFIRMATION

    def _clear_unanswered(self, packet: None, rule: X25Move) -> None:
        self._alarm("timer", "the peer does not answer Clear")
        self._cleared(packet, rule)

    # what several actions need

    def _other_circuit(self, diagnostic: int | None) -> str:
        """The likely reason of an error that only a circuit of the other kind at the far end makes."""
        if diagnostic == _ON_A_PVC:
            return "; this end has a permanent circuit (pvc), the peer a switched one (svc): both must have the same"
        if diagnostic in _BEFORE_A_CALL:
            return (
                "; this end has a switched circuit (svc) without a call, has the peer a permanent one (pvc)?"
            )
        return ""

    def _begin_anew(self) -> None:
        """Drop everything under way: unfinished sequences, interrupts, flow control."""
        self._received, self._kept = [], []
        if self._interrupts or self._interrupt_out:
            self._alarm("interrupt", f"{len(self._interrupts) + self._interrupt_out} interrupts may be lost")
        self._interrupts.clear()
        self._interrupt_out = False
        self._acknowledge = self._own_busy
        self._far_end_gone = False
        self._stray = None
        if self.up and not self.config.keep_on_reset:
            self._give_up()

    def _give_up(self) -> None:
        doubtful = self._outbox.take_whole(self._outbox.whole)
        self._outbox.rewind()
        self._effects += [Undelivered(message, in_doubt=True) for message in doubtful]
        self._effects += [Undelivered(message, in_doubt=False) for message in self._outbox.take_unsent()]
        if doubtful:
            self._numbering.note(AgreementInput.LOST)

    def _zero(self, peer: int | None = None) -> None:
        """Begin with P(S) = P(R) = 0. Messages that are not acknowledged are sent again.

        ``peer``: the diagnostic of the peer's Restart, if there was one.
        """
        if self._doubtful:
            self._settle(peer)
        self._doubtful = False
        self._outbox.rewind()
        self._peer_busy = False
        self._vs = self._vr = 0

    def _report(self, kind: Kind, packet: Request) -> None:
        what = f"{kind} by the peer: {cause_text(kind, packet.cause)}, {diagnostic_text(packet.diagnostic)}"
        self._why = (what, packet.cause, packet.diagnostic)
        self._alarm(kind, what)


_METHODS: Final[Mapping[X25Action, Callable[..., None]]] = {
    action: getattr(CircuitMachine, f"_{action.name.lower()}") for action in X25Action
}
_FREED: Final = {X25Action.READY, X25Action.RESTARTED, X25Action.RESTARTS_COLLIDE, X25Action.CONFIRM_RESTART}
"""Actions after which a switched circuit is free for the first call on a new link."""
CONFIRMED_BY: Final[Mapping[X25State, X25Input]] = {
    X25State.RESTARTING: X25Input.RESTART_CONFIRMATION,
    X25State.RESETTING: X25Input.RESET_CONFIRMATION,
    X25State.CLEARING: X25Input.CLEAR_CONFIRMATION,
}
"""The input that ends a state in which our request waits for its confirmation."""
_STRAY_IN: Final[Mapping[X25Input, X25State]] = {
    X25Input.RESET_CONFIRMATION: X25State.DATA,
    X25Input.CLEAR_CONFIRMATION: X25State.CALLING,
}
"""The state in which a confirmation that is not due would otherwise be an error."""
