"""The calls of the switch: made, forwarded, answered, released, matched, and reported. Sans-IO.

Time comes in as ``now`` (Unix seconds). What is due later stands in a heap: :meth:`Engine.next_deadline` says
when :meth:`Engine.tick` is wanted next; what ``tick`` returns is to be sent to the mediators.

Source: DESIGN 5, 6; PROTOCOL 3.9, 3.13, 7.3-7.11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from functools import partial
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from radius.report import CallReport, Match, Media, Party
from sorm_mediator.config import SwitchConfig
from sorm_mediator.switch import services
from sorm_mediator.switch.call import (
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
    State,
    Touches,
)
from sorm_mediator.switch.objects import ControlledObject, ObjectTable
from sorm_mediator.switch.routing import Number, RoutingRequest, RoutingResult, route
from sorm_mediator.switch.subscribers import Domain, Subscriber, load_domain

MOST_FORWARDINGS: Final = 5
"""Hops that one call may be forwarded by; one more releases it (our choice)."""
KEPT_CALLS: Final = 1000
"""Released calls that can still be asked about."""

Action = Callable[[float], None]


class Report(NamedTuple):
    """A report for one mediator, named by the ``host:port`` of its RADIUS sink."""

    mediator: str
    report: CallReport


class Engine:
    """The domains and their calls.

    ``directory`` is where paths of context files start; ``prefix`` makes ids of calls differ from those of an
    earlier run, ``first_ssrc`` (32 bits) the sources of their speech. Raises
    :class:`sorm_mediator.config.ConfigError` for routing that can't be used.
    """

    def __init__(
        self, config: SwitchConfig, directory: Path = Path(), *, prefix: str = "c", first_ssrc: int = 1
    ) -> None:
        self.config = config
        self.domains: dict[str, Domain] = {}
        for index, domain in enumerate(config.domains):
            self.domains[domain.name] = load_domain(domain, directory, f"switch.domains.{index}")
        self.calls: dict[str, Call] = {}
        """Calls by id: all that run, and the last that were released."""
        self.active = 0
        self.listeners: Container[str] = frozenset()
        """Mediators that speech is sent to: their reports tell its sources."""
        self._prefix = prefix
        self._first_ssrc = first_ssrc
        self._ids = count(1)
        self._released: deque[str] = deque()
        self._timers: list[tuple[float, int, Call, int | None, Action]] = []
        self._order = count()
        self._dirty: dict[str, Call] = {}
        self._dirty_since = 0.0

    # --- from outside

    def place_call(self, domain: str, request: CallRequest, now: float) -> Call:
        """Make a call. Raises :class:`CallRefused`."""
        self._run_due(now)
        if domain not in self.domains:
            known = ", ".join(sorted(self.domains)) or "none"
            raise CallRefused("unknown", f"there is no domain {domain!r}; there are: {known}")
        services.check_request(request)
        return self.begin(self.domains[domain], request, now)

    def tick(self, now: float) -> list[Report]:
        """Do what is due, and hand out the reports of all calls that have changed since the last time."""
        self._run_due(now)
        dirty, self._dirty = self._dirty, {}
        return [report for call in dirty.values() for report in self._reports(call, now)]

    def next_deadline(self) -> float | None:
        """When ``tick`` is wanted; ``None``: not before something else happens."""
        timer = self._timers[0][0] if self._timers else None
        if self._dirty:
            return self._dirty_since if timer is None else min(timer, self._dirty_since)
        return timer

    # --- the course of a call

    def begin(self, domain: Domain, request: CallRequest, now: float, *, let_in: bool = False) -> Call:
        """Make a call within a domain. Raises :class:`CallRefused`."""
        limit = self.config.licence.concurrent_calls
        if self.active >= limit:
            raise CallRefused("licence", f"the licence allows {limit} calls at the same time")
        calling = _origin(domain, request)
        number = next(self._ids)
        ssrc = self._first_ssrc + 2 * number
        call = Call(
            f"{self._prefix}{number}",
            domain,
            request,
            now,
            calling,
            Endpoint(number=Number(digits=request.b)),
            request.outcome,
            let_in=let_in,
            media=Media(a_ssrc=ssrc & 0xFFFF_FFFF, b_ssrc=(ssrc + 1) & 0xFFFF_FFFF),
        )
        self.calls[call.id] = call
        self.active += 1
        self._occupy(call, calling.subscriber)
        call.log(now, "dialling", f"{request.a} dials {request.b}")
        for index, service in enumerate(request.services):
            self.after(now + service.at, call, partial(services.run, self, call, index))
        if request.outcome == "incomplete":
            self._touch(call, calling, now, role="a", called=call.dialled)
            self._after_state(now + request.ring, call, partial(self.release, call, cause=RELEASE_INCOMPLETE))
        elif calling.subscriber is not None and not request.b.isdigit():
            self._dialogue(call, now)
        else:
            self._set_up(call, now)
        self._changed(call, now)
        return call

    def _dialogue(self, call: Call, now: float) -> None:
        """A subscriber dials a service code: the switch itself answers, nobody is called."""
        call.setup_time = now
        self._touch(call, call.calling, now, role="a", called=call.dialled)
        call.move(Input.ALERT)
        self._after_state(now + call.request.ring, call, partial(self.answer, call))

    def _set_up(self, call: Call, now: float) -> None:
        """All digits are there: route the call and see to whom it comes."""
        called, result, problem = self._route(call, call.calling, call.request.b)
        call.calling = replace(call.calling, number=result.a)
        call.called = called
        call.setup_time = now
        self._touch(call, call.calling, now, role="a", called=call.shown_to_a)
        self._touch_trunk(call, call.calling, now, called=called.party)
        if problem:
            call.log(now, "routing-failed", problem)
            self.release(call, now, cause=RELEASE_FAULT)
            return
        self.join(call, called, now, role="b", called=called.party)
        self._arrive(call, now)

    def _arrive(self, call: Call, now: float) -> None:
        """The call has come to a number: forward it, release it, or let it ring."""
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
            services.use(call, "waiting", now, call.calling.party, call.called.party)
        call.move(Input.ALERT)
        call.log(now, "ringing", call.called.number.digits)
        then = self._give_up if call.outcome == "no-answer" else self.answer
        self._after_state(now + call.request.ring, call, partial(then, call))

    def _obstacle(self, call: Call) -> tuple[str | None, int | None]:
        """What keeps the number reached from ringing: its forwarding, else the cause of the release."""
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
        """Send the call on to the target of this forwarding. Says why not, "" when it is on its way."""
        forwarder = call.called
        subscriber = forwarder.subscriber
        assert subscriber is not None
        number = subscriber.forwardings[name]
        if len(call.forwarders) >= MOST_FORWARDINGS:
            return (
                f"{name} of {subscriber.number}: the call has been forwarded {MOST_FORWARDINGS} times already"
            )
        target, problem = self.reach(call, forwarder, number)
        if problem:
            return f"{name} of {subscriber.number} to {number}: {problem}"
        passed = [*call.forwarders, subscriber]
        if target.subscriber in passed:
            chain = " -> ".join(one.number for one in passed)
            return f"{name} of {subscriber.number}: a circle of forwardings: {chain} -> {number}"
        call.move(Input.FORWARD)
        call.forwarders.append(subscriber)
        if name != "cfu":
            call.outcome = "answer"
        services.use(call, name, now, forwarder.party, target.party)
        if subscriber is not call.calling.subscriber:
            self.leave(call, subscriber)
        self.join(call, target, now, role="b", called=target.party)
        return ""

    def _give_up(self, call: Call, now: float) -> None:
        """Nobody has answered."""
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

    # --- what services use too

    def answer(self, call: Call, now: float) -> None:
        """The called party answers."""
        call.move(Input.ANSWER)
        call.answer_time = now
        call.log(now, "answer", call.called.number.digits)
        self._after_state(now + call.request.talk, call, partial(self.release, call))
        self._changed(call, now)
        deferred, call.deferred = call.deferred, []
        for index in deferred:
            services.run(self, call, index, now)

    def release(self, call: Call, now: float, *, cause: int | None = None) -> None:
        """The call ends; without a cause: after the conversation, or because nobody answered."""
        if cause is None:
            cause = RELEASE_AFTER_TALK if call.state is State.TALKING else RELEASE_NO_ANSWER
        call.move(Input.RELEASE)
        call.release_time, call.release_cause = now, cause
        call.log(now, "release", f"cause {cause:02X}h")
        for index in call.deferred:
            call.log(now, "service-refused", f"{call.request.services[index].service}: the call has ended")
        for number in list(call.members):
            self.leave(call, call.domain.subscribers[number])
        self.active -= 1
        self._released.append(call.id)
        if len(self._released) > KEPT_CALLS:
            del self.calls[self._released.popleft()]
        self._changed(call, now)
        consultation = call.consultation
        if consultation is not None and consultation.state is not State.RELEASED:
            self.release(consultation, now)

    def reach(self, call: Call, user: Endpoint, digits: str) -> tuple[Endpoint, str]:
        """Where a call of ``user`` to ``digits`` would come, and why nowhere ("": it comes there)."""
        subscriber = user.subscriber
        if subscriber is not None:
            user = Endpoint(number=_own_number(subscriber.number), subscriber=subscriber)
        called, _, problem = self._route(call, user, digits)
        return called, problem

    def join(self, call: Call, party: Endpoint, now: float, *, role: str, called: Party) -> None:
        """``party`` is B from now on."""
        call.called = party
        self._occupy(call, party.subscriber)
        self._touch(call, party, now, role=role, called=called)
        self._touch_trunk(call, party, now, called=called)
        self._changed(call, now)

    def catch_up(self, domain: Domain, mediator: str, item: ControlledObject, now: float) -> None:
        """Let an object touch the calls that run already; its match ``joined`` says that it came late."""
        table = ObjectTable()
        table.add(item)
        alone = {mediator: table}
        for call in self.calls.values():
            if call.domain is not domain or call.state is State.RELEASED:
                continue
            touched = self._touch(
                call, call.calling, now, role="a", called=call.shown_to_a, tables=alone
            ) + self._touch_trunk(call, call.calling, now, called=call.called.party, tables=alone)
            if call.setup_time is not None:
                called = call.called.party
                touched += self._touch(call, call.called, now, role="b", called=called, tables=alone)
                touched += self._touch_trunk(call, call.called, now, called=called, tables=alone)
            if touched:
                late = Match(
                    object_number=item.object_number, role="joined", called=call.called.party, time=now
                )
                _match(call, mediator, item, late)
                self._changed(call, now)

    def leave(self, call: Call, subscriber: Subscriber) -> None:
        """The subscriber takes no part any more."""
        call.members.discard(subscriber.number)
        subscriber.calls.discard(call.id)

    def after(self, at: float, call: Call, action: Action) -> None:
        """Do something at a time, unless the call has been released by then."""
        heappush(self._timers, (at, next(self._order), call, None, action))

    # --- inside

    def _after_state(self, at: float, call: Call, action: Action) -> None:
        """Do something at a time, unless the call has gone on to another state by then."""
        heappush(self._timers, (at, next(self._order), call, call.epoch, action))

    def _run_due(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            at, _, call, epoch, action = heappop(self._timers)
            if call.state is State.RELEASED or (epoch is not None and epoch != call.epoch):
                continue
            action(at)
            self._changed(call, at)

    def _route(self, call: Call, user: Endpoint, digits: str) -> tuple[Endpoint, RoutingResult, str]:
        domain = call.domain
        origin = user.subscriber or user.trunk
        context = (origin.context if origin else "") or domain.default_context
        request = RoutingRequest(a=user.number, b=Number(digits=digits), context=context)
        result = route(request, domain.contexts, domain.subscribers)
        call.routing.append(result)
        if result.result == "failed":
            return Endpoint(number=result.b), result, result.reason
        if result.result == "external":
            trunk = next((domain.trunks[name] for name in result.via if name in domain.trunks), None)
            problem = "" if trunk else f"{domain.name} has no trunk {' or '.join(result.via)}"
            return Endpoint(number=result.b, trunk=trunk), result, problem
        subscriber = domain.subscribers.get(result.b.digits)
        if subscriber is None:
            problem = f"{result.b.digits or 'an empty number'} is no subscriber of {domain.name}"
            return Endpoint(number=result.b), result, problem
        number = result.b if result.b.ni else replace(result.b, ni="private")
        return Endpoint(number=number, subscriber=subscriber), result, ""

    @staticmethod
    def _occupy(call: Call, subscriber: Subscriber | None) -> None:
        if subscriber is not None:
            call.members.add(subscriber.number)
            subscriber.calls.add(call.id)

    def _touch(
        self,
        call: Call,
        party: Endpoint,
        now: float,
        *,
        role: str,
        called: Party,
        tables: Mapping[str, ObjectTable] | None = None,
    ) -> int:
        """Match a party against the objects of ``tables``, of the domain if left out; says how many it touches."""
        touched = 0
        for mediator, table in (call.domain.tables if tables is None else tables).items():
            for item in table.touched(party.touched):
                match = Match(object_number=item.object_number, role=role, called=called, time=now)
                touched += _match(call, mediator, item, match)
        return touched

    def _touch_trunk(
        self,
        call: Call,
        party: Endpoint,
        now: float,
        *,
        called: Party,
        tables: Mapping[str, ObjectTable] | None = None,
    ) -> int:
        touched = 0
        if party.trunk is None:
            return touched
        for mediator, table in (call.domain.tables if tables is None else tables).items():
            for item in table.trunk_touched(party.trunk.number):
                match = Match(object_number=item.object_number, role="trunk", called=called, time=now)
                touched += _match(call, mediator, item, match)
        return touched

    def _changed(self, call: Call, now: float) -> None:
        if not self._dirty:
            self._dirty_since = now
        self._dirty[call.id] = call

    def _reports(self, call: Call, now: float) -> list[Report]:
        reports = []
        for mediator, touches in call.touches.items():
            table = call.domain.table(mediator)
            # An object taken off control during the call is none of the mediator's any more.
            matches = tuple(match for item, match in touches.matches if table.holds(item))
            if not matches and not touches.sequence:
                continue
            touches.sequence += 1
            report = CallReport(
                call_id=call.id,
                domain=call.domain.name,
                sequence=touches.sequence,
                time=now,
                connection=call.connection,
                calling=call.calling.party,
                called=call.called.party,
                calling_station=call.calling.number.digits,
                called_station=call.called.number.digits,
                setup_time=call.setup_time,
                answer_time=call.answer_time,
                release_time=call.release_time,
                release_cause=call.release_cause,
                services=tuple(call.services),
                matches=matches,
                media=call.media if mediator in self.listeners else None,
            )
            reports.append(Report(mediator, report))
        return reports


def _origin(domain: Domain, request: CallRequest) -> Endpoint:
    """Who calls. Raises :class:`CallRefused`."""
    kind, _, name = request.origin.partition(":")
    if request.origin == "subscriber":
        subscriber = domain.subscribers.get(request.a)
        if subscriber is None:
            raise CallRefused("invalid", f"a: {request.a} is no subscriber of {domain.name}")
        if not subscriber.reachable:
            raise CallRefused("refused", f"a: the line of {request.a} is {subscriber.line_state}")
        return Endpoint(number=_own_number(request.a), subscriber=subscriber)
    trunk = domain.trunks.get(name)
    if kind != "trunk" or trunk is None:
        known = ", ".join(f"trunk:{name}" for name in sorted(domain.trunks))
        raise CallRefused(
            "invalid", f"from: {request.origin!r} is none of: subscriber{known and ', ' + known}"
        )
    return Endpoint(number=Number(digits=request.a), trunk=trunk)


def _own_number(digits: str) -> Number:
    return Number(digits=digits, ni="private")


def _match(call: Call, mediator: str, item: ControlledObject, match: Match) -> bool:
    """An object is touched once for each reason. Says whether this one is new."""
    touches = call.touches.setdefault(mediator, Touches())
    known = {(other.object_number, other.role) for _, other in touches.matches}
    new = (match.object_number, match.role) not in known
    if new:
        touches.matches.append((item, match))
    return new
