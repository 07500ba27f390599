"""Tracing: the result of routing for a call, domain by domain, and the numbers for SORM.

A trace makes no call and changes nothing. Its forms are one JSON document (docs/routing.md), and a text in
the form of the switch's ``routing/trace``. :class:`LabTrace` adds the mediator's own rewriting of the numbers, down
to the console.

Source: ECSS-10 manual, Number format check: "/domain/<DOMAIN>/routing/trace iface=<IFACE> cdpn.<PARAM>=value
...". The parameters of the calling number are those of the printed result. Between "Default context" and the
line of dashes the manual prints dots: the rules tried there, and the lines after the options, have our own
words. Eltex SMG1016M manual, SORM settings, and order 268, 10.3.2, for the numbers at the console.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, Protocol

from protocol.codes import NUMBER_SIGNS, NumberSign, ObjectType, Order
from protocol.composite import PartyOctets
from protocol.texts import OPERATIONS_RELEASE, value_name_text
from protocol.values import Party
from radius import report
from sorm_mediator.config import MediatorConfig
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.switch.admission import Attempt
from sorm_mediator.switch.calls.call import (
    RELEASE_FAULT,
    Endpoint,
    Leg,
    Role,
    first_leg,
    legs_along,
    own_number,
)
from sorm_mediator.switch.domain import BridgeEnd, Domain, Subscriber, Trunk
from sorm_mediator.switch.mediators.session import check_object
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.objects import ObjectTable, SwitchObject, Touched
from sorm_mediator.switch.path import Hop, find_path, no_path
from sorm_mediator.switch.profiles import profile_of
from sorm_mediator.switch.profiles.profile import Applied
from sorm_mediator.switch.routing.masks import SYMBOLS
from sorm_mediator.switch.routing.route import (
    NUMBER_INDICATORS,
    UNSET,
    Number,
    Side,
)
from sorm_mediator.texts import as_list, did_you_mean, shown
from ssh_control.dialect import Refused

CDPN: Final = ("digits", "incomplete", "inni", "nai", "ni", "npi")
CGPN: Final = ("digits", "incomplete", "nai", "ni", "npi", "apri", "screening", "category")
MODES: Final = ("enblock", "overlap")
TRACE_PARAMETERS: Final = (
    *(f"cdpn.{name}" for name in CDPN),
    *(f"cgpn.{name}" for name in CGPN),
    "iface",
    "mode",
)
MOST_TRACED_DIGITS: Final = 18


class TraceError(ValueError):
    """The request is wrong. The text names the parameter, its value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRequest:
    """A call to be traced.

    calling, called: the parameters given for both numbers, by name. iface: the interface of the incoming
    call. mode: ``enblock``: the digits are complete; ``overlap``: more may follow, by the digit map.
    """

    calling: Mapping[str, str]
    called: Mapping[str, str]
    iface: str = ""
    mode: Literal["enblock", "overlap"] = "enblock"


def read_request(arguments: Iterable[str]) -> TraceRequest:
    """Read ``NAME=VALUE`` parameters. Raises :class:`TraceError`."""
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        name, value = name.strip(), value.strip().strip('"')
        if name not in TRACE_PARAMETERS:
            near = did_you_mean(name if "." in name else f"{name}.digits", TRACE_PARAMETERS)
            raise TraceError(
                f"{shown(argument)}: no parameter of a trace; there are: {', '.join(TRACE_PARAMETERS)}{near}"
            )
        if not equals or not value:
            raise TraceError(f"{name}: a value is missing; write {name}=VALUE")
        if name in given:
            raise TraceError(f"{name}: is given twice, as {shown(given[name])} and {shown(value)}")
        _check(name, value)
        given[name] = value
    if "cdpn.digits" not in given:
        raise TraceError(
            "cdpn.digits: is missing; the number that is dialled, such as cdpn.digits=89001758964"
        )
    if "cgpn.digits" not in given and "iface" not in given:
        raise TraceError(
            "cgpn.digits: is missing; the number that calls, such as cgpn.digits=28331, or iface=NAME"
        )
    return TraceRequest(
        calling=_side("cgpn", given),
        called=_side("cdpn", given),
        iface=given.get("iface", ""),
        mode="overlap" if given.get("mode") == "overlap" else "enblock",
    )


def _side(tag: str, given: Mapping[str, str]) -> Mapping[str, str]:
    prefix = f"{tag}."
    return {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}


def _check(name: str, value: str) -> None:
    kind = name.rpartition(".")[2]
    digits = value.removeprefix("+") if name == "cdpn.digits" else value  # a profile may take a dialled +
    if kind == "digits" and not (
        digits and set(digits) <= set(SYMBOLS) and len(digits) <= MOST_TRACED_DIGITS
    ):
        raise _no_number(name, value)
    allowed = {"ni": NUMBER_INDICATORS, "incomplete": ("false", "true"), "mode": MODES}.get(kind)
    if allowed is not None and value not in allowed:
        raise TraceError(
            f"{name}: {shown(value)} is none of {', '.join(allowed)}{did_you_mean(value, allowed)}"
        )


def _no_number(name: str, value: str) -> TraceError:
    return TraceError(
        f"{name}: {shown(value)} is not a number; up to {MOST_TRACED_DIGITS} of {SYMBOLS}, as dialled: "
        "without +, spaces and dashes"
    )


# --- the trace


@dataclass(frozen=True, slots=True)
class TracedHop:
    """A domain of the call's path: the result of routing, and the call with the numbers of the domain."""

    hop: Hop
    leg: Leg
    failed: bool
    """Whether the call is released because routing fails, here or in a later domain."""

    @property
    def result(self) -> Literal["external", "local", "failed"]:
        """The result in this domain."""
        return "failed" if self.hop.problem else self.hop.result.result

    @property
    def via(self) -> str | None:
        """The trunk, or the interface of the bridge, by which the call leaves."""
        way = None if self.hop.problem else self.hop.exit
        if isinstance(way, BridgeEnd):
            return way.iface
        return way.name if isinstance(way, Trunk) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A traced call. ``iface``: the interface of the incoming call; "" when unknown."""

    request: TraceRequest
    iface: str
    hops: tuple[TracedHop, ...]
    """At least one."""
    made: bool
    """Whether the switch makes the call at all; it makes none for a caller that it does not let in."""
    not_admitted: str = ""
    """Why the switch does not take the call (:mod:`sorm_mediator.switch.admission`); "": it does."""

    @property
    def last(self) -> TracedHop:
        """The last hop."""
        return self.hops[-1]

    @property
    def reason(self) -> str:
        """Why routing failed, or why the switch does not take the call; "" when the call arrives."""
        return self.not_admitted or self.last.hop.problem

    @property
    def shown(self) -> TracedHop:
        """The domain with the numbers shown to SORM for the whole call.

        For a call that leaves by a trunk (a city call) this is the last domain, for any other call the first
        one (ECSS-10 manual, MultiSORM: inner calls by short, city calls by full number).
        """
        return self.last if isinstance(self.last.hop.exit, Trunk) else self.hops[0]

    @property
    def called(self) -> Subscriber | None:
        """The subscriber that the call comes to."""
        way = self.last.hop.exit
        return way if isinstance(way, Subscriber) and not self.reason else None

    @property
    def incomplete(self) -> bool:
        """Whether the digit map requires more digits."""
        return self.hops[0].hop.request.b.get("incomplete", "b") == "true"


def _admitted(_attempt: Attempt) -> Phrase | None:
    return None


def trace(
    domains: Mapping[str, Domain],
    domain: Domain,
    request: TraceRequest,
    admits: Callable[[Attempt], Phrase | None] = _admitted,
) -> Trace:
    """Trace a call that enters ``domain``. Raises :class:`TraceError` for an unknown interface.

    admits: why the switch does not take the call now, as :meth:`Admission.why_not
    <sorm_mediator.switch.admission.Admission.why_not>` gives it; left out: it takes every call. A call that is not
    admitted is not routed: its only hop is that of the caller's domain.
    """
    calling, problem = _caller(domain, request)
    own = calling.subscriber.number if calling.subscriber is not None else ""
    problem = problem or profile_of(domain).refuses(domain, own)
    leg = first_leg(domain, calling, _dialled_number(domain, request.called))
    context = domain.contexts.get(leg.request.context)
    if request.mode == "overlap" and "incomplete" not in request.called and context and context.digitmap:
        b = leg.request.b
        waits = "true" if context.digitmap.incomplete(b.digits) else "false"
        leg = first_leg(domain, calling, replace(b, attributes={**b.attributes, "incomplete": waits}))
    asked = leg.request
    service_code = calling.subscriber is not None and not asked.b.digits.isdigit()
    not_admitted: str = ""
    hops = () if problem else find_path(domains, domain, asked)
    if not problem:
        attempt = Attempt(
            domain=domain,
            caller=calling.subscriber or calling.outside,
            calling=asked.a.digits,
            called=asked.b.digits,
            path=() if service_code else hops,
        )
        problem = not_admitted = admits(attempt) or ""
    if problem:
        hops = (no_path(domain, asked, problem),)
    # Each hop has its leg, as the engine would set it up.
    first = Leg(domain, asked, calling, Endpoint(number=asked.b))
    legs = legs_along([first], 0, hops, redirected=False)
    # A service code is answered by the switch itself.
    fails = bool(hops[-1].problem) and (bool(not_admitted) or not service_code)
    traced = tuple(TracedHop(hop, along, fails) for hop, along in zip(hops, legs, strict=True))
    made = not problem or bool(not_admitted)
    return Trace(
        request=request, iface=_iface(domain, calling), hops=traced, made=made, not_admitted=not_admitted
    )


def is_from(domain: Domain, request: TraceRequest) -> bool:
    """Whether the domain has the caller of a traced call: its interface, else its number."""
    name = request.iface
    if not name:
        return request.calling["digits"] in domain.subscribers
    interfaces = (*domain.subscribers, *domain.trunks, *domain.bridges)
    return name.removeprefix("trunk:") in domain.trunks or name in interfaces or bool(_at_iface(domain, name))


def _caller(domain: Domain, request: TraceRequest) -> tuple[Endpoint, str]:
    """The calling party, and why it can't make the call ("": it can). Raises :class:`TraceError`."""
    digits, name = request.calling.get("digits", ""), request.iface
    outside = _given_number(Number(digits=digits), request.calling)
    trunk = domain.trunks.get(name.removeprefix("trunk:")) if name else None
    if trunk is not None:
        return Endpoint(number=outside, trunk=trunk), trunk.closed_to("incoming")
    if name in domain.bridges:
        return Endpoint(number=outside, bridge=domain.bridges[name]), ""
    subscriber = domain.subscribers.get(name or digits)
    if subscriber is None and name:
        subscriber = _at_iface(domain, name)
    if subscriber is not None:
        number = _given_number(own_number(digits or subscriber.number), request.calling)
        return Endpoint(number=number, subscriber=subscriber), ""
    known = [*domain.trunks, *domain.bridges]
    if name:
        there = ", ".join(["its subscribers' numbers", *known])
        near = did_you_mean(name, known)
        raise TraceError(f"iface: {domain.name} has no interface {name!r}; there are: {there}{near}")
    reason = Phrase(
        "{digits} is not a subscriber of {domain}; a call from outside needs its interface: {others}"
    )
    others = ", ".join(f"iface={one}" for one in known) or Phrase("it has none")
    return Endpoint(number=outside), reason.fill(digits=digits, domain=domain.name, others=others)


def _at_iface(domain: Domain, name: str) -> Subscriber | None:
    """The subscriber with this interface."""
    return next((one for one in domain.subscribers.values() if _iface_of(domain, one.number) == name), None)


def _iface_of(domain: Domain, number: str) -> str:
    """The interface of a subscriber."""
    config = next((one for one in domain.config.subscribers if one.number == number), None)
    return (config.iface if config else "") or f"{number}@{domain.name}"


def _iface(domain: Domain, calling: Endpoint) -> str:
    if calling.subscriber is not None:
        return _iface_of(domain, calling.subscriber.number)
    if calling.trunk is not None:
        return calling.trunk.name
    return calling.bridge.iface if calling.bridge else ""


def _dialled_number(domain: Domain, given: Mapping[str, str]) -> Number:
    """The number dialled, with the parameters given. Raises :class:`TraceError`."""
    number = profile_of(domain).dialled(given.get("digits", ""))
    if number.digits.startswith("+"):
        raise _no_number("cdpn.digits", number.digits)
    return _given_number(number, {**number.attributes, **given, "digits": number.digits})


def _given_number(number: Number, given: Mapping[str, str]) -> Number:
    """A number with the parameters given."""
    others = {name: value for name, value in given.items() if name not in ("digits", "ni")}
    digits, ni = given.get("digits", number.digits), given.get("ni", number.ni)
    return replace(number, digits=digits, ni=ni, attributes=others)


def document(traced: Trace, signs: Mapping[str, int]) -> dict[str, Any]:
    """The trace as one JSON document. ``signs``: the order's octet of each number indicator."""
    hops = [_hop_document(one, signs) for one in traced.hops]
    return {
        **{name: hops[-1][name] for name in ("result", "via", "a", "b")},
        "sorm": _shown_document(traced.shown.leg, signs),
        "path": [
            {"domain": one.hop.domain.name, "context": step.context, "rule": step.rule}
            for one in traced.hops
            for step in one.hop.result.path
        ],
        "iface": traced.iface,
        "mode": traced.request.mode,
        "incomplete": traced.incomplete,
        "sorm_domain": traced.shown.hop.domain.name,
        "hops": hops,
        "subscriber": None
        if traced.called is None
        else {
            "number": traced.called.number,
            "line_state": traced.called.line_state,
            "forwardings": dict(traced.called.forwardings),
        },
        **({"reason": traced.reason} if traced.reason else {}),
        **({"not_admitted": True} if traced.not_admitted else {}),
    }


def _hop_document(traced: TracedHop, signs: Mapping[str, int]) -> dict[str, Any]:
    hop, bridge, steps = traced.hop, traced.hop.bridge, traced.hop.result.steps
    return {
        "domain": hop.domain.name,
        "context": hop.request.context,
        "np": hop.request.np,
        "dialled": hop.request.b.digits,
        "result": traced.result,
        "via": traced.via,
        "bridge": bridge.bridge.name if bridge else None,
        "to": bridge.far.side.domain if bridge else None,
        "a": _routed(hop.result.a),
        "b": _routed(hop.result.b),
        "sorm": _shown_document(traced.leg, signs),
        "tried": [asdict(step) for step in hop.result.tried],
        **({"steps": [{"step": what, "digits": digits} for what, digits in steps]} if steps else {}),
        "applied": [
            {
                "setting": one.setting,
                "by": one.by,
                "side": one.side,
                "before": {"digits": one.before.shown_digits, "ni": one.before.shown_ni},
                "after": {"digits": one.after.shown_digits, "ni": one.after.shown_ni},
            }
            for one in hop.applied
        ],
        "remarks": list(hop.remarks),
        "reason": hop.problem,
    }


def _routed(number: Number) -> dict[str, str]:
    return {"digits": number.digits, "ni": number.ni}


def _shown_document(leg: Leg, signs: Mapping[str, int]) -> dict[str, Any]:
    return {
        role: {"digits": party.digits, "ni": party.ni, "sign": signs.get(party.ni)}
        for role, party in (("a", leg.calling.party), ("b", leg.called.party))
    }


# --- the trace as text

LINE: Final = "-" * 42
_LEVEL: Final = "  "


def text_of(traced: Trace, now: float, lang: Lang = "en") -> str:
    """A trace as text, without a line break at its end. ``now``: Unix seconds.

    Our own words are in ``lang``. The lines of the real switch stay English in every language.
    """
    return "\n".join(_lines(traced, now, lang))


TraceText = Callable[[Trace, float], str]
"""Writes a trace as text, like :func:`text_of`."""


def trace_text(
    node: Node, domain_name: str, arguments: Sequence[str], now: float, write: TraceText = text_of
) -> str:
    """The answer of ``/domain/<domain_name>/routing/trace`` to ``arguments``. ``now``: Unix seconds.

    Raises :class:`TraceError` for wrong parameters and for an unknown domain.
    """
    domain = node.domains.get(domain_name)
    if domain is None:
        raise TraceError(f"there is no domain {domain_name!r}; there are: {as_list(node.domains)}")
    admits = partial(node.admission.why_not, now=now)
    return write(trace(node.domains, domain, read_request(arguments), admits), now)


def _lines(traced: Trace, now: float, lang: Lang) -> Iterator[str]:
    request = traced.hops[0].hop.request
    at = datetime.fromtimestamp(now).strftime("%d.%m.%Y %H:%M:%S")
    final = "incomplete number" if traced.incomplete else "final number"
    iface = f'<<"{traced.iface}">>' if traced.iface else "undefined"
    yield f"Traceroute to {request.b.digits} from {request.a.digits or 'undefined'}({iface}) at {at}, {final}"
    for hop in traced.hops:
        yield from _hop(hop, lang)
    if traced.not_admitted:
        yield translate(Phrase("The switch does not take this call, wherever routing would lead it."), lang)
    if traced.reason:
        return
    leg, name = traced.shown.leg, traced.shown.hop.domain.name
    yield ""
    shown = f"A {_party(leg.calling.party)}, B {_party(leg.called.party)}"
    yield from (translate(note, lang) for note in _after(traced.called))
    sorm, of = translate(Phrase("SORM is shown"), lang), translate(Phrase("as numbered in"), lang)
    yield f"{sorm}: {shown}; {of} {name}"


def _after(called: Subscriber | None) -> Iterator[str]:
    """What becomes of a call at the subscriber, beyond routing."""
    if called is None:
        return
    if called.forwardings:
        given = ", ".join(f"{service} {number}" for service, number in called.forwardings.items())
        yield Phrase(
            "{number} is forwarded ({given}): trace the forwarded call with cgpn.digits={number}",
            number=called.number,
            given=given,
        )
    if called.without_line is not None:
        yield called.without_line
    elif not called.reachable:
        yield Phrase(
            "The line of {number} is {state}: nothing rings there",
            number=called.number,
            state=called.line_state,
        )


def _party(party: report.Party) -> str:
    return f"{party.digits or 'undefined'} ({party.ni or 'undefined'})"


def _hop(traced: TracedHop, lang: Lang) -> Iterator[str]:
    hop = traced.hop
    yield from profile_of(hop.domain).explained(hop.domain, hop.request, hop.result, lang)
    for one in hop.applied:
        yield f"{_LEVEL}{translate(Phrase('for SORM'), lang)}: {applied_text(one)}"
    for remark in hop.remarks:
        yield f"{_LEVEL}{translate(Phrase('for SORM'), lang)}: {translate(remark, lang)}"
    yield LINE
    yield f"Routing result: {traced.result}"
    yield _number("a", hop.result.a)
    yield _number("b", hop.result.b)
    yield _options(hop.result.a, hop.result.b)
    yield _way(traced, lang)


def applied_text(one: Applied) -> str:
    """The change made by a parameter of the domain; the same in both languages."""
    before, after = (
        f"{number.shown_digits} ({number.shown_ni or 'undefined'})" for number in (one.before, one.after)
    )
    return f"{one.setting} {one.by}: {one.side.upper()} {before} -> {after}"


def _way(traced: TracedHop, lang: Lang) -> str:
    hop = traced.hop
    if hop.problem:
        return f"{translate(Phrase('Reason'), lang)}: {translate(hop.problem, lang)}"
    if hop.bridge is not None:
        near, far = hop.bridge, hop.bridge.far
        ends = f"{near.iface} ({near.side.domain}) -> {far.iface} ({far.side.domain})"
        bridge, plan = translate(Phrase("Bridge"), lang), translate(Phrase("numbering plan"), lang)
        return f"{bridge} {near.bridge.name}: {ends}, {plan} {far.side.np}"
    if traced.via:
        return f"{translate(Phrase('Trunk'), lang)}: {traced.via}"
    return f"{translate(Phrase('Subscriber'), lang)}: {hop.result.b.digits}"


def _number(side: Side, number: Number) -> str:
    attributes = {"ni": number.ni or "undefined"}
    for name in (*UNSET[side], *number.attributes):
        attributes["inc" if name == "incomplete" else name] = number.get(name, side)
    inside = ", ".join(f"{name}={value}" for name, value in attributes.items())
    return f'{side.upper()}: "{number.digits}"({inside})'


def _options(a: Number, b: Number) -> str:
    values = [
        f"{{sorm_ni_a,{a.shown_ni or 'undefined'}}}",
        f'{{sorm_digits_a,"{a.shown_digits}"}}',
        f"{{sorm_ni_b,{b.shown_ni or 'undefined'}}}",
        f'{{sorm_digits_b,"{b.shown_digits}"}}',
    ]
    head = "Options: ["
    inside = f",\n{' ' * len(head)}".join(values)
    return f"{head}{inside}]"


# --- the trace down to the console


class Rewriting(Protocol):
    """A mediator's rewriting of a report's numbers; :class:`~sorm_mediator.mediator.core.numbers.Numbers`."""

    def plain(self, party: report.Party) -> Party:
        """The calling side."""

    def called(self, party: report.Party, *, by_a: bool) -> Party:
        """The called side. ``by_a``: for an object at A."""

    def signs(self, object_type: ObjectType) -> Collection[NumberSign]:
        """The signs that command 5 may give to a number of this type of object."""


def signs_of(order: Order, rewriting: Rewriting) -> Mapping[str, int]:
    """The order's octet for each number indicator of the switch, as translated by the mediator."""
    octets = {sign: octet for octet, sign in NUMBER_SIGNS[order].items()}
    signs = {ni: rewriting.plain(report.Party(digits="0", ni=ni)).sign for ni in NUMBER_INDICATORS}
    return {ni: octets[sign] for ni, sign in signs.items() if sign in octets}


@dataclass(frozen=True, slots=True)
class Shown:
    """The numbers of a call shown to the console: for an object at A or B (``role``), in which ``events``.

    operation: the operation code of the event, where routing decides it: of the 43h of a call that fails.
    object_type: of the object. others: signs that command 5 may give to the same number; they are shown then in place
    of the sign here.
    """

    role: str
    events: str
    calling: Party
    called: Party
    object_type: ObjectType
    others: tuple[NumberSign, ...] = ()
    operation: int | None = None


_NUMBER_TYPES: Final = (ObjectType.OWN_SUBSCRIBER, ObjectType.NETWORK_FULL, ObjectType.NETWORK_PARTIAL)


class LabTrace:
    """Shows traced calls down to the console of one mediator. ``rewriting``: that of the same mediator.

    The party that is the object is shown as command 5 gave it (order 268, 10.3.2.1). So each number is shown by
    which the domain lets command 5 put the party under control and by which the call touches it; the tables of
    the switch decide both.
    """

    def __init__(self, mediator: MediatorConfig, rewriting: Rewriting) -> None:
        self._mediator = mediator
        self._numbers = rewriting
        self._signs = signs_of(mediator.order, rewriting)
        zero, extra = mediator.zero_digit, mediator.options.extra_digits
        self._octets = PartyOctets(NUMBER_SIGNS[mediator.order], zero=zero, extra=extra)

    def document(self, traced: Trace) -> dict[str, Any]:
        """The trace as one JSON document, ``sign`` by the order, with ``console`` for the call and for each domain."""
        found = document(traced, self._signs)
        found["order"] = self._mediator.order
        whole = next(self._views(traced), None)
        found["console"] = [self._row(one) for one in self._of(whole)] if whole else []
        for hop, crossed in zip(found["hops"], traced.hops, strict=True):
            hop["console"] = [self._row(one) for one in self.shown(crossed)] if traced.made else []
        return found

    def text(self, traced: Trace, now: float, lang: Lang = "en") -> str:
        """The trace in the form of the switch, and the console's view below. ``now``: Unix seconds."""
        lines = [text_of(traced, now, lang)]
        head = f"{translate(Phrase('To the console'), lang)} ({self._mediator.order})"
        if not traced.made:
            lines += [
                f"{head}: {translate(Phrase('nothing, since the switch does not make this call'), lang)}"
            ]
        for view in self._views(traced):
            names = as_list(dict.fromkeys(hop.hop.domain.name for hop in view))
            of = translate(Phrase("for objects of {domain}", domain=names), lang)
            lines += [f"{head}:" if traced.shown in view else f"{head}, {of}:"]
            lines += [f"  {line}" for line in self._table(view, lang)]
        return "\n".join(lines)

    def shown(self, traced: TracedHop) -> list[Shown]:
        """The numbers of the call in one domain as the console receives them (order 268, 10.3.2)."""
        leg, rows, failed = traced.leg, list[Shown](), traced.failed
        after, operation = ("43h", RELEASE_FAULT) if failed else ("42h-44h", None)
        calling, final = self._numbers.plain(leg.calling.party), leg.called.party
        for kind, given in self._controlled(leg, "a"):
            a = given[0] if given else calling
            for events, called, code in (("41h", leg.shown_to_a, None), (after, final, operation)):
                b = self._numbers.called(called, by_a=True)
                rows.append(Shown("a", events, a, b, kind, _others(given), code))
        # The called party of a domain where the call fails is not reached.
        for kind, given in self._controlled(leg, "b") if not traced.hop.problem else ():
            b = given[0] if given else self._numbers.called(final, by_a=False)
            for events, code in (("41h", None), (after, operation)) if failed else (("41h-44h", None),):
                rows.append(Shown("b", events, calling, b, kind, _others(given), code))
        return _without_repetition(rows)

    def _controlled(self, leg: Leg, role: Role) -> Iterator[tuple[ObjectType, list[Party]]]:
        """The numbers by which a party is controlled: each with the signs that it may have, that of the call first.

        Without a party: leading digits, which are not shown.
        """
        end = leg.calling if role == "a" else leg.called
        party = end.touched(leg.domain)
        natural = self._numbers.plain(end.party).sign
        for kind in _NUMBER_TYPES:
            signs = sorted(self._numbers.signs(kind), key=lambda sign: sign != natural)
            for number in dict.fromkeys(filter(None, (end.number.shown_digits, *party.numbers))):
                found = [
                    Party(sign, number) for sign in signs if _touches(leg.domain, party, kind, sign, number)
                ]
                if found:
                    yield kind, [] if kind is ObjectType.NETWORK_PARTIAL else found

    def _views(self, traced: Trace) -> Iterator[list[TracedHop]]:
        """The domains with the same numbers, which are one call for the mediator; the first is the whole call's."""
        if not traced.made:
            return
        views: dict[Hashable, list[TracedHop]] = {}
        outside_first = traced.hops[::-1] if isinstance(traced.last.hop.exit, Trunk) else traced.hops
        for hop in outside_first:
            a, b = hop.leg.calling.party, hop.leg.called.party
            views.setdefault((a.digits, a.ni, b.digits, b.ni), []).append(hop)
        for place, view in enumerate(views.values()):
            if place == 0 or self._of(view):
                yield view

    def _of(self, view: Iterable[TracedHop]) -> list[Shown]:
        """The numbers in domains with the same numbers; A first."""
        rows = [row for hop in view for row in self.shown(hop)]
        return _without_repetition(sorted(rows, key=lambda row: row.role))

    def _row(self, shown: Shown) -> dict[str, Any]:
        return {
            "object": shown.role,
            "object_type": shown.object_type,
            "events": shown.events,
            "calling": self._party(shown.calling),
            "called": self._party(shown.called),
            "other_signs": list(shown.others),
            **({} if shown.operation is None else {"operation": shown.operation}),
        }

    def _party(self, party: Party) -> dict[str, Any]:
        octets = self._octets.write(party)
        return {
            "digits": party.number or "",
            "sign": octets[0],
            "number_sign": party.sign,
            "octets": octets.hex(" ").upper(),
        }

    def _table(self, view: Sequence[TracedHop], lang: Lang) -> Iterator[str]:
        object_at = translate(Phrase("object"), lang)
        rows = _events_together(self._of(view))
        for role in ("a", "b"):
            mine = [row for row in rows if row.role == role]
            if not mine:
                none = translate(Phrase("none: no number that command 5 may put under control fits"), lang)
                yield f"{object_at} {role.upper()}  {none}"
            for row in mine:
                numbers = f"{self._words(row.calling, lang)} -> {self._words(row.called, lang)}"
                more = "".join(f"; {one}" for one in self._more(row, lang))
                yield f"{object_at} {role.upper()}  {row.events:<7}  {numbers}{more}"
        operations = dict.fromkeys(row.operation for row in rows if row.operation is not None)
        for code in operations:
            means = translate(OPERATIONS_RELEASE[code], lang)
            yield translate(
                Phrase("43h has operation {code}: {means}", code=f"{code:02X}h", means=means), lang
            )
        yield translate(Phrase("the party that is the object is shown as command 5 gave it"), lang)
        for hop in view:
            for end in (hop.leg.calling, hop.leg.called):
                if not_taken := _not_taken(hop.hop.domain, end):
                    yield translate(not_taken, lang)

    def _more(self, row: Shown, lang: Lang) -> Iterator[str]:
        if row.object_type is ObjectType.NETWORK_PARTIAL:
            yield translate(Phrase("where command 5 gave leading digits (type 12h)"), lang)
        if row.others:
            signs = ", ".join(f"{self._octets.write(Party(sign, '0'))[0]:02X}h" for sign in row.others)
            yield translate(Phrase("or with the sign {signs} of command 5", signs=signs), lang)

    def _words(self, party: Party, lang: Lang) -> str:
        """The digits, how they are sent where that differs (digit 0 as half-byte Ah), and the sign."""
        sign = value_name_text(party.sign, lang) if isinstance(party.sign, str) else "-"
        digits = party.number if isinstance(party.number, str) else "-"
        sent = digits.replace("0", self._mediator.zero_digit)
        if sent != digits:
            digits = translate(Phrase("{digits}, sent as {sent},", digits=digits, sent=sent), lang)
        return f"{digits} ({self._octets.write(party)[0]:02X}h {sign})"


def _others(given: Sequence[Party]) -> tuple[NumberSign, ...]:
    return tuple(party.sign for party in given[1:] if isinstance(party.sign, NumberSign))


def _without_repetition(rows: Iterable[Shown]) -> list[Shown]:
    """The rows without those of leading digits that are shown the same by another one."""
    found: dict[Hashable, Shown] = {}
    for row in rows:
        found.setdefault((row.role, row.events, row.calling, row.called), row)
    return [*found.values()]


def _events_together(rows: Iterable[Shown]) -> list[Shown]:
    """One row for 41h and for the other events, where they show the same. Of a call that fails, these are 43h."""
    found: dict[Hashable, Shown] = {}
    for row in rows:
        same = found.get(key := (row.role, row.calling, row.called))
        if same is not None:
            events = "41h-44h" if row.operation is None else "41h 43h"
            row = replace(same, events=events, operation=row.operation)
        found[key] = row
    return [*found.values()]


def _item(kind: ObjectType, sign: NumberSign | None, number: str) -> SwitchObject:
    return SwitchObject(
        1, str(kind), None if sign is None else str(sign), number, None, "statistical", "normal"
    )


def _touches(domain: Domain, party: Touched, kind: ObjectType, sign: NumberSign, number: str) -> bool:
    """Whether the domain takes such an object, and the party touches it."""
    item, table = _item(kind, sign, number), ObjectTable()
    try:
        check_object(domain, item)
    except Refused:
        return False
    table.add(item)
    return any(True for _ in table.touched(party))


def _not_taken(domain: Domain, end: Endpoint) -> str:
    """Why the number that SORM is shown of an own subscriber is none of its numbers; "" when it is."""
    if end.subscriber is None or not end.party.digits:
        return ""
    try:
        check_object(domain, _item(ObjectType.OWN_SUBSCRIBER, None, end.party.digits))
    except Refused as refused:
        return Phrase(
            "{number}, which SORM is shown of the subscriber {own}, can't be put under control ({code:02X}h): no "
            "numbering plan of {domain} has it",
            number=end.party.digits,
            own=end.subscriber.number,
            code=int(refused.code),
            domain=domain.name,
        )
    return ""
