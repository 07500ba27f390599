"""X.25 packets: every class by its vectors, every octet string by the declared error or the packet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e1.x25 import packets
from e1.x25.packets import (
    CLEAR_CAUSES,
    DIAGNOSTICS,
    PACKETS,
    RESET_CAUSES,
    RESTART_CAUSES,
    Packet,
    PacketError,
    cause_text,
    decode,
    diagnostic_text,
)


@pytest.mark.parametrize("kind", PACKETS, ids=lambda kind: kind.title)
def test_every_packet_has_vectors_that_decode_and_encode_to_the_same_octets(kind: type[Packet]) -> None:
    assert kind.vectors
    for vector in kind.vectors:
        packet = decode(bytes.fromhex(vector))
        assert type(packet) is kind
        assert packet.encode().hex() == vector


def test_the_call_that_linux_places_from_7812_to_250011() -> None:
    call = decode(bytes.fromhex("10010B4625001178120642070743 0202"))
    assert call == packets.CallRequest(
        lcn=1, called="250011", calling="7812", facilities=((0x42, b"\x07\x07"), (0x43, b"\x02\x02"))
    )


def test_an_odd_number_of_address_digits_is_padded() -> None:
    raw = packets.CallRequest(called="123", calling="45").encode()
    assert raw.hex() == "10010b" + "23" + "123450" + "00"
    assert decode(raw) == packets.CallRequest(called="123", calling="45")


def test_facilities_of_every_class_have_the_length_of_their_class() -> None:
    facilities = ((0x01, b"a"), (0x42, b"bc"), (0x80, b"def"), (0xC9, b"ghijk"), (0xCA, b""))
    call = packets.CallRequest(facilities=facilities, user_data=b"hello")
    assert decode(call.encode()) == call
    assert call.facility(0x80) == b"def"
    assert call.facility(0x81) is None


@pytest.mark.parametrize(
    ("raw", "diagnostic", "offset", "lcn"),
    [
        ("", 0x26, 0, None),
        ("1001", 0x26, 2, None),
        ("200100aa", 0x28, 0, 1),
        ("300100aa", 0x28, 0, 1),
        ("50010100", 0x28, 0, 1),  # the D bit in an RR
        ("90010b0000", 0x28, 0, 1),  # the A bit: long addresses
        ("100133", 0x21, 2, 1),
        ("1001f3", 0x21, 2, 1),  # registration
        ("1001fb0000", 0x29, 0, 1),
        ("1fffff", 0x29, 0, 0xFFF),
        ("100113", 0x26, 3, 1),
        ("10011b000000", 0x27, 5, 1),
        ("10012700", 0x27, 3, 1),
        ("100123", 0x26, 3, 1),
        ("100123" + "00" * 33, 0x27, 35, 1),
        ("10010b", 0x26, 3, 1),
        ("10010b46250011", 0x26, 7, 1),
        ("10010b11a5", 0x43, 4, 1),
        ("10010b115a", 0x44, 4, 1),
        ("10010b0005420707", 0x45, 8, 1),
        ("10010b00024207", 0x45, 6, 1),
        ("10010b0002c904", 0x45, 7, 1),
        ("10010b0000" + "00" * 129, 0x27, 5, 1),
        ("1000f1", 0x26, 3, 0),
    ],
)
def test_what_is_no_packet_is_told_with_the_diagnostic_and_the_place(
    raw: str, diagnostic: int, offset: int, lcn: int | None
) -> None:
    with pytest.raises(PacketError) as caught:
        decode(bytes.fromhex(raw))
    error = caught.value
    assert (error.diagnostic, error.offset, error.lcn) == (diagnostic, offset, lcn)
    assert error.raw.hex() == raw
    assert str(error) == f"octet {offset}: {error.text}"


@pytest.mark.parametrize(
    "packet",
    [
        packets.Data(lcn=4096),
        packets.Data(ps=8),
        packets.Data(pr=-1),
        packets.ReceiveReady(pr=8),
        packets.Interrupt(data=b""),
        packets.Interrupt(data=bytes(33)),
        packets.ResetRequest(cause=256),
        packets.ResetRequest(diagnostic=-1),
        packets.Diagnostic(code=256),
        packets.ClearRequest(diagnostic=None, rest=b"\0"),
        packets.CallRequest(called="1" * 16),
        packets.CallRequest(calling="12a"),
        packets.CallRequest(called="²"),
        packets.CallRequest(facilities=((0x42, b"\x07"),)),
        packets.CallRequest(facilities=((0x100, b"\x07"),)),
        packets.CallRequest(facilities=((0xC9, bytes(256)),)),
        packets.CallRequest(facilities=((0xC9, bytes(200)), (0xCA, bytes(200)))),
    ],
)
def test_a_packet_that_cannot_exist_is_not_encoded(packet: Packet) -> None:
    with pytest.raises(ValueError, match=r"."):
        packet.encode()


_FACILITY = st.one_of(
    st.tuples(st.integers(0, 0x3F), st.binary(min_size=1, max_size=1)),
    st.tuples(st.integers(0x40, 0x7F), st.binary(min_size=2, max_size=2)),
    st.tuples(st.integers(0x80, 0xBF), st.binary(min_size=3, max_size=3)),
    st.tuples(st.integers(0xC0, 0xFF), st.binary(max_size=20)),
)
_LCN = st.integers(1, 0xFFF)
_SEQ, _OCTET, _ADDRESS = st.integers(0, 7), st.integers(0, 255), st.text("0123456789", max_size=15)
_SET_UP = {
    "lcn": _LCN,
    "called": _ADDRESS,
    "calling": _ADDRESS,
    "facilities": st.lists(_FACILITY, max_size=8).map(tuple),
    "user_data": st.binary(max_size=16),
}
PACKETS_AT_RANDOM = st.one_of(
    st.builds(packets.CallRequest, **_SET_UP),
    st.builds(packets.CallAccepted, **_SET_UP),
    st.builds(packets.ClearRequest, lcn=_LCN, cause=_OCTET, diagnostic=_OCTET, rest=st.binary(max_size=9)),
    st.builds(packets.ResetRequest, lcn=_LCN, cause=_OCTET, diagnostic=st.none() | _OCTET),
    st.builds(packets.RestartRequest, cause=_OCTET, diagnostic=st.none() | _OCTET),
    st.builds(
        packets.Data,
        lcn=_LCN,
        ps=_SEQ,
        pr=_SEQ,
        more=st.booleans(),
        q=st.booleans(),
        d=st.booleans(),
        data=st.binary(),
    ),
    st.builds(packets.Interrupt, lcn=_LCN, data=st.binary(min_size=1, max_size=32)),
    st.builds(packets.ReceiveReady, lcn=_LCN, pr=_SEQ),
    st.builds(packets.Diagnostic, code=_OCTET, explanation=st.binary(max_size=3)),
)


@given(PACKETS_AT_RANDOM)
def test_encoding_then_decoding_gives_the_packet(packet: Packet) -> None:
    assert decode(packet.encode()) == packet


@given(st.binary(max_size=40) | st.binary(max_size=30).map(lambda rest: b"\x10\x01" + rest))
def test_any_octets_are_a_packet_or_the_declared_error(raw: bytes) -> None:
    packet, error = None, None
    try:
        packet = decode(raw)
    except PacketError as caught:
        error = caught
    if packet is not None:
        assert decode(packet.encode()) == packet
    if error is not None:
        assert error.raw == raw
        assert 0 <= error.offset <= len(raw)
        assert error.diagnostic in DIAGNOSTICS


def test_causes_and_diagnostics_have_words() -> None:
    for table in (CLEAR_CAUSES, RESET_CAUSES, RESTART_CAUSES, DIAGNOSTICS):
        assert all(table.values())
    assert cause_text("clear", 0x13) == "local procedure error (13h)"
    assert cause_text("restart", 0x80) == "DTE originated (80h)"
    assert cause_text("restart", 0x55) == "unknown (55h)"
    assert diagnostic_text(0x24) == "packet on an unassigned logical channel (24h)"
    assert diagnostic_text(None) == "no diagnostic"
    assert diagnostic_text(0xEE) == "unknown (EEh)"
