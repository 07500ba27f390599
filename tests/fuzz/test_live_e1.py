"""What the fuzzer puts into a timeslot, as the other end of the line receives it. No input or output."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from e1.channel import DataChannel
from e1.events import FrameCrossed
from e1.lapb.config import LapbConfig
from e1.x25.config import X25Config
from protocol import Release
from sorm_mediator.config import parse
from sorm_mediator.console.e1_client import ConsoleLine, lines_of_lab
from sorm_mediator.console.target import target_for
from sorm_mediator.fuzz.live.e1_line import SpoiltChannel, spoil
from sorm_mediator.fuzz.live.e1_surface import E1Surface
from sorm_mediator.fuzz.live.fuzzer import generator
from sorm_mediator.fuzz.live.target import Gateway


class Wire:
    """A timeslot between the fuzzer's end and a right one, with a clock of its own."""

    def __init__(self) -> None:
        self.near = SpoiltChannel(LapbConfig(role="dte"), X25Config(role="dte"))
        self.far = DataChannel(LapbConfig(role="dce"), X25Config(role="dce"))
        self.now = 0.0
        self.seen: list[bytes] = []
        for end in (self.near, self.far):
            end.carrier(True, self.now)

    def run(self, seconds: float) -> None:
        """Let time pass, 10 ms at a time."""
        for _ in range(round(seconds / 0.01)):
            self.now += 0.01
            there, back = self.near.transmit(80, self.now), self.far.transmit(80, self.now)
            for event in (*self.far.receive(there, self.now), *self.far.tick(self.now)):
                if isinstance(event, FrameCrossed) and not event.outbound:
                    self.seen.append(event.frame)
            self.near.receive(back, self.now)
            self.near.tick(self.now)


def test_a_spoilt_end_comes_up_like_a_right_one() -> None:
    wire = Wire()
    wire.run(1)
    assert wire.near.up
    assert wire.far.up


def test_frames_that_lapb_does_not_make_arrive_whole() -> None:
    wire = Wire()
    wire.run(1)
    wire.near.frame_past_lapb(b"\x01\xff\x00")
    wire.run(0.1)
    assert b"\x01\xff\x00" in wire.seen


def test_octets_that_are_no_frame_are_counted_by_the_other_end() -> None:
    wire = Wire()
    wire.run(1)
    wire.near.raw(b"\x7e\xaa\x55\x7e" * 3)
    wire.run(0.1)
    assert wire.far.hdlc.bad


def test_a_packet_that_x25_does_not_make_is_in_an_i_frame() -> None:
    wire = Wire()
    wire.run(1)
    wire.near.packet_past_x25(b"\x10\x01\xf1\x00", wire.now)
    wire.run(0.2)
    assert any(frame.endswith(b"\x10\x01\xf1\x00") for frame in wire.seen)


def test_what_was_put_there_can_be_forgotten() -> None:
    wire = Wire()
    wire.run(1)
    before = wire.far.hdlc.bad
    wire.near.raw(b"\x7e\xaa\x55\x7e" * 3)
    wire.near.forget()
    wire.run(0.1)
    assert wire.far.hdlc.bad == before


# --- a peer that keeps to the rules


def bring(wire: Wire, message: bytes) -> None:
    """The right end sends a message of the channel."""
    wire.far.send(message, wire.now)
    wire.run(0.2)


def test_what_arrives_while_p_r_is_withheld_is_acknowledged_afterwards() -> None:
    wire = Wire()
    wire.run(1)
    wire.near.withhold(wire.now + 1.0)
    bring(wire, b"event")
    assert wire.far.queued == 1
    wire.run(1)
    assert wire.far.queued == 0


def test_what_is_sent_while_p_r_is_withheld_carries_no_p_r() -> None:
    wire = Wire()
    wire.run(1)
    wire.near.withhold(wire.now + 1.0)
    bring(wire, b"event")
    wire.near.send(b"command", wire.now)
    wire.run(0.2)
    assert (wire.near.queued, wire.far.queued) == (1, 1)
    wire.run(1)
    assert (wire.near.queued, wire.far.queued) == (0, 0)


def test_a_restart_on_a_link_that_holds_is_answered() -> None:
    wire = Wire()
    wire.run(1)
    before = wire.far.x25.counters["restarts"]
    wire.near.restart(wire.now)
    wire.run(0.3)
    assert wire.far.x25.counters["restarts"] > before
    assert wire.near.up
    assert wire.far.up


def test_a_packet_by_its_type_is_on_the_channel_of_the_circuit() -> None:
    wire = Wire()
    wire.run(1)
    wire.near.packet_of_type(0x09, wire.now)
    wire.run(0.2)
    assert any(frame.endswith(b"\x10\x01\x09") for frame in wire.seen)


class Lines:
    """A surface without a mediator, for what it draws."""

    def __init__(self, *, seed: int = 1) -> None:
        config = parse(
            {"console": {"link": "x25"}, "e1": [{"stream": 0, "line": "memory"}]}, directory=Path.cwd()
        )
        lab = SimpleNamespace(config=config, endpoints={}, carrier=lambda stream: None)
        (end,) = lines_of_lab(lab)
        self.line = ConsoleLine(end)
        spoil(self.line)
        target = target_for(config, "127.0.0.1", 0, 0)
        gateway = Gateway(name="of the test", config=config, run=target)
        self.surface = E1Surface(gateway, self.line, ["28331"])
        self.rng = generator(f"{seed}")

    def rounds(self, count: int) -> list[set[str]]:
        """The kinds of actions that so many rounds have, with both channels up from the beginning."""
        found = []
        for _ in range(count):
            self.surface.begin()
            self.surface._up = {"kpd1", "kpd2"}
            found.append({self.surface.draw(self.rng).kind for _ in range(12)})
        return found


def test_a_round_has_one_manner() -> None:
    broken = {"octets", "frame", "packet", "fault"}
    kinds = Lines().rounds(60)
    legal = [one for one in kinds if not one & broken]
    assert 15 < len(legal) < 45
    assert not any(
        one & {"hit", "collision", "unacknowledged", "modulo", "stall"} for one in kinds if one & broken
    )
    assert {"hit", "collision", "unacknowledged", "modulo", "stall"} <= set().union(*legal)


def test_an_event_that_comes_twice_is_told() -> None:
    surface = Lines().surface
    surface.begin()
    codec = surface._codec
    event = codec.encode(Release(object_number=902, call_number=7))
    surface._ears["kpd2"].messages.append(event)
    assert surface._told_again() == []
    surface._ears["kpd2"].messages.append(event)
    (breach,) = surface._told_again()
    assert breach.summary == "event 43h of object 902, call 7 came twice"
