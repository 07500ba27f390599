"""Single fields, octet by octet."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_type_hints

import construct
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    Answer,
    Codec,
    ConnectKsl,
    DecodeError,
    ElectronicMessage,
    EncodeError,
    GetObjects,
    KeptInt,
    KeptStr,
    KeptTuple,
    Ksl,
    NumberSign,
    ObjectInfo,
    ObjectType,
    Options,
    Party,
    Raw,
    Release,
    ServicesInfo,
    Time,
    digits_asked,
)
from protocol.codes import NUMBER_SIGNS
from protocol.composite import Digits, PartyOctets, ServiceEntries, ServiceOctets, TimeOctets
from protocol.forms import Form, IntegerForm
from protocol.jsonform import from_json, to_json
from protocol.messages import MESSAGES, caption, payload_lengths, wires
from protocol.render import render
from protocol.wire import Coded, KslOctet, Octet, RefusedError, Text, Undeclared, Wire, Word

EVERY_WIRE = {
    type(wire): wire
    for cls in MESSAGES
    for wire in wires(cls, Options(zero_digit="A", extra_digits=True)).values()
}


@pytest.mark.parametrize("wire", EVERY_WIRE.values(), ids=lambda wire: type(wire).__name__)
def test_every_kind_of_field_keeps_any_octets(wire: Wire) -> None:
    size = wire.sizeof() if wire.items else 46

    @given(st.binary(min_size=size, max_size=size) | st.just(b"\xff" * size) | st.just(bytes(size)))
    def check(octets: bytes) -> None:
        value, complaint = wire.read(octets)
        assert wire.write(value) == octets
        if complaint is not None:
            assert 0 <= complaint.offset <= size

    check()


def test_a_field_means_the_same_in_every_message() -> None:
    for cls in MESSAGES:
        for name, hint in get_type_hints(cls, include_extras=True).items():
            if name in wires(cls, Options()):
                assert hint.__metadata__[-1] == caption(name), (cls, name)


def test_a_wire_or_a_form_that_lacks_a_method_cannot_be_made() -> None:
    class OddForm(IntegerForm):
        from_script = Form.from_script

    class OddWire(Octet):
        strategy = Wire.strategy

    with pytest.raises(TypeError, match=r"abstract method.* from_script"):
        OddForm(0xFF, nullable=False)
    with pytest.raises(TypeError, match=r"abstract method.* strategy"):
        OddWire()


def test_a_field_without_a_value_is_shown_with_what_that_means() -> None:
    assert wires(GetObjects, Options())["trunk"].show(None, "en") == ("-", "not given")
    assert wires(Answer, Options())["operation"].show(None, "en") == ("-", "statistical control")
    assert wires(Release, Options())["operation"].show(None, "ru") == ("-", "не задано")


@pytest.mark.parametrize("wire", EVERY_WIRE.values(), ids=lambda wire: type(wire).__name__)
def test_every_declared_value_survives(wire: Wire) -> None:
    @given(wire.strategy())
    def check(value: object) -> None:
        assert wire.read(wire.write(value)) == (value, None)
        assert all(row.value for row in wire.rows("caption", value, "ru"))
        document = json.loads(json.dumps(wire.form.to_json(value)))
        assert wire.form.from_json("field", document, {}) == value

    assert wire.values

    check()


@pytest.mark.parametrize(
    ("digits", "octets"),
    [
        ("73835550101", "0B 37 38 55 05 01 F1 FF FF FF"),
        ("7383555", "07 37 38 55 F5 FF FF FF FF FF"),
        ("123456789012345678", "12 21 43 65 87 09 21 43 65 87"),
        (None, "FF FF FF FF FF FF FF FF FF FF"),
        ("", "00 FF FF FF FF FF FF FF FF FF"),
    ],
)
def test_digits(digits: str | None, octets: str) -> None:
    assert Digits().write(digits) == bytes.fromhex(octets)
    assert Digits().read(bytes.fromhex(octets))[0] == digits


def test_zero_as_a_is_read_in_both_spellings() -> None:
    wire = Digits(zero="A")
    assert wire.write("100").hex() == "03a1faffffffffffffff"
    assert wire.read(bytes.fromhex("03A1FAFFFFFFFFFFFFFF")) == ("100", None)
    mixed, complaint = wire.read(bytes.fromhex("0301FAFFFFFFFFFFFFFF"))
    assert mixed == "100"
    assert isinstance(mixed, KeptStr)
    assert complaint is not None
    assert complaint.accepted
    assert wire.write(mixed).hex() == "0301faffffffffffffff"


@pytest.mark.parametrize(
    ("octet", "line"), [(0x01, Ksl(0, 1)), (0x23, Ksl(1, 3)), (0xFC, Ksl(7, 28)), (0xFF, None)]
)
def test_ksl(octet: int, line: Ksl | None) -> None:
    assert KslOctet().read(bytes((octet,))) == (line, None)
    assert KslOctet().write(line) == bytes((octet,))


def test_time_has_tens_in_the_low_half() -> None:
    assert TimeOctets().write(Time(15, 9, 30, 5)).hex() == "51900350"
    assert TimeOctets().read(bytes.fromhex("51900350")) == (Time(15, 9, 30, 5), None)
    assert TimeOctets().read(b"\xff\xff\xff\xff") == (None, None)


def test_a_time_partly_given_is_raw() -> None:
    value, complaint = TimeOctets().read(bytes.fromhex("FF900350"))
    assert value == Raw(bytes.fromhex("FF900350"))
    assert complaint is not None
    assert complaint.path == "day"


def test_words_in_both_orders() -> None:
    assert Word("little").write(258) == b"\x02\x01"
    assert Word("big").write(258) == b"\x01\x02"
    assert Word("big").read(b"\xff\xff") == (None, None)
    assert Word("big", absent=False).read(b"\xff\xff") == (0xFFFF, None)


def test_a_party_is_sign_and_number() -> None:
    wire = PartyOctets(NUMBER_SIGNS["70"])
    octets = wire.write(Party(NumberSign.ZONE, "28331"))
    assert octets.hex() == "03058233f1" + "ff" * 6
    assert wire.read(octets) == (Party(NumberSign.ZONE, "28331"), None)


@pytest.mark.parametrize(("position", "octets"), [("third", "ffff21"), ("first", "21ffff")])
def test_a_service_code_is_read_in_either_place(position: str, octets: str) -> None:
    assert ServiceOctets(position).write(0x21).hex() == octets
    for written in ("ffff21", "21ffff", "ff21ff"):
        value, complaint = ServiceOctets(position).read(bytes.fromhex(written))
        assert value == 0x21
        assert (complaint is None) == (written == octets)
        assert isinstance(value, KeptInt) == (written != octets)


def test_25h_is_as_long_as_its_services_need_or_padded() -> None:
    variable = ServiceEntries("third", fixed=False)
    assert [len(variable.write((0x21,) * count)) for count in (0, 1, 2, 11)] == [34, 4, 7, 34]
    assert variable.write(()) == b"\x00" + b"\xff" * 33
    wire = ServiceEntries("third", fixed=True)
    assert [len(wire.write((0x21,) * count)) for count in (0, 1, 2, 11)] == [34] * 4
    for one in (variable, wire):
        with pytest.raises(RefusedError, match="at most 11 services"):
            one.write((0x21,) * 12)
    plain = ServiceEntries("third", fixed=False).write((0x21,))
    kept, _ = wire.read(plain)
    assert isinstance(kept, KeptTuple)
    assert kept == (0x21,)
    assert wire.write(kept) == plain


@pytest.mark.parametrize("options", [Options(), Options(m25_length="fixed45")])
@pytest.mark.parametrize("count", [12, 81])
def test_more_services_than_the_order_has_in_a_message_are_read_and_kept(
    options: Options, count: int
) -> None:
    head = bytes.fromhex("01000100FF02010B3738550501F1FFFFFF")
    unit = bytes((0xCC, 1, 0x25, 12 + 3 * count)) + head + bytes((count,)) + b"\xff\xff\x21" * count
    codec = Codec(options)
    message, problems = codec.decode_lenient(unit)
    assert isinstance(message, ServicesInfo)
    assert message.services == (0x21,) * count
    assert [(problem.path, problem.accepted) for problem in problems] == [("services", True)]
    assert f"{count} services" in problems[0].message
    assert codec.decode(unit) == message
    assert codec.encode(message) == unit
    assert codec.encode(from_json(to_json(message, unit))) == unit  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [193, 202])
def test_a_text_longer_than_the_order_has_it_is_read_and_kept(size: int) -> None:
    unit = bytes((0xCC, 1, 0x2C, 53 + size)) + bytes.fromhex("01000100FF02020102") + b"\xff" * 11 + b"\x15"
    unit += b"\xff" * 38 + b"x" * size
    message, problems = Codec().decode_lenient(unit)
    assert isinstance(message, ElectronicMessage)
    assert message.text == b"x" * size
    assert [(problem.path, problem.accepted) for problem in problems] == [("text", True)]
    assert problems[0].offset == len(unit) - size + 192
    assert Codec().encode(Codec().decode(unit)) == unit
    assert Codec().encode(from_json(to_json(message, unit))) == unit  # type: ignore[arg-type]
    with pytest.raises(EncodeError):
        Codec().encode(replace(message, text=bytes(message.text)))


@pytest.mark.parametrize("zero", ["0", "A"])
def test_command_10_asks_for_a_count_of_digits_or_for_digits_alone(zero: str) -> None:
    codec = Codec(Options(zero_digit=zero))  # type: ignore[arg-type]
    for count in (1, 18):
        asked = Raw(bytes((count,)) + b"\xff" * 9)
        unit = codec.encode(GetObjects(None, None, None, asked, None))
        message, problems = codec.decode_lenient(unit)
        assert isinstance(message, GetObjects)
        assert (digits_asked(message.number), problems) == (count, ())
        assert (
            codec.encode(ObjectInfo(None, None, None, message.number, None, None, None, None, 0xFF))[14:24]
            == asked
        )
        assert f"count of digits {count}" in "\n".join(render(message))
    uncounted = codec.encode(GetObjects(None, None, None, Raw(b"\xff\x82\x33\xf1" + b"\xff" * 6), None))
    message, problems = codec.decode_lenient(uncounted)
    assert isinstance(message, GetObjects)
    assert (message.number, problems) == ("28331", ())
    assert isinstance(message.number, KeptStr)
    assert codec.encode(message) == codec.encode(codec.decode(uncounted)) == uncounted


@pytest.mark.parametrize(
    "number", [None, "", "28331", Raw(b"\x13" + b"\xff" * 9), Raw(b"\x00" + b"\xff" * 9)]
)
def test_what_is_no_count_of_digits(number: object) -> None:
    assert digits_asked(number) is None


def test_a_count_without_digits_is_refused_where_an_object_is_put_on() -> None:
    unit = bytes.fromhex("CC0105133132333435360201010108") + b"\xff" * 11 + b"\x01\x01\x02"
    with pytest.raises(DecodeError) as caught:
        Codec().decode(unit)
    assert caught.value.path == "number"


def test_group_0_is_none_of_the_order() -> None:
    unit = Codec().encode(ConnectKsl(1, ObjectType.TRUNK, 1, 0))
    message, problems = Codec().decode_lenient(unit)
    assert isinstance(message, ConnectKsl)
    assert message.ksl_group == 0
    assert [(problem.path, problem.accepted) for problem in problems] == [("ksl_group", False)]


def test_51h_says_that_no_line_was_to_be_had() -> None:
    unit = bytes.fromhex(
        "CC0151243412010201021C00010B3738550501F1FFFFFF010B3738550502F2FFFFFFFFFFFFFF519003020201FFFFFFFF"
    )
    assert Codec().decode_lenient(unit)[1] == ()
    assert "no free KSL in the group" in "\n".join(render(Codec().decode(unit)))


def test_a_text_fills_its_field() -> None:
    assert Text(4).write("ab") == b"ab\xff\xff"
    assert Text(4).write("abcd") == b"abcd"
    with pytest.raises(RefusedError, match="at most 4"):
        Text(4).write("abcde")


def test_raw_prints_as_hex() -> None:
    assert str(Raw(b"\x1a\x0b")) == "0x1A0B"
    assert repr(Raw(b"\x1a")) == "Raw(b'\\x1a')"
    with pytest.raises(RefusedError, match="exactly 1"):
        KslOctet().write(Raw(b"ab"))


def test_a_field_is_a_construct_of_its_own() -> None:
    pair = construct.Struct("line" / KslOctet(), "type" / Coded({1: "one"}, what="type"), "rest" / Octet())
    assert dict(pair.parse(b"\x23\x01\x07", _=None)) | {"_io": None} == {
        "line": Ksl(1, 3),
        "type": "one",
        "rest": 7,
        "_io": None,
    }
    assert pair.build({"line": None, "type": "one", "rest": 7}) == b"\xff\x01\x07"
    with pytest.raises(Undeclared, match="type 02h is not one of one, none"):
        pair.parse(b"\x23\x02\x07")


@pytest.mark.parametrize(
    ("name", "lengths"),
    [("add-object", {19}), ("get-ksl", {4}), ("alarm", {2}), ("ksl-info", {45}), ("number-received", {36})],
)
def test_lengths_follow_from_the_declarations(name: str, lengths: set[int]) -> None:
    (cls,) = [cls for cls in MESSAGES if cls.message_name == name]
    assert payload_lengths(cls, Options()) == lengths


def test_lengths_of_units_that_vary() -> None:
    by_code = {cls.code: payload_lengths(cls, Options()) for cls in MESSAGES}
    assert by_code[0x25] == {12 + 3 * count for count in range(1, 82)} | {45}
    assert by_code[0x2C] == set(range(53, 256))
    assert by_code[0x53] == {3}
