"""What stands between a frame and IP, and IP in fragments."""

from __future__ import annotations

import socket
import struct
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorm_mediator.capture.events import Trouble
from sorm_mediator.capture.fragments import MOST_DATAGRAMS, MOST_OCTETS, Fragments
from sorm_mediator.capture.reader import read_bytes
from sorm_mediator.capture.units import Found, decode_events
from tests.capture.frames import COOKED, COOKED_2, ETHERNET, A, B, framed, pcap, tcp, udp

START = bytes.fromhex("CC010100313233343536")
TEST = bytes.fromhex("CC010E0131323334353607")
SIX = ("fe80::1", 40001), ("fe80::2", 1001)
TAG, OUTER = bytes.fromhex("81000064"), bytes.fromhex("88A800C8")
SESSION = bytes.fromhex("886411000001")
LABELS = bytes.fromhex("8847 00010040 00020140")


def read(frames: list[bytes], link_type: int = ETHERNET) -> tuple[list[bytes], list[Trouble]]:
    found = list(decode_events(read_bytes(pcap(frames, link_type))))
    return (
        [one.raw for one in found if isinstance(one, Found)],
        [one for one in found if isinstance(one, Trouble)],
    )


def kind(packet: bytes) -> bytes:
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"


def ppp(packet: bytes) -> bytes:
    return b"\x00\x57" if packet[0] >> 4 == 6 else b"\x00\x21"


def session(packet: bytes, protocol: bytes) -> bytes:
    return SESSION + struct.pack(">H", len(protocol) + len(packet)) + protocol + packet


INSIDE = {
    "VLAN": lambda packet: TAG + kind(packet) + packet,
    "two VLAN tags": lambda packet: OUTER + TAG + kind(packet) + packet,
    "PPPoE": lambda packet: session(packet, ppp(packet)),
    "PPPoE with a protocol of one octet": lambda packet: session(packet, ppp(packet)[1:]),
    "PPPoE in a VLAN": lambda packet: TAG + session(packet, ppp(packet)),
    "MPLS": lambda packet: LABELS + packet,
    "MPLS in a VLAN": lambda packet: TAG + LABELS + packet,
    "Ethernet in MPLS": lambda packet: LABELS + bytes(4) + bytes(12) + kind(packet) + packet,
    "SNAP": lambda packet: struct.pack(">H", 8 + len(packet)) + b"\xaa\xaa\x03\0\0\0" + kind(packet) + packet,
}


@pytest.mark.parametrize("link_type", [ETHERNET, COOKED, COOKED_2])
@pytest.mark.parametrize("ends", [(A, B), SIX])
@pytest.mark.parametrize("between", sorted(INSIDE))
def test_what_stands_before_ip_is_passed_over(
    between: str, ends: tuple[tuple[str, int], ...], link_type: int
) -> None:
    inside = INSIDE[between](tcp(ends[0], ends[1], 1, START))
    frame = {
        ETHERNET: bytes(12) + inside,
        COOKED: bytes(14) + inside,
        COOKED_2: inside[:2] + bytes(18) + inside[2:],
    }[link_type]
    assert read([frame], link_type) == ([START], [])


@pytest.mark.parametrize("between", sorted(INSIDE))
def test_a_frame_cut_anywhere_in_its_headers_is_counted(between: str) -> None:
    frame = bytes(12) + INSIDE[between](tcp(A, B, 1, START))
    for size in range(12, len(frame) - len(START) - 1):
        units, troubles = read([frame[:size]])
        assert units == []
        assert [one.text[:20] for one in troubles] == ["1 frames not shown: "]


def fragments(packet: bytes, size: int, identification: int = 7) -> list[bytes]:
    """An IP packet in fragments of ``size`` octets, a multiple of eight."""
    if packet[0] >> 4 == 4:
        body = packet[20:]
        parts = [(at, body[at : at + size]) for at in range(0, len(body), size)]
        return [
            struct.pack(
                ">BBHHH", 0x45, 0, 20 + len(part), identification, at // 8 | (at + size < len(body)) << 13
            )
            + packet[8:20]
            + part
            for at, part in parts
        ]
    body = packet[40:]
    return [
        packet[:4]
        + struct.pack(">HBB", 8 + len(body[at : at + size]), 44, 64)
        + packet[8:40]
        + struct.pack(">BBHI", packet[6], 0, at | (at + size < len(body)), identification)
        + body[at : at + size]
        for at in range(0, len(body), size)
    ]


def ends_of(version: int) -> tuple[tuple[str, int], tuple[str, int]]:
    return (A, B) if version == 4 else SIX


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_in_any_order_and_twice_are_put_together(version: int) -> None:
    parts = fragments(tcp(*ends_of(version), 1, START + TEST), 16)
    assert len(parts) > 2
    for order in permutations(parts):
        frames = [framed(ETHERNET, part) for part in (*order, order[0])]
        assert read(frames) == ([START, TEST], [])


@pytest.mark.parametrize("version", [4, 6])
def test_a_datagram_in_fragments_is_whole(version: int) -> None:
    frames = [framed(ETHERNET, part) for part in fragments(udp(*ends_of(version), START), 8)]
    assert read(frames) == ([START], [])


@pytest.mark.parametrize("version", [4, 6])
def test_a_missing_fragment_is_told_and_costs_its_own_segment_alone(version: int) -> None:
    ends = ends_of(version)
    broken = fragments(tcp(*ends, 11, TEST), 16)
    segments = [tcp(*ends, 1, START), broken[0], tcp(*ends, 22, START)]
    units, troubles = read([framed(ETHERNET, segment) for segment in segments])
    assert units == [START, START]
    gap, lost = sorted(troubles, key=lambda one: "IP datagrams" in one.text)
    assert "11 octets from octet 10 on are not in the capture" in gap.text
    source = "10.0.0.1 > 10.0.0.2" if version == 4 else "[fe80::1] > [fe80::2]"
    assert lost.text == (
        "1 IP datagrams not shown: fragments of them are not in the capture"
        f" (the first: {source}, identification 7)"
    )
    assert lost.serious


def test_a_fragment_that_the_capture_cut_is_missing() -> None:
    parts = fragments(udp(A, B, START), 8)
    units, troubles = read([framed(ETHERNET, part) for part in [*parts[:-1], parts[-1][:-1]]])
    assert units == []
    assert any("IP datagrams not shown" in one.text for one in troubles)


def key(number: int) -> tuple[bytes, int, int]:
    return socket.inet_aton("10.0.0.1") * 2, 17, number


def test_what_waits_is_bounded_in_datagrams_octets_and_time() -> None:
    many = Fragments()
    for number in range(MOST_DATAGRAMS + 5):
        many.add(key(number), 8, b"x" * 8, length=8, last=False, protocol=17, time_ns=None)
    assert (many.lost, many.first_lost) == (5, key(0))
    large = Fragments()
    size = MOST_OCTETS // 100
    for number in range(150):
        large.add(key(number), 8, bytes(size), length=size, last=False, protocol=17, time_ns=None)
    assert large.lost == 50
    old = Fragments()
    old.add(key(1), 0, b"x" * 8, length=8, last=False, protocol=17, time_ns=0)
    assert old.add(key(1), 8, b"y", length=1, last=True, protocol=17, time_ns=61 * 10**9) is None
    assert old.lost == 1


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=1, max_size=200), st.data())
def test_overlapping_fragments_give_the_datagram(payload: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.tuples(st.integers(0, len(payload) - 1), st.integers(1, 60)), max_size=10))
    pieces = [
        (at, payload[at : at + size])
        for at, size in [*cuts, *((at, 16) for at in range(0, len(payload), 16))]
    ]
    waiting = Fragments()
    whole = None
    for at, piece in data.draw(st.permutations(pieces)):
        end = at + len(piece) == len(payload)
        whole = waiting.add(key(1), at, piece, length=len(piece), last=end, protocol=17, time_ns=0) or whole
    assert whole == (17, payload)
