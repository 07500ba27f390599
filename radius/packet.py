"""A report of a call or a message as the attributes of an Accounting-Request, and back.

Standard attributes carry what they are made for; the rest is in `dictionary.sorm`. `docs/radius.md` has the
table. The two directions are pure, and only ReportError escapes them.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from pyrad.packet import AcctPacket

from radius.report import (
    MESSAGE_ROLES,
    NUMBER_INDICATORS,
    ROLES,
    CallReport,
    Match,
    Media,
    MessageReport,
    Party,
    ServiceUse,
)
from radius.wire import (
    HEADER,
    LONGEST,
    AccountingPacket,
    Key,
    accounting_request,
    attribute,
    dictionary,
)


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


def _key(name: str) -> Key:
    attribute = dictionary()[name]
    key: Key = dictionary().attrindex[attribute.name]
    return key


_STATUS_CODES: Final = {"start": 1, "interim": 3, "stop": 2}
_STATUS_KINDS: Final = {code.to_bytes(4, "big"): kind for kind, code in _STATUS_CODES.items()}
_TERMINATE_CAUSES: Final = {
    1: 9,  # released for technical reasons: NAS-Error
    2: 17,  # incomplete dialling: User-Error
    3: 15,  # busy: Service-Unavailable
    4: 4,  # no answer: Idle-Timeout
    5: 1,  # after conversation: User-Request
    None: 10,  # not told: NAS-Request
}

STATUS_TYPE: Final = _key("Acct-Status-Type")
SESSION_ID: Final = _key("Acct-Session-Id")
NAS_IDENTIFIER: Final = _key("NAS-Identifier")
NAS_IP_ADDRESS: Final = _key("NAS-IP-Address")
CALLING_STATION: Final = _key("Calling-Station-Id")
CALLED_STATION: Final = _key("Called-Station-Id")
EVENT_TIMESTAMP: Final = _key("Event-Timestamp")
SESSION_TIME: Final = _key("Acct-Session-Time")
TERMINATE_CAUSE: Final = _key("Acct-Terminate-Cause")
DELAY_TIME: Final = _key("Acct-Delay-Time")
SEQUENCE: Final = _key("Sorm-Sequence")
TIME: Final = _key("Sorm-Time")
CONNECTION: Final = _key("Sorm-Connection")
CALLING: Final = _key("Sorm-Calling")
CALLED: Final = _key("Sorm-Called")
SETUP_TIME: Final = _key("Sorm-Setup-Time")
ANSWER_TIME: Final = _key("Sorm-Answer-Time")
RELEASE_TIME: Final = _key("Sorm-Release-Time")
RELEASE_CAUSE: Final = _key("Sorm-Release-Cause")
SERVICE: Final = _key("Sorm-Service")
MATCH: Final = _key("Sorm-Match")
SERVICES_CUT: Final = _key("Sorm-Services-Cut")
MATCHES_CUT: Final = _key("Sorm-Matches-Cut")
A_SSRC: Final = _key("Sorm-A-SSRC")
B_SSRC: Final = _key("Sorm-B-SSRC")
TEXT_LENGTH: Final = _key("Sorm-Text-Length")
TEXT: Final = _key("Sorm-Text")
DELIVERED: Final = _key("Sorm-Delivered")
ANSWERED: Final = _key("Sorm-Answered")
CALLING_IMSI: Final = _key("Sorm-Calling-IMSI")
CALLED_IMSI: Final = _key("Sorm-Called-IMSI")

_DELIVERED_CODES: Final = {True: 1, False: 2}
_DELIVERED: Final = {bytes((code,)): delivered for delivered, code in _DELIVERED_CODES.items()}

# --- report to packet --------------------------------------------------------------------------------------

_PARTY_DIGITS: Final = re.compile(r"[!-,.-~]{0,40}")
_IMSI: Final = re.compile(r"[0-9]{1,18}")
_PARTY_WORDS: Final = (
    rf"([!-,.-~]{{1,40}}|-) ({'|'.join(ni or '-' for ni in NUMBER_INDICATORS)}) (\d{{1,5}}|-)"
)


def _number(key: Key, field: str, value: int, size: int) -> bytes:
    try:
        return attribute(key, value.to_bytes(size, "big"))
    except OverflowError:
        raise ReportError(field, f"{value} does not fit into {size} octets") from None


def _text(key: Key, field: str, value: str) -> bytes:
    try:
        octets = value.encode()
    except UnicodeEncodeError as error:
        raise ReportError(field, f"not a text: {error.reason}") from None
    if not 1 <= len(octets) <= 253:
        raise ReportError(field, f"{len(octets)} octets; 1 to 253 are possible")
    return attribute(key, octets)


def _microseconds(field: str, time: float) -> int:
    # "not (...)" also refuses NaN.
    if not (0 <= time <= LATEST / 1e6):
        raise ReportError(field, f"{time} is not a time between 1970 and 2106")
    return round(time * 1e6)


def _moment(key: Key, field: str, time: float) -> bytes:
    return attribute(key, _microseconds(field, time).to_bytes(8, "big"))


def _party(field: str, party: Party) -> str:
    if not _PARTY_DIGITS.fullmatch(party.digits):
        raise ReportError(f"{field}.digits", f"{party.digits!r}: up to 40 visible ASCII characters, no '-'")
    if party.ni not in NUMBER_INDICATORS:
        raise ReportError(
            f"{field}.ni", f"{party.ni!r} is none of {', '.join(NUMBER_INDICATORS[1:])} or empty"
        )
    if party.trunk is not None and not 0 <= party.trunk <= 0xFFFF:
        raise ReportError(f"{field}.trunk", f"{party.trunk} is not 0 to 65535")
    return f"{party.digits or '-'} {party.ni or '-'} {'-' if party.trunk is None else party.trunk}"


def _octet(field: str, value: int) -> int:
    if not 0 <= value <= 0xFF:
        raise ReportError(field, f"{value} is not an octet")
    return value


def _service(index: int, use: ServiceUse) -> bytes:
    field = f"services[{index}]"
    text = (
        f"{_microseconds(f'{field}.time', use.time)} {_octet(f'{field}.code', use.code):02x} "
        f"{_octet(f'{field}.phase', use.phase):02x} "
        f"{_party(f'{field}.calling', use.calling)} {_party(f'{field}.called', use.called)}"
    )
    return attribute(SERVICE, text.encode())


def _match(index: int, match: Match, roles: Sequence[str]) -> bytes:
    field = f"matches[{index}]"
    if not 0 <= match.object_number <= 0xFFFF:
        raise ReportError(f"{field}.object_number", f"{match.object_number} is not 0 to 65535")
    if match.role not in roles:
        raise ReportError(f"{field}.role", f"{match.role!r} is none of {', '.join(roles)}")
    text = (
        f"{match.object_number} {match.role} {_microseconds(f'{field}.time', match.time)} "
        f"{_party(f'{field}.called', match.called)}"
    )
    return attribute(MATCH, text.encode())


def _newest_that_fit(entries: Sequence[bytes], room: int) -> int:
    """How many of the last entries have room."""
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
    released = report.release_time
    if report.release_cause is not None and released is None:
        raise ReportError("release_cause", "there is one, but no release_time")
    if report.sequence < 1:
        raise ReportError("sequence", f"{report.sequence}; it counts from 1")
    parts = [
        _number(STATUS_TYPE, "kind", _STATUS_CODES[report.kind], 4),
        _text(SESSION_ID, "call_id", report.call_id),
        _text(NAS_IDENTIFIER, "domain", report.domain),
        _moment(TIME, "time", report.time),
        _number(EVENT_TIMESTAMP, "time", int(report.time), 4),
        _number(SEQUENCE, "sequence", report.sequence, 4),
        _number(CONNECTION, "connection", report.connection, 1),
        attribute(CALLING, _party("calling", report.calling).encode()),
        attribute(CALLED, _party("called", report.called).encode()),
    ]
    if report.calling_station:
        parts.append(_text(CALLING_STATION, "calling_station", report.calling_station))
    if report.called_station:
        parts.append(_text(CALLED_STATION, "called_station", report.called_station))
    if report.setup_time is not None:
        parts.append(_moment(SETUP_TIME, "setup_time", report.setup_time))
    if report.answer_time is not None:
        parts.append(_moment(ANSWER_TIME, "answer_time", report.answer_time))
    if report.answered is not None:
        parts.append(attribute(ANSWERED, _party("answered", report.answered).encode()))
    if released is not None:
        parts.append(_moment(RELEASE_TIME, "release_time", released))
        talked = 0 if report.answer_time is None else max(0, int(released - report.answer_time))
        parts.append(_number(SESSION_TIME, "release_time", talked, 4))
        cause = report.release_cause
        standard = _TERMINATE_CAUSES.get(cause, _TERMINATE_CAUSES[None])
        parts.append(_number(TERMINATE_CAUSE, "release_cause", standard, 4))
        if cause is not None:
            parts.append(_number(RELEASE_CAUSE, "release_cause", cause, 1))
    if report.media is not None:
        parts.append(_number(A_SSRC, "media.a_ssrc", report.media.a_ssrc, 4))
        parts.append(_number(B_SSRC, "media.b_ssrc", report.media.b_ssrc, 4))
    matches = [_match(index, match, ROLES) for index, match in enumerate(report.matches)]
    services = [_service(index, use) for index, use in enumerate(report.services)]
    fixed = b"".join(parts)
    room = LONGEST - HEADER - RESERVED - len(fixed)
    if sum(map(len, matches)) + sum(map(len, services)) <= room:
        return b"".join((fixed, *matches, *services)), 0
    room -= 2 * len(_number(SERVICES_CUT, "services", 0, 4))
    matches_kept = _newest_that_fit(matches, room)
    matches_cut = len(matches) - matches_kept
    matches = matches[matches_cut:]
    services_kept = _newest_that_fit(services, room - sum(map(len, matches)))
    services_cut = len(services) - services_kept
    return (
        b"".join(
            (
                fixed,
                _number(SERVICES_CUT, "services", services_cut, 4),
                _number(MATCHES_CUT, "matches", matches_cut, 4),
                *matches,
                *services[services_cut:],
            )
        ),
        services_cut + matches_cut,
    )


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
    try:
        text = report.text.encode()
    except UnicodeEncodeError as error:
        raise ReportError("text", f"not a text: {error.reason}") from None
    if len(text) > LONGEST_TEXT:
        raise ReportError("text", f"{len(text)} octets of UTF-8; up to {LONGEST_TEXT} are possible")
    parts = [
        _number(STATUS_TYPE, "kind", _STATUS_CODES["stop"], 4),
        _text(SESSION_ID, "message_id", report.message_id),
        _text(NAS_IDENTIFIER, "domain", report.domain),
        _moment(TIME, "time", report.time),
        _number(EVENT_TIMESTAMP, "time", int(report.time), 4),
        attribute(CALLING, _party("sender", report.sender).encode()),
        attribute(CALLED, _party("receiver", report.receiver).encode()),
    ]
    if report.sender_station:
        parts.append(_text(CALLING_STATION, "sender_station", report.sender_station))
    if report.receiver_station:
        parts.append(_text(CALLED_STATION, "receiver_station", report.receiver_station))
    for key, field, imsi in (
        (CALLING_IMSI, "sender_imsi", report.sender_imsi),
        (CALLED_IMSI, "receiver_imsi", report.receiver_imsi),
    ):
        if imsi:
            if not _IMSI.fullmatch(imsi):
                raise ReportError(field, f"{imsi!r} is not 1 to 18 digits")
            parts.append(attribute(key, imsi.encode()))
    if report.delivered is not None:
        parts.append(_number(DELIVERED, "delivered", _DELIVERED_CODES[report.delivered], 1))
    parts.append(_number(TEXT_LENGTH, "text", len(text), 4))
    parts += [attribute(TEXT, piece) for piece in pieces(text)]
    parts += [_match(index, match, MESSAGE_ROLES) for index, match in enumerate(report.matches)]
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


# --- packet to report --------------------------------------------------------------------------------------

_PARTY_PATTERN: Final = re.compile(_PARTY_WORDS, re.ASCII)
_SERVICE_PATTERN: Final = re.compile(
    rf"(\d{{1,16}}) ([0-9a-f]{{2}}) ([0-9a-f]{{2}}) {_PARTY_WORDS} {_PARTY_WORDS}", re.ASCII
)
_MATCH_PATTERN: Final = re.compile(rf"(\d{{1,5}}) ({'|'.join(ROLES)}) (\d{{1,16}}) {_PARTY_WORDS}", re.ASCII)
_MESSAGE_MATCH_PATTERN: Final = re.compile(
    rf"(\d{{1,5}}) ({'|'.join(MESSAGE_ROLES)}) (\d{{1,16}}) {_PARTY_WORDS}", re.ASCII
)

_get = OrderedDict.get


def _one(packet: AcctPacket, key: Key, size: int | None = None) -> bytes | None:
    """The value of an attribute that stands at most once, None when it is missing."""
    values: list[bytes] | None = _get(packet, key)
    if values is None:
        return None
    if len(values) != 1:
        raise ReportError(_name(key), f"stands {len(values)} times")
    value = values[0]
    if size is not None and len(value) != size:
        raise ReportError(_name(key), f"{len(value)} octets instead of {size}")
    return value


def _name(key: Key) -> str:
    name: str = dictionary().attrindex.GetBackward(key)
    return name


def _needed(packet: AcctPacket, key: Key, size: int | None = None) -> bytes:
    value = _one(packet, key, size)
    if value is None:
        raise ReportError(_name(key), "is missing")
    return value


def _decode_text(key: Key, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ReportError(_name(key), f"not UTF-8: {error.reason}") from None


def _decode_moment(packet: AcctPacket, key: Key) -> float | None:
    value = _one(packet, key, 8)
    return None if value is None else _decode_microseconds(key, int.from_bytes(value, "big"))


def _decode_microseconds(key: Key, microseconds: int) -> float:
    if microseconds > LATEST:
        raise ReportError(_name(key), f"{microseconds} microseconds are later than 2106")
    return microseconds / 1e6


def _entry(pattern: re.Pattern[str], key: Key, value: bytes) -> tuple[str, ...]:
    match = pattern.fullmatch(value.decode("latin-1"))
    if match is None:
        raise ReportError(_name(key), f"{value!r} is not of the documented form")
    return match.groups()


def _decode_party(key: Key, digits: str, ni: str, trunk: str) -> Party:
    if digits == "-":
        digits = ""
    if ni == "-":
        ni = ""
    if trunk == "-":
        return Party(digits=digits, ni=ni)
    number = int(trunk)
    if number > 0xFFFF:
        raise ReportError(_name(key), f"trunk {number} is not 0 to 65535")
    return Party(digits=digits, ni=ni, trunk=number)


def _decode_service(value: bytes) -> ServiceUse:
    time, code, phase, *parties = _entry(_SERVICE_PATTERN, SERVICE, value)
    return ServiceUse(
        time=_decode_microseconds(SERVICE, int(time)),
        code=int(code, 16),
        phase=int(phase, 16),
        calling=_decode_party(SERVICE, *parties[:3]),
        called=_decode_party(SERVICE, *parties[3:]),
    )


def _decode_match(value: bytes, pattern: re.Pattern[str] = _MATCH_PATTERN) -> Match:
    number, role, time, digits, ni, trunk = _entry(pattern, MATCH, value)
    object_number = int(number)
    if object_number > 0xFFFF:
        raise ReportError(_name(MATCH), f"object {number} is not 0 to 65535")
    return Match(
        object_number=object_number,
        role=role,
        called=_decode_party(MATCH, digits, ni, trunk),
        time=_decode_microseconds(MATCH, int(time)),
    )


def _decode_media(packet: AcctPacket) -> Media | None:
    a, b = _one(packet, A_SSRC, 4), _one(packet, B_SSRC, 4)
    if a is None and b is None:
        return None
    if a is None or b is None:
        raise ReportError(_name(A_SSRC if a is None else B_SSRC), "is missing beside the other one")
    return Media(a_ssrc=int.from_bytes(a, "big"), b_ssrc=int.from_bytes(b, "big"))


def is_report(packet: AcctPacket) -> bool:
    """Whether the packet is meant as a call report: it has a Sorm-Sequence."""
    return _get(packet, SEQUENCE) is not None


def is_message(packet: AcctPacket) -> bool:
    """Whether the packet is meant as a report of a message: it has a Sorm-Text-Length."""
    return _get(packet, TEXT_LENGTH) is not None


def cut_entries(packet: AcctPacket) -> int:
    """How many service uses and matches the sender had to leave out."""
    cut = 0
    for key in (SERVICES_CUT, MATCHES_CUT):
        value = _one(packet, key, 4)
        if value is not None:
            cut += int.from_bytes(value, "big")
    return cut


def packet_to_report(packet: AcctPacket) -> CallReport:
    """The report in an Accounting-Request. Attributes that a report has no use for are passed over.

    Raises ReportError.
    """
    sequence = int.from_bytes(_needed(packet, SEQUENCE, 4), "big")
    if sequence < 1:
        raise ReportError(_name(SEQUENCE), "0; it counts from 1")
    time = _decode_moment(packet, TIME)
    if time is None:
        raise ReportError(_name(TIME), "is missing")
    cause = _one(packet, RELEASE_CAUSE, 1)
    calling_station = _one(packet, CALLING_STATION)
    called_station = _one(packet, CALLED_STATION)
    answered = _one(packet, ANSWERED)
    report = CallReport(
        call_id=_decode_text(SESSION_ID, _needed(packet, SESSION_ID)),
        domain=_decode_text(NAS_IDENTIFIER, _needed(packet, NAS_IDENTIFIER)),
        sequence=sequence,
        time=time,
        connection=_needed(packet, CONNECTION, 1)[0],
        calling=_decode_party(CALLING, *_entry(_PARTY_PATTERN, CALLING, _needed(packet, CALLING))),
        called=_decode_party(CALLED, *_entry(_PARTY_PATTERN, CALLED, _needed(packet, CALLED))),
        calling_station="" if calling_station is None else _decode_text(CALLING_STATION, calling_station),
        called_station="" if called_station is None else _decode_text(CALLED_STATION, called_station),
        setup_time=_decode_moment(packet, SETUP_TIME),
        answer_time=_decode_moment(packet, ANSWER_TIME),
        answered=(
            None if answered is None else _decode_party(ANSWERED, *_entry(_PARTY_PATTERN, ANSWERED, answered))
        ),
        release_time=_decode_moment(packet, RELEASE_TIME),
        release_cause=None if cause is None else cause[0],
        services=tuple(map(_decode_service, _get(packet, SERVICE, ()))),
        matches=tuple(map(_decode_match, _get(packet, MATCH, ()))),
        media=_decode_media(packet),
    )
    if not report.call_id or not report.domain:
        raise ReportError(_name(SESSION_ID if report.domain else NAS_IDENTIFIER), "is empty")
    if report.release_cause is not None and report.release_time is None:
        raise ReportError(_name(RELEASE_CAUSE), "without Sorm-Release-Time")
    if (status := _STATUS_KINDS.get(_needed(packet, STATUS_TYPE, 4))) != report.kind:
        raise ReportError(_name(STATUS_TYPE), f"{status} on a report of kind {report.kind}")
    return report


def _decode_whole_text(packet: AcctPacket) -> str:
    text = b"".join(_get(packet, TEXT, ()))
    length = int.from_bytes(_needed(packet, TEXT_LENGTH, 4), "big")
    if len(text) != length:
        raise ReportError(_name(TEXT), f"{len(text)} octets, where Sorm-Text-Length says {length}")
    return _decode_text(TEXT, text)


def _decode_imsi(packet: AcctPacket, key: Key) -> str:
    value = _one(packet, key)
    if value is None:
        return ""
    imsi = value.decode("latin-1")
    if not _IMSI.fullmatch(imsi):
        raise ReportError(_name(key), f"{value!r} is not 1 to 18 digits")
    return imsi


def packet_to_message(packet: AcctPacket) -> MessageReport:
    """The report of a message in an Accounting-Request. Attributes that it has no use for are passed over.

    Raises ReportError.
    """
    text = _decode_whole_text(packet)
    if is_report(packet):
        raise ReportError(_name(SEQUENCE), "stands in the report of a message")
    time = _decode_moment(packet, TIME)
    if time is None:
        raise ReportError(_name(TIME), "is missing")
    delivered = _one(packet, DELIVERED, 1)
    if delivered is not None and delivered not in _DELIVERED:
        raise ReportError(_name(DELIVERED), f"{delivered[0]} is neither 1 nor 2")
    sender_station = _one(packet, CALLING_STATION)
    receiver_station = _one(packet, CALLED_STATION)
    report = MessageReport(
        message_id=_decode_text(SESSION_ID, _needed(packet, SESSION_ID)),
        domain=_decode_text(NAS_IDENTIFIER, _needed(packet, NAS_IDENTIFIER)),
        time=time,
        sender=_decode_party(CALLING, *_entry(_PARTY_PATTERN, CALLING, _needed(packet, CALLING))),
        receiver=_decode_party(CALLED, *_entry(_PARTY_PATTERN, CALLED, _needed(packet, CALLED))),
        sender_station="" if sender_station is None else _decode_text(CALLING_STATION, sender_station),
        receiver_station="" if receiver_station is None else _decode_text(CALLED_STATION, receiver_station),
        sender_imsi=_decode_imsi(packet, CALLING_IMSI),
        receiver_imsi=_decode_imsi(packet, CALLED_IMSI),
        text=text,
        delivered=None if delivered is None else _DELIVERED[delivered],
        matches=tuple(_decode_match(value, _MESSAGE_MATCH_PATTERN) for value in _get(packet, MATCH, ())),
    )
    if not report.message_id or not report.domain:
        raise ReportError(_name(SESSION_ID if report.domain else NAS_IDENTIFIER), "is empty")
    if (status := _STATUS_KINDS.get(_needed(packet, STATUS_TYPE, 4))) != "stop":
        raise ReportError(_name(STATUS_TYPE), f"{status} on the report of a message")
    return report
