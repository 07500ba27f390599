"""The packet class against pyrad's own, and the authenticators."""

from __future__ import annotations

import hmac
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AcctPacket, PacketError

from radius.wire import (
    STATUS_SERVER,
    AccountingPacket,
    MalformedError,
    _hmac_md5,
    accounting_request,
    accounting_response,
    attribute,
    dictionary,
    message_authenticator_is_right,
    request_authenticator_is_right,
    response_is_right,
)

SECRET = b"2testing123"
VENDOR = struct.pack("!I", 32473)


def attribute_octets(code: int, value: bytes) -> bytes:
    return bytes((code, len(value) + 2)) + value


@given(st.binary(min_size=1, max_size=130), st.binary(max_size=40))
def test_hmac_is_that_of_the_standard_library(secret: bytes, octets: bytes) -> None:
    assert _hmac_md5(secret, octets) == hmac.digest(secret, octets, "md5")


# Standard ones, vendor ones of all makes (ours, strangers', several in one, broken ones), repeated ones.
attributes = st.one_of(
    st.builds(attribute_octets, st.integers(1, 255).filter(lambda code: code != 80), st.binary(max_size=12)),
    st.builds(
        lambda vendor, inner: attribute_octets(26, vendor + inner),
        st.sampled_from((VENDOR, b"\0\0\0\1", b"")),
        st.one_of(
            st.builds(attribute_octets, st.integers(0, 14), st.binary(max_size=6)),
            st.lists(st.builds(attribute_octets, st.integers(0, 14), st.binary(max_size=6))).map(b"".join),
            st.binary(max_size=6),
        ),
    ),
)


@given(st.lists(attributes, max_size=20).map(b"".join), st.binary(max_size=5))
def test_decodes_as_pyrad_does(body: bytes, padding: bytes) -> None:
    datagram = struct.pack("!BBH", 4, 9, 20 + len(body)) + bytes(range(16)) + body + padding
    ours = AccountingPacket.received(datagram, SECRET)
    pyrads = AcctPacket(packet=datagram, secret=SECRET, dict=dictionary())
    assert list(ours.items()) == list(pyrads.items())
    for name in ("code", "id", "authenticator", "raw_packet", "secret", "message_authenticator"):
        assert getattr(ours, name) == getattr(pyrads, name)


@given(st.binary(max_size=200))
def test_refuses_only_with_its_own_error(data: bytes) -> None:
    kind = None
    try:
        AccountingPacket.received(data, SECRET)
    except MalformedError as error:
        kind = error.kind
    assert kind in (None, "short", "length", "attributes", "message-authenticator")
    assert len(data) >= 20 or kind == "short"


@given(st.binary(max_size=60))
def test_what_pyrad_refuses_is_refused(body: bytes) -> None:
    datagram = struct.pack("!BBH", 4, 9, 20 + len(body)) + bytes(16) + body
    try:
        AcctPacket(packet=datagram, secret=SECRET, dict=dictionary())
    except PacketError:
        with pytest.raises(MalformedError):
            AccountingPacket.received(datagram, SECRET)


@pytest.mark.parametrize(
    ("kind", "length", "body"),
    [
        ("length", 19, b""),
        ("length", 21, b""),
        ("length", 4097, bytes((1, 255)) * 2039),
        ("attributes", None, b"\x01"),
        ("attributes", None, b"\x01\x00"),
        ("attributes", None, b"\x01\x01"),
        ("attributes", None, b"\x01\x04a"),
        ("attributes", None, b"\x1a\x0a" + VENDOR + b"\x01\x04a"),
        ("message-authenticator", None, bytes((80, 17)) + bytes(15)),
        ("message-authenticator", None, (bytes((80, 18)) + bytes(16)) * 2),
    ],
)
def test_kinds_of_malformed_packets(kind: str, length: int | None, body: bytes) -> None:
    datagram = struct.pack("!BBH", 4, 9, 20 + len(body) if length is None else length) + bytes(16) + body
    with pytest.raises(MalformedError) as caught:
        AccountingPacket.received(datagram, SECRET)
    assert caught.value.kind == kind


def test_a_packet_can_be_decoded_into_again() -> None:
    signed = accounting_request(1, attribute(44, b"one"), SECRET, message_authenticator=True)
    plain = accounting_request(2, attribute(44, b"two"), SECRET, message_authenticator=False)
    packet = AccountingPacket.received(signed, SECRET)
    packet.DecodePacket(plain)
    assert packet["Acct-Session-Id"] == ["two"]
    assert not packet.message_authenticator
    assert packet.message_authenticator_at == 0


bodies = st.lists(st.builds(attribute, st.sampled_from((33, 44, (32473, 4))), st.binary(max_size=20))).map(
    b"".join
)


@given(bodies, st.booleans(), st.integers(0, 255))
def test_our_request_is_right_for_pyrad_and_its_answer_for_us(
    body: bytes, signed: bool, identifier: int
) -> None:
    datagram = accounting_request(identifier, body, SECRET, message_authenticator=signed)
    request = AcctPacket(packet=datagram, secret=SECRET, dict=dictionary())
    assert request.VerifyAcctRequest()
    assert not signed or request.verify_message_authenticator()
    reply = request.CreateReply(message_authenticator=signed).ReplyPacket()
    assert response_is_right(AccountingPacket.received(reply, SECRET), datagram[4:20])


@given(bodies, st.booleans(), st.integers(0, 255))
def test_pyrads_request_is_right_for_us_and_our_answer_for_pyrad(
    body: bytes, signed: bool, identifier: int
) -> None:
    request = AcctPacket(id=identifier, secret=SECRET, dict=dictionary())
    request["Proxy-State"] = [b"a", b"b"]
    if signed:
        request.add_message_authenticator()
    received = AccountingPacket.received(request.RequestPacket(), SECRET)
    assert request_authenticator_is_right(received)
    assert message_authenticator_is_right(received) is signed
    answer = accounting_response(received)
    reply = request.CreateReply(packet=answer)
    assert request.VerifyReply(reply)
    assert bool(reply.message_authenticator) is signed
    assert reply["Proxy-State"] == [b"a", b"b"]


def test_status_server_is_answered_as_pyrad_expects() -> None:
    request = AcctPacket(code=STATUS_SERVER, id=5, secret=SECRET, dict=dictionary())
    received = AccountingPacket.received(request.RequestPacket(), SECRET)
    assert message_authenticator_is_right(received, received.authenticator)
    reply = request.CreateReply(packet=accounting_response(received))
    assert request.VerifyReply(reply, enforce_ma=True)


@given(st.integers(0, 60), st.integers(1, 255))
def test_one_changed_octet_is_noticed(at: int, change: int) -> None:
    datagram = accounting_request(7, attribute(44, b"s" * 21), SECRET, message_authenticator=True)
    forged = bytearray(datagram)
    forged[at] ^= change
    try:
        packet = AccountingPacket.received(bytes(forged), SECRET)
    except MalformedError:
        return
    assert not request_authenticator_is_right(packet)


def test_another_secret_is_noticed() -> None:
    datagram = accounting_request(7, attribute(44, b"s"), b"another", message_authenticator=True)
    packet = AccountingPacket.received(datagram, SECRET)
    assert not request_authenticator_is_right(packet)
    assert not message_authenticator_is_right(packet)


def test_a_request_has_at_most_4096_octets() -> None:
    with pytest.raises(ValueError, match="4096"):
        accounting_request(1, attribute(44, b"x" * 253) * 16, SECRET, message_authenticator=False)
