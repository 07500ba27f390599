"""What the state machines of the engine share: time, the reports taken, and the end of all calls."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from radius.report import CallReport
from sorm_mediator.switch.calls.call import ServiceRequest, State
from sorm_mediator.switch.calls.engine import ORDERED, USED, Engine

SECONDS = st.sampled_from([0.0, 0.5, 1.0, 3.0])


def service_requests(number: st.SearchStrategy[str]) -> st.SearchStrategy[ServiceRequest]:
    """A service of any kind, with or without a number."""
    return st.builds(
        ServiceRequest,
        service=st.sampled_from(sorted(USED | ORDERED)),
        at=SECONDS,
        by=st.sampled_from([None, "a", "b"]),
        number=st.one_of(st.just(""), number),
        phase=st.sampled_from(["use", "use", "use", "order", "check", "cancel"]),
        duration=st.one_of(st.none(), SECONDS),
        ring=SECONDS,
        talk=SECONDS,
    )


class EngineMachine(RuleBasedStateMachine):
    """An engine that is led through time. Each report is the next of its call, and the last one is a stop."""

    engine: Engine
    now: float
    last: dict[tuple[str, str], CallReport]
    """The last report by mediator and id of the call."""

    def start(self, engine: Engine) -> None:
        self.engine, self.now, self.last = engine, 1_700_000_000.0, {}

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.now)

    def take(self, now: float) -> None:
        for mediator, report in self.engine.tick(now):
            key = (mediator, report.call_id)
            earlier = self.last.get(key)
            assert report.sequence == (earlier.sequence + 1 if earlier else 1)
            assert report.connection in (0x11, 0x12, 0x14, 0x18, 0x1C)
            assert (report.release_time is None) == (report.release_cause is None)
            if earlier is not None:
                assert earlier.kind != "stop"
                assert earlier.domain == report.domain
                assert report.services[: len(earlier.services)] == earlier.services
                assert report.setup_time == earlier.setup_time or earlier.setup_time is None
                assert report.answer_time == earlier.answer_time or earlier.answer_time is None
            self.check(mediator, report, earlier)
            self.last[key] = report

    def check(self, mediator: str, report: CallReport, earlier: CallReport | None) -> None:
        """Check a report; ``earlier``: the one of the same call before."""
        raise NotImplementedError

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
        assert all(report.kind == "stop" for report in self.last.values())
        for call in self.engine.calls.values():
            assert call.state is State.RELEASED
            assert call.release_time is not None
            assert call.release_time >= (call.answer_time or call.started) >= call.started
        for domain in self.engine.domains.values():
            assert not any(subscriber.calls for subscriber in domain.subscribers.values())
            assert not any(trunk.active for trunk in domain.trunks.values())
        assert not any(bridge.active for bridge in self.engine.node.bridges.values())
