"""What the fuzzer puts into a timeslot, as the other end of the line receives it. No input or output."""

from __future__ import annotations

from e1.channel import DataChannel
from e1.events import FrameCrossed
from e1.lapb.config import LapbConfig
from e1.x25.config import X25Config
from sorm_mediator.fuzz.live.e1_surface import SpoiltChannel


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
