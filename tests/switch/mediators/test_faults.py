"""How a domain answers when a fault is ordered: in order, late, never, and at once when it ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.switch.mediators.faults import FAULTS, Fault, FaultPolicy


class Domain:
    """A domain that notes what it has done, and when."""

    def __init__(self) -> None:
        self.policy = FaultPolicy()
        self.done: list[tuple[float, int]] = []
        self.now = 0.0

    def ask(self, number: int) -> bool:
        return self.policy.put(lambda: self.done.append((self.now, number)), self.now)

    def run(self, until: float) -> None:
        while (deadline := self.policy.deadline) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            while (act := self.policy.due(self.now)) is not None:
                act()
        self.now = until


def test_slow() -> None:
    domain = Domain()
    assert domain.policy.at_once
    domain.policy.order("slow", 2.0)
    domain.ask(1)
    domain.run(1.0)
    domain.ask(2)
    domain.run(9.0)

    assert domain.done == [(2.0, 1), (3.0, 2)]
    assert not domain.policy.at_once


def test_a_shorter_delay_does_not_overtake() -> None:
    domain = Domain()
    domain.policy.order("slow", 5.0)
    domain.ask(1)
    domain.policy.order("slow", 1.0)
    domain.ask(2)
    domain.run(9.0)

    assert domain.done == [(5.0, 1), (5.0, 2)]


def test_what_waits_is_done_at_once_when_the_fault_ends_and_before_what_comes_then() -> None:
    domain = Domain()
    domain.policy.order("slow", 5.0)
    domain.ask(1)
    domain.policy.order("clear", 0.0)
    assert not domain.policy.at_once, "2 must not overtake 1"
    domain.ask(2)
    domain.run(0.5)

    assert domain.done == [(0.0, 1), (0.0, 2)]
    assert domain.policy.at_once


def test_dead() -> None:
    domain = Domain()
    domain.policy.order("slow", 5.0)
    domain.ask(1)
    domain.policy.order("dead", 0.0)

    assert domain.ask(2) is False
    assert domain.policy.deadline is None
    domain.policy.order("clear", 0.0)
    domain.ask(3)
    domain.run(1.0)
    assert domain.done == [(0.0, 3)]


@given(
    st.lists(
        st.one_of(
            st.just("ask"),
            st.tuples(st.sampled_from(FAULTS), st.floats(0, 5)),
            st.floats(0, 3),
        )
    )
)
def test_whatever_is_ordered_nothing_overtakes(script: list[str | float | tuple[Fault, float]]) -> None:
    domain, asked = Domain(), 0
    for step in script:
        if step == "ask":
            asked += 1
            domain.ask(asked)
        elif isinstance(step, tuple):
            domain.policy.order(*step)
        elif isinstance(step, float):
            domain.run(domain.now + step)

    numbers = [number for _, number in domain.done]
    assert numbers == sorted(set(numbers))
