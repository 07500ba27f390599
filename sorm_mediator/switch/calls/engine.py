"""The engine makes, forwards, answers, releases, matches and reports the calls of the switch. Sans-IO.

It also carries out the services that a call's request scripts: hold, consultation, 3pty, transfer, pick-up,
waiting, and the ordering, checking and cancelling of services by the subscriber. Each is carried out as ordered,
or an event of the call gives the reason why not; the call goes on. The subscriber's record determines what
command 12 shows and which services act by themselves (forwarding, waiting).

Time comes in as ``now`` (Unix seconds). A heap holds the actions that are due later.
:meth:`Engine.next_deadline` is the time of the next :meth:`Engine.tick`; ``tick`` returns the reports for the
mediators.

Source: docs/switch.md; order 268, 10.2.1.8, 10.3, 11.1 and 11.4; pairs of numbers of services are our choice, except
for forwarding.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from functools import partial
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Final

from radius.report import CallReport, Media, MessageReport, Party, ServiceUse
from sorm_mediator.config import SwitchConfig
from sorm_mediator.language import Phrase, join
from sorm_mediator.switch.admission import Attempt, Refusal
from sorm_mediator.switch.calls.call import (
    RELEASE_AFTER_TALK,
    RELEASE_BUSY,
    RELEASE_FAULT,
    RELEASE_INCOMPLETE,
    RELEASE_NO_ANSWER,
    Call,
    CallEvent,
    CallRefused,
    CallRequest,
    CallUnits,
    Endpoint,
    Input,
    Leg,
    Role,
    ServiceRequest,
    State,
    first_leg,
    legs_along,
    own_number,
)
from sorm_mediator.switch.calls.conferences import Conferences
from sorm_mediator.switch.calls.matching import (
    Report,
    note_answer,
    note_match,
    outside_legs_first,
    reports,
    touch,
    touch_legs,
)
from sorm_mediator.switch.calls.messages import MessageRequest, message_reports
from sorm_mediator.switch.calls.origins import DIALER, Dialer, calling_party
from sorm_mediator.switch.calls.packages import Packages
from sorm_mediator.switch.domain import FEATURES, FORWARDINGS, SERVICE_CODES, Domain, Subscriber
from sorm_mediator.switch.licence_grounds import why_unlicensed
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.objects import ObjectTable, SwitchObject
from sorm_mediator.switch.path import Hop, find_path, no_path, sorm_view
from sorm_mediator.switch.profiles import profile_of
from sorm_mediator.switch.routing.route import Number, RoutingRequest, RoutingResult
from sorm_mediator.texts import as_list

TimerAction = Callable[[float], None]

PHASES: Final[Mapping[str, int]] = {"order": 0x01, "check": 0x02, "cancel": 0x03, "use": 0x04}
"""Service phases (order 268, 10.2.1.8)."""


class Engine:
    """The domains and their calls.

    ``directory``: where paths of context files start. ``prefix``: makes ids of calls differ from those of an
    earlier run. ``first_ssrc`` (32 bits): does the same for the SSRC of speech. Raises
    :class:`sorm_mediator.config.ConfigError` for routing that can't be used.
    """

    def __init__(
        self,
        config: SwitchConfig,
        directory: Path = Path(),
        *,
        prefix: str = "c",
        first_ssrc: int = 1,
        calendar: Callable[[float], float] = lambda now: now,
    ) -> None:
        self.node = Node(config, directory, calendar=calendar)
        self.domains = self.node.domains
        self.calls: dict[str, Call] = {}
        """Calls by id: all running calls, and the last released ones."""
        self.active = 0
        self.units = CallUnits(self.node)
        """Units of the licence that the calls use."""
        self.conferences = Conferences(self.node)
        """Add-on conferences, which the licence limits."""
        self.packages = Packages(self.node)
        """Licences of packages of services that the subscribers have."""
        self.dialer = Dialer(self.node)
        """Channels for the calls that the switch makes from a list of numbers."""
        self.listeners: Container[str] = frozenset()
        """Mediators that receive speech: their reports contain its SSRC."""
        self.noted: Callable[[Call, CallEvent], None] = lambda _call, _event: None
        """Called with each event of each call."""
        self.display: Callable[[], Phrase | None] = lambda: None
        """What the display of each telephone shows of the licence; None: nothing."""
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
        check_request(request)
        return self.begin(found, request, now)

    def send_message(
        self, domain: str, request: MessageRequest, now: float
    ) -> tuple[str, list[Report[MessageReport]]]:
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

    def pick_up(self, call: str, now: float) -> Call:
        """The called party of a ringing call answers now. Raises :class:`CallRefused`."""
        found = self._going(call, now)
        if found.state is not State.RINGING:
            raise CallRefused(
                "refused",
                Phrase(
                    "call {call} is {state}; only a ringing call can be answered",
                    call=call,
                    state=found.state.value,
                ),
            )
        self.answer(found, now)
        return found

    def use_service(self, call: str, service: ServiceRequest, now: float) -> Call:
        """A party uses a service now. Raises :class:`CallRefused`, also where a scripted service would be refused."""
        found = self._going(call, now)
        problem = "at: the service is used now" if service.at else _problem(found.request, service)
        if problem:
            raise CallRefused("invalid", problem)
        if service.phase == "use" and service.service in NEEDS_TALK and found.state is not State.TALKING:
            state = found.state.value
            told = Phrase(
                "call {call} is {state}; {service} needs a conversation",
                call=call,
                state=state,
                service=service.service,
            )
            raise CallRefused("refused", told)
        try:
            carry_out(self, found, service, now)
        finally:
            self._changed(found, now)  # also what a refused service has begun, such as a consultation
        return found

    def _going(self, call: str, now: float) -> Call:
        self._run_due(now)
        found = self.calls.get(call)
        if found is None or found.state is State.RELEASED:
            raise CallRefused("unknown", Phrase("there is no call {call!r} that goes on", call=call))
        return found

    def call_of(self, report: CallReport) -> Call | None:
        """The call of a report; None when the call is no longer kept."""
        return self.calls.get(report.call_id) or self.calls.get(report.call_id.rpartition(".")[0])

    def tick(self, now: float) -> list[Report[CallReport]]:
        """Run the actions that are due. Returns the reports of all calls changed since the last ``tick``."""
        self._run_due(now)
        dirty, self._dirty = self._dirty, {}
        return [report for call in dirty.values() for report in reports(call, now, self.listeners)]

    def states(self) -> dict[str, int]:
        """How many calls are in each state, the released ones left out."""
        counted = Counter(call.state for call in self.calls.values())
        return {state.value: counted[state] for state in State if state is not State.RELEASED}

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
        """Make a call within a domain, with this number of licence units. Raises :class:`CallRefused`.

        A call that the switch does not admit is made too, and is released at once: :attr:`Call.not_admitted`.
        """
        if request.origin == DIALER:
            self.dialer.check(now)
        else:
            self.units.check(units, now)
        calling, dialled = calling_party(domain, request), _dialled(domain, request)
        number = next(self._ids)
        ssrc = self._first_ssrc + 2 * number
        media = Media(a_ssrc=ssrc & 0xFFFF_FFFF, b_ssrc=(ssrc + 1) & 0xFFFF_FFFF)
        leg = first_leg(domain, calling, dialled)
        call = Call(self._id(domain, number), domain, request, now, [leg], request.outcome, media=media)
        call.let_in, call.noted = let_in, self.noted
        self.calls[call.id] = call
        self.active += 1
        if request.origin != DIALER:
            self.units.use(call, units, now)
            self._set_out(call, now)
        elif self.dialer.enter(call, now):
            self._dial(call, now)
        self._changed(call, now)
        return call

    def _dial(self, call: Call, now: float) -> None:
        """A call of the dialer has a channel: set out, unless the licence has no unit for it."""
        try:
            self.units.use(call, 1, now)
        except CallRefused as refusal:
            call.log(now, "licence", refusal.text)
            self.release(call, now, cause=RELEASE_FAULT)
        else:
            self._set_out(call, now)

    def _set_out(self, call: Call, now: float) -> None:
        """The calling party dials."""
        request, domain, (leg,), calling = call.request, call.domain, call.legs, call.calling
        # A subscriber dials a service code: the switch itself answers, and no number is called.
        service_code = calling.subscriber is not None and not leg.request.b.digits.isdigit()
        dials_number = request.outcome != "incomplete" and not service_code
        path = find_path(self.domains, domain, leg.request) if dials_number else ()
        caller = calling.subscriber or calling.outside
        attempt = Attempt(domain=domain, caller=caller, calling=request.a, called=request.b, path=path)
        not_admitted = self.node.admission.offer(attempt, now)
        self._occupy(call, calling.subscriber)
        self._carry(call, calling)
        call.log(now, "dialling", Phrase("{a} dials {b}", a=request.a, b=request.b))
        shown = self.display()
        if shown is not None:
            call.log(now, "licence", shown)
        if not_admitted is not None:
            self._turn_away(call, not_admitted, now)
            return
        for index, service in enumerate(request.services):
            self.after(now + service.at, call, partial(run_service, self, call, index))
        if request.outcome == "incomplete":
            touch(call, leg, now, role="a", called=leg.dialled)
            give_up = partial(self.release, call, cause=RELEASE_INCOMPLETE)
            self.after(now + request.ring, call, give_up, call.epoch)
        elif service_code:
            call.setup_time = now
            touch(call, leg, now, role="a", called=leg.dialled)
            call.move(Input.ALERT)
            self.after(now + request.ring, call, partial(self.answer, call), call.epoch)
        else:
            call.setup_time = now
            call.routing += path
            problem = self._lead(call, 0, path, now, redirected=False)
            self._arrive_or_fail(call, "routing-failed", problem, now)

    def _turn_away(self, call: Call, reason: Phrase, now: float) -> None:
        """Release a call that is not admitted: SORM is shown it like one whose routing fails at once."""
        call.not_admitted, call.setup_time = reason, now
        if isinstance(reason, Refusal):
            call.reject_status = reason.http_status
        leg = call.legs[0]
        call.routing.append(no_path(leg.domain, leg.request, reason))
        self._lead(call, 0, call.routing, now, redirected=False)
        call.log(now, "not-admitted", reason)
        self.release(call, now, cause=RELEASE_FAULT)

    def _arrive_or_fail(self, call: Call, event: str, problem: str, now: float) -> None:
        """Go on with a call that was led to a number; release it where that is impossible."""
        if problem:
            call.log(now, event, problem)
            self.release(call, now, cause=RELEASE_FAULT)
        else:
            self._arrive(call, now)

    def _arrive(self, call: Call, now: float) -> None:
        """The call has reached a number: forward it, release it, or let it ring."""
        forwarding, cause = self._obstacle(call, now)
        if forwarding is not None:
            self._arrive_or_fail(call, "forwarding-failed", self._forward(call, forwarding, now), now)
            return
        if cause is not None:
            self.release(call, now, cause=cause)
            return
        if self._busy(call):
            record_use(call, "waiting", now, call.calling.party, call.called.party)
        call.move(Input.ALERT)
        call.log(now, "ringing", call.called.number.digits)
        then = self._give_up if call.outcome == "no-answer" else self.answer
        self.after(now + call.request.ring, call, partial(then, call), call.epoch)

    def _unlicensed(self, call: Call) -> Phrase | None:
        """Why the subscriber reached by a forwarding takes no calls; None: it does."""
        called = call.called
        if called.subscriber is None or not call.forwarders or called.number.shown_ni == "emergency":
            return None
        return why_unlicensed(self.node, call.legs[-1].domain, called.subscriber)

    def _obstacle(self, call: Call, now: float) -> tuple[str | None, int | None]:
        """The reason why the number reached does not ring: its forwarding, else the cause of the release."""
        subscriber = call.called.subscriber
        if self._acts(call, "cfu", now):
            return "cfu", None
        unlicensed = self._unlicensed(call)
        if unlicensed is not None:
            call.log(now, "not-admitted", unlicensed)
            return None, RELEASE_FAULT
        if call.outcome == "fail" or (subscriber is not None and not subscriber.reachable):
            return ("cfnrc", None) if self._acts(call, "cfnrc", now) else (None, RELEASE_FAULT)
        own_number = subscriber is not None and subscriber is call.calling.subscriber
        engaged = self._busy(call) and not call.let_in and not self._acts(call, "waiting", now)
        if call.outcome == "busy" or own_number or engaged:
            return ("cfb", None) if self._acts(call, "cfb", now) else (None, RELEASE_BUSY)
        return None, None

    def _acts(self, call: Call, service: str, now: float) -> bool:
        """Whether a service in the record of the number reached acts: it is there, and has a licence."""
        subscriber = call.called.subscriber
        if subscriber is None or (
            service not in subscriber.forwardings and service not in subscriber.features
        ):
            return False
        try:
            self.packages.check(subscriber, service, now)
        except CallRefused as reason:
            _refused(call, service, reason, now)
            return False
        return True

    @staticmethod
    def _busy(call: Call) -> bool:
        """Whether the number reached is in another call."""
        subscriber = call.called.subscriber
        return subscriber is not None and bool(subscriber.calls - {call.id})

    def _forward(self, call: Call, name: str, now: float) -> str:
        """Lead the call to the target of a forwarding. Returns why that is impossible; "" when it is done."""
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
        if self._acts(call, "cfnr", now):
            self._arrive_or_fail(call, "forwarding-failed", self._forward(call, "cfnr", now), now)
        else:
            self.release(call, now, cause=RELEASE_NO_ANSWER)

    # --- used by services too

    def answer(self, call: Call, now: float) -> None:
        """The called party answers."""
        call.move(Input.ANSWER)
        call.answer_time = now
        note_answer(call)
        call.log(now, "answer", call.called.number.digits)
        longest = self.node.licences.active(now).limits.max_conversation_time
        then = self.release if call.request.talk <= longest else self._too_long
        self.after(now + min(call.request.talk, longest), call, partial(then, call), call.epoch)
        self._changed(call, now)
        deferred, call.deferred = call.deferred, []
        for index in deferred:
            run_service(self, call, index, now)

    def release(self, call: Call, now: float, *, cause: int | None = None) -> None:
        """The call ends. The default cause: after the conversation, or no answer."""
        if cause is None:
            cause = RELEASE_AFTER_TALK if call.state is State.TALKING else RELEASE_NO_ANSWER
        call.move(Input.RELEASE)
        call.release_time, call.release_cause = now, cause
        call.log(now, "release", Phrase("cause {cause}", cause=f"{cause:02X}h"))
        for index in call.deferred:
            service = call.request.services[index].service
            call.log(now, "service-refused", Phrase("{service}: the call has ended", service=service))
        for subscriber in list(call.members):
            self.leave(call, subscriber)
        self._free(call)
        self.active -= 1
        self.units.use(call, 0, now)
        self.conferences.ended(call)
        self.dialer.ended(call)
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
        longest = Phrase(
            "licence {number}: {seconds} are the longest conversation", number=active.number, seconds=seconds
        )
        call.log(now, "licence", longest)
        self.release(call, now)

    def reach(self, call: Call, role: Role, digits: str) -> tuple[Sequence[Hop], str]:
        """The path of a call of A or B to ``digits``, and why it leads nowhere ("": it arrives)."""
        leg, user = call.leg_of(role), call.party(role)
        subscriber = user.subscriber
        number = own_number(subscriber.number) if subscriber is not None else user.number
        context = (subscriber.context if subscriber else "") or leg.domain.default_context
        request = RoutingRequest(a=number, b=profile_of(leg.domain).dialled(digits), context=context)
        hops = self._find(call, leg.domain, request)
        return hops, hops[-1].problem

    def join(self, call: Call, subscriber: Subscriber, now: float) -> None:
        """Make a subscriber of the last domain the B of the call, by a service."""
        leg = call.legs[-1]
        a, b = leg.calling.number, replace(own_number(subscriber.number), sorm_ni=leg.called.number.sorm_ni)
        leg.called = Endpoint(number=sorm_view(leg.domain, a, b).b, subscriber=subscriber)
        self._occupy(call, subscriber)
        touch(call, leg, now, role="service")
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
                touched = touch(call, leg, now, role="a", called=leg.shown_to_a, tables=alone)
                if call.setup_time is not None:
                    touched += touch(call, leg, now, role="b", tables=alone)
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

    def after(self, at: float, call: Call, action: TimerAction, epoch: int | None = None) -> None:
        """Run ``action`` at a time, unless the call has been released or has left its ``epoch`` by then."""
        heappush(self._timers, (at, next(self._order), call, epoch, action))

    # --- inside

    def _domain(self, name: str) -> Domain:
        if name not in self.domains:
            known = as_list(self.domains)
            raise CallRefused(
                "unknown", Phrase("there is no domain {name!r}; there are: {known}", name=name, known=known)
            )
        return self.domains[name]

    def _id(self, domain: Domain, number: int) -> str:
        platform = domain.config.platform_id
        return f"{platform and platform + '-'}{self._prefix}{number}"

    def _run_due(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            at, _, call, epoch, action = heappop(self._timers)
            if call.state is State.RELEASED or (epoch is not None and epoch != call.epoch):
                continue
            action(at)
            self._changed(call, at)
        while (waiting := self.dialer.next(now)) is not None:
            self._dial(waiting, now)
            self._changed(waiting, now)

    def _find(self, call: Call, domain: Domain, request: RoutingRequest) -> Sequence[Hop]:
        hops = find_path(self.domains, domain, request)
        call.routing += hops
        return hops

    def _lead(self, call: Call, first: int, hops: Sequence[Hop], now: float, *, redirected: bool) -> str:
        """Lead the call along a path from leg ``first`` on: :func:`legs_along`. Returns why it leads nowhere, or ""."""
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


def _dialled(domain: Domain, request: CallRequest) -> Number:
    """The number dialled. Raises :class:`CallRefused` for a call that the domain does not take now."""
    profile = profile_of(domain)
    if refused := profile.refuses(domain, request.a if request.origin == "subscriber" else ""):
        raise CallRefused("refused", refused)
    dialled = profile.dialled(request.b)
    if dialled.digits.startswith("+"):
        raise CallRefused(
            "invalid", Phrase("b: {digits}: this switch takes digits without +", digits=request.b)
        )
    return dialled


# --- services used during a call

PARTICIPANTS: Final = 3
"""Participants of an add-on conference: the two parties of the call, and the third party."""
NEEDS_TALK: Final = frozenset({"hold", "end-of-hold", "consultation", "3pty", "transfer"})
"""Services of an established connection; before the answer they wait for it."""
NEEDS_NUMBER: Final = frozenset({"consultation", "pickup", "waiting"})
USED: Final = frozenset(SERVICE_CODES) - frozenset(FORWARDINGS)
"""Services that can be used in a call; forwardings act by themselves."""
ORDERED: Final = frozenset((*FORWARDINGS, *FEATURES))
"""Services that a subscriber orders, checks and cancels."""


def check_request(request: CallRequest) -> None:
    """Raises :class:`CallRefused` for a request that can never be carried out."""
    for index, service in enumerate(request.services):
        if problem := _problem(request, service):
            raise CallRefused("invalid", join(": ", [f"services.{index}", problem]))


def _problem(request: CallRequest, service: ServiceRequest) -> str:
    """Why a service can never be carried out in a call of this request; "" when it can."""
    known = USED if service.phase == "use" else ORDERED
    if service.service not in known:
        verb = "used in a call" if service.phase == "use" else "ordered, checked or cancelled"
        return f"service: {service.service!r} can't be {verb}; there are {', '.join(sorted(known))}"
    forwarding = service.phase == "order" and service.service in FORWARDINGS
    if not service.number and (forwarding or (service.phase == "use" and service.service in NEEDS_NUMBER)):
        return f"number: is required for {service.service}"
    if service.by == "a" and request.origin != "subscriber":
        return "by: A is outside of the domain and has no services in it"
    return ""


def consultation_units(user: Subscriber | None) -> int:
    """Units of a consultation call of this subscriber."""
    return 0 if user is not None and user.terminal == "basic" else 1


def conference_share(call: Call, consultation: int) -> int:
    """Units of a conference's consultation call, so that both calls together have one for each participant.

    ``consultation``: units of the consultation as a call.
    """
    return max(consultation, PARTICIPANTS - call.units)


def record_use(
    call: Call, name: str, now: float, calling: Party, called: Party, phase: int = PHASES["use"]
) -> None:
    """Record a use of a service, from which 44h is made."""
    use = ServiceUse(time=now, code=SERVICE_CODES[name], phase=phase, calling=calling, called=called)
    call.services.append(use)
    call.log(now, "service", f"{name}: {calling.digits} -> {called.digits}")


def run_service(engine: Engine, call: Call, index: int, now: float) -> None:
    """Carry out a service of the call's request. A service that needs a conversation waits for it."""
    service = call.request.services[index]
    if service.phase == "use" and service.service in NEEDS_TALK and call.state is not State.TALKING:
        call.deferred.append(index)
        return
    try:
        carry_out(engine, call, service, now)
    except CallRefused as reason:
        _refused(call, service.service, reason, now)


def _refused(call: Call, service: str, reason: CallRefused, now: float) -> None:
    call.log(now, "service-refused", Phrase("{service}: {reason}", service=service, reason=reason.text))


def carry_out(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    """Carry out a service. Raises :class:`CallRefused`."""
    if service.phase == "use":
        _check_package(engine, call, service, now)
        _USE[service.service](engine, call, service, now)
    else:
        _order(engine, call, service, now)


def _check_package(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    """Raises :class:`CallRefused` where the licence names packages, and the user has none for the service."""
    if service.service == "end-of-hold" or not engine.packages.named(now):
        return
    user: Subscriber | None
    if service.service == "pickup":
        user = call.legs[-1].domain.subscribers.get(service.number)
    else:
        _, _, user = _user(call, service, "b" if service.service == "waiting" else "a")
    if user is not None:
        engine.packages.check(user, service.service, now)


def _user(call: Call, service: ServiceRequest, default: Role = "a") -> tuple[Role, Endpoint, Subscriber]:
    """The party that uses the service. Raises :class:`CallRefused`."""
    role: Role = service.by or default
    if service.by is None and (call.party(role).subscriber is None or role in call.left):
        role = _other(role)
    if role in call.left:
        raise CallRefused("refused", Phrase("{party} has left the call", party=role.upper()))
    user = call.party(role)
    if user.subscriber is None:
        told = Phrase(
            "{party} is not a subscriber of {domain}",
            party=role.upper(),
            domain=call.leg_of(role).domain.name,
        )
        raise CallRefused("refused", told)
    return role, user, user.subscriber


def _other(role: Role) -> Role:
    return "b" if role == "a" else "a"


def _hold(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role, user, _ = _user(call, service)
    if role in call.held_by:
        raise CallRefused("refused", Phrase("the call is on hold already"))
    call.held_by.add(role)
    record_use(call, "hold", now, user.party, call.party(_other(role)).party)
    if service.duration is not None:
        engine.after(now + service.duration, call, lambda at: _release_hold(call, role, at))


def _end_of_hold(_engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role = service.by or next(iter(sorted(call.held_by)), None)
    if role is None or role not in call.held_by:
        raise CallRefused("refused", Phrase("the call is not on hold"))
    _release_hold(call, role, now)


def _release_hold(call: Call, role: Role, now: float) -> None:
    if role in call.held_by:
        call.held_by.discard(role)
        record_use(call, "end-of-hold", now, call.party(role).party, call.party(_other(role)).party)


def _consultation(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role, user, subscriber = _user(call, service)
    if call.consultation is not None and call.consultation.state is not State.RELEASED:
        raise CallRefused("refused", Phrase("there is a consultation call already"))
    request = CallRequest(a=subscriber.number, b=service.number, ring=service.ring, talk=service.talk)
    units = consultation_units(subscriber)
    call.consultation = engine.begin(call.leg_of(role).domain, request, now, units=units)
    record_use(call, "consultation", now, user.party, call.consultation.called.party)


def _with_third(call: Call) -> Call | None:
    """The consultation call of a party, while it has reached a third one."""
    consultation = call.consultation
    reached = consultation is not None and consultation.state in (State.RINGING, State.TALKING)
    return consultation if reached else None


def _three_party(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    _, user, subscriber = _user(call, service)
    if _with_third(call) is not None or service.number:
        engine.conferences.check(call, _with_third(call), now)
    if _with_third(call) is None and service.number:
        engine.units.check(conference_share(call, consultation_units(subscriber)), now)
        _consultation(engine, call, service, now)
    consultation = _with_third(call)
    if consultation is None:
        raise CallRefused(
            "refused", Phrase("there is no third party: no consultation call, and no number that answers")
        )
    engine.units.use(consultation, conference_share(call, consultation.units), now)
    engine.conferences.join(call, consultation)
    record_use(call, "3pty", now, user.party, consultation.called.party)


def _hop(leg: Leg) -> Hop:
    """The part of a path that is set up already."""
    a, b, way = leg.calling.number, leg.called.number, leg.called.outside
    result = RoutingResult(result="external" if way else "local", a=a, b=b)
    return Hop(domain=leg.domain, request=leg.request, result=result, exit=leg.called.subscriber or way)


def _refuse_unlicensed(engine: Engine, domain: Domain, subscriber: Subscriber) -> None:
    """Raises :class:`CallRefused` for a subscriber that takes no calls for want of a station licence."""
    reason = why_unlicensed(engine.node, domain, subscriber)
    if reason is not None:
        raise CallRefused("refused", reason)


def _engaged(number: str) -> Phrase:
    return Phrase("{number} is busy or out of service", number=number)


def _transfer(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role, user, subscriber = _user(call, service)
    if service.number:
        hops, problem = engine.reach(call, role, service.number)
        if problem:
            raise CallRefused("refused", problem)
        reached = hops[-1].exit
        if isinstance(reached, Subscriber) and (reached.calls or not reached.reachable):
            raise CallRefused("refused", _engaged(service.number))
        if isinstance(reached, Subscriber) and hops[-1].result.b.shown_ni != "emergency":
            _refuse_unlicensed(engine, hops[-1].domain, reached)
    else:
        consultation = _with_third(call)
        if consultation is None:
            told = Phrase("there is no number, and no consultation call to transfer to")
            raise CallRefused("refused", told)
        hops = [_hop(leg) for leg in consultation.legs]
        engine.units.move(consultation, call, consultation_units(consultation.calling.subscriber))
        engine.release(consultation, now)
    target = Endpoint.at(hops[0].result.b, hops[0].exit)
    record_use(call, "transfer", now, user.party, target.party)
    engine.leave(call, subscriber)
    if role == "a":
        call.left.add("a")
    call.held_by.clear()
    engine.send_on(call, 0 if role == "a" else len(call.legs) - 1, hops, now)


def _pickup(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    if call.state is not State.RINGING:
        raise CallRefused("refused", Phrase("the call is not ringing"))
    ringing, leg = call.called.subscriber, call.legs[-1]
    picker = leg.domain.subscribers.get(service.number)
    if ringing is None:
        raise CallRefused("refused", Phrase("B is not a subscriber of {domain}", domain=leg.domain.name))
    if picker is None:
        number, domain = service.number, leg.domain.name
        told = Phrase("{number} is not a subscriber of {domain}", number=number, domain=domain)
        raise CallRefused("refused", told)
    if picker.group != ringing.group:
        told = Phrase(
            "{picker} and {ringing} are in different pick-up groups",
            picker=picker.number,
            ringing=ringing.number,
        )
        raise CallRefused("refused", told)
    if picker.calls or not picker.reachable:
        raise CallRefused("refused", _engaged(picker.number))
    _refuse_unlicensed(engine, leg.domain, picker)
    engine.units.use(call, call.units + 1, now)
    before = call.called
    engine.leave(call, ringing)
    engine.join(call, picker, now)
    record_use(call, "pickup", now, call.called.party, before.party)
    engine.answer(call, now)


def _waiting(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role, _, subscriber = _user(call, service, default="b")
    request = CallRequest(a=service.number, b=subscriber.number, ring=service.ring, talk=service.talk)
    engine.begin(call.leg_of(role).domain, request, now, let_in=True)


def _order(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    """Order, check or cancel a service: the record changes, and 44h shows the digits dialled."""
    _, user, subscriber = _user(call, service)
    if service.phase == "order":
        engine.packages.order(subscriber, service.service, now)
        if service.service in FORWARDINGS:
            subscriber.forwardings[service.service] = service.number
        else:
            subscriber.features.add(service.service)
    elif service.phase == "cancel":
        subscriber.forwardings.pop(service.service, None)
        subscriber.features.discard(service.service)
        engine.packages.cancelled(subscriber)
    dialled = Party(digits=service.digits or call.request.b)
    record_use(call, service.service, now, user.party, dialled, PHASES[service.phase])


_USE: Final[Mapping[str, Callable[[Engine, Call, ServiceRequest, float], None]]] = {
    "hold": _hold,
    "end-of-hold": _end_of_hold,
    "consultation": _consultation,
    "3pty": _three_party,
    "transfer": _transfer,
    "pickup": _pickup,
    "waiting": _waiting,
}
