"""SAToP captures (raw E1 in UDP) decoded down to the order's messages."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import pytest

from e1.lapb_config import LapbConfig
from e1.lines.satop import Packetiser, SatopConfig, SatopCounters
from e1.stream import ChannelEvent, E1Stream, StreamConfig
from e1.x25_config import X25Config
from protocol import Codec, CommandExecuted, CommandReceived, GetVersion, Start
from sorm_mediator.capture.events import Trouble
from sorm_mediator.capture.reader import read_bytes, read_input
from sorm_mediator.capture.units import Found, decode_events
from tests.capture.frames import framed, pcap, udp

CONSOLE, MEDIATOR = ("192.0.2.1", 50002), ("192.0.2.2", 50002)
CODEC = Codec()
COMMANDS = [Start(), GetVersion()]
ANSWERS = [CommandReceived(1, 0), CommandExecuted(1, 0)]


def end(role: str, crc4: bool, timeslot: int) -> E1Stream:
    lapb, x25 = LapbConfig(role=role), X25Config(role=role)
    return E1Stream(StreamConfig(crc4=crc4, kpd1_timeslot=timeslot, lapb=lapb, x25=x25))


def datagrams(crc4: bool = True, timeslot: int = 30, shift: int = 0) -> list[tuple[bool, bytes]]:
    """A dialogue over E1, sampled on both directions: from the console or not, and the packet."""
    ends = {True: end("dte", crc4, timeslot), False: end("dce", crc4, timeslot)}
    ways = {side: Packetiser(SatopConfig(), SatopCounters(), 0xFFF0) for side in ends}
    crossed = []
    said = False
    for turn in range(300):
        now = turn * 0.001
        for side, stream in ends.items():
            octets = stream.transmit(8, now)
            if turn == 0 and shift:
                octets = octets[shift:]  # packets need not begin with a frame
            crossed += [(side, packet) for packet in ways[side].push(octets, l_bit=False, r_bit=False)]
            for event in ends[not side].receive(octets, now):
                assert isinstance(event, ChannelEvent) or event.new
        if ends[True].channels["kpd1"].up and not said:
            said = True
            for command in COMMANDS:
                ends[True].send("kpd1", CODEC.encode(command), now)
            for answer in ANSWERS:
                ends[False].send("kpd1", CODEC.encode(answer), now)
    return crossed


def capture(crossed: list[tuple[bool, bytes]]) -> bytes:
    ways = {True: (CONSOLE, MEDIATOR), False: (MEDIATOR, CONSOLE)}
    return pcap([framed(1, udp(*ways[side], packet)) for side, packet in crossed])


def told(data: bytes) -> dict[str, list[object]]:
    """Messages by flow; nothing else may be in it."""
    messages: dict[str, list[object]] = {}
    for item in decode_events(read_bytes(data)):
        assert isinstance(item, Found)
        assert not item.problems
        messages.setdefault(item.flow.label, []).append(item.message)
    return messages


def both(timeslot: int) -> dict[str, list[object]]:
    return {
        f"192.0.2.1:50002 > 192.0.2.2:50002 udp e1 timeslot {timeslot} x25 channel 1": COMMANDS,
        f"192.0.2.2:50002 > 192.0.2.1:50002 udp e1 timeslot {timeslot} x25 channel 1": ANSWERS,
    }


@pytest.mark.parametrize("crc4", [True, False])
@pytest.mark.parametrize("timeslot", [30, 16])
def test_messages_of_both_directions_are_found(crc4: bool, timeslot: int) -> None:
    assert told(capture(datagrams(crc4, timeslot))) == both(timeslot)


def test_packets_need_not_begin_with_a_frame() -> None:
    assert told(capture(datagrams(shift=13))) == both(30)


def test_packets_that_come_twice_or_out_of_order_are_put_right() -> None:
    crossed = datagrams()
    mixer = random.Random(1)  # noqa: S311 - a fixed order
    order = sorted(range(len(crossed)), key=lambda index: index + mixer.uniform(0, 8))
    assert told(capture([crossed[index] for index in order for _ in range(2)])) == both(30)


def test_a_lost_packet_costs_what_it_held() -> None:
    crossed = datagrams()
    whole = both(30)
    missing = 0
    for index in range(0, 120, 5):
        found = told(capture(crossed[:index] + crossed[index + 1 :]))
        for label, messages in whole.items():
            left = found.get(label, [])
            assert left == [message for message in messages if message in left]
            missing += len(messages) - len(left)
    assert 0 < missing < 24, "each packet holds 8 octets of the timeslot, at most the ends of two frames"


def test_a_stream_without_x25_is_said_to_be_one() -> None:
    with (Path(__file__).parent / "data" / "satop.pcap").open("rb") as stream:
        items = list(decode_events(read_input(stream)))
    texts = [item.text for item in items if isinstance(item, Trouble)]
    assert texts == [
        "10.0.0.1:49200 > 10.0.0.2:50000 udp: 4 packets of an E1 stream (SAToP) without X.25 data"
    ]
    assert not any(isinstance(item, Found) for item in items)


def test_hundreds_of_packets_of_anything_else_are_no_stream() -> None:
    anything = random.Random(2)  # noqa: S311 - fixed octets
    crossed = [(True, anything.randbytes(260)) for _ in range(200)]
    found = list(decode_events(read_input(BytesIO(capture(crossed)))))
    assert not any(isinstance(item, Found) for item in found)
