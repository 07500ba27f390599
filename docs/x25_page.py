"""docs/x25.md, from the tables that the packet layer runs on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from docs.e1_page import default_cell, fields
from docs.state_tables import arrows
from e1.carriers.serial_line import SerialConfig
from e1.carriers.xot import STATUS_TEXTS, XOT_TABLE, XotConfig
from e1.x25.config import X25Config
from e1.x25.machine import NAMES, TIMERS, X25_TABLE, CircuitKind, X25Move
from e1.x25.outbox import AGREEMENT_TABLE
from e1.x25.packets import CLEAR_CAUSES, DIAGNOSTICS, PACKETS, RESET_CAUSES, RESTART_CAUSES, Table
from sorm_mediator.mediator.binding.streams import KPD_TABLE

_BEGINNING = """\
# X.25 packet layer

One circuit (a KPD) per link, permanent or switched, modulo 8. `e1/x25/` is a synchronous state machine: packets,
messages and the time go in, effects come out. A bad packet is answered as the tables below say, and told as an alarm;
nothing that a peer sends raises an error.

| module | what it holds |
|---|---|
| `x25.layer` | the inputs, and what is wrong with a packet in the present state |
| `x25.machine` | the state tables, and the machine of one circuit that runs on them |
| `x25.outbox` | messages on the way, and what the peer tells of them after a link loss |
| `x25.config` | settings |
| `x25.effects` | effects that are not events of a channel |
| `x25.terms` | negotiation of packet size and window |
| `x25.packets` | packets to octets and back; causes and diagnostics in words |
| `channel` | X.25 on LAPB; the same in a timeslot |
| `events` | what a channel reports |
| `carriers.xot` | X.25 over TCP |
| `carriers.serial_line` | X.25 on LAPB over a serial port (RFC 1662) |

## Messages

A message goes as full packets with M = 1 and a last one with M = 0. Packets are joined until M = 0. Every data packet
is acknowledged as soon as it arrives, by RR or by data that goes out at that moment. A side that is busy sends RNR;
what comes all the same, at most a window, is kept, and delivered and acknowledged when it is ready.

Each message is delivered once and in order, or given up and told (`Undelivered`):

- **Reset, Restart, Clear on a link that holds.** A peer may acknowledge late (that of Linux, up to 3 s), so what is not
  acknowledged may have arrived. LAPB tells: what the peer's LAPB had acknowledged before the peer sent its request did
  arrive, for there is no network between; the rest is discarded by the peer, and sent again. A peer that confirms our
  own request has had all that went before it. What a busy peer (RNR) has not acknowledged it did not take.
  LAPB does not tell if frames were sent again within the last T1, or so many came that one may have
  waited for its window; nor for what a peer complains of, or tells of the far end of a network.
- **The link was lost or reset.** Acknowledgements may have been lost with it. Two ends of this product tell each other
  how many messages arrived: the diagnostic of the Restart is 80h + the number modulo 16, or 00 from an end that was
  just started (option `resume`). X.25 and ISO 8208 give these codes no meaning, so other equipment ignores them.
  Whether both ends count from the same message:

  ```text
{agreement}
  ```

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
sends a confirmation all the same does no harm: one is left out of account. Of several Restarts, Resets or Clears that
are out, sent again by the timer, the confirmation of the last counts, as far as LAPB shows which the peer had. A packet
on another logical channel is answered by Clear 13/24 (option `unassigned`: a Diagnostic packet by a DCE); a wrong
general format identifier, or a packet that is too short for a header, by a Diagnostic packet of a DCE (option
`diagnostics`).

On a PVC, Reset with cause 01 or 1D says that the far end is dead: the circuit is down, what is sent waits. Any other
Reset, or data, says that it is back.

## Over TCP (XOT)

One connection is one circuit; there is no LAPB, no Restart, Diagnostic or REJ, and the logical channel number means
nothing. A call always carries packet size and window. A permanent circuit begins with PVC Setup each way, then both
ends reset it. After a Clear the connection is closed; a client connects again. A server tells its circuits apart by
interface name and number in PVC Setup, or by the number called. Nothing tells what arrived before a connection broke
or a circuit was reset or cleared, so `in_doubt` decides.

```text
{xot}
```

| status of PVC Setup | meaning | значение |
|---|---|---|
"""

_SERIAL = """\

## Over a serial port

Frames of LAPB between flags 7Eh; 7Eh, 7Dh and the characters of `accm` escaped by 7Dh; FCS-16. A port that fails is
told as an alarm and opened again. With `watch_carrier` the channel follows the carrier signal of the modem.

## A console channel of the mediator

What the core of the mediator has of KPD1 or KPD2 ([streams](streams.md)). Every other input is ignored.

```text
{kpd}
```

"""


def page() -> str:
    """The whole page."""
    agreement = "\n".join(f"  {line}" for line in arrows(AGREEMENT_TABLE).split("\n"))
    parts = [_BEGINNING.replace("{agreement}", agreement), "## Tables\n\n"]
    names = "; ".join(f"{state} {dte} or {dce}" for state, (dte, dce) in NAMES.items() if dte)
    parts.append(f"The standard's names of the states, of a DTE and of a DCE: {names}.\n\n")
    for kind in (CircuitKind.PVC_DCE, CircuitKind.SVC_DCE):
        parts.append(f"### {kind.value[0].upper()}{kind.value[1:]}\n\n```text\n{machine(kind)}\n```\n\n")
    parts += [_AFTER_TABLES.replace("{xot}", arrows(XOT_TABLE))]
    parts += [f"| {status:02X}h | {text} | {_russian(text)} |\n" for status, text in STATUS_TEXTS.items()]
    parts += [_SERIAL.replace("{kpd}", arrows(KPD_TABLE)), _timers(), _settings(), _packets(), _codes()]
    return "".join(parts)


class _Words(NamedTuple):
    """A reaction of the table in words, with the cause and diagnostic that it sends."""

    value: str


def machine(kind: CircuitKind) -> str:
    """One table: a line per state and input."""
    return arrows(
        {
            (state, what): X25Move(move.next, (_Words(_reaction(move)),))  # type: ignore[arg-type]
            for (of, state, what), move in X25_TABLE.items()
            if of is kind
        }
    )


def _reaction(move: X25Move) -> str:
    text = ", ".join(action.value for action in move.actions)
    if move.diagnostic is None:
        return f"{text} {move.cause:02X}/as the error has it"
    return f"{text} {move.cause:02X}/{move.diagnostic:02X}" if move.cause or move.diagnostic else text


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
        for name, text in fields(type(defaults)):
            default = "" if name in ("x25", "url") else default_cell(getattr(defaults, name))
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
        parts += [f"| {code:02X}h | {text} | {_russian(text)} |\n" for code, text in texts.items()]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _russian(text: str) -> str:
    start, found, state = text.partition("packet type invalid for state ")
    return f"недопустимый тип пакета в состоянии {state}" if found and not start else _RUSSIAN[text]


_RUSSIAN: Mapping[str, str] = {
    "DTE originated": "по инициативе ООД",
    "number busy": "номер занят",
    "invalid facility request": "недопустимая услуга",
    "network congestion": "перегрузка сети",
    "out of order": "неисправность",
    "access barred": "доступ запрещён",
    "not obtainable": "абонент недоступен",
    "remote procedure error": "процедурная ошибка удалённой стороны",
    "local procedure error": "местная процедурная ошибка",
    "RPOA out of order": "неисправность выбранной частной сети",
    "reverse charging not accepted": "оплата вызываемым не принята",
    "incompatible destination": "несовместимое назначение",
    "fast select not accepted": "быстрая выборка не принята",
    "destination absent": "назначение отсутствует",
    "out of order (PVC)": "неисправность (PVC)",
    "remote DTE operational (PVC)": "удалённое ООД работает (PVC)",
    "network operational (PVC)": "сеть работает (PVC)",
    "network out of order (PVC)": "неисправность сети (PVC)",
    "network operational": "сеть работает",
    "registration/cancellation confirmed": "регистрация или её отмена подтверждена",
    "no additional information": "без дополнительных сведений",
    "invalid P(S)": "недопустимый P(S)",
    "invalid P(R)": "недопустимый P(R)",
    "packet type invalid": "недопустимый тип пакета",
    "packet not allowed": "пакет не разрешён",
    "unidentifiable packet": "неопознаваемый пакет",
    "call on a one-way logical channel": "вызов по одностороннему логическому каналу",
    "packet type invalid on a PVC": "недопустимый тип пакета в PVC",
    "packet on an unassigned logical channel": "пакет в неназначенном логическом канале",
    "REJ not subscribed to": "услуга REJ не заказана",
    "packet too short": "пакет слишком короткий",
    "packet too long": "пакет слишком длинный",
    "invalid general format identifier": "недопустимый идентификатор общего формата",
    "restart on a logical channel other than 0": "рестарт не в логическом канале 0",
    "packet not compatible with a facility": "тип пакета не совместим с услугой",
    "unauthorised interrupt confirmation": "неразрешённое подтверждение прерывания",
    "unauthorised interrupt": "неразрешённое прерывание",
    "unauthorised reject": "неразрешённый REJ",
    "timer expired": "истёк таймер",
    "timer expired for a call": "истёк таймер вызова",
    "timer expired for a clear": "истёк таймер разъединения",
    "timer expired for a reset": "истёк таймер сброса",
    "timer expired for a restart": "истёк таймер рестарта",
    "timer expired for call deflection": "истёк таймер перенаправления вызова",
    "call set-up, clearing or registration problem": "ошибка установления или разъединения",
    "facility code not allowed": "код услуги не разрешён",
    "facility parameter not allowed": "параметр услуги не разрешён",
    "invalid called address": "недопустимый адрес вызываемого",
    "invalid calling address": "недопустимый адрес вызывающего",
    "invalid facility length": "недопустимая длина поля услуг",
    "incoming call barred": "входящие вызовы запрещены",
    "no logical channel available": "нет свободного логического канала",
    "call collision": "столкновение вызовов",
    "duplicate facility": "услуга запрошена дважды",
    "non-zero address length": "ненулевая длина адреса",
    "non-zero facility length": "ненулевая длина поля услуг",
    "facility not provided when expected": "нет ожидаемой услуги",
    "invalid CCITT-specified DTE facility": "недопустимая услуга ООД по МККТТ",
    "too many redirections": "слишком много перенаправлений",
    "miscellaneous": "прочее",
    "improper cause code from a DTE": "недопустимая причина от ООД",
    "not octet aligned": "не целое число октетов",
    "inconsistent Q bit": "разный бит Q в одной последовательности",
    "NUI problem": "ошибка идентификатора пользователя сети",
    "international problem": "международная неисправность",
    "remote network problem": "неисправность удалённой сети",
    "international protocol problem": "международная ошибка протокола",
    "international link out of order": "международная линия неисправна",
    "international link busy": "международная линия занята",
    "transit network facility problem": "ошибка услуги транзитной сети",
    "remote network facility problem": "ошибка услуги удалённой сети",
    "international routing problem": "ошибка международной маршрутизации",
    "temporary routing problem": "временная ошибка маршрутизации",
    "maintenance action": "техническое обслуживание",
    "up": "установлен",
    "destination disconnected": "назначение отключено",
    "connection refused": "в соединении отказано",
    "routing error": "ошибка маршрутизации",
    "connection timed out": "время соединения истекло",
    "no such interface": "нет такого интерфейса",
    "the interface is down": "интерфейс не работает",
    "not an X.25 interface": "интерфейс не X.25",
    "no such PVC": "нет такого PVC",
    "the PVC is configured otherwise": "PVC настроен иначе",
    "windows or packet sizes differ": "окна или размеры пакета различаются",
    "windows or packet sizes not supported": "окна или размеры не поддерживаются",
    "protocol error": "ошибка протокола",
}
