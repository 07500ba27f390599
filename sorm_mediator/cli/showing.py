"""The output of ``decode``: what was found in an input, as JSON or for people."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from datetime import UTC, datetime

from protocol.codes import MessageCoding
from protocol.jsonform import unknown_json
from protocol.jsontext import dumps, json_text
from protocol.memo import Memo
from protocol.render import has_another_inside, masked_hex, octet_rows, render
from protocol.wire import MASK
from sorm_mediator.capture.events import Flow, Pause, Trouble
from sorm_mediator.capture.units import Found, Item
from sorm_mediator.cli.common import echo
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.reports.people import is_coloured
from ssh_control.visible import visible

_DIM, _BOLD, _RED = "2", "1", "31"
"""Styles of a terminal (ECMA-48, SGR)."""


def time_text(time_ns: int) -> str:
    """A moment as ISO 8601 in UTC with nanoseconds."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    begin, end = _SECONDS[seconds]
    return f"{begin}.{nanoseconds:09}{end}"


def _second_text(seconds: int) -> tuple[str, str]:
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # a damaged capture: the number itself is shown
        return str(seconds), ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}", "Z"


_SECONDS = Memo(_second_text)


class Show(ABC):
    """The common part of both forms of output: notes on stderr, and whether there were problems."""

    def __init__(self, lang: Lang) -> None:
        self.lang: Lang = lang
        self.fine = True
        self.count = 0
        self.wrong = 0
        self._skipped: list[str] = []
        self._packet: object = None
        """What tells the packet of the last unit."""

    def comment(self, item: Found) -> str:
        """The comment of a unit's packet; empty behind the first unit of the packet."""
        packet = item.flow, item.time_ns, item.comment
        is_new, self._packet = packet != self._packet, packet
        return item.comment if is_new else ""

    def item(self, item: Item) -> None:
        """One thing that was found."""
        if isinstance(item, Found):
            self.count += 1
            if item.problems:
                self.wrong += 1
                self.fine = False
            self.found(item)
        elif isinstance(item, Pause):
            sys.stdout.flush()
        elif isinstance(item, Trouble):
            self.fine &= not item.serious
            self.note(item.text)
        else:
            text = Phrase("{flow}: {count} octets, no units", flow=item.flow.label, count=item.octets)
            self._skipped.append(text)

    @abstractmethod
    def found(self, item: Found) -> None:
        """One unit, or octets that are no unit."""

    def stop(self) -> None:  # noqa: B027 - only the JSON list has an end to write
        """Reading can't go on."""

    def end(self) -> None:
        """The end of the input."""
        for text in self._skipped:
            self.note(Phrase("not shown: {text}", text=text))
        if not self.count:
            self.fine = False
            self.note(Phrase("no units found"))

    def note(self, text: str) -> None:
        """A note about the whole input, on stderr."""
        echo(f"sorm-mediator: {translate(text, self.lang)}", err=True)


class JsonShow(Show):
    """One list, written as its members come."""

    _after = "}"

    def __init__(self, lang: Lang) -> None:
        super().__init__(lang)
        self._flows = Memo(_flow_members)

    def found(self, item: Found) -> None:
        if item.message is None:
            text = dumps(unknown_json(item.raw, item.offset, item.problems, lang=self.lang))[:-1]
        else:
            text = json_text(item.message, item.raw, item.offset, item.problems, self.lang)
        text = self._before() + text + self._flows[item.flow]
        if item.time_ns is not None:
            text += f', "time": "{time_text(item.time_ns)}"'
        if comment := self.comment(item):
            text += f', "comment": {dumps(comment)}'
        sys.stdout.write(text + self._after)

    def _before(self) -> str:
        return "[" if self.count == 1 else ",\n "

    def stop(self) -> None:
        if self.count:
            sys.stdout.write("]\n")

    def end(self) -> None:
        self._end_list()
        super().end()
        if self.wrong:
            self.note(Phrase("{wrong} of {count} units have problems", wrong=self.wrong, count=self.count))

    def _end_list(self) -> None:
        sys.stdout.write("]\n" if self.count else "[]\n")


class JsonLinesShow(JsonShow):
    """An object a line, each whole as soon as it comes."""

    _after = "}\n"

    def _before(self) -> str:
        return ""

    def stop(self) -> None:
        """No list is open."""

    def _end_list(self) -> None:
        """No list is open."""


def _flow_members(flow: Flow) -> str:
    """The members of a document that say where it was captured."""
    members = {"flow": flow.label} if flow.transport else {}
    if flow.interface:
        members["interface"] = flow.interface
    return f", {dumps(members)[1:-1]}" if members else ""


class PeopleShow(Show):
    """Headings, aligned fields, octets and problems."""

    def __init__(self, lang: Lang, coding: MessageCoding) -> None:
        super().__init__(lang)
        self.coding: MessageCoding = coding
        self._place = translate(Phrase("offset {offset}, {length} octets"), lang)
        self._flows = Memo(_flow_place)
        self._styled = is_coloured()

    def found(self, item: Found) -> None:
        where = self._place.format(offset=item.offset, length=len(item.raw)) + self._flows[item.flow]
        if item.time_ns is not None:
            where += f", {time_text(item.time_ns)}"
        octets = ""
        if item.message is None:
            lines = [
                where,
                *(f"  {row.value}" for row in octet_rows(item.raw, self.lang, before=item.before)),
            ]
        else:
            lines = [where, *render(item.message, self.lang, coding=self.coding, raw=item.raw)]
            octets = f"  {masked_hex(item.raw, channel=item.message.channel)}"
            lines.append(octets)
        problems = self._problems(item) if item.problems else []
        if not "".join(lines).isprintable():
            lines = list(map(visible, lines))
        if self._styled:
            lines[0] = _styled(lines[0], _DIM)
            if octets:
                lines[1], lines[-1] = _styled(lines[1], _BOLD), _styled(lines[-1], _DIM)
            problems = [_styled(problem, _RED) for problem in problems]
        comments = [f"  # {visible(line)}" for line in self.comment(item).splitlines()]
        if self._styled:
            comments = [_styled(comment, _DIM) for comment in comments]
        sys.stdout.write("\n".join([*lines, *comments, *problems]) + "\n\n")

    def _problems(self, item: Found) -> list[str]:
        octet = translate(Phrase("octet"), self.lang)
        hidden = item.message is not None and has_another_inside(item.raw)
        lines = []
        for problem in item.problems:
            path = f" {problem.path}" if problem.path else ""
            text = MASK if hidden else translate(problem.message, self.lang)
            lines.append(visible(f"  ! {octet} {problem.offset}{path}: {text}"))
        return lines


def _styled(line: str, style: str) -> str:
    return f"\x1b[{style}m{line}\x1b[0m"


def _flow_place(flow: Flow) -> str:
    """Where a unit was captured, to follow its place."""
    parts = []
    if flow.interface and not flow.label.startswith(flow.interface):
        parts.append(flow.interface)
    if flow.transport:
        parts.append(flow.label)
    return "".join(f", {part}" for part in parts)
