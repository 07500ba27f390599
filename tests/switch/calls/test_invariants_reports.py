"""Whatever changes while calls run, each mediator is told of the whole of each call that touches its objects.

Objects come and go, domains and bridges are removed, calls are forwarded, transferred and picked up across bridges.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from radius.report import CallReport
from sorm_mediator.switch.calls.call import (
    Call,
    CallRefused,
    CallRequest,
    Endpoint,
    Leg,
    ServiceRequest,
    State,
)
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes import sorm as sorm_changes
from sorm_mediator.switch.changes.domains import remove_bridge, remove_domain
from sorm_mediator.switch.changes.routing import unbind
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.mediators.session import MediatorSession
from ssh_control.dialect import Request
from tests.switch.calls.engine_machine import EngineMachine
from tests.switch.calls.test_invariants_domains import CALL, CITY, FORWARDING, FULL, LAB, OWN

MEDIATORS = {"m1": ["central_voip", "voip.local", "local.voip"], "m2": ["voip.local"]}
"""One of MultiSORM, and one of a single domain."""
SHORT = [number for numbers in OWN.values() for number in numbers]
TARGET = st.one_of(
    st.tuples(st.just("own-subscriber"), st.sampled_from([*SHORT, *FULL])),
    st.tuples(st.just("network-full"), st.sampled_from([*FULL, *CITY[:4]])),
    st.tuples(st.just("network-partial"), st.sampled_from(["7383", "9", "738321"])),
    st.tuples(st.just("trunk"), st.just(1)),
)
MEDIATOR = st.sampled_from(sorted(MEDIATORS))
OBJECT = st.integers(1, 9)


def service(name: str, numbers: list[str]) -> st.SearchStrategy[ServiceRequest]:
    return st.builds(
        ServiceRequest,
        service=st.just(name),
        at=st.sampled_from([0.5, 1.5]),
        by=st.sampled_from([None, "b"]),
        number=st.sampled_from(numbers),
    )


def moved(caller: tuple[str, str, list[str]]) -> st.SearchStrategy[tuple[str, CallRequest]]:
    """A call that is picked up while it rings, or transferred while it talks."""
    domain, origin, numbers = caller
    request = st.builds(
        CallRequest,
        a=st.sampled_from(numbers),
        b=st.sampled_from([*SHORT, *FULL, *CITY[:2]]),
        origin=st.just(origin),
        ring=st.just(1.0),
        talk=st.just(3.0),
        outcome=st.sampled_from(["answer", "answer", "no-answer"]),
        services=st.one_of(service("pickup", SHORT), service("transfer", [*SHORT, *CITY[:2]])).map(
            lambda one: (one,)
        ),
    )
    return st.tuples(st.just(domain), request)


MOVED = st.sampled_from(
    [
        *((domain, "subscriber", numbers) for domain, numbers in OWN.items()),
        ("central_voip", "trunk:trunk1", CITY[:1]),
    ]
).flatmap(moved)


def touches(item: dict[str, Any], party: Endpoint, domain: Domain) -> bool:
    """Whether an object is touched by a party: the slow and obvious way."""
    if item["object_type"] == "trunk":
        return party.trunk is not None and party.trunk.number == item["trunk"]
    known = {party.number.digits, party.number.shown_digits}
    if item["object_type"] == "own-subscriber":
        if party.subscriber is None:
            return False
        own = party.subscriber.number
        known |= {
            own,
            *(d for plan in domain.plans.values() for d, b in plan.numbers.items() if b.alias == own),
        }
        return item["number"] in known
    if party.subscriber is not None:
        return False
    if item["object_type"] == "network-full":
        return item["number"] in known
    return any(number.startswith(item["number"]) for number in known)


class Reporting(EngineMachine):
    """Calls, objects and changes of the switch in any order."""

    @initialize(controlled=st.lists(TARGET, min_size=4, max_size=9))
    def begin(self, controlled: list[tuple[str, str | int]]) -> None:
        assert LAB.switch is not None
        self.start(Engine(LAB.switch, LAB.directory))
        for user in LAB.switch.aggregates:
            sorm_changes.remove_aggregate(self.engine.node, user.user)
        self.objects: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in MEDIATORS}
        self.gone: dict[tuple[str, str], set[int]] = {}
        """Objects that were taken off control since the last report of a call."""
        for number, target in enumerate(controlled, 1):
            for mediator in MEDIATORS:
                self.put(mediator, number, target)

    # --- what mediators do

    def ask(self, mediator: str, op: str, **params: Any) -> int:
        """Ask all domains of a mediator; how many have done it."""
        done = 0
        for name in MEDIATORS[mediator]:
            domain = self.engine.domains.get(name)
            if domain is not None:
                joined = partial(self.engine.catch_up, domain, mediator, now=self.now)
                session = MediatorSession(domain, mediator, lambda: None, joined)
                done += session.handle(Request(op, params)).ok
        return done

    @rule(mediator=MEDIATOR, number=OBJECT, controlled=TARGET)
    def control(self, mediator: str, number: int, controlled: tuple[str, str | int]) -> None:
        self.put(mediator, number, controlled)
        self.take(self.now)

    def put(self, mediator: str, number: int, controlled: tuple[str, str | int]) -> None:
        kind, what = controlled
        known = self.objects[mediator]
        digits, trunk = (None, what) if isinstance(what, int) else (what, None)
        item = {
            "object_number": number, "object_type": kind, "number_sign": None, "number": digits, "trunk": trunk,
            "category": "combined", "priority": None,
        }  # fmt: skip
        if number in known or any(
            (one["object_type"], one["number"]) == (kind, digits) for one in known.values()
        ):
            return
        if self.ask(mediator, "add", object=item):
            known[number] = item
            self.ask(mediator, "join", object_number=number)

    @rule(mediator=MEDIATOR, number=OBJECT)
    def take_off(self, mediator: str, number: int) -> None:
        if self.objects[mediator].pop(number, None) is not None:
            self.ask(mediator, "remove", object_number=number)
            self.forget(mediator, {number})

    @rule(mediator=MEDIATOR)
    def stop(self, mediator: str) -> None:
        self.ask(mediator, "clear")
        self.forget(mediator, set(self.objects[mediator]))
        self.objects[mediator].clear()

    def forget(self, mediator: str, numbers: set[int]) -> None:
        for key in self.last:
            if key[0] == mediator:
                self.gone.setdefault(key, set()).update(numbers)

    @rule(mediator=MEDIATOR)
    def come_back(self, mediator: str) -> None:
        items = list(self.objects[mediator].values())
        self.ask(mediator, "sync", objects=items, first=True, last=True)

    # --- what people do

    @rule(call=st.one_of(CALL, MOVED, MOVED))
    def call(self, call: tuple[str, CallRequest]) -> None:
        domain, request = call
        with suppress(CallRefused):
            self.engine.place_call(domain, request, self.now)
        self.take(self.now)

    @rule(forwarding=FORWARDING)
    def forward(self, forwarding: tuple[tuple[str, str], str, str]) -> None:
        (name, number), service, target = forwarding
        domain = self.engine.domains.get(name)
        if domain is not None:
            domain.subscribers[number].forwardings[service] = target

    @precondition(lambda self: len(self.engine.domains) == len(MEDIATORS["m1"]) and self.engine.active)
    @rule(name=st.sampled_from(MEDIATORS["m1"]), really=st.integers(0, 4))
    def remove(self, name: str, really: int) -> None:
        """A domain with its bridges, as far as no call needs them; once, so that there are still calls afterwards."""
        if really:
            return
        node = self.engine.node
        domain = node.domains[name]
        for end in list(domain.bridges.values()):
            if end.bridge.active:
                continue
            for side in end.bridge.ends:
                there = node.domains[side.side.domain]
                for plan in list(there.plans.values()):
                    bound = [d for d, one in plan.numbers.items() if one.bridge == end.bridge.name]
                    for digits in bound:
                        unbind(node, there.name, plan.name, digits)
            remove_bridge(node, end.bridge.name)
        with suppress(ChangeRefused):
            remove_domain(node, name)

    # --- what becomes of it

    def take(self, now: float) -> None:
        super().take(now)
        for call in self.engine.calls.values():
            if call.state is not State.RELEASED:
                self.is_told_whole(call)

    def check(self, mediator: str, report: CallReport, earlier: CallReport | None) -> None:
        """What was told before is told again, but for objects that were taken off control."""
        gone = self.gone.pop((mediator, report.call_id), set())
        assert {match.object_number for match in report.matches} <= self.objects[mediator].keys()
        if earlier is None:
            assert report.domain in self.engine.domains
            return
        missing = {match for match in earlier.matches if match not in report.matches}
        assert {match.object_number for match in missing} <= gone, (missing, gone)

    def is_told_whole(self, call: Call) -> None:
        for mediator, objects in self.objects.items():
            told = {
                match.object_number
                for view in call.views.get(mediator, ())
                for match in (self.last[mediator, view.call_id].matches if view.sequence else ())
            }
            for leg in call.legs:
                if leg.domain.name in MEDIATORS[mediator]:
                    wanted = {number for number, item in objects.items() if self.concerns(item, call, leg)}
                    assert wanted <= told, (mediator, wanted, told)

    @staticmethod
    def concerns(item: dict[str, Any], call: Call, leg: Leg) -> bool:
        """Whether A or B of a leg is under control; B only once the call is routed."""
        parties = [leg.calling, leg.called] if call.routing else [leg.calling]
        return any(touches(item, party, leg.domain) for party in parties)


Reporting.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestReporting = Reporting.TestCase
