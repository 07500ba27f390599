"""Whatever calls are made across domains: each ends, and bridges and trunks carry what the calls' legs say."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

import captures
from radius.report import CallReport
from sorm_mediator import config
from sorm_mediator.switch.calls.call import CallRefused, CallRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.objects import SwitchObject
from ssh_control.dialect import Refused
from tests.switch.calls.engine_machine import SECONDS, EngineMachine, service_requests

LAB = config.load(Path(captures.__file__).parent / "labs" / "multisorm" / "lab.toml")
OWN = {"voip.local": ["200100", "200119"], "local.voip": ["300000", "300001"]}
FULL = ["73832700000", "73832700001", "73832710000", "73832710001"]
CITY = ["73832112233", "73832709999", "999999", "7", "*21#"]
NUMBER = st.sampled_from([*OWN["voip.local"], *OWN["local.voip"], *FULL, *CITY])


def requests(origin: str, callers: list[str]) -> st.SearchStrategy[CallRequest]:
    return st.builds(
        CallRequest,
        a=st.sampled_from(callers),
        b=NUMBER,
        origin=st.just(origin),
        outcome=st.sampled_from(["answer", "answer", "busy", "no-answer", "fail", "incomplete"]),
        ring=SECONDS,
        talk=SECONDS,
        services=st.lists(service_requests(NUMBER), max_size=3).map(tuple),
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


class Bridging(EngineMachine):
    """Calls between three domains, forwardings, small bridges and trunks, and time."""

    @initialize(capacity=st.sampled_from([1, 2, "unbounded"]), strict=st.booleans())
    def begin(self, capacity: int | str, strict: bool) -> None:
        assert LAB.switch is not None
        self.start(Engine(LAB.switch, LAB.directory))
        self.bridges = self.engine.node.bridges
        for bridge in self.bridges.values():
            bridge.config = bridge.config.model_copy(update={"capacity": capacity, "strict": strict})
        self.trunk = self.engine.domains["central_voip"].trunks["trunk1"]
        self.trunk.config = self.trunk.config.model_copy(update={"capacity": capacity})
        # m1 is a MultiSORM mediator of all domains, m2 one of a single domain.
        controlled = [*OWN["voip.local"], *OWN["local.voip"], *FULL, "73832112233"]
        for name, domain in self.engine.domains.items():
            for number, digits in enumerate(controlled, 1):
                own = digits in OWN["voip.local"] + OWN["local.voip"]
                if own and digits not in domain.subscribers:
                    continue
                kind = "own-subscriber" if own else "network-full"
                item = SwitchObject(number, kind, None, digits, None, "combined", None)
                with suppress(Refused):
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

    def check(self, mediator: str, report: CallReport, earlier: CallReport | None) -> None:
        assert mediator == "m1" or report.domain == "voip.local"
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


Bridging.TestCase.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
TestBridging = Bridging.TestCase
