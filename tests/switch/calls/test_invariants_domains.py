"""Whatever calls are made across domains: each ends, and bridges and trunks carry what the calls' legs say."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import captures
from radius.report import CallReport
from sorm_mediator import config
from sorm_mediator.switch.calls.call import CallRefused, CallRequest, ServiceRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.calls.services import ORDERED, USED
from sorm_mediator.switch.objects import Refusal, SwitchObject

LAB = config.load(Path(captures.__file__).parent / "labs" / "multisorm" / "lab.toml")
OWN = {"voip.local": ["200100", "200119"], "local.voip": ["300000", "300001"]}
FULL = ["73832700000", "73832700001", "73832710000", "73832710001"]
CITY = ["73832112233", "73832709999", "999999", "7", "*21#"]
SECONDS = st.sampled_from([0.0, 0.5, 1.0, 3.0])
NUMBER = st.sampled_from([*OWN["voip.local"], *OWN["local.voip"], *FULL, *CITY])
SERVICE = st.builds(
    ServiceRequest,
    service=st.sampled_from(sorted(USED | ORDERED)),
    at=SECONDS,
    by=st.sampled_from([None, "a", "b"]),
    number=st.one_of(st.just(""), NUMBER, NUMBER),
    phase=st.sampled_from(["use", "use", "use", "order", "cancel"]),
    duration=st.one_of(st.none(), SECONDS),
    ring=SECONDS,
    talk=SECONDS,
)


def requests(origin: str, callers: list[str]) -> st.SearchStrategy[CallRequest]:
    return st.builds(
        CallRequest,
        a=st.sampled_from(callers),
        b=NUMBER,
        origin=st.just(origin),
        outcome=st.sampled_from(["answer", "answer", "busy", "no-answer", "fail", "incomplete"]),
        ring=SECONDS,
        talk=SECONDS,
        services=st.lists(SERVICE, max_size=3).map(tuple),
    )


CALL = st.one_of(
    *(st.tuples(st.just(name), requests("subscriber", callers)) for name, callers in OWN.items()),
    st.tuples(st.just("central_voip"), requests("trunk:trunk1", ["73832112233", "9001758964"])),
)
FORWARDING = st.tuples(
    st.sampled_from([(name, number) for name, numbers in OWN.items() for number in numbers]),
    st.sampled_from(["cfu", "cfb", "cfnr", "cfnrc"]),
    NUMBER,
)


class Bridging(RuleBasedStateMachine):
    """Calls between three domains, forwardings, small bridges and trunks, and time."""

    @initialize(capacity=st.sampled_from([1, 2, "unbounded"]), strict=st.booleans())
    def begin(self, capacity: int | str, strict: bool) -> None:
        assert LAB.switch is not None
        self.engine = Engine(LAB.switch, LAB.directory)
        self.bridges = self.engine.node.bridges
        for bridge in self.bridges.values():
            bridge.config = bridge.config.model_copy(update={"capacity": capacity, "strict": strict})
        self.trunk = self.engine.domains["central_voip"].trunks["trunk1"]
        self.trunk.config = self.trunk.config.model_copy(update={"capacity": capacity})
        self.now = 1_700_000_000.0
        self.last: dict[tuple[str, str], CallReport] = {}
        # m1 is a MultiSORM mediator of all domains, m2 one of a single domain.
        controlled = [*OWN["voip.local"], *OWN["local.voip"], *FULL, "73832112233"]
        for name, domain in self.engine.domains.items():
            for number, digits in enumerate(controlled, 1):
                own = digits in OWN["voip.local"] + OWN["local.voip"]
                if own and digits not in domain.subscribers:
                    continue
                kind = "own-subscriber" if own else "network-full"
                item = SwitchObject(number, kind, None, digits, None, "combined", None)
                with suppress(Refusal):
                    domain.table("m1").add(item)
                if name == "voip.local":
                    domain.table("m2").add(item)

    @rule(call=CALL)
    def call(self, call: tuple[str, CallRequest]) -> None:
        domain, request = call
        with suppress(CallRefused):
            self.engine.place_call(domain, request, self.now)

    @rule(forwarding=FORWARDING)
    def forward(self, forwarding: tuple[tuple[str, str], str, str]) -> None:
        (domain, number), name, target = forwarding
        self.engine.domains[domain].subscribers[number].forwardings[name] = target

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.now)

    def take(self, now: float) -> None:
        for mediator, report in self.engine.tick(now):
            key = (mediator, report.call_id)
            earlier = self.last.get(key)
            assert report.sequence == (earlier.sequence + 1 if earlier else 1)
            assert earlier is None or earlier.kind != "stop"
            assert earlier is None or earlier.domain == report.domain
            assert mediator == "m1" or report.domain == "voip.local"
            assert report.connection in (0x11, 0x12, 0x14, 0x18, 0x1C)
            call = self.engine.call_of(report)
            assert call is not None
            # An object is touched once for each reason, in whichever domain of the way.
            everything = [
                (touched.match.object_number, touched.match.role)
                for view in call.views[mediator]
                for touched in view.matches
            ]
            assert len(everything) == len(set(everything))
            assert [view.call_id for view in call.views[mediator]].count(report.call_id) == 1
            self.last[key] = report

    @precondition(lambda self: hasattr(self, "engine"))
    @invariant()
    def what_carries_calls_is_what_their_legs_say(self) -> None:
        carried: Counter[str] = Counter()
        incoming = outgoing = 0
        for call in self.engine.calls.values():
            if call.state is State.RELEASED:
                assert not call.carriers
                continue
            incoming += call.legs[0].calling.trunk is not None
            for leg in call.legs:
                if leg.called.bridge is not None:
                    carried[leg.called.bridge.bridge.name] += 1
                outgoing += leg.called.trunk is not None
            assert [leg.called.bridge is not None for leg in call.legs[:-1]] == [True] * (len(call.legs) - 1)
        assert {name: bridge.active for name, bridge in self.bridges.items()} == {
            name: carried[name] for name in self.bridges
        }
        assert self.trunk.active == incoming + outgoing

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        for _ in range(10_000):
            deadline = self.engine.next_deadline()
            if deadline is None:
                break
            self.take(max(self.now, deadline))
        assert self.engine.next_deadline() is None
        assert self.engine.active == 0
        assert not any(bridge.active for bridge in self.bridges.values())
        assert self.trunk.active == 0
        assert all(report.kind == "stop" for report in self.last.values())
        for domain in self.engine.domains.values():
            assert not any(subscriber.calls for subscriber in domain.subscribers.values())


Bridging.TestCase.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
TestBridging = Bridging.TestCase
