"""Call reports as packets and back."""

from __future__ import annotations

import dataclasses
import hashlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrad.packet import AcctPacket

from radius.packet import (
    _PARTY_PATTERN,
    MATCH,
    SERVICE,
    ReportError,
    _party_of,
    _plain_party,
    _words,
    cut_entries,
    is_report,
    packet_to_report,
    report_attributes,
    report_to_packet,
)
from radius.report import NUMBER_INDICATORS, ROLES, CallReport, Match, Media, Party, ServiceUse, maker
from radius.wire import LONGEST, AccountingPacket, accounting_request, dictionary

SECRET = b"2testing123"

times = st.integers(0, 4_000_000_000_000_000).map(lambda microseconds: microseconds / 1e6)
octets = st.integers(0, 255)
parties = st.builds(
    Party,
    digits=st.text("0123456789ABCDEF*#+", max_size=40),
    ni=st.sampled_from(NUMBER_INDICATORS),
    trunk=st.none() | st.integers(0, 0xFFFF),
)
services = st.builds(ServiceUse, time=times, code=octets, phase=octets, calling=parties, called=parties)
matches = st.builds(
    Match, object_number=st.integers(0, 0xFFFF), role=st.sampled_from(ROLES), called=parties, time=times
)
ssrcs = st.integers(0, 0xFFFF_FFFF)
names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60)


@st.composite
def reports(draw: st.DrawFn, entries: int = 8) -> CallReport:
    released = draw(st.none() | times)
    return CallReport(
        call_id=draw(names),
        domain=draw(names),
        sequence=draw(st.integers(1, 0xFFFF_FFFF)),
        time=draw(times),
        connection=draw(octets),
        calling=draw(parties),
        called=draw(parties),
        calling_station=draw(st.just("") | names),
        called_station=draw(st.just("") | names),
        setup_time=draw(st.none() | times),
        answer_time=draw(st.none() | times),
        answered=draw(st.none() | parties),
        release_time=released,
        release_cause=None if released is None else draw(st.none() | octets),
        services=tuple(draw(st.lists(services, max_size=entries))),
        matches=tuple(draw(st.lists(matches, max_size=entries))),
        media=draw(st.none() | st.builds(Media, a_ssrc=ssrcs, b_ssrc=ssrcs)),
    )


def a_report(**changes: object) -> CallReport:
    report = CallReport(
        call_id="c-17",
        domain="test.domain",
        sequence=1,
        time=1_700_000_000.25,
        connection=0x1C,
        calling=Party(digits="28331", ni="private"),
        called=Party(digits="89001758964", ni="intercity", trunk=3),
        setup_time=1_700_000_000.123456,
        matches=(
            Match(object_number=258, role="a", called=Party(digits="89001758964"), time=1_700_000_000.123456),
        ),
    )
    return dataclasses.replace(report, **changes)  # type: ignore[arg-type]


@given(reports())
def test_what_went_in_comes_out(report: CallReport) -> None:
    packet = report_to_packet(report, secret=SECRET)
    assert is_report(packet)
    assert packet_to_report(packet) == report
    assert cut_entries(packet) == 0


@given(reports(entries=4))
@settings(max_examples=30)
def test_pyrad_itself_reads_the_same_report(report: CallReport) -> None:
    packet = report_to_packet(report, secret=SECRET)
    by_pyrad = AcctPacket(packet=packet.raw_packet, secret=SECRET, dict=dictionary())
    assert by_pyrad.VerifyAcctRequest()
    assert packet_to_report(by_pyrad) == report


def test_standard_attributes_carry_what_they_are_made_for() -> None:
    answered = 1_700_000_003.5
    packet = report_to_packet(
        a_report(
            sequence=3,
            calling_station="28331",
            called_station="99001758964",
            answer_time=answered,
            release_time=answered + 8.75,
            release_cause=5,
        )
    )
    assert packet["Acct-Status-Type"] == ["Stop"]
    assert packet["Acct-Session-Id"] == ["c-17"]
    assert packet["NAS-Identifier"] == ["test.domain"]
    assert packet["Calling-Station-Id"] == ["28331"]
    assert packet["Called-Station-Id"] == ["99001758964"]
    assert packet["Event-Timestamp"] == [1_700_000_000]
    assert packet["Acct-Session-Time"] == [8]
    assert packet["Acct-Terminate-Cause"] == ["User-Request"]
    assert packet["Sorm-Release-Cause"] == ["After-Conversation"]
    assert packet["Sorm-Setup-Time"] == [1_700_000_000_123_456]
    assert packet["Sorm-Called"] == ["89001758964 intercity 3"]
    assert packet["Sorm-Match"] == ["258 a 1700000000123456 89001758964 - -"]


@pytest.mark.parametrize(
    ("sequence", "released", "status"),
    [
        (1, None, "Start"),
        (2, None, "Interim-Update"),
        (1, 1_700_000_001.0, "Stop"),
        (9, 1_700_000_001.0, "Stop"),
    ],
)
def test_kind(sequence: int, released: float | None, status: str) -> None:
    packet = report_to_packet(a_report(sequence=sequence, release_time=released))
    assert packet["Acct-Status-Type"] == [status]


def a_use(number: int) -> ServiceUse:
    party = Party(digits="79001758964", ni="intercity", trunk=7)
    return ServiceUse(time=1_700_000_000.0 + number, code=0x21, phase=4, calling=party, called=party)


def a_match(number: int) -> Match:
    return Match(object_number=number, role="b", called=Party(digits="28331"), time=1_700_000_000.0)


@given(st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=40)
def test_a_report_too_long_for_a_packet_leaves_out_the_oldest_and_says_how_many(uses: int, hits: int) -> None:
    report = a_report(services=tuple(map(a_use, range(uses))), matches=tuple(map(a_match, range(hits))))
    attributes, cut = report_attributes(report)
    # The reporter may still add Message-Authenticator, NAS-IP-Address and Acct-Delay-Time.
    assert 20 + 18 + 6 + 6 + len(attributes) <= LONGEST
    packet = AccountingPacket.received(
        accounting_request(1, attributes, SECRET, message_authenticator=True), SECRET
    )
    there = packet_to_report(packet)
    assert cut_entries(packet) == cut == uses + hits - len(there.services) - len(there.matches)
    assert there.services == report.services[uses - len(there.services) :]
    assert there.matches == report.matches[hits - len(there.matches) :]
    if len(there.matches) < hits:
        assert there.services == (), "matches go only when no service use is left"


def test_a_report_without_speech_has_the_same_octets_as_before_there_was_any() -> None:
    attributes, _ = report_attributes(a_report())
    assert (
        hashlib.sha256(attributes).hexdigest()
        == "cbb9cd0c4f0b4fa294c6554879e5bd2c3f442c54acc60a592ee913e20a6fbef5"
    )
    spoken, _ = report_attributes(a_report(media=Media(a_ssrc=0xC0FFEE, b_ssrc=1)))
    assert len(spoken) == len(attributes) + 2 * 12
    assert bytes.fromhex("1a0c 00007ed9 0e06 00c0ffee  1a0c 00007ed9 0f06 00000001") in spoken


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("call_id", {"call_id": ""}),
        ("call_id", {"call_id": "x" * 254}),
        ("call_id", {"call_id": "\udc80"}),
        ("domain", {"domain": ""}),
        ("sequence", {"sequence": 0}),
        ("sequence", {"sequence": 1 << 32}),
        ("time", {"time": -1.0}),
        ("time", {"time": float("nan")}),
        ("time", {"time": float("inf")}),
        ("connection", {"connection": 256}),
        ("connection", {"connection": -1}),
        ("calling.digits", {"calling": Party(digits="28 331")}),
        ("calling.digits", {"calling": Party(digits="1" * 41)}),
        ("called.ni", {"called": Party(digits="1", ni="national")}),
        ("called.trunk", {"called": Party(digits="1", trunk=65536)}),
        ("setup_time", {"setup_time": 1e12}),
        ("release_cause", {"release_cause": 5}),
        ("release_cause", {"release_cause": 256, "release_time": 1.0}),
        ("matches[0].object_number", {"matches": (dataclasses.replace(a_match(1), object_number=65536),)}),
        ("matches[0].role", {"matches": (dataclasses.replace(a_match(1), role="c"),)}),
        ("services[0].code", {"services": (dataclasses.replace(a_use(1), code=256),)}),
        ("media.a_ssrc", {"media": Media(a_ssrc=1 << 32, b_ssrc=0)}),
        ("media.b_ssrc", {"media": Media(a_ssrc=0, b_ssrc=-1)}),
    ],
)
def test_a_report_that_cannot_travel_says_which_field(field: str, changes: dict[str, object]) -> None:
    with pytest.raises(ReportError) as caught:
        report_to_packet(a_report(**changes))
    assert caught.value.field == field


def broken(*, without: str = "", **replaced: list[bytes]) -> AccountingPacket:
    """A packet like a good one's, but for some attributes."""
    packet = report_to_packet(a_report(), secret=SECRET)
    if without:
        del packet[without]
    for name, values in replaced.items():
        packet[dictionary().attrindex[name.replace("_", "-")]] = values
    return packet


@pytest.mark.parametrize(
    ("attribute", "packet"),
    [
        *((name, broken(without=name)) for name in ("Acct-Status-Type", "Acct-Session-Id", "NAS-Identifier")),
        *(
            (name, broken(without=name))
            for name in ("Sorm-Time", "Sorm-Connection", "Sorm-Calling", "Sorm-Called")
        ),
        ("Acct-Status-Type", broken(Acct_Status_Type=[struct.pack("!I", 2)])),
        ("Acct-Status-Type", broken(Acct_Status_Type=[struct.pack("!I", 7)])),
        ("Acct-Session-Id", broken(Acct_Session_Id=[b""])),
        ("Acct-Session-Id", broken(Acct_Session_Id=[b"\xff"])),
        ("Sorm-Sequence", broken(Sorm_Sequence=[bytes(4)])),
        ("Sorm-Sequence", broken(Sorm_Sequence=[b"\1"])),
        ("Sorm-Time", broken(Sorm_Time=[bytes(8), bytes(8)])),
        ("Sorm-Time", broken(Sorm_Time=[b"\xff" * 8])),
        ("Sorm-Calling", broken(Sorm_Calling=[b"28331 private"])),
        ("Sorm-Calling", broken(Sorm_Calling=[b"28331 national -"])),
        ("Sorm-Called", broken(Sorm_Called=["\u0661 private -".encode()])),
        ("Sorm-Called", broken(Sorm_Called=[b"28331 private 65536"])),
        ("Sorm-Match", broken(Sorm_Match=[b"65536 a 0 28331 - -"])),
        ("Sorm-Match", broken(Sorm_Match=[b"258 c 0 28331 - -"])),
        ("Sorm-Match", broken(Sorm_Match=[b"258 a 9999999999999999 28331 - -"])),
        ("Sorm-Service", broken(Sorm_Service=[b"0 21 4 28331 - - 28332 - -"])),
        ("Sorm-Release-Cause", broken(Sorm_Release_Cause=[b"\5"])),
        ("Sorm-A-SSRC", broken(Sorm_B_SSRC=[bytes(4)])),
        ("Sorm-B-SSRC", broken(Sorm_A_SSRC=[bytes(4)])),
        ("Sorm-A-SSRC", broken(Sorm_A_SSRC=[bytes(3)], Sorm_B_SSRC=[bytes(4)])),
    ],
)
def test_a_packet_that_is_no_report_says_which_attribute(attribute: str, packet: AccountingPacket) -> None:
    with pytest.raises(ReportError) as caught:
        packet_to_report(packet)
    assert caught.value.field == attribute


@given(
    reports(entries=2),
    st.dictionaries(
        st.sampled_from(sorted(dictionary().attrindex.backward, key=str)),
        st.lists(st.binary(max_size=60), min_size=1, max_size=3),
        max_size=4,
    ),
)
def test_nothing_but_report_error_escapes(report: CallReport, changes: dict[object, list[bytes]]) -> None:
    packet = report_to_packet(report)
    for key, values in changes.items():
        packet[key] = values
    refused = None
    try:
        packet_to_report(packet)
    except ReportError as error:
        refused = error
    assert refused is None or (refused.field in dictionary() and refused.reason)


def test_the_text_attributes_are_what_the_dictionary_says() -> None:
    """The vendor's attributes stay under the documentation number of RFC 5612, and within 247 octets."""
    own = [name for name in dictionary().attributes if name.startswith("Sorm-")]
    assert len(own) == 21
    assert all(dictionary().attrindex[name][0] == 32473 for name in own)
    longest = Party(digits="9" * 40, ni="international", trunk=65535)
    last = (2**32 - 1) * 1.0
    report = a_report(
        services=(ServiceUse(time=last, code=255, phase=255, calling=longest, called=longest),),
        matches=(Match(object_number=65535, role="service", called=longest, time=last),),
    )
    packet = report_to_packet(report)
    assert packet_to_report(packet) == report
    assert all(len(value) <= 247 for form in (MATCH, SERVICE) for value in packet.values_of(form.key))


def test_what_is_made_from_octets_is_as_frozen_as_what_is_made_by_its_class() -> None:
    made, same = maker(Party)("28331", "private", 3), Party(digits="28331", ni="private", trunk=3)
    assert type(made) is Party
    assert made == same
    assert hash(made) == hash(same)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.digits = "1"
    assert not hasattr(made, "__dict__")


PARTIES = st.from_regex(
    rb"[0-9A-F-]{0,42} ?(-|private|local|zone|abroad)? ?(-|[0-9]{1,6}|x)?", fullmatch=True
)


@given(PARTIES)
def test_plain_parties_are_read_as_all_are(octets: bytes) -> None:
    words = octets.split(b" ")
    party = _plain_party(*words) if len(words) == 3 else None
    if party is not None:
        assert party == _party_of("Sorm-Calling", *_words(_PARTY_PATTERN, "Sorm-Calling", octets))
