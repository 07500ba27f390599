"""The output of ``decode``: what was found in an input, as JSON or for people."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime

from protocol.codes import MessageCoding
from protocol.jsonform import to_json, unknown_json
from protocol.render import has_another_inside, masked_hex, octet_rows, render
from protocol.wire import MASK
from sorm_mediator.capture.events import Trouble
from sorm_mediator.capture.units import Found, Item, Skipped
from sorm_mediator.cli.common import echo
from sorm_mediator.language import Lang, Phrase, translate
from ssh_control.visible import visible


def time_text(time_ns: int) -> str:
    """A moment as ISO 8601 in UTC with nanoseconds."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # a damaged capture: the number itself is shown
        return f"{seconds}.{nanoseconds:09}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


class Show(ABC):
    """The common part of both forms of output: notes on stderr, and whether there were problems."""

    def __init__(self, lang: Lang) -> None:
        self.lang: Lang = lang
        self.fine = True
        self.count = 0
        self.wrong = 0
        self._skipped: list[str] = []

    def item(self, item: Item) -> None:
        """One thing that was found."""
        if isinstance(item, Trouble):
            self.fine &= not item.serious
            self.note(item.text)
        elif isinstance(item, Skipped):
            text = Phrase("{flow}: {count} octets, no units", flow=item.flow.label, count=item.octets)
            self._skipped.append(text)
        else:
            self.count += 1
            self.wrong += bool(item.problems)
            self.fine &= not item.problems
            self.found(item)

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

    def found(self, item: Found) -> None:
        if item.message is None:
            document = unknown_json(item.raw, item.offset, item.problems, lang=self.lang)
        else:
            document = to_json(item.message, item.raw, item.offset, item.problems, lang=self.lang)
        if item.flow.transport:
            document["flow"] = item.flow.label
        if item.flow.interface:
            document["interface"] = item.flow.interface
        if item.time_ns is not None:
            document["time"] = time_text(item.time_ns)
        sys.stdout.write(("[" if self.count == 1 else ",\n ") + json.dumps(document, ensure_ascii=False))

    def stop(self) -> None:
        if self.count:
            sys.stdout.write("]\n")

    def end(self) -> None:
        sys.stdout.write("]\n" if self.count else "[]\n")
        super().end()
        if self.wrong:
            self.note(Phrase("{wrong} of {count} units have problems", wrong=self.wrong, count=self.count))


class PeopleShow(Show):
    """Headings, aligned fields, octets and problems."""

    def __init__(self, lang: Lang, coding: MessageCoding) -> None:
        from rich.console import Console  # only where it is needed: it loads slowly

        super().__init__(lang)
        self.coding: MessageCoding = coding
        # soft_wrap: a line belongs to one field, however narrow the terminal or wide the value
        self._console = Console(highlight=False, soft_wrap=True)

    def _line(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self._console.print(Text(visible(text), style=style))

    def found(self, item: Found) -> None:
        self._line(", ".join(self._where(item)), "dim")
        if item.message is None:
            for row in octet_rows(item.raw, self.lang):
                self._line(f"  {row.value}")
        else:
            heading, *fields = render(item.message, self.lang, coding=self.coding, raw=item.raw)
            self._line(heading, "bold")
            for text in fields:
                self._line(text)
            self._line(f"  {masked_hex(item.raw, channel=item.message.channel)}", "dim")
        for problem in item.problems:
            path = f" {problem.path}" if problem.path else ""
            octet = translate(Phrase("octet"), self.lang)
            hidden = item.message is not None and has_another_inside(item.raw)
            text = MASK if hidden else translate(problem.message, self.lang)
            self._line(f"  ! {octet} {problem.offset}{path}: {text}", "red")
        self._line("")

    def _where(self, item: Found) -> Iterator[str]:
        place = Phrase("offset {offset}, {length} octets", offset=item.offset, length=len(item.raw))
        yield translate(place, self.lang)
        if item.flow.interface and not item.flow.label.startswith(item.flow.interface):
            yield item.flow.interface
        if item.flow.transport:
            yield item.flow.label
        if item.time_ns is not None:
            yield time_text(item.time_ns)
