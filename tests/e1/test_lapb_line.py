"""Two of our ends over a bad line, in simulated time: each message comes once and in order, or its loss is told."""

import heapq
import random
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from e1.hdlc import HdlcReceiver, HdlcTransmitter
from e1.lapb.config import DeliverPacket, LapbConfig, LapbEffect, LinkDown, LinkUp, Role, SendFrame
from e1.lapb.machine import Lapb, LapbAction, LapbEvent, LapbMove, LapbState

pytestmark = pytest.mark.lab  # random lines and floods: seconds each

T1, N2 = 3.0, 4
DELAY = 0.05
HEAL = (2 * N2 + 3) * T1
"""Seconds on a good line in which any link is up: attempts under way run out at both ends, then a set-up."""
SABM = (0x2F, 0x3F)


@dataclass
class Fate:
    """What the line does to one frame: copies that arrive (0: lost), a wrong bit, seconds of extra delay."""

    copies: int = 1
    wrong_bit: int | None = None
    delay: float = 0.0


GOOD = Fate()
fates = st.one_of(
    st.just(GOOD),
    st.just(Fate(copies=0)),
    st.just(Fate(copies=2)),
    st.builds(Fate, wrong_bit=st.integers(0, 10_000)),
    st.builds(Fate, delay=st.floats(0.01, 1.2)),
)
"""The delays keep the round trip under T1, and order is kept: what LAPB demands of a line."""


@dataclass
class End:
    """One end, its half of the line, and its layer 3, which keeps a record."""

    link: Lapb
    transmitter: HdlcTransmitter = field(default_factory=HdlcTransmitter)
    receiver: HdlcReceiver = field(default_factory=HdlcReceiver)
    arrival: float = 0.0
    accepted: list[int] = field(default_factory=list)
    told_lost: set[int] = field(default_factory=set)
    delivered: list[int] = field(default_factory=list)
    up: bool = False


class World:
    """Both ends and the line. ``fates`` are used up frame by frame; then the line is good."""

    def __init__(self, dte: LapbConfig, dce: LapbConfig, fates: list[Fate]) -> None:
        self.ends = (End(Lapb(dte)), End(Lapb(dce)))
        self.fates = fates[::-1]
        self.now = 0.0
        self.flying: list[tuple[float, int, int, bytes, int]] = []
        self.order = count()
        self.messages = count()
        for place in (0, 1):
            self.carrier(place, True)

    def carrier(self, place: int, up: bool) -> None:
        if not up:
            self.flying = [item for item in self.flying if item[2] != place]
            heapq.heapify(self.flying)
        self.carry_out(place, self.ends[place].link.carrier(up, self.now))

    def send(self, place: int) -> None:
        end = self.ends[place]
        if end.up:
            number = next(self.messages)
            end.accepted.append(number)
            self.carry_out(place, end.link.send(number.to_bytes(4, "big"), self.now))

    def carry_out(self, place: int, effects: list[LapbEffect]) -> None:
        end = self.ends[place]
        for effect in effects:
            match effect:
                case SendFrame(frame):
                    self.transmit(place, frame)
                case DeliverPacket(data):
                    end.delivered.append(int.from_bytes(data, "big"))
                case LinkUp(undelivered=lost):
                    end.up = True
                    end.told_lost.update(end.accepted[len(end.accepted) - lost :])
                case LinkDown(undelivered=lost):
                    end.up = False
                    end.told_lost.update(end.accepted[len(end.accepted) - lost :])

    def transmit(self, place: int, frame: bytes) -> None:
        end = self.ends[place]
        fate = self.fates.pop() if self.fates else GOOD
        end.transmitter.queue(frame)
        octets = end.transmitter.take(end.transmitter.pending + len(frame) // 4 + 3)
        if fate.wrong_bit is not None:
            at = fate.wrong_bit % (8 * len(octets))
            octets = (int.from_bytes(octets, "big") ^ 1 << at).to_bytes(len(octets), "big")
        end.arrival = max(end.arrival, self.now + DELAY + fate.delay)
        # A doubled SABM whose second UA is lost would defeat any LAPB: the ends would number differently.
        copies = min(fate.copies, 1) if frame[1] in SABM else fate.copies
        heapq.heappush(self.flying, (end.arrival, next(self.order), 1 - place, octets, copies))

    def run(self, until: float) -> None:
        for _ in range(100_000):
            deadlines = [end.link.next_deadline() for end in self.ends]
            times = [time for time in deadlines if time is not None]
            times += [self.flying[0][0]] if self.flying else []
            upcoming = min(times, default=until)
            if upcoming >= until:
                self.now = until
                return
            assert upcoming >= self.now
            self.now = upcoming
            if self.flying and self.flying[0][0] <= upcoming:
                _, _, place, octets, copies = heapq.heappop(self.flying)
                for frame in self.ends[place].receiver.feed(octets):
                    for _ in range(copies):
                        self.carry_out(place, self.ends[place].link.received(frame, self.now))
            for place, end in enumerate(self.ends):
                self.carry_out(place, end.link.tick(self.now))
        raise AssertionError("the ends talk for ever without time going on")


def heal_and_check(world: World) -> None:
    """The line becomes good: the link comes up and works, and nobody misses anything that was not told as lost."""
    world.fates = []
    for place, end in enumerate(world.ends):
        world.carrier(place, True)
        world.carry_out(place, end.link.busy(False, world.now))
    world.run(world.now + HEAL)
    assert [end.link.state for end in world.ends] == [LapbState.S3, LapbState.S3]
    assert [end.up for end in world.ends] == [True, True]
    for place in (0, 1):
        world.send(place)
    world.run(world.now + HEAL)

    for sender, receiver in (world.ends, world.ends[::-1]):
        assert receiver.delivered == sorted(set(receiver.delivered)), "once and in order"
        missing = set(sender.accepted) - set(receiver.delivered)
        assert missing <= sender.told_lost
        assert receiver.delivered[-1] == sender.accepted[-1], "the last one was sent on a good line"
        assert sender.link.queued == 0


Step = tuple[Literal["send", "busy", "free", "down", "back", "wait"], int, float]
steps = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "send", "send", "busy", "free", "down", "back", "wait"]),
        st.integers(0, 1),
        st.sampled_from([0.0, 0.0, 0.01, 0.3, 2.0, 7.0]),
    ),
    max_size=40,
)


def configs(role: Role) -> st.SearchStrategy[LapbConfig]:
    return st.builds(
        LapbConfig,
        role=st.just(role),
        k=st.sampled_from([1, 2, 7]),
        t1=st.just(T1),
        n2=st.just(N2),
        t2=st.sampled_from([0.0, 0.2]),
        t4=st.sampled_from([0.0, 10.0]),
        resend=st.sampled_from(["poll", "i-frame", "linux"]),
        s3_exhausted=st.sampled_from(["reset", "down"]),
        s0_exhausted=st.sampled_from(["invite", "sabm"]),
        set_up=st.sampled_from(["either", "dte"]),
    )


@settings(max_examples=200, deadline=None)
@given(configs("dte"), configs("dce"), st.lists(fates, max_size=80), steps)
def test_each_message_comes_once_and_in_order_or_its_loss_is_told(
    dte: LapbConfig, dce: LapbConfig, bad: list[Fate], script: list[Step]
) -> None:
    world = World(dte, dce, bad)
    for kind, place, pause in script:
        link = world.ends[place].link
        if kind == "send":
            world.send(place)
        elif kind in ("busy", "free"):
            world.carry_out(place, link.busy(kind == "busy", world.now))
        elif kind in ("down", "back"):
            world.carrier(place, kind == "back")
        world.run(world.now + pause)

    heal_and_check(world)
    event(f"told of a loss: {any(end.told_lost for end in world.ends)}")


@pytest.mark.parametrize("resend", ["poll", "i-frame", "linux"])
@pytest.mark.parametrize("seed", range(8))
def test_a_hundred_messages_or_so_each_way_over_a_line_that_spoils_one_frame_in_five(
    resend: Literal["poll", "i-frame", "linux"], seed: int
) -> None:
    chance = random.Random(f"{seed} {resend}")  # noqa: S311
    spoiled = [
        Fate(copies=0),
        Fate(copies=2),
        Fate(wrong_bit=chance.randrange(999)),
        Fate(delay=chance.random()),
    ]
    bad = [chance.choice(spoiled) if chance.random() < 0.2 else GOOD for _ in range(10_000)]
    dte, dce = (LapbConfig(role=role, t1=T1, n2=N2, resend=resend) for role in ("dte", "dce"))
    world = World(dte, dce, bad)
    for _ in range(200):
        world.run(world.now + chance.choice((0.01, 0.1, 1.0)))
        for _ in range(chance.randrange(4)):
            world.send(chance.randrange(2))
    assert all(len(end.accepted) > 50 for end in world.ends)
    heal_and_check(world)


def test_a_dte_that_did_not_notice_that_the_link_is_down_hears_of_it_by_an_invitation() -> None:
    dte, dce = (LapbConfig(role=role, t1=T1, n2=N2, set_up="dte") for role in ("dte", "dce"))
    world = World(dte, dce, [])
    world.run(1.0)
    world.carrier(1, False)
    world.carrier(1, True)
    world.fates = [Fate(copies=0)] * (3 * N2)
    assert [end.up for end in world.ends] == [True, False]
    world.run(world.now + 3 * N2 * T1)
    assert [end.up for end in world.ends] == [True, False], "every invitation was lost"
    heal_and_check(world)


def gateway(preset: Literal["x25", "linux"], set_up: Literal["either", "dte"]) -> LapbConfig:
    """A DCE."""
    config = LapbConfig(role="dce") if preset == "x25" else LapbConfig.linux("dce")
    return replace(config, set_up=set_up)


class LinuxDte(Lapb):
    """The DTE of Linux 6.1: after N2 times T1 without an answer it is silent, and ignores an invitation (DM F=0); one
    in information transfer has it wait T1 before it sets up."""

    def __init__(self) -> None:
        super().__init__(LapbConfig.linux("dte"))
        self._table[LapbState.S1, LapbEvent.T1_N2] = LapbMove(
            LapbState.S0, (LapbAction.STOP, LapbAction.DOWN)
        )
        self._table[LapbState.S0, LapbEvent.DM_F0] = LapbMove()
        self._table[LapbState.S3, LapbEvent.DM_F0] = LapbMove(
            LapbState.S0, (LapbAction.STOP, LapbAction.DOWN, LapbAction.START_T1)
        )


def seconds_until_up(world: World, at_most: float) -> float:
    """How long it takes until both ends are up again; ``at_most`` if they don't come up."""
    begin = world.now
    while world.now < begin + at_most and not all(end.link.up for end in world.ends):
        world.run(world.now + 0.01)
    return world.now - begin


@pytest.mark.parametrize(
    ("preset", "set_up", "least", "most"),
    [
        ("x25", "either", 0.0, 0.3),
        ("linux", "either", 0.0, 0.3),
        ("x25", "dte", 7.9, 8.3),
        ("linux", "dte", 9.9, 10.3),
    ],
)
@pytest.mark.parametrize("hit", [0.6, 3.0])
def test_after_a_hit_that_the_dte_did_not_see_both_are_up_at_once(
    preset: Literal["x25", "linux"], set_up: Literal["either", "dte"], least: float, most: float, hit: float
) -> None:
    world = World(LapbConfig.linux("dte"), gateway(preset, set_up), [])
    world.ends[0].link = LinuxDte()
    world.carrier(0, True)
    world.run(20)
    assert all(end.link.up for end in world.ends)
    world.carrier(1, False)
    world.run(world.now + hit)
    world.carrier(1, True)
    assert least <= seconds_until_up(world, 60) <= most


@pytest.mark.parametrize("preset", ["x25", "linux"])
@pytest.mark.parametrize("seen", [True, False], ids=["the line comes back", "nobody sees the line"])
def test_a_dte_that_has_given_up_is_set_up_by_the_dce(preset: Literal["x25", "linux"], seen: bool) -> None:
    world = World(LapbConfig.linux("dte"), gateway(preset, "either"), [])
    world.ends[0].link = LinuxDte()
    world.fates = [Fate(copies=0)] * 1000
    world.carrier(0, True)
    if seen:
        world.carrier(1, False)
    world.run(20 * 5 + 1)
    assert world.ends[0].link.next_deadline() is None, "it has given up"
    world.fates = []
    world.carrier(1, True)
    assert seconds_until_up(world, 60) <= (0.3 if seen else world.ends[1].link.config.t1 + 0.3)


def test_a_dce_that_only_invites_leaves_a_dte_that_has_given_up_down() -> None:
    world = World(LapbConfig.linux("dte"), gateway("x25", "dte"), [])
    world.ends[0].link = LinuxDte()
    world.fates = [Fate(copies=0)] * 1000
    world.carrier(0, True)
    world.run(20 * 5 + 1)
    world.fates = []
    assert seconds_until_up(world, 600) >= 600


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["dte", "dce"]), st.lists(st.binary(max_size=8), max_size=30), st.booleans())
def test_nothing_that_a_peer_sends_escapes_as_an_error(
    role: Role, frames: list[bytes], connect: bool
) -> None:
    link = Lapb(LapbConfig(role=role))
    if connect:
        link.connect(0)
        link.received(bytes((link.config.command_address, 0x73)), 0)
    addresses = (0x01, 0x03)
    for number, frame in enumerate(frames):
        link.received(bytes((addresses[len(frame) & 1],)) + frame, float(number))
        link.tick(float(number))
        if link.state in (LapbState.S1, LapbState.S2, LapbState.S4):
            assert link.next_deadline() is not None, "these states always end by themselves"
