"""Octets to messages and back: what is refused and where, what is kept, and that nothing is lost."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import (
    MESSAGES,
    AddObject,
    Channel,
    Codec,
    CommandReceived,
    DecodeError,
    EncodeError,
    GetServices,
    GetVersion,
    GroupType,
    KeptInt,
    Ksl,
    KslInfo,
    KslRow,
    NumberSign,
    ObjectType,
    Options,
    ProtocolError,
    Raw,
    ServicesInfo,
    ServiceUsed,
    SetPassword,
    TrunkInfo,
    UnknownUnit,
    classes,
    strategies,
)

ALL_OPTIONS = [
    Options(),
    Options(order="70"),
    Options(object_byte_order="big", trunk_byte_order="big", count_byte_order="big"),
    Options(service_code_position="first", m25_length="fixed45"),
    Options(zero_digit="A", extra_digits=True, requirements_version=1),
    Options(order="70", zero_digit="A", m25_length="fixed45", object_byte_order="big"),
]
every_options = pytest.mark.parametrize("options", ALL_OPTIONS, ids=range(len(ALL_OPTIONS)))

ADD_OBJECT = bytes.fromhex("CC010513313233343536020101010B3738550501F1FFFFFFFFFF010102")
EVENT = bytes.fromhex(
    "CC0141243412010201011C00010B3738550501F1FFFFFF010B3738550502F2FFFFFFFFFF0101519003500200FFFFFFFF"
)
SERVICE_USED = bytes.fromhex(
    "CC0144243412010201021C04010B3738550502F2FFFFFF010B3738550503F3FFFFFFFFFFFFFF5190036002FFFFFF21FF"
)


def changed(unit: bytes, octets: dict[int, int]) -> bytes:
    spoilt = bytearray(unit)
    for offset, octet in octets.items():
        spoilt[offset] = octet
    return bytes(spoilt)


# --- round trips


@every_options
def test_what_is_encoded_decodes_to_itself(options: Options) -> None:
    codec = Codec(options)

    @settings(max_examples=100, deadline=None)
    @given(strategies.any_message(options))
    def check(message: Any) -> None:
        unit = codec.encode(message)
        assert codec.decode(unit) == message
        assert codec.decode_lenient(unit) == (message, ())

    check()


@every_options
def test_what_is_decoded_leniently_encodes_to_the_same_octets(options: Options) -> None:
    codec = Codec(options)

    @settings(max_examples=120, deadline=None)
    @given(strategies.damaged_unit(options))
    def check(unit: bytes) -> None:
        message, problems = codec.decode_lenient(unit)
        assert codec.encode(message) == unit
        assert all(0 <= problem.offset <= len(unit) and problem.message for problem in problems)
        refused = [problem for problem in problems if not problem.accepted]
        if refused:
            with pytest.raises(DecodeError) as caught:
                codec.decode(unit)
            assert caught.value.offset == refused[0].offset
            assert caught.value.path == refused[0].path
            assert caught.value.message in str(caught.value)
        else:
            assert codec.decode(unit) == message
            assert codec.encode(codec.decode(unit)) == unit

    check()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=70) | st.binary(min_size=3, max_size=70).map(lambda octets: b"\xcc" + octets))
@example(b"")
@example(b"\xcc")
@example(b"\xcc\x01\x05")
def test_only_the_declared_error_escapes(octets: bytes) -> None:
    codec = Codec()
    error: DecodeError | None = None
    try:
        assert codec.encode(codec.decode(octets)) == octets
    except DecodeError as raised:
        error = raised
    if error is not None:
        assert 0 <= error.offset <= len(octets)
        assert set(error.partial) <= {field for cls in MESSAGES for field in cls.__dataclass_fields__}
    if len(octets) < 4 or octets[0] != 0xCC:
        with pytest.raises(ProtocolError):
            codec.decode_lenient(octets)
    else:
        assert codec.encode(codec.decode_lenient(octets)[0]) == octets


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(kind: Any) -> None:
    assert Codec().decode(kind(ADD_OBJECT)) == Codec().decode(ADD_OBJECT)
    message, problems = Codec().decode_lenient(kind(changed(ADD_OBJECT, {12: 0x77})))
    assert problems
    assert Codec().encode(message) == changed(ADD_OBJECT, {12: 0x77})
    services = bytes.fromhex("CC01252D00000000FF02010B3738550501F1FFFFFF02FFFF21FFFF42") + b"\xff" * 27
    assert Codec().encode(Codec().decode(kind(services))) == services
    with pytest.raises(DecodeError) as caught:
        Codec().decode(kind(services[:-1]))
    assert caught.value.raw == services[:-1]


def test_four_octets_are_a_header_that_can_be_judged() -> None:
    with pytest.raises(DecodeError, match="a unit has at least four octets"):
        Codec().decode(ADD_OBJECT[:3])
    with pytest.raises(DecodeError, match="length 255 is not allowed for add-object") as caught:
        Codec().decode(ADD_OBJECT[:3] + b"\xff")
    assert caught.value.raw == ADD_OBJECT[:3] + b"\xff"


# --- refusals say where and why


@pytest.mark.parametrize(
    ("unit", "octets", "offset", "path"),
    [
        pytest.param(ADD_OBJECT, {0: 0xCD}, 0, "preamble", id="preamble"),
        pytest.param(ADD_OBJECT, {2: 0x12}, 2, "code", id="unknown code"),
        pytest.param(ADD_OBJECT, {3: 0x12}, 3, "length", id="length octet"),
        pytest.param(ADD_OBJECT, {12: 0x04}, 12, "object_type", id="object type"),
        pytest.param(ADD_OBJECT, {13: 0x02}, 13, "number_sign", id="sign of the other order"),
        pytest.param(ADD_OBJECT, {14: 0x0C}, 14, "number", id="count above digits"),
        pytest.param(ADD_OBJECT, {14: 0x0A}, 14, "number", id="count below digits"),
        pytest.param(ADD_OBJECT, {14: 0xFF}, 14, "number", id="digits of an absent number"),
        pytest.param(ADD_OBJECT, {16: 0x3B}, 16, "number", id="half-byte Bh"),
        pytest.param(ADD_OBJECT, {20: 0x01}, 14, "number", id="digit as filler"),
        pytest.param(ADD_OBJECT, {26: 0x03}, 26, "category", id="category"),
        pytest.param(ADD_OBJECT, {28: 0x00}, 28, "priority", id="priority"),
        pytest.param(EVENT, {12: 0x09}, 12, "calling.sign", id="sign in a party"),
        pytest.param(EVENT, {13: 0x0C}, 13, "calling.number", id="digits in a party"),
        pytest.param(EVENT, {15: 0x3B}, 15, "calling.number", id="half-byte Bh in a party"),
        pytest.param(EVENT, {9: 0x00}, 9, "selection", id="selection without a reason"),
        pytest.param(EVENT, {10: 0x13}, 10, "connection", id="connection"),
        pytest.param(EVENT, {36: 0x20}, 36, "ksl_a", id="KSL 0"),
        pytest.param(EVENT, {36: 0x1D}, 36, "ksl_a", id="KSL 29"),
        pytest.param(EVENT, {38: 0x5A}, 38, "time.day", id="BCD half above 9"),
        pytest.param(EVENT, {39: 0x42}, 39, "time.hour", id="hour 24"),
        pytest.param(EVENT, {43: 0x05}, 43, "operation", id="reason of another event"),
        pytest.param(SERVICE_USED, {44: 0x21}, 44, "service", id="two service codes"),
        pytest.param(SERVICE_USED, {46: 0x22}, 46, "service", id="service code"),
    ],
)
def test_a_refusal_tells_octet_and_field(unit: bytes, octets: dict[int, int], offset: int, path: str) -> None:
    spoilt = changed(unit, octets)
    with pytest.raises(DecodeError) as caught:
        Codec().decode(spoilt)
    error = caught.value
    assert (error.offset, error.path, error.raw) == (offset, path, spoilt)
    assert error.message
    if path not in ("preamble", "code", "length"):
        message, problems = Codec().decode_lenient(spoilt)
        assert problems[0].path == path
        assert Codec().encode(message) == spoilt


def test_a_refusal_holds_what_came_before_it() -> None:
    with pytest.raises(DecodeError) as caught:
        Codec().decode(changed(ADD_OBJECT, {26: 0x03}))
    assert caught.value.partial == {
        "orm_number": 1,
        "password": "123456",
        "object_number": 258,
        "object_type": ObjectType.OWN_SUBSCRIBER,
        "number_sign": NumberSign.OWN,
        "number": "73835550101",
        "trunk": None,
    }
    assert str(caught.value) == (
        "category at octet 26: category 03h is not one of combined, separate, statistical, none"
    )


def test_a_cut_unit_names_the_field_that_is_cut() -> None:
    with pytest.raises(DecodeError) as caught:
        Codec().decode(ADD_OBJECT[:20])
    assert caught.value.path == "number"
    assert list(caught.value.partial)[-1] == "number_sign"


def test_all_problems_of_a_unit_are_reported() -> None:
    message, problems = Codec().decode_lenient(changed(ADD_OBJECT, {12: 0x1A, 26: 0x1A, 28: 0x1A}))
    assert isinstance(message, AddObject)
    assert [problem.path for problem in problems] == ["object_type", "category", "priority"]
    assert (str(message.object_type), message.category) == ("0x1A", Raw(b"\x1a"))


def test_all_problems_inside_one_field_are_reported() -> None:
    message, problems = Codec().decode_lenient(changed(EVENT, {12: 0x99, 13: 0x0C, 38: 0x5A, 39: 0x42}))
    assert [(problem.offset, problem.path) for problem in problems] == [
        (12, "calling.sign"),
        (13, "calling.number"),
        (38, "time.day"),
        (39, "time.hour"),
    ]
    assert Codec().encode(message) == changed(EVENT, {12: 0x99, 13: 0x0C, 38: 0x5A, 39: 0x42})


# --- odd octets that are kept


def test_a_number_whose_count_and_digits_disagree_is_kept_raw() -> None:
    message, _ = Codec().decode_lenient(changed(ADD_OBJECT, {14: 0x0C}))
    assert isinstance(message, AddObject)
    assert message.number == Raw(bytes.fromhex("0C3738550501F1FFFFFF"))


@pytest.mark.parametrize(
    ("unit", "octets", "path", "value"),
    [
        pytest.param("CC01210200000000FF020401", {8: 0x00}, "reserve", 0x00, id="reserve"),
        pytest.param("CC01210200000000FF020401", {9: 0x01}, "version", 0x01, id="version"),
        pytest.param("CC01210200000000FF020401", {10: 0x05}, "alarm_type", 0x05, id="alarm type"),
        pytest.param("CC01040431323334353601010101", {12: 0x20}, "ksl_a", Ksl(1, 0), id="KSL 0"),
        pytest.param(
            "CC015303FFFFFFFFFFFFFFFF070101", {5: 0}, "header_filler", b"\xff\0" + b"\xff" * 6, id="53h"
        ),
    ],
)
def test_odd_octets_are_kept_and_flagged(unit: str, octets: dict[int, int], path: str, value: object) -> None:
    spoilt = changed(bytes.fromhex(unit), octets)
    message, problems = Codec().decode_lenient(spoilt)
    assert getattr(message, path) == value
    assert [problem.path for problem in problems] == [path]
    assert Codec().encode(message) == spoilt


def test_a_text_that_is_not_ascii_is_kept() -> None:
    unit = Codec().encode(TrunkInfo(2, "Связь".encode("cp1251").decode("latin-1")))
    message, problems = Codec().decode_lenient(unit)
    assert isinstance(message, TrunkInfo)
    assert message.name.encode("latin-1").decode("cp1251") == "Связь"
    assert [(problem.path, problem.offset) for problem in problems] == [("name", 12)]


def test_a_password_may_hold_any_octets() -> None:
    unit = b"\xcc\x01\x03\x06" + bytes(range(0xFA, 0x100)) + b"\xff" * 6
    message = Codec().decode(unit)
    assert message == SetPassword("\xff" * 6, password="\xfa\xfb\xfc\xfd\xfe\xff")
    assert Codec().encode(message) == unit


def test_rows_after_an_unused_row_are_kept() -> None:
    empty = KslRow(None, None, None, None)
    message = KslInfo((empty, KslRow(1, GroupType.COMBINED, Ksl(0, 1), None)))
    assert Codec().decode(Codec().encode(message)) == message


# --- spellings that are accepted on receipt


@pytest.mark.parametrize(
    ("sent", "unit", "path", "value"),
    [
        pytest.param(
            Options(),
            "CC010513313233343536050003FF00FFFFFFFFFFFFFFFFFF020002FF02",
            "number",
            "",
            id="count 00h of an absent number",
        ),
        pytest.param(
            Options(service_code_position="first"),
            SERVICE_USED.hex(),
            "service",
            0x21,
            id="service code in the other place",
        ),
        pytest.param(
            Options(zero_digit="A"),
            ADD_OBJECT.hex(),
            "number",
            "73835550101",
            id="zero as 0h where Ah is chosen",
        ),
        pytest.param(
            Options(m25_length="fixed45"),
            "CC01251200000000FF02010B3738550501F1FFFFFF02FFFF21FFFF42",
            "services",
            (0x21, 0x42),
            id="25h in the other length",
        ),
    ],
)
def test_accepted_spellings_are_flagged_and_kept(sent: Options, unit: str, path: str, value: object) -> None:
    octets = bytes.fromhex(unit)
    codec = Codec(sent)
    message, problems = codec.decode_lenient(octets)
    assert getattr(message, path) == value
    assert [(problem.path, problem.accepted) for problem in problems] == [(path, True)]
    assert codec.decode(octets) == message
    assert codec.encode(codec.decode(octets)) == octets
    assert codec.encode(message) == octets


def test_a_kept_value_is_written_as_it_came_even_by_another_codec() -> None:
    message, _ = Codec(Options(service_code_position="first")).decode_lenient(SERVICE_USED)
    assert isinstance(message, ServiceUsed)
    assert isinstance(message.service, KeptInt)
    assert Codec().encode(message) == SERVICE_USED


@pytest.mark.parametrize(
    ("options", "unit"),
    [
        (Options(service_code_position="first"), SERVICE_USED),
        (Options(zero_digit="A"), ADD_OBJECT),
        (
            Options(m25_length="fixed45"),
            bytes.fromhex("CC01251200000000FF02010B3738550501F1FFFFFF02FFFF21FFFF42"),
        ),
    ],
)
def test_kept_values_survive_copies(options: Options, unit: bytes) -> None:
    codec = Codec(options)
    message = codec.decode(unit)
    for copied in (copy.deepcopy(message), pickle.loads(pickle.dumps(message)), replace(message)):  # noqa: S301
        assert copied == message
        assert codec.encode(copied) == unit
    assert asdict(message)["orm_number"] == 1


def test_zeros_are_sent_as_the_option_says() -> None:
    message = Codec().decode(ADD_OBJECT)
    assert Codec(Options(zero_digit="A")).encode(message)[15:24].hex() == "373855a5a1f1ffffff"
    with pytest.raises(DecodeError):
        Codec().decode(Codec(Options(zero_digit="A")).encode(message))


def test_extra_digits_are_an_option() -> None:
    unit = Codec(Options(extra_digits=True)).encode(GetServices(NumberSign.OWN, "*21#"))
    assert unit[11:15].hex() == "04" + "2b" + "c1" + "ff"
    assert Codec(Options(extra_digits=True)).decode(unit) == GetServices(NumberSign.OWN, "*21#")
    message, problems = Codec().decode_lenient(unit)
    assert isinstance(message, GetServices)
    assert isinstance(message.number, Raw)
    assert problems[0].path == "number"


# --- units that no declaration fits


def test_an_unknown_code_is_kept_with_the_channel_asked_for() -> None:
    unit = bytes.fromhex("CC011F02313233343536AABB")
    message, problems = Codec().decode_lenient(unit)
    assert message == UnknownUnit(0x1F, unit, Channel.COMMAND)
    assert [problem.path for problem in problems] == ["code"]
    assert Codec().encode(message) == unit
    asked, _ = Codec().decode_lenient(unit, Channel.KPD1)
    assert asked == UnknownUnit(0x1F, unit, Channel.KPD1)


def test_a_wrong_length_of_a_known_code_is_an_unknown_unit() -> None:
    unit = bytes.fromhex("CC010B03313233343536FFFFFFFF")
    message, problems = Codec().decode_lenient(unit)
    assert message == UnknownUnit(0x0B, unit, Channel.COMMAND)
    assert [(problem.offset, problem.path) for problem in problems] == [(3, "length"), (13, "")]
    assert "length 3 is not allowed for get-ksl: 4" in problems[0].message
    assert Codec().encode(message) == unit


def test_more_services_announced_than_sent() -> None:
    unit = bytes.fromhex("CC01250F00000000FF02010B3738550501F1FFFFFF02FFFF21")
    message, problems = Codec().decode_lenient(unit)
    assert isinstance(message, ServicesInfo)
    assert message.services == Raw(bytes.fromhex("02FFFF21"))
    assert problems[0].path == "services"
    assert Codec().encode(message) == unit


# --- order 70


def test_order_70_has_its_own_signs_and_version() -> None:
    codec = Codec(Options(order="70"))
    unit = codec.encode(GetServices(NumberSign.ZONE, "2833100"))
    assert unit[10] == 0x03
    assert codec.decode(unit) == GetServices(NumberSign.ZONE, "2833100")
    sent = codec.encode(CommandReceived(5, 0, version=codec.options.version))
    assert sent[8:10] == b"\xff\xff"
    assert codec.decode_lenient(sent)[1] == ()
    with pytest.raises(EncodeError) as caught:
        codec.encode(GetServices(NumberSign.RUSSIA, "73835550101"))
    assert caught.value.path == "number_sign"
    assert "zone" in caught.value.allowed


def test_order_70_ends_at_command_15_and_message_9() -> None:
    known = set(classes("70"))
    assert known == {*range(0x01, 0x10), *range(0x21, 0x2A), 0x41, 0x42, 0x43, 0x44, 0x51, 0x52, 0x53}
    codec = Codec(Options(order="70"))
    unit = Codec().encode(GetVersion())
    message, problems = codec.decode_lenient(unit)
    assert message == UnknownUnit(0x11, unit, Channel.COMMAND)
    assert "order 70" in problems[0].message
    with pytest.raises(EncodeError):
        codec.encode(GetVersion())
