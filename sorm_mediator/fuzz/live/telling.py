"""The actions of a finding in words: the surface, what was done, and what was sent, decoded where it decodes.

Passwords are never in them: values under ``secrets`` and ``units`` (guesses) are left out, and what looks like a
command in other octets is masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from protocol import Broken, Channel, Codec, Options, StreamFramer, Unit
from protocol.jsonform import to_json
from protocol.oneline import one_line
from protocol.render import masked_hex
from radius.packet import ReportError, packet_to_report
from radius.report import CallReport, Party
from radius.wire import AccountingPacket, MalformedError
from sorm_mediator.fuzz.live.action import Action, Round
from sorm_mediator.language import Phrase, join
from ssh_control.visible import visible

MOST_SHOWN: Final = 24
"""Octets that are shown of those that do not decode."""
MOST_UNITS: Final = 3
"""Units of one action that are told."""
MOST_TEXT: Final = 100
"""Characters of a text."""
APART: Final = frozenset(("hex", "times", "secrets", "units", "right", "split", "method", "path"))
"""Values that are told otherwise, or not."""


def told(rounds: Sequence[Round], options: Options) -> tuple[str, ...]:
    """A line for each action. ``options``: those of the mediator's codec."""
    lines: list[str] = []
    for one in rounds:
        for action in one.actions:
            line = sentence(action, options)
            lines.append(
                Phrase("round {number}, {line}", number=one.number, line=line) if len(rounds) > 1 else line
            )
    return tuple(lines)


def sentence(action: Action, options: Options) -> str:
    """One action."""
    given = (
        f"{key}={_short(value)}" for key, value in action.values.items() if key not in APART and value != ""
    )
    what: str = " ".join((action.surface, action.kind, *given))
    if action.times > 1:
        what = Phrase("{what}, {count} times", what=what, count=action.times)
    octets = action.octets
    if not octets:
        return what
    tell = _TOLD.get((action.surface, action.kind)) or _TOLD.get((action.surface, ""), _octets)
    return join(": ", [what, tell(octets, options)])


def _short(value: object) -> str:
    text = visible(str(value))
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}..."


def _octets(octets: bytes, options: Options) -> str:
    shown = masked_hex(octets[:MOST_SHOWN], anywhere=True)
    if len(octets) <= MOST_SHOWN:
        return shown
    return Phrase("{shown} ... ({count} octets)", shown=shown, count=len(octets))


def _units(octets: bytes, options: Options) -> str:
    """The units of a data channel, and what is none between them."""
    found = list(_items(octets, options))
    if len(found) > MOST_UNITS:
        more = Phrase("and {count} more", count=len(found) - MOST_UNITS)
        found = [*found[:MOST_UNITS], more]
    return join("; ", found)


def _items(octets: bytes, options: Options) -> Iterator[str]:
    codec, framer = Codec(options), StreamFramer(Channel.COMMAND, options)
    for item in (*framer.feed(octets), *framer.flush()):
        if isinstance(item, Unit):
            message, problems = codec.decode_lenient(item.raw)
            yield visible(one_line(to_json(message, item.raw, problems=problems)))
        elif isinstance(item, Broken):
            why = item.explain(options)
            yield Phrase("no unit, {why}: {octets}", why=why, octets=_octets(item.raw, options))
        else:
            why = Phrase("none begins here")
            yield Phrase("no unit, {why}: {octets}", why=why, octets=_octets(item.sample, options))


def _report(octets: bytes, options: Options) -> str:
    """A datagram of RADIUS. Whether it is rightly signed can't be told without the secret."""
    try:
        packet = AccountingPacket.received(octets, b"")
        report: CallReport = packet_to_report(packet)
    except (MalformedError, ReportError) as error:
        return Phrase("no report, {why}; {octets}", why=visible(str(error)), octets=_octets(octets, options))
    return Phrase(
        "report {number} ({kind}) of call {call}: {a} calls {b}, objects {objects}",
        number=report.sequence, kind=report.kind, call=_short(report.call_id), a=_party(report.calling),
        b=_party(report.called), objects=", ".join(str(one.object_number) for one in report.matches) or "-",
    )  # fmt: skip


def _party(party: Party) -> str:
    return _short(party.digits) or "-"


def _request(octets: bytes, options: Options) -> str:
    """The first line of a request, and how much follows its head."""
    head, _, body = octets.partition(b"\r\n\r\n")
    line = _short(head.split(b"\r\n")[0].decode("latin-1"))
    return Phrase("{line}, body of {count} octets", line=line, count=len(body)) if body else line


def _text(octets: bytes, options: Options) -> str:
    """Lines that are sent to the switch's port."""
    lines = octets.decode("utf-8", "replace").split("\n")
    first = _short(lines[0])
    more = len([one for one in lines[1:] if one])
    return Phrase("{line}, and {count} lines more", line=first, count=more) if more else first


_TOLD: Final[Mapping[tuple[str, str], Callable[[bytes, Options], str]]] = {
    ("kpd", ""): _units,
    ("e1", "message"): _units,
    ("radius", ""): _report,
    ("http", ""): _request,
    ("ssh", ""): _text,
    ("ssh", "raw"): _octets,
    ("switch", ""): _text,
}
"""How the octets of a surface are told, by surface and kind; "": of its other kinds. Of all others: in hexadecimal."""
