"""The X.25 packet layer as a table: state and input give what is done and the next state.

One circuit has one state. The states of the standard that answer at once are not kept: r2, p2, p6, d2 stand for
"our packet is out and waits for its answer" whichever side we are (r3, p3, p7, d3 for a DCE), and p5 is resolved
the moment it comes up. Source: X.25 3 and 4, annexes B, C and D.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Literal, NamedTuple

Role = Literal["dte", "dce"]
Circuit = Literal["pvc", "svc"]


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
