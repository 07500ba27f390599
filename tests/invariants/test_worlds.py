"""Whatever happens to boxes, links and clocks: no confirmed object and no event is lost (docs/invariants.md)."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from protocol.messages import GetObjects, Start, Stop, Test
from tests.invariants.world import PHONES, World
from tests.machines import machine_settings

NUMBERS = st.sampled_from(sorted(PHONES))
NOTICE = st.sampled_from([0.0, 15.0])
OFTEN = st.sampled_from([0.0, 0.2, 0.6, 1.0])

pytestmark = pytest.mark.lab  # random lives of three boxes: seconds each


class Worlds(RuleBasedStateMachine):
    """A world that rules act on."""

    over: ClassVar[str]
    restore: ClassVar[bool]
    world: World

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = World(over=self.over, restore=self.restore, seed=seed)
        self.world.run(5.0)
        self.world.channels.connect()
        self.world.run(1.0)
        for command in (lambda: self.world.give(Start()), self.world.line):
            command()
        for number in (0, 1):
            self.world.add(number, full=number == 0)
        self.world.run(5.0)

    # --- what the boxes do

    @rule(number=NUMBERS, full=st.booleans(), high=st.booleans())
    def add(self, number: int, full: bool, high: bool) -> None:
        self.world.add(number, full=full, high=high)

    @rule(number=NUMBERS, full=st.booleans())
    def change(self, number: int, full: bool) -> None:
        self.world.change(number, full=full)

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        self.world.remove(number)

    @rule(again=st.booleans())
    def stop(self, again: bool) -> None:
        self.world.give(Stop())
        if again:
            self.world.give(Start())
            self.world.line()

    @rule()
    def start(self) -> None:
        self.world.give(Start())

    @rule()
    def look(self) -> None:
        self.world.give(GetObjects(None, None, None, None, None))

    @rule()
    def connect(self) -> None:
        """The console connects, and shows its password."""
        self.world.channels.connect()
        self.world.give(Test(0))

    @rule(
        a=NUMBERS,
        b=NUMBERS,
        outcome=st.sampled_from(["answer", "answer", "busy", "no-answer", "incomplete"]),
        ring=st.sampled_from([0.0, 0.05, 4.0]),
        talk=st.sampled_from([0.0, 1.0, 40.0]),
    )
    def call(self, a: int, b: int, outcome: str, ring: float, talk: float) -> None:
        self.world.call(a, b, outcome, ring, talk)

    @rule(many=st.integers(5, 90))
    def burst(self, many: int) -> None:
        """More calls than reports that may wait."""
        for number in range(many):
            self.world.call(number % 2, 2 + number % 3, "no-answer", 0.05, 0.0)

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.5, 3.0, 9.0, 40.0, 600.0]))
    def wait(self, seconds: float) -> None:
        self.world.run(seconds)

    # --- what goes wrong

    @rule(kind=st.sampled_from(["kpd1", "kpd2", "frames"]), notice=NOTICE)
    def console_link(self, kind: str, notice: float) -> None:
        self.world.channels.fault(kind, notice)

    @rule(notice=NOTICE)
    def ssh_cut(self, notice: float) -> None:
        self.world.link.cut(notice)

    @rule(delay=st.sampled_from([0.0, 1.0, 7.9, 12.0]))
    def ssh_slow(self, delay: float) -> None:
        self.world.switch.delay = delay

    @rule(address=st.sampled_from(["primary", "backup"]), there=st.booleans(), notice=NOTICE)
    def switch_address(self, address: str, there: bool, notice: float) -> None:
        self.world.lose_address(address, there, notice)

    @rule(cut=st.booleans(), loss=OFTEN, doubling=OFTEN, late=OFTEN)
    def radius(self, cut: bool, loss: float, doubling: float, late: float) -> None:
        way = self.world.radius
        way.cut, way.loss, way.doubling, way.late = cut, loss, doubling, late

    @rule(copies=st.sampled_from([3, 100]))
    def storm(self, copies: int) -> None:
        self.world.storm(copies)

    @rule(seconds=st.sampled_from([0.1, 30.0]))
    def switch_dies(self, seconds: float) -> None:
        self.world.kill_switch(seconds)

    @rule(seconds=st.sampled_from([0.1, 30.0]))
    def mediator_dies(self, seconds: float) -> None:
        self.world.kill_mediator(seconds)

    @rule(works=st.booleans())
    def disk(self, works: bool) -> None:
        self.world.mediator.m.disk = works

    @rule()
    def journal(self) -> None:
        """An entry of the journal is refused."""
        self.world.mediator.input(self.world.mediator.m.core.disk_refused)

    @rule(step=st.sampled_from([-172_800.0, -3600.0, 3600.0, 172_800.0]))
    def wall_clock(self, step: float) -> None:
        """The wall clock is set; a box takes it when it starts."""
        self.world.wall += step

    @rule()
    def heal(self) -> None:
        self.world.heal()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()


@pytest.mark.parametrize("restore", [False, True], ids=["initial", "restore"])
@pytest.mark.parametrize("over", ["tcp", "x25"])
def test_what_must_hold_in_any_world(over: str, restore: bool) -> None:
    case = type("Case", (Worlds,), {"over": over, "restore": restore})
    run_state_machine_as_test(case, settings=machine_settings(30, 40))
