"""The engine makes, forwards, answers, releases, matches and reports the calls of the switch. Sans-IO.

Time comes in as ``now`` (Unix seconds). A heap holds the actions that are due later.
:meth:`Engine.next_deadline` is the time of the next :meth:`Engine.tick`; ``tick`` returns the reports for the
mediators.

Source: docs/switch.md; order 268, 10.3 and 11.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from functools import partial
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

from radius.report import CallReport, Media
from sorm_mediator.config import SwitchConfig
from sorm_mediator.switch.calls import services
from sorm_mediator.switch.calls.call import (
    RELEASE_AFTER_TALK,
    RELEASE_BUSY,
    RELEASE_FAULT,
    RELEASE_INCOMPLETE,
    RELEASE_NO_ANSWER,
    Call,
    CallRefused,
    CallRequest,
    Endpoint,
    Input,
    Role,
    State,
    first_leg,
    legs_along,
    own_number,
    record_use,
)
from sorm_mediator.switch.calls.matching import (
    Report,
    note_match,
    outside_legs_first,
    reports,
    touch,
    touch_a,
    touch_b,
    touch_legs,
)
from sorm_mediator.switch.calls.messages import MessageFor, MessageRequest, message_reports
from sorm_mediator.switch.calls.units import CallUnits
from sorm_mediator.switch.domain import Domain, Subscriber
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.objects import ObjectTable, SwitchObject
from sorm_mediator.switch.path import Hop, as_sorm_sees, find_path
from sorm_mediator.switch.routing import Number, RoutingRequest
from sorm_mediator.texts import as_list

TimerAction = Callable[[float], None]


class Engine:
    """The domains and their calls.

    ``directory``: where paths of context files start. ``prefix``: makes ids of calls differ from those of an
    earlier run. ``first_ssrc`` (32 bits): does the same for the SSRC of speech. Raises
    :class:`sorm_mediator.config.ConfigError` for routing that can't be used.
    """

    def __init__(
        self, config: SwitchConfig, directory: Path = Path(), *, prefix: str = "c", first_ssrc: int = 1
    ) -> None:
        self.node = Node(config, directory)
        self.domains = self.node.domains
        self.calls: dict[str, Call] = {}
        """Calls by id: all running calls, and the last released ones."""
        self.active = 0
        self.units = CallUnits(self.node)
        """Units of the licence that the calls use."""
        self.listeners: Container[str] = frozenset()
        """Mediators that receive speech: their reports contain its SSRC."""
        self._prefix = prefix
        self._first_ssrc = first_ssrc
        self._ids = count(1)
        self._released: deque[str] = deque()
        self._timers: list[tuple[float, int, Call, int | None, TimerAction]] = []
        self._order = count()
        self._dirty: dict[str, Call] = {}
        self._dirty_since = 0.0

    # --- from outside

    def place_call(self, domain: str, request: CallRequest, now: float) -> Call:
        """Make a call. Raises :class:`CallRefused`."""
        self._run_due(now)
        found = self._domain(domain)
        services.check_request(request)
        return self.begin(found, request, now)

    def send_message(self, domain: str, request: MessageRequest, now: float) -> tuple[str, list[MessageFor]]:
        """Send a message; its id, and its reports to the mediators. Raises :class:`CallRefused`."""
        found = self._domain(domain)
        message = self._id(found, next(self._ids))
        return message, message_reports(self.domains, found, request, message, now)

    def hang_up(self, call: str, now: float) -> bool:
        """The caller hangs up: an answered call ends as after a conversation, any other as not answered.

        Returns false when there is no such call, or when the call is released already.
        """
        self._run_due(now)
        found = self.calls.get(call)
        if found is None or found.state is State.RELEASED:
            return False
        self.release(found, now)
        return True

    def call_of(self, report: CallReport) -> Call | None:
        """The call of a report; None when the call is no longer kept."""
        return self.calls.get(report.call_id) or self.calls.get(report.call_id.rpartition(".")[0])

    def tick(self, now: float) -> list[Report]:
        """Run the actions that are due. Returns the reports of all calls changed since the last ``tick``."""
        self._run_due(now)
        dirty, self._dirty = self._dirty, {}
        return [report for call in dirty.values() for report in reports(call, now, self.listeners)]

    def next_deadline(self) -> float | None:
        """The time of the next ``tick``; ``None``: nothing is due."""
        timer = self._timers[0][0] if self._timers else None
        if self._dirty:
            return self._dirty_since if timer is None else min(timer, self._dirty_since)
        return timer

    # --- the course of a call

    def begin(
        self, domain: Domain, request: CallRequest, now: float, *, let_in: bool = False, units: int = 1
    ) -> Call:
        """Make a call within a domain, with this number of licence units. Raises :class:`CallRefused`."""
        self.units.check(units, now)
        calling = _origin(domain, request)
        number = next(self._ids)
        ssrc = self._first_ssrc + 2 * number
        call = Call(
            self._id(domain, number),
            domain,
            request,
            now,
            [first_leg(domain, calling, Number(digits=request.b))],
            request.outcome,
            let_in=let_in,
            media=Media(a_ssrc=ssrc & 0xFFFF_FFFF, b_ssrc=(ssrc + 1) & 0xFFFF_FFFF),
        )
        self.calls[call.id] = call
        self.active += 1
        self.units.use(call, units, now)
        self._occupy(call, calling.subscriber)
        self._carry(call, calling)
        call.log(now, "dialling", f"{request.a} dials {request.b}")
        for index, service in enumerate(request.services):
            self.after(now + service.at, call, partial(services.run, self, call, index))
        if request.outcome == "incomplete":
            touch_a(call, call.legs[0], now, called=call.legs[0].dialled)
            self._after_state(now + request.ring, call, partial(self.release, call, cause=RELEASE_INCOMPLETE))
        elif calling.subscriber is not None and not request.b.isdigit():
            self._dialogue(call, now)
        else:
            self._set_up(call, now)
        self._changed(call, now)
        return call

    def _dialogue(self, call: Call, now: float) -> None:
        """A subscriber dials a service code: the switch itself answers, and no number is called."""
        call.setup_time = now
        touch(call, call.legs[0], call.calling, now, role="a", called=call.legs[0].dialled)
        call.move(Input.ALERT)
        self._after_state(now + call.request.ring, call, partial(self.answer, call))

    def _set_up(self, call: Call, now: float) -> None:
        """Route the call after its last digit."""
        hops = self._find(call, call.legs[0].domain, call.legs[0].request)
        call.setup_time = now
        problem = self._lead(call, 0, hops, now)
        if problem:
            call.log(now, "routing-failed", problem)
            self.release(call, now, cause=RELEASE_FAULT)
            return
        self._arrive(call, now)

    def _arrive(self, call: Call, now: float) -> None:
        """The call has reached a number: forward it, release it, or let it ring."""
        while True:
            forwarding, cause = self._obstacle(call)
            if forwarding is None:
                break
            problem = self._forward(call, forwarding, now)
            if problem:
                call.log(now, "forwarding-failed", problem)
                cause = RELEASE_FAULT
                break
        if cause is not None:
            self.release(call, now, cause=cause)
            return
        if self._busy(call):
            record_use(call, "waiting", now, call.calling.party, call.called.party)
        call.move(Input.ALERT)
        call.log(now, "ringing", call.called.number.digits)
        then = self._give_up if call.outcome == "no-answer" else self.answer
        self._after_state(now + call.request.ring, call, partial(then, call))

    def _obstacle(self, call: Call) -> tuple[str | None, int | None]:
        """The reason why the number reached does not ring: its forwarding, else the cause of the release."""
        subscriber = call.called.subscriber
        forwardings = subscriber.forwardings if subscriber else {}
        if "cfu" in forwardings:
            return "cfu", None
        if call.outcome == "fail" or (subscriber is not None and not subscriber.reachable):
            return ("cfnrc", None) if "cfnrc" in forwardings else (None, RELEASE_FAULT)
        lets_in = subscriber is not None and (call.let_in or "waiting" in subscriber.features)
        own_number = subscriber is not None and subscriber is call.calling.subscriber
        if call.outcome == "busy" or own_number or (self._busy(call) and not lets_in):
            return ("cfb", None) if "cfb" in forwardings else (None, RELEASE_BUSY)
        return None, None

    @staticmethod
    def _busy(call: Call) -> bool:
        """Whether the number reached is in another call."""
        subscriber = call.called.subscriber
        return subscriber is not None and bool(subscriber.calls - {call.id})

    def _forward(self, call: Call, name: str, now: float) -> str:
        """Forward the call to the target. Returns why that is impossible; "" when it is done."""
        forwarder = call.called
        subscriber = forwarder.subscriber
        assert subscriber is not None
        number = subscriber.forwardings[name]
        most = self.node.config.max_forwardings
        if len(call.forwarders) >= most:
            return f"{name} of {subscriber.number}: the call has been forwarded {most} times already"
        hops, problem = self.reach(call, "b", number)
        if problem:
            return f"{name} of {subscriber.number} to {number}: {problem}"
        passed = [*call.forwarders, subscriber]
        target = Endpoint.at(hops[-1].result.b, hops[-1].exit)
        if target.subscriber in passed:
            chain = " -> ".join(one.number for one in passed)
            return f"{name} of {subscriber.number}: a circle of forwardings: {chain} -> {number}"
        call.move(Input.FORWARD)
        call.forwarders.append(subscriber)
        if name != "cfu":
            call.outcome = "answer"
        record_use(call, name, now, forwarder.party, Endpoint.at(hops[0].result.b, hops[0].exit).party)
        if subscriber is not call.calling.subscriber:
            self.leave(call, subscriber)
        self.send_on(call, len(call.legs) - 1, hops, now)
        return ""

    def _give_up(self, call: Call, now: float) -> None:
        """The ringing time is over without an answer."""
        subscriber = call.called.subscriber
        if subscriber is not None and "cfnr" in subscriber.forwardings:
            problem = self._forward(call, "cfnr", now)
            if not problem:
                self._arrive(call, now)
                return
            call.log(now, "forwarding-failed", problem)
            self.release(call, now, cause=RELEASE_FAULT)
            return
        self.release(call, now, cause=RELEASE_NO_ANSWER)

    # --- used by services too

    def answer(self, call: Call, now: float) -> None:
        """The called party answers."""
        call.move(Input.ANSWER)
        call.answer_time = now
        call.log(now, "answer", call.called.number.digits)
        longest = self.node.licences.limits(now).max_conversation_time
        then = self.release if call.request.talk <= longest else self._too_long
        self._after_state(now + min(call.request.talk, longest), call, partial(then, call))
        self._changed(call, now)
        deferred, call.deferred = call.deferred, []
        for index in deferred:
            services.run(self, call, index, now)

    def release(self, call: Call, now: float, *, cause: int | None = None) -> None:
        """The call ends. The default cause: after the conversation, or no answer."""
        if cause is None:
            cause = RELEASE_AFTER_TALK if call.state is State.TALKING else RELEASE_NO_ANSWER
        call.move(Input.RELEASE)
        call.release_time, call.release_cause = now, cause
        call.log(now, "release", f"cause {cause:02X}h")
        for index in call.deferred:
            call.log(now, "service-refused", f"{call.request.services[index].service}: the call has ended")
        for subscriber in list(call.members):
            self.leave(call, subscriber)
        self._free(call)
        self.active -= 1
        self.units.free(call)
        self._released.append(call.id)
        while len(self._released) > self.node.config.kept_calls:
            del self.calls[self._released.popleft()]
        self._changed(call, now)
        consultation = call.consultation
        if consultation is not None and consultation.state is not State.RELEASED:
            self.release(consultation, now)

    def _too_long(self, call: Call, now: float) -> None:
        """The conversation has reached the limit of the licence."""
        active = self.node.licences.active(now)
        assert call.answer_time is not None
        seconds = f"{now - call.answer_time:g} s"
        call.log(now, "licence", f"licence {active.number}: {seconds} are the longest conversation")
        self.release(call, now)

    def reach(self, call: Call, role: Role, digits: str) -> tuple[Sequence[Hop], str]:
        """The path of a call of A or B to ``digits``, and why it leads nowhere ("": it arrives)."""
        leg = call.leg_of(role)
        user = call.party(role)
        subscriber = user.subscriber
        number = own_number(subscriber.number) if subscriber is not None else user.number
        context = (subscriber.context if subscriber else "") or leg.domain.default_context
        request = RoutingRequest(a=number, b=Number(digits=digits), context=context)
        hops = self._find(call, leg.domain, request)
        return hops, hops[-1].problem

    def join(self, call: Call, subscriber: Subscriber, now: float, *, role: str) -> None:
        """Make a subscriber of the last domain the B of the call."""
        leg = call.legs[-1]
        a, b = leg.calling.number, replace(own_number(subscriber.number), sorm_ni=leg.called.number.sorm_ni)
        leg.called = Endpoint(number=as_sorm_sees(leg.domain, a, b)[1], subscriber=subscriber)
        self._occupy(call, subscriber)
        touch(call, leg, leg.called, now, role=role, called=leg.called.party)
        self._changed(call, now)

    def send_on(self, call: Call, first: int, hops: Sequence[Hop], now: float) -> None:
        """Lead the call along another path from leg ``first`` on; the calling party there stays."""
        self._lead(call, first, hops, now, redirected=True)
        self._changed(call, now)

    def catch_up(self, domain: Domain, mediator: str, item: SwitchObject, now: float) -> None:
        """Match an object against the running calls; its matches have the role ``joined``."""
        table = ObjectTable()
        table.add(item)
        alone = {mediator: table}
        for call in self.calls.values():
            if call.state is State.RELEASED:
                continue
            for leg in outside_legs_first(call):
                # Independent of the order of domains: the object may be on control in several of the path.
                held = leg.domain.tables.get(mediator)
                if leg.domain is not domain and (held is None or not held.holds(item)):
                    continue
                touched = touch_a(call, leg, now, called=leg.shown_to_a, tables=alone)
                if call.setup_time is not None:
                    touched += touch_b(call, leg, now, tables=alone)
                if touched:
                    note_match(call, leg, mediator, item, "joined", leg.called.party, now)
                # Earlier matches of an object that was taken off control and put back count again.
                views = call.views.get(mediator, ())
                if any(known.item.target == item.target for view in views for known in view.matches):
                    self._changed(call, now)

    def leave(self, call: Call, subscriber: Subscriber) -> None:
        """End the part of a subscriber in the call."""
        if subscriber in call.members:
            call.members.remove(subscriber)
        subscriber.calls.discard(call.id)

    def after(self, at: float, call: Call, action: TimerAction) -> None:
        """Run ``action`` at a time, unless the call has been released by then."""
        heappush(self._timers, (at, next(self._order), call, None, action))

    # --- inside

    def _domain(self, name: str) -> Domain:
        if name not in self.domains:
            raise CallRefused("unknown", f"there is no domain {name!r}; there are: {as_list(self.domains)}")
        return self.domains[name]

    def _id(self, domain: Domain, number: int) -> str:
        platform = domain.config.platform_id
        return f"{platform and platform + '-'}{self._prefix}{number}"

    def _after_state(self, at: float, call: Call, action: TimerAction) -> None:
        """Run ``action`` at a time, unless the call has changed its state by then."""
        heappush(self._timers, (at, next(self._order), call, call.epoch, action))

    def _run_due(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            at, _, call, epoch, action = heappop(self._timers)
            if call.state is State.RELEASED or (epoch is not None and epoch != call.epoch):
                continue
            action(at)
            self._changed(call, at)

    def _find(self, call: Call, domain: Domain, request: RoutingRequest) -> Sequence[Hop]:
        hops = find_path(self.domains, domain, request)
        call.routing += hops
        return hops

    def _lead(
        self, call: Call, first: int, hops: Sequence[Hop], now: float, *, redirected: bool = False
    ) -> str:
        """Set the call up along a path, which replaces its legs from ``first`` on; see :func:`legs_along`.

        Returns why the path leads nowhere, or "".
        """
        call.legs = legs_along(call.legs, first, hops, redirected=redirected)
        came_in = 1 if call.calling.trunk else 0
        self._free(call, came_in + first)
        for leg, hop in zip(call.legs[first:], hops, strict=True):
            if not hop.problem:
                self._carry(call, leg.called)
        problem = hops[-1].problem
        touch_legs(call, first, now, new_a=not redirected, failed=bool(problem))
        if not problem:
            self._occupy(call, call.called.subscriber)
        return problem

    @staticmethod
    def _carry(call: Call, party: Endpoint) -> None:
        """Add the call to the trunks and bridges that carry it."""
        carrier = party.trunk or (party.bridge.bridge if party.bridge else None)
        if carrier is not None:
            carrier.active += 1
            call.carriers.append(carrier)

    @staticmethod
    def _free(call: Call, kept: int = 0) -> None:
        """Remove the call from its trunks and bridges, except the first ``kept`` of them."""
        for carrier in call.carriers[kept:]:
            carrier.active -= 1
        del call.carriers[kept:]

    @staticmethod
    def _occupy(call: Call, subscriber: Subscriber | None) -> None:
        if subscriber is not None:
            if subscriber not in call.members:
                call.members.append(subscriber)
            subscriber.calls.add(call.id)

    def _changed(self, call: Call, now: float) -> None:
        if not self._dirty:
            self._dirty_since = now
        self._dirty[call.id] = call


def _origin(domain: Domain, request: CallRequest) -> Endpoint:
    """The calling party. Raises :class:`CallRefused`."""
    kind, _, name = request.origin.partition(":")
    if request.origin == "subscriber":
        subscriber = domain.subscribers.get(request.a)
        if subscriber is None:
            raise CallRefused("invalid", f"a: {request.a} is no subscriber of {domain.name}")
        if not subscriber.reachable:
            raise CallRefused("refused", f"a: the line of {request.a} is {subscriber.line_state}")
        return Endpoint(number=own_number(request.a), subscriber=subscriber)
    trunk = domain.trunks.get(name)
    if kind != "trunk" or trunk is None:
        known = ", ".join(f"trunk:{name}" for name in sorted(domain.trunks))
        raise CallRefused(
            "invalid", f"from: {request.origin!r} is none of: subscriber{known and ', ' + known}"
        )
    if trunk.closed_to("incoming"):
        raise CallRefused("refused", f"from: {trunk.closed_to('incoming')}")
    return Endpoint(number=Number(digits=request.a), trunk=trunk)
