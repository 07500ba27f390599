"""A trace down to the console: the switch's routing, then the mediator's own rewriting of the numbers.

Source: ECSS-10 manual, Number format check; Eltex SMG1016M manual, SORM settings; order 268, 10.3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from protocol.codes import NUMBER_SIGNS, Order
from protocol.composite import PartyOctets
from protocol.texts import value_name_text
from protocol.values import Party
from radius import report
from sorm_mediator.config import MediatorConfig
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.routing.route import NUMBER_INDICATORS
from sorm_mediator.switch.trace.trace import Trace, TracedHop, TraceRequest, document, text_of, trace

TO_THE_CONSOLE: Final = Phrase("To the console")
OBJECT: Final = Phrase("object")
ROWS: Final = (("a", "41h"), ("a", "42h-44h"), ("b", "41h-44h"))
"""The party with the object, and the events with these numbers."""


class Rewriting(Protocol):
    """A mediator's rewriting of a report's numbers; :class:`~sorm_mediator.mediator.core.numbers.Numbers`."""

    def plain(self, party: report.Party) -> Party:
        """The calling side."""

    def called(self, party: report.Party, *, by_a: bool) -> Party:
        """The called side. ``by_a``: for an object at A."""


def signs_of(order: Order, rewriting: Rewriting) -> Mapping[str, int]:
    """The order's octet for each number indicator of the switch, as translated by the mediator."""
    octets = {sign: octet for octet, sign in NUMBER_SIGNS[order].items()}
    signs = {ni: rewriting.plain(report.Party(digits="0", ni=ni)).sign for ni in NUMBER_INDICATORS}
    return {ni: octets[sign] for ni, sign in signs.items() if sign in octets}


@dataclass(frozen=True, slots=True)
class Shown:
    """The numbers of a call shown to the console: for an object at A or B (``role``), in which ``events``."""

    role: str
    events: str
    calling: Party
    called: Party


class LabTrace:
    """Traces calls of a switch down to the console of one mediator.

    ``rewriting``: that of the same mediator.
    """

    def __init__(self, domains: Mapping[str, Domain], mediator: MediatorConfig, rewriting: Rewriting) -> None:
        self._domains = domains
        self._mediator = mediator
        self._numbers = rewriting
        self._signs = signs_of(mediator.order, rewriting)
        self._octets = PartyOctets(
            NUMBER_SIGNS[mediator.order], zero=mediator.zero_digit, extra=mediator.options.extra_digits
        )

    def trace(self, domain: Domain, request: TraceRequest) -> Trace:
        """Trace a call. Raises :class:`~sorm_mediator.switch.trace.trace.TraceError` for what can't be understood."""
        return trace(self._domains, domain, request)

    def document(self, traced: Trace) -> dict[str, Any]:
        """The trace as one JSON document, ``sign`` by the order, with ``console`` for the call and for each domain."""
        found = document(traced, self._signs)
        found["order"] = self._mediator.order
        found["console"] = self._console(traced.shown) if not traced.reason else []
        for hop, shown in zip(found["hops"], traced.hops, strict=True):
            hop["console"] = [] if shown.hop.problem else self._console(shown)
        return found

    def text(self, traced: Trace, now: float, lang: Lang = "en") -> str:
        """The trace in the form of the switch, and the console's view below. ``now``: Unix seconds."""
        lines = [text_of(traced, now, lang)]
        if not traced.reason:
            head = f"{translate(TO_THE_CONSOLE, lang)} ({self._mediator.order})"
            lines += [f"{head}:", *(f"  {line}" for line in self._table(traced.shown, lang))]
            for hop in self._otherwise(traced):
                name = hop.hop.domain.name
                of = Phrase("for objects of {domain}", domain=name)
                lines += [
                    f"{head}, {translate(of, lang)}:",
                    *(f"  {line}" for line in self._table(hop, lang)),
                ]
        return "\n".join(lines)

    def _otherwise(self, traced: Trace) -> list[TracedHop]:
        """The other domains of the path with different numbers, for a console that controls them."""
        known = [self._digits(traced.shown)]
        found = []
        for hop in traced.hops:
            digits = self._digits(hop)
            if digits not in known:
                known.append(digits)
                found.append(hop)
        return found

    def _digits(self, traced: TracedHop) -> list[tuple[object, object]]:
        return [(shown.calling.number, shown.called.number) for shown in self.shown(traced)]

    def shown(self, traced: TracedHop) -> list[Shown]:
        """The numbers of the call in one domain as the console receives them (order 268, 10.3.2)."""
        leg = traced.leg
        calling = self._numbers.plain(leg.calling.party)
        called = {
            ("a", "41h"): self._numbers.called(leg.shown_to_a, by_a=True),
            ("a", "42h-44h"): self._numbers.called(leg.called.party, by_a=True),
            ("b", "41h-44h"): self._numbers.called(leg.called.party, by_a=False),
        }
        return [Shown(role, events, calling, called[role, events]) for role, events in ROWS]

    def _console(self, traced: TracedHop) -> list[dict[str, Any]]:
        return [
            {
                "object": shown.role,
                "events": shown.events,
                "calling": self._party(shown.calling),
                "called": self._party(shown.called),
            }
            for shown in self.shown(traced)
        ]

    def _party(self, party: Party) -> dict[str, Any]:
        octets = self._octets.write(party)
        return {
            "digits": party.number or "",
            "sign": octets[0],
            "number_sign": party.sign,
            "octets": octets.hex(" ").upper(),
        }

    def _table(self, traced: TracedHop, lang: Lang) -> list[str]:
        object_at = translate(OBJECT, lang)
        return [
            f"{object_at} {shown.role.upper()}  {shown.events:<7}  "
            f"{self._words(shown.calling, lang)} -> {self._words(shown.called, lang)}"
            for shown in self.shown(traced)
        ]

    def _words(self, party: Party, lang: Lang) -> str:
        """The digits as they are sent (digit 0 may be half-byte Ah), and the sign."""
        sign = value_name_text(party.sign, lang) if isinstance(party.sign, str) else "-"
        digits = party.number if isinstance(party.number, str) else "-"
        sent = digits.replace("0", self._mediator.zero_digit)
        return f"{sent} ({self._octets.write(party)[0]:02X}h {sign})"
