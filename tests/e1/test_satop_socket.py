"""Streams over SAToP: two circuits in simulated time, and UDP sockets with strangers and far ends that come back."""

import asyncio
import errno
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e1.carriers.satop import (
    PlayState,
    SatopConfig,
    SatopLine,
    SatopPacket,
    encode,
)
from e1.carriers.satop_socket import SatopSocket
from e1.events import Message
from e1.g704.alarms import StreamState
from e1.g704.framer import FrameReceiver
from e1.lapb.config import LapbConfig
from e1.stream import ChannelEvent, E1Stream, StreamConfig, StreamEvent
from e1.x25.config import X25Config

CONFIG = SatopConfig(jitter_packets=3, buffer_packets=8, loss_packets=4, recover_packets=2)


def packet(sequence: int, *, l_bit: bool = False, r_bit: bool = False) -> bytes:
    payload = b"" if l_bit else bytes([sequence % 251]) * 256
    return encode(SatopPacket(sequence % 0x10000, l_bit, r_bit, payload), CONFIG)


def play(line: SatopLine, packets: int = 1) -> list[int]:
    """The first octet of each packet's time: its number, or 255 for all ones."""
    return list(line.play(8 * packets)[::256])


# --- streams over it ---------------------------------------------------------------------------------------------


def stream(role: str) -> E1Stream:
    return E1Stream(
        StreamConfig(lapb=LapbConfig(role=role), x25=X25Config(role=role))  # type: ignore[arg-type]
    )


class Circuit:
    """Two streams over two lines in simulated time; ``drop`` says which datagrams from a to b are lost."""

    def __init__(self) -> None:
        self.streams = (stream("dce"), stream("dte"))
        self.lines = (SatopLine(), SatopLine())
        self.now = 0.0
        self.cut = False
        self.events: list[tuple[int, StreamEvent]] = []

    def run(self, seconds: float) -> tuple[StreamState, StreamState]:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.005
            sent = []
            for index, (here, line) in enumerate(zip(self.streams, self.lines, strict=True)):
                frames = line.due(self.now)
                self.events += [(index, event) for event in here.receive(line.play(frames), self.now)]
                sent.append(line.send(here.transmit(frames, self.now), down=not here.sends_signal))
            for line, datagrams, lost in zip(reversed(self.lines), sent, (self.cut, False), strict=True):
                for datagram in datagrams:
                    if not lost:
                        line.received(datagram, self.now)
        return self.streams[0].state, self.streams[1].state


LOS, AIS, RAI, WORK = StreamState.LOS, StreamState.AIS, StreamState.RAI, StreamState.WORK


def test_streams_work_over_it_and_messages_cross() -> None:
    circuit = Circuit()
    assert circuit.run(0.5) == (WORK, WORK)
    circuit.streams[0].send("kpd2", b"an event", circuit.now)
    circuit.run(0.2)
    found = [e.event for n, e in circuit.events if n == 1 and isinstance(e, ChannelEvent)]
    assert Message(b"an event") in found
    assert circuit.lines[0].counters.lost == circuit.lines[0].counters.late == 0


def test_packets_lost_one_way_are_ais_there_rai_here_and_r_is_told() -> None:
    circuit = Circuit()
    circuit.run(0.5)
    circuit.cut = True
    assert circuit.run(0.1) == (RAI, AIS)
    assert circuit.lines[0].far_loss
    circuit.cut = False
    assert circuit.run(0.2) == (WORK, WORK)
    assert not circuit.lines[0].far_loss


def test_a_stream_that_is_off_sends_l_and_the_far_end_has_ais() -> None:
    circuit = Circuit()
    circuit.run(0.5)
    circuit.streams[0].fault(StreamState.OFF)
    assert circuit.run(0.1) == (StreamState.OFF, AIS)
    assert circuit.lines[1].far_down
    circuit.streams[0].fault(None)
    assert circuit.run(0.2) == (WORK, WORK)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 255))
def test_the_frame_may_begin_at_any_octet_of_a_packet(offset: int) -> None:
    here, line, receiver = stream("dce"), SatopLine(CONFIG), FrameReceiver()
    data = here.transmit(800, 0.0)[offset:]
    for datagram in line.send(data):
        line.received(datagram, 0.0)
        receiver.feed(line.play(8))
    assert receiver.aligned


async def test_two_ends_over_udp_bring_up_both_channels_and_carry_a_message() -> None:
    waits = SatopConfig(
        jitter_packets=30, buffer_packets=700, patience=0.25, catch_up=0.25
    )  # a busy machine is no fault
    lines = SatopLine(waits), SatopLine(waits)
    mediator, console = stream("dce"), stream("dte")
    near = SatopSocket(lines[0])  # learns where the far end is
    await near.start()
    far = SatopSocket(lines[1], remote=near.local)
    await far.start()
    mediator.send("kpd1", b"through the kernel", 0.0)
    try:
        events: list[StreamEvent] = []
        async with asyncio.timeout(20):
            while ChannelEvent("kpd1", Message(b"through the kernel")) not in events:
                near.exchange(mediator)
                events += far.exchange(console)
                await asyncio.sleep(0.005)
        assert near.strangers == far.strangers == 0
    finally:
        near.close()
        far.close()
        near.close()


async def test_datagrams_from_elsewhere_are_left() -> None:
    line = SatopLine()
    end = SatopSocket(line, remote=("127.0.0.1", 9))
    await end.start()
    address = end.local
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(packet(0), address)
        end.exchange(stream("dce"))
    end.close()
    assert end.strangers == 1
    assert line.counters.received == 0


async def test_a_stranger_is_told_once_until_he_was_silent_and_a_crowd_of_them_is_only_counted() -> None:
    now = 0.0
    end = SatopSocket(SatopLine(), remote=("127.0.0.1", 9), clock=lambda: now)
    await end.start()
    address = end.local
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        own = "127.0.0.1:{1}".format(*stranger.getsockname())

        def strangers() -> list[str]:
            stranger.sendto(b"who is there", address)
            end.exchange(stream("dce"))
            return end.take_strangers()

        assert strangers() == [own]
        now = 9.0
        assert strangers() == []
        now = 18.0
        assert strangers() == [], "heard nine seconds ago"
        now = 30.0
        assert strangers() == [own]
    crowd = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
    for each in crowd:
        each.sendto(packet(0), address)
        each.close()
    end.exchange(stream("dce"))
    assert len(end.take_strangers()) == 15, "with the one before, sixteen are told apart"
    assert end.strangers == 24
    end.close()


async def test_a_circuit_that_works_is_not_taken_over_and_a_far_end_may_come_back_elsewhere() -> None:
    line = SatopLine(CONFIG)
    end = SatopSocket(line, clock=lambda: 0.0)
    await end.start()
    address = end.local
    here = stream("dce")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        other.sendto(b"no packet", address)
        for sequence in range(4):
            far.sendto(packet(sequence), address)
        end.exchange(here)
        assert line.depacketiser.state is PlayState.PLAYING
        other.sendto(packet(4), address)
        end.exchange(here)
        assert end.strangers == 1
        line.play(8 * 20)
        assert line.loss
        for sequence in range(4):
            other.sendto(packet(sequence), address)
        end.exchange(here)
        assert line.depacketiser.state is PlayState.PLAYING
    end.close()
    assert line.counters.malformed == 1
    assert line.counters.received == 8


async def test_nobody_at_the_far_port_is_a_line_that_loses() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        nobody = gone.getsockname()
    times = iter(range(100))
    end = SatopSocket(SatopLine(), remote=nobody, clock=lambda: next(times) / 100)
    await end.start()
    here = stream("dce")
    for _ in range(20):
        end.exchange(here)
    end.close()
    assert end.line.loss
    assert end.line.counters.sent > 100
    assert here.state is AIS


async def test_an_address_that_cannot_be_had_is_told() -> None:
    first = SatopSocket(SatopLine())
    await first.start()
    address = first.local
    try:
        with pytest.raises(OSError) as error:  # noqa: PT011
            await SatopSocket(SatopLine(), local=address).start()
        assert error.value.errno == errno.EADDRINUSE
    finally:
        first.close()
