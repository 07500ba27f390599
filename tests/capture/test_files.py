"""pcap and pcapng in all their byte orders and resolutions, whole and damaged."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorm_mediator.capture.events import CaptureError, Trouble
from sorm_mediator.capture.files import MAX_INTERFACES, Packet, is_capture, read_packets
from sorm_mediator.capture.source import Source
from tests.capture.frames import ETHERNET, RAW, block, enhanced, interface, option, pcap, section, simple

ORDERS = ["<", ">"]
SECOND = 1_700_000_000 * 1_000_000_000


def read(data: bytes) -> tuple[list[Packet], list[str]]:
    found = list(read_packets(Source(BytesIO(data))))
    packets = [item for item in found if isinstance(item, Packet)]
    return packets, [item.text for item in found if isinstance(item, Trouble)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("nano", "tick"), [(False, 1000), (True, 1)])
def test_pcap_in_both_byte_orders_and_resolutions(order: str, nano: bool, tick: int) -> None:
    packets, troubles = read(pcap([b"one", b"second"], RAW, order=order, nano=nano))
    assert packets == [
        Packet(RAW, b"one", SECOND + 1000 * tick, 3),
        Packet(RAW, b"second", SECOND + 1001 * tick, 6),
    ]
    assert troubles == []


@pytest.mark.parametrize("order", ORDERS)
def test_pcap_of_kuznetsov_has_longer_headers(order: str) -> None:
    plain = pcap([b"one"], order=order)
    data = struct.pack(order + "I", 0xA1B2CD34) + plain[4:40] + bytes(8) + plain[40:]
    packets, _ = read(data)
    assert [packet.data for packet in packets] == [b"one"]


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_pcap_cut_anywhere_is_read_as_far_as_it_goes(cut: int) -> None:
    data = pcap([b"first", b"second"])
    packets, troubles = read(data[: len(data) - cut])
    assert packets[0].data == b"first"
    assert len(troubles) == 1
    assert "cut" in troubles[0]
    if cut < 6:
        assert packets[1].data == b"second"[: 6 - cut]


def test_a_pcap_of_nothing_but_half_a_header_says_so() -> None:
    assert read(pcap([])[:10]) == ([], ["the pcap file is cut inside its header"])


def test_a_record_that_claims_too_much_ends_the_reading() -> None:
    packets, troubles = read(pcap([b"one"]) + struct.pack("<IIII", 0, 0, 1 << 31, 1))
    assert len(packets) == 1
    assert "claims 2147483648 octets" in troubles[0]


def test_neither_pcap_nor_pcapng_is_refused() -> None:
    with pytest.raises(CaptureError, match="neither like pcap nor like pcapng"):
        read(b"nothing of the kind")
    assert not is_capture(b"noth")
    assert is_capture(pcap([])[:4])
    assert is_capture(section()[:4])


@pytest.mark.parametrize("order", ORDERS)
def test_pcapng_with_its_three_kinds_of_packets(order: str) -> None:
    old = struct.pack(order + "HHIIII", 0, 0xFFFF, 0, 5, 3, 3) + b"old" + b"\0"
    data = section(order) + interface(order) + enhanced(b"new", order, ticks=7) + simple(b"simple", order)
    packets, troubles = read(data + block(order, 2, old))
    assert [(packet.data, packet.time_ns) for packet in packets] == [
        (b"new", 7000),
        (b"simple", None),
        (b"old", 5000),
    ]
    assert troubles == []


def test_interfaces_say_name_link_type_resolution_and_offset() -> None:
    nano = option("<", 2, b"KPD1") + option("<", 9, b"\x09") + option("<", 0, b"")
    binary = option("<", 9, b"\x8a") + option("<", 14, struct.pack("<q", 100))
    data = section() + interface(options=nano) + interface(link_type=RAW, options=binary)
    data += enhanced(b"a", ticks=1 << 33) + enhanced(b"b", index=1, ticks=512)
    first, second = read(data)[0]
    assert (first.interface, first.link_type, first.time_ns) == ("KPD1", ETHERNET, 1 << 33)
    assert (second.interface, second.link_type, second.time_ns) == ("", RAW, 100_500_000_000)


def test_directions_are_read_from_the_flags() -> None:
    data = section() + interface()
    for flags in (1, 2, 0):
        data += enhanced(b"x", options=option("<", 2, struct.pack("<I", flags)))
    assert [packet.direction for packet in read(data)[0]] == ["in", "out", ""]


def test_a_new_section_begins_with_its_own_order_and_interfaces() -> None:
    data = section("<") + interface("<") + enhanced(b"one", "<")
    data += section(">") + interface(">", link_type=RAW) + enhanced(b"two", ">")
    packets, troubles = read(data)
    assert [(packet.data, packet.link_type) for packet in packets] == [(b"one", ETHERNET), (b"two", RAW)]
    assert troubles == []


def test_a_simple_packet_is_cut_to_the_snap_length() -> None:
    body = struct.pack("<I", 10) + b"four"
    (packet,) = read(section() + interface(snap=4) + block("<", 3, body))[0]
    assert (packet.data, packet.length) == (b"four", 10)


def test_other_blocks_are_passed_over() -> None:
    packets, troubles = read(section() + block("<", 0x0BAD, b"whatever") + interface() + enhanced(b"x"))
    assert [packet.data for packet in packets] == [b"x"]
    assert troubles == []


@pytest.mark.parametrize(
    ("tail", "complaint"),
    [
        (enhanced(b"x", index=3), "names the interface 3"),
        (struct.pack("<II", 6, 13), "claims a length of 13"),
        (block("<", 6, b"abc"), "less than 20 octets"),
        (block("<", 2, b"abc"), "less than 20 octets"),
        (block("<", 3, b""), "less than 4 octets"),
        (block("<", 1, b"abc"), "less than 8 octets"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0\1\2\3\4", "byte-order mark 01020304"),
    ],
)
def test_damage_ends_the_reading_with_its_place(tail: bytes, complaint: str) -> None:
    good = section() + interface() + enhanced(b"good")
    packets, troubles = read(good + tail)
    assert [packet.data for packet in packets] == [b"good"]
    assert complaint in troubles[0]
    assert f"octet {len(good)} " in troubles[0]


@pytest.mark.parametrize("cut", range(1, 36))
def test_a_pcapng_cut_anywhere_is_read_as_far_as_it_goes(cut: int) -> None:
    data = section() + interface() + enhanced(b"good") + enhanced(b"last")
    packets, troubles = read(data[: len(data) - cut])
    assert packets[0].data == b"good"
    assert "cut inside the block" in troubles[0]


class Drip(BytesIO):
    """A pipe that gives one octet at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(1 if size else 0)


def test_a_pipe_may_give_less_than_was_asked_for() -> None:
    data = section() + interface() + enhanced(b"dripping")
    (packet,) = read_packets(Source(Drip(data)))
    assert isinstance(packet, Packet)
    assert packet.data == b"dripping"


@settings(max_examples=150)
@given(st.sampled_from([pcap([b"one", b"two"]), section() + interface() + enhanced(b"x")]), st.data())
def test_damage_anywhere_never_raises(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(4, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    read(bytes(damaged))


def test_a_section_of_nothing_but_interfaces_is_damage() -> None:
    packets, troubles = read(section() + interface() * (MAX_INTERFACES + 1) + enhanced(b"frame"))
    assert packets == []
    assert len(troubles) == 1
    assert f"more than {MAX_INTERFACES} interfaces" in troubles[0]
