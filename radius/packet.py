"""A report of a call or a message as the attributes of an Accounting-Request, and back.

Standard attributes carry what they are made for; the rest is in `dictionary.sorm`. Every attribute is declared once,
with its form for both directions; `docs/radius.md` has the table. Both directions are pure, and only ReportError
escapes them.
"""

import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, overload

from pyrad.packet import AcctPacket

from radius.report import (
    MESSAGE_ROLES,
    NUMBER_INDICATORS,
    ROLES,
    CallReport,
    Kind,
    Match,
    Media,
    MessageReport,
    Party,
    ServiceUse,
    maker,
)
from radius.wire import (
    HEADER,
    LONGEST,
    AccountingPacket,
    Key,
    accounting_request,
    attribute,
    attribute_head,
    dictionary,
)

V = TypeVar("V")
D = TypeVar("D")
_NEEDED: Final = object()
_get = OrderedDict.get
_items: Final = dict.items
"""Of a packet: keys and octets as they are; pyrad's own way would decode them."""
_whole: Final = int.from_bytes
_make_party, _make_match, _make_report = maker(Party), maker(Match), maker(CallReport)


class ReportError(ValueError):
    """A report cannot be put into a packet, or a packet is not a report.

    field: the report's field or the attribute; reason: what is wrong with it.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


RESERVED: Final = 18 + 6 + 6
"""Octets a report leaves free for Message-Authenticator, NAS-IP-Address and Acct-Delay-Time."""

LONGEST_TEXT: Final = 2_800
"""Octets of UTF-8 that the text of a message may have: with `MOST_MATCHES` objects it always fits into a packet."""

MOST_MATCHES: Final = 4
"""Objects that one report of a message names; one that touches more is several reports."""

PIECE: Final = 247
"""Octets that one vendor's attribute holds (RFC 2865 section 5.26)."""

LATEST: Final = 0xFFFF_FFFF * 1_000_000 + 999_999
"""The latest time in microseconds: Event-Timestamp has 32 bits of seconds."""


# --- forms of attributes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribute(Generic[V]):
    """An attribute, and how a value becomes its octets and back.

    pack: makes octets of a value; its ReportError names the wrong part of the value, such as `.digits`, or nothing.
    unpack: makes a value of octets; its ReportError names the attribute.
    size: octets that a value has; 0: `unpack` judges it.
    """

    name: str
    key: Key
    pack: Callable[[V], bytes]
    unpack: Callable[[bytes], V]
    size: int

    def octets(self, field: str, value: V | None) -> bytes:
        """The attribute with this value of the report's field; nothing when there is none. Raises ReportError."""
        if value is None:
            return b""
        try:
            octets = self.pack(value)
        except struct.error:
            raise ReportError(field, f"{value} does not fit into {self.size} octets") from None
        except ReportError as wrong:
            raise ReportError(field + wrong.field, wrong.reason) from None
        return attribute_head(self.key, len(octets)) + octets

    @overload
    def of(self, packet: AcctPacket) -> V: ...
    @overload
    def of(self, packet: AcctPacket, default: D) -> V | D: ...
    def of(self, packet: AcctPacket, default: Any = _NEEDED) -> Any:
        """The value in a packet, where it stands once; without a default also at least once. Raises ReportError."""
        values: list[bytes] | None = _get(packet, self.key)
        if values is None:
            if default is _NEEDED:
                raise ReportError(self.name, "is missing")
            return default
        try:
            (octets,) = values
        except ValueError:
            raise ReportError(self.name, f"stands {len(values)} times") from None
        if self.size and len(octets) != self.size:
            raise ReportError(self.name, f"{len(octets)} octets instead of {self.size}")
        return self.unpack(octets)

    def all_of(self, packet: AcctPacket) -> tuple[V, ...]:
        """All values in a packet, in their order."""
        return tuple(map(self.unpack, _get(packet, self.key, ())))


def _declared(
    name: str, pack: Callable[[V], bytes], unpack: Callable[[bytes], V], size: int = 0
) -> Attribute[V]:
    return Attribute(name, dictionary().attrindex[name], pack, unpack, size)


def _number(name: str, form: str = "!I") -> Attribute[int]:
    """A whole number, in a form of `struct`."""
    number = struct.Struct(form)
    return _declared(name, number.pack, int.from_bytes, number.size)


def _one_of(name: str, size: int, codes: Mapping[V, int]) -> Attribute[V]:
    """One of these values, by its number."""
    packed = {value: code.to_bytes(size) for value, code in codes.items()}
    values = {octets: value for value, octets in packed.items()}

    def unpack(octets: bytes) -> V:
        if octets not in values:
            raise ReportError(name, f"{int.from_bytes(octets)} is none of {', '.join(map(str, codes))}")
        return values[octets]

    return _declared(name, packed.__getitem__, unpack, size)


def _utf8(field: str, value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise ReportError(field, f"not a text: {error.reason}") from None


def _text(name: str) -> Attribute[str]:
    def pack(value: str) -> bytes:
        octets = _utf8("", value)
        if not 1 <= len(octets) <= 253:
            raise ReportError("", f"{len(octets)} octets; 1 to 253 are possible")
        return octets

    def unpack(octets: bytes) -> str:
        try:
            return octets.decode()
        except UnicodeDecodeError as error:
            raise ReportError(name, f"not UTF-8: {error.reason}") from None

    return _declared(name, pack, unpack)


_IMSI: Final = re.compile(r"[0-9]{1,18}")


def _imsi(name: str) -> Attribute[str]:
    def pack(imsi: str) -> bytes:
        if not _IMSI.fullmatch(imsi):
            raise ReportError("", f"{imsi!r} is not 1 to 18 digits")
        return imsi.encode()

    def unpack(octets: bytes) -> str:
        imsi = octets.decode("latin-1")
        if not _IMSI.fullmatch(imsi):
            raise ReportError(name, f"{octets!r} is not 1 to 18 digits")
        return imsi

    return _declared(name, pack, unpack)


def _moment(name: str) -> Attribute[float]:
    """Microseconds since 1970 in 8 octets, Unix seconds in a report."""

    def unpack(octets: bytes) -> float:
        microseconds = _whole(octets)
        return microseconds / 1e6 if microseconds <= LATEST else _seconds(name, microseconds)

    return _declared(name, lambda time: _microseconds("", time).to_bytes(8), unpack, 8)


def _microseconds(field: str, time: float) -> int:
    # "not (...)" also refuses NaN.
    if not (0 <= time <= LATEST / 1e6):
        raise ReportError(field, f"{time} is not a time between 1970 and 2106")
    return round(time * 1e6)


def _seconds(name: str, microseconds: int) -> float:
    if microseconds > LATEST:
        raise ReportError(name, f"{microseconds} microseconds are later than 2106")
    return microseconds / 1e6


_PARTY_DIGITS: Final = re.compile(r"[!-,.-~]{0,40}")
_PARTY_WORDS: Final = (
    rf"([!-,.-~]{{1,40}}|-) ({'|'.join(ni or '-' for ni in NUMBER_INDICATORS)}) (\d{{1,5}}|-)"
)
_PARTY_PATTERN: Final = re.compile(_PARTY_WORDS, re.ASCII)
_SERVICE_PATTERN: Final = re.compile(
    rf"(\d{{1,16}}) ([0-9a-f]{{2}}) ([0-9a-f]{{2}}) {_PARTY_WORDS} {_PARTY_WORDS}", re.ASCII
)


def _words(pattern: re.Pattern[str], name: str, value: bytes) -> tuple[str, ...]:
    match = pattern.fullmatch(value.decode("latin-1"))
    if match is None:
        raise ReportError(name, f"{value!r} is not of the documented form")
    return match.groups()


def _party(name: str) -> Attribute[Party]:
    """Digits, numbering plan and trunk, each a word or `-`."""

    def unpack(octets: bytes) -> Party:
        words = octets.split(b" ")
        if len(words) == 3 and (party := _plain_party(*words)) is not None:
            return party
        return _party_of(name, *_words(_PARTY_PATTERN, name, octets))

    return _declared(name, lambda party: _party_words("", party).encode(), unpack)


_PLAIN_INDICATORS: Final = {(ni or "-").encode(): ni for ni in NUMBER_INDICATORS}


def _plain_party(digits: bytes, ni: bytes, trunk: bytes) -> Party | None:
    """A party of digits without a trunk, as nearly all are, in a third of the time that the pattern takes; None: it is
    another one, or none."""
    indicator = _PLAIN_INDICATORS.get(ni)
    if trunk == b"-" and indicator is not None and digits.isdigit() and len(digits) <= 40:
        return _make_party(digits.decode(), indicator, None)
    return None


def _party_words(field: str, party: Party) -> str:
    if not _PARTY_DIGITS.fullmatch(party.digits):
        raise ReportError(f"{field}.digits", f"{party.digits!r}: up to 40 visible ASCII characters, no '-'")
    if party.ni not in NUMBER_INDICATORS:
        raise ReportError(
            f"{field}.ni", f"{party.ni!r} is none of {', '.join(NUMBER_INDICATORS[1:])} or empty"
        )
    if party.trunk is not None and not 0 <= party.trunk <= 0xFFFF:
        raise ReportError(f"{field}.trunk", f"{party.trunk} is not 0 to 65535")
    return f"{party.digits or '-'} {party.ni or '-'} {'-' if party.trunk is None else party.trunk}"


def _party_of(name: str, digits: str, ni: str, trunk: str) -> Party:
    number = None if trunk == "-" else int(trunk)
    if number is not None and number > 0xFFFF:
        raise ReportError(name, f"trunk {number} is not 0 to 65535")
    return _make_party("" if digits == "-" else digits, "" if ni == "-" else ni, number)


def _octet(field: str, value: int) -> int:
    if not 0 <= value <= 0xFF:
        raise ReportError(field, f"{value} is not an octet")
    return value


def _service(name: str) -> Attribute[ServiceUse]:
    """Time, code, phase, calling and called party, as words."""

    def pack(use: ServiceUse) -> bytes:
        return (
            f"{_microseconds('.time', use.time)} {_octet('.code', use.code):02x} "
            f"{_octet('.phase', use.phase):02x} "
            f"{_party_words('.calling', use.calling)} {_party_words('.called', use.called)}"
        ).encode()

    def unpack(octets: bytes) -> ServiceUse:
        time, code, phase, *parties = _words(_SERVICE_PATTERN, name, octets)
        return ServiceUse(
            time=_seconds(name, int(time)),
            code=int(code, 16),
            phase=int(phase, 16),
            calling=_party_of(name, *parties[:3]),
            called=_party_of(name, *parties[3:]),
        )

    return _declared(name, pack, unpack)


def _match(name: str, roles: Sequence[str]) -> Attribute[Match]:
    """Object number, one of these roles, time and called party, as words."""
    pattern = re.compile(rf"(\d{{1,5}}) ({'|'.join(roles)}) (\d{{1,16}}) {_PARTY_WORDS}", re.ASCII)
    known = {role.encode(): role for role in roles}

    def pack(match: Match) -> bytes:
        if not 0 <= match.object_number <= 0xFFFF:
            raise ReportError(".object_number", f"{match.object_number} is not 0 to 65535")
        if match.role not in roles:
            raise ReportError(".role", f"{match.role!r} is none of {', '.join(roles)}")
        moment = _microseconds(".time", match.time)
        return f"{match.object_number} {match.role} {moment} {_party_words('.called', match.called)}".encode()

    def unpack(octets: bytes) -> Match:
        words = octets.split(b" ")
        if len(words) == 6 and (role := known.get(words[1])) is not None:
            called = _plain_party(*words[3:])
            number, moment = words[0], words[2]
            digits = number.isdigit() and moment.isdigit() and len(number) <= 5 and len(moment) <= 16
            if called is not None and digits and (which := int(number)) <= 0xFFFF:
                return _make_match(which, role, called, _seconds(name, int(moment)))
        return slowly(octets)

    def slowly(octets: bytes) -> Match:
        number, role, time, *party = _words(pattern, name, octets)
        if int(number) > 0xFFFF:
            raise ReportError(name, f"object {number} is not 0 to 65535")
        return _make_match(int(number), role, _party_of(name, *party), _seconds(name, int(time)))

    return _declared(name, pack, unpack)


# --- the attributes -----------------------------------------------------------------------------------------

_STATUS: Final[Mapping[Kind, int]] = {"start": 1, "interim": 3, "stop": 2}

STATUS_TYPE: Final = _one_of("Acct-Status-Type", 4, _STATUS)
SESSION_ID: Final = _text("Acct-Session-Id")
NAS_IDENTIFIER: Final = _text("NAS-Identifier")
NAS_IP_ADDRESS: Final = _number("NAS-IP-Address")
CALLING_STATION: Final = _text("Calling-Station-Id")
CALLED_STATION: Final = _text("Called-Station-Id")
EVENT_TIMESTAMP: Final = _number("Event-Timestamp")
SESSION_TIME: Final = _number("Acct-Session-Time")
TERMINATE_CAUSE: Final = _number("Acct-Terminate-Cause")
DELAY_TIME: Final = _number("Acct-Delay-Time")
SEQUENCE: Final = _number("Sorm-Sequence")
TIME: Final = _moment("Sorm-Time")
CONNECTION: Final = _number("Sorm-Connection", "B")
CALLING: Final = _party("Sorm-Calling")
CALLED: Final = _party("Sorm-Called")
SETUP_TIME: Final = _moment("Sorm-Setup-Time")
ANSWER_TIME: Final = _moment("Sorm-Answer-Time")
RELEASE_TIME: Final = _moment("Sorm-Release-Time")
RELEASE_CAUSE: Final = _number("Sorm-Release-Cause", "B")
SERVICE: Final = _service("Sorm-Service")
MATCH: Final = _match("Sorm-Match", ROLES)
MESSAGE_MATCH: Final = _match("Sorm-Match", MESSAGE_ROLES)
SERVICES_CUT: Final = _number("Sorm-Services-Cut")
MATCHES_CUT: Final = _number("Sorm-Matches-Cut")
A_SSRC: Final = _number("Sorm-A-SSRC")
B_SSRC: Final = _number("Sorm-B-SSRC")
TEXT_LENGTH: Final = _number("Sorm-Text-Length")
TEXT: Final = _text("Sorm-Text")
DELIVERED: Final = _one_of("Sorm-Delivered", 1, {True: 1, False: 2})
ANSWERED: Final = _party("Sorm-Answered")
CALLING_IMSI: Final = _imsi("Sorm-Calling-IMSI")
CALLED_IMSI: Final = _imsi("Sorm-Called-IMSI")

_TERMINATE_CAUSES: Final = {
    1: 9,  # released for technical reasons: NAS-Error
    2: 17,  # incomplete dialling: User-Error
    3: 15,  # busy: Service-Unavailable
    4: 4,  # no answer: Idle-Timeout
    5: 1,  # after conversation: User-Request
}
_NOT_TOLD: Final = 10
"""NAS-Request."""

# --- report to packet ---------------------------------------------------------------------------------------


def _newest_that_fit(entries: Sequence[bytes], room: int) -> int:
    """The number of last entries that fit."""
    count = 0
    for entry in reversed(entries):
        room -= len(entry)
        if room < 0:
            break
        count += 1
    return count


def report_attributes(report: CallReport) -> tuple[bytes, int]:
    """The report's attributes as octets, and how many service uses and matches had no room.

    When they would not fit, the oldest service uses are left out first, then the oldest matches; the counts
    of both are in `Sorm-Services-Cut` and `Sorm-Matches-Cut`. Raises ReportError.
    """
    fixed = b"".join(_fixed(report))
    matches = [MATCH.octets(f"matches[{index}]", match) for index, match in enumerate(report.matches)]
    services = [SERVICE.octets(f"services[{index}]", use) for index, use in enumerate(report.services)]
    room = LONGEST - HEADER - RESERVED - len(fixed)
    if sum(map(len, matches)) + sum(map(len, services)) <= room:
        return b"".join((fixed, *matches, *services)), 0
    room -= 2 * len(SERVICES_CUT.octets("services", 0))
    matches_cut = len(matches) - _newest_that_fit(matches, room)
    matches = matches[matches_cut:]
    services_cut = len(services) - _newest_that_fit(services, room - sum(map(len, matches)))
    cut = SERVICES_CUT.octets("services", services_cut) + MATCHES_CUT.octets("matches", matches_cut)
    return b"".join((fixed, cut, *matches, *services[services_cut:])), services_cut + matches_cut


def _fixed(report: CallReport) -> list[bytes]:
    """All attributes but service uses and matches."""
    released, cause, media = report.release_time, report.release_cause, report.media
    if cause is not None and released is None:
        raise ReportError("release_cause", "there is one, but no release_time")
    if report.sequence < 1:
        raise ReportError("sequence", f"{report.sequence}; it counts from 1")
    parts = [
        STATUS_TYPE.octets("kind", report.kind),
        SESSION_ID.octets("call_id", report.call_id),
        NAS_IDENTIFIER.octets("domain", report.domain),
        TIME.octets("time", report.time),
        EVENT_TIMESTAMP.octets("time", int(report.time)),
        SEQUENCE.octets("sequence", report.sequence),
        CONNECTION.octets("connection", report.connection),
        CALLING.octets("calling", report.calling),
        CALLED.octets("called", report.called),
        CALLING_STATION.octets("calling_station", report.calling_station or None),
        CALLED_STATION.octets("called_station", report.called_station or None),
        SETUP_TIME.octets("setup_time", report.setup_time),
        ANSWER_TIME.octets("answer_time", report.answer_time),
        ANSWERED.octets("answered", report.answered),
    ]
    if released is not None:
        talked = 0 if report.answer_time is None else max(0, int(released - report.answer_time))
        standard = _NOT_TOLD if cause is None else _TERMINATE_CAUSES.get(cause, _NOT_TOLD)
        parts += [
            RELEASE_TIME.octets("release_time", released),
            SESSION_TIME.octets("release_time", talked),
            TERMINATE_CAUSE.octets("release_cause", standard),
            RELEASE_CAUSE.octets("release_cause", cause),
        ]
    if media is not None:
        parts += [A_SSRC.octets("media.a_ssrc", media.a_ssrc), B_SSRC.octets("media.b_ssrc", media.b_ssrc)]
    return parts


def pieces(text: bytes) -> list[bytes]:
    """UTF-8 text cut into attributes' values, no character of it in two."""
    found: list[bytes] = []
    at = 0
    while at < len(text):
        end = min(at + PIECE, len(text))
        # Octets 10xxxxxx go on with a character (RFC 3629 section 3).
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        found.append(text[at:end])
        at = end
    return found


def message_attributes(report: MessageReport) -> bytes:
    """A message's attributes as octets. Raises ReportError, also when they don't fit into one packet."""
    text = _utf8("text", report.text)
    if len(text) > LONGEST_TEXT:
        raise ReportError("text", f"{len(text)} octets of UTF-8; up to {LONGEST_TEXT} are possible")
    parts = [
        STATUS_TYPE.octets("kind", "stop"),
        SESSION_ID.octets("message_id", report.message_id),
        NAS_IDENTIFIER.octets("domain", report.domain),
        TIME.octets("time", report.time),
        EVENT_TIMESTAMP.octets("time", int(report.time)),
        CALLING.octets("sender", report.sender),
        CALLED.octets("receiver", report.receiver),
        CALLING_STATION.octets("sender_station", report.sender_station or None),
        CALLED_STATION.octets("receiver_station", report.receiver_station or None),
        CALLING_IMSI.octets("sender_imsi", report.sender_imsi or None),
        CALLED_IMSI.octets("receiver_imsi", report.receiver_imsi or None),
        DELIVERED.octets("delivered", report.delivered),
        TEXT_LENGTH.octets("text", len(text)),
        *(attribute(TEXT.key, piece) for piece in pieces(text)),
        *(MESSAGE_MATCH.octets(f"matches[{index}]", match) for index, match in enumerate(report.matches)),
    ]
    octets = b"".join(parts)
    if len(octets) > LONGEST - HEADER - RESERVED:
        raise ReportError(
            "matches", f"{len(report.matches)} matches and {len(text)} octets of text don't fit"
        )
    return octets


def report_to_packet(
    report: CallReport | MessageReport, *, identifier: int = 0, secret: bytes = b""
) -> AccountingPacket:
    """The Accounting-Request of a report, signed with the secret; `.raw_packet` is what goes on the wire.

    Raises ReportError.
    """
    attributes = (
        message_attributes(report) if isinstance(report, MessageReport) else report_attributes(report)[0]
    )
    octets = accounting_request(identifier, attributes, secret, message_authenticator=False)
    return AccountingPacket.received(octets, secret)


# --- packet to report ---------------------------------------------------------------------------------------


def is_report(packet: AcctPacket) -> bool:
    """Whether the packet is meant as a call report: it has a Sorm-Sequence."""
    return _get(packet, SEQUENCE.key) is not None


def is_message(packet: AcctPacket) -> bool:
    """Whether the packet is meant as a report of a message: it has a Sorm-Text-Length."""
    return _get(packet, TEXT_LENGTH.key) is not None


def cut_entries(packet: AcctPacket) -> int:
    """How many service uses and matches the sender had to leave out."""
    return SERVICES_CUT.of(packet, 0) + MATCHES_CUT.of(packet, 0)


_ONCE: Final[tuple[Attribute[Any], ...]] = (
    STATUS_TYPE, SESSION_ID, NAS_IDENTIFIER, SEQUENCE, TIME, CONNECTION, CALLING, CALLED,
    CALLING_STATION, CALLED_STATION, SETUP_TIME, ANSWER_TIME, ANSWERED, RELEASE_TIME, RELEASE_CAUSE, A_SSRC, B_SSRC,
)  # fmt: skip
"""What a call report has once or not at all; the first eight it must have."""
_ABSENT: Final = (*[None] * 8, "", "", *[None] * 7)
"""What stands for each of them that is not there."""
_PLACES: Final = {one.key: (at, one.size, one.unpack, one) for at, one in enumerate(_ONCE)}


def packet_to_report(packet: AcctPacket) -> CallReport:
    """The report in an Accounting-Request. Attributes that a report has no use for are passed over.

    Raises ReportError.
    """
    values: list[Any] = [*_ABSENT]
    for key, octets in _items(packet):
        if (place := _PLACES.get(key)) is not None:
            at, size, unpack, attribute = place
            if len(octets) != 1 or (size and len(octets[0]) != size):
                attribute.of(packet)  # which says what is wrong
            values[at] = unpack(octets[0])
    (
        status, call_id, domain, sequence, time, connection, calling, called, calling_station, called_station,
        setup, answer, answered, release, cause, a_ssrc, b_ssrc,
    ) = values  # fmt: skip
    if None in (status, call_id, domain, sequence, time, connection) or calling is None or called is None:
        missing = next(one for one, value in zip(_ONCE, values, strict=True) if value is None)
        raise ReportError(missing.name, "is missing")
    report = _make_report(
        call_id, domain, sequence, time, connection, calling, called, calling_station, called_station,
        setup, answer, answered, release, cause, SERVICE.all_of(packet), MATCH.all_of(packet),
        None if a_ssrc is None and b_ssrc is None else _media(a_ssrc, b_ssrc),
    )  # fmt: skip
    if sequence < 1:
        raise ReportError(SEQUENCE.name, "0; it counts from 1")
    if cause is not None and release is None:
        raise ReportError(RELEASE_CAUSE.name, "without Sorm-Release-Time")
    _check(status, call_id, domain, report.kind)
    return report


def _media(a: int | None, b: int | None) -> Media:
    if a is None or b is None:
        raise ReportError((A_SSRC if a is None else B_SSRC).name, "is missing beside the other one")
    return Media(a_ssrc=a, b_ssrc=b)


def _check(status: Kind, subject: str, domain: str, kind: Kind) -> None:
    """What both kinds of reports need: ids that are not empty, and the status that goes with the kind."""
    if not subject or not domain:
        raise ReportError((SESSION_ID if domain else NAS_IDENTIFIER).name, "is empty")
    if status != kind:
        raise ReportError(STATUS_TYPE.name, f"{status} on a report of kind {kind}")


def packet_to_message(packet: AcctPacket) -> MessageReport:
    """The report of a message in an Accounting-Request. Attributes that it has no use for are passed over.

    Raises ReportError.
    """
    text = b"".join(_get(packet, TEXT.key, ()))
    length = TEXT_LENGTH.of(packet)
    if len(text) != length:
        raise ReportError(TEXT.name, f"{len(text)} octets, where Sorm-Text-Length says {length}")
    if is_report(packet):
        raise ReportError(SEQUENCE.name, "stands in the report of a message")
    report = MessageReport(
        message_id=SESSION_ID.of(packet),
        domain=NAS_IDENTIFIER.of(packet),
        time=TIME.of(packet),
        sender=CALLING.of(packet),
        receiver=CALLED.of(packet),
        sender_station=CALLING_STATION.of(packet, ""),
        receiver_station=CALLED_STATION.of(packet, ""),
        sender_imsi=CALLING_IMSI.of(packet, ""),
        receiver_imsi=CALLED_IMSI.of(packet, ""),
        text=TEXT.unpack(text),
        delivered=DELIVERED.of(packet, None),
        matches=MESSAGE_MATCH.all_of(packet),
    )
    _check(STATUS_TYPE.of(packet), report.message_id, report.domain, "stop")
    return report
