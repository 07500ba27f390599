"""docs/x25.md, from the tables that the packet layer runs on."""

from __future__ import annotations

from collections.abc import Mapping

from docs.e1_page import _default, _fields
from e1.carriers.serial_line import SerialConfig
from e1.carriers.xot import STATUS_TEXTS, XotConfig
from e1.x25.codes import CLEAR_CAUSES, DIAGNOSTICS, RESET_CAUSES, RESTART_CAUSES, Table
from e1.x25.config import Circuit, Role, X25Config
from e1.x25.machine import ACTIONS, NAMES, TIMERS, Input, Rule, State, table
from e1.x25.packets import PACKETS

_BEGINNING = """\
# X.25 packet layer

One circuit (a KPD) per link, permanent or switched, modulo 8. `e1/x25/` is a synchronous state machine: packets,
messages and the time go in, effects come out. A bad packet is answered as the tables below say, and told as an alarm;
nothing that a peer sends raises an error.

| module | what it holds |
|---|---|
| `x25` | the inputs, and what is wrong with a packet in the present state |
| `x25_table` | what happens when |
| `x25_actions` | how it is done |
| `x25_outbox` | messages on the way, and what the peer tells of them after a link loss |
| `x25_calls` | negotiation of packet size and window |
| `x25_packets`, `x25_decode` | packets to octets and back |
| `data_link`, `channel` | X.25 on LAPB; the same in a timeslot |
| `lines/xot` | X.25 over TCP |
| `lines/serial_line` | X.25 on LAPB over a serial port (RFC 1662) |

## Messages

A message goes as full packets with M = 1 and a last one with M = 0. Packets are joined until M = 0. Every data packet
is acknowledged as soon as it arrives, by RR or by data that goes out at that moment. A side that is busy sends RNR;
what comes all the same, at most a window, is kept, and delivered and acknowledged when it is ready.

Each message is delivered once and in order, or given up and told (`Lost`, on a channel `Undelivered`):

- **Reset, Restart, Clear on a link that holds.** A peer may acknowledge late (that of Linux, up to 3 s), so what is not
  acknowledged may have arrived. LAPB tells: what the peer's LAPB had acknowledged before the peer sent its request did
  arrive, for there is no network between; the rest is discarded by the peer, and sent again. A peer that confirms our
  own request has had all that went before it. What a busy peer (RNR) has not acknowledged it did not take.
  LAPB does not tell if frames were sent again within the last T1, or so many came that one may have
  waited for its window; nor for what a peer complains of, or tells of the far end of a network.
- **The link was lost or reset.** Acknowledgements may have been lost with it. Two ends of this product tell each other
  how many messages arrived: the diagnostic of the Restart is 80h + the number modulo 16, or 00 from an end that was
  just started (option `resume`). X.25 and ISO 8208 give these codes no meaning, so other equipment ignores them.
- **Nobody tells.** Messages that were sent entirely and not acknowledged are in doubt, at most as many as the
  window. Option `in_doubt`: `report` gives them up, so nothing is delivered twice; `repeat` sends them again, so
  nothing is lost.
- **A Reset cuts a message of several packets**; so do Restart, Clear and link loss. The receiver drops the packets that
  it has of the message, and a sender of this product sends it again from its beginning. Other equipment may send only
  what was not acknowledged, as Linux does: then the rest of the message comes as if it were a whole one. X.25
  does not tell, so what a message means must tell (a unit that is cut is refused by its length).
- With `keep_on_reset` off, nothing survives any of these, and everything is told.

"""

_AFTER_TABLES = """\
A DTE always sends cause 00. A packet that breaks a rule is one with a wrong P(S) or P(R), too long, too short, of an
unknown type, with another Q bit than the sequence, an interrupt or confirmation that isn't due. What isn't in a table
is discarded. Two Restarts that cross confirm each other: nothing is sent. So do two Resets or two Clears; a peer that
sends a confirmation all the same does no harm: one is left out of account. A packet on another logical channel is
answered by Clear 13/24 (option `unassigned`: a Diagnostic packet by a DCE); a wrong general format identifier, or a
packet that is too short for a header, by a Diagnostic packet of a DCE (option `diagnostics`).

On a PVC, Reset with cause 01 or 1D says that the far end is dead: the circuit is down, what is sent waits. Any other
Reset, or data, says that it is back.

## Over TCP (XOT)

One connection is one circuit; there is no LAPB, no Restart, Diagnostic or REJ, and the logical channel number means
nothing. A call always carries packet size and window. A permanent circuit begins with PVC Setup each way, then both
ends reset it. After a Clear the connection is closed; a client connects again. A server tells its circuits apart by
interface name and number in PVC Setup, or by the number called. Nothing tells what arrived before a connection broke
or a circuit was reset or cleared, so `in_doubt` decides.

| status of PVC Setup | meaning | значение |
|---|---|---|
"""

_SERIAL = """\

## Over a serial port

Frames of LAPB between flags 7Eh; 7Eh, 7Dh and the characters of `accm` escaped by 7Dh; FCS-16. A port that fails is
told as an alarm and opened again. With `watch_carrier` the channel follows the carrier signal of the modem.

"""


def page() -> str:
    """The whole page."""
    parts = [_BEGINNING, "## Tables\n\n"]
    for circuit, name in (("pvc", "Permanent circuit"), ("svc", "Switched circuit")):
        parts += [f"### {name}, DCE\n\n", machine(circuit, "dce"), "\n"]
    parts += [_AFTER_TABLES]
    parts += [f"| {status:02X}h | {en} | {ru} |\n" for status, (en, ru) in STATUS_TEXTS.items()]
    parts += [_SERIAL, _timers(), _settings(), _packets(), _codes()]
    return "".join(parts)


def machine(circuit: Circuit, role: Role) -> str:
    """One table as Markdown: a line per state and reaction."""
    lines = ["| state | input | reaction | next |", "|---|---|---|---|"]
    groups: dict[tuple[State, Rule], list[Input]] = {}
    for (state, what), rule in table(circuit, role).items():
        groups.setdefault((state, rule), []).append(what)
    for state in State:
        for (of, rule), inputs in groups.items():
            if of is state:
                lines.append(
                    f"| {_name(state, role)} | {'; '.join(inputs)} | {_reaction(rule, role)} "
                    f"| {_name(rule.next, role)} |"
                )
    return "\n".join(lines) + "\n"


def _name(state: State, role: Role) -> str:
    return f"{NAMES[state][role == 'dce']} {state}".strip()


def _reaction(rule: Rule, role: Role) -> str:
    text = ACTIONS[rule.action]
    cause = f"{0 if role == 'dte' else rule.cause:02X}"
    if rule.diagnostic is None:
        return f"{text} {cause}/as the error has it"
    if rule.cause or rule.diagnostic:
        return f"{text} {cause}/{rule.diagnostic:02X}"
    return text


def _timers() -> str:
    lines = ["## Timers\n\n", "| waiting for | DTE | DCE |\n|---|---|---|\n"]
    defaults = X25Config()
    for state, names in TIMERS.items():
        told = []
        for name in names:
            retries = getattr(defaults, f"r{name[1:]}", 0)
            told.append(f"{name.upper()} {getattr(defaults, name):g} s, {retries} retries")
        lines.append(f"| the end of {state} | {told[0]} | {told[1]} |\n")
    return "".join([*lines, "\n"])


def _settings() -> str:
    parts = []
    for title, defaults in (
        ("a circuit", X25Config()),
        ("a circuit over TCP", XotConfig(x25=X25Config())),
        ("a serial port", SerialConfig(url="")),
    ):
        parts.append(f"## Settings of {title}\n\n| setting | default | meaning |\n|---|---|---|\n")
        for name, text in _fields(type(defaults)):
            default = "" if name in ("x25", "url") else _default(getattr(defaults, name))
            parts.append(f"| `{name}` | {default} | {text} |\n")
        parts.append("\n")
    return "".join(parts)


def _packets() -> str:
    lines = ["## Packets\n\n", "| packet | type | example |\n|---|---|---|\n"]
    for kind in PACKETS:
        example = min(kind.vectors, key=len)
        lines.append(f"| {kind.title} | {kind.kind:02X}h | `{example}` |\n")
    return "".join([*lines, "\n"])


def _codes() -> str:
    tables: Mapping[str, Table] = {
        "Causes of Clear": CLEAR_CAUSES,
        "Causes of Reset": RESET_CAUSES,
        "Causes of Restart": RESTART_CAUSES,
        "Diagnostics": DIAGNOSTICS,
    }
    parts = []
    for title, texts in tables.items():
        parts.append(f"## {title}\n\n| code | meaning | значение |\n|---|---|---|\n")
        parts += [f"| {code:02X}h | {text.en} | {text.ru} |\n" for code, text in texts.items()]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"
