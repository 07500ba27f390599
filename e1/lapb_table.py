"""The state table of LAPB (X.25 2.4): what each event does in each state. The machine runs on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from e1.lapb_config import LapbConfig, Role


class State(StrEnum):
    """States of a link, by the names that Linux has for them."""

    S0 = "S0"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"


STATE_TEXT = {
    State.S0: "disconnected",
    State.S1: "SABM sent",
    State.S2: "DISC sent",
    State.S3: "information transfer",
    State.S4: "FRMR sent",
}


class Event(StrEnum):
    """What happens to a link: the rows of the table."""

    SABM = "SABM"
    SABM_UNWANTED = "SABM, while layer 3 wants no link"
    SABME = "SABME"
    DISC = "DISC"
    UA_F1 = "UA F=1"
    UA_F0 = "UA F=0"
    DM_F1 = "DM F=1"
    DM_F0 = "DM F=0"
    POLL = "I, RR, RNR, REJ as command P=1"
    COMMAND = "the same, P=0"
    RESPONSE = "RR, RNR, REJ as response"
    FRMR = "FRMR"
    UNDEFINED = "undefined control field"
    INFORMATION = "S or U frame with information"
    TOO_LONG = "I frame longer than N1"
    BAD_NR = "invalid N(R)"
    T1 = "T1"
    T1_N2 = "T1, after N2 attempts"
    T2 = "T2"
    T3 = "T3: the channel was idle"
    T4 = "T4: nothing was heard"
    CONNECT = "layer 3 connects"
    DISCONNECT = "layer 3 disconnects"
    CARRIER_LOST = "the line goes down"
    CARRIER_BACK = "the line comes back"


class Action(StrEnum):
    """What is done, in the order of the table's cell."""

    UA = "UA F=P"
    DM = "DM F=P"
    INVITE = "DM F=0, T1"
    SABM = "SABM P=1, T1"
    DISC = "DISC P=1, T1"
    FRMR_W = "FRMR W, T1"
    FRMR_WX = "FRMR W+X, T1"
    FRMR_Y = "FRMR Y, T1"
    FRMR_Z = "FRMR Z, T1"
    REPEAT = "the same FRMR"
    REPEAT_T1 = "the same FRMR, T1"
    ZERO = "zero variables, stop timers"
    STOP = "stop timers"
    START_T1 = "start T1"
    UP = "link up to layer 3"
    RESETTING = "tell of the link reset"
    DOWN = "link down to layer 3"
    TRANSFER = "information transfer"
    RECOVER = "timer recovery"
    ACKNOWLEDGE = "RR response F=0"
    ASK = "RR command P=1, T1"


@dataclass(frozen=True, slots=True)
class Rule:
    """One cell: actions, then the next state (None: it stays)."""

    actions: tuple[Action, ...] = ()
    next: State | None = None

    def __str__(self) -> str:
        text = ", ".join(self.actions) or ("" if self.next else "ignore")
        return f"{text} → {self.next}".strip() if self.next else text


def _do(*actions: Action, to: State | None = None) -> Rule:
    return Rule(actions, to)


_A, _S = Action, State
_NONE = Rule()

TABLE: dict[Event, tuple[Rule, Rule, Rule, Rule, Rule]] = {
    Event.SABM: (
        _do(_A.UA, _A.ZERO, _A.UP, to=_S.S3),
        _do(_A.UA, _A.ZERO, _A.UP, to=_S.S3),
        _do(_A.DM, _A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.RESETTING, _A.UA, _A.ZERO, _A.UP),
        _do(_A.UA, _A.ZERO, _A.UP, to=_S.S3),
    ),
    Event.SABM_UNWANTED: (_do(_A.DM), _NONE, _NONE, _NONE, _NONE),
    Event.SABME: (_do(_A.DM),) * 5,
    Event.DISC: (
        _do(_A.DM),
        _do(_A.DM, _A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.UA),
        _do(_A.UA, _A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.UA, _A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
    ),
    Event.UA_F1: (
        _NONE,
        _do(_A.ZERO, _A.UP, to=_S.S3),
        _do(_A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
        _NONE,
    ),
    Event.UA_F0: (_NONE, _NONE, _NONE, _do(_A.RESETTING, _A.SABM, to=_S.S1), _NONE),
    Event.DM_F1: (
        _NONE,
        _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.STOP, _A.DOWN, _A.SABM, to=_S.S1),
        _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
    ),
    Event.DM_F0: (
        _do(_A.SABM, to=_S.S1),
        _NONE,
        _NONE,
        _do(_A.STOP, _A.DOWN, _A.SABM, to=_S.S1),
        _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
    ),
    Event.POLL: (_do(_A.DM), _NONE, _do(_A.DM), _do(_A.TRANSFER), _do(_A.REPEAT)),
    Event.COMMAND: (_NONE, _NONE, _NONE, _do(_A.TRANSFER), _do(_A.REPEAT)),
    Event.RESPONSE: (_NONE, _NONE, _NONE, _do(_A.TRANSFER), _NONE),
    Event.FRMR: (
        _NONE,
        _NONE,
        _NONE,
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
    ),
    Event.UNDEFINED: (_NONE, _NONE, _NONE, _do(_A.FRMR_W, to=_S.S4), _NONE),
    Event.INFORMATION: (_NONE, _NONE, _NONE, _do(_A.FRMR_WX, to=_S.S4), _NONE),
    Event.TOO_LONG: (_NONE, _NONE, _NONE, _do(_A.FRMR_Y, to=_S.S4), _NONE),
    Event.BAD_NR: (_NONE, _NONE, _NONE, _do(_A.FRMR_Z, to=_S.S4), _NONE),
    Event.T1: (
        _do(_A.SABM, to=_S.S1),
        _do(_A.SABM),
        _do(_A.DISC),
        _do(_A.RECOVER),
        _do(_A.REPEAT_T1),
    ),
    Event.T1_N2: (
        _do(_A.SABM, to=_S.S1),
        _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
    ),
    Event.T2: (_NONE, _NONE, _NONE, _do(_A.ACKNOWLEDGE), _NONE),
    Event.T3: (_NONE, *(_do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),) * 4),
    Event.T4: (_NONE, _NONE, _NONE, _do(_A.ASK), _NONE),
    Event.CONNECT: (_do(_A.SABM, to=_S.S1), _NONE, _NONE, _NONE, _NONE),
    Event.DISCONNECT: (
        _do(_A.STOP),
        _do(_A.DISC, _A.STOP, _A.DOWN, to=_S.S0),
        _NONE,
        _do(_A.STOP, _A.DISC, _A.DOWN, to=_S.S2),
        _do(_A.STOP, _A.DISC, _A.DOWN, to=_S.S2),
    ),
    Event.CARRIER_LOST: (_do(_A.STOP), *(_do(_A.STOP, _A.DOWN, to=_S.S0),) * 4),
    Event.CARRIER_BACK: (_do(_A.SABM, to=_S.S1), _NONE, _NONE, _NONE, _NONE),
}
"""X.25, of both roles. "Start T1" in S0 only if layer 3 wants the link: when T1 runs out, set-up begins again."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A cell that reads otherwise when ``field`` of the configuration is ``value``, perhaps in one role alone."""

    field: str
    value: str
    event: Event
    state: State
    rule: Rule
    role: Role | None = None


_DOWN = _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0)

VARIANTS: tuple[Variant, ...] = (
    Variant("set_up", "dte", Event.T1, _S.S0, _do(_A.INVITE), "dce"),
    Variant("set_up", "dte", Event.T1_N2, _S.S0, _do(_A.INVITE), "dce"),
    Variant("set_up", "dte", Event.CARRIER_BACK, _S.S0, _do(_A.START_T1), "dce"),
    Variant("set_up", "dte", Event.DM_F0, _S.S0, _NONE, "dce"),
    Variant("set_up", "dte", Event.DM_F1, _S.S3, _DOWN, "dce"),
    Variant("set_up", "dte", Event.DM_F0, _S.S3, _DOWN, "dce"),
    Variant("s0_exhausted", "stay", Event.T1_N2, _S.S0, _NONE, "dce"),
    Variant("s0_exhausted", "sabm", Event.T1_N2, _S.S0, _do(_A.SABM, to=_S.S1), "dce"),
    Variant("s3_exhausted", "down", Event.T1_N2, _S.S3, _DOWN),
    Variant("s4_exhausted", "down", Event.T1_N2, _S.S4, _DOWN),
    Variant("poll_in_s0", "ignore", Event.POLL, _S.S0, _NONE),
    Variant("disc_in_s0", "ua", Event.DISC, _S.S0, _do(_A.UA)),
    Variant("disc_in_s1", "stay", Event.DISC, _S.S1, _do(_A.DM)),
    Variant("disc_in_s4", "ignore", Event.DISC, _S.S4, _NONE),
    Variant("command_in_s4", "ignore", Event.POLL, _S.S4, _NONE),
    Variant("command_in_s4", "ignore", Event.COMMAND, _S.S4, _NONE),
    Variant("sabme", "frmr", Event.SABME, _S.S3, _do(_A.FRMR_W, to=_S.S4)),
    Variant("unsolicited_ua", "ignore", Event.UA_F1, _S.S3, _NONE),
    Variant("unsolicited_ua", "ignore", Event.UA_F0, _S.S3, _NONE),
    Variant("undefined_control", "ignore", Event.UNDEFINED, _S.S3, _NONE),
)
"""Later ones win. ``information_not_allowed`` and ``too_long`` have no cell: with ``accept`` these events don't
happen."""


WHY_DOWN = {
    Event.DISC: "the peer has disconnected",
    Event.DM_F1: "the peer is disconnected (DM)",
    Event.DM_F0: "the peer is disconnected (DM)",
    Event.T1_N2: "the peer does not answer",
    Event.T3: "the channel is idle",
    Event.DISCONNECT: "disconnected by request",
    Event.CARRIER_LOST: "the line is down",
}
WHY_RESET = {
    Event.SABM: "the peer has reset the link",
    Event.UA_F1: "unsolicited UA: resetting the link",
    Event.UA_F0: "unsolicited UA: resetting the link",
    Event.FRMR: "after FRMR: resetting the link",
    Event.T1_N2: "no acknowledgement: resetting the link",
}


def table(config: LapbConfig) -> dict[tuple[State, Event], Rule]:
    """The cells for ``config``."""
    cells = {
        (state, event): rule
        for event, rules in TABLE.items()
        for state, rule in zip(State, rules, strict=True)
    }
    for variant in VARIANTS:
        if getattr(config, variant.field) == variant.value and variant.role in (None, config.role):
            cells[variant.state, variant.event] = variant.rule
    return cells


def diagram() -> str:
    """The table as Markdown: a row an event, a column a state, for a link whose every option is the default."""
    head = [f"{state} {STATE_TEXT[state]}" for state in State]
    lines = ["| event | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    lines += [f"| {event} | " + " | ".join(map(str, rules)) + " |" for event, rules in TABLE.items()]
    return "\n".join(lines) + "\n"


def variants() -> str:
    """The cells that the options change, as Markdown."""
    lines = ["| setting | event | state | then |", "|---|---|---|---|"]
    for v in VARIANTS:
        setting = f"`{v.field} = {v.value!r}`" + (f" of a {v.role.upper()}" if v.role else "")
        lines.append(f"| {setting} | {v.event} | {v.state} {STATE_TEXT[v.state]} | {v.rule} |")
    return "\n".join(lines) + "\n"
