"""Whatever calls are made: each ends, each mediator gets its own reports in order, and nobody stays busy."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

import captures
from radius.report import CallReport
from sorm_mediator import config
from sorm_mediator.switch.calls.call import CallRefused, CallRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.objects import SwitchObject
from ssh_control.dialect import Refused
from tests.switch.calls.engine_machine import SECONDS, EngineMachine, service_requests

LAB = config.load(Path(captures.__file__).parent / "labs" / "minimal.toml")
OWN = [str(number) for number in range(28331, 28345)]
OUTSIDE = ["89001758964", "9001758964", "81044123456", "112", "3001122", "28999", "*21*28333#", "7"]
NUMBER = st.one_of(st.sampled_from(OWN), st.sampled_from(OWN), st.sampled_from(OUTSIDE))
REQUEST = st.builds(
    CallRequest,
    a=NUMBER,
    b=NUMBER,
    origin=st.sampled_from(["subscriber", "subscriber", "trunk:smg_trunk", "trunk:city_trunk"]),
    outcome=st.sampled_from(["answer", "answer", "answer", "busy", "no-answer", "fail", "incomplete"]),
    ring=SECONDS,
    talk=SECONDS,
    services=st.lists(service_requests(NUMBER), max_size=4).map(tuple),
)
MEDIATOR = st.sampled_from(["m1", "m2"])
TARGET = st.one_of(
    st.tuples(st.just("own-subscriber"), st.sampled_from(OWN)),
    st.tuples(
        st.sampled_from(["network-full", "network-partial"]), st.sampled_from(["89001758964", "8", "112"])
    ),
    st.tuples(st.just("trunk"), st.sampled_from([2, 3])),
)


class Switching(EngineMachine):
    """Calls, objects and time in any order."""

    @initialize()
    def begin(self) -> None:
        assert LAB.switch is not None
        licence = LAB.switch.licence.model_copy(update={"concurrent_calls": 12})
        self.start(Engine(LAB.switch.model_copy(update={"licence": licence}), LAB.directory))
        self.domain = self.engine.domains["test.domain"]
        for number, digits in enumerate(OWN):
            # m1 controls every subscriber from the start, so that nearly every call is reported.
            self.domain.table("m1").add(
                SwitchObject(1000 + 2 * number, "own-subscriber", None, digits, None, "combined", None)
            )

    @rule(mediator=MEDIATOR, controlled=TARGET, number=st.integers(0, 30))
    def control(self, mediator: str, controlled: tuple[str, str | int], number: int) -> None:
        # Numbers of the two mediators never coincide, so that a foreign object shows.
        number = number * 2 + (mediator == "m2")
        kind, what = controlled
        digits, trunk = (None, what) if isinstance(what, int) else (what, None)
        with suppress(Refused):
            self.domain.table(mediator).add(SwitchObject(number, kind, None, digits, trunk, "combined", None))

    @rule(mediator=MEDIATOR, data=st.data())
    def release_object(self, mediator: str, data: st.DataObject) -> None:
        numbers = sorted(item.object_number for item in self.domain.table(mediator))
        if numbers:
            self.domain.table(mediator).remove(data.draw(st.sampled_from(numbers)))

    @rule(request=REQUEST)
    def call(self, request: CallRequest) -> None:
        started = False
        with suppress(CallRefused):
            self.engine.place_call("test.domain", request, self.now)
            started = True
        # What was due by now happens in either case, such as the second call of a consultation.
        assert started == any(call.request is request for call in self.engine.calls.values())

    def check(self, mediator: str, report: CallReport, earlier: CallReport | None) -> None:
        if earlier is None:
            assert report.matches
        else:
            assert (earlier.setup_time, earlier.calling) == (report.setup_time, report.calling)
        on_control = {item.object_number for item in self.domain.table(mediator)}
        assert {match.object_number for match in report.matches} <= on_control
        assert {match.object_number % 2 for match in report.matches} <= {int(mediator == "m2")}
        times = [use.time for use in report.services]
        assert times == sorted(times)

    @invariant()
    def the_count_of_calls_is_right(self) -> None:
        if not hasattr(self, "engine"):
            return
        running = {call.id for call in self.engine.calls.values() if call.state is not State.RELEASED}
        assert self.engine.active == len(running) <= 12
        units = sum(call.units for call in self.engine.calls.values())
        assert self.engine.active <= units == self.engine.units.in_use <= 12
        for subscriber in self.domain.subscribers.values():
            members = {call for call in running if subscriber in self.engine.calls[call].members}
            assert subscriber.calls == members
        for call in map(self.engine.calls.__getitem__, running):
            if call.calling.subscriber is not None and "a" not in call.left:
                assert call.calling.subscriber in call.members
            if call.state is not State.DIALLING and call.called.subscriber is not None:
                assert call.called.subscriber in call.members


Switching.TestCase.settings = settings(max_examples=250, stateful_step_count=25, deadline=None)
TestSwitching = Switching.TestCase
