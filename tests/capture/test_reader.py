"""From whatever was given to the units in it: every octet ends up somewhere."""

from __future__ import annotations

import gzip
import sys
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sorm_mediator.capture.reader as reader
from protocol import Channel, Options, UnknownUnit
from protocol.messages import Message
from sorm_mediator.capture.events import CaptureError, Data, Trouble
from sorm_mediator.capture.files import Packet
from sorm_mediator.capture.reader import MAX_PACKED, read_bytes, read_input, read_text
from sorm_mediator.capture.source import BLOCK
from sorm_mediator.capture.units import MAX_SHOWN, Found, Item, Skipped, decode_events
from sorm_mediator.capture.x25 import LINKTYPE_LAPB_WITH_DIRECTION, XotRecords
from tests.capture.frames import (
    COOKED,
    COOKED_2,
    ETHERNET,
    LOOP,
    NULL,
    RAW,
    SYN,
    A,
    B,
    enhanced,
    framed,
    interface,
    ip,
    option,
    pcap,
    section,
    tcp,
    udp,
)

DATA = Path(__file__).with_name("data")
WITH_UNITS = {"cooked_vlan": 1, "pppoe": 1, "fragments": 4, "fragments_last_first": 4}
"""Captures with commands 5 in them, and how many."""
OF_OTHER_THINGS = sorted(file for file in DATA.iterdir() if file.stem not in WITH_UNITS)
START = bytes.fromhex("CC010100313233343536")
TEST = bytes.fromhex("CC010E0131323334353607")
RECEIVED = bytes.fromhex("CC01270200000000FF020100")
EXECUTED = bytes.fromhex("CC01280200000000FF020100")
REPLY = bytes.fromhex("CC015303FFFFFFFFFFFFFFFF070101")


def items(data: bytes, channel: Channel | None = None) -> list[Item]:
    return list(decode_events(read_bytes(data), channel=channel))


def units(data: bytes) -> list[bytes]:
    """Raw octets of what was found; nothing may be wrong."""
    found = items(data)
    assert all(isinstance(item, Found) and not item.problems for item in found), found
    return [item.raw for item in found if isinstance(item, Found)]


def troubles(found: list[Item]) -> list[str]:
    return [item.text for item in found if isinstance(item, Trouble)]


@pytest.mark.parametrize("link_type", [ETHERNET, RAW, NULL, LOOP, COOKED, COOKED_2])
@pytest.mark.parametrize("ends", [(A, B), (("fe80::1", 40001), ("fe80::2", 1001))])
def test_every_link_layer_and_both_ip_versions(link_type: int, ends: tuple[tuple[str, int], ...]) -> None:
    packet = tcp(ends[0], ends[1], 1, START)
    assert units(pcap([framed(link_type, packet)], link_type)) == [START]


def test_vlan_tags_are_passed_over() -> None:
    assert units(pcap([framed(ETHERNET, tcp(A, B, 1, START), vlan=True)])) == [START]


def test_padding_of_a_short_ethernet_frame_is_no_payload() -> None:
    assert units(pcap([framed(ETHERNET, tcp(A, B, 1, START)) + bytes(6)])) == [START]


def test_both_directions_and_all_channels_are_found_by_content() -> None:
    kpd2 = ("10.0.0.2", 1002), ("10.0.0.1", 40002)
    frames = [tcp(A, B, 9, b"", SYN), tcp(A, B, 10, START), tcp(B, A, 90, RECEIVED), tcp(B, A, 102, EXECUTED)]
    frames += [tcp(A, B, 20, TEST), tcp(*kpd2, 5, REPLY)]
    found = [
        item for item in items(pcap([framed(ETHERNET, frame) for frame in frames])) if isinstance(item, Found)
    ]
    assert [(item.flow.label, item.offset, item.raw) for item in found] == [
        ("10.0.0.1:40001 > 10.0.0.2:1001 tcp", 0, START),
        ("10.0.0.2:1001 > 10.0.0.1:40001 tcp", 0, RECEIVED),
        ("10.0.0.2:1001 > 10.0.0.1:40001 tcp", 12, EXECUTED),
        ("10.0.0.1:40001 > 10.0.0.2:1001 tcp", 10, TEST),
        ("10.0.0.2:1002 > 10.0.0.1:40002 tcp", 0, REPLY),
    ]
    assert found[0].time_ns == 1_700_000_000_001_001_000


def test_a_unit_split_over_segments_out_of_order_is_whole() -> None:
    frames = [tcp(A, B, 0, b"", SYN), tcp(A, B, 5, TEST[4:]), tcp(A, B, 1, TEST[:4]), tcp(A, B, 1, TEST[:4])]
    assert units(pcap([framed(ETHERNET, frame) for frame in frames])) == [TEST]


def test_a_lost_segment_breaks_the_unit_in_it_and_no_other() -> None:
    frames = [tcp(A, B, 1, START + TEST[:4]), tcp(A, B, 1 + 10 + 6, TEST[6:] + START)]
    found = items(pcap([framed(ETHERNET, frame) for frame in frames]))
    raws = [item.raw for item in found if isinstance(item, Found) and isinstance(item.message, Message)]
    assert raws == [START, START]
    assert troubles(found) == [
        "10.0.0.1:40001 > 10.0.0.2:1001 tcp: 2 octets from octet 14 on are not in the capture"
    ]
    shown = [(item.offset, item.raw) for item in found if isinstance(item, Found)]
    assert shown == [(0, START), (10, TEST[:4]), (16, TEST[6:]), (21, START)]


def test_a_connection_that_opens_again_is_another_flow() -> None:
    frames = [tcp(A, B, 0, b"", SYN), tcp(A, B, 1, START), tcp(A, B, 7000, b"", SYN), tcp(A, B, 7001, TEST)]
    found = [
        item for item in items(pcap([framed(ETHERNET, frame) for frame in frames])) if isinstance(item, Found)
    ]
    assert [(item.offset, item.raw) for item in found] == [(0, START), (0, TEST)]


def test_units_come_in_datagrams_too_and_none_goes_on_in_the_next() -> None:
    frames = [udp(A, B, START + TEST[:4]), udp(A, B, TEST)]
    found = [
        item for item in items(pcap([framed(ETHERNET, frame) for frame in frames])) if isinstance(item, Found)
    ]
    assert [(item.raw, bool(item.problems)) for item in found] == [
        (START, False),
        (TEST[:4], True),
        (TEST, False),
    ]


def test_other_traffic_is_counted_and_not_shown() -> None:
    ssh = tcp(("10.0.0.1", 5555), ("10.0.0.2", 22), 1, b"SSH-2.0-OpenSSH\r\n")
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    icmp = ip("10.0.0.1", "10.0.0.2", 1, bytes(8))
    found = items(
        pcap([framed(ETHERNET, ssh), arp, framed(ETHERNET, icmp), framed(ETHERNET, tcp(A, B, 1, START))])
    )
    assert [item.raw for item in found if isinstance(item, Found)] == [START]
    assert [(item.flow.destination, item.octets) for item in found if isinstance(item, Skipped)] == [
        ("10.0.0.2:22", 17)
    ]
    assert sorted(troubles(found)) == [
        "1 frames not shown: neither IPv4 nor IPv6",
        "1 frames not shown: neither TCP nor UDP",
    ]
    assert not any(item.serious for item in found if isinstance(item, Trouble))


@pytest.mark.parametrize("name", sorted(WITH_UNITS))
def test_captures_of_other_ways_to_carry_ip_hold_their_commands(name: str) -> None:
    with (DATA / f"{name}.pcap").open("rb") as stream:
        found = [one for one in decode_events(read_input(stream)) if isinstance(one, Found)]
    assert [getattr(one.message, "object_number", None) for one in found] == [258] * WITH_UNITS[name]
    assert not any(one.problems for one in found)


def test_a_frame_cut_by_the_capture_is_a_gap_in_its_flow() -> None:
    whole = framed(ETHERNET, tcp(A, B, 1, TEST))
    following = framed(ETHERNET, tcp(A, B, 12, START))
    data = section() + interface(snap=len(whole) - 3)
    short = bytearray(enhanced(whole[:-3]))
    short[24:28] = len(whole).to_bytes(4, "little")
    found = items(data + bytes(short) + enhanced(following))
    assert any("3 octets from octet 8 on" in text for text in troubles(found))
    assert any("cut by the capture" in text for text in troubles(found))
    assert [item.raw for item in found if isinstance(item, Found) and item.message] == [START]


def test_a_mid_stream_capture_is_shown_when_it_mostly_is_units() -> None:
    found = items(pcap([framed(ETHERNET, tcp(A, B, 1, TEST[5:] + START + TEST))]))
    assert [item.raw for item in found if isinstance(item, Found)] == [TEST[5:], START, TEST]


def test_raw_octets_are_read_and_every_one_is_shown() -> None:
    data = b"\x00\x01" + START + b"\x07" + TEST + b"\xcc\x01\x05"
    found = [item for item in items(data) if isinstance(item, Found)]
    assert b"".join(item.raw for item in found) == data
    assert [item.offset for item in found] == [0, 2, 12, 13, 24]
    assert [bool(item.problems) for item in found] == [True, False, True, False, True]


def test_long_noise_comes_in_bounded_pieces() -> None:
    data = bytes(5 * MAX_SHOWN + 100) + START
    found = [item for item in items(data) if isinstance(item, Found)]
    assert b"".join(item.raw for item in found) == data
    assert max(len(item.raw) for item in found) <= MAX_SHOWN
    assert found[-1].raw == START


def test_a_channel_given_takes_everything_for_that_channel() -> None:
    (unit,) = [item for item in items(RECEIVED, Channel.KPD1) if isinstance(item, Found)]
    assert isinstance(unit.message, Message)
    (other,) = [item for item in items(RECEIVED, Channel.COMMAND) if isinstance(item, Found)]
    assert not isinstance(other.message, UnknownUnit) or other.message.channel is Channel.COMMAND


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_may_come_in_the_encodings_of_shells(encoding: str) -> None:
    assert units("CC 01 01 00 31 32 33 34 35 36\r\n".encode(encoding)) == [START]


def test_a_dump_of_a_frame_is_read_as_a_frame() -> None:
    frame = (DATA / "xot.pcap").read_bytes()[40:][:54]
    flow_less = list(decode_events(read_text(frame.hex(" "))))
    assert flow_less == []  # a SYN carries nothing


def test_compressed_captures_are_read() -> None:
    assert units(gzip.compress(pcap([framed(ETHERNET, tcp(A, B, 1, START))]))) == [START]


def test_a_cut_compressed_capture_is_read_as_far_as_it_goes() -> None:
    packed = gzip.compress(pcap([framed(ETHERNET, udp(A, B, START))] * 3))
    found = items(packed[:-12])
    assert any("gzip" in text for text in troubles(found))


def test_a_late_cut_inside_many_flows_loses_none_of_the_others() -> None:
    data = pcap([framed(ETHERNET, udp((f"10.1.0.{n}", 5), B, START)) for n in range(1, 9)])
    found = items(data[:-4])
    assert [item.raw for item in found if isinstance(item, Found)][:7] == [START] * 7
    assert any("cut" in text for text in troubles(found))


@pytest.mark.parametrize("file", OF_OTHER_THINGS, ids=lambda file: file.name)
def test_captures_of_other_things_are_counted_and_nothing_breaks(file: Path) -> None:
    with file.open("rb") as stream:
        found = list(decode_events(read_input(stream)))
    assert not any(isinstance(item, Found) for item in found)
    assert sum(item.octets for item in found if isinstance(item, Skipped)) > 0


def test_units_in_x25_over_tcp_are_found() -> None:
    record = b"\x10\x01\x00" + TEST
    xot = ("10.0.0.2", 1998)
    payload = b"\0\0" + len(record).to_bytes(2) + record
    frames = [tcp(A, xot, 1, payload[:6]), tcp(A, xot, 7, payload[6:])]
    assert units(pcap([framed(ETHERNET, frame) for frame in frames])) == [TEST]


def test_what_is_no_xot_on_its_port_is_reported() -> None:
    found = items(pcap([framed(ETHERNET, tcp(A, ("10.0.0.2", 1998), 1, START))]))
    assert any("no X.25 over TCP" in text for text in troubles(found))


def test_units_in_a_timeslot_s_lapb_are_found_once() -> None:
    name = option("<", 2, b"E1-0 TS30 KPD1")
    frames = [b"\x01\x3f", b"\x01\x00\x10\x01\x00" + START, b"\x01\x00\x10\x01\x00" + START]
    frames.append(b"\x01\x02\x10\x01\x02" + TEST)
    data = section() + interface(link_type=147, options=name) + b"".join(map(enhanced, frames))
    found = [item for item in items(data) if isinstance(item, Found)]
    assert [(item.flow.label, item.raw) for item in found] == [
        ("E1-0 TS30 KPD1 x25 channel 1", START),
        ("E1-0 TS30 KPD1 x25 channel 1", TEST),
    ]


def test_an_exotic_link_type_names_the_remedy_when_scapy_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scapy", None)
    monkeypatch.setitem(sys.modules, "scapy.config", None)
    with pytest.raises(CaptureError, match=r"pip install sorm-mediator\[scapy\]"):
        items(pcap([b"\x00\x21" + tcp(A, B, 1, START)], 9))


def test_one_exotic_interface_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scapy", None)
    monkeypatch.setitem(sys.modules, "scapy.config", None)
    data = section() + interface() + interface(link_type=9)
    data += enhanced(framed(ETHERNET, tcp(A, B, 1, START))) + enhanced(b"\x00\x21", index=1)
    found = items(data)
    assert [item.raw for item in found if isinstance(item, Found)] == [START]
    assert any("link type 9" in text for text in troubles(found))


def test_scapy_reads_an_exotic_link_type() -> None:
    pytest.importorskip("scapy", reason="scapy is not installed: pip install sorm-mediator[scapy]")
    assert units(pcap([b"\x00\x21" + tcp(A, B, 1, START)], 9)) == [START]  # PPP


def test_a_link_type_that_nobody_knows_is_refused() -> None:
    pytest.importorskip("scapy", reason="scapy is not installed: pip install sorm-mediator[scapy]")
    with pytest.raises(CaptureError, match="neither here nor to scapy"):
        items(pcap([b"whatever"], 0x0ABCDEF))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"not hex at all"])
def test_nothing_to_decode_is_said(data: bytes) -> None:
    with pytest.raises(CaptureError):
        items(data)


def octets_shown(found: list[Item]) -> int:
    return sum(len(item.raw) for item in found if isinstance(item, Found))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    try:
        found = items(data)
    except CaptureError:
        return
    assert found


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([START, TEST, RECEIVED, REPLY, b"\xcc", b"\x00\xff", TEST[:7]]), max_size=12))
def test_every_octet_of_a_binary_input_is_shown_once_and_in_order(parts: list[bytes]) -> None:
    data = b"\xcc" + b"".join(parts)
    found = [item for item in items(data) if isinstance(item, Found)]
    assert b"".join(item.raw for item in found) == data
    at = 0
    for item in found:
        assert item.offset == at
        at += len(item.raw)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(DATA.iterdir())), st.data())
def test_damaged_captures_raise_nothing_undeclared(file: Path, draw: st.DataObject) -> None:
    data = bytearray(file.read_bytes())
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        items(bytes(data[: draw.draw(st.integers(1, len(data)))]))
    except CaptureError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, silence is not


def test_order_70_is_an_option() -> None:
    unit = bytes.fromhex("CC01220000000000FFFF")
    (found,) = decode_events(read_input(BytesIO(unit)), options=Options(order="70"))
    assert isinstance(found, Found)
    assert found.problems == ()


def test_what_is_packed_in_itself_again_and_again_is_refused() -> None:
    packed = START
    for _ in range(MAX_PACKED):
        packed = gzip.compress(packed)
    assert units(packed) == [START]
    for _ in range(1200):
        packed = gzip.compress(packed, 0)
    with pytest.raises(CaptureError, match=f"more than {MAX_PACKED} times"):
        units(packed)


def test_a_long_text_is_handed_on_in_pieces() -> None:
    pieces = [event for event in read_text("00 " * (2 * BLOCK + 5)) if isinstance(event, Data)]
    assert [(piece.offset, len(piece.data)) for piece in pieces] == [
        (0, BLOCK),
        (BLOCK, BLOCK),
        (2 * BLOCK, 5),
    ]


@given(packets=st.lists(st.binary(max_size=20)), cuts=st.lists(st.integers(0, 200)))
def test_records_of_xot_are_the_same_however_tcp_cuts_them(packets: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(b"\0\0" + len(packet).to_bytes(2, "big") + packet for packet in packets)
    records, found = XotRecords(), []
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    for start, end in pairwise(places):
        found += records.feed(stream[start:end])
    assert found == packets
    assert records.problem == ""


def test_what_waits_in_all_streams_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stream has a hole, and what waits behind it is within the bound of one stream."""
    monkeypatch.setattr(reader, "MAX_WAITING_IN_ALL", 10_000)
    flows = reader._Flows()
    data = 0
    for port in range(100):
        for at, octets in ((0, b"\0"), (500, bytes(1000))):
            segment = tcp(("10.0.0.1", 2000 + port), B, at, octets)
            packet = Packet(ETHERNET, framed(ETHERNET, segment), None, len(octets) + 54)
            data += sum(len(event.data) for event in flows.packet(packet) if isinstance(event, Data))
            assert flows._waiting.octets <= 10_000
    assert flows._waiting.octets == 10_000
    data += sum(len(event.data) for event in flows.finish() if isinstance(event, Data))
    assert (data, flows._waiting.octets) == (100 * 1001, 0)


def test_links_of_lapb_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_FLOWS", 3)
    flows = reader._Flows()
    for number in range(10):
        list(flows.packet(Packet(LINKTYPE_LAPB_WITH_DIRECTION, b"\0\x01\x00abc", None, 6, f"if{number}")))
    assert len(flows._lapb) == 3
