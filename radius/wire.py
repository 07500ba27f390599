"""RADIUS accounting on the wire: the parts that pyrad provides, and our own.

pyrad gives the dictionary, the packet class with its access to attributes by name, and the decoding of vendors'
attributes of unusual forms. Our own are:

* decoding in one pass, which refuses an attribute that runs over the end, where pyrad keeps what is there of it;
* the authenticators, with MD5 marked as not for security, so that a host in FIPS mode computes them, where pyrad fails;
* encoding of a request from octets that are made once, with its Message-Authenticator first; pyrad encodes each
  attribute of each packet anew from the dictionary.

Sources: RFC 2865 (format), RFC 2866 (accounting), RFC 2869 5.14 and RFC 5080 2.2 (Message-Authenticator), RFC 5997
(Status-Server). Everything here is a pure function of its arguments.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections import OrderedDict
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket, PacketError

if TYPE_CHECKING:
    from hashlib import _Hash

ACCOUNTING_REQUEST: Final = 4
ACCOUNTING_RESPONSE: Final = 5
STATUS_SERVER: Final = 12

VENDOR_SPECIFIC: Final = 26
PROXY_STATE: Final = 33
MESSAGE_AUTHENTICATOR: Final = 80

HEADER: Final = 20
"""Octets of code, identifier, length and authenticator."""
LONGEST: Final = 4096
"""The most octets a RADIUS packet may have (RFC 2865 section 3)."""

_KNOWN_SECRETS: Final = 64
"""Shared secrets whose digests are kept."""

_ZEROS: Final = bytes(16)
_EMPTY_MESSAGE_AUTHENTICATOR: Final = bytes((MESSAGE_AUTHENTICATOR, 18)) + _ZEROS

_put = OrderedDict.__setitem__
_get = OrderedDict.get

Key = int | tuple[int, int]
"""How pyrad names an attribute inside a packet: its code, or (vendor, code)."""


class MalformedError(PacketError):  # type: ignore[misc]  # pyrad has no types
    """The octets are not a RADIUS packet.

    kind: `short` (no whole header), `length` (the Length field is impossible), `attributes` (their lengths do
    not add up) or `message-authenticator` (not exactly one of 16 octets).
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@cache
def dictionary() -> Dictionary:
    """The attributes of `radius/dictionary` and `radius/dictionary.sorm`."""
    with resources.as_file(resources.files("radius")) as folder:
        return Dictionary(str(folder / "dictionary"))


_dictionary: Final = dictionary()
_vendor_keys: Final[dict[bytes, Key]] = {
    struct.pack("!IB", *key): key for key in _dictionary.attrindex.backward if isinstance(key, tuple)
}
"""pyrad's keys of the dictionary's vendor attributes by the octets of vendor and type."""


@cache
def attribute_head(key: Key, size: int) -> bytes:
    """What stands before an attribute's value of so many octets."""
    if isinstance(key, tuple):
        return struct.pack("!BBIBB", VENDOR_SPECIFIC, size + 8, *key, size + 2)
    return bytes((key, size + 2))


def attribute(key: Key, value: bytes) -> bytes:
    """One attribute as octets; its value has at most 253 octets, 247 in a vendor's."""
    return attribute_head(key, len(value)) + value


class AccountingPacket(AcctPacket):  # type: ignore[misc]  # pyrad has no types
    """pyrad's accounting packet, decoded in one pass. Its content is the same as pyrad's."""

    code: int
    id: int
    secret: bytes
    authenticator: bytes
    raw_packet: bytes
    request_authenticator = None
    _request_code = None
    message_authenticator: bool | None = None
    message_authenticator_at: int = 0
    """Where in `raw_packet` the Message-Authenticator begins, 0 without one."""

    @classmethod
    def received(cls, data: bytes, secret: bytes) -> AccountingPacket:
        """Decode a datagram. Octets behind the Length field are padding (RFC 2865 section 3).

        Raises MalformedError.
        """
        # What pyrad's __init__ sets is set here: most of it is the same for all packets.
        packet = cls.__new__(cls)
        packet.secret = secret
        packet.dict = _dictionary
        packet.DecodePacket(data)
        return packet

    def DecodePacket(self, packet: bytes) -> None:  # noqa: N802  # pyrad's name
        """Replace the content of this packet by the decoded octets. Raises MalformedError."""
        if len(packet) < HEADER:
            raise MalformedError("short", f"{len(packet)} octets are less than a header")
        length = packet[2] << 8 | packet[3]
        if length != len(packet):
            if not HEADER <= length <= LONGEST or length > len(packet):
                raise MalformedError("length", f"Length {length} in a datagram of {len(packet)} octets")
            packet = packet[:length]
        elif length > LONGEST:
            raise MalformedError("length", f"Length {length} is over {LONGEST}")
        self.code = packet[0]
        self.id = packet[1]
        self.authenticator = packet[4:20]
        self.raw_packet = packet
        self.message_authenticator = None
        self.message_authenticator_at = 0
        try:
            attributes = self._walk(packet, length)
        except IndexError:
            raise MalformedError("attributes", "the last attribute has no length") from None
        self.clear()
        # Straight into the C base class: half the time of pyrad's own methods.
        for key, values in attributes.items():
            _put(self, key, values)

    def _walk(self, packet: bytes, length: int) -> dict[Key, list[bytes]]:
        attributes: dict[Key, list[bytes]] = {}
        vendor_keys = _vendor_keys
        key: Key | None
        at = HEADER
        while at < length:
            end = at + packet[at + 1]
            key = packet[at]
            if key == VENDOR_SPECIFIC:
                key = vendor_keys.get(packet[at + 2 : at + 7])
                if key is None or not at + 8 <= end <= length or packet[at + 7] != end - at - 6:
                    # Not one attribute of ours alone.
                    self._check_fits(at, end, length)
                    for inner, value in self._PktDecodeVendorAttribute(packet[at + 2 : end]):
                        attributes.setdefault(inner, []).append(value)
                    at = end
                    continue
                value = packet[at + 8 : end]
            else:
                if not at + 2 <= end <= length:
                    self._check_fits(at, end, length)
                value = packet[at + 2 : end]
                if key == MESSAGE_AUTHENTICATOR:
                    if self.message_authenticator_at or len(value) != 16:
                        raise MalformedError("message-authenticator", "not exactly one of 16 octets")
                    self.message_authenticator = True
                    self.message_authenticator_at = at
            if key in attributes:
                attributes[key].append(value)
            else:
                attributes[key] = [value]
            at = end
        return attributes

    @staticmethod
    def _check_fits(at: int, end: int, length: int) -> None:
        if not at + 2 <= end <= length:
            raise MalformedError("attributes", f"the attribute at octet {at} does not fit")

    def values_of(self, key: Key) -> list[bytes]:
        """The attribute's values as octets, in their order; empty when the packet has none."""
        values: list[bytes] | None = _get(self, key)
        return [] if values is None else values


_BLOCK: Final = 64
"""Octets of a block of MD5, to which HMAC fills up its key (RFC 2104 section 2)."""
_INNER: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER: Final = bytes(octet ^ 0x5C for octet in range(256))


@lru_cache(_KNOWN_SECRETS)
def _keyed(secret: bytes) -> tuple[_Hash, _Hash]:
    """The inner and the outer digest of HMAC-MD5, which have taken in the key (RFC 2104 section 4)."""
    key = secret if len(secret) <= _BLOCK else hashlib.md5(secret, usedforsecurity=False).digest()
    key = key.ljust(_BLOCK, b"\0")
    return (
        hashlib.md5(key.translate(_INNER), usedforsecurity=False),
        hashlib.md5(key.translate(_OUTER), usedforsecurity=False),
    )


def _hmac_md5(secret: bytes, octets: bytes) -> bytes:
    """HMAC-MD5 (RFC 2104): half the time of ``hmac.digest``, which takes in the key each time."""
    inner, outer = _keyed(secret)
    inner = inner.copy()
    inner.update(octets)
    outer = outer.copy()
    outer.update(inner.digest())
    return outer.digest()


def request_authenticator_is_right(packet: AccountingPacket) -> bool:
    """Whether an Accounting-Request was made with the secret (RFC 2866 section 3)."""
    raw = packet.raw_packet
    digest = hashlib.md5(raw[:4] + _ZEROS + raw[HEADER:] + packet.secret, usedforsecurity=False).digest()
    return hmac.compare_digest(digest, packet.authenticator)


def message_authenticator_is_right(packet: AccountingPacket, request_authenticator: bytes = _ZEROS) -> bool:
    """Whether the packet's Message-Authenticator was made with the secret; False when there is none.

    request_authenticator is what stands in the header while the digest is made: zeros for Accounting-Request
    and for the answer to it, the request's own for Status-Server and for the answer to that (RFC 5997
    section 3; the same reading as FreeRADIUS's).
    """
    at = packet.message_authenticator_at
    if not at:
        return False
    raw = packet.raw_packet
    body = raw[HEADER : at + 2] + _ZEROS + raw[at + 18 :]
    digest = _hmac_md5(packet.secret, raw[:4] + request_authenticator + body)
    return hmac.compare_digest(digest, raw[at + 2 : at + 18])


def response_is_right(packet: AccountingPacket, request_authenticator: bytes) -> bool:
    """Whether an Accounting-Response answers the request: by its Response Authenticator (RFC 2866 section 3)
    and, when present, its Message-Authenticator."""
    raw = packet.raw_packet
    digest = hashlib.md5(
        raw[:4] + request_authenticator + raw[HEADER:] + packet.secret, usedforsecurity=False
    ).digest()
    if not hmac.compare_digest(digest, packet.authenticator):
        return False
    return not packet.message_authenticator or message_authenticator_is_right(packet)


def accounting_response(request: AccountingPacket) -> bytes:
    """The Accounting-Response to a request, with its Proxy-State attributes (RFC 2865 section 5.33), and with
    a Message-Authenticator when the request had one."""
    attributes = b""
    for value in request.values_of(PROXY_STATE):
        attributes += attribute(PROXY_STATE, value)
    head = bytes((ACCOUNTING_RESPONSE, request.id))
    if request.message_authenticator:
        vector = request.authenticator if request.code == STATUS_SERVER else _ZEROS
        head += (HEADER + 18 + len(attributes)).to_bytes(2, "big")
        digest = _hmac_md5(request.secret, head + vector + _EMPTY_MESSAGE_AUTHENTICATOR + attributes)
        attributes = _EMPTY_MESSAGE_AUTHENTICATOR[:2] + digest + attributes
    else:
        head += (HEADER + len(attributes)).to_bytes(2, "big")
    authenticator = hashlib.md5(
        head + request.authenticator + attributes + request.secret, usedforsecurity=False
    ).digest()
    return head + authenticator + attributes


def accounting_request(
    identifier: int, attributes: bytes, secret: bytes, *, message_authenticator: bool
) -> bytes:
    """An Accounting-Request of encoded attributes, signed; octets 4..19 are its Request Authenticator.

    The Message-Authenticator goes first, where a forger has nothing to put before it. Raises ValueError when
    the packet would be over 4096 octets.
    """
    length = HEADER + len(attributes) + (18 if message_authenticator else 0)
    if length > LONGEST:
        raise ValueError(f"a packet of {length} octets is over {LONGEST}")
    head = bytes((ACCOUNTING_REQUEST, identifier)) + length.to_bytes(2, "big")
    if message_authenticator:
        digest = _hmac_md5(secret, head + _ZEROS + _EMPTY_MESSAGE_AUTHENTICATOR + attributes)
        attributes = _EMPTY_MESSAGE_AUTHENTICATOR[:2] + digest + attributes
    authenticator = hashlib.md5(head + _ZEROS + attributes + secret, usedforsecurity=False).digest()
    return head + authenticator + attributes
