"""A trace as text, with the look of the switch's ``routing/trace``.

Source: ECSS-10 manual, Number format check, the example of ``routing/trace``. Between "Default context" and the line
of dashes the manual prints dots: the rules tried there, and what follows the options, are printed in our own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from protocol.language import translate
from sorm_mediator.switch.routing import Number
from sorm_mediator.switch.routing.model import UNSET, Side
from sorm_mediator.switch.routing.numbering import DEFAULT_PLAN
from sorm_mediator.switch.trace.trace import Trace, TracedHop, TraceError, read_request, trace

if TYPE_CHECKING:
    from radius.report import Party
    from sorm_mediator.switch.node import Node
    from sorm_mediator.switch.routing.sorm_numbers import Applied

Lang = Literal["en", "ru"]
LINE: Final = "-" * 42
_SHORT: Final = MappingProxyType({"incomplete": "inc"})
_LEVEL: Final = "  "

WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "taken": ("taken", "применено"),
        "plan": ("numbering plan", "план нумерации"),
        "undeclared": ("which is not declared", "который не создан"),
        "reason": ("Reason", "Причина"),
        "trunk": ("Trunk", "Транк"),
        "subscriber": ("Subscriber", "Абонент"),
        "bridge": ("Bridge", "Бридж"),
        "sorm": ("SORM is shown", "В СОРМ передаётся"),
        "of": ("as numbered in", "по нумерации домена"),
        "for": ("for SORM", "для СОРМ"),
    }
)
"""Our own words, English and Russian; what the switch itself prints is English in both."""


def word(name: str, lang: Lang) -> str:
    """One of :data:`WORDS`."""
    return WORDS[name][lang == "ru"]


def trace_text(node: Node, domain_name: str, arguments: Sequence[str], now: float) -> str:
    """What ``/domain/<domain_name>/routing/trace`` answers to ``arguments``; ``now``: Unix seconds.

    Raises :class:`TraceError` for parameters that can't be understood and for an unknown domain.
    """
    domain = node.domains.get(domain_name)
    if domain is None:
        known = ", ".join(sorted(node.domains)) or "none"
        raise TraceError(f"there is no domain {domain_name!r}; there are: {known}")
    return text_of(trace(node.domains, domain, read_request(arguments)), now)


def text_of(traced: Trace, now: float, lang: Lang = "en") -> str:
    """A trace as text, without a line break at its end. ``now``: Unix seconds."""
    return "\n".join(_lines(traced, now, lang))


def _lines(traced: Trace, now: float, lang: Lang) -> Iterator[str]:
    request = traced.hops[0].hop.request
    at = datetime.fromtimestamp(now).strftime("%d.%m.%Y %H:%M:%S")
    final = "incomplete number" if traced.incomplete else "final number"
    iface = f'<<"{traced.iface}">>' if traced.iface else "undefined"
    yield f"Traceroute to {request.b.digits} from {request.a.digits or 'undefined'}({iface}) at {at}, {final}"
    for hop in traced.hops:
        yield from _hop(hop, lang)
    if traced.reason:
        return
    leg, name = traced.shown.leg, traced.shown.hop.domain.name
    yield ""
    shown = f"A {_party(leg.calling.party)}, B {_party(leg.called.party)}"
    yield f"{word('sorm', lang)}: {shown}; {word('of', lang)} {name}"


def _party(party: Party) -> str:
    return f"{party.digits or 'undefined'} ({party.ni or 'undefined'})"


def _hop(traced: TracedHop, lang: Lang) -> Iterator[str]:
    hop = traced.hop
    yield f'Default context is {{"{hop.domain.name}",{hop.request.context or "undefined"}}}'
    place = None
    for step in hop.result.tried:
        if place != (step.context, step.a, step.b, step.np):
            place = (step.context, step.a, step.b, step.np)
            plan = f"{word('plan', lang)} {step.np}"
            if step.np != DEFAULT_PLAN and step.np not in hop.domain.plans:
                plan = f"{plan}, {word('undeclared', lang)}"
            yield f"{_LEVEL}{step.context}: A {step.a or 'undefined'}, B {step.b or 'undefined'}, {plan}"
        yield f"{_LEVEL * 2}{step.rule}: {translate(step.failed, lang) or word('taken', lang)}"
    for one in hop.applied:
        yield f"{_LEVEL}{word('for', lang)}: {applied_text(one)}"
    yield LINE
    yield f"Routing result: {traced.result}"
    yield _number("a", hop.result.a)
    yield _number("b", hop.result.b)
    yield from _options(hop.result.a, hop.result.b)
    yield from _way(traced, lang)


def applied_text(one: Applied) -> str:
    """What a parameter of the domain changed; the same in both languages."""
    before, after = (
        f"{number.shown_digits} ({number.shown_ni or 'undefined'})" for number in (one.before, one.after)
    )
    return f"{one.setting} {one.by}: {one.side.upper()} {before} -> {after}"


def _way(traced: TracedHop, lang: Lang) -> Iterator[str]:
    hop = traced.hop
    if hop.problem:
        yield f"{word('reason', lang)}: {translate(hop.problem, lang)}"
    elif hop.bridge is not None:
        near, far = hop.bridge, hop.bridge.far
        ends = f"{near.iface} ({near.side.domain}) -> {far.iface} ({far.side.domain})"
        yield f"{word('bridge', lang)} {near.bridge.name}: {ends}, {word('plan', lang)} {far.side.np}"
    elif traced.via:
        yield f"{word('trunk', lang)}: {traced.via}"
    else:
        yield f"{word('subscriber', lang)}: {hop.result.b.digits}"


def _number(side: Side, number: Number) -> str:
    attributes = {"ni": number.ni or "undefined"}
    for name in (*UNSET[side], *number.attributes):
        attributes[_SHORT.get(name, name)] = number.get(name, side)
    inside = ", ".join(f"{name}={value}" for name, value in attributes.items())
    return f'{side.upper()}: "{number.digits}"({inside})'


def _options(a: Number, b: Number) -> Iterator[str]:
    values = [
        f"{{sorm_ni_a,{a.shown_ni or 'undefined'}}}",
        f'{{sorm_digits_a,"{a.shown_digits}"}}',
        f"{{sorm_ni_b,{b.shown_ni or 'undefined'}}}",
        f'{{sorm_digits_b,"{b.shown_digits}"}}',
    ]
    head = "Options: ["
    yield from (
        f"{head if not place else ' ' * len(head)}{value}{']' if place == len(values) - 1 else ','}"
        for place, value in enumerate(values)
    )
