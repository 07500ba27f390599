"""Tracing: what routing would do with a call now, domain by domain, and what SORM is shown of it.

Nothing is called and nothing is changed. :mod:`sorm_mediator.switch.trace.text` prints it with the switch's look.

Source: ECSS-10 manual, Number format check, the example of ``routing/trace``; the document is that of docs/routing.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from protocol.language import Phrase
from sorm_mediator.switch.calls.call import Endpoint, Leg, legs_along
from sorm_mediator.switch.routing import Number, RoutingResult, Step
from sorm_mediator.switch.routing.bridges import BridgeEnd
from sorm_mediator.switch.routing.origin import first_leg, own_number
from sorm_mediator.switch.routing.path import Hop, find_path
from sorm_mediator.switch.subscribers import Domain, Subscriber, Trunk
from sorm_mediator.switch.trace.request import TraceError, TraceRequest, read_request

__all__ = ["Trace", "TraceError", "TraceRequest", "TracedHop", "read_request", "trace"]

NO_INTERFACE = Phrase("it has none", "у него их нет")


@dataclass(frozen=True, slots=True)
class TracedHop:
    """A domain of the call's way: what routing did there, and the call as that domain knows it."""

    hop: Hop
    leg: Leg

    @property
    def result(self) -> Literal["external", "local", "failed"]:
        """What became of the call in this domain."""
        return "failed" if self.hop.problem else self.hop.result.result

    @property
    def via(self) -> str | None:
        """The trunk or the interface of the bridge that it leaves by."""
        way = None if self.hop.problem else self.hop.exit
        if isinstance(way, BridgeEnd):
            return way.iface
        return way.name if isinstance(way, Trunk) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A traced call. ``iface``: by what it comes in, "" when nothing is known of it."""

    request: TraceRequest
    iface: str
    hops: tuple[TracedHop, ...]
    """At least one."""

    @property
    def last(self) -> TracedHop:
        """Where the call ends."""
        return self.hops[-1]

    @property
    def reason(self) -> str:
        """Why routing failed; "" when it did not."""
        return self.last.hop.problem

    @property
    def shown(self) -> TracedHop:
        """The domain whose numbers SORM is shown of the whole call.

        A call that leaves by a trunk is a call of the city, and so the last domain's; another one is the first
        domain's (ECSS-10 manual, MultiSORM: inner calls by short, city calls by full number).
        """
        return self.last if isinstance(self.last.hop.exit, Trunk) else self.hops[0]

    @property
    def incomplete(self) -> bool:
        """Whether the digit map waits for more digits."""
        return self.hops[0].hop.request.b.get("incomplete", "b") == "true"

    @property
    def path(self) -> tuple[tuple[Domain, Step], ...]:
        """The rules that were taken, each with its domain."""
        return tuple((traced.hop.domain, step) for traced in self.hops for step in traced.hop.result.path)


def trace(domains: Mapping[str, Domain], domain: Domain, request: TraceRequest) -> Trace:
    """Trace a call that comes into ``domain``. Raises :class:`TraceError` for an interface that it has not."""
    calling, problem = _caller(domain, request)
    leg = first_leg(domain, calling, _number(Number(digits=""), request.called))
    context = domain.contexts.get(leg.request.context)
    if request.mode == "overlap" and "incomplete" not in request.called and context and context.digitmap:
        b = leg.request.b
        waits = "true" if context.digitmap.incomplete(b.digits) else "false"
        leg = first_leg(domain, calling, replace(b, attributes={**b.attributes, "incomplete": waits}))
    hops = () if problem else find_path(domains, domain, leg.request)
    if problem:
        asked = leg.request
        failed = RoutingResult(result="failed", a=asked.a, b=asked.b, reason=problem, np=asked.np)
        hops = (Hop(domain=domain, request=asked, result=failed, problem=problem),)
    return Trace(request=request, iface=_iface(domain, calling), hops=_traced(hops, calling))


def _traced(hops: tuple[Hop, ...], calling: Endpoint) -> tuple[TracedHop, ...]:
    """Each hop with its leg, as the engine would set it up."""
    legs = [Leg(hops[0].domain, hops[0].request, calling, Endpoint(number=hops[0].request.b))]
    return tuple(TracedHop(hop, leg) for hop, leg in zip(hops, legs_along(legs, 0, hops), strict=True))


def _caller(domain: Domain, request: TraceRequest) -> tuple[Endpoint, str]:
    """Who calls, and why such a call can't be made ("": it can). Raises :class:`TraceError`."""
    digits = request.calling.get("digits", "")
    name = request.iface
    if not name:
        subscriber = domain.subscribers.get(digits)
        if subscriber is not None:
            return Endpoint(number=_number(own_number(digits), request.calling), subscriber=subscriber), ""
        others = ", ".join(f"iface={one}" for one in (*domain.trunks, *domain.bridges)) or NO_INTERFACE
        reason = Phrase(
            "{digits} is no subscriber of {domain}; a call from outside needs its interface: {others}",
            "{digits} не абонент {domain}; вызову извне нужен его интерфейс: {others}",
            digits=digits, domain=domain.name, others=others,
        )  # fmt: skip
        return Endpoint(number=_number(Number(digits=digits), request.calling)), reason
    trunk = domain.trunks.get(name.removeprefix("trunk:"))
    if trunk is not None:
        number = _number(Number(digits=digits), request.calling)
        return Endpoint(number=number, trunk=trunk), trunk.closed_to("incoming")
    if name in domain.bridges:
        number = _number(Number(digits=digits), request.calling)
        return Endpoint(number=number, bridge=domain.bridges[name]), ""
    subscriber = _subscriber_at(domain, name)
    if subscriber is None:
        known = [*domain.trunks, *domain.bridges]
        raise TraceError(
            f"iface: {domain.name} has no interface {name!r}; there are: its subscribers' numbers"
            f"{''.join(f', {one}' for one in known)}"
        )
    number = _number(own_number(digits or subscriber.number), request.calling)
    return Endpoint(number=number, subscriber=subscriber), ""


def _subscriber_at(domain: Domain, iface: str) -> Subscriber | None:
    if iface in domain.subscribers:
        return domain.subscribers[iface]
    return next(
        (
            subscriber
            for number, subscriber in domain.subscribers.items()
            if iface_of(domain, number) == iface
        ),
        None,
    )


def iface_of(domain: Domain, number: str) -> str:
    """The interface that a subscriber is reached by."""
    config = next((one for one in domain.config.subscribers if one.number == number), None)
    return (config.iface if config else "") or f"{number}@{domain.name}"


def _iface(domain: Domain, calling: Endpoint) -> str:
    if calling.subscriber is not None:
        return iface_of(domain, calling.subscriber.number)
    if calling.trunk is not None:
        return calling.trunk.name
    return calling.bridge.iface if calling.bridge else ""


def _number(number: Number, given: Mapping[str, str]) -> Number:
    """A number with what is given of it."""
    others = {name: value for name, value in given.items() if name not in ("digits", "ni")}
    return replace(
        number,
        digits=given.get("digits", number.digits),
        ni=given.get("ni", number.ni),
        attributes=MappingProxyType(others),
    )


def document(traced: Trace, signs: Mapping[str, int]) -> dict[str, Any]:
    """The trace as one JSON document. ``signs``: the order's octet of each number indicator."""
    last, shown = traced.last, traced.shown
    found = {
        "result": last.result,
        "via": last.via,
        "a": _routed(last.hop.result.a),
        "b": _routed(last.hop.result.b),
        "sorm": _shown(shown.leg, signs),
        "path": [
            {"domain": domain.name, "context": step.context, "rule": step.rule}
            for domain, step in traced.path
        ],
        "iface": traced.iface,
        "mode": traced.request.mode,
        "incomplete": traced.incomplete,
        "sorm_domain": shown.hop.domain.name,
        "hops": [_hop(one, signs) for one in traced.hops],
    }
    if traced.reason:
        found["reason"] = traced.reason
    return found


def _hop(traced: TracedHop, signs: Mapping[str, int]) -> dict[str, Any]:
    hop, bridge = traced.hop, traced.hop.bridge
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
        "sorm": _shown(traced.leg, signs),
        "tried": [
            {
                "context": step.context,
                "rule": step.rule,
                "a": step.a,
                "b": step.b,
                "np": step.np,
                "failed": step.failed,
            }
            for step in hop.result.tried
        ],
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
        "reason": hop.problem,
    }


def _routed(number: Number) -> dict[str, str]:
    return {"digits": number.digits, "ni": number.ni}


def _shown(leg: Leg, signs: Mapping[str, int]) -> dict[str, Any]:
    return {
        role: {"digits": party.digits, "ni": party.ni, "sign": signs.get(party.ni)}
        for role, party in (("a", leg.calling.party), ("b", leg.called.party))
    }
