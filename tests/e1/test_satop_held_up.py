"""Two ends of a SAToP line in two processes of a busy machine: one of them, or both, don't run for a while."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from e1.carriers.satop import PlayState, SatopConfig, SatopLine, SatopPacket, encode
from e1.carriers.satop_socket import SatopSocket
from e1.events import Message
from e1.g704.alarms import StreamState
from e1.lapb.config import LapbConfig
from e1.stream import ChannelEvent, E1Stream, StateChanged, StreamConfig, StreamEvent
from e1.x25.config import X25Config

MASTER = SatopConfig(jitter_packets=30, buffer_packets=660, patience=0.25, catch_up=0.25)
SLAVE = SatopConfig(jitter_packets=2, buffer_packets=500, clock="received", patience=0.5)
WORK = StreamState.WORK
STEP = 0.001


@dataclass
class Process:
    """One end, which runs every ``turn`` steps unless it is held up; what comes meanwhile is with the kernel."""

    config: SatopConfig
    role: str
    turn: int
    stopped_until: float = 0.0
    kernel: list[bytes] = field(default_factory=list)
    events: list[StreamEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line = SatopLine(self.config)
        x25 = X25Config(role=self.role, window=7)  # type: ignore[arg-type]
        self.stream = E1Stream(StreamConfig(lapb=LapbConfig(role=self.role), x25=x25))  # type: ignore[arg-type]

    def exchange(self, now: float) -> list[bytes]:
        for datagram in self.kernel:
            self.line.received(datagram, now)
        self.kernel = []
        frames = self.line.due(now)
        if not frames:
            self.events += self.stream.tick(now)
            return []
        self.events += self.stream.receive(self.line.play(frames), now)
        return self.line.send(self.stream.transmit(frames, now))

    @property
    def messages(self) -> list[bytes]:
        return [
            e.event.data for e in self.events if isinstance(e, ChannelEvent) and isinstance(e.event, Message)
        ]

    @property
    def states(self) -> list[StreamState]:
        return [event.new for event in self.events if isinstance(event, StateChanged)]


class Machine:
    """Both processes, in simulated time; a message each way every 20 ms once they are up."""

    def __init__(self, near: SatopConfig = MASTER, far: SatopConfig = SLAVE) -> None:
        self.near, self.far = Process(near, "dce", 10), Process(far, "dte", 5)
        self.steps = 0
        self.talk = False
        self.sent: dict[str, list[bytes]] = {"near": [], "far": []}

    @property
    def now(self) -> float:
        return self.steps * STEP

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.steps += 1
            for here, there in ((self.near, self.far), (self.far, self.near)):
                if self.steps % here.turn == 0 and self.now >= here.stopped_until:
                    there.kernel += here.exchange(self.now)
            if self.talk and self.steps % 20 == 0:
                self._say("near", self.near)
                self._say("far", self.far)

    def _say(self, name: str, end: Process) -> None:
        if self.now >= end.stopped_until:
            message = f"{name} {len(self.sent[name])}".encode()
            self.sent[name].append(message)
            end.events += end.stream.send("kpd1", message, self.now)

    def hold_up(self, end: Process, seconds: float) -> None:
        end.stopped_until = self.now + seconds

    def started(self) -> Machine:
        self.run(1.0)
        assert (self.near.stream.state, self.far.stream.state) == (WORK, WORK)
        assert all(channel.up for end in (self.near, self.far) for channel in end.stream.channels.values())
        for end in (self.near, self.far):
            end.events.clear()
        self.talk = True
        self.run(0.5)
        return self

    def settled(self) -> None:
        """All that was said gets a moment to arrive."""
        self.talk = False
        self.run(1.0)

    def delay(self) -> tuple[int, int]:
        """Packets that lie between the ends: in their buffers, and with the kernel."""
        ends = (self.near, self.far)
        return tuple(e.line.depacketiser.waiting + len(e.kernel) for e in ends)  # type: ignore[return-value]


def assert_nothing_happened(machine: Machine, before: tuple[int, int]) -> None:
    machine.settled()
    for end in (machine.near, machine.far):
        assert end.states == []
        assert end.line.counters.losses == end.line.counters.lost == 0
        assert end.line.counters.underruns == end.line.counters.overruns == 0
        assert end.stream.counters.slips == 0
    assert machine.far.messages == machine.sent["near"]
    assert machine.near.messages == machine.sent["far"]
    after = machine.delay()
    assert all(here <= there + 10 for here, there in zip(after, before, strict=True)), "no standing delay"


@pytest.mark.parametrize("far", [SLAVE, MASTER], ids=["slave", "a clock of its own"])
@pytest.mark.parametrize("who", ["near", "far", "both"])
@pytest.mark.parametrize("seconds", [0.05, 0.12, 0.2])
def test_a_hold_up_of_200_ms_costs_nothing(seconds: float, who: str, far: SatopConfig) -> None:
    machine = Machine(far=far).started()
    before = machine.delay()
    for end in (machine.near, machine.far):
        if who in ("both", "near" if end is machine.near else "far"):
            machine.hold_up(end, seconds)
    machine.run(1.0)
    assert_nothing_happened(machine, before)


@settings(max_examples=25, deadline=None)
@example([(0.2, 0.0), (0.0, 0.2)])
@given(st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.2)), min_size=1, max_size=4))
def test_hold_ups_one_after_another_cost_nothing(hold_ups: list[tuple[float, float]]) -> None:
    machine = Machine().started()
    before = machine.delay()
    for near, far in hold_ups:
        machine.hold_up(machine.near, near)
        machine.hold_up(machine.far, far)
        machine.run(0.5)
    assert_nothing_happened(machine, before)


def test_without_patience_the_same_hold_up_takes_the_line_down() -> None:
    machine = Machine(near=replace(MASTER, patience=0.0)).started()
    machine.hold_up(machine.far, 0.2)
    machine.run(1.0)
    assert StreamState.AIS in machine.near.states


def test_silence_beyond_patience_is_a_loss_and_its_end_brings_back_the_usual_delay() -> None:
    machine = Machine().started()
    before = machine.delay()
    machine.hold_up(machine.far, 0.6)
    machine.run(0.2)
    assert machine.near.states == []
    machine.run(0.3)
    assert machine.near.states == [StreamState.AIS]
    assert machine.near.line.loss
    machine.run(2.0)
    assert machine.near.stream.state is WORK
    assert all(here <= there + 10 for here, there in zip(machine.delay(), before, strict=True))


def test_a_gateway_that_never_waits_is_heard_without_loss_by_an_end_that_was_held_up() -> None:
    """It sends by its own clock; the kernel keeps what it sent."""
    machine = Machine(far=replace(MASTER, patience=0.0)).started()
    before = machine.delay()
    machine.hold_up(machine.near, 0.2)
    machine.run(1.0)
    assert machine.near.states == [StreamState.RAI, WORK], "what it heard of us was missing for a moment"
    assert machine.near.line.counters.lost == machine.near.line.counters.overruns == 0
    assert machine.delay()[0] <= before[0] + 10


async def test_what_comes_in_half_a_second_waits_in_the_socket() -> None:
    now = 100.0
    line = SatopLine(MASTER)
    end = SatopSocket(line, clock=lambda: now)
    await end.start()
    address = end.local
    stream = E1Stream()
    end.exchange(stream)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gateway:
            for sequence in range(500):
                gateway.sendto(encode(SatopPacket(sequence, False, False, bytes(256)), MASTER), address)
        now += 0.2
        end.exchange(stream)
        assert line.counters.received == 500
        assert line.counters.lost == line.counters.overruns == 0
        assert line.depacketiser.state is PlayState.PLAYING
    finally:
        end.close()
