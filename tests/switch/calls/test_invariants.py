"""Whatever calls are made: each ends, each mediator gets its own reports in order, and nobody stays busy."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import captures
from radius.report import CallReport
from sorm_mediator import config
from sorm_mediator.switch.calls.call import CallRefused, CallRequest, ServiceRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.calls.services import ORDERED, USED
from sorm_mediator.switch.objects import Refusal, SwitchObject

LAB = config.load(Path(captures.__file__).parent / "labs" / "minimal.toml")
OWN = [str(number) for number in range(28331, 28345)]
OUTSIDE = ["89001758964", "9001758964", "81044123456", "112", "3001122", "28999", "*21*28333#", "7"]
SECONDS = st.sampled_from([0.0, 0.5, 1.0, 3.0])
NUMBER = st.one_of(st.sampled_from(OWN), st.sampled_from(OWN), st.sampled_from(OUTSIDE))
SERVICE = st.builds(
    ServiceRequest,
    service=st.sampled_from(sorted(USED | ORDERED)),
    at=SECONDS,
    by=st.sampled_from([None, "a", "b"]),
    number=st.one_of(st.just(""), NUMBER),
    phase=st.sampled_from(["use", "use", "use", "order", "check", "cancel"]),
    duration=st.one_of(st.none(), SECONDS),
    ring=SECONDS,
    talk=SECONDS,
)
REQUEST = st.builds(
    CallRequest,
    a=NUMBER,
    b=NUMBER,
    origin=st.sampled_from(["subscriber", "subscriber", "trunk:smg_trunk", "trunk:city_trunk"]),
    outcome=st.sampled_from(["answer", "answer", "answer", "busy", "no-answer", "fail", "incomplete"]),
    ring=SECONDS,
    talk=SECONDS,
    services=st.lists(SERVICE, max_size=4).map(tuple),
)
MEDIATOR = st.sampled_from(["m1", "m2"])
TARGET = st.one_of(
    st.tuples(st.just("own-subscriber"), st.sampled_from(OWN)),
    st.tuples(
        st.sampled_from(["network-full", "network-partial"]), st.sampled_from(["89001758964", "8", "112"])
    ),
    st.tuples(st.just("trunk"), st.sampled_from([2, 3])),
)


class Switching(RuleBasedStateMachine):
    """Calls, objects and time in any order."""

    @initialize()
    def begin(self) -> None:
        assert LAB.switch is not None
        licence = LAB.switch.licence.model_copy(update={"concurrent_calls": 12})
        self.engine = Engine(LAB.switch.model_copy(update={"licence": licence}), LAB.directory)
        self.domain = self.engine.domains["test.domain"]
        self.now = 1_700_000_000.0
        self.sequences: dict[tuple[str, str], CallReport] = {}
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
        with suppress(Refusal):
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

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.now)

    def take(self, now: float) -> None:
        for mediator, report in self.engine.tick(now):
            key = (mediator, report.call_id)
            earlier = self.sequences.get(key)
            assert report.sequence == (earlier.sequence + 1 if earlier else 1)
            if earlier is not None:
                assert earlier.kind != "stop"
                assert report.services[: len(earlier.services)] == earlier.services
                assert (earlier.setup_time, earlier.calling) == (report.setup_time, report.calling)
                assert report.answer_time is not None or earlier.answer_time is None
            else:
                assert report.matches
            on_control = {item.object_number for item in self.domain.table(mediator)}
            assert {match.object_number for match in report.matches} <= on_control
            assert {match.object_number % 2 for match in report.matches} <= {int(mediator == "m2")}
            times = [use.time for use in report.services]
            assert times == sorted(times)
            assert (report.release_time is None) == (report.release_cause is None)
            assert report.connection in (0x11, 0x12, 0x14, 0x18, 0x1C)
            self.sequences[key] = report

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

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        for _ in range(10_000):
            deadline = self.engine.next_deadline()
            if deadline is None:
                break
            self.take(max(self.now, deadline))
        assert self.engine.next_deadline() is None
        assert self.engine.active == self.engine.units.in_use == 0
        for call in self.engine.calls.values():
            assert call.state is State.RELEASED
            assert call.release_time is not None
            assert call.release_time >= (call.answer_time or call.started) >= call.started
        assert all(report.kind == "stop" for report in self.sequences.values())
        assert not any(subscriber.calls for subscriber in self.domain.subscribers.values())


Switching.TestCase.settings = settings(max_examples=250, stateful_step_count=25, deadline=None)
TestSwitching = Switching.TestCase
